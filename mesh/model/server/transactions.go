package server

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// transactionTime is how long a transaction identifier identifies the same
// transaction (section 3.3.1.2.2 and similar ones).
const transactionTime = 6 * time.Second

// Transactions remembers the last transaction of a few sources, so that a
// repetition is recognised even after a message from another source. The zero
// value is ready to use.
type Transactions struct {
	recent [8]transaction
}

type transaction struct {
	src, dst mesh.Address
	tid      uint8
	last     time.Time // time of its last message; zero: no transaction
}

// Repeated records a message and reports whether it belongs to the previous
// transaction: same source, destination and identifier, within six seconds.
func (t *Transactions) Repeated(now time.Time, src, dst mesh.Address, tid uint8) bool {
	slot := &t.recent[0]
	for i := range t.recent {
		r := &t.recent[i]
		if r.src == src && r.dst == dst && !r.last.IsZero() {
			slot = r
			break
		}
		if r.last.Before(slot.last) {
			slot = r
		}
	}
	next := transaction{src: src, dst: dst, tid: tid, last: now}
	same := !slot.last.IsZero() && slot.src == src && slot.dst == dst && slot.tid == tid &&
		now.Sub(slot.last) < transactionTime
	*slot = next
	return same
}
