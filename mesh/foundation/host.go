package foundation

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

// Host is the node of a foundation server. A server that needs more, such as
// node identity or the Friend feature, defines an interface for it in its own
// package.
type Host interface {
	// State returns the configuration of the node, to be read only.
	State() *state.Node
	// Edit changes the configuration. The node stores it and applies it, unless
	// change returns false: then nothing has changed.
	Edit(change func(*state.Node) bool)
	// Reset removes the node from its network.
	Reset() error
}

// HostedModel is a model that works on its node. The node calls Attach before
// the model's first message.
type HostedModel interface{ Attach(Host) }
