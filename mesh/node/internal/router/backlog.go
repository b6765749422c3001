package router

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// backlog is what the radio still has to send for this node. The radio sends PDUs of
// several lanes at the same time, those of one lane one after the other, and one to a
// group alone (bearer.Lane):
//
//	to node 1   ▓▓▓▓ ▓▓▓▓ ▓▓▓▓
//	to node 2   ▓▓▓▓
//	to a group                 ▓▓▓▓
//	to node 1                       ▓▓▓▓
//
// What else the radio does is not counted, and what it had no room for is.
type backlog struct {
	till   time.Time // when all of it will have been sent
	alone  time.Time // when the last one to a group will have been sent
	queues []queue   // of the lanes that have something to send
}

// queue is what waits in one lane.
type queue struct {
	lane bearer.Lane
	till time.Time // when it will have been sent
}

// add adds a PDU.
func (b *backlog) add(now time.Time, lane bearer.Lane, pace bearer.Pace, t bearer.Transmit) {
	if b.till.Before(now) {
		b.till = now
	}
	air, share := pace.Airtime(t), pace.Share(t)
	if lane == bearer.GroupLane() {
		for _, q := range b.queues {
			b.till = later(b.till, q.till)
		}
		b.till = b.till.Add(air)
		b.alone, b.queues = b.till, b.queues[:0]
		return
	}
	b.queues = slices.DeleteFunc(b.queues, func(q queue) bool { return !q.till.After(now) })
	from := later(now, b.alone)
	i := slices.IndexFunc(b.queues, func(q queue) bool { return q.lane == lane })
	if i < 0 {
		i = len(b.queues)
		b.queues = append(b.queues, queue{lane: lane})
	} else {
		from = b.queues[i].till
	}
	b.queues[i].till = from.Add(air)
	b.till = later(b.till, from).Add(share)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
