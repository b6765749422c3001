package friendship

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/requests"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Friend is the part of a node that is the Friend of Low Power nodes. Its Friend
// state switches it on.
type Friend struct {
	part.None
	host part.Host
	all  *Friendships
	role *friend.Friend // nil while the node is nobody's friend
	out  friend.Output
	told map[mesh.KeyIndex]beacon.State // what Low Power nodes know
}

// Compile-time checks of what others use it as.
var (
	_ part.Flusher         = (*Friend)(nil)
	_ requests.FriendQueue = (*Friend)(nil)
)

// queued is the message of a friend.Draft.
type queued struct {
	to      part.Outgoing
	payload []byte
}

// Inputs implements part.Part.
func (f *Friend) Inputs() part.Inputs { return part.Control }

// Input implements part.Part.
func (f *Friend) Input(in *part.Input) bool {
	m := in.Control
	if f.role == nil || m.Segmented || !isFriendOpcode(m.Opcode) {
		return false
	}
	f.role.Receive(f.host.Now(), f.all.control(m), f.output())
	f.all.carryOut(&f.out, m.By)
	return true
}

// isFriendOpcode reports whether a control message belongs to friendship.
func isFriendOpcode(op byte) bool { return op >= friend.OpPoll && op <= friend.OpSubscriptionConfirm }

// control is a control message as the state machines take it.
func (f *Friendships) control(m *part.ControlMessage) *friend.Control {
	return &friend.Control{
		Src: m.Src, Dst: m.Dst, NetKey: m.NetKey, TTL: m.TTL, RSSI: m.Origin.RSSI,
		Secured: f.by(m.By) != nil, Opcode: m.Opcode, Params: m.Params,
	}
}

// output is where the state machine puts out what it wants done.
func (f *Friend) output() *friend.Output {
	f.host.Wake(f)
	return &f.out
}

// Flush implements part.Flusher.
func (f *Friend) Flush() { f.all.carryOut(&f.out, nil) }

// ConfigurationChanged implements part.Part.
func (f *Friend) ConfigurationChanged() {
	n := f.host.State()
	befriends := n.Friend == state.Enabled && n.IsProvisioned()
	if befriends && f.role == nil {
		f.role = friend.New(friend.Config{
			Node:        author{f.all},
			Address:     n.Address,
			Friendships: f.all.cfg.Friend.Friendships,
			Queue:       f.all.cfg.Friend.Queue,
			Counter:     drawCounter(f.host),
		})
	}
	if f.role == nil {
		return
	}
	if !befriends {
		f.role.Stop(0, true, f.output())
		f.role = nil
		return
	}
	for _, l := range f.all.links {
		if n.Subnet(l.NetKey) == nil {
			f.role.Stop(l.NetKey, false, f.output())
		}
	}
	f.tellSecurity()
}

// LeftNetwork implements part.Part.
func (f *Friend) LeftNetwork() error {
	f.role, f.told, f.out = nil, nil, friend.Output{}
	return nil
}

// Counters implements part.Part.
func (f *Friend) Counters(to *part.Counters) {
	if f.role != nil {
		to.Friend = f.role.Counters()
	}
}

// tellSecurity lets Low Power nodes know when the security of a subnet changed.
func (f *Friend) tellSecurity() {
	if f.role == nil {
		return
	}
	for _, s := range f.all.cfg.Keys.Subnets() {
		now := f.all.cfg.IVIndex.Said(s.Phase)
		if told, ok := f.told[s.Index]; ok && told != now {
			f.role.SecurityChanged(s.Index)
		}
		if f.told == nil {
			f.told = map[mesh.KeyIndex]beacon.State{}
		}
		f.told[s.Index] = now
	}
}

// Tick implements part.Part.
func (f *Friend) Tick() {
	f.tellSecurity()
	if f.role != nil && deadline.Due(f.role.NextDeadline(), f.host.Now()) {
		f.role.Tick(f.host.Now(), f.output())
	}
}

// NextDeadline implements part.Part.
func (f *Friend) NextDeadline() time.Time {
	if f.role == nil {
		return time.Time{}
	}
	return f.role.NextDeadline()
}

// keep queues what is for a Low Power node. It reports true when the PDU needs
// nothing else.
func (f *Friend) keep(r *part.Received) bool {
	if f.role == nil || r.TTL < 2 || !f.role.Wants(r.NetKey, r.Src, r.Dst) {
		return false
	}
	if !transport.IsSegment(&r.PDU) {
		f.role.Store(r.PDU)
		return false
	}
	f.all.cfg.Layers.Hold(r)
	return true
}

func (f *Friend) keepMessage(held transport.Held) {
	if f.role != nil {
		f.role.Store(held...)
	}
}

// queueMessage queues a message of this node for the Low Power nodes that it is
// for. It reports true when it is for nobody else.
func (f *Friend) queueMessage(o *part.Outgoing, payload []byte) bool {
	if f.role == nil || !f.role.Wants(o.NetKey, o.Src, o.Dst) {
		return false
	}
	only := o.Dst.IsUnicast()
	d := friend.Draft{Dst: o.Dst, PDUs: transport.PDUs(len(payload)), Message: &queued{*o, slices.Clone(payload)}}
	if only {
		d.ID = uint64(o.Request)
	}
	return f.role.StoreDraft(o.NetKey, d) && only
}

// queueControl queues a control PDU of this node, a Segment Acknowledgment for
// example, for the Low Power node that it is for.
func (f *Friend) queueControl(p *network.PDU) bool {
	return f.role != nil && p.CTL && p.Dst.IsUnicast() && f.role.StoreOwn(p)
}

// Drop ends the friendship with a node that has left the network.
func (f *Friend) Drop(lpn mesh.Address) {
	if f.role != nil {
		f.role.Drop(lpn, f.output())
	}
}

// Waits implements requests.FriendQueue.
func (f *Friend) Waits(id part.RequestID) bool { return f.role != nil && f.role.Waits(uint64(id)) }

// Withdraw implements requests.FriendQueue.
func (f *Friend) Withdraw(id part.RequestID) {
	if f.role != nil {
		f.role.Withdraw(uint64(id))
	}
}

// PollTimeout is after what time without a Poll this node ends its friendship
// with the Low Power node that has this address; zero when it has none.
func (f *Friend) PollTimeout(a mesh.Address) time.Duration {
	if f.role == nil {
		return 0
	}
	return f.role.PollTimeout(a)
}

// Status lists the Low Power nodes that this node is the Friend of.
func (f *Friend) Status() []friend.Status {
	if f.role == nil {
		return nil
	}
	return f.role.Status()
}

// links appends the friendships to names.
func (f *Friend) links(names []friend.Link) []friend.Link {
	if f.role == nil {
		return names
	}
	return f.role.Links(names)
}
