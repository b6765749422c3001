package advertiser

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"

// queue holds the waiting PDUs by lane in a fixed number of nodes.
//
// Lanes have several kinds (bearer.Lane.Kind). Each kind has its own room.
// Kinds take turns, and so do the lanes of one kind. A flood of messages to
// relay therefore neither fills nor delays the queue of this node's own
// messages.
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

// lane is a list of PDUs. It exists while it has PDUs or is busy.
type lane struct {
	id          bearer.Lane
	first, last int32
	busy        bool  // one of its PDUs is on the air
	next        *lane // next lane of its kind
}

// kindQueue is the lanes of one kind that have something to send and are not
// busy, in order of their turns.
type kindQueue struct {
	room        int
	first, last *lane
}

// newQueue makes room for perKind PDUs of each kind, including those on the
// air.
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

// push adds a PDU to the end of its lane. It returns false if there is no room.
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

// pop takes the next PDU, or none. Its lane is busy until done or putBack is
// called.
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

// waiting reports whether pop would return a PDU.
func (q *queue) waiting() bool {
	for i := range q.kinds {
		if q.kinds[i].first != nil {
			return true
		}
	}
	return false
}

// done frees a PDU that pop returned, so that the next one of its lane may be
// sent.
func (q *queue) done(i int32) {
	l := q.lanes[q.nodes[i].out.Lane]
	q.release(i)
	l.busy = false
	q.requeue(l)
}

// putBack returns a PDU from pop to the head of its lane.
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

// cancel frees all waiting PDUs of a lane and returns their number.
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

// requeue puts a lane that is no longer busy back in line, or removes it if it
// is empty.
func (q *queue) requeue(l *lane) {
	if l.first == none {
		q.forget(l)
		return
	}
	q.ready(l)
}

// ready puts a lane at the end of its kind's line unless it is busy.
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

// release returns a node to the free list.
func (q *queue) release(i int32) {
	q.kind(q.nodes[i].out.Lane).room++
	q.nodes[i].next = q.free
	q.free = i
}
