package mqtt

// queue is a first-in first-out queue. What was taken out is cleared, so that a
// payload is not kept alive, and the room is used again.
type queue[T any] struct {
	items []T
	head  int
}

func (q *queue[T]) len() int { return len(q.items) - q.head }

func (q *queue[T]) push(v T) { q.items = append(q.items, v) }

func (q *queue[T]) peek() (T, bool) {
	if q.len() == 0 {
		var none T
		return none, false
	}
	return q.items[q.head], true
}

// pop takes out the first; the queue must not be empty.
func (q *queue[T]) pop() T {
	var none T
	v := q.items[q.head]
	q.items[q.head] = none
	q.head++
	// Moving the rest down only when half is free keeps pop cheap on average.
	if q.head >= 32 && q.head*2 >= len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	return v
}

// unpop puts vs back before everything else, the first of them first.
func (q *queue[T]) unpop(vs []T) {
	if len(vs) == 0 {
		return
	}
	q.items = append(append(make([]T, 0, len(vs)+q.len()), vs...), q.items[q.head:]...)
	q.head = 0
}
