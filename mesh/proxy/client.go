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
	// gather is how long after the first proxy was sighted others may show
	// that they are better.
	gather = time.Second
	// connectTimeout is how long making a connection may take, discovery of
	// the service included.
	connectTimeout = 5 * time.Second
	// statusTimeout is how long an answer to a configuration message takes at
	// most, and statusTries how often one is asked for. A server drops a
	// message that was overtaken by another of ours on the advertising bearer
	// (replay protection), so one that is lost says little.
	statusTimeout = 1500 * time.Millisecond
	statusTries   = 3
	// setupTries is how often a filter that came out wrong is set up again.
	setupTries = 3
	// keepInterval is between two questions whether the proxy still answers
	// and still has the filter.
	keepInterval = 30 * time.Second
	// stable is how long a connection lasts that was not a failure.
	stable = time.Minute
)

// Wish is the filter that a client wants to have.
type Wish struct {
	Type FilterType
	// Addresses of the list, those of the node's own elements first; the first
	// is that of the primary element, in whatever list.
	Addresses []mesh.Address
}

func (w Wish) equal(v Wish) bool { return w.Type == v.Type && slices.Equal(w.Addresses, v.Addresses) }

// ClientOutput is what a client wants done, in this order.
type ClientOutput struct {
	Disconnect []bearer.LinkID
	Connect    []Connect
	Configure  []Configure
}

// Connect asks for a connection to a proxy.
type Connect struct {
	ID bearer.LinkID
	Candidate
}

// Configure asks for a proxy configuration message to be sealed and sent.
type Configure struct {
	ID      bearer.LinkID
	NetKey  mesh.KeyIndex
	Message Message
}

// Reset empties the output and keeps its memory.
func (o *ClientOutput) Reset() {
	o.Disconnect, o.Connect, o.Configure = o.Disconnect[:0], o.Connect[:0], o.Configure[:0]
}

// ClientCounters counts what a client did.
type ClientCounters struct {
	Connects   uint64 // attempts
	Failures   uint64 // attempts that failed
	Lost       uint64 // connections that ended by themselves, or because the proxy fell silent
	Mismatches uint64 // filter statuses that said something else than was asked for
}

// Client finds the proxies of this node's subnets, keeps connections to the
// best of them, and keeps their filters as they are wished. It belongs to one
// goroutine. What goes over the connections is not its business, but the
// answers to what it configures.
type Client struct {
	most   int
	nextID func() bearer.LinkID

	now        time.Time // of the last input
	on         bool
	wish       Wish
	candidates candidates
	links      []*clientLink
	gathering  time.Time
	alone      time.Time // since when it is on, or its last connection ended
	counters   ClientCounters
}

// NewClient makes a client that keeps a number of connections at once (1 if
// zero); nextID names them. It is off.
func NewClient(connections int, nextID func() bearer.LinkID) *Client {
	return &Client{most: max(connections, 1), nextID: nextID}
}

// Counters of what was done so far.
func (c *Client) Counters() ClientCounters { return c.counters }

// Sight notes a proxy that was sighted.
func (c *Client) Sight(now time.Time, s Candidate, out *ClientOutput) {
	if len(c.candidates) == 0 {
		c.gathering = now.Add(gather)
	}
	c.candidates.see(now, s)
	c.fill(now, out)
	if s.Preferred {
		c.makeRoom(now, out)
	}
}

// makeRoom ends a connection for a preferred proxy, of which there is one at a
// time.
func (c *Client) makeRoom(now time.Time, out *ClientOutput) {
	d := c.best(now)
	if !c.on || d == nil || !d.Preferred || d.failures > 0 || len(c.links) < c.most ||
		slices.ContainsFunc(c.links, func(l *clientLink) bool { return l.phase == ending }) {
		return
	}
	c.links[len(c.links)-1].end(out)
}

// Enable says whether connections are wanted.
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

// SetWish says what filter is wanted; connections that have another one get it.
func (c *Client) SetWish(now time.Time, w Wish, out *ClientOutput) {
	if c.wish.equal(w) {
		return
	}
	c.wish = Wish{w.Type, slices.Clone(w.Addresses)}
	for _, l := range c.links {
		if l.phase != connecting && l.phase != ending {
			l.setUp(now, c.wish, out)
		}
	}
}

// Retain gives up the proxies of subnets that keep does not name.
func (c *Client) Retain(keep func(mesh.KeyIndex) bool, out *ClientOutput) {
	c.candidates = slices.DeleteFunc(c.candidates, func(d *candidate) bool { return !keep(d.NetKey) })
	for _, l := range c.links {
		if !keep(l.to.NetKey) {
			l.end(out)
		}
	}
}

// Opened says that a connection is there.
func (c *Client) Opened(now time.Time, id bearer.LinkID, out *ClientOutput) {
	if l := c.link(id); l != nil && l.phase == connecting {
		l.opened = now
		l.setUp(now, c.wish, out)
	}
}

// Closed says that a connection is gone, or was not made.
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

// account lets the proxy of a connection pay for its end, unless that was ours.
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

// Receive handles an authentic proxy configuration message of a server, whose
// source tells which node that is.
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
		l.end(out) // a node may advertise under several device addresses
		return
	}
	l.to.Node = src
	if !l.answered(now, status, out) {
		c.counters.Mismatches++
		l.repair(now, c.wish, out)
	}
}

// Refuse gives a proxy up that turned out to be of no use, for as long as
// possible: it is the node itself.
func (c *Client) Refuse(now time.Time, id bearer.LinkID, out *ClientOutput) {
	l := c.link(id)
	if l == nil {
		return
	}
	if d := c.candidates.find(l.to.Peer); d != nil {
		d.failures = useless
	}
	l.fail(now, out)
}

// Alone is the moment since when, or from when on if none is sighted again,
// there is no proxy to connect to. It reports false while there is a connection,
// or an attempt, or none is wanted.
func (c *Client) Alone() (since time.Time, ok bool) {
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

// Ready reports whether a connection's filter is as wished.
func (c *Client) Ready(id bearer.LinkID) bool {
	l := c.link(id)
	return l != nil && l.phase == keeping
}

// NextDeadline is when Tick wants to be called, zero for never.
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
	// A connection that was asked to end and did not say so is gone.
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

// best is the proxy to connect to now, nil when there is none. A subnet that
// has no connection comes first.
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

// has reports whether there is a connection to a proxy already, by whatever
// device address.
func (c *Client) has(d *candidate) bool {
	return c.linkedTo(d.Node) != nil ||
		slices.ContainsFunc(c.links, func(l *clientLink) bool { return l.to.Peer == d.Peer })
}

// linkedTo is the connection to a node; nil when there is none, or when it is
// not known which node it is.
func (c *Client) linkedTo(node mesh.Address) *clientLink {
	for _, l := range c.links {
		if l.to.Node == node && node != mesh.Unassigned {
			return l
		}
	}
	return nil
}
