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

// restart begins at zero with a new transmit IV index.
func (s *sequencer) restart(iv mesh.IVIndex) {
	*s = sequencer{iv: iv, dirty: true}
}

// encode gives the reserve for the store: transmit IV index and first number
// that may be used after a restart, four octets each, big endian.
func (s *sequencer) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(s.iv))
	return binary.BigEndian.AppendUint32(b, uint32(s.limit))
}

// decodeSequencer reads the reserve; the next number is the first that was
// never reserved.
func decodeSequencer(data []byte) (sequencer, error) {
	if len(data) != 8 {
		return sequencer{}, fmt.Errorf("node: the stored sequence reserve has %d octets, expected 8", len(data))
	}
	limit := mesh.SequenceNumber(binary.BigEndian.Uint32(data[4:]))
	return sequencer{iv: mesh.IVIndex(binary.BigEndian.Uint32(data)), next: limit, limit: limit}, nil
}
