package node

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// peer is another node whose device key this node knows.
type peer struct {
	state.Peer
	ccm *crypto.CCM
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
	c.peers = slices.DeleteFunc(c.peers, func(old *peer) bool { return old.UUID == p.UUID })
	c.insertPeer(p)
	c.output.Persist = append(c.output.Persist, store.Change{Table: TablePeers, Key: p.UUID.String(), Value: data})
	return nil
}

func (c *Core) insertPeer(p state.Peer) {
	i, _ := slices.BinarySearchFunc(c.peers, p.Address, func(p *peer, a mesh.Address) int { return int(p.Address) - int(a) })
	c.peers = slices.Insert(c.peers, i, &peer{Peer: p, ccm: crypto.NewCCM(p.DeviceKey)})
}

// Forget drops a node that has left the network. Its addresses are not given
// out again: the others would take a new node there for a replay of the old
// one (section 3.9.8).
func (c *Core) Forget(now time.Time, uuid mesh.UUID) {
	c.begin(now)
	for _, p := range c.peers {
		if p.UUID == uuid {
			c.dropFriend(p.Address)
		}
	}
	c.peers = slices.DeleteFunc(c.peers, func(p *peer) bool { return p.UUID == uuid })
	c.output.Persist = append(c.output.Persist, store.Change{Table: TablePeers, Key: uuid.String()})
}

// reserveAddresses takes unicast addresses for a node of so many elements.
// Addresses only go up, also across restarts.
func (c *Core) reserveAddresses(elements int) (mesh.Address, error) {
	first := c.nextAddress
	if elements < 1 || int(first)+elements-1 > int(mesh.LastUnicast) {
		return mesh.Unassigned, ErrNoAddresses
	}
	c.nextAddress = first + mesh.Address(elements)
	c.output.Persist = append(c.output.Persist, store.Change{
		Table: TableNode, Key: keyNextAddress, Value: binary.BigEndian.AppendUint16(nil, uint16(c.nextAddress)),
	})
	return first, nil
}
