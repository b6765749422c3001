// Package followers finds out which nodes have followed an IV Update (Mesh Protocol
// 1.1, section 3.11.5). While it is in progress all nodes send with the former IV
// index, so what they send does not tell. But only a node that has followed reads a
// message with the new one.
//
//	Config Default TTL Get, new IV index, from a spare address ──▶ node
//	spare address ◀── answer ── a node that has followed
//
// The message must not come from an address of this node: what this node sends with
// the former IV index afterwards would be a replay for whoever has read it. So it
// comes from an address that nobody has, one for each IV index, which is excluded
// afterwards like that of a node that has left.
package followers

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/ivupdate"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/peers"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Router sends messages from another address.
type Router interface {
	SendAs(o *part.Outgoing, seq mesh.SequenceNumber, iv mesh.IVIndex, payload []byte) error
	// Backlog is how long the radio needs for what waits to be sent.
	Backlog() time.Duration
}

// mostBacklog is how much may wait for the radio when a node is asked: commands wait for
// it as well, and the radio has room for about as much.
const mostBacklog = 2 * time.Second

// Peers gives out the spare address.
type Peers interface {
	// Spare takes an address that nobody has, and excludes it.
	Spare() (mesh.Address, error)
	// Find returns nil for an address that no node has.
	Find(a mesh.Address) *peers.Peer
}

// Followers is the part of a node that asks.
type Followers struct {
	part.None
	host     part.Host
	router   Router
	peers    Peers
	iv       mesh.IVIndex // that the address is for
	address  mesh.Address // unassigned before the first question
	next     mesh.SequenceNumber
	last     mesh.Address // that was asked
	answered map[mesh.Address]bool
}

var _ part.Part = (*Followers)(nil)

// New makes the part.
func New(h part.Host, r Router, p Peers) *Followers { return &Followers{host: h, router: r, peers: p} }

// Missing returns those nodes, by their primary addresses, that have not shown yet
// that they follow the IV Update in progress, and asks them in turn, as many as the
// radio has room for. Nodes whose device key is not known cannot be asked and are left
// out. It is to be called again after some seconds. It returns ivupdate.ErrNormal when no update is in progress.
func (f *Followers) Missing(nodes []mesh.Address) ([]mesh.Address, error) {
	n := f.host.State()
	if !n.IVUpdate {
		return nil, ivupdate.ErrNormal
	}
	if f.address == mesh.Unassigned || f.iv != n.IVIndex {
		address, err := f.peers.Spare()
		if err != nil {
			return nil, err
		}
		f.address, f.iv, f.next, f.answered = address, n.IVIndex, 0, map[mesh.Address]bool{}
	}
	var missing []mesh.Address
	for _, to := range nodes {
		if peer := f.peers.Find(to); !f.answered[to] && peer != nil && !peer.DeviceKey.IsZero() {
			missing = append(missing, to)
		}
	}
	slices.Sort(missing)
	first := max(slices.IndexFunc(missing, func(a mesh.Address) bool { return a > f.last }), 0)
	for i := range missing {
		if f.router.Backlog() >= mostBacklog {
			break
		}
		f.last = missing[(first+i)%len(missing)]
		if err := f.ask(f.peers.Find(f.last)); err != nil {
			return nil, err
		}
	}
	return missing, nil
}

func (f *Followers) ask(peer *peers.Peer) error {
	payload, err := access.Append(nil, &configuration.DefaultTTLGet{})
	if err != nil {
		return err
	}
	o := part.Outgoing{
		Src: f.address, Dst: peer.Address, NetKey: peer.NetKey, Key: transport.Key{Device: peer.Address}, TTL: mesh.DefaultTTL,
	}
	f.next++
	return f.router.SendAs(&o, f.next-1, f.iv, payload)
}

// HeardNode notes who answers.
func (f *Followers) HeardNode(r *part.Received) {
	if f.address != mesh.Unassigned && r.Dst == f.address {
		f.answered[r.Src] = true
	}
}

// LeftNetwork implements part.Part.
func (f *Followers) LeftNetwork() error {
	f.address = mesh.Unassigned
	return nil
}
