// Package probe asks other nodes of the network a question that has no effect on
// them, one after the other, to see what they use at present: which NetKey, which IV
// index.
//
//	this node ── Config Default TTL Get, device key ──▶ node
//	          ◀── Config Default TTL Status ───────────
//
// The answer is for whoever watches the network PDUs; its content does not matter.
package probe

import (
	"iter"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Sender sends access messages.
type Sender interface {
	Send(o *part.Outgoing, payload []byte) (transport.Handle, error)
}

// Nodes lists the nodes of the network.
type Nodes interface {
	// Addresses goes through the addresses of the primary elements, in their order.
	Addresses() iter.Seq[mesh.Address]
	// DeviceKey finds the cipher of the node that has an element with this
	// address; it is nil when the key is not known.
	DeviceKey(a mesh.Address) (owner mesh.Address, cipher *crypto.CCM)
}

// Probe asks nodes in turn. The zero value does nothing.
type Probe struct {
	host   part.Host
	sender Sender
	nodes  Nodes
	last   mesh.Address
}

// New makes a Probe.
func New(h part.Host, s Sender, n Nodes) Probe { return Probe{host: h, sender: s, nodes: n} }

// IsAlone reports whether there is no other node than by.
func (p *Probe) IsAlone(by mesh.Address) bool {
	if p.nodes == nil {
		return true
	}
	for a := range p.nodes.Addresses() {
		if a != by {
			return false
		}
	}
	return true
}

// Ask asks the next node in a subnet, under some credentials, nil for the usual ones.
// It returns false when there is no node whose device key is known.
func (p *Probe) Ask(net mesh.KeyIndex, by *network.Credentials) bool {
	to := p.next()
	if to == mesh.Unassigned {
		return false
	}
	p.last = to
	payload, err := access.Append(nil, &configuration.DefaultTTLGet{})
	if err != nil {
		p.host.CountUnsent(err)
		return false
	}
	_, err = p.sender.Send(&part.Outgoing{
		Src: p.host.State().Address, Dst: to, NetKey: net,
		Key: transport.Key{Device: to}, TTL: mesh.DefaultTTL, By: by,
	}, payload) // the sender counts an error
	return err == nil
}

// next is the node behind the last that was asked.
func (p *Probe) next() mesh.Address {
	if p.nodes == nil {
		return mesh.Unassigned
	}
	first := mesh.Unassigned
	for a := range p.nodes.Addresses() {
		if _, cipher := p.nodes.DeviceKey(a); cipher == nil {
			continue
		}
		if a > p.last {
			return a
		}
		if first == mesh.Unassigned {
			first = a
		}
	}
	return first
}
