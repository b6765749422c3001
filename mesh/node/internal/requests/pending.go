package requests

import (
	"time"

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

// longer is the wait after a wait.
func longer(wait time.Duration) time.Duration { return min(wait+wait/2, longestWait) }

// fewestAttempts is how many attempts a request gets, however long its turn takes.
const fewestAttempts = 2

// notTimed is the index of a request without a deadline.
const notTimed = -1

// pending is a request that has not ended.
type pending struct {
	part.Request
	id       part.RequestID
	of       *destination
	inFlight bool // else it waits for its turn
	silent   bool // it is in flight for a node that was silent
	asleep   bool // it waits in a Friend Queue
	dead     bool // its node was taken for dead when it began, so it gets one attempt
	started  time.Time
	sent     time.Time // the last attempt
	attempts int
	wait     time.Duration // for the answer to the next attempt
	expires  time.Time
	deadline time.Time // in flight: of the answer; else of its turn
	index    int       // in timers
	handle   transport.Handle
}

// begin prepares the first attempt. A node that is taken for dead gets one attempt. In
// the middle of a procedure it gets all: it may be silent because it restarts, or has
// another key.
func (p *pending) begin(now time.Time, d *destination) {
	p.started = now
	p.wait = firstWait
	if p.Wait > 0 {
		p.wait = p.Wait
	}
	if d.dead() && (p.Class == part.ClassCommand || p.Class == part.ClassProbe) {
		p.Attempts, p.dead = min(p.Attempts, 1), true
	}
	p.expires = now.Add(patience(p.wait, p.Attempts))
}

// patience is the time that all attempts take on a radio that is free. While many
// nodes are silent the attempts come less often, and the request ends in time anyway.
func patience(wait time.Duration, attempts int) time.Duration {
	var sum time.Duration
	for range attempts {
		sum += wait + wait/4
		wait = longer(wait)
	}
	return sum
}

// answeredBy reports whether a message is the response.
func (p *pending) answeredBy(m *part.AccessMessage) bool {
	return p.Dst == m.Src && p.Respond == m.Opcode && p.Key.Device == m.Key.Device &&
		(p.Accept == nil || p.Accept(m.Params))
}

// resembles reports whether a response could be taken for that of the other request.
func (p *pending) resembles(other *pending) bool {
	return p.Dst == other.Dst && p.Respond == other.Respond && p.Key.Device == other.Key.Device
}

// timers is a heap of requests by deadline, for container/heap.
type timers []*pending

// Len implements heap.Interface.
func (t timers) Len() int { return len(t) }

// Less implements heap.Interface. Equal deadlines are served in the order of the calls.
func (t timers) Less(i, j int) bool {
	if c := t[i].deadline.Compare(t[j].deadline); c != 0 {
		return c < 0
	}
	return t[i].id < t[j].id
}

// Swap implements heap.Interface.
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

// Push implements heap.Interface.
func (t *timers) Push(x any) {
	p := x.(*pending)
	p.index = len(*t)
	*t = append(*t, p)
}

// Pop implements heap.Interface.
func (t *timers) Pop() any {
	last := len(*t) - 1
	p := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	p.index = notTimed
	return p
}
