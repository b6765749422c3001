package connection

import (
	"encoding/binary"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Longest payloads of the fixed channels besides that of the Attribute Protocol
// (sections 4 and volume 3 part H, 3.2).
const (
	signallingMTU = 23
	smpMTU        = 65
)

// assembly puts the fragments of a PDU together (section 7.2.2).
type assembly struct {
	limit   int // octets of the Attribute Protocol
	active  bool
	header  [headerLen]byte
	have    int    // octets that have come, the header with them
	payload []byte // nil while the header is not whole, and for a PDU that is skipped
	stray   int    // fragments that belong to nothing, a bound on patience
}

// maxStray is how many fragments in a connection may come without their start.
const maxStray = 64

// add takes a fragment. When the PDU is whole it returns its payload, which is
// the caller's, unless it is for a channel that is skipped.
func (s *assembly) add(a packet.ACL) (channel Channel, payload []byte, whole bool, err error) {
	if a.Boundary == packet.BoundaryContinue {
		if !s.active {
			return 0, nil, false, s.strayed()
		}
	} else {
		if s.active { // the rest of the one before will not come
			if err := s.strayed(); err != nil {
				return 0, nil, false, err
			}
		}
		*s = assembly{limit: s.limit, stray: s.stray, active: true}
	}
	data := a.Data
	if s.have < headerLen {
		n := copy(s.header[s.have:], data)
		s.have += n
		data = data[n:]
		if s.have < headerLen {
			return 0, nil, false, nil
		}
		if err := s.begin(); err != nil {
			return 0, nil, false, err
		}
	}
	length := int(binary.LittleEndian.Uint16(s.header[:]))
	s.have += len(data)
	if s.have > headerLen+length {
		return 0, nil, false, fmt.Errorf("connection: expected a PDU of %d octets, got %d: %w", length, s.have-headerLen, ErrRules)
	}
	if s.payload != nil {
		s.payload = append(s.payload, data...)
	}
	if s.have < headerLen+length {
		return 0, nil, false, nil
	}
	s.active = false
	channel = Channel(binary.LittleEndian.Uint16(s.header[2:]))
	return channel, s.payload, s.payload != nil, nil
}

// begin looks at a whole header.
func (s *assembly) begin() error {
	length := int(binary.LittleEndian.Uint16(s.header[:]))
	var limit int
	switch Channel(binary.LittleEndian.Uint16(s.header[2:])) {
	case ChannelATT:
		limit = s.limit
	case ChannelSignalling:
		limit = signallingMTU
	case ChannelSMP:
		limit = smpMTU
	default:
		return nil // skipped, and nothing of it kept
	}
	if length > limit {
		return fmt.Errorf("connection: expected a PDU of at most %d octets, got one of %d: %w", limit, length, ErrRules)
	}
	s.payload = make([]byte, 0, length)
	return nil
}

func (s *assembly) strayed() error {
	s.stray++
	if s.stray > maxStray {
		return fmt.Errorf("connection: more than %d fragments that belong to no PDU: %w", maxStray, ErrRules)
	}
	return nil
}
