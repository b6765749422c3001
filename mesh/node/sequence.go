package node

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// ErrSequenceSpent is returned when an IV index has no sequence number left.
// Only an IV Update (section 3.11.5) helps then.
var ErrSequenceSpent = errors.New("node: no sequence number is left with this IV index; an IV Update is needed before the node may send again")

// reserveBlock is how many sequence numbers are reserved at a time. A restart
// skips what is left of a block, so 2^24 numbers last for 16,000 restarts, and
// the database is written once in a thousand PDUs.
const reserveBlock = 1024

// sequencer hands out sequence numbers, each once with one IV index (section
// 3.4.4.5). A number is given out only when the reserve that covers it is in
// the output to be persisted before the PDU is sent.
type sequencer struct {
	iv    mesh.IVIndex // transmit IV index
	next  mesh.SequenceNumber
	limit mesh.SequenceNumber // first number that is not reserved
	floor mesh.SequenceNumber // where each IV index begins: above zero after a restored backup
	dirty bool                // limit changed and was not yet put into an output
}

// Next implements transport.Sequencer.
func (s *sequencer) Next() (mesh.SequenceNumber, mesh.IVIndex, error) {
	if s.next > mesh.MaxSequenceNumber {
		return 0, 0, ErrSequenceSpent
	}
	if s.next >= s.limit {
		s.limit = s.next + reserveBlock
		s.dirty = true
	}
	n := s.next
	s.next++
	return n, s.iv, nil
}

// restart begins at zero, or at the floor, with a new transmit IV index.
func (s *sequencer) restart(iv mesh.IVIndex) {
	*s = sequencer{iv: iv, next: s.floor, limit: s.floor, floor: s.floor, dirty: true}
}

// encode gives the reserve for the store: transmit IV index, first number that
// may be used after a restart, and the floor if there is one, four octets each,
// big endian.
func (s *sequencer) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(s.iv))
	b = binary.BigEndian.AppendUint32(b, uint32(s.limit))
	if s.floor > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(s.floor))
	}
	return b
}

// decodeSequencer reads the reserve; the next number is the first that was
// never reserved.
func decodeSequencer(data []byte) (sequencer, error) {
	const plain, floored = 8, 12
	if len(data) != plain && len(data) != floored {
		return sequencer{}, fmt.Errorf("node: the stored sequence reserve has %d octets, expected %d", len(data), plain)
	}
	limit := mesh.SequenceNumber(binary.BigEndian.Uint32(data[4:]))
	s := sequencer{iv: mesh.IVIndex(binary.BigEndian.Uint32(data)), next: limit, limit: limit}
	if len(data) == floored {
		s.floor = mesh.SequenceNumber(binary.BigEndian.Uint32(data[plain:]))
	}
	return s, nil
}
