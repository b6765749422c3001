// Package sequence hands out sequence numbers, each once with one IV index (Mesh
// Protocol 1.1, section 3.4.4.5).
//
//	      given out     reserved, in the store     2^24 - 1
//	|────────────────|──────────────────────|─ ─ ─ ─ ─ ─|
//	0               next                  limit
//
// A number is given out only when the reserve that covers it is in the output to
// be stored before the PDU is sent. After a restart the numbers continue at limit.
package sequence

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// ErrSpent is returned when an IV index has no sequence number left. Only an IV
// Update (section 3.11.5) helps then.
var ErrSpent = errors.New("node: no sequence number is left with this IV index; an IV Update is needed before the node may send again")

// block is how many sequence numbers are reserved at a time. A restart skips
// what is left of a block, so 2^24 numbers last for 16,000 restarts, and the
// store is written once in a thousand PDUs.
const block = 1024

// Reserve is the sequence numbers of one source.
type Reserve struct {
	iv    mesh.IVIndex // transmit IV index
	next  mesh.SequenceNumber
	limit mesh.SequenceNumber // first number that is not reserved
	floor mesh.SequenceNumber // where each IV index begins: above zero after a restored backup
	ahead mesh.SequenceNumber // where the next IV index begins at least: somebody has used its numbers already
	dirty bool                // limit changed and is not in the store yet
}

// Next implements transport.Sequencer.
func (r *Reserve) Next() (mesh.SequenceNumber, mesh.IVIndex, error) {
	if r.next > mesh.MaxSequenceNumber {
		return 0, 0, ErrSpent
	}
	if r.next >= r.limit {
		r.limit = r.next + block
		r.dirty = true
	}
	n := r.next
	r.next++
	return n, r.iv, nil
}

// Restart begins at zero, or behind the numbers that are in use already, with a new
// transmit IV index.
func (r *Reserve) Restart(iv mesh.IVIndex) {
	first := r.floor
	if iv == r.iv+1 {
		first = max(first, r.ahead)
	}
	*r = Reserve{iv: iv, next: first, limit: first, floor: r.floor, dirty: true}
}

// mostSkipped is up to where numbers are skipped because somebody else uses them.
// The other half is left for the time until the IV Update, which the node begins by
// itself when half of the numbers are used.
const mostSkipped = (mesh.MaxSequenceNumber + 1) / 2

// Heard takes a number that was heard from this source. It reports whether the
// source has not given it out, and whether the reserve now goes on behind it.
func (r *Reserve) Heard(n mesh.SequenceNumber, iv mesh.IVIndex) (foreign, skipped bool) {
	switch {
	case iv == r.iv && n >= r.next:
		if n >= mostSkipped {
			return true, false
		}
		r.next = n + 1
		if r.next > r.limit {
			r.limit = r.next + block
			r.dirty = true
		}
		return true, true
	case iv == r.iv+1:
		if n >= mostSkipped {
			return true, false
		}
		if n >= r.ahead {
			r.ahead = n + block
			r.dirty = true
		}
		return true, true
	default:
		return false, false
	}
}

// Start sets the transmit IV index of a reserve that has given out nothing yet.
func (r *Reserve) Start(iv mesh.IVIndex) {
	if r.IsNew() {
		r.iv = iv
	}
}

// IsNew reports whether no number was ever given out.
func (r *Reserve) IsNew() bool { return r.limit == 0 }

// IVIndex is the transmit IV index.
func (r *Reserve) IVIndex() mesh.IVIndex { return r.iv }

// Peek is the number that Next gives out next, if there is one.
func (r *Reserve) Peek() mesh.SequenceNumber { return r.next }

// Left is how many numbers are left with this IV index.
func (r *Reserve) Left() int {
	// The last reserve goes beyond what there is.
	return max(int(mesh.MaxSequenceNumber)+1-int(r.next), 0)
}

// Unsaved gives the reserve in its stored form when that has changed since the
// last call.
func (r *Reserve) Unsaved() (data []byte, changed bool) {
	if !r.dirty {
		return nil, false
	}
	r.dirty = false
	return r.Encode(), true
}

// Skip moves the reserve up by a number of PDUs that may have been sent, but not
// beyond most. Each later IV index begins so much behind where it would have begun
// without: the PDUs may have been sent with that one.
func (r *Reserve) Skip(by, most, later mesh.SequenceNumber) {
	r.limit = min(r.limit+by, most)
	r.next = r.limit
	r.floor = min(r.floor+later, most)
	if r.ahead > 0 {
		r.ahead = min(r.ahead+later, most)
	}
}

// Floor is where the next IV index begins.
func (r *Reserve) Floor() mesh.SequenceNumber { return max(r.floor, r.ahead) }

// Raise makes each later IV index begin at a number at least.
func (r *Reserve) Raise(floor mesh.SequenceNumber) { r.floor = max(r.floor, floor) }

// Limit is the first number that is not reserved.
func (r *Reserve) Limit() mesh.SequenceNumber { return r.limit }

// Encode gives the reserve for the store: transmit IV index, first number that
// may be used after a restart, the floor, and where the next IV index begins, four
// octets each, big endian. The last two are left out when they are zero.
func (r *Reserve) Encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(r.iv))
	b = binary.BigEndian.AppendUint32(b, uint32(r.limit))
	if r.floor > 0 || r.ahead > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(r.floor))
	}
	if r.ahead > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(r.ahead))
	}
	return b
}

// Decode reads what Encode wrote. The next number is the first that was never
// reserved.
func Decode(data []byte) (Reserve, error) {
	const plain, floored, all = 8, 12, 16
	if len(data) != plain && len(data) != floored && len(data) != all {
		return Reserve{}, fmt.Errorf("node: the stored sequence reserve has %d octets, expected %d, %d or %d", len(data), plain, floored, all)
	}
	limit := mesh.SequenceNumber(binary.BigEndian.Uint32(data[4:]))
	r := Reserve{iv: mesh.IVIndex(binary.BigEndian.Uint32(data)), next: limit, limit: limit}
	if len(data) >= floored {
		r.floor = mesh.SequenceNumber(binary.BigEndian.Uint32(data[plain:]))
	}
	if len(data) == all {
		r.ahead = mesh.SequenceNumber(binary.BigEndian.Uint32(data[floored:]))
	}
	return r, nil
}
