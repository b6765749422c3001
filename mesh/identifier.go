package mesh

import (
	"fmt"
	"strconv"
	"strings"
)

// KeyIndex names a NetKey or an AppKey within a network (section 3.9.6.3).
// Twelve bits, 0x000 to 0xFFF.
type KeyIndex uint16

// MaxKeyIndex is the largest key index.
const MaxKeyIndex KeyIndex = 0x0FFF

// PrimaryNetKey is the index of the primary subnet's key.
const PrimaryNetKey KeyIndex = 0

// SequenceNumber is the 24-bit counter that every network PDU of an element
// carries (section 3.4.4.5). With one IV index a node uses each value once.
type SequenceNumber uint32

// MaxSequenceNumber is the last sequence number of an IV index.
const MaxSequenceNumber SequenceNumber = 0xFFFFFF

// IVIndex is the 32-bit value all nodes of a network share (section 3.10.5).
type IVIndex uint32

// TTL is the 7-bit time to live of a network PDU (section 3.4.4.4).
type TTL uint8

// Limits of TTL. DefaultTTL as an argument asks for the node's Default TTL
// state (section 4.2.8); it never goes on the air.
const (
	MaxTTL     TTL = 0x7F
	DefaultTTL TTL = 0xFF
)

// Opcode is an access layer opcode of one, two or three octets (section
// 3.7.3.1), written as its octets read on the air, first octet first: 0x02,
// 0x8201, 0xC15D00 (a vendor opcode 0x01 of company 0x005D).
type Opcode uint32

// Size is the number of octets of the opcode: 1, 2 or 3.
func (o Opcode) Size() int {
	switch {
	case o > 0xFFFF:
		return 3
	case o > 0xFF:
		return 2
	default:
		return 1
	}
}

// IsVendor reports whether the opcode belongs to a company.
func (o Opcode) IsVendor() bool { return o > 0xFFFF }

// Company is the company identifier of a vendor opcode.
func (o Opcode) Company() CompanyID { return CompanyID(o&0xFF)<<8 | CompanyID(o>>8&0xFF) }

// String prints the octets of the opcode in hexadecimal, first octet first.
func (o Opcode) String() string { return fmt.Sprintf("%0*x", 2*o.Size(), uint32(o)) }

// MarshalText prints the opcode for JSON.
func (o Opcode) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what String prints: two, four or six hexadecimal digits.
func (o *Opcode) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 16, 24)
	if err != nil || 2*Opcode(v).Size() != len(text) {
		return fmt.Errorf("mesh: opcode %q: expected its octets as two, four or six hexadecimal digits", text)
	}
	*o = Opcode(v)
	return nil
}

// VendorOpcode is the opcode with the six-bit number n of a company.
func VendorOpcode(n uint8, c CompanyID) Opcode {
	return Opcode(0xC0|n&0x3F)<<16 | Opcode(c&0xFF)<<8 | Opcode(c>>8)
}

// CompanyID is a company identifier of the Assigned Numbers.
type CompanyID uint16

// ModelID names a model: 16 bits for the models of the specifications, company
// and 16 bits for vendor models (section 3.7.4). The upper half holds the
// company; specification models have sigModels there, a value that no company
// can have.
type ModelID uint32

const sigModels = 0xFFFF

// SIG is the upper half of a specification model's identifier: SIG | 0x1000 is
// the Generic OnOff Server.
const SIG ModelID = sigModels << 16

// SIGModel is the identifier of a model of the specifications.
func SIGModel(id uint16) ModelID { return SIG | ModelID(id) }

// VendorModel is the identifier of a company's model.
func VendorModel(c CompanyID, id uint16) ModelID { return ModelID(c)<<16 | ModelID(id) }

// IsVendor reports whether the model belongs to a company.
func (m ModelID) IsVendor() bool { return m>>16 != sigModels }

// Company is the company of a vendor model.
func (m ModelID) Company() CompanyID { return CompanyID(m >> 16) }

// Number is the 16-bit number of the model within the specifications or
// within its company.
func (m ModelID) Number() uint16 { return uint16(m) }

// String prints four digits for a model of the specifications and
// company:model for a vendor model, all hexadecimal.
func (m ModelID) String() string {
	if m.IsVendor() {
		return fmt.Sprintf("%04x:%04x", uint16(m.Company()), m.Number())
	}
	return fmt.Sprintf("%04x", m.Number())
}

// MarshalText prints the model for JSON.
func (m ModelID) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what String prints.
func (m *ModelID) UnmarshalText(text []byte) error {
	v, err := ParseModelID(string(text))
	if err != nil {
		return err
	}
	*m = v
	return nil
}

// ParseModelID reads four hexadecimal digits, or company:model for a vendor
// model.
func ParseModelID(s string) (ModelID, error) {
	company, number, vendor := strings.Cut(s, ":")
	if !vendor {
		company, number = "ffff", s
	}
	c, errCompany := strconv.ParseUint(company, 16, 16)
	n, errNumber := strconv.ParseUint(number, 16, 16)
	if errCompany != nil || errNumber != nil || vendor && c == sigModels {
		return 0, fmt.Errorf("mesh: model %q: expected four hexadecimal digits, or company:model", s)
	}
	return ModelID(c<<16 | n), nil
}
