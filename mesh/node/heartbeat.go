package node

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/heartbeat"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// heartbeats are those that a node sends and those that it counts.
type heartbeats struct {
	begun        bool
	publication  heartbeat.Publication
	subscription heartbeat.Subscription
}

// deriveHeartbeats goes on with what was configured before a restart, and tells
// of features that have changed.
func (c *Core) deriveHeartbeats() {
	h := &c.heartbeats
	if !c.state.IsProvisioned() {
		return
	}
	if !h.begun {
		h.begun = true
		// How many of a limited number were sent is not known any more.
		if p := c.state.HeartbeatPublication; p.CountLog == 0xFF {
			h.publication.Set(c.now, p)
		} else {
			p.CountLog = 0
			h.publication.Set(c.now, p)
		}
	}
	if p := c.state.HeartbeatPublication; p.Destination != mesh.Unassigned && c.subnet(p.NetKey) == nil {
		c.PublishHeartbeats(state.HeartbeatPublication{}) // its key is gone
	}
	c.featuresChanged()
}

// features are those in use (section 3.6.7.2).
func (c *Core) features() uint16 {
	var f configuration.Features
	for feature, on := range map[configuration.Features]bool{
		configuration.FeatureRelay:    c.state.Relay == state.Enabled,
		configuration.FeatureProxy:    c.state.Proxy == state.Enabled,
		configuration.FeatureFriend:   c.state.Friend == state.Enabled,
		configuration.FeatureLowPower: c.friendship.low != nil && c.friendship.low.Friend() != mesh.Unassigned,
	} {
		if on {
			f |= feature
		}
	}
	return uint16(f)
}

// featuresChanged sends a heartbeat when a feature that the publication names
// has been switched.
func (c *Core) featuresChanged() {
	if c.heartbeats.publication.Changed(c.features()) {
		c.sendHeartbeat()
	}
}

func (c *Core) tickHeartbeats() {
	if c.heartbeats.publication.Due(c.now) {
		c.sendHeartbeat()
	}
}

func (c *Core) sendHeartbeat() {
	p := c.heartbeats.publication.HeartbeatPublication
	m := heartbeat.Message{InitTTL: p.TTL, Features: c.features()}
	_, err := c.transport.SendControl(c.now, &transport.ControlOut{
		Src: c.state.Address, Dst: p.Destination, NetKey: p.NetKey, TTL: p.TTL,
		Opcode: heartbeat.Opcode, Params: m.Append(nil),
	}, &c.lower)
	if err != nil {
		c.countUnsent(err)
		return
	}
	c.seal()
}

// receiveHeartbeat counts a heartbeat, and reports it to who monitors the node.
func (c *Core) receiveHeartbeat(m *transport.ControlMessage, rssi int8) {
	beat, err := heartbeat.Parse(m.Params)
	if err != nil {
		c.counters.Malformed++
		return
	}
	hops, ok := beat.Hops(m.TTL)
	if !ok {
		c.counters.Malformed++
		return
	}
	c.heartbeats.subscription.Receive(c.now, m.Src, m.Dst, hops)
	if c.options.Monitor {
		c.report(HeartbeatReceived{Src: m.Src, Dst: m.Dst, Hops: hops, Features: beat.Features, RSSI: rssi})
	}
}

// PublishHeartbeats implements configuration.Beater.
func (c *Core) PublishHeartbeats(p state.HeartbeatPublication) {
	c.state.HeartbeatPublication = p
	c.stateDirty = true
	c.heartbeats.publication.Set(c.now, p)
}

// HeartbeatsLeft implements configuration.Beater.
func (c *Core) HeartbeatsLeft() uint8 { return c.heartbeats.publication.CountLog() }

// SubscribeHeartbeats implements configuration.Beater.
func (c *Core) SubscribeHeartbeats(source, destination mesh.Address, periodLog uint8) {
	c.heartbeats.subscription.Set(c.now, source, destination, periodLog)
}

// HeartbeatsCounted implements configuration.Beater.
func (c *Core) HeartbeatsCounted() heartbeat.Status { return c.heartbeats.subscription.Status(c.now) }
