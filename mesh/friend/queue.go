package friend

import (
	"encoding/binary"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// Draft is a message of the friend's own for its Low Power node. It becomes
// network PDUs when its turn has come.
type Draft struct {
	ID      uint64 // in the Handed event; 0 for a message that nobody waits for
	Dst     mesh.Address
	PDUs    int // that it will take, 1 at least
	Message any // what Author.Compose knows of it
}

// entry is what stands in a Friend Queue: a PDU as it will be handed over, a
// control PDU of the friend's own that has no sequence number yet, a Draft, or a
// Friend Update, whose content is made at the last moment.
type entry struct {
	kind    kind
	message uint64 // all segments of one have the same
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

// weight is how many PDUs the entry takes. There is always room for the one
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

// take is the PDU of a stored entry.
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

// queue is a Friend Queue (section 3.5.5): the oldest message makes room for a
// new one, Friend Updates stay. A segmented message comes and goes whole.
type queue struct {
	limit   int // PDUs
	entries []entry
	last    uint64 // message
}

// len is how many PDUs are in the queue.
func (q *queue) len() int {
	n := 0
	for i := range q.entries {
		n += q.entries[i].weight()
	}
	return n
}

// put appends a message. It returns how many older messages had to go, and
// false when it does not fit at all.
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

// discardOldest drops the oldest message that is no Friend Update.
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

// putUpdate appends a Friend Update unless one waits already: it says what is
// true when it is handed over.
func (q *queue) putUpdate() {
	for i := range q.entries {
		if q.entries[i].kind == update {
			return
		}
	}
	q.last++
	q.entries = append(q.entries, entry{kind: update, message: q.last})
}

// putFirst puts a Friend Update in front of everything else: it is how a
// friendship begins.
func (q *queue) putFirst() {
	q.last++
	q.entries = slices.DeleteFunc(q.entries, func(e entry) bool { return e.kind == update })
	q.entries = slices.Insert(q.entries, 0, entry{kind: update, message: q.last})
}

// holds reports whether a draft, or a part of it, is in the queue.
func (q *queue) holds(id uint64) bool {
	return slices.ContainsFunc(q.entries, func(e entry) bool { return e.draft.ID == id })
}

// next takes the first entry.
func (q *queue) next() (entry, bool) {
	if len(q.entries) == 0 {
		return entry{}, false
	}
	e := q.entries[0]
	q.entries = slices.Delete(q.entries, 0, 1)
	return e, true
}

// back puts PDUs in front of all others: the rest of a draft whose first PDU
// is being handed over. The last of them keeps the draft's number.
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

// dropAck drops the Segment Acknowledgment that a newer one replaces: from the
// same source to the same destination about the same message.
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

// acknowledges tells the SeqZero of a Segment Acknowledgment (section 3.5.2.3.1)
// and false for any other PDU.
func acknowledges(ctl bool, transport []byte) (seqZero uint16, ok bool) {
	const size, mask = 7, 0x1FFF
	if !ctl || len(transport) != size || transport[0] != 0 {
		return 0, false
	}
	return binary.BigEndian.Uint16(transport[1:]) >> 2 & mask, true
}

// numberOf is IV index and sequence number in one, so that newer is greater.
func numberOf(p *network.PDU) uint64 {
	return uint64(p.IVIndex)<<24 | uint64(p.Seq&mesh.MaxSequenceNumber)
}
