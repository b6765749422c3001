package node

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// This file is what others may not do with a node, and what its owner is told of
// what they do: a provisioner has a Configuration Server like every node, and the
// only copy of its network.

// ResetRefused says that a Configuration Client wanted to remove this node from
// its network, and that Options.Resident kept it there.
type ResetRefused struct{ By mesh.Address }

// KeysChanged says that the node has keys of other indexes than before, whoever
// gave or took them.
type KeysChanged struct{}

func (ResetRefused) isEvent() {}
func (KeysChanged) isEvent()  {}

// Leaves implements configuration.Resident.
func (c *Core) Leaves(by mesh.Address) bool {
	if c.options.Resident {
		c.report(ResetRefused{By: by})
	}
	return !c.options.Resident
}

// heldKey names a NetKey, or an AppKey with its NetKey.
type heldKey struct {
	net, app mesh.KeyIndex
	isApp    bool
}

// tellKeys reports keys that came or went.
func (c *Core) tellKeys() {
	held := make([]heldKey, 0, len(c.state.Subnets)+len(c.state.AppKeys))
	for i := range c.state.Subnets {
		held = append(held, heldKey{net: c.state.Subnets[i].Index})
	}
	for i := range c.state.AppKeys {
		k := &c.state.AppKeys[i]
		held = append(held, heldKey{net: k.NetKey, app: k.Index, isApp: true})
	}
	if c.heldKeys != nil && !slices.Equal(c.heldKeys, held) {
		c.report(KeysChanged{})
	}
	c.heldKeys = held
}
