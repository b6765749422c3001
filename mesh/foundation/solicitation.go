package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the Solicitation PDU RPL Configuration messages (section 4.3).
const (
	OpSolicitationPDURPLItemsClear               mesh.Opcode = 0x8078
	OpSolicitationPDURPLItemsClearUnacknowledged mesh.Opcode = 0x8079
	OpSolicitationPDURPLItemsStatus              mesh.Opcode = 0x807A
)

// AddressRange is a run of unicast addresses, those of a node's elements.
//
//	| LengthPresent 1 | RangeStart 15 | [ RangeLength 8 ] |
type AddressRange struct {
	RangeStart  mesh.Address
	RangeLength uint8 // 1 and more
}

// Holds reports whether a is in the range.
func (r AddressRange) Holds(a mesh.Address) bool {
	return a >= r.RangeStart && int(a) < int(r.RangeStart)+int(r.RangeLength)
}

// Fields visits the range.
func (r *AddressRange) Fields(c *access.Codec) {
	if !c.Octets() {
		c.Address("range_start", &r.RangeStart)
		c.Uint8("range_length", &r.RangeLength)
	} else {
		long, start := r.RangeLength > 1, uint16(r.RangeStart)
		c.Flag("length_present", &long)
		c.Bits16("range_start", &start, 15)
		switch {
		case long:
			c.Uint8("range_length", &r.RangeLength)
			c.Require(r.RangeLength > 1, "range_length", "2 or more where it is present")
		case c.Reading():
			r.RangeLength = 1
		}
		if c.Reading() {
			r.RangeStart = mesh.Address(start)
		}
	}
	c.Require(r.RangeStart.IsUnicast() && r.RangeLength > 0 && int(r.RangeStart)+int(r.RangeLength)-1 <= int(mesh.LastUnicast),
		"range_start", "a range of unicast addresses")
}

func addressRange(r *AddressRange, c *access.Codec) { r.Fields(c) }

// SolicitationPDURPLItemsClear makes the node forget the solicitations of a
// range of addresses, and is answered.
//
//	| AddressRange 16 or 24 |
type SolicitationPDURPLItemsClear struct {
	AddressRange
}

// Opcode is 0x8078.
func (SolicitationPDURPLItemsClear) Opcode() mesh.Opcode { return OpSolicitationPDURPLItemsClear }

// Fields visits the parameters.
func (m *SolicitationPDURPLItemsClear) Fields(c *access.Codec) { m.AddressRange.Fields(c) }

// SolicitationPDURPLItemsClearUnacknowledged is SolicitationPDURPLItemsClear
// without an answer.
type SolicitationPDURPLItemsClearUnacknowledged struct{ SolicitationPDURPLItemsClear }

// Opcode is 0x8079.
func (SolicitationPDURPLItemsClearUnacknowledged) Opcode() mesh.Opcode {
	return OpSolicitationPDURPLItemsClearUnacknowledged
}

// SolicitationPDURPLItemsStatus answers SolicitationPDURPLItemsClear.
//
//	| AddressRange 16 or 24 |
type SolicitationPDURPLItemsStatus struct {
	AddressRange
}

// Opcode is 0x807A.
func (SolicitationPDURPLItemsStatus) Opcode() mesh.Opcode { return OpSolicitationPDURPLItemsStatus }

// Fields visits the parameters.
func (m *SolicitationPDURPLItemsStatus) Fields(c *access.Codec) { m.AddressRange.Fields(c) }
