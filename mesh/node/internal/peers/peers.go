// Package peers is the other nodes of the network that this node knows, and the
// unicast addresses that it gives out as a provisioner (Mesh Protocol 1.1,
// sections 3.4.2.2 and 3.9.8).
package peers

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Tables of the store.
const (
	// Table has the nodes, by UUID.
	Table store.Table = "peers"
	// ExclusionTable has the addresses of nodes that have left, by the first one,
	// as JSON of part.Exclusion.
	ExclusionTable store.Table = "exclusions"
	// KeyNextAddress is where the next unicast address is, among the values of
	// the parts.
	KeyNextAddress = "next_address"
)

// Peer is another node.
type Peer struct {
	state.Peer
	cipher *crypto.CCM // of its device key; nil when that is not known
}

// Range is the addresses of the elements of a node.
type Range struct {
	First    mesh.Address
	Elements int
}

// Options are the addresses that the node has and gives out.
type Options struct {
	Addresses part.AddressRange
	Elements  int // of this node
	// Reserved lists addresses that were given out for provisionings that have
	// not ended.
	Reserved func() []Range
}

// Peers is the part of a node that knows the other nodes.
type Peers struct {
	part.None
	host        part.Host
	options     Options
	all         []*Peer // by address
	exclusions  []part.Exclusion
	nextAddress mesh.Address
}

var _ part.Part = (*Peers)(nil)

// New makes the part of what was stored.
func New(h part.Host, o Options, known []state.Peer, exclusions []part.Exclusion) *Peers {
	p := &Peers{host: h, options: o, exclusions: slices.Clone(exclusions)}
	for _, k := range known {
		p.insert(k)
	}
	return p
}

// Load implements part.Part. It sets where to continue with giving out addresses:
// behind all that are known to be in use.
func (p *Peers) Load(from part.Stored) error {
	const size = 2
	data := from(KeyNextAddress)
	switch len(data) {
	case size:
		p.nextAddress = mesh.Address(binary.BigEndian.Uint16(data))
	case 0:
	default:
		return fmt.Errorf("node: the stored next address has %d octets, expected %d", len(data), size)
	}
	p.nextAddress = max(p.nextAddress, p.addresses().First)
	p.pass(p.host.State().Address, p.options.Elements)
	for _, k := range p.all {
		p.pass(k.Address, k.Elements)
	}
	return nil
}

// Save implements part.Part.
func (p *Peers) Save(put part.Put) error {
	put(KeyNextAddress, EncodeNext(p.nextAddress))
	return nil
}

// EncodeNext gives the stored form of the next unicast address: two octets, big
// endian.
func EncodeNext(a mesh.Address) []byte { return binary.BigEndian.AppendUint16(nil, uint16(a)) }

// List lists the nodes, by address.
func (p *Peers) List() []state.Peer {
	list := make([]state.Peer, 0, len(p.all))
	for _, k := range p.all {
		list = append(list, k.Peer)
	}
	return list
}

// Addresses goes through the addresses of the primary elements, in their order.
func (p *Peers) Addresses() iter.Seq[mesh.Address] {
	return func(yield func(mesh.Address) bool) {
		for _, k := range p.all {
			if !yield(k.Address) {
				return
			}
		}
	}
}

// Find finds the node that has an element with this address, nil for none.
func (p *Peers) Find(a mesh.Address) *Peer {
	i, found := slices.BinarySearchFunc(p.all, a, compare)
	if !found {
		i--
	}
	if i >= 0 && p.all[i].Holds(a) {
		return p.all[i]
	}
	return nil
}

// Lookup returns the address of the primary element of the node that has an element
// with this address, and whether such a node is known.
func (p *Peers) Lookup(a mesh.Address) (primary mesh.Address, known bool) {
	if k := p.Find(a); k != nil {
		return k.Address, true
	}
	return mesh.Unassigned, false
}

// Primary implements requests.Nodes: the address of the primary element of the node
// that has an element with this address, or the address itself when no node is known.
func (p *Peers) Primary(a mesh.Address) mesh.Address {
	if k := p.Find(a); k != nil {
		return k.Address
	}
	return a
}

// Len is how many nodes are known.
func (p *Peers) Len() int { return len(p.all) }

func compare(p *Peer, a mesh.Address) int { return int(p.Address) - int(a) }

// DeviceKey implements keys.Peers.
func (p *Peers) DeviceKey(a mesh.Address) (mesh.Address, *crypto.CCM) {
	if k := p.Find(a); k != nil {
		return k.Address, k.cipher
	}
	return mesh.Unassigned, nil
}

// Add notes a node, in memory and in the store. A node that was known before
// loses its old addresses.
func (p *Peers) Add(peer state.Peer) error {
	data, err := peer.Encode()
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	p.all = slices.DeleteFunc(p.all, func(old *Peer) bool {
		if old.UUID == peer.UUID && old.Address != peer.Address {
			p.exclude(old)
		}
		return old.UUID == peer.UUID
	})
	p.readmit(peer.Address)
	p.insert(peer)
	p.host.Persist(store.Change{Table: Table, Key: peer.UUID.String(), Value: data})
	return nil
}

func (p *Peers) insert(peer state.Peer) {
	i, _ := slices.BinarySearchFunc(p.all, peer.Address, compare)
	known := &Peer{Peer: peer}
	if !peer.DeviceKey.IsZero() {
		known.cipher = crypto.NewCCM(peer.DeviceKey)
	}
	p.all = slices.Insert(p.all, i, known)
}

// Remove drops a node that has left the network, and returns its address. Its
// addresses are excluded for a time.
func (p *Peers) Remove(uuid mesh.UUID) (mesh.Address, bool) {
	i := slices.IndexFunc(p.all, func(k *Peer) bool { return k.UUID == uuid })
	if i < 0 {
		return mesh.Unassigned, false
	}
	address := p.all[i].Address
	p.exclude(p.all[i])
	p.all = slices.Delete(p.all, i, i+1)
	p.host.Persist(store.Change{Table: Table, Key: uuid.String()})
	return address, true
}
