package packet

import (
	"encoding/binary"
	"fmt"
)

// Type is the first octet of an H4 packet (volume 4 part A, section 2).
type Type uint8

// The packet types.
const (
	TypeCommand Type = 0x01
	TypeACL     Type = 0x02
	TypeSCO     Type = 0x03
	TypeEvent   Type = 0x04
	TypeISO     Type = 0x05
)

// MaxLen is the size of a buffer for any packet except the longest ACL data,
// which no LE controller sends: 5 octets of header and 16383 of ISO data.
const MaxLen = 5 + 0x3fff

// MaxParams is the largest number of parameter octets of a command or event.
const MaxParams = 255

// String names the type.
func (t Type) String() string {
	switch t {
	case TypeCommand:
		return "command"
	case TypeACL:
		return "ACL data"
	case TypeSCO:
		return "SCO data"
	case TypeEvent:
		return "event"
	case TypeISO:
		return "ISO data"
	default:
		return fmt.Sprintf("unknown packet type 0x%02x", uint8(t))
	}
}

// HeaderLen is the header length in octets of packets of this type, including
// the type octet; 0 for an unknown type.
func (t Type) HeaderLen() int {
	switch t {
	case TypeEvent:
		return 3
	case TypeCommand, TypeSCO:
		return 4
	case TypeACL, TypeISO:
		return 5
	default:
		return 0
	}
}

// BodyLen returns the length in octets of what follows the header of a packet.
// header holds the HeaderLen octets of a known type.
func BodyLen(header []byte) (int, error) {
	if len(header) == 0 {
		return 0, fmt.Errorf("packet: expected a header, got nothing: %w", ErrMalformed)
	}
	t := Type(header[0])
	n := t.HeaderLen()
	if n == 0 {
		return 0, fmt.Errorf("packet: expected an H4 packet type of 0x01 to 0x05, got 0x%02x: %w", header[0], ErrMalformed)
	}
	if len(header) < n {
		return 0, fmt.Errorf("packet: expected %d octets of %s header, got %d: %w", n, t, len(header), ErrMalformed)
	}
	switch t {
	case TypeEvent:
		return int(header[2]), nil
	case TypeCommand, TypeSCO:
		return int(header[3]), nil
	case TypeISO: // the upper two bits are reserved
		return int(binary.LittleEndian.Uint16(header[3:])) & 0x3fff, nil
	default:
		return int(binary.LittleEndian.Uint16(header[3:])), nil
	}
}

// body checks that p is one complete packet of type t and returns what follows
// its header.
func body(p []byte, t Type) ([]byte, error) {
	n, err := BodyLen(p)
	if err != nil {
		return nil, err
	}
	if Type(p[0]) != t {
		return nil, fmt.Errorf("packet: expected %s, got %s: %w", t, Type(p[0]), ErrMalformed)
	}
	if have := len(p) - t.HeaderLen(); have != n {
		return nil, fmt.Errorf("packet: expected %s with %d octets after its header, got %d: %w", t, n, have, ErrMalformed)
	}
	return p[t.HeaderLen():], nil
}
