package virtual

import "time"

// timer is a future event. It is embedded in what it belongs to (an advertising
// set, a scanner, a transmission), so that scheduling allocates nothing and the
// heap is no larger than the number of these.
type timer struct {
	at    time.Duration // time since the air was made
	key   uint64        // of two at the same time the smaller key goes first,
	order uint64        // then the smaller order
	slot  int           // index in the heap plus one; 0 is not scheduled
	fire  func(now time.Duration)
}

func (t *timer) scheduled() bool { return t.slot != 0 }

func (t *timer) before(o *timer) bool {
	if t.at != o.at {
		return t.at < o.at
	}
	if t.key != o.key {
		return t.key < o.key
	}
	return t.order < o.order
}

// schedule is a binary heap of timers, the next one first.
type schedule struct{ heap []*timer }

func (s *schedule) next() *timer {
	if len(s.heap) == 0 {
		return nil
	}
	return s.heap[0]
}

// set schedules t, whether it was scheduled before or not.
func (s *schedule) set(t *timer, at time.Duration) {
	t.at = at
	if !t.scheduled() {
		s.heap = append(s.heap, t)
		t.slot = len(s.heap)
	}
	s.restore(t)
}

// remove unschedules t; it does nothing if t is not scheduled.
func (s *schedule) remove(t *timer) {
	if !t.scheduled() {
		return
	}
	at, last := t.slot-1, len(s.heap)-1
	moved := s.heap[last]
	s.heap[last] = nil
	s.heap = s.heap[:last]
	t.slot = 0
	if moved != t {
		s.put(at, moved)
		s.restore(moved)
	}
}

func (s *schedule) put(at int, t *timer) {
	s.heap[at] = t
	t.slot = at + 1
}

// restore moves t up or down to its place in the heap.
func (s *schedule) restore(t *timer) {
	at := t.slot - 1
	for at > 0 {
		parent := (at - 1) / 2
		if !t.before(s.heap[parent]) {
			break
		}
		s.put(at, s.heap[parent])
		at = parent
	}
	for {
		child := 2*at + 1
		if child >= len(s.heap) {
			break
		}
		if right := child + 1; right < len(s.heap) && s.heap[right].before(s.heap[child]) {
			child = right
		}
		if !s.heap[child].before(t) {
			break
		}
		s.put(at, s.heap[child])
		at = child
	}
	s.put(at, t)
}
