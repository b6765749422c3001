package proxy

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
)

// Times of a client, which the specification leaves open.
const (
	// gather is how long after the first sighting the client waits for better
	// proxies.
	gather = time.Second
	// connectTimeout is how long connecting may take, including discovery of
	// the service.
	connectTimeout = 5 * time.Second
	// statusTimeout is how long the answer to a configuration message may take,
	// and statusTries is how often a message is sent. A server drops a message
	// that was overtaken by another message of this node on the advertising
	// bearer (replay protection), so one loss means little.
	statusTimeout = 1500 * time.Millisecond
	statusTries   = 3
	// setupTries is how often the setup of a filter is repeated if the result
	// is wrong.
	setupTries = 3
	// keepInterval is the time between two checks whether the proxy still
	// answers and still has the filter.
	keepInterval = 30 * time.Second
	// stable is how long a connection has to last not to count as a failure.
	stable = time.Minute
)

// FilterState is the filter that a client needs.
type FilterState struct {
	Type FilterType
	// Addresses of the list, with those of the node's own elements first. The
	// first one must be the address of the primary element, for both types of
	// lists.
	Addresses []mesh.Address
}

func (w FilterState) equal(v FilterState) bool {
	return w.Type == v.Type && slices.Equal(w.Addresses, v.Addresses)
}

// ClientOutput is what a client wants done, in this order.
type ClientOutput struct {
	Disconnect []bearer.LinkID
	Connect    []Connect
	Configure  []Configure
}

// Connect requests a connection to a proxy.
type Connect struct {
	ID bearer.LinkID
	Candidate
}

// Configure requests that a proxy configuration message be encrypted and sent.
type Configure struct {
	ID      bearer.LinkID
	NetKey  mesh.KeyIndex
	Message Message
}

// Reset empties the output and keeps its memory.
func (o *ClientOutput) Reset() {
	o.Disconnect, o.Connect, o.Configure = o.Disconnect[:0], o.Connect[:0], o.Configure[:0]
}

// ClientCounters counts what a client has done.
type ClientCounters struct {
	Connects   uint64 // attempts
	Failures   uint64 // attempts that failed
	Lost       uint64 // connections that ended by themselves, or because the proxy did not answer
	Mismatches uint64 // filter statuses that differed from the request
}

// Client finds the proxies of this node's subnets, keeps connections to the
// best of them, and keeps their filters as required. It belongs to one
// goroutine. It handles the answers to its configuration messages, but no other
// PDUs on the connections.
type Client struct {
	most   int
	nextID func() bearer.LinkID

	now        time.Time // time of the last input
	on         bool
	wish       FilterState
	candidates candidates
	links      []*clientLink
	gathering  time.Time
	alone      time.Time // since when it is enabled, or its last connection ended
	counters   ClientCounters
}

// NewClient makes a client that keeps a number of connections at once (1 if
// zero); nextID returns their identifiers. It is disabled at first.
func NewClient(connections int, nextID func() bearer.LinkID) *Client {
	return &Client{most: max(connections, 1), nextID: nextID}
}

// Counters returns the current counters.
func (c *Client) Counters() ClientCounters { return c.counters }

// Sighted records a sighting of a proxy.
func (c *Client) Sighted(now time.Time, s Candidate, out *ClientOutput) {
	if len(c.candidates) == 0 {
		c.gathering = now.Add(gather)
	}
	c.candidates.see(now, s)
	c.fill(now, out)
	if s.Preferred {
		c.makeRoom(now, out)
	}
}

// makeRoom ends a connection in favour of a preferred proxy, of which there is
// one at a time.
func (c *Client) makeRoom(now time.Time, out *ClientOutput) {
	d := c.best(now)
	if !c.on || d == nil || !d.Preferred || d.failures > 0 || len(c.links) < c.most ||
		slices.ContainsFunc(c.links, func(l *clientLink) bool { return l.phase == ending }) {
		return
	}
	c.links[len(c.links)-1].end(out)
}

// Enable sets whether connections are wanted.
func (c *Client) Enable(now time.Time, on bool, out *ClientOutput) {
	c.on = on
	c.alone = now
	if on {
		c.fill(now, out)
		return
	}
	for _, l := range c.links {
		l.end(out)
	}
}

// Enabled reports whether connections are wanted.
func (c *Client) Enabled() bool { return c.on }

// SetFilter sets the required filter. Connections with another one are
// reconfigured.
func (c *Client) SetFilter(now time.Time, w FilterState, out *ClientOutput) {
	if c.wish.equal(w) {
		return
	}
	c.wish = FilterState{w.Type, slices.Clone(w.Addresses)}
	for _, l := range c.links {
		if l.phase != connecting && l.phase != ending {
			l.setUp(now, c.wish, out)
		}
	}
}

// Retain drops the proxies of subnets that are not in keep.
func (c *Client) Retain(keep func(mesh.KeyIndex) bool, out *ClientOutput) {
	c.candidates = slices.DeleteFunc(c.candidates, func(d *candidate) bool { return !keep(d.NetKey) })
	for _, l := range c.links {
		if !keep(l.to.NetKey) {
			l.end(out)
		}
	}
}

// Opened reports that a connection was established.
func (c *Client) Opened(now time.Time, id bearer.LinkID, out *ClientOutput) {
	if l := c.link(id); l != nil && l.phase == connecting {
		l.opened = now
		l.setUp(now, c.wish, out)
	}
}

// Closed reports that a connection has ended or failed.
func (c *Client) Closed(now time.Time, id bearer.LinkID, out *ClientOutput) {
	l := c.link(id)
	if l == nil {
		return
	}
	c.links = slices.DeleteFunc(c.links, func(o *clientLink) bool { return o == l })
	c.alone = now
	c.account(now, l)
	c.fill(now, out)
}

// account counts the end of a connection against its proxy, unless this node
// ended it.
func (c *Client) account(now time.Time, l *clientLink) {
	d := c.candidates.find(l.to.Peer)
	switch {
	case l.phase == ending && !l.failed:
		return
	case l.opened.IsZero():
		c.counters.Failures++
	default:
		c.counters.Lost++
		if d != nil && now.Sub(l.opened) > stable {
			d.failures = 0
		}
	}
	if d != nil {
		d.fail(now)
	}
}

// Receive handles an authentic proxy configuration message from a server, whose
// source identifies the node.
func (c *Client) Receive(now time.Time, id bearer.LinkID, src mesh.Address, m Message, out *ClientOutput) {
	l := c.link(id)
	status, ok := m.(FilterStatus)
	if l == nil || !ok || l.phase == connecting || l.phase == ending {
		return
	}
	if d := c.candidates.find(l.to.Peer); d != nil {
		d.proven, d.Node = true, src
	}
	if other := c.linkedTo(src); other != nil && other != l {
		l.end(out) // a node may advertise with several device addresses
		return
	}
	l.to.Node = src
	if !l.answered(now, status, out) {
		c.counters.Mismatches++
		l.repair(now, c.wish, out)
	}
}

// Exclude excludes an unusable proxy for as long as possible: it is the node
// itself.
func (c *Client) Exclude(now time.Time, id bearer.LinkID, out *ClientOutput) {
	l := c.link(id)
	if l == nil {
		return
	}
	if d := c.candidates.find(l.to.Peer); d != nil {
		d.failures = useless
	}
	l.fail(now, out)
}

// WithoutProxySince returns since when there is no proxy to connect to, or from when on if
// none is sighted again. It returns false while there is a connection or an
// attempt, or none is wanted.
func (c *Client) WithoutProxySince() (since time.Time, ok bool) {
	if !c.on || len(c.links) > 0 {
		return time.Time{}, false
	}
	since = c.alone
	for _, d := range c.candidates {
		if d.failures < doubtful && !d.seen.IsZero() {
			since = deadline.Latest(since, d.seen.Add(fresh))
		}
	}
	return since, true
}

// Ready reports whether a connection has the required filter.
func (c *Client) Ready(id bearer.LinkID) bool {
	l := c.link(id)
	return l != nil && l.phase == keeping
}

// NextDeadline is when Tick has to be called, zero for never.
func (c *Client) NextDeadline() time.Time {
	var next time.Time
	for _, l := range c.links {
		next = deadline.Earliest(next, l.deadline)
	}
	if !c.on || len(c.links) >= c.most {
		return next
	}
	for _, d := range c.candidates {
		at, end := deadline.Latest(d.notBefore, c.gathering), d.seen.Add(fresh)
		if c.now.Before(end) && at.Before(end) && !c.has(d) {
			next = deadline.Earliest(next, deadline.Latest(at, c.now))
		}
	}
	return next
}

// Tick does what is due.
func (c *Client) Tick(now time.Time, out *ClientOutput) {
	for _, l := range c.links {
		if !l.deadline.IsZero() && !now.Before(l.deadline) {
			l.tick(now, out)
		}
	}
	// A connection that should have ended and was not reported closed is
	// dropped.
	for _, l := range slices.Clone(c.links) {
		if l.phase == gone {
			c.Closed(now, l.id, out)
		}
	}
	c.fill(now, out)
}

// fill begins as many connections as are missing.
func (c *Client) fill(now time.Time, out *ClientOutput) {
	c.now = now
	for c.on && len(c.links) < c.most {
		d := c.best(now)
		if d == nil {
			return
		}
		l := &clientLink{id: c.nextID(), to: d.Candidate, deadline: now.Add(connectTimeout)}
		c.links = append(c.links, l)
		c.counters.Connects++
		out.Connect = append(out.Connect, Connect{l.id, l.to})
	}
}

// best returns the proxy to connect to now, nil if there is none. A subnet
// without a connection comes first.
func (c *Client) best(now time.Time) *candidate {
	if now.Before(c.gathering) {
		return nil
	}
	var best *candidate
	var covered bool
	for _, d := range c.candidates {
		if now.Before(d.notBefore) || now.Sub(d.seen) >= fresh || c.has(d) {
			continue
		}
		has := slices.ContainsFunc(c.links, func(l *clientLink) bool { return l.to.NetKey == d.NetKey })
		if best == nil || covered && !has || covered == has && d.score() > best.score() {
			best, covered = d, has
		}
	}
	return best
}

func (c *Client) link(id bearer.LinkID) *clientLink {
	for _, l := range c.links {
		if l.id == id {
			return l
		}
	}
	return nil
}

// has reports whether there is a connection to a proxy already, with any device
// address.
func (c *Client) has(d *candidate) bool {
	return c.linkedTo(d.Node) != nil ||
		slices.ContainsFunc(c.links, func(l *clientLink) bool { return l.to.Peer == d.Peer })
}

// linkedTo returns the connection to a node, nil if there is none or its node
// is unknown.
func (c *Client) linkedTo(node mesh.Address) *clientLink {
	for _, l := range c.links {
		if l.to.Node == node && node != mesh.Unassigned {
			return l
		}
	}
	return nil
}
