package packet

import (
	"encoding/binary"
	"fmt"
)

// MaxConnectionHandle is the highest handle of a connection.
const MaxConnectionHandle = 0x0eff

// Boundary is the packet boundary flag of ACL data: the position of a packet in
// an L2CAP PDU (section 5.4.2).
type Boundary uint8

// The packet boundary flags of LE.
const (
	BoundaryStart    Boundary = 0 // first packet, from the host
	BoundaryContinue Boundary = 1
	BoundaryFirst    Boundary = 2 // first packet, from the controller
)

// ACLHeader is the length of the header of an ACL packet in H4, including the
// type octet.
const ACLHeader = 5

// ACL is a view of one ACL data packet (section 5.4.2).
//
//	+--------+--------------------------------------+----------+------+
//	| 0x02   | handle 12, boundary 2, broadcast 2   | length 2 | data |
//	+--------+--------------------------------------+----------+------+
type ACL struct {
	Handle   uint16
	Boundary Boundary
	Data     []byte // slice of the packet
}

// ParseACL decodes one H4 packet of ACL data. The error wraps ErrMalformed.
func ParseACL(p []byte) (ACL, error) {
	data, err := body(p, TypeACL)
	if err != nil {
		return ACL{}, err
	}
	bits := binary.LittleEndian.Uint16(p[1:])
	a := ACL{Handle: bits & 0x0fff, Boundary: Boundary(bits >> 12 & 3), Data: data}
	if bits>>14 != 0 {
		return ACL{}, fmt.Errorf("packet: expected ACL data to one peer, got broadcast flag %d: %w", bits>>14, ErrMalformed)
	}
	return a, nil
}

// AppendTo appends the packet as H4. It panics if Data has more than 65535
// octets; controllers accept far less.
func (a ACL) AppendTo(dst []byte) []byte {
	if len(a.Data) > 0xffff {
		panic("packet: ACL data of more than 65535 octets")
	}
	dst = append(dst, byte(TypeACL))
	dst = binary.LittleEndian.AppendUint16(dst, a.Handle&0x0fff|uint16(a.Boundary)<<12)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(a.Data)))
	return append(dst, a.Data...)
}

// Buffers describes the ACL buffers of a controller.
type Buffers struct {
	Length int // octets of data per packet
	Count  int // packets; 0 if LE has no separate buffers
}

// ParseLEBufferSize decodes the return parameters of LE Read Buffer Size
// (section 7.8.2).
func ParseLEBufferSize(ret []byte) (Buffers, error) {
	p, err := returned(ret, OpLEReadBufferSize, 3)
	if err != nil {
		return Buffers{}, err
	}
	return Buffers{Length: int(binary.LittleEndian.Uint16(p)), Count: int(p[2])}, nil
}

// ParseBufferSize decodes the return parameters of Read Buffer Size (section
// 7.4.5).
func ParseBufferSize(ret []byte) (Buffers, error) {
	p, err := returned(ret, OpReadBufferSize, 7)
	if err != nil {
		return Buffers{}, err
	}
	return Buffers{Length: int(binary.LittleEndian.Uint16(p)), Count: int(binary.LittleEndian.Uint16(p[3:]))}, nil
}
