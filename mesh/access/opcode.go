package access

import (
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// MaxPayload is the largest access payload in octets, including the opcode: 32
// segments of 12 octets minus the short TransMIC (section 3.7.3).
const MaxPayload = 380

// ErrOpcode is returned for a payload that does not start with an opcode.
var ErrOpcode = errors.New("access: not an opcode")

// ParseOpcode splits an access payload into its opcode and its parameters,
// which share memory with payload (section 3.7.3.1):
//
//	0xxxxxxx                    one octet, 0x7F reserved
//	10xxxxxx xxxxxxxx           two octets
//	11xxxxxx company (LE)       three octets
//
// Errors wrap ErrOpcode: an empty or short payload, or the reserved opcode
// 0x7F.
func ParseOpcode(payload []byte) (mesh.Opcode, []byte, error) {
	if len(payload) == 0 {
		return 0, nil, fmt.Errorf("%w: expected 1 to 3 octets, got an empty payload", ErrOpcode)
	}
	size := opcodeSize(payload[0])
	if len(payload) < size {
		return 0, nil, fmt.Errorf("%w: expected an opcode of %d octets after %02x, got %d octets", ErrOpcode, size, payload[0], len(payload))
	}
	var op mesh.Opcode
	for _, b := range payload[:size] {
		op = op<<8 | mesh.Opcode(b)
	}
	if op == reservedOpcode {
		return 0, nil, fmt.Errorf("%w: 7f is reserved for future use", ErrOpcode)
	}
	return op, payload[size:], nil
}

// AppendOpcode appends the one to three octets of op to dst. The error wraps
// ErrOpcode if op is not a valid opcode.
func AppendOpcode(dst []byte, op mesh.Opcode) ([]byte, error) {
	size := op.Size()
	first := uint8(op >> (8 * (size - 1)))
	if op > 0xFFFFFF || op == reservedOpcode || opcodeSize(first) != size {
		return dst, fmt.Errorf("%w: %s", ErrOpcode, op)
	}
	for i := size - 1; i >= 0; i-- {
		dst = append(dst, uint8(op>>(8*i)))
	}
	return dst, nil
}

const reservedOpcode mesh.Opcode = 0x7F

func opcodeSize(first uint8) int {
	switch first >> 6 {
	case 0b10:
		return 2
	case 0b11:
		return 3
	default:
		return 1
	}
}
