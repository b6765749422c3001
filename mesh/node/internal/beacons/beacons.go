// Package beacons sends and follows the beacons of a node's subnets (Mesh Protocol
// 1.1, section 3.10), and hears the beacons of unprovisioned devices.
//
//	Secure Network   0x01 | flags | Network ID     | IV index | authentication
//	Private          0x02 | random | obfuscated: flags, IV index | authentication
//	Unprovisioned    0x00 | device UUID | OOB information | URI hash
package beacons

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/keys"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// leastInterval is what a controller puts between two transmissions at least
// (Core, volume 4 part E, 7.8.53).
const leastInterval = 20 * time.Millisecond

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
	Learn(said beacon.State)
	// Began reports whether this node has begun the update in progress.
	Began() bool
}

// Listener is notified of each authentic beacon of the network.
type Listener interface{ HeardNetwork(o part.Origin) }

// Beacons is the part of a node that sends and follows the beacons of its
// subnets. Private is a separate part.
type Beacons struct {
	part.None
	host      part.Host
	keys      Keys
	iv        IVIndex
	listener  Listener
	private   *Private
	schedules map[mesh.KeyIndex]*schedule
	foreign   uint64
}

var _ part.Part = (*Beacons)(nil)

// schedule is when the secure network beacons of a subnet are sent.
type schedule struct {
	beacon.Schedule
	phase state.Phase
}

// New makes the part.
func New(h part.Host, k Keys, iv IVIndex, l Listener, p *Private) *Beacons {
	return &Beacons{host: h, keys: k, iv: iv, listener: l, private: p, schedules: map[mesh.KeyIndex]*schedule{}}
}

// Inputs implements part.Part.
func (b *Beacons) Inputs() part.Inputs { return part.Beacon }

// Input implements part.Part. It follows the IV index of the network and the
// refresh of its keys (sections 3.10.3, 3.11.4 and 3.11.5).
func (b *Beacons) Input(in *part.Input) bool {
	kind, err := beacon.TypeOf(in.PDU)
	if err != nil || kind != beacon.TypeSecure && kind != beacon.TypePrivate {
		return false
	}
	for _, s := range b.keys.Subnets() {
		for _, k := range s.Beacons {
			if said, err := open(k, kind, in.PDU); err == nil {
				b.follow(in, kind, s, k, said)
				return true
			}
		}
	}
	b.foreign++
	return true
}

func open(k *beacon.Keys, kind beacon.Type, pdu []byte) (beacon.State, error) {
	if kind == beacon.TypeSecure {
		return k.OpenSecure(pdu)
	}
	return k.OpenPrivate(pdu)
}

// follow acts on an authentic beacon.
func (b *Beacons) follow(in *part.Input, kind beacon.Type, s *keys.Subnet, by *beacon.Keys, said beacon.State) {
	if b.host.State().IVIndexUnknown {
		b.iv.Learn(said)
		return
	}
	if in.Origin.Advertised() { // what comes over a connection no neighbour hears
		b.count(kind, s.Index)
	}
	b.listener.HeardNetwork(in.Origin)
	// Only the primary subnet's beacons move the IV index of a node that is on it
	// (section 3.11.5).
	if s.Index == mesh.PrimaryNetKey || b.keys.Subnet(mesh.PrimaryNetKey) == nil {
		b.iv.Follow(said)
	}
	if by == s.Renewed {
		b.keys.FollowKeyRefresh(s.Index, said.KeyRefresh)
	}
}

// count counts a beacon of a neighbour. The more of them neighbours send, the fewer of
// that kind the node sends.
func (b *Beacons) count(kind beacon.Type, index mesh.KeyIndex) {
	if kind == beacon.TypePrivate {
		b.private.heard(index)
	} else if own := b.schedules[index]; own != nil {
		own.Heard()
	}
}

// ConfigurationChanged implements part.Part. After a step of a Key Refresh the
// next beacon comes soon.
func (b *Beacons) ConfigurationChanged() {
	for _, s := range b.keys.Subnets() {
		if old := b.schedules[s.Index]; old == nil || old.phase != s.Phase {
			b.schedules[s.Index] = &schedule{phase: s.Phase}
			b.soon(b.schedules[s.Index])
		}
	}
	for index := range b.schedules {
		if b.keys.Subnet(index) == nil {
			delete(b.schedules, index)
		}
	}
}

// IVIndexChanged implements ivupdate.Follower: the next beacons come soon.
func (b *Beacons) IVIndexChanged() {
	for _, s := range b.keys.Subnets() {
		b.soon(b.schedules[s.Index])
	}
}

// soon plans the next beacon, for each node at another moment.
func (b *Beacons) soon(s *schedule) {
	if s != nil {
		s.Start(b.host.Now().Add(b.host.Jitter(0, beacon.MinInterval)))
	}
}

// sends reports whether the node sends secure network beacons: as its state says
// (section 4.2.11), and while an IV Update is in progress that it has begun.
func (b *Beacons) sends() bool {
	n := b.host.State()
	return n.IsProvisioned() && !n.IVIndexUnknown && (n.Beacon || b.iv.Began())
}

// Tick implements part.Part.
func (b *Beacons) Tick() {
	if !b.sends() {
		return
	}
	now := b.host.Now()
	for _, s := range b.keys.Subnets() {
		own := b.schedules[s.Index]
		if own == nil || !deadline.Due(own.Due(), now) {
			continue
		}
		own.Sent(now.Add(b.host.Jitter(0, time.Second)))
		// Each is sent once: nodes that count what they hear to find their own
		// interval cannot tell a repetition from the beacon of another node.
		once := bearer.Transmit{Count: 1, Interval: leastInterval}
		pdu := s.BeaconKeys().AppendSecure(nil, b.iv.Said(s.Phase))
		b.host.Advertise(bearer.Beacon, bearer.BeaconLane(), once, pdu)
	}
}

// NextDeadline implements part.Part.
func (b *Beacons) NextDeadline() time.Time {
	var next time.Time
	if b.sends() {
		for _, s := range b.schedules {
			next = deadline.Earliest(next, s.Due())
		}
	}
	return next
}

// Counters implements part.Part.
func (b *Beacons) Counters(to *part.Counters) { to.ForeignBeacons += b.foreign }
