package node

import (
	"errors"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
)

// ErrNoIVIndex is what a node answers that has its keys from a file and has not
// heard a beacon yet.
var ErrNoIVIndex = errors.New("node: the IV index of the network is not known yet; it comes with the next beacon of a node in reach")

// learnIVIndex takes the IV index from the first beacon of a network whose keys
// came without it. No number has been sent with yet, so whatever the network
// says is right, also if it is an old beacon that somebody repeats: the next
// true one moves the node on.
func (c *Core) learnIVIndex(said beacon.State) {
	c.state.IVIndexUnknown = false
	c.state.IVIndex, c.state.IVUpdate = said.IVIndex, said.IVUpdate
	c.stateDirty = true
	c.sequence.restart(transmitIVIndex(said.IVIndex, said.IVUpdate))
	c.receiver.SetIVIndex(c.state.IVIndex)
	c.report(IVIndexChanged{IVIndex: c.state.IVIndex, Update: c.state.IVUpdate})
	c.startRequests()
	c.collectTransport(0)
}
