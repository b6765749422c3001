package foundation

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

// Host is the node that a foundation server works on. A server asks it for more,
// such as node identity or the friend of a Low Power node, by interfaces of its
// own package.
type Host interface {
	// State is the configuration of the node, to be read only.
	State() *state.Node
	// Edit changes the configuration. The node stores it and acts by it, unless
	// change returns false: then nothing has changed.
	Edit(change func(*state.Node) bool)
	// Reset takes the node out of its network.
	Reset() error
}

// HostedModel is a model that works on its node itself. The node introduces
// itself before the model's first message.
type HostedModel interface{ Attach(Host) }
