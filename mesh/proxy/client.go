package proxy

import (
	"errors"
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
	// roomPause is the time between two connections that are ended in favour of
	// another proxy, if that one can be used; otherwise twice as long each time.
	roomPause   = 20 * time.Second
	longestRoom = 5 * time.Minute
)

// Errors that end a connection to a proxy.
var (
	ErrConnect = errors.New("expected a connection within 5 s, got none")
	ErrStatus  = errors.New("expected a Filter Status within 4.5 s, got none: it does not have the key of the network, is at another IV index, or does not work")
	ErrFilter  = errors.New("expected the filter that was asked for, got another one three times")
	ErrItself  = errors.New("it is this node itself")
	ErrMute    = errors.New("devices that are reached through it have fallen silent together")
	ErrUnheard = errors.New("the radio did not report the end of the connection")
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
	Ended      []Ended
	// Known says that the list of Known has changed.
	Known bool
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

// Ended is the end of a connection, or of an attempt.
type Ended struct {
	ID bearer.LinkID
	Candidate
	// Proven says that the proxy has shown that it has the key.
	Proven bool
	// Reason is why it ended, nil if this node wanted it.
	Reason error
	// Failures is how often the proxy has failed in a row, and Wait how long it is
	// not tried again.
	Failures int
	Wait     time.Duration
}

// Reset empties the output and keeps its memory.
func (o *ClientOutput) Reset() {
	clear(o.Ended)
	*o = ClientOutput{Disconnect: o.Disconnect[:0], Connect: o.Connect[:0], Configure: o.Configure[:0], Ended: o.Ended[:0]}
}

// ClientCounters counts what a client has done.
type ClientCounters struct {
	Connects   uint64 // attempts
	Failures   uint64 // attempts that failed
	Lost       uint64 // connections that ended by themselves, or because the proxy did not answer
	Mismatches uint64 // filter statuses that differed from the request
	NoStatus   uint64 // proxies that never sent a Filter Status
	Mute       uint64 // proxies that were left because devices fell silent behind them
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
	known      knownProxies
	gathering  time.Time
	alone      time.Time   // since when it is enabled, or its last connection ended
	vain       int         // attempts that failed since a proxy proved that it has the key
	vainSince  time.Time   // when they became too many
	picks      [levels]int // attempts by level of trust
	roomMade   time.Time   // when a connection was last ended in favour of another
	room       int         // how often that was in vain
	random     uint32      // decides between equal candidates
	counters   ClientCounters
}

// NewClient makes a client that keeps a number of connections at once (1 if
// zero); nextID returns their identifiers. It is disabled at first.
func NewClient(connections int, nextID func() bearer.LinkID) *Client {
	return &Client{most: max(connections, 1), nextID: nextID}
}

// Counters returns the current counters.
func (c *Client) Counters() ClientCounters { return c.counters }

// Known lists the proxies that have proved to have the key, the last one first.
func (c *Client) Known() []Known { return c.known }

// SetKnown restores what Known returned before a restart.
func (c *Client) SetKnown(list []Known) { c.known = list }

// KnownAs tells whether a device address is that of a proxy that has proved to have
// the key.
func (c *Client) KnownAs(p bearer.Peer) (Known, bool) { return c.known.find(p) }

// Sighted records a sighting of a proxy.
func (c *Client) Sighted(now time.Time, s Candidate, out *ClientOutput) {
	if len(c.candidates) == 0 {
		c.gathering = now.Add(gather)
	}
	k, known := c.known.find(s.Peer)
	if known && k.NetKey == s.NetKey && s.Node == mesh.Unassigned {
		s.Node = k.Node
	}
	c.random = c.random*1664525 + 1013904223 // any sequence without a short period does
	c.candidates.see(now, s, known && k.NetKey == s.NetKey, int(c.random>>16))
	c.fill(now, out)
	c.makeRoom(now, out)
}

// makeRoom ends a connection in favour of a better proxy: a preferred one, of which
// there is one at a time, or any other than one that brings nothing. Anybody can
// repeat an advertisement, so it is not done again soon.
func (c *Client) makeRoom(now time.Time, out *ClientOutput) {
	pause := min(roomPause<<min(c.room, doubtful+1), longestRoom)
	if !c.on || len(c.links) < c.most || !c.roomMade.IsZero() && now.Before(c.roomMade.Add(pause)) ||
		slices.ContainsFunc(c.links, func(l *clientLink) bool { return l.phase == ending }) {
		return
	}
	d := c.best(now)
	if d == nil || d.mute || d.failures > 0 {
		return
	}
	at := slices.IndexFunc(c.links, func(l *clientLink) bool {
		to := c.candidates.find(l.to.Peer)
		return to != nil && to.mute && l.proven
	})
	switch {
	case at >= 0:
		c.links[at].mute(now, out)
	case d.Preferred:
		at = len(c.links) - 1
		c.links[at].end(out)
	default:
		return
	}
	c.roomMade = now
	c.room++
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
	if c.known.retain(keep) {
		out.Known = true
	}
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

// Closed reports that a connection has ended or failed, and why.
func (c *Client) Closed(now time.Time, id bearer.LinkID, cause error, out *ClientOutput) {
	l := c.link(id)
	if l == nil {
		return
	}
	c.links = slices.DeleteFunc(c.links, func(o *clientLink) bool { return o == l })
	c.alone = now
	if l.reason == nil && l.phase != ending {
		l.reason = cause
		if cause == nil {
			l.reason = ErrUnheard
		}
	}
	c.account(now, l, out)
	c.fill(now, out)
}

// account counts the end of a connection against its proxy, unless this node
// ended it.
func (c *Client) account(now time.Time, l *clientLink, out *ClientOutput) {
	d := c.candidates.find(l.to.Peer)
	end := Ended{ID: l.id, Candidate: l.to, Proven: l.proven, Reason: l.reason}
	switch {
	case l.reason == nil:
		out.Ended = append(out.Ended, end)
		return
	case l.opened.IsZero():
		c.counters.Failures++
	default:
		c.counters.Lost++
		if d != nil && !d.mute && now.Sub(l.opened) > stable {
			d.failures = 0
		}
	}
	if errors.Is(l.reason, ErrStatus) && !l.proven {
		c.counters.NoStatus++
	}
	if c.vain++; c.vain == doubtful {
		c.vainSince = now
	}
	if d != nil {
		d.fail(now, l.reason)
		if d.Former && d.failures >= useless && c.known.forget(d.Peer) {
			out.Known = true // it is in another network
		}
		end.Failures, end.Wait = d.failures, d.notBefore.Sub(now)
	}
	out.Ended = append(out.Ended, end)
}

// Receive handles an authentic proxy configuration message from a server, whose
// source identifies the node.
func (c *Client) Receive(now time.Time, id bearer.LinkID, src mesh.Address, m Message, out *ClientOutput) {
	l := c.link(id)
	status, ok := m.(FilterStatus)
	if l == nil || !ok || l.phase == connecting || l.phase == ending {
		return
	}
	other := c.linkedTo(src)
	c.proved(l, src, out)
	if other != nil && other != l {
		l.end(out) // a node may advertise with several device addresses
		return
	}
	l.to.Node = src
	if !l.answered(now, status, out) {
		c.counters.Mismatches++
		l.repair(now, c.wish, out)
	}
}

// proved notes that a proxy has shown that it has the key.
func (c *Client) proved(l *clientLink, src mesh.Address, out *ClientOutput) {
	l.proven = true
	c.vain = 0
	if l.to.Preferred {
		c.room = 0
	}
	if c.known.note(Known{Peer: l.to.Peer, NetKey: l.to.NetKey, Node: src}) {
		out.Known = true
	}
	if d := c.candidates.find(l.to.Peer); d != nil {
		d.proven, d.Node = true, src
	}
}

// Delivered notes that a proxy has brought a message of the network.
func (c *Client) Delivered(id bearer.LinkID) {
	if l := c.link(id); l != nil && !l.delivered {
		l.delivered = true
		if d := c.candidates.find(l.to.Peer); d != nil {
			d.mute = false
		}
	}
}

// Mute drops a proxy behind which devices have fallen silent together.
func (c *Client) Mute(now time.Time, id bearer.LinkID, out *ClientOutput) {
	l := c.link(id)
	if l == nil || l.phase == ending || l.phase == gone {
		return
	}
	c.counters.Mute++
	if d := c.candidates.find(l.to.Peer); d != nil {
		d.mute = true
	}
	l.mute(now, out)
}

// Exclude excludes an unusable proxy for as long as possible: it is the node
// itself.
func (c *Client) Exclude(now time.Time, id bearer.LinkID, out *ClientOutput) {
	l := c.link(id)
	if l == nil {
		return
	}
	if d := c.candidates.find(l.to.Peer); d != nil {
		d.excluded = true
	}
	l.fail(now, ErrItself, out)
}

// WithoutProxySince returns since when there is no proxy to connect to, or from when on if
// none is sighted again. It returns false while there is a connection or an
// attempt, or none is wanted. After some attempts that failed an attempt does not count
// any more, nor do the proxies in sight: they may all be false.
func (c *Client) WithoutProxySince() (since time.Time, ok bool) {
	vain := c.vain >= doubtful && !slices.ContainsFunc(c.links, func(l *clientLink) bool { return l.proven })
	switch {
	case !c.on || len(c.links) > 0 && !vain:
		return time.Time{}, false
	case vain:
		return c.vainSince, true
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
			c.Closed(now, l.id, nil, out)
		}
	}
	c.fill(now, out)
}

func (c *Client) link(id bearer.LinkID) *clientLink {
	for _, l := range c.links {
		if l.id == id {
			return l
		}
	}
	return nil
}
