package node

import (
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// Sizes of the inbox, in PDUs. A radio brings some hundreds in a second, ten radios a
// few thousand with all copies. So many may come while the store syncs once.
const (
	inboxMost  = 1 << 14
	inboxLeast = 1 << 8 // room that is kept when it is empty
	inboxBatch = 64     // that one write to the replay journal serves
)

// inbox is the PDUs that the radios have received and the core has not seen. Its room
// grows with a burst and goes again after it.
type inbox struct {
	wake chan struct{} // holds a token when there may be something

	mu    sync.Mutex
	ring  []bearer.Incoming // its length is a power of two
	first int
	n     int

	batch [inboxBatch]bearer.Incoming // belongs to the reader
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// put adds a PDU. It does not wait, and returns false when there is no room.
func (b *inbox) put(in *bearer.Incoming) bool {
	b.mu.Lock()
	if b.n == len(b.ring) && !b.grow() {
		b.mu.Unlock()
		return false
	}
	b.ring[(b.first+b.n)&(len(b.ring)-1)] = *in
	b.n++
	b.mu.Unlock()
	b.signal()
	return true
}

// signal leaves a token for the reader.
func (b *inbox) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// grow makes room for more, up to inboxMost.
func (b *inbox) grow() bool {
	if len(b.ring) >= inboxMost {
		return false
	}
	larger := make([]bearer.Incoming, max(2*len(b.ring), inboxLeast))
	copied := copy(larger, b.ring[b.first:])
	copy(larger[copied:], b.ring[:b.first])
	b.ring, b.first = larger, 0
	return true
}

// take takes out what has been received first, a batch at most. It is valid until the
// next call. While there is more, wake holds a token.
func (b *inbox) take() []bearer.Incoming {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(b.n, inboxBatch)
	for i := range n {
		b.batch[i] = b.ring[(b.first+i)&(len(b.ring)-1)]
	}
	b.n -= n
	switch {
	case b.n > 0:
		b.first = (b.first + n) & (len(b.ring) - 1)
		b.signal()
	case len(b.ring) > inboxLeast:
		b.ring, b.first = nil, 0
	default:
		b.first = 0
	}
	return b.batch[:n]
}

// clear drops all that has been received, and returns how many.
func (b *inbox) clear() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.n
	b.ring, b.first, b.n = nil, 0, 0
	return n
}
