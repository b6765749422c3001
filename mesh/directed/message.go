package directed

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Opcodes of the control messages (section 3.6.5, table of transport control
// opcodes).
const (
	OpPathRequest             uint8 = 0x0B
	OpPathReply               uint8 = 0x0C
	OpPathConfirmation        uint8 = 0x0D
	OpPathEchoRequest         uint8 = 0x0E
	OpPathEchoReply           uint8 = 0x0F
	OpDependentNodeUpdate     uint8 = 0x10
	OpPathRequestSolicitation uint8 = 0x11
)

// Errors of Parse and Append.
var (
	ErrUnknown   = errors.New("directed: not a control message of directed forwarding")
	ErrMalformed = errors.New("directed: malformed control message")
)

// Message is a control message.
type Message interface {
	Opcode() uint8
	// Append appends the parameters to dst. The error wraps ErrMalformed if a
	// value does not fit its field.
	Append(dst []byte) ([]byte, error)
	parse(r *reader)
}

// Parse decodes the parameters of a control message. Errors wrap ErrUnknown for
// another opcode, or ErrMalformed.
func Parse(opcode uint8, params []byte) (Message, error) {
	var m Message
	switch opcode {
	case OpPathRequest:
		m = &PathRequest{}
	case OpPathReply:
		m = &PathReply{}
	case OpPathConfirmation:
		m = &PathConfirmation{}
	case OpPathEchoRequest:
		m = &PathEchoRequest{}
	case OpPathEchoReply:
		m = &PathEchoReply{}
	case OpDependentNodeUpdate:
		m = &DependentNodeUpdate{}
	case OpPathRequestSolicitation:
		m = &PathRequestSolicitation{}
	default:
		return nil, fmt.Errorf("%w: opcode 0x%02x", ErrUnknown, opcode)
	}
	r := &reader{left: params}
	m.parse(r)
	if r.err == nil && len(r.left) > 0 {
		r.err = fmt.Errorf("%w: %d octets after the last field of opcode 0x%02x", ErrMalformed, len(r.left), opcode)
	}
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
}

// Range is the unicast address range of a node's elements.
//
//	| LengthPresent 1 | RangeStart 15 | [ RangeLength 8 ] |
type Range struct {
	Start  mesh.Address
	Length uint8 // at least 1
}

const lengthPresent = 0x8000

func (r Range) append(dst []byte) ([]byte, error) {
	if !r.isValid() {
		return dst, fmt.Errorf("%w: expected a range of unicast addresses, got %d from %s on", ErrMalformed, r.Length, r.Start)
	}
	if r.Length == 1 {
		return binary.BigEndian.AppendUint16(dst, uint16(r.Start)), nil
	}
	return append(binary.BigEndian.AppendUint16(dst, uint16(r.Start)|lengthPresent), r.Length), nil
}

func (r Range) isValid() bool {
	return r.Start.IsUnicast() && r.Length > 0 && int(r.Start)+int(r.Length)-1 <= int(mesh.LastUnicast)
}

// reader decodes the fields of a message; it keeps the first error.
type reader struct {
	left []byte
	err  error
}

func (r *reader) next(n int, what string) []byte {
	if r.err == nil && len(r.left) < n {
		r.err = fmt.Errorf("%w: %s is missing", ErrMalformed, what)
	}
	if r.err != nil {
		return make([]byte, n)
	}
	b := r.left[:n]
	r.left = r.left[n:]
	return b
}

func (r *reader) octet(what string) uint8 { return r.next(1, what)[0] }

func (r *reader) address(what string) mesh.Address {
	return mesh.Address(binary.BigEndian.Uint16(r.next(2, what)))
}

func (r *reader) unicast(what string) mesh.Address {
	a := r.address(what)
	r.require(a.IsUnicast(), what, "a unicast address")
	return a
}

func (r *reader) addressRange(what string) Range {
	a := r.address(what)
	out := Range{Start: a &^ lengthPresent, Length: 1}
	if a&lengthPresent != 0 {
		out.Length = r.octet(what)
		r.require(out.Length > 1, what, "a length of 2 and more where it is present")
	}
	r.require(out.isValid(), what, "a range of unicast addresses")
	return out
}

func (r *reader) require(ok bool, what, expected string) {
	if r.err == nil && !ok {
		r.err = fmt.Errorf("%w: %s: expected %s", ErrMalformed, what, expected)
	}
}
