package mesh

import (
	"fmt"
	"strconv"
	"strings"
)

// KeyIndex identifies a NetKey or an AppKey within a network (section 3.9.6.3):
// twelve bits, 0x000 to 0xFFF.
type KeyIndex uint16

// MaxKeyIndex is the largest key index.
const MaxKeyIndex KeyIndex = 0x0FFF

// PrimaryNetKey is the index of the primary subnet's key.
const PrimaryNetKey KeyIndex = 0

// SequenceNumber is the 24-bit counter in every network PDU of an element
// (section 3.4.4.5). A node uses each value only once per IV index.
type SequenceNumber uint32

// MaxSequenceNumber is the last sequence number of an IV index.
const MaxSequenceNumber SequenceNumber = 0xFFFFFF

// IVIndex is the 32-bit value that all nodes of a network share (section
// 3.10.5).
type IVIndex uint32

// TTL is the 7-bit time to live of a network PDU (section 3.4.4.4).
type TTL uint8

// Limits of TTL. DefaultTTL as an argument means the node's Default TTL state
// (section 4.2.8); it is never transmitted.
const (
	MaxTTL     TTL = 0x7F
	DefaultTTL TTL = 0xFF
)

// Opcode is an access layer opcode of one, two or three octets (section
// 3.7.3.1). Its value is the octets in the order on the air: 0x02, 0x8201,
// 0xC15D00 (the vendor opcode 0x01 of company 0x005D).
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

// Company returns the company identifier of a vendor opcode.
func (o Opcode) Company() CompanyID { return CompanyID(o&0xFF)<<8 | CompanyID(o>>8&0xFF) }

// String returns the octets of the opcode in hexadecimal, in the order on the
// air.
func (o Opcode) String() string { return fmt.Sprintf("%0*x", 2*o.Size(), uint32(o)) }

// MarshalText returns String, for JSON.
func (o Opcode) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText parses the text from String: two, four or six hexadecimal
// digits.
func (o *Opcode) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 16, 24)
	if err != nil || 2*Opcode(v).Size() != len(text) {
		return fmt.Errorf("mesh: opcode: expected two, four or six hexadecimal digits, got %q", text)
	}
	*o = Opcode(v)
	return nil
}

// VendorOpcode returns a company's opcode with the six-bit number n.
func VendorOpcode(n uint8, c CompanyID) Opcode {
	return Opcode(0xC0|n&0x3F)<<16 | Opcode(c&0xFF)<<8 | Opcode(c>>8)
}

// CompanyID is a company identifier of the Assigned Numbers.
type CompanyID uint16

// ModelID identifies a model: 16 bits for SIG models, company and 16 bits for
// vendor models (section 3.7.4). The upper half is the company; SIG models have
// the value sigModels there, which no company can have.
type ModelID uint32

const sigModels = 0xFFFF

// SIG is the upper half of a SIG model's identifier: SIG | 0x1000 is the
// Generic OnOff Server.
const SIG ModelID = sigModels << 16

// SIGModel returns the identifier of a SIG model.
func SIGModel(id uint16) ModelID { return SIG | ModelID(id) }

// VendorModel returns the identifier of a vendor model.
func VendorModel(c CompanyID, id uint16) ModelID { return ModelID(c)<<16 | ModelID(id) }

// IsVendor reports whether the model belongs to a company.
func (m ModelID) IsVendor() bool { return m>>16 != sigModels }

// Company returns the company of a vendor model.
func (m ModelID) Company() CompanyID { return CompanyID(m >> 16) }

// Number returns the 16-bit model identifier without the company.
func (m ModelID) Number() uint16 { return uint16(m) }

// String returns four digits for a SIG model and company:model for a vendor
// model, all hexadecimal.
func (m ModelID) String() string {
	if m.IsVendor() {
		return fmt.Sprintf("%04x:%04x", uint16(m.Company()), m.Number())
	}
	return fmt.Sprintf("%04x", m.Number())
}

// MarshalText returns String, for JSON.
func (m ModelID) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText parses the text from String.
func (m *ModelID) UnmarshalText(text []byte) error {
	v, err := ParseModelID(string(text))
	if err != nil {
		return err
	}
	*m = v
	return nil
}

// ParseModelID parses four hexadecimal digits, or company:model for a vendor
// model.
func ParseModelID(s string) (ModelID, error) {
	company, number, vendor := strings.Cut(s, ":")
	if !vendor {
		company, number = "ffff", s
	}
	c, errCompany := strconv.ParseUint(company, 16, 16)
	n, errNumber := strconv.ParseUint(number, 16, 16)
	if errCompany != nil || errNumber != nil || vendor && c == sigModels {
		return 0, fmt.Errorf("mesh: model: expected four hexadecimal digits, or company:model, got %q", s)
	}
	return ModelID(c<<16 | n), nil
}
