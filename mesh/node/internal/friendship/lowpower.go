package friendship

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// leastInterval is what a controller puts between two transmissions at least
// (Core, volume 4 part E, 7.8.53), and linkDelay what the link layer adds at most.
const (
	leastInterval = 20 * time.Millisecond
	linkDelay     = 10 * time.Millisecond
)

// LowPower is the part of a Low Power node.
type LowPower struct {
	part.None
	host part.Host
	all  *Friendships
	role *friend.LowPower // nil while the node always listens
	out  friend.Output
}

var _ part.Flusher = (*LowPower)(nil)

// Inputs implements part.Part.
func (l *LowPower) Inputs() part.Inputs { return part.Control }

// Input implements part.Part.
func (l *LowPower) Input(in *part.Input) bool {
	m := in.Control
	if l.role == nil || m.Segmented || !isFriendOpcode(m.Opcode) {
		return false
	}
	l.role.Receive(l.host.Now(), l.all.control(m), l.output())
	l.all.carryOut(&l.out, m.By)
	return true
}

// output is where the state machine puts out what it wants done.
func (l *LowPower) output() *friend.Output {
	l.host.Wake(l)
	return &l.out
}

// Flush implements part.Flusher.
func (l *LowPower) Flush() { l.all.carryOut(&l.out, nil) }

// ConfigurationChanged implements part.Part. It makes the node a Low Power node
// once it is in a network, and tells its Friend what it is subscribed to.
func (l *LowPower) ConfigurationChanged() {
	o := l.all.cfg.LowPower
	if o == nil {
		return
	}
	n := l.host.State()
	if !n.LowPower || n.Relay != state.Unsupported || n.Friend != state.Unsupported {
		// It cannot pass on what it does not hear.
		l.host.Edit(func(n *state.Node) {
			n.LowPower, n.Relay, n.Friend = true, state.Unsupported, state.Unsupported
		})
	}
	if !n.IsProvisioned() || len(n.Subnets) == 0 {
		l.role = nil
		return
	}
	if name, ok := l.link(); ok && n.Subnet(name.NetKey) == nil {
		l.role = nil // its key is gone
	}
	if l.role == nil {
		t := n.NetworkTransmit.Transmit()
		l.role = friend.NewLowPower(friend.LowPowerConfig{
			Node:         author{l.all},
			Address:      n.Address,
			Elements:     uint8(len(n.Elements)),
			NetKey:       n.Subnets[0].Index,
			Criteria:     o.Criteria,
			PollTimeout:  o.PollTimeout,
			PollInterval: o.PollInterval,
			ReceiveDelay: o.ReceiveDelay,
			Airtime:      time.Duration(t.Count-1) * (max(t.Interval, leastInterval) + linkDelay),
			Jitter:       l.host.Jitter,
			Counter:      drawCounter(l.host),
		})
		l.role.Start(l.host.Now())
	}
	subscribed := l.all.cfg.Models.Subscriptions([]mesh.Address{mesh.AllNodes})
	l.role.Subscribe(l.host.Now(), subscribed, l.output())
}

// LeftNetwork implements part.Part.
func (l *LowPower) LeftNetwork() error {
	l.role, l.out = nil, friend.Output{}
	return nil
}

// Tick implements part.Part. It polls the Friend sooner while something is
// expected.
func (l *LowPower) Tick() {
	if l.role == nil {
		return
	}
	l.role.Tick(l.host.Now(), l.output())
	if l.all.cfg.Layers.Sending() > 0 || l.all.cfg.Requests.Pending() > 0 {
		l.role.PollWithin(l.host.Now(), soon)
	}
}

// NextDeadline implements part.Part.
func (l *LowPower) NextDeadline() time.Time {
	if l.role == nil {
		return time.Time{}
	}
	return l.role.NextDeadline()
}

// Awake reports whether the radio of the node is to listen. That of a Low Power
// node with a friend listens in the receive windows only.
func (l *LowPower) Awake(now time.Time) bool { return l.role == nil || l.role.Awake(now) }

// Friend is the address of the Friend, unassigned for none.
func (l *LowPower) Friend() mesh.Address {
	if l.role == nil {
		return mesh.Unassigned
	}
	return l.role.Friend()
}

// Leave ends the friendship. The node then listens all the time.
func (l *LowPower) Leave() {
	if l.role != nil {
		l.role.Stop(l.host.Now(), l.output())
	}
}

// link is the friendship of this node.
func (l *LowPower) link() (friend.Link, bool) {
	if l.role == nil {
		return friend.Link{}, false
	}
	return l.role.Link()
}

// hearsOnlyFriend reports whether the node hears only its Friend in a subnet: it
// takes nothing else for new.
func (l *LowPower) hearsOnlyFriend(net mesh.KeyIndex) bool {
	name, ok := l.link()
	return ok && name.NetKey == net
}

// receive takes a PDU for this node to the transport layer. It returns false when
// the node is no Low Power node.
func (l *LowPower) receive(r *part.Received) bool {
	switch {
	case l.role == nil:
		return false
	case l.all.by(r.By) == nil:
		if isFriendMessage(&r.PDU) || !l.role.Rejoins(l.host.Now()) {
			l.all.cfg.Layers.ReceiveHere(r, false)
		}
		return true
	}
	l.all.cfg.Layers.ReceiveHere(r, true)
	if !isFriendMessage(&r.PDU) {
		l.role.Heard(l.host.Now(), l.output())
		l.all.carryOut(&l.out, r.By)
	}
	return true
}

// isFriendMessage reports whether a PDU is one of those that friend.LowPower gets
// as control messages.
func isFriendMessage(p *network.PDU) bool {
	return p.CTL && len(p.Transport) > 0 && isFriendOpcode(p.Transport[0])
}
