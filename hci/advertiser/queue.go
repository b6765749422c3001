package advertiser

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"

// queue holds the PDUs that wait, by lane, in a fixed number of nodes.
//
// Lanes are of several kinds (bearer.Lane.Kind). Each kind has room of its own,
// and kinds take turns, and so do the lanes of a kind. So a flood of messages to
// relay neither fills nor delays the queue of what this node has to say.
type queue struct {
	nodes []node
	free  int32
	lanes map[bearer.Lane]*lane
	spare []*lane
	kinds [bearer.LaneKinds]kindQueue
	turn  int
}

const none = int32(-1)

// node is a PDU that waits or is on the air.
type node struct {
	out      bearer.Outgoing
	attempts uint8
	next     int32
}

// lane is a PDU list. It exists while it has PDUs or is busy.
type lane struct {
	id          bearer.Lane
	first, last int32
	busy        bool  // a PDU of it is on the air
	next        *lane // of its kind, in turn
}

// kindQueue is the lanes of one kind that have something to send and are not
// busy, in turn.
type kindQueue struct {
	room        int
	first, last *lane
}

// newQueue makes room for perKind PDUs of each kind, with those on the air.
func newQueue(perKind int) *queue {
	q := &queue{nodes: make([]node, perKind*bearer.LaneKinds), lanes: make(map[bearer.Lane]*lane)}
	for i := range q.nodes {
		q.nodes[i].next = int32(i) + 1
	}
	q.nodes[len(q.nodes)-1].next = none
	for i := range q.kinds {
		q.kinds[i].room = perKind
	}
	return q
}

func (q *queue) kind(id bearer.Lane) *kindQueue {
	return &q.kinds[id.Kind()]
}

// push adds a PDU to the end of its lane, or returns false if there is no room.
func (q *queue) push(o *bearer.Outgoing) bool {
	k := q.kind(o.Lane)
	if k.room == 0 {
		return false
	}
	k.room--
	i := q.free
	n := &q.nodes[i]
	q.free = n.next
	n.out, n.attempts, n.next = *o, 0, none
	l := q.lane(o.Lane)
	if l.first == none {
		l.first, l.last = i, i
		q.ready(l)
	} else {
		q.nodes[l.last].next = i
		l.last = i
	}
	return true
}

// pop takes the next PDU whose turn it is, or none. Its lane is busy until
// done or putBack.
func (q *queue) pop() int32 {
	for range q.kinds {
		k := &q.kinds[q.turn]
		q.turn = (q.turn + 1) % bearer.LaneKinds
		l := k.first
		if l == nil {
			continue
		}
		k.first = l.next
		if k.first == nil {
			k.last = nil
		}
		l.next = nil
		l.busy = true
		i := l.first
		l.first = q.nodes[i].next
		q.nodes[i].next = none
		return i
	}
	return none
}

// waiting tells whether there is something to pop.
func (q *queue) waiting() bool {
	for i := range q.kinds {
		if q.kinds[i].first != nil {
			return true
		}
	}
	return false
}

// done frees a PDU that was taken by pop; its lane's next may go.
func (q *queue) done(i int32) {
	l := q.lanes[q.nodes[i].out.Lane]
	q.release(i)
	l.busy = false
	q.settle(l)
}

// putBack returns a PDU that was taken by pop to the head of its lane.
func (q *queue) putBack(i int32) {
	l := q.lanes[q.nodes[i].out.Lane]
	q.nodes[i].next = l.first
	if l.first == none {
		l.last = i
	}
	l.first = i
	l.busy = false
	q.ready(l)
}

// cancel frees all PDUs of a lane that wait and returns how many.
func (q *queue) cancel(id bearer.Lane) int {
	l := q.lanes[id]
	if l == nil {
		return 0
	}
	if !l.busy {
		q.unready(l)
	}
	n := 0
	for i := l.first; i != none; n++ {
		next := q.nodes[i].next
		q.release(i)
		i = next
	}
	l.first, l.last = none, none
	if !l.busy {
		q.forget(l)
	}
	return n
}

// lane finds or makes a lane.
func (q *queue) lane(id bearer.Lane) *lane {
	l := q.lanes[id]
	if l != nil {
		return l
	}
	if n := len(q.spare); n > 0 {
		l = q.spare[n-1]
		q.spare = q.spare[:n-1]
	} else {
		l = new(lane)
	}
	*l = lane{id: id, first: none, last: none}
	q.lanes[id] = l
	return l
}

func (q *queue) forget(l *lane) {
	delete(q.lanes, l.id)
	q.spare = append(q.spare, l)
}

// settle lets a lane that is no longer busy wait for its turn, or forgets it.
func (q *queue) settle(l *lane) {
	if l.first == none {
		q.forget(l)
		return
	}
	q.ready(l)
}

// ready puts a lane at the end of its kind's turn, unless it is busy.
func (q *queue) ready(l *lane) {
	if l.busy {
		return
	}
	k := q.kind(l.id)
	if k.last == nil {
		k.first = l
	} else {
		k.last.next = l
	}
	k.last = l
}

func (q *queue) unready(l *lane) {
	k := q.kind(l.id)
	var before *lane
	for at := k.first; at != nil; before, at = at, at.next {
		if at != l {
			continue
		}
		if before == nil {
			k.first = l.next
		} else {
			before.next = l.next
		}
		if k.last == l {
			k.last = before
		}
		l.next = nil
		return
	}
}

// release gives a node back.
func (q *queue) release(i int32) {
	q.kind(q.nodes[i].out.Lane).room++
	q.nodes[i].next = q.free
	q.free = i
}
