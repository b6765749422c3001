package node

import (
	"fmt"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// peer is another node that this node knows.
type peer struct {
	state.Peer
	ccm *crypto.CCM // of its device key; nil when nobody told that
}

// Peers lists the nodes that this node has provisioned, by address.
func (c *Core) Peers() []state.Peer {
	list := make([]state.Peer, 0, len(c.peers))
	for _, p := range c.peers {
		list = append(list, p.Peer)
	}
	return list
}

// peer finds the node that has an element with this address.
func (c *Core) peer(a mesh.Address) *peer {
	i, found := slices.BinarySearchFunc(c.peers, a, func(p *peer, a mesh.Address) int { return int(p.Address) - int(a) })
	if !found {
		i--
	}
	if i >= 0 && c.peers[i].Holds(a) {
		return c.peers[i]
	}
	return nil
}

// addPeer notes a node, in memory and in the output. A device that was
// provisioned before has lost its old addresses by then.
func (c *Core) addPeer(p state.Peer) error {
	data, err := p.Encode()
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	c.peers = slices.DeleteFunc(c.peers, func(old *peer) bool {
		if old.UUID == p.UUID && old.Address != p.Address {
			c.exclude(old)
		}
		return old.UUID == p.UUID
	})
	c.readmit(p.Address)
	c.insertPeer(p)
	c.output.Persist = append(c.output.Persist, store.Change{Table: TablePeers, Key: p.UUID.String(), Value: data})
	return nil
}

func (c *Core) insertPeer(p state.Peer) {
	i, _ := slices.BinarySearchFunc(c.peers, p.Address, func(p *peer, a mesh.Address) int { return int(p.Address) - int(a) })
	known := &peer{Peer: p}
	if !p.DeviceKey.IsZero() {
		known.ccm = crypto.NewCCM(p.DeviceKey)
	}
	c.peers = slices.Insert(c.peers, i, known)
}

// Forget drops a node that has left the network. Its addresses are excluded for
// a time.
func (c *Core) Forget(now time.Time, uuid mesh.UUID) {
	c.begin(now)
	for _, p := range c.peers {
		if p.UUID == uuid {
			c.exclude(p)
			c.dropFriend(p.Address)
		}
	}
	c.peers = slices.DeleteFunc(c.peers, func(p *peer) bool { return p.UUID == uuid })
	c.output.Persist = append(c.output.Persist, store.Change{Table: TablePeers, Key: uuid.String()})
}
