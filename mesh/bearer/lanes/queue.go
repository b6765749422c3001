package lanes

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"

// Queue holds the PDUs that wait or are on the air, by lane. Its room is fixed, and
// no method allocates once the room was used. It belongs to one goroutine.
type Queue struct {
	nodes []node
	free  Ticket
	lanes map[bearer.Lane]*lane
	spare []*lane
	kinds [bearer.LaneKinds]kind
	turn  int
	own   order
}

// Ticket is a PDU in the queue, from Push until Done or Cancel.
type Ticket int32

const none = Ticket(-1)

// node is a PDU that waits or is on the air.
type node struct {
	out      bearer.Outgoing
	attempts uint8
	old      bool // it was there at the last Expire
	next     Ticket
}

// lane is a list of PDUs. It exists while it has PDUs or is busy.
type lane struct {
	id   bearer.Lane
	list list
	busy bool  // one of its PDUs is on the air
	next *lane // next lane of its kind
}

// list is a list of nodes.
type list struct{ first, last Ticket }

// kind is the lanes of one kind that have something to send and are not busy, in
// the order of their turns.
type kind struct {
	room        int
	first, last *lane
}

// order keeps messages to groups in their place among the own messages.
type order struct {
	open  int  // PDUs in lanes: waiting there or on the air
	group bool // the one that is open is to a group
	held  list // behind a message to a group, or that message itself
}

// New makes a queue for perKind PDUs of each kind, including those on the air.
func New(perKind int) *Queue {
	q := &Queue{
		free:  none,
		lanes: make(map[bearer.Lane]*lane),
		own:   order{held: list{none, none}},
	}
	for i := range q.kinds {
		q.kinds[i].room = perKind
	}
	return q
}

func (q *Queue) kind(id bearer.Lane) *kind { return &q.kinds[id.Kind()] }

// Push adds a PDU to the end of its lane. It returns false if there is no room.
func (q *Queue) Push(o *bearer.Outgoing) bool {
	k := q.kind(o.Lane)
	if k.room == 0 {
		return false
	}
	k.room--
	t := q.free
	if t == none {
		q.nodes = append(q.nodes, node{})
		t = Ticket(len(q.nodes) - 1)
	} else {
		q.free = q.nodes[t].next
	}
	n := &q.nodes[t]
	n.out, n.attempts, n.old, n.next = *o, 0, false, none
	switch {
	case !o.Lane.IsOwn():
		q.add(t)
	case q.own.held.first == none && !q.own.group && o.Lane != bearer.GroupLane():
		q.own.open++
		q.add(t)
	default:
		q.append(&q.own.held, t)
		q.advance()
	}
	return true
}

// advance puts held messages into their lanes: those up to the next one to a group,
// or that one when nothing else is open.
func (q *Queue) advance() {
	for q.own.held.first != none && !q.own.group {
		t := q.own.held.first
		group := q.nodes[t].out.Lane == bearer.GroupLane()
		if group && q.own.open > 0 {
			return
		}
		q.take(&q.own.held)
		q.own.group = group
		q.own.open++
		q.add(t)
	}
}

// close notes that an own message has left its lane.
func (q *Queue) close(id bearer.Lane) {
	if !id.IsOwn() {
		return
	}
	q.own.open--
	if q.own.open == 0 {
		q.own.group = false
	}
	q.advance()
}

// add puts a PDU at the end of its lane.
func (q *Queue) add(t Ticket) {
	l := q.lane(q.nodes[t].out.Lane)
	first := l.list.first == none
	q.append(&l.list, t)
	if first {
		q.ready(l)
	}
}

func (q *Queue) append(l *list, t Ticket) {
	q.nodes[t].next = none
	if l.first == none {
		l.first = t
	} else {
		q.nodes[l.last].next = t
	}
	l.last = t
}

// take removes the first of a list.
func (q *Queue) take(l *list) Ticket {
	t := l.first
	l.first = q.nodes[t].next
	if l.first == none {
		l.last = none
	}
	q.nodes[t].next = none
	return t
}

// Pop takes the next PDU for the air, and counts an attempt. It returns false when
// there is none. Its lane is busy until Done or Return is called.
func (q *Queue) Pop() (Ticket, bool) {
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
		t := q.take(&l.list)
		q.nodes[t].attempts++
		return t, true
	}
	return none, false
}

// Waiting reports whether Pop would return a PDU.
func (q *Queue) Waiting() bool {
	for i := range q.kinds {
		if q.kinds[i].first != nil {
			return true
		}
	}
	return false
}

// PDU is what a ticket stands for.
func (q *Queue) PDU(t Ticket) *bearer.Outgoing { return &q.nodes[t].out }

// Attempts is how often a PDU was popped.
func (q *Queue) Attempts(t Ticket) int { return int(q.nodes[t].attempts) }

// Done frees a PDU from Pop, so that the next one of its lane may be sent.
func (q *Queue) Done(t Ticket) {
	id := q.nodes[t].out.Lane
	l := q.lanes[id]
	q.release(t)
	l.busy = false
	q.requeue(l)
	q.close(id)
}

// Return puts a PDU from Pop back at the head of its lane.
func (q *Queue) Return(t Ticket) {
	l := q.lanes[q.nodes[t].out.Lane]
	q.nodes[t].next = l.list.first
	if l.list.first == none {
		l.list.last = t
	}
	l.list.first = t
	l.busy = false
	q.ready(l)
}

// Unattempted is Return of a PDU that was not even tried: the attempt does not count.
func (q *Queue) Unattempted(t Ticket) {
	q.nodes[t].attempts--
	q.Return(t)
}

// Cancel frees all waiting PDUs of a lane and returns their number.
func (q *Queue) Cancel(id bearer.Lane) int {
	n := 0
	if id.IsOwn() {
		n = q.cancelHeld(id)
	}
	l := q.lanes[id]
	if l == nil {
		return n
	}
	if !l.busy {
		q.unready(l)
	}
	freed := 0
	for l.list.first != none {
		q.release(q.take(&l.list))
		freed++
	}
	if !l.busy {
		q.forget(l)
	}
	for range freed {
		q.close(id)
	}
	return n + freed
}

func (q *Queue) cancelHeld(id bearer.Lane) int {
	n := 0
	kept := list{none, none}
	for q.own.held.first != none {
		t := q.take(&q.own.held)
		if q.nodes[t].out.Lane == id {
			q.release(t)
			n++
		} else {
			q.append(&kept, t)
		}
	}
	q.own.held = kept
	q.advance()
	return n
}

// Expire frees the PDUs that have waited since the last Expire, and returns their
// number. Nothing may be on the air.
func (q *Queue) Expire() int {
	n := 0
	// What is held came after the own messages in lanes: advance brings nothing old.
	for t := q.own.held.first; t != none && q.nodes[t].old; t = q.own.held.first {
		q.release(q.take(&q.own.held))
		n++
	}
	for id, l := range q.lanes {
		if l.list.first == none || !q.nodes[l.list.first].old {
			continue
		}
		q.unready(l)
		freed := 0
		for l.list.first != none && q.nodes[l.list.first].old {
			q.release(q.take(&l.list))
			freed++
		}
		q.requeue(l)
		for range freed {
			q.close(id)
		}
		n += freed
	}
	for i := range q.nodes {
		q.nodes[i].old = true // Push makes it new
	}
	return n
}

// lane finds or makes a lane.
func (q *Queue) lane(id bearer.Lane) *lane {
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
	*l = lane{id: id, list: list{none, none}}
	q.lanes[id] = l
	return l
}

func (q *Queue) forget(l *lane) {
	delete(q.lanes, l.id)
	q.spare = append(q.spare, l)
}

// requeue puts a lane that is no longer busy back in line, or removes it if it
// is empty.
func (q *Queue) requeue(l *lane) {
	if l.list.first == none {
		q.forget(l)
		return
	}
	q.ready(l)
}

// ready puts a lane at the end of its kind's line unless it is busy.
func (q *Queue) ready(l *lane) {
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

func (q *Queue) unready(l *lane) {
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
func (q *Queue) release(t Ticket) {
	q.kind(q.nodes[t].out.Lane).room++
	q.nodes[t].next = q.free
	q.free = t
}
