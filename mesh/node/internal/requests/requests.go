// Package requests sends the access messages that the owner of a node and its
// parts want sent, and repeats them until they are answered (Mesh Protocol 1.1,
// section 3.7.4.2).
//
//	Add ──▶ waiting ──▶ active: attempt, wait, attempt, ... ──▶ Done
//	        one at a time for a destination; a few at a time in all
package requests

import (
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

// Waits for an answer. DefaultAttempts and these give a node about twenty seconds.
// The first repeats come within the six seconds in which a model takes the same
// transaction identifier for the same transaction.
//
// Over nineteen hops that each lose every fifth advertisement an attempt fails in
// three cases of ten, and an answer that does come is there in 400 ms. So the
// number of attempts counts, not the length of a wait. The longest wait keeps the
// repeats of all active requests below what a radio sends in a second.
const (
	firstWait   = 600 * time.Millisecond
	longestWait = 2 * time.Second
)

// maxActive bounds the requests that wait for an answer at once, so that repeats
// do not queue up behind each other on the radio.
const maxActive = 24

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

// Outcomes is told of the end of each request that has been sent and wants an answer.
// asked is when it was sent first. A request that was cancelled counts as not answered
// if it had been sent often enough.
type Outcomes interface {
	RequestEnded(dst mesh.Address, asked time.Time, answered bool)
}

// pending is a request that has not ended.
type pending struct {
	part.Request
	id       part.RequestID
	active   bool
	started  time.Time
	attempts int
	wait     time.Duration
	deadline time.Time        // next attempt, or giving up
	segments transport.Handle // while a segmented message is on its way
	asleep   bool             // waits in a Friend Queue
}

// Requests is the part of a node that has its requests.
type Requests struct {
	part.None
	host   part.Host
	sender Sender
	queue  FriendQueue
	all    []*pending
	busy   map[mesh.Address]bool // room for start
	last   part.RequestID
	to     Outcomes // nil: nobody asks
}

var _ part.Flusher = (*Requests)(nil)

// New makes the part.
func New(h part.Host, s Sender, q FriendQueue) *Requests {
	return &Requests{host: h, sender: s, queue: q, busy: map[mesh.Address]bool{}}
}

// Tell names who is told of the ends of requests.
func (r *Requests) Tell(to Outcomes) { r.to = to }

// Inputs implements part.Part.
func (r *Requests) Inputs() part.Inputs { return part.Message | part.Delivery }

// Input implements part.Part.
func (r *Requests) Input(in *part.Input) bool {
	switch in.Kind {
	case part.Message:
		r.match(in.Message)
	case part.Delivery:
		return r.delivered(in.Delivery)
	}
	return false
}

// Add queues an access message. Its end is passed to Done, or reported as
// RequestDone: an unacknowledged message ends when it was sent, an acknowledged
// one with its response or with ErrNoResponse. There is one request at a time for
// a destination, in the order of the calls.
func (r *Requests) Add(q part.Request) (part.RequestID, error) {
	if !r.host.State().IsProvisioned() {
		return 0, part.ErrNotProvisioned
	}
	if len(r.all) >= part.MaxQueued {
		return 0, part.ErrQueueFull
	}
	if q.Attempts == 0 {
		q.Attempts = part.DefaultAttempts
	}
	r.last++
	r.all = append(r.all, &pending{Request: q, id: r.last})
	r.host.Wake(r)
	return r.last, nil
}

// Last makes the present attempt of a request its last one.
func (r *Requests) Last(id part.RequestID) {
	if p := r.find(id); p != nil {
		p.Attempts = p.attempts
	}
}

// Cancel ends a request that nobody waits for any more.
func (r *Requests) Cancel(id part.RequestID) {
	if p := r.find(id); p != nil {
		r.finish(p, part.Response{}, part.ErrCancelled)
	}
}

// Pending is how many requests have not ended.
func (r *Requests) Pending() int { return len(r.all) }

// IVIndexChanged implements ivupdate.Follower: requests wait for an IV index that
// is not known.
func (r *Requests) IVIndexChanged() { r.host.Wake(r) }

// LeftNetwork implements part.Part.
func (r *Requests) LeftNetwork() error {
	for _, p := range slices.Clone(r.all) {
		r.finish(p, part.Response{}, part.ErrNotProvisioned)
	}
	return nil
}

func (r *Requests) find(id part.RequestID) *pending {
	for _, p := range r.all {
		if p.id == id {
			return p
		}
	}
	return nil
}

// Flush implements part.Flusher. It sends what may be sent: the first request of
// each destination, as long as not too many wait for an answer.
func (r *Requests) Flush() {
	if r.host.State().IVIndexUnknown {
		return // they wait
	}
	active, waiting := 0, 0
	for _, p := range r.all {
		switch {
		case !p.active:
			waiting++
		case !p.asleep:
			active++
		}
	}
	if waiting == 0 || active >= maxActive {
		return
	}
	clear(r.busy)
	for _, p := range r.all {
		if p.active {
			r.busy[p.Dst] = true
		}
	}
	// Attempting may end a request at once, hence the copy.
	for _, p := range slices.Clone(r.all) {
		if active >= maxActive {
			return
		}
		if p.active || r.busy[p.Dst] {
			continue
		}
		p.active = true
		p.started = r.host.Now()
		p.wait = firstWait
		if p.Wait > 0 {
			p.wait = p.Wait
		}
		r.busy[p.Dst] = true
		r.attempt(p)
		if !p.asleep {
			active++
		}
	}
}

// attempt sends the request once more.
func (r *Requests) attempt(p *pending) {
	if r.waitsForPoll(p) {
		return
	}
	p.attempts++
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
		p.segments = handle
		p.deadline = time.Time{}
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
	p.deadline = r.host.Now().Add(r.sender.Backlog() + p.wait + r.host.Jitter(0, p.wait/4))
	p.wait = min(p.wait+p.wait/2, longestWait)
}

// waitsForPoll reports whether a request waits in a Friend Queue. Its time to be
// answered begins when it has been delivered.
func (r *Requests) waitsForPoll(p *pending) bool {
	p.asleep = r.queue.Waits(p.id)
	if p.asleep {
		p.deadline = r.host.Now().Add(r.queue.PollTimeout(p.Dst) + time.Second)
	}
	return p.asleep
}

// PolledFor is called when the Friend has sent a request from its queue to the Low
// Power node.
func (r *Requests) PolledFor(id part.RequestID) {
	if p := r.find(id); p != nil && p.active {
		p.asleep = false
		r.await(p)
	}
}

// QueueGone is called when a Friend Queue may have been dropped.
func (r *Requests) QueueGone() {
	for _, p := range r.all {
		if p.asleep {
			p.deadline = r.host.Now()
		}
	}
}

// delivered follows a segmented message that belongs to a request.
func (r *Requests) delivered(d *transport.Delivery) bool {
	i := slices.IndexFunc(r.all, func(p *pending) bool { return p.active && p.segments == d.Message })
	r.host.Wake(r)
	if i < 0 {
		return false
	}
	p := r.all[i]
	p.segments = 0
	switch {
	case d.Result.Success() && p.Respond == 0:
		r.finish(p, part.Response{}, nil)
	case d.Result.Success():
		r.await(p)
	case errors.Is(d.Err, sequence.ErrSpent):
		r.finish(p, part.Response{}, d.Err)
	case p.Respond == 0 && p.attempts >= p.Attempts:
		r.finish(p, part.Response{}, fmt.Errorf("%w: %s", part.ErrNotSent, d.Result))
	default:
		// The response may still come: the node can have got everything while
		// its acknowledgments were lost.
		p.deadline = r.host.Now().Add(r.host.Jitter(0, p.wait))
	}
	return true
}

// match ends the request that a message answers.
func (r *Requests) match(m *part.AccessMessage) {
	for _, p := range r.all {
		if !p.active || p.Dst != m.Src || p.Respond != m.Opcode || p.Key.Device != m.Key.Device {
			continue
		}
		if p.Accept != nil && !p.Accept(m.Params) {
			continue
		}
		r.finish(p, part.Response{Src: m.Src, Opcode: m.Opcode, Params: slices.Clone(m.Params)}, nil)
		return
	}
}

// Tick implements part.Part: it repeats or ends what is due.
func (r *Requests) Tick() {
	now := r.host.Now()
	for _, p := range slices.Clone(r.all) {
		if !p.active || !deadline.Due(p.deadline, now) {
			continue
		}
		if p.attempts < p.Attempts {
			r.attempt(p)
			continue
		}
		r.finish(p, part.Response{}, fmt.Errorf("%w: %s, %d attempts in %s", part.ErrNoResponse, p.Dst, p.attempts,
			now.Sub(p.started).Round(time.Millisecond)))
	}
}

// NextDeadline implements part.Part.
func (r *Requests) NextDeadline() time.Time {
	var next time.Time
	for _, p := range r.all {
		if p.active {
			next = deadline.Earliest(next, p.deadline)
		}
	}
	return next
}

// finish removes a request from the list and reports its end.
func (r *Requests) finish(p *pending, response part.Response, err error) {
	r.all = slices.DeleteFunc(r.all, func(other *pending) bool { return other == p })
	r.host.Wake(r)
	r.queue.Withdraw(p.id)
	if p.segments != 0 {
		r.sender.Cancel(p.segments)
	}
	response.Attempts = p.attempts
	if p.active {
		response.RTT = r.host.Now().Sub(p.started)
	}
	r.tell(p, err)
	if p.Done != nil {
		p.Done(response, err)
		return
	}
	r.host.Report(part.RequestDone{ID: p.id, Response: response, Err: err})
}

// tell passes the outcome of a request on, if it shows whether the node is reached.
func (r *Requests) tell(p *pending, err error) {
	const often = 4 // attempts: seven seconds
	switch {
	case r.to == nil || !p.active || p.asleep:
	case err == nil && p.Respond != 0:
		r.to.RequestEnded(p.Dst, p.started, true)
	case errors.Is(err, part.ErrNoResponse), errors.Is(err, part.ErrNotSent), errors.Is(err, part.ErrCancelled) && p.attempts >= often:
		r.to.RequestEnded(p.Dst, p.started, false)
	}
}
