package access

import (
	"encoding/hex"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// Uint8 visits one octet.
func (c *Codec) Uint8(name string, v *uint8) {
	if n := c.unsigned(name, uint64(*v), 1); c.Reading() {
		*v = uint8(n)
	}
}

// Uint16 visits two octets.
func (c *Codec) Uint16(name string, v *uint16) {
	if n := c.unsigned(name, uint64(*v), 2); c.Reading() {
		*v = uint16(n)
	}
}

// Uint24 visits three octets. Values of more than 24 bits are rejected.
func (c *Codec) Uint24(name string, v *uint32) {
	if n := c.unsigned(name, uint64(*v), 3); c.Reading() {
		*v = uint32(n)
	}
}

// Uint32 visits four octets.
func (c *Codec) Uint32(name string, v *uint32) {
	if n := c.unsigned(name, uint64(*v), 4); c.Reading() {
		*v = uint32(n)
	}
}

// Uint40 visits five octets. Values of more than 40 bits are rejected.
func (c *Codec) Uint40(name string, v *uint64) {
	if n := c.unsigned(name, *v, 5); c.Reading() {
		*v = n
	}
}

// Uint64 visits eight octets.
func (c *Codec) Uint64(name string, v *uint64) {
	if n := c.unsigned(name, *v, 8); c.Reading() {
		*v = n
	}
}

// Int8 visits one octet in two's complement.
func (c *Codec) Int8(name string, v *int8) {
	if n := c.signed(name, int64(*v), 1); c.Reading() {
		*v = int8(n)
	}
}

// Int16 visits two octets in two's complement.
func (c *Codec) Int16(name string, v *int16) {
	if n := c.signed(name, int64(*v), 2); c.Reading() {
		*v = int16(n)
	}
}

// Int32 visits four octets in two's complement.
func (c *Codec) Int32(name string, v *int32) {
	if n := c.signed(name, int64(*v), 4); c.Reading() {
		*v = int32(n)
	}
}

// Bool visits an octet that is 0 or 1. Other values are rejected.
func (c *Codec) Bool(name string, v *bool) {
	if c.Octets() {
		n := c.unsigned(name, uint64(boolBits(*v)), 1)
		c.Require(n <= 1, name, "0 or 1")
		if c.Reading() {
			*v = n == 1
		}
		return
	}
	c.boolJSON(name, v)
}

// Flag visits one bit.
func (c *Codec) Flag(name string, v *bool) {
	if c.Octets() {
		if n := c.narrow(name, boolBits(*v), 1); c.Reading() {
			*v = n == 1
		}
		return
	}
	c.boolJSON(name, v)
}

func boolBits(v bool) uint32 {
	if v {
		return 1
	}
	return 0
}

// Bits visits the next 1 to 8 bits, the least significant first.
func (c *Codec) Bits(name string, v *uint8, width uint) {
	if n := c.narrow(name, uint32(*v), width); c.Reading() {
		*v = uint8(n)
	}
}

// Bits16 visits the next 1 to 16 bits, the least significant first.
func (c *Codec) Bits16(name string, v *uint16, width uint) {
	if n := c.narrow(name, uint32(*v), width); c.Reading() {
		*v = uint16(n)
	}
}

// Reserved visits bits that are reserved for future use: zero when sent,
// ignored when received.
func (c *Codec) Reserved(width uint) {
	if c.Octets() {
		c.narrow("reserved bits", 0, width)
	}
}

// Enum visits one octet whose values have names. JSON is written with the name
// if there is one, and read with the name or the number.
func (c *Codec) Enum(name string, v *uint8, words []string) {
	if c.Octets() {
		c.Uint8(name, v)
		return
	}
	c.enumJSON(name, v, 8, words)
}

// InWords returns the name of an enumerated value: words[v], or "reserved value"
// with its number.
func InWords(v uint8, words []string) string {
	if int(v) < len(words) {
		return words[v]
	}
	return fmt.Sprintf("reserved value 0x%02x", v)
}

// EnumBits is Enum with 1 to 8 bits.
func (c *Codec) EnumBits(name string, v *uint8, width uint, words []string) {
	if c.Octets() {
		c.Bits(name, v, width)
		return
	}
	c.enumJSON(name, v, int(width), words)
}

// Address visits an address of two octets.
func (c *Codec) Address(name string, v *mesh.Address) {
	if c.Octets() {
		if n := c.unsigned(name, uint64(*v), 2); c.Reading() {
			*v = mesh.Address(n)
		}
		return
	}
	c.addressJSON(name, v)
}

// Unicast is Address restricted to unicast addresses.
func (c *Codec) Unicast(name string, v *mesh.Address) {
	c.Address(name, v)
	c.Require(v.IsUnicast(), name, "a unicast address")
}

// KeyIndex visits a key index in two octets, the upper four bits reserved
// (section 4.3.1.1).
func (c *Codec) KeyIndex(name string, v *mesh.KeyIndex) {
	c.Bits16(name, (*uint16)(v), 12)
	c.Reserved(4)
}

// KeyIndexPair visits two key indexes in three octets, the first in the lower
// twelve bits (section 4.3.1.1).
func (c *Codec) KeyIndexPair(first string, v *mesh.KeyIndex, second string, w *mesh.KeyIndex) {
	c.Bits16(first, (*uint16)(v), 12)
	c.Bits16(second, (*uint16)(w), 12)
}

// KeyIndexes visits key indexes up to the end of the message: pairs in three
// octets, an odd one in two (section 4.3.1.1).
func (c *Codec) KeyIndexes(name string, v *[]mesh.KeyIndex) {
	if !c.Octets() {
		List(c, name, v, func(index *mesh.KeyIndex, c *Codec) { c.Bits16("", (*uint16)(index), 12) })
		return
	}
	if c.Reading() {
		*v = (*v)[:0]
		for c.Left() > 0 {
			var first, second mesh.KeyIndex
			if c.Left() == 2 {
				c.KeyIndex(name, &first)
				*v = append(*v, first)
				continue
			}
			c.KeyIndexPair(name, &first, name, &second)
			*v = append(*v, first, second)
		}
		return
	}
	for left := *v; len(left) > 0 && c.err == nil; {
		if len(left) == 1 {
			c.KeyIndex(name, &left[0])
			return
		}
		c.KeyIndexPair(name, &left[0], name, &left[1])
		left = left[2:]
	}
}

// ModelID visits a model identifier at the end of a message: two octets for a
// SIG model, or company and model, two octets each.
func (c *Codec) ModelID(name string, v *mesh.ModelID) {
	switch {
	case !c.Octets():
		c.modelJSON(name, v)
	case c.Reading() && c.Left() == 4, !c.Reading() && v.IsVendor():
		c.VendorModel(name, v)
	default:
		c.SIGModel(name, v)
	}
}

// SIGModel visits the identifier of a SIG model.
func (c *Codec) SIGModel(name string, v *mesh.ModelID) {
	if !c.Octets() {
		c.modelJSON(name, v)
	} else if n := c.unsigned(name, uint64(v.Number()), 2); c.Reading() {
		*v = mesh.SIGModel(uint16(n))
	}
	c.Require(!v.IsVendor(), name, "a SIG model")
}

// VendorModel visits the identifier of a vendor model: company, then model.
func (c *Codec) VendorModel(name string, v *mesh.ModelID) {
	if !c.Octets() {
		c.modelJSON(name, v)
	} else {
		company := c.unsigned(name, uint64(v.Company()), 2)
		number := c.unsigned(name, uint64(v.Number()), 2)
		if c.Reading() {
			*v = mesh.VendorModel(mesh.CompanyID(company), uint16(number))
		}
	}
	c.Require(v.IsVendor(), name, "a vendor model")
}

// UUID visits 16 octets.
func (c *Codec) UUID(name string, v *mesh.UUID) { c.Fixed(name, v[:]) }

// Key visits the 16 octets of a key. It is read from JSON as 32 hexadecimal
// digits; JSON that is written does not contain the key.
func (c *Codec) Key(name string, v *crypto.Key) {
	switch c.mode {
	case writeJSON:
		c.writeString(name, v.String())
	case readJSON:
		if text, ok := c.parseString(name); ok {
			key, err := crypto.ParseKey(text)
			c.Require(err == nil, name, "32 hexadecimal digits")
			*v = key
		}
	default:
		c.Fixed(name, v[:])
	}
}

// Fixed visits len(v) octets.
func (c *Codec) Fixed(name string, v []byte) {
	if c.err != nil {
		return
	}
	switch c.mode {
	case readOctets:
		copy(v, c.next(name, len(v)))
	case writeOctets:
		c.aligned()
		c.buf = append(c.buf, v...)
	case writeJSON:
		c.writeHex(name, v)
	case readJSON:
		if b, ok := c.parseHex(name); ok {
			if len(b) != len(v) {
				c.err = fmt.Errorf("%w: %s: expected %d octets in hexadecimal, got %d", ErrJSON, name, len(v), len(b))
				return
			}
			copy(v, b)
		}
	}
}

// Bytes visits n octets; when writing, n is the length of v. The octets are
// copied into the memory of v.
func (c *Codec) Bytes(name string, v *[]byte, n int) {
	if c.err != nil {
		return
	}
	switch c.mode {
	case readOctets:
		*v = append((*v)[:0], c.next(name, n)...)
	case readJSON:
		if b, ok := c.parseHex(name); ok {
			*v = append((*v)[:0], b...)
		}
	default:
		c.Fixed(name, *v)
	}
}

// Rest visits the octets up to the end of the message.
func (c *Codec) Rest(name string, v *[]byte) {
	c.aligned()
	c.Bytes(name, v, len(c.buf))
}

// Raw is a message without a description: an opcode and its parameters.
type Raw struct {
	Code   mesh.Opcode
	Params []byte
}

// Opcode returns the opcode.
func (m Raw) Opcode() mesh.Opcode { return m.Code }

// Fields visits the parameters as one field.
func (m *Raw) Fields(c *Codec) { c.Rest("parameters", &m.Params) }

// String formats the message in hexadecimal.
func (m Raw) String() string { return m.Code.String() + " " + hex.EncodeToString(m.Params) }

// OrUnknown visits a number of the same size in which one value means "not
// known": null in JSON.
func OrUnknown[T ~uint8 | ~uint16 | ~uint32](c *Codec, name string, v *T, octets int, unknown T) {
	switch {
	case c.mode == readJSON && c.isNull(name):
		*v = unknown
	case c.mode == writeJSON && *v == unknown:
		c.writeNull(name)
	default:
		if n := c.unsigned(name, uint64(*v), octets); c.Reading() {
			*v = T(n)
		}
	}
}
