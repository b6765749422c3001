package friend

import (
	"encoding/binary"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// Draft is the friend's own message to its Low Power node. It becomes network
// PDUs when it is delivered.
type Draft struct {
	ID      uint64 // reported in the Delivered event; 0 if nobody waits for it
	Dst     mesh.Address
	PDUs    int // number of PDUs it needs, at least 1
	Message any // for Node.Compose
}

// entry is an item of a Friend Queue: a PDU ready for delivery, the friend's
// own control PDU without a sequence number, a Draft, or a Friend Update, whose
// content is made when it is delivered.
type entry struct {
	kind    kind
	message uint64 // the same for all segments of a message
	pdu     network.PDU
	size    uint8 // of transport
	octets  [network.MaxAccessTransport]byte
	draft   Draft
}

type kind uint8

const (
	stored kind = iota
	own
	drafted
	update
)

// weight is how many PDUs the entry occupies. There is always room for the one
// Friend Update.
func (e *entry) weight() int {
	switch e.kind {
	case update:
		return 0
	case drafted:
		return max(e.draft.PDUs, 1)
	default:
		return 1
	}
}

// take returns the PDU of a stored entry.
func (e *entry) take() network.PDU {
	p := e.pdu
	p.Transport = slices.Clone(e.octets[:e.size])
	return p
}

func storedEntry(p *network.PDU) entry {
	e := entry{kind: stored, pdu: *p}
	e.pdu.Transport, e.pdu.By = nil, nil
	e.size = uint8(copy(e.octets[:], p.Transport))
	return e
}

// queue is a Friend Queue (section 3.5.5). The oldest message is discarded for
// a new one; Friend Updates stay. A segmented message is added and discarded as
// a whole.
type queue struct {
	limit   int // in PDUs
	entries []entry
	last    uint64 // number of the last message
}

// len is the number of PDUs in the queue.
func (q *queue) len() int {
	n := 0
	for i := range q.entries {
		n += q.entries[i].weight()
	}
	return n
}

// put appends a message. It returns how many older messages were discarded, and
// false if the message does not fit at all.
func (q *queue) put(message ...entry) (discarded int, ok bool) {
	need := 0
	for i := range message {
		need += message[i].weight()
	}
	if need > q.limit {
		return 0, false
	}
	q.last++
	for i := range message {
		message[i].message = q.last
	}
	for q.len()+need > q.limit {
		if !q.discardOldest() {
			return discarded, false
		}
		discarded++
	}
	q.entries = append(q.entries, message...)
	return discarded, true
}

// discardOldest discards the oldest message other than a Friend Update.
func (q *queue) discardOldest() bool {
	for i := range q.entries {
		if q.entries[i].kind == update {
			continue
		}
		oldest := q.entries[i].message
		q.entries = slices.DeleteFunc(q.entries, func(e entry) bool { return e.message == oldest })
		return true
	}
	return false
}

// putUpdate appends a Friend Update unless there is one already. Its content is
// made when it is delivered.
func (q *queue) putUpdate() {
	for i := range q.entries {
		if q.entries[i].kind == update {
			return
		}
	}
	q.last++
	q.entries = append(q.entries, entry{kind: update, message: q.last})
}

// putFirst puts a Friend Update in front of everything else, because a
// friendship begins with it.
func (q *queue) putFirst() {
	q.last++
	q.entries = slices.DeleteFunc(q.entries, func(e entry) bool { return e.kind == update })
	q.entries = slices.Insert(q.entries, 0, entry{kind: update, message: q.last})
}

// holds reports whether a draft, or a part of it, is in the queue.
func (q *queue) holds(id uint64) bool {
	return slices.ContainsFunc(q.entries, func(e entry) bool { return e.draft.ID == id })
}

// next returns the first entry.
func (q *queue) next() (entry, bool) {
	if len(q.entries) == 0 {
		return entry{}, false
	}
	e := q.entries[0]
	q.entries = slices.Delete(q.entries, 0, 1)
	return e, true
}

// back puts PDUs in front of all others: the rest of a draft whose first PDU is
// being delivered. The last of them keeps the number of the draft.
func (q *queue) back(rest []network.PDU, of *entry) {
	entries := make([]entry, 0, len(rest)+len(q.entries))
	for i := range rest {
		e := storedEntry(&rest[i])
		e.message = of.message
		if i == len(rest)-1 {
			e.draft.ID = of.draft.ID
		}
		entries = append(entries, e)
	}
	q.entries = append(entries, q.entries...)
}

// dropAck removes the Segment Acknowledgment that a newer one replaces: with
// the same source, destination and SeqZero.
func (q *queue) dropAck(newer *network.PDU) {
	zero, ok := acknowledges(newer.CTL, newer.Transport)
	if !ok {
		return
	}
	q.entries = slices.DeleteFunc(q.entries, func(e entry) bool {
		if e.kind > own || e.pdu.Src != newer.Src || e.pdu.Dst != newer.Dst {
			return false
		}
		other, ok := acknowledges(e.pdu.CTL, e.octets[:e.size])
		return ok && other == zero && numberOf(&e.pdu) < numberOf(newer)
	})
}

// acknowledges returns the SeqZero of a Segment Acknowledgment (section
// 3.5.2.3.1), and false for any other PDU.
func acknowledges(ctl bool, transport []byte) (seqZero uint16, ok bool) {
	const size, mask = 7, 0x1FFF
	if !ctl || len(transport) != size || transport[0] != 0 {
		return 0, false
	}
	return binary.BigEndian.Uint16(transport[1:]) >> 2 & mask, true
}

// numberOf combines IV index and sequence number, so that newer is greater.
func numberOf(p *network.PDU) uint64 {
	return uint64(p.IVIndex)<<24 | uint64(p.Seq&mesh.MaxSequenceNumber)
}
