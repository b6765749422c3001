package node

import (
	"errors"
	"fmt"
	"io"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/models"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/peers"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Member is a node that joins a network by its keys, not by being provisioned:
// a second provisioner, or one that takes the network over.
type Member struct {
	Elements []access.Element // as in Options
	// Address is one that nobody has ever sent from with the IV index of the
	// network: the replay protection lists of the others know what was last
	// sent from it.
	Address mesh.Address
	// Addresses are those that the member may give to devices; both zero for
	// all behind its own.
	First, Last mesh.Address
	Subnets     []state.Subnet
	AppKeys     []state.AppKey
	Peers       []state.Peer
	// IVIndex is nil when nobody knows it: then the node listens until a beacon
	// of the network tells, and sends nothing.
	IVIndex  *mesh.IVIndex
	IVUpdate bool
}

// NewMember makes a node of a member, with a UUID and a device key of its own
// drawn from random.
func NewMember(m Member, random io.Reader) (Saved, error) {
	switch {
	case !m.Address.IsUnicast():
		return Saved{}, fmt.Errorf("node: %s is no address for a node, expected 0x0001 to 0x7fff", m.Address)
	case len(m.Subnets) == 0:
		return Saved{}, errors.New("node: a node needs a NetKey")
	}
	uuid, err := newUUID(random)
	if err != nil {
		return Saved{}, err
	}
	key, err := crypto.NewKey(random)
	if err != nil {
		return Saved{}, fmt.Errorf("node: no randomness for a device key: %w", err)
	}
	n := defaults(uuid)
	n.Address, n.DeviceKey = m.Address, key
	n.Elements = models.Compose(nil, m.Elements)
	n.Subnets, n.AppKeys = m.Subnets, m.AppKeys
	n.LastAddress = m.Last
	n.IVIndexUnknown = m.IVIndex == nil
	if m.IVIndex != nil {
		n.IVIndex, n.IVUpdate = *m.IVIndex, m.IVUpdate
	}
	return Saved{
		Node:   n,
		Peers:  m.Peers,
		values: map[string][]byte{peers.KeyNextAddress: peers.EncodeNext(max(m.First, m.Address+1))},
	}, nil
}

// newUUID draws a version 4 UUID of RFC 9562, as section 3.11.3 asks for.
func newUUID(random io.Reader) (mesh.UUID, error) {
	var uuid mesh.UUID
	if _, err := io.ReadFull(random, uuid[:]); err != nil {
		return uuid, fmt.Errorf("node: no randomness for a UUID: %w", err)
	}
	uuid[6] = uuid[6]&0x0F | 0x40
	uuid[8] = uuid[8]&0x3F | 0x80
	return uuid, nil
}

// Changes is what puts the node into a new store.
func (saved *Saved) Changes() ([]store.Change, error) {
	data, err := saved.Node.Encode()
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	changes := []store.Change{
		{Table: TableNode, Key: keyState, Value: data},
		{Table: TableNode, Key: keySequence, Value: saved.sequence.Encode()},
	}
	for key, value := range saved.values {
		changes = append(changes, store.Change{Table: TableNode, Key: key, Value: value})
	}
	for i := range saved.Peers {
		p := &saved.Peers[i]
		data, err := p.Encode()
		if err != nil {
			return nil, fmt.Errorf("node: %w", err)
		}
		changes = append(changes, store.Change{Table: TablePeers, Key: p.UUID.String(), Value: data})
	}
	return changes, nil
}
