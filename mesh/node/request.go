package node

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Request is an access message to another node. With a Response opcode it is
// acknowledged: it is sent again, the same octets and so the same transaction
// identifier, until the response comes (section 3.7.4.2).
type Request struct {
	Dst     mesh.Address
	NetKey  mesh.KeyIndex // for a device key; an AppKey knows its own
	Key     transport.Key // an AppKey, or the device key of the destination's node
	TTL     mesh.TTL      // mesh.DefaultTTL: the node's
	Payload []byte        // opcode and parameters, 1 to 380 octets
	Respond mesh.Opcode   // opcode of the response, 0 for none
	// Accept tells whether a message with that opcode is the response to this
	// request; nil takes any. The node's goroutine calls it.
	Accept func(params []byte) bool
	// Attempts is how often to send at most; 0 means DefaultAttempts.
	Attempts int
	// Wait is how long the first attempt waits for the response; 0 for what a
	// node needs that answers at once.
	Wait time.Duration
	// done is told of the end instead of a RequestDone, for what the node asks
	// on its own account.
	done func(Response, error)
}

// DefaultAttempts and the waits between them give a node about twenty seconds
// to answer. The first repeats come within the six seconds in which a model
// takes the same transaction identifier for the same transaction.
//
// Over nineteen hops that each lose every fifth advertisement an attempt fails
// in three cases of ten, and the answer that does come is there in 400 ms: so
// what counts is the number of attempts, not the length of a wait. The longest
// wait keeps the repeats of all requests that wait for an answer below what a
// radio sends in a second.
const (
	DefaultAttempts = 12
	firstWait       = 600 * time.Millisecond
	longestWait     = 2 * time.Second
)

// maxActive bounds the requests that wait for an answer at once, so that
// repeats do not queue up behind each other on the radio. maxQueued bounds what
// waits behind them.
const (
	maxActive = 24
	maxQueued = 4096
)

// RequestID names a request until its RequestDone.
type RequestID uint64

// Response is how a request ended.
type Response struct {
	Src      mesh.Address
	Opcode   mesh.Opcode
	Params   []byte // belongs to the receiver
	Attempts int
	RTT      time.Duration // from the first attempt to the response
}

// Errors that end a request.
var (
	ErrNoResponse = errors.New("node: the node did not answer")
	ErrQueueFull  = fmt.Errorf("node: %d messages are waiting to be sent already", maxQueued)
	ErrCancelled  = errors.New("node: the request was cancelled")
	ErrNotSent    = errors.New("node: the message was not acknowledged in full by the node")
)

// pending is a request that has not ended.
type pending struct {
	Request
	id       RequestID
	active   bool
	started  time.Time
	attempts int
	wait     time.Duration
	deadline time.Time        // next attempt, or giving up
	segments transport.Handle // while a segmented message is on its way
	asleep   bool             // waits in a Friend Queue
}

// Request queues an access message. Its end is reported as RequestDone: an
// unacknowledged message ends when it was sent, an acknowledged one with its
// response or with ErrNoResponse. There is one request at a time for a
// destination, in the order of the calls.
func (c *Core) Request(now time.Time, r Request) (RequestID, error) {
	c.begin(now)
	id, err := c.enqueue(r)
	c.collectTransport(0)
	return id, err
}

// enqueue is Request for what the node asks on its own account, in the middle of
// an input.
func (c *Core) enqueue(r Request) (RequestID, error) {
	if !c.state.IsProvisioned() {
		return 0, ErrNotProvisioned
	}
	if len(c.requests) >= maxQueued {
		return 0, ErrQueueFull
	}
	if r.Attempts == 0 {
		r.Attempts = DefaultAttempts
	}
	c.lastRequest++
	id := c.lastRequest
	c.requests = append(c.requests, &pending{Request: r, id: id})
	c.startRequests()
	return id, nil
}

// hurry lets a request end that nobody waits for any more, when its next attempt
// would be due.
func (c *Core) hurry(id RequestID) {
	for _, p := range c.requests {
		if p.id == id {
			p.Attempts = p.attempts
		}
	}
}

// CancelRequest ends a request that nobody waits for any more.
func (c *Core) CancelRequest(now time.Time, id RequestID) {
	c.begin(now)
	for _, p := range c.requests {
		if p.id == id {
			c.finish(p, Response{}, ErrCancelled)
			break
		}
	}
	c.startRequests()
	c.collectTransport(0)
}

// startRequests sends what may be sent: the first request of each destination,
// as long as not too many wait for an answer.
func (c *Core) startRequests() {
	if c.state.IVIndexUnknown {
		return // they wait
	}
	active := 0
	clear(c.busy)
	for _, p := range c.requests {
		if p.active {
			c.busy[p.Dst] = true
		}
		if p.active && !p.asleep {
			active++
		}
	}
	// Attempting may end a request at once, hence the copy.
	for _, p := range slices.Clone(c.requests) {
		if active >= maxActive {
			return
		}
		if p.active || c.busy[p.Dst] {
			continue
		}
		p.active = true
		p.started = c.now
		p.wait = firstWait
		if p.Wait > 0 {
			p.wait = p.Wait
		}
		c.busy[p.Dst] = true
		c.attempt(p)
		if !p.asleep {
			active++
		}
	}
}

// attempt sends the request once more.
func (c *Core) attempt(p *pending) {
	if c.waitsForPoll(p) {
		return
	}
	p.attempts++
	net := p.NetKey
	if key := c.state.AppKey(p.Key.App); key != nil && !p.Key.IsDevice() {
		net = key.NetKey
	}
	handle, err := c.send(outgoing{
		src:    c.state.Address,
		dst:    p.Dst,
		netKey: net,
		key:    p.Key,
		ttl:    p.TTL,

		request: p.draft(),
	}, p.Payload)
	switch {
	case err != nil:
		c.finish(p, Response{}, err)
	case handle != 0:
		// The transport repeats the segments; the wait begins when they have
		// arrived.
		p.segments = handle
		p.deadline = time.Time{}
	case p.Respond == 0:
		c.finish(p, Response{}, nil)
	case c.waitsForPoll(p):
	default:
		c.await(p)
	}
}

// await gives the node time to answer, half as much again with each attempt,
// from the moment on at which the radio has sent the question. Without that a
// scene of twenty lamps would repeat questions that still wait to be sent.
func (c *Core) await(p *pending) {
	p.deadline = c.now.Add(max(c.spoken.Sub(c.now), 0) + p.wait + c.jitter(0, p.wait/4))
	p.wait = min(p.wait+p.wait/2, longestWait)
}

// delivered follows a segmented message that belongs to a request.
func (c *Core) delivered(d transport.Delivery) {
	if c.told(d) {
		return
	}
	for _, p := range c.requests {
		if !p.active || p.segments != d.Message {
			continue
		}
		p.segments = 0
		switch {
		case d.Result.Success() && p.Respond == 0:
			c.finish(p, Response{}, nil)
		case d.Result.Success():
			c.await(p)
		case errors.Is(d.Err, ErrSequenceSpent):
			c.finish(p, Response{}, d.Err)
		case p.Respond == 0 && p.attempts >= p.Attempts:
			c.finish(p, Response{}, fmt.Errorf("%w: %s", ErrNotSent, d.Result))
		default:
			// The response may still come: the node can have got everything
			// while its acknowledgements were lost.
			p.deadline = c.now.Add(c.jitter(0, p.wait))
		}
		return
	}
}

// matchResponse ends the request that a message answers.
func (c *Core) matchResponse(m *transport.AccessMessage, op mesh.Opcode, params []byte) {
	for _, p := range c.requests {
		if !p.active || p.Dst != m.Src || p.Respond != op || p.Key.Device != m.Key.Device {
			continue
		}
		if p.Accept != nil && !p.Accept(params) {
			continue
		}
		c.finish(p, Response{Src: m.Src, Opcode: op, Params: slices.Clone(params)}, nil)
		c.startRequests()
		return
	}
}

// tickRequests repeats or ends what is due.
func (c *Core) tickRequests() {
	ended := false
	for _, p := range slices.Clone(c.requests) {
		if !p.active || !due(p.deadline, c.now) {
			continue
		}
		if p.attempts < p.Attempts {
			c.attempt(p)
			continue
		}
		c.finish(p, Response{}, fmt.Errorf("%w: %s, %d attempts in %s", ErrNoResponse, p.Dst, p.attempts,
			c.now.Sub(p.started).Round(time.Millisecond)))
		ended = true
	}
	if ended {
		c.startRequests()
	}
}

func (c *Core) requestDeadline() time.Time {
	var next time.Time
	for _, p := range c.requests {
		if p.active {
			next = earliest(next, p.deadline)
		}
	}
	return next
}

// finish takes a request off the list and reports its end.
func (c *Core) finish(p *pending, r Response, err error) {
	c.requests = slices.DeleteFunc(c.requests, func(other *pending) bool { return other == p })
	c.withdraw(p.id)
	if p.segments != 0 {
		c.transport.Cancel(c.now, p.segments, &c.lower)
	}
	r.Attempts = p.attempts
	if p.active {
		r.RTT = c.now.Sub(p.started)
	}
	if p.done != nil {
		p.done(r, err)
		return
	}
	c.report(RequestDone{ID: p.id, Response: r, Err: err})
}
