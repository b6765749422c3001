package foundation

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"

// Host is the node that a foundation server works on. A server asks it for more,
// such as node identity or the friend of a Low Power node, by interfaces of its
// own package.
type Host interface {
	// State is what the node is; the server changes it and calls Changed.
	State() *state.Node
	// Changed makes the node act by its changed state and keep it.
	Changed()
	// Reset takes the node out of its network.
	Reset() error
}

// Attacher is a model that works on its node itself. The node introduces
// itself before the model's first message.
type Attacher interface{ Attach(Host) }
