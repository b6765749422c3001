package node

import (
	"errors"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// ErrNoIVIndex is what a node answers that has its keys from a file, or its
// memory from a backup, and has not heard the network yet.
var ErrNoIVIndex = errors.New("node: the IV index of the network is not known yet; it comes with the next beacon or message of a node in reach")

// learnIVIndex takes the IV index from the first beacon of a network whose keys
// came without it; what the node has of an IV index is the least that it can
// be. Nothing has been sent yet, so whatever the network says is right, also if
// it is an old beacon that somebody repeats: the next true one moves the node
// on.
func (c *Core) learnIVIndex(said beacon.State) {
	if said.IVIndex < c.state.IVIndex {
		c.counters.IVIgnored++
		return
	}
	said.KeyRefresh = false
	c.state.IVIndexUnknown = false
	c.changeIV(said, false)
	c.iv.unsure = true // the network is in this state for longer than we know
	c.startRequests()
	c.collectTransport(0)
}

// learnFrom does without a beacon where a message can be read: there may be no
// node in reach that sends beacons.
func (c *Core) learnFrom(p *network.PDU) {
	if c.state.IVIndexUnknown && p.IVIndex == c.state.IVIndex {
		c.learnIVIndex(c.ivState())
	}
}
