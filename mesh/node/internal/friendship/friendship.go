// Package friendship is a node's part in friendships (Mesh Protocol 1.1, section
// 3.6.6), on either side: as the Friend of Low Power nodes, and as a Low Power
// node. The state machines are those of mesh/friend; this package joins them to
// the node.
//
//	      PDU, message, control message
//	                 │
//	┌────────────────▼────────────────┐
//	│ Friendships   credentials of    │   which PDUs are received, relayed, queued
//	│               all friendships   │
//	├────────────────┬────────────────┤
//	│ Friend         │ LowPower       │   one part each
//	└────────────────┴────────────────┘
package friendship

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/keys"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/router"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Layers are the network and transport layers.
type Layers interface {
	keys.Receiver
	// ForgetHeard empties the network message cache.
	ForgetHeard()
	// ReceiveHere gives a PDU to the transport layer.
	ReceiveHere(r *part.Received, stored bool)
	// Hold collects the segments of a message for a Low Power node.
	Hold(r *part.Received)
	// Compose makes the network PDUs of a message.
	Compose(m *transport.AccessOut) ([]network.PDU, error)
	// OwnLane is the lane of a message of this node.
	OwnLane(dst mesh.Address) bearer.Lane
	// SendPDU seals a network PDU and sends it on a lane.
	SendPDU(p *network.PDU, by *network.Credentials, lane bearer.Lane)
	// Sending is how many segmented messages are on their way.
	Sending() int
}

// Keys has the subnets of the node.
type Keys interface {
	Subnets() []*keys.Subnet
	Subnet(index mesh.KeyIndex) *keys.Subnet
	FollowKeyRefresh(index mesh.KeyIndex, flag bool)
}

// IVIndex is the IV index of the node.
type IVIndex interface {
	// Said is the content of a beacon of a subnet in that phase.
	Said(phase state.Phase) beacon.State
	Follow(said beacon.State)
}

// Requests are those whose messages may wait in a Friend Queue.
type Requests interface {
	PolledFor(id part.RequestID)
	QueueGone()
	Pending() int
}

// Features is notified when a feature may have been switched on or off.
type Features interface{ FeaturesChanged() }

// Models knows the subscriptions of the node.
type Models interface {
	Subscriptions(dst []mesh.Address) []mesh.Address
}

// Config is what friendship works with.
type Config struct {
	Sequence transport.Sequencer
	Layers   Layers
	Keys     Keys
	IVIndex  IVIndex
	Requests Requests
	Features Features
	Models   Models
	Friend   part.FriendOptions
	LowPower *part.LowPowerOptions // nil for a node that always listens
}

// Friendships is the part that has the credentials of a node's friendships.
// Its parts Friend and LowPower come before it in the table of the node.
type Friendships struct {
	part.None
	cfg      Config
	host     part.Host
	Friend   *Friend
	LowPower *LowPower
	links    []link
	own      friend.Link // that of this Low Power node, the last
}

// Compile-time checks of what others use it as.
var (
	_ part.Part         = (*Friendships)(nil)
	_ router.Friendship = (*Friendships)(nil)
)

// New makes the three parts. Connect follows.
func New(h part.Host) *Friendships {
	f := &Friendships{host: h}
	f.Friend = &Friend{host: h, all: f}
	f.LowPower = &LowPower{host: h, all: f}
	return f
}

// Connect names what the parts work with.
func (f *Friendships) Connect(cfg Config) { f.cfg = cfg }

// ConfigurationChanged implements part.Part: the credentials follow from the
// NetKeys. With them goes out what Friend and LowPower have put out because of
// the change.
func (f *Friendships) ConfigurationChanged() {
	f.links = nil
	f.deriveLinks()
	f.carryOut(&f.Friend.out, nil)
	f.carryOut(&f.LowPower.out, nil)
}

// LeftNetwork implements part.Part.
func (f *Friendships) LeftNetwork() error {
	f.links, f.own = nil, friend.Link{}
	return nil
}

// RelayCredentials implements router.Friendship. A PDU of a Low Power node of ours
// under the credentials of the friendship is relayed with those of the network,
// whether this node is a relay or not. A PDU for a Low Power node of ours has
// arrived and is not relayed (section 3.4.6.3).
func (f *Friendships) RelayCredentials(r *part.Received) (by *network.Credentials, always bool) {
	if len(f.links) == 0 {
		return r.By, false
	}
	role := f.Friend.role
	if l := f.by(r.By); l != nil {
		if s := f.cfg.Keys.Subnet(l.NetKey); s != nil && role != nil && role.Owns(r.Src) {
			return s.Transmit, true
		}
		return nil, false
	}
	if role != nil && r.Dst.IsUnicast() && role.Owns(r.Dst) {
		return nil, false
	}
	return r.By, false
}

// Allows implements router.Friendship: under the credentials of a friendship only
// its two nodes may send.
func (f *Friendships) Allows(src mesh.Address, by *network.Credentials) bool {
	l := f.by(by)
	return l == nil || l.LPN == src || l.Friend == src
}

// Keep implements router.Friendship.
func (f *Friendships) Keep(r *part.Received) bool { return f.Friend.keep(r) }

// KeepMessage implements router.Friendship.
func (f *Friendships) KeepMessage(held transport.Held) { f.Friend.keepMessage(held) }

// Receive implements router.Friendship.
func (f *Friendships) Receive(r *part.Received) bool { return f.LowPower.receive(r) }

// QueueMessage implements router.Friendship.
func (f *Friendships) QueueMessage(o *part.Outgoing, payload []byte) bool {
	return f.Friend.queueMessage(o, payload)
}

// QueueControl implements router.Friendship.
func (f *Friendships) QueueControl(p *network.PDU) bool { return f.Friend.queueControl(p) }

// Credentials are what this Low Power node publishes with when it is to use those
// of its friendship; nil when it has no friend (section 4.2.3.4).
func (f *Friendships) Credentials(net mesh.KeyIndex) *network.Credentials {
	if f.LowPower.Friend() == mesh.Unassigned {
		return nil
	}
	for i := range f.links {
		if l := &f.links[i]; l.NetKey == net && l.LPN == f.host.State().Address {
			return l.transmit
		}
	}
	return nil
}

// carryOut does what a state machine wants done. by is what the PDU was opened
// with that it has received, nil for none. It does not wait for the end of the
// input: the PDUs have their sequence numbers already, and what is sent later has
// higher ones.
func (f *Friendships) carryOut(out *friend.Output, by *network.Credentials) {
	if out.Links {
		f.deriveLinks()
	}
	for i := range out.Send {
		f.send(&out.Send[i])
	}
	events := slices.Clone(out.Events)
	out.Reset()
	for _, e := range events {
		f.event(e, by)
	}
}

// send seals a PDU. One lane for each Low Power node keeps what its Friend hands
// over in order, and out of the way of the Friend's other messages: the receive
// window is short.
func (f *Friendships) send(o *friend.Outgoing) {
	s := f.cfg.Keys.Subnet(o.PDU.NetKey)
	if s == nil {
		f.host.CountUnsent(nil)
		return
	}
	by, lane := s.Transmit, f.cfg.Layers.OwnLane(o.PDU.Dst)
	if o.Link != (friend.Link{}) {
		i := slices.IndexFunc(f.links, func(l link) bool { return l.Link == o.Link })
		if i < 0 {
			f.host.CountUnsent(nil)
			return
		}
		by = f.links[i].transmit
		if o.Link.Friend == f.host.State().Address {
			lane = bearer.RelayLane(uint16(o.Link.LPN))
		}
	}
	f.cfg.Layers.SendPDU(&o.PDU, by, lane)
}

func (f *Friendships) event(e friend.Event, by *network.Credentials) {
	switch e := e.(type) {
	case friend.Established:
		f.host.Report(part.FriendshipChanged{LPN: e.LPN, Friend: e.Friend, Established: true})
		f.cfg.Features.FeaturesChanged()
	case friend.Terminated:
		f.host.Report(part.FriendshipChanged{LPN: e.LPN, Friend: e.Friend, Reason: string(e.Reason)})
		f.cfg.Features.FeaturesChanged()
		f.cfg.Requests.QueueGone()
	case friend.Delivered:
		f.cfg.Requests.PolledFor(part.RequestID(e.ID))
	case friend.Secured:
		f.followFriend(e, by)
	}
}

// followFriend acts on the Friend's IV index and Key Refresh flag, as on a beacon
// (sections 3.11.4 and 3.11.5). The flag counts only under the new key.
func (f *Friendships) followFriend(e friend.Secured, by *network.Credentials) {
	if l := f.by(by); l != nil && f.cfg.Keys.Subnet(e.NetKey) != nil && by != l.credentials[0] {
		f.cfg.Keys.FollowKeyRefresh(e.NetKey, e.State.KeyRefresh)
	}
	if e.NetKey == mesh.PrimaryNetKey || f.cfg.Keys.Subnet(mesh.PrimaryNetKey) == nil {
		f.cfg.IVIndex.Follow(e.State)
	}
}

// drawCounter draws the first counter in the credentials of friendships.
func drawCounter(h part.Host) uint16 { return uint16(h.Jitter(0, 1<<16)) }

// author is what the state machines need of their node.
type author struct{ *Friendships }

var _ friend.Node = author{}

// Next implements friend.Node.
func (a author) Next() (mesh.SequenceNumber, mesh.IVIndex, error) { return a.cfg.Sequence.Next() }

// Security implements friend.Node.
func (a author) Security(net mesh.KeyIndex) beacon.State {
	phase := state.NormalOperation
	if s := a.cfg.Keys.Subnet(net); s != nil {
		phase = s.Phase
	}
	return a.cfg.IVIndex.Said(phase)
}

// Compose implements friend.Node.
func (a author) Compose(d *friend.Draft) ([]network.PDU, error) {
	q := d.Message.(*queued)
	m := q.to.Access(q.payload)
	pdus, err := a.cfg.Layers.Compose(&m)
	if err != nil {
		a.host.CountUnsent(err)
	}
	return pdus, err
}

// soon is when a Low Power node polls again while it waits for the
// acknowledgment of a segmented message or for the answer to a request.
const soon = 300 * time.Millisecond
