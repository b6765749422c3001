package node

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// LowPowerOptions say how a Low Power node sleeps (section 3.6.6.4). Zero for
// the defaults of package friend.
type LowPowerOptions struct {
	PollTimeout  time.Duration // after which the friend forgets it, 1 s to four days
	PollInterval time.Duration // that it sleeps
	ReceiveDelay time.Duration // between a question and its answer, 10 to 255 ms
	Criteria     friend.Criteria
}

// soon is when a Low Power node asks its friend again while it waits for the
// acknowledgment of a segmented message or for the answer to a request.
const soon = 300 * time.Millisecond

// deriveLowPower makes the node a Low Power node once it is in a network, and
// tells its friend what it is subscribed to.
func (c *Core) deriveLowPower() {
	f := &c.friendship
	o := c.options.LowPower
	if o == nil {
		return
	}
	// It cannot pass on what it does not hear.
	c.state.LowPower, c.state.Relay, c.state.Friend = true, state.Unsupported, state.Unsupported
	if !c.state.IsProvisioned() || len(c.state.Subnets) == 0 {
		f.low = nil
		return
	}
	if l, ok := f.low.Link(); ok && c.subnet(l.NetKey) == nil {
		f.low = nil // its key is gone
	}
	if f.low == nil {
		t := c.state.NetworkTransmit.Transmit()
		const delay = 10 * time.Millisecond // of the link layer, at most
		f.low = friend.NewLowPower(friend.LowPowerConfig{
			Author:       author{c},
			Address:      c.state.Address,
			Elements:     uint8(len(c.state.Elements)),
			NetKey:       c.state.Subnets[0].Index,
			Criteria:     o.Criteria,
			PollTimeout:  o.PollTimeout,
			PollInterval: o.PollInterval,
			ReceiveDelay: o.ReceiveDelay,
			Airtime:      time.Duration(t.Count-1) * (max(t.Interval, leastInterval) + delay),
			Jitter:       c.jitter,
			Counter:      c.drawCounter(),
		})
		f.low.Start(c.now)
	}
	subscribed := []mesh.Address{mesh.AllNodes}
	for _, i := range c.instances {
		subscribed = append(subscribed, i.config.Subscriptions...)
	}
	f.low.Subscribe(c.now, subscribed, &f.out)
}

// sleeps reports whether the node hears only its friend in a subnet.
func (c *Core) sleeps(net mesh.KeyIndex) bool {
	if c.friendship.low == nil {
		return false
	}
	l, ok := c.friendship.low.Link()
	return ok && l.NetKey == net
}

// Awake reports whether the radio of the node is to listen. That of a Low Power
// node with a friend need not, but for the receive windows.
func (c *Core) Awake(now time.Time) bool {
	return c.friendship.low == nil || c.friendship.low.Awake(now)
}

// receiveTransport gives a PDU for this node to the transport layer.
func (c *Core) receiveTransport(p *network.PDU) {
	f := &c.friendship
	switch {
	case f.low == nil:
		c.transport.Receive(c.now, p, &c.lower)
		return
	case f.by(p.By) == nil:
		if isFriendMessage(p) || !f.low.Returns(c.now) {
			c.transport.Receive(c.now, p, &c.lower)
		}
		return
	}
	c.transport.ReceiveStored(c.now, p, &c.lower)
	if !isFriendMessage(p) {
		f.low.Heard(c.now, &f.out)
		c.collectFriendship()
	}
}

// isFriendMessage reports whether a PDU is one of those that friend.LowPower
// gets as control messages.
func isFriendMessage(p *network.PDU) bool {
	return p.CTL && len(p.Transport) > 0 && p.Transport[0] >= friend.OpPoll && p.Transport[0] <= friend.OpSubscriptionConfirm
}

// tickLowPower asks the friend sooner while something is expected.
func (c *Core) tickLowPower() {
	low := c.friendship.low
	if low == nil {
		return
	}
	low.Tick(c.now, &c.friendship.out)
	if c.transport.Sending() > 0 || len(c.requests) > 0 {
		low.PollWithin(c.now, soon)
	}
}

// hearFriend follows what the friend says about the network, as a beacon would
// (sections 3.11.4 and 3.11.5): a key refresh only when it says so under the new
// key.
func (c *Core) hearFriend(e friend.Secured) {
	s := c.subnet(e.NetKey)
	if l := c.friendship.by(c.opened.By); s != nil && l != nil && c.opened.By != l.credentials[0] {
		c.followKeyRefresh(s, e.State.KeyRefresh)
	}
	if e.NetKey == mesh.PrimaryNetKey || c.subnet(mesh.PrimaryNetKey) == nil {
		c.followIVIndex(e.State)
	}
}

// LeaveFriend ends the friendship of a Low Power node, which then listens all
// the time.
func (c *Core) LeaveFriend(now time.Time) {
	c.begin(now)
	if c.friendship.low != nil {
		c.friendship.low.Stop(c.now, &c.friendship.out)
		c.collectFriendship()
	}
}
