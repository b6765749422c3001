package node

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/heartbeat"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// collectControl hands out what the transport layer has received beside access
// messages: control messages, and segmented messages for Low Power nodes.
func (c *Core) collectControl(rssi int8) {
	for _, held := range c.lower.Held {
		if role := c.friendship.role; role != nil {
			role.Store(held...)
		}
	}
	c.lower.Held = c.lower.Held[:0]
	for i := range c.lower.Control {
		c.receiveControl(&c.lower.Control[i], rssi)
	}
	c.lower.Control = c.lower.Control[:0]
}

// receiveControl handles a transport control message (section 3.6.5). It came
// with the PDU that was opened last.
func (c *Core) receiveControl(m *transport.ControlMessage, rssi int8) {
	f := &c.friendship
	l := f.by(c.opened.By)
	in := friend.Control{
		Src: m.Src, Dst: m.Dst, NetKey: m.NetKey, TTL: m.TTL, RSSI: rssi,
		Secured: l != nil, Opcode: m.Opcode, Params: m.Params,
	}
	switch {
	case m.Segmented: // none of these is
	case l != nil && l.LPN != m.Src && l.Friend != m.Src: // with somebody else's credentials
		c.counters.Malformed++
	case m.Opcode == heartbeat.Opcode:
		c.receiveHeartbeat(m, rssi)
	case f.low != nil:
		f.low.Receive(c.now, &in, &f.out)
	case f.role != nil:
		f.role.Receive(c.now, &in, &f.out)
	}
	c.collectFriendship()
}
