package node

import (
	"errors"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
)

// ErrNoIVIndex is what a node answers that has its keys from a file and has not
// heard a beacon yet.
var ErrNoIVIndex = errors.New("node: the IV index of the network is not known yet; it comes with the next beacon of a node in reach")

// learnIVIndex takes the IV index from the first beacon of a network whose keys
// came without it. Nothing has been sent yet, so whatever the network says is
// right, also if it is an old beacon that somebody repeats: the next true one
// moves the node on.
func (c *Core) learnIVIndex(said beacon.State) {
	said.KeyRefresh = false
	c.state.IVIndexUnknown = false
	c.changeIV(said, false)
	c.iv.unsure = true // the network is in this state for longer than we know
	c.startRequests()
	c.collectTransport(0)
}
