// Package requests sends the access messages that the owner of a node and its
// parts want sent, and repeats them until they are answered (Mesh Protocol 1.1,
// section 3.7.4.2).
//
//	Add ─▶ destination ─▶ lane ─▶ in flight ─▶ answer ───────────▶ Done
//	       flows by class   ▲         │
//	                        └─────────┴─ no answer: again, or ───▶ Done
//
// Each destination, a node or a group, has its requests by class and flow
// (destination.go). One of them is in flight at a time; a command may overtake what
// is in flight for the bridge itself. Destinations with something to send stand in
// lanes, and whenever the radio has room the first of a lane gets its turn (lane.go):
//
//	commands ▸ configuration ▸ probes ▸ transfers, each to
//	    nodes that were heard ▸ nodes that were not asked before
//	then the same for silent nodes, few at a time
//
// A request that is not answered goes behind the others in its lane, so all first
// attempts come before the repeats. A node is silent from the second attempt that it
// does not answer until it is heard. It costs the others nothing but the few attempts
// that are in flight for all silent nodes together.
package requests

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/sequence"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Sender sends access messages.
type Sender interface {
	// Send returns a handle when the message is segmented.
	Send(o *part.Outgoing, payload []byte) (transport.Handle, error)
	// Cancel ends a segmented message.
	Cancel(h transport.Handle)
	// Backlog is how long the radio needs for what waits to be sent.
	Backlog() time.Duration
}

// FriendQueue is where messages for Low Power nodes wait.
type FriendQueue interface {
	// Waits reports whether the message of a request waits there.
	Waits(id part.RequestID) bool
	// Withdraw takes the message of a request out.
	Withdraw(id part.RequestID)
	// PollTimeout is how long the Low Power node may be silent.
	PollTimeout(a mesh.Address) time.Duration
}

// Nodes knows the nodes of the network.
type Nodes interface {
	// Primary is the address of the primary element of the node that has an
	// element with this address, or the address itself when no node is known.
	Primary(a mesh.Address) mesh.Address
	// Len is how many nodes there are.
	Len() int
}

// Requests is the part of a node that has its requests.
type Requests struct {
	part.None
	host   part.Host
	sender Sender
	queue  FriendQueue
	nodes  Nodes

	last     part.RequestID
	byID     map[part.RequestID]*pending
	segments map[transport.Handle]*pending // whose segments are on their way
	timers   timers
	waiting  [part.Classes]int // requests that are not in flight
	refused  uint64

	destinations map[mesh.Address]*destination // by primary element, or group
	lanes        lanes
	inFlight     [2]int    // awake: for nodes that may answer, for silent ones
	roomAt       time.Time // when the radio has room for what waits; zero: nothing waits for that

	to Outcomes // nil: nobody asks
}

var _ part.Flusher = (*Requests)(nil)

// New makes the part.
func New(h part.Host, s Sender, q FriendQueue, n Nodes) *Requests {
	return &Requests{
		host: h, sender: s, queue: q, nodes: n,
		byID: map[part.RequestID]*pending{}, segments: map[transport.Handle]*pending{},
		destinations: map[mesh.Address]*destination{},
	}
}

// Inputs implements part.Part.
func (r *Requests) Inputs() part.Inputs { return part.Message | part.Control | part.Delivery }

// Input implements part.Part.
func (r *Requests) Input(in *part.Input) bool {
	switch in.Kind {
	case part.Message:
		r.match(in.Message)
	case part.Control:
		if d := r.destinationOf(in.Control.Src); d != nil {
			r.heard(d)
		}
	case part.Delivery:
		return r.delivered(in.Delivery)
	}
	return false
}

// Add queues an access message. Its end is passed to Done, or reported as
// RequestDone: an unacknowledged message ends when it was sent, an acknowledged
// one with its response or with ErrNoResponse. Requests of one class and flow to a
// node are sent one after the other, in the order of the calls. A *part.BusyError
// says that too many wait already.
func (r *Requests) Add(q part.Request) (part.RequestID, error) {
	if !r.host.State().IsProvisioned() {
		return 0, part.ErrNotProvisioned
	}
	q.Class = min(q.Class, part.Classes-1)
	if q.Attempts == 0 {
		q.Attempts = part.DefaultAttempts
	}
	d, err := r.room(&q)
	if err != nil {
		r.refused++
		return 0, err
	}
	if q.Offline && !d.heard {
		d.misses = max(d.misses, silentAfter)
	}
	r.last++
	p := &pending{Request: q, id: r.last, of: d, index: notTimed}
	r.byID[p.id] = p
	r.waiting[q.Class]++
	d.waiting[q.Class].add(p)
	r.line(d)
	r.host.Wake(r)
	return p.id, nil
}

// room finds the destination of a request, or says that too many wait already.
func (r *Requests) room(q *part.Request) (*destination, error) {
	if n := r.waiting[q.Class]; n >= max(part.MaxQueued, part.QueuedPerNode*r.nodes.Len()) {
		return nil, &part.BusyError{Class: q.Class, Waiting: n}
	}
	address := r.nodes.Primary(q.Dst)
	d := r.destinations[address]
	if d == nil {
		d = &destination{address: address}
		r.destinations[address] = d
	}
	if n := d.waiting[q.Class].of(q.Flow); n >= part.MaxWaiting {
		return nil, &part.BusyError{Dst: q.Dst, Class: q.Class, Waiting: n}
	}
	return d, nil
}

// Last makes the present attempt of a request its last one.
func (r *Requests) Last(id part.RequestID) {
	p := r.byID[id]
	switch {
	case p == nil:
	case !p.inFlight && p.attempts > 0:
		r.finish(p, part.Response{}, r.noResponse(p))
	default:
		p.Attempts = p.attempts
	}
}

// Cancel ends a request that nobody waits for any more.
func (r *Requests) Cancel(id part.RequestID) {
	if p := r.byID[id]; p != nil {
		r.finish(p, part.Response{}, part.ErrCancelled)
	}
}

// Pending is how many requests have not ended.
func (r *Requests) Pending() int { return len(r.byID) }

// Queue describes the requests that have not ended.
func (r *Requests) Queue() part.RequestQueue {
	q := part.RequestQueue{
		Waiting: r.waiting, InFlight: r.inFlight[0] + r.inFlight[1], InFlightSilent: r.inFlight[1], Refused: r.refused,
	}
	for _, d := range r.destinations {
		if d.silent() {
			q.Silent++
		}
		if n := d.len(); n > q.BusiestWaiting || n == q.BusiestWaiting && n > 0 && d.address < q.Busiest {
			q.Busiest, q.BusiestWaiting = d.address, n
		}
	}
	return q
}

// IVIndexChanged implements ivupdate.Follower: requests wait for an IV index that
// is not known.
func (r *Requests) IVIndexChanged() { r.host.Wake(r) }

// LeftNetwork implements part.Part.
func (r *Requests) LeftNetwork() error {
	for _, p := range r.sorted() {
		r.finish(p, part.Response{}, part.ErrNotProvisioned)
	}
	clear(r.destinations) // other nodes may get the addresses
	return nil
}

// sorted lists all requests in the order of the calls.
func (r *Requests) sorted() []*pending {
	all := make([]*pending, 0, len(r.byID))
	for _, p := range r.byID {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *pending) int { return cmp.Compare(a.id, b.id) })
	return all
}

// Flush implements part.Flusher. It sends what may be sent.
func (r *Requests) Flush() {
	r.roomAt = time.Time{}
	if r.host.State().IVIndexUnknown {
		return // they wait
	}
	for {
		turn := r.lanes.next(r.inFlight)
		if turn.lane == nil {
			return
		}
		if over := r.sender.Backlog() - turn.backlog; over > 0 {
			r.roomAt = r.host.Now().Add(over)
			return
		}
		r.start(r.lanes.take(turn), turn.class)
	}
}

// start sends the next request of a class to a destination, for the first time or
// again.
func (r *Requests) start(d *destination, c part.Class) {
	p := d.waiting[c].take()
	r.waiting[c]--
	p.inFlight, p.silent = true, d.silent()
	r.count(p, 1)
	if p.attempts == 0 {
		p.begin(r.host.Now(), d)
		d.open = append(d.open, p)
	}
	r.attempt(p)
	r.line(d)
}

// count changes the number of requests in flight.
func (r *Requests) count(p *pending, by int) {
	if p.silent {
		r.inFlight[1] += by
	} else {
		r.inFlight[0] += by
	}
}

// attempt sends the request once more.
func (r *Requests) attempt(p *pending) {
	if r.waitsForPoll(p) {
		return
	}
	p.attempts++
	p.sent = r.host.Now()
	n := r.host.State()
	net := p.NetKey
	if key := n.AppKey(p.Key.App); key != nil && !p.Key.IsDevice() {
		net = key.NetKey
	}
	out := part.Outgoing{
		Src: n.Address, Dst: p.Dst,
		NetKey: net, Key: p.Key, TTL: p.TTL,
	}
	if p.Respond != 0 {
		out.Request = p.id // in a Friend Queue; what is not answered has ended by then
	}
	handle, err := r.sender.Send(&out, p.Payload)
	switch {
	case err != nil:
		r.finish(p, part.Response{}, err)
	case handle != 0:
		// The transport layer repeats the segments. The wait begins when they
		// have arrived.
		p.handle = handle
		r.segments[handle] = p
		r.setTimer(p, time.Time{})
	case p.Respond == 0:
		r.finish(p, part.Response{}, nil)
	case r.waitsForPoll(p):
	default:
		r.await(p)
	}
}

// await gives the node time to answer, half as much again with each attempt. The
// time begins when the radio will have sent the request. Otherwise a scene of
// twenty lamps would repeat requests that still wait to be sent.
func (r *Requests) await(p *pending) {
	r.setTimer(p, r.host.Now().Add(r.sender.Backlog()+p.wait+r.host.Jitter(0, p.wait/4)))
	p.wait = longer(p.wait)
}

// delivered follows a segmented message that belongs to a request.
func (r *Requests) delivered(d *transport.Delivery) bool {
	p := r.segments[d.Message]
	r.host.Wake(r)
	if p == nil {
		return false
	}
	delete(r.segments, d.Message)
	p.handle = 0
	p.expires = p.expires.Add(r.host.Now().Sub(p.sent)) // the transport layer had that time
	switch {
	case d.Result.Success() && p.Respond == 0:
		r.heard(p.of) // it has acknowledged the segments
		r.finish(p, part.Response{}, nil)
	case d.Result.Success():
		r.heard(p.of)
		r.await(p)
	case errors.Is(d.Err, sequence.ErrSpent):
		r.finish(p, part.Response{}, d.Err)
	case p.Respond == 0 && p.attempts >= p.Attempts:
		r.missed(p.of)
		r.finish(p, part.Response{}, fmt.Errorf("%w: %s", part.ErrNotSent, d.Result))
	default:
		// The response may still come: the node can have got everything while
		// its acknowledgments were lost.
		r.setTimer(p, r.host.Now().Add(r.host.Jitter(0, p.wait)))
	}
	r.line(p.of)
	return true
}

// destinationOf is the destination that has an address, nil when there is none.
func (r *Requests) destinationOf(a mesh.Address) *destination {
	if len(r.destinations) == 0 {
		return nil
	}
	if d := r.destinations[r.nodes.Primary(a)]; d != nil {
		return d
	}
	return r.destinations[a] // it was asked before its node was known
}

// match ends the request that a message answers.
func (r *Requests) match(m *part.AccessMessage) {
	d := r.destinationOf(m.Src)
	if d == nil {
		return
	}
	r.heard(d)
	// What is in flight comes before what has to wait for its next attempt.
	for _, inFlight := range []bool{true, false} {
		for _, p := range d.open {
			if p.inFlight == inFlight && p.answeredBy(m) {
				r.finish(p, part.Response{Src: m.Src, Opcode: m.Opcode, Params: slices.Clone(m.Params)}, nil)
				return
			}
		}
	}
}

// Tick implements part.Part: it repeats or ends what is due.
func (r *Requests) Tick() {
	now := r.host.Now()
	if deadline.Due(r.roomAt, now) {
		r.host.Wake(r)
	}
	for len(r.timers) > 0 && deadline.Due(r.timers[0].deadline, now) {
		p := r.timers[0]
		r.setTimer(p, time.Time{})
		switch {
		case p.inFlight:
			r.missed(p.of)
		case !r.expired(p):
			r.setTimer(p, now.Add(longestWait)) // its turn will come
			continue
		}
		if p.attempts >= p.Attempts || r.expired(p) {
			r.finish(p, part.Response{}, r.noResponse(p))
			continue
		}
		r.setAside(p)
	}
}

// expired reports whether a request has had its time, while so many nodes are silent
// that they wait for each other. Where they wait for the radio only, it goes on.
func (r *Requests) expired(p *pending) bool {
	return p.attempts >= fewestAttempts && !r.host.Now().Before(p.expires) && r.inFlight[1] >= maxSilent
}

// setAside lets a request that was not answered wait for its next attempt.
func (r *Requests) setAside(p *pending) {
	if !p.asleep {
		r.count(p, -1)
	}
	p.inFlight, p.asleep = false, false
	p.of.waiting[p.Class].putBack(p)
	r.waiting[p.Class]++
	if p.attempts >= fewestAttempts {
		r.setTimer(p, deadline.Latest(p.expires, r.host.Now().Add(longestWait)))
	}
	r.line(p.of)
	r.host.Wake(r)
}

func (r *Requests) noResponse(p *pending) error {
	return fmt.Errorf("%w: %s, %d attempts in %s", part.ErrNoResponse, p.Dst, p.attempts,
		r.host.Now().Sub(p.started).Round(time.Millisecond))
}

// NextDeadline implements part.Part.
func (r *Requests) NextDeadline() time.Time {
	if len(r.timers) == 0 {
		return r.roomAt
	}
	return deadline.Earliest(r.roomAt, r.timers[0].deadline)
}

// setTimer sets the deadline of a request, zero for none.
func (r *Requests) setTimer(p *pending, at time.Time) {
	p.deadline = at
	switch {
	case at.IsZero() && p.index != notTimed:
		heap.Remove(&r.timers, p.index)
	case at.IsZero():
	case p.index == notTimed:
		heap.Push(&r.timers, p)
	default:
		heap.Fix(&r.timers, p.index)
	}
}

// finish removes a request and reports its end.
func (r *Requests) finish(p *pending, response part.Response, err error) {
	d := p.of
	delete(r.byID, p.id)
	r.setTimer(p, time.Time{})
	switch {
	case !p.inFlight:
		d.waiting[p.Class].remove(p)
		r.waiting[p.Class]--
	case !p.asleep:
		r.count(p, -1)
	}
	d.open = slices.DeleteFunc(d.open, func(other *pending) bool { return other == p })
	if !p.Ignorable && (errors.Is(err, part.ErrNoResponse) || errors.Is(err, part.ErrNotSent)) {
		d.failed = true
	}
	r.line(d)
	if d.idle() && r.destinations[d.address] == d {
		delete(r.destinations, d.address)
	}
	r.host.Wake(r)
	r.queue.Withdraw(p.id)
	if p.handle != 0 {
		delete(r.segments, p.handle)
		r.sender.Cancel(p.handle)
	}
	response.Attempts = p.attempts
	if p.attempts > 0 || p.inFlight {
		response.RTT = r.host.Now().Sub(p.started)
	}
	r.tell(p, err)
	if p.Done != nil {
		p.Done(response, err)
		return
	}
	r.host.Report(part.RequestDone{ID: p.id, Response: response, Err: err})
}
