// Package field visits fields and lists that messages of several foundation
// models share (Mesh Protocol 1.1.1, section 4.3).
//
//	| ListSize 8 | items |    a list with its length in front
//	| Count 3 | Steps 5 |     Retransmit
package field

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// ListSize returns a length as it is encoded: at most 255. RequireListSizes
// refuses longer lists.
func ListSize(n int) uint8 { return uint8(min(n, 0xFF)) }

// RequireListSizes refuses lists that are too long for a length of one octet.
func RequireListSizes(c *access.Codec, sizes ...int) {
	for _, n := range sizes {
		c.Require(n <= 0xFF, "size of a list", "at most 255")
	}
}

// Octet visits an item of a list of octets.
func Octet(v *uint8, c *access.Codec) { c.Uint8("", v) }

// Retransmit visits a count in three bits and an interval in five: steps of 10
// ms, minus one.
func Retransmit(c *access.Codec, name string, r *state.Retransmit) {
	c.Bits(name+"_count", &r.Count, 3)
	c.Bits(name+"_interval_steps", &r.Steps, 5)
}

// Address visits an item of a list of addresses.
func Address(a *mesh.Address, c *access.Codec) { c.Address("", a) }
