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

// Fixed addresses (section 3.4.2.4, table 3.7).
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

// IsUnicast reports whether a names one element.
func (a Address) IsUnicast() bool { return a >= FirstUnicast && a <= LastUnicast }

// IsVirtual reports whether a is the hash of a label UUID.
func (a Address) IsVirtual() bool { return a&0xC000 == 0x8000 }

// IsGroup reports whether a is a group address, fixed groups included.
func (a Address) IsGroup() bool { return a >= FirstGroup }

// IsFixedGroup reports whether a is one of the groups that every node with the
// matching feature belongs to.
func (a Address) IsFixedGroup() bool { return a >= 0xFF00 }

// String prints the address as 0x and four hexadecimal digits.
func (a Address) String() string { return fmt.Sprintf("0x%04x", uint16(a)) }

// MarshalText prints the address for JSON and YAML.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what ParseAddress reads.
func (a *Address) UnmarshalText(text []byte) error {
	v, err := ParseAddress(string(text))
	if err != nil {
		return err
	}
	*a = v
	return nil
}

// ParseAddress reads an address of one to four hexadecimal digits behind "0x".
func ParseAddress(s string) (Address, error) {
	digits, ok := strings.CutPrefix(strings.ToLower(s), "0x")
	if !ok {
		return 0, fmt.Errorf("mesh: address %q: expected 0x and four hexadecimal digits", s)
	}
	v, err := strconv.ParseUint(digits, 16, 16)
	if err != nil {
		return 0, fmt.Errorf("mesh: address %q: expected 0x0000 to 0xffff", s)
	}
	return Address(v), nil
}

// UUID identifies a device (Device UUID, section 3.11.3) or a label (Label
// UUID of a virtual address, section 3.4.2.3). It prints as 32 hexadecimal
// digits without dashes, the way topics and identifiers want it.
type UUID [16]byte

// String prints 32 lower-case hexadecimal digits.
func (u UUID) String() string { return hex.EncodeToString(u[:]) }

// IsZero reports whether the UUID is not set.
func (u UUID) IsZero() bool { return u == UUID{} }

// MarshalText prints the UUID for JSON and YAML.
func (u UUID) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText reads what ParseUUID reads.
func (u *UUID) UnmarshalText(text []byte) error {
	v, err := ParseUUID(string(text))
	if err != nil {
		return err
	}
	*u = v
	return nil
}

// ParseUUID reads 32 hexadecimal digits, with or without the usual dashes.
func ParseUUID(s string) (UUID, error) {
	var u UUID
	digits := strings.ReplaceAll(s, "-", "")
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != len(u) {
		return u, fmt.Errorf("mesh: uuid %q: expected 32 hexadecimal digits, dashes allowed", s)
	}
	copy(u[:], b)
	return u, nil
}
