package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// AddressRange is a range of unicast addresses: the elements of a node.
//
//	| LengthPresent 1 | RangeStart 15 | [ RangeLength 8 ] |
type AddressRange struct {
	RangeStart  mesh.Address
	RangeLength uint8 // at least 1
}

// Holds reports whether a is in the range.
func (r AddressRange) Holds(a mesh.Address) bool {
	return a >= r.RangeStart && int(a) < int(r.RangeStart)+int(r.RangeLength)
}

// Fields visits the fields of the range.
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
			c.Require(r.RangeLength > 1, "range_length", "at least 2 if present")
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
