package connection

import (
	"encoding/binary"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Longest payloads of the fixed channels other than the Attribute Protocol
// (section 4 and volume 3 part H, section 3.2).
const (
	signallingMTU = 23
	smpMTU        = 65
)

// assembly reassembles the fragments of a PDU (section 7.2.2).
type assembly struct {
	limit   int // largest payload of the Attribute Protocol, in octets
	active  bool
	header  [headerLen]byte
	have    int    // octets received, including the header
	payload []byte // nil until the header is complete, and for a PDU that is skipped
	stray   int    // fragments without a start fragment
}

// maxStray is how many fragments without a start fragment are tolerated per
// connection.
const maxStray = 64

// add takes a fragment. When the PDU is complete it returns the payload, which
// then belongs to the caller, unless the channel is skipped.
func (s *assembly) add(a packet.ACL) (channel Channel, payload []byte, whole bool, err error) {
	if a.Boundary == packet.BoundaryContinue {
		if !s.active {
			return 0, nil, false, s.strayed()
		}
	} else {
		if s.active { // the rest of the previous PDU will not come
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

// begin evaluates a complete header.
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
		return nil // skipped without storing it
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
		return fmt.Errorf("connection: expected fragments that continue a PDU, got more than %d that do not: %w", maxStray, ErrRules)
	}
	return nil
}
