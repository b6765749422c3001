// Package router is the network layer and the transport layers of a node (Mesh
// Protocol 1.1, sections 3.4 to 3.6), and the way of every PDU through them.
//
//	from a bearer                                            to the bearers
//	     │                                                         ▲
//	     ▼  open: drops duplicates, what is forged, our own        │
//	┌─────────┐  1 proxy    notes the way back to the sender       │
//	│         │  2 IV index is learned, where it is unknown        │
//	│ Receive │  3 relay    passes the PDU on ────────────────────▶│
//	│         │  4 bridge   passes it on to other subnets ────────▶│
//	│         │  5 friend   keeps it for Low Power nodes           │
//	└────┬────┘  6 transport, when it is for this node             │
//	     ▼                                                         │
//	access and control messages, ends of segmented messages        │
//	     │                                                    ┌────┴────┐
//	     └──▶ the parts of the node ── Send, SendControl ────▶│  seal   │
//	                                                          └─────────┘
package router

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/keys"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/sequence"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Subnets knows the credentials of the node's subnets.
type Subnets interface {
	// Subnet returns nil for a subnet that the node is not in.
	Subnet(index mesh.KeyIndex) *keys.Subnet
}

// Proxy sends network PDUs over the node's connections.
type Proxy interface {
	// Heard notes by which way a PDU came.
	Heard(r *part.Received)
	// OwnLinks is over which connections a PDU of this node goes, beside the
	// advertising bearer.
	OwnLinks(dst mesh.Address) []bearer.LinkID
	// RelayLinks is over which connections a PDU of another node is passed on.
	RelayLinks(r *part.Received) []bearer.LinkID
	// RelayTransmit says whether and how a PDU of another node is advertised.
	RelayTransmit(o part.Origin) (t bearer.Transmit, advertise bool)
	// WriteNetwork sends a network PDU over connections.
	WriteNetwork(to []bearer.LinkID, pdu []byte)
}

// Friendship is the node's part in friendships, on either side.
type Friendship interface {
	// RelayCredentials are what a PDU is passed on with, nil for not at all.
	// With always it is passed on whatever the Relay state is.
	RelayCredentials(r *part.Received) (by *network.Credentials, always bool)
	// Allows reports whether the sender of a control message may use the
	// credentials that the message came under.
	Allows(src mesh.Address, by *network.Credentials) bool
	// Keep queues what is for a Low Power node. It returns true when the PDU
	// needs nothing else.
	Keep(r *part.Received) bool
	// KeepMessage queues a segmented message for Low Power nodes.
	KeepMessage(held transport.Held)
	// Receive takes a PDU for this node on its way to the transport layer, and
	// returns false when it has nothing to do with it.
	Receive(r *part.Received) bool
	// QueueMessage queues a message of this node for the Low Power nodes that it
	// is for. It returns true when it is for nobody else.
	QueueMessage(o *part.Outgoing, payload []byte) bool
	// QueueControl queues a control PDU of this node for a Low Power node.
	QueueControl(p *network.PDU) bool
}

// Peers knows the other nodes of the network.
type Peers interface {
	// Lookup returns the address of the primary element of the node that has an
	// element with this address, and whether such a node is known.
	Lookup(a mesh.Address) (primary mesh.Address, known bool)
}

// Watcher looks at each PDU of another node that has a valid key and is new.
type Watcher interface{ HeardNode(r *part.Received) }

// IVIndex learns the IV index from a PDU when it is not known.
type IVIndex interface{ LearnFrom(r *part.Received) }

// Receiver is where messages go.
type Receiver interface {
	// ListensTo reports whether a group or virtual address is one of the node's.
	ListensTo(dst mesh.Address) bool
	ReceiveMessage(m *part.AccessMessage)
	ReceiveControl(m *part.ControlMessage)
	ReceiveDelivery(d *transport.Delivery)
}

// Config is what a router is made of.
type Config struct {
	Host     part.Host
	Output   *part.Output // where replay entries go
	Sequence *sequence.Reserve
	// SAR is how segmented messages are sent; nil for the node's SAR
	// Transmitter state.
	SAR       *transport.Transmitter
	CacheSize int // messages in the network message cache
	Sources   int // in the replay protection list
}

// Parts is what the router works with, which is made after it.
type Parts struct {
	Keys       transport.Keys
	Subnets    Subnets
	Watchers   []Watcher
	Proxy      Proxy
	Friendship Friendship
	Peers      Peers
	IVIndex    IVIndex
	Receiver   Receiver
}

// Router is the network and transport layers of one node.
type Router struct {
	cfg       Config
	host      part.Host
	to        Parts
	network   *network.Receiver
	transport *transport.Layer

	// Memory that is used again for each PDU.
	opened  part.Received
	access  part.AccessMessage
	control part.ControlMessage
	lower   transport.Output
	done    []transport.Delivery
	queue   []transport.AccessMessage
	payload []byte
	bridged []mesh.KeyIndex
	sealed  [bearer.MaxPDU]byte

	pace     bearer.Pace
	backlog  backlog
	own      ownNumbers
	counters part.Counters
}

// New makes a router with the network layer alone. Connect and Reset follow.
func New(cfg Config) *Router {
	r := &Router{cfg: cfg, host: cfg.Host, pace: bearer.UsualPace()}
	r.resetNetwork()
	return r
}

// Connect names what the router works with.
func (r *Router) Connect(to Parts) { r.to = to }

// Start makes the transport layer with its replay protection list.
func (r *Router) Start(replay []store.ReplayEntry) error {
	r.transport = transport.New(transport.Config{
		Keys:        r.to.Keys,
		Sequencer:   r.cfg.Sequence,
		TTL:         r.host.State().DefaultTTL,
		Transmitter: r.segmentation(),
		Receiver:    r.host.State().SARReceiver,
		Sources:     r.cfg.Sources,
	})
	r.transport.SetAirtime(r.airtime())
	for _, e := range replay {
		if err := r.transport.Restore(transport.ReplayEntry(e)); err != nil {
			return err
		}
	}
	r.own.note(r.host.Now(), r.cfg.Sequence)
	return nil
}

// LeaveNetwork forgets everything that was received: in another network other nodes have
// the same addresses and lower sequence numbers.
func (r *Router) LeaveNetwork() error {
	r.lower.Replay = r.lower.Replay[:0]
	r.resetNetwork()
	return r.Start(nil)
}

func (r *Router) resetNetwork() {
	r.network = network.NewReceiver(network.Config{IVIndex: r.host.State().IVIndex, Cache: r.cfg.CacheSize})
}

// ConfigurationChanged makes the layers act by the node's state.
func (r *Router) ConfigurationChanged() {
	n := r.host.State()
	r.network.SetIVIndex(n.IVIndex)
	r.transport.SetDefaultTTL(n.DefaultTTL)
	r.deriveSegmentation()
}

// Receive takes a network PDU. It returns false when the PDU was a duplicate or
// could not be opened, and nothing has changed.
func (r *Router) Receive(pdu []byte, o part.Origin) bool {
	p := &r.opened
	if r.network.Open(pdu, &p.PDU) != network.Fresh {
		return false
	}
	p.Origin = o
	n := r.host.State()
	r.to.Proxy.Heard(p)
	if n.Element(p.Src) != nil {
		r.heardOwn(p) // back from a relay after the cache forgot it, or not ours
		return true
	}
	r.to.IVIndex.LearnFrom(p)
	for _, w := range r.to.Watchers {
		w.HeardNode(p)
	}
	r.relay(p)
	r.bridge(p)
	if !r.to.Friendship.Keep(p) && r.listensTo(p.Dst) && !r.to.Friendship.Receive(p) {
		r.transport.Receive(r.host.Now(), &p.PDU, &r.lower)
	}
	r.collect(p)
	return true
}

// listensTo reports whether a destination is one of this node's.
func (r *Router) listensTo(dst mesh.Address) bool {
	if dst.IsUnicast() {
		return r.host.State().Element(dst) != nil
	}
	return r.to.Receiver.ListensTo(dst)
}

// ReceiveHere gives a PDU to the transport layer, for a Low Power node: stored
// says that it comes out of a Friend Queue.
func (r *Router) ReceiveHere(p *part.Received, stored bool) {
	if stored {
		r.transport.ReceiveStored(r.host.Now(), &p.PDU, &r.lower)
		return
	}
	r.transport.Receive(r.host.Now(), &p.PDU, &r.lower)
}

// Hold collects the segments of a message for a Low Power node.
func (r *Router) Hold(p *part.Received) {
	listens := !p.Dst.IsUnicast() && r.listensTo(p.Dst)
	r.transport.Hold(r.host.Now(), &p.PDU, r.host.State().Address, listens, &r.lower)
}

// OpenConfiguration opens a proxy configuration message (section 6.6).
func (r *Router) OpenConfiguration(pdu []byte, p *network.PDU) bool {
	return r.network.OpenProxy(pdu, p)
}

// AcceptConfiguration reports whether a proxy configuration message is new.
func (r *Router) AcceptConfiguration(p *network.PDU) bool {
	return r.transport.AcceptProxy(p, &r.lower)
}

// IsNew reports whether a network PDU is newer than what was accepted from its source.
func (r *Router) IsNew(p *network.PDU) bool { return r.transport.IsNew(p) }

// OpenSolicitation opens a Solicitation PDU (section 6.9.1).
func (r *Router) OpenSolicitation(pdu []byte, p *network.PDU) bool {
	return r.network.OpenSolicitation(pdu, p)
}

// AddSubnet implements keys.Receiver.
func (r *Router) AddSubnet(index mesh.KeyIndex, credentials ...*network.Credentials) {
	r.network.AddSubnet(index, credentials...)
}

// RemoveSubnet implements keys.Receiver.
func (r *Router) RemoveSubnet(index mesh.KeyIndex) { r.network.RemoveSubnet(index) }

// ForgetHeard empties the network message cache.
func (r *Router) ForgetHeard() { r.network.ForgetAll() }

// SetIVIndex implements ivupdate.Layers.
func (r *Router) SetIVIndex(iv mesh.IVIndex) {
	r.network.SetIVIndex(iv)
	if iv > 0 {
		r.transport.ForgetBefore(iv - 1)
	}
}

// SetOtherIVIndex implements ivupdate.Layers.
func (r *Router) SetOtherIVIndex(iv mesh.IVIndex) { r.network.SetOtherIVIndex(iv) }

// Sending implements ivupdate.Layers.
func (r *Router) Sending() int { return r.transport.Sending() }

// NextDeadline is when Tick wants to be called.
func (r *Router) NextDeadline() time.Time { return r.transport.NextDeadline() }

// Tick does what is due in the transport layer.
func (r *Router) Tick() { r.transport.Tick(r.host.Now(), &r.lower) }

// Counters adds what the layers count.
func (r *Router) Counters(to *part.Counters) {
	to.Relayed += r.counters.Relayed
	to.Bridged += r.counters.Bridged
	to.OwnAddress += r.counters.OwnAddress
	to.Network = r.network.Counters()
	to.Transport = r.transport.Counters()
}
