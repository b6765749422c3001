package mqtt

import (
	"slices"
	"sync"
)

// inboxSize bounds the payloads that wait, in octets, whatever their number.
const inboxSize = 16 << 20

// inbox is where the client library leaves incoming messages: never waiting, so
// that a slow handler cannot hold up acknowledgements or the keep-alive.
//
// When it is full an older message of the same topic gives way to the new one,
// and if there is none the oldest of all: of a flood of commands the last one
// always arrives.
type inbox struct {
	limit int // messages
	wake  chan struct{}

	mu                sync.Mutex
	waiting           []Message
	size              int // octets of payload in waiting
	received, dropped uint64
}

func newInbox(limit int) *inbox {
	return &inbox{limit: limit, wake: make(chan struct{}, 1)}
}

func (b *inbox) put(m Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.received++
	for len(b.waiting) >= b.limit || len(b.waiting) > 0 && b.size+len(m.Payload) > inboxSize {
		b.dropped++
		b.evict(m.Topic)
	}
	b.waiting = append(b.waiting, m)
	b.size += len(m.Payload)
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// evict makes room for one more of topic; b.mu is held.
func (b *inbox) evict(topic string) {
	victim := 0
	for i := range b.waiting {
		if b.waiting[i].Topic == topic {
			victim = i
			break
		}
	}
	b.size -= len(b.waiting[victim].Payload)
	b.waiting = slices.Delete(b.waiting, victim, victim+1)
}

// take empties the inbox into batch, whose room is used again.
func (b *inbox) take(batch []Message) []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	batch, b.waiting, b.size = b.waiting, batch[:0], 0
	return batch
}

func (b *inbox) fill(s *Stats) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Received, s.DroppedIn, s.InboxQueued = b.received, b.dropped, len(b.waiting)
}

// deliver calls handle for one message after another until stop is closed.
func (b *inbox) deliver(handle func(Message), stop <-chan struct{}) {
	var batch []Message
	for {
		select {
		case <-stop:
			return
		case <-b.wake:
		}
		batch = b.take(batch)
		for i := range batch {
			select {
			case <-stop:
				return
			default:
			}
			handle(batch[i])
			batch[i] = Message{}
		}
	}
}
