package foundation

import (
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

func listSize(n int) uint8 { return uint8(min(n, 0xFF)) }

func requireListSizes(c *access.Codec, sizes ...int) {
	for _, n := range sizes {
		c.Require(n <= 0xFF, "size of a list", "at most 255")
	}
}

func octet(v *uint8, c *access.Codec) { c.Uint8("", v) }

func inWords(s uint8, words []string) string {
	if int(s) < len(words) {
		return words[s]
	}
	return fmt.Sprintf("reserved status 0x%02x", s)
}

// retransmit visits a count in three bits and steps of 10 ms, less one, in
// five.
func retransmit(c *access.Codec, name string, r *state.Retransmit) {
	c.Bits(name+"_count", &r.Count, 3)
	c.Bits(name+"_interval_steps", &r.Steps, 5)
}

func address(a *mesh.Address, c *access.Codec) { c.Address("", a) }
