package mesh

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Address is a 16-bit mesh address (section 3.4.2):
//
//	0x0000          unassigned
//	0x0001..0x7FFF  unicast, one element of one node
//	0x8000..0xBFFF  virtual, the hash of a label UUID
//	0xC000..0xFFFF  group; 0xFF00 and above are fixed by the specification
type Address uint16

// Fixed group addresses and the other constants (section 3.4.2.4, table 3.7).
const (
	Unassigned         Address = 0x0000
	FirstUnicast       Address = 0x0001
	LastUnicast        Address = 0x7FFF
	FirstGroup         Address = 0xC000
	AllDirectedForward Address = 0xFFFB
	AllProxies         Address = 0xFFFC
	AllFriends         Address = 0xFFFD
	AllRelays          Address = 0xFFFE
	AllNodes           Address = 0xFFFF
)

// IsUnicast reports whether a is a unicast address, which identifies one
// element.
func (a Address) IsUnicast() bool { return a >= FirstUnicast && a <= LastUnicast }

// IsVirtual reports whether a is a virtual address, the hash of a label UUID.
func (a Address) IsVirtual() bool { return a&0xC000 == 0x8000 }

// IsGroup reports whether a is a group address. This includes the fixed groups.
func (a Address) IsGroup() bool { return a >= FirstGroup }

// IsFixedGroup reports whether a is one of the groups that nodes with a certain
// feature belong to.
func (a Address) IsFixedGroup() bool { return a >= 0xFF00 }

// String formats the address as 0x and four hexadecimal digits.
func (a Address) String() string { return fmt.Sprintf("0x%04x", uint16(a)) }

// MarshalText returns String, for JSON and YAML.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText accepts the same texts as ParseAddress.
func (a *Address) UnmarshalText(text []byte) error {
	v, err := ParseAddress(string(text))
	if err != nil {
		return err
	}
	*a = v
	return nil
}

// ParseAddress parses "0x" and one to four hexadecimal digits.
func ParseAddress(s string) (Address, error) {
	digits, ok := strings.CutPrefix(strings.ToLower(s), "0x")
	if !ok {
		return 0, fmt.Errorf("mesh: address: expected 0x and four hexadecimal digits, got %q", s)
	}
	v, err := strconv.ParseUint(digits, 16, 16)
	if err != nil {
		return 0, fmt.Errorf("mesh: address: expected 0x0000 to 0xffff, got %q", s)
	}
	return Address(v), nil
}

// UUID identifies a device (Device UUID, section 3.11.3) or a label (Label UUID
// of a virtual address, section 3.4.2.3). Its text is 32 hexadecimal digits
// without dashes, which suits topics and identifiers.
type UUID [16]byte

// String returns 32 lower-case hexadecimal digits.
func (u UUID) String() string { return hex.EncodeToString(u[:]) }

// IsZero reports whether the UUID is not set.
func (u UUID) IsZero() bool { return u == UUID{} }

// MarshalText returns String, for JSON and YAML.
func (u UUID) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText accepts the same texts as ParseUUID.
func (u *UUID) UnmarshalText(text []byte) error {
	v, err := ParseUUID(string(text))
	if err != nil {
		return err
	}
	*u = v
	return nil
}

// ParseUUID parses 32 hexadecimal digits, with or without the usual dashes.
func ParseUUID(s string) (UUID, error) {
	var u UUID
	digits := strings.ReplaceAll(s, "-", "")
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != len(u) {
		return u, fmt.Errorf("mesh: uuid: expected 32 hexadecimal digits, dashes allowed, got %q", s)
	}
	copy(u[:], b)
	return u, nil
}
