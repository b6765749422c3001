package virtual

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Constants of the link layer (Core, volume 6 part B).
const (
	minDataLength  = 27 // octets of data in a link layer packet without data length extension
	perEvent       = 4  // packets with data per connection event and direction
	establishing   = 6  // events within which a new connection must have been heard (4.5.2)
	updateEvents   = 6  // events from a connection update to its instant (5.1.1)
	firstHandle    = 0x0040
	peripheralHere = byte(packet.RolePeripheral)
)

// connection is two controllers that meet at every connection interval. A
// connection event succeeds if both hear each other; then each sends its data,
// up to perEvent packets. Lost data is sent again, so that it arrives late but
// in order. Silence for the supervision timeout ends the connection. The delay
// of the link is ignored, because the interval is longer.
type connection struct {
	timer // the next connection event
	air   *Air
	ends  [2]*end // central, peripheral

	number      uint64 // seeds its random decisions
	events      uint64
	interval    time.Duration
	latency     uint16
	supervision time.Duration
	began       time.Duration
	heard       time.Duration // time of the last event that succeeded
	established bool

	update     packet.ConnectionParameters // applies from event updateAt
	updateAt   uint64
	dataLength bool // the data length was changed and has to be reported
}

// end is a controller's side of a connection.
type end struct {
	controller *Controller // nil if it left silently, as by a reset
	connection *connection
	handle     uint16
	central    bool
	peerType   packet.AddressType
	peer       packet.Address
	queue      []outgoing
	dataLength int // octets of data in the packets it sends
	closing    packet.Status
}

// outgoing is an ACL packet from the host on its way.
type outgoing struct {
	start bool // start of an L2CAP PDU
	data  []byte
	sent  int // octets received by the peer
}

// full reports whether the controller has no room for another connection.
func (c *Controller) full() bool { return len(c.ends) >= c.options.Connections }

// end returns the connection with a handle, or nil.
func (c *Controller) end(handle uint16) *end {
	for _, e := range c.ends {
		if e.handle == handle {
			return e
		}
	}
	return nil
}

// connect establishes the connection that the central requested in answer to an
// advertisement of the peripheral's set. It returns the peripheral's end.
func (a *Air) connect(central, peripheral *Controller, t *transmission, now time.Duration) *end {
	i := &central.initiator
	a.stats.Connections++
	n := &connection{
		air: a, number: a.stats.Connections, interval: i.parameters.IntervalMax, latency: i.parameters.Latency,
		supervision: i.parameters.Supervision, began: now, heard: now,
	}
	ownType, own := central.initiatorAddress()
	n.ends[0] = central.join(n, t.addressType, t.address)
	n.ends[1] = peripheral.join(n, ownType, own)
	n.ends[0].central = true
	n.key, n.order, n.fire = central.key, orderConnections+uint64(n.ends[0].handle), n.meet
	a.at(&n.timer, now+n.interval)
	central.connectionComplete(n.ends[0], packet.StatusSuccess)
	peripheral.connectionComplete(n.ends[1], packet.StatusSuccess)
	return n.ends[1]
}

// join gives a controller its end of a connection, with the lowest free handle.
func (c *Controller) join(n *connection, peerType packet.AddressType, peer packet.Address) *end {
	e := &end{controller: c, connection: n, handle: firstHandle, peerType: peerType, peer: peer, dataLength: minDataLength}
	at := 0
	for at < len(c.ends) && c.ends[at].handle == e.handle {
		at++
		e.handle++
	}
	c.ends = slices.Insert(c.ends, at, e)
	return e
}

// abandon leaves all connections silently, as a reset does.
func (c *Controller) abandon() {
	for _, e := range c.ends {
		e.controller = nil
	}
	c.ends = nil
}

// present reports whether the end takes part in connection events.
func (e *end) present() bool {
	c := e.controller
	return c != nil && !c.faults.hung && !c.faults.mute
}

// meet runs a connection event.
func (n *connection) meet(now time.Duration) {
	n.events++
	central, peripheral := n.ends[0], n.ends[1]
	if central.controller == nil && peripheral.controller == nil {
		return // neither end is left
	}
	silence, limit, why := now-n.heard, n.supervision, packet.StatusConnectionTimeout
	if !n.established {
		limit, why = establishing*n.interval, packet.StatusNotEstablished
	}
	switch {
	case n.succeeds():
		n.heard, n.established = now, true
		n.exchange()
		if n.terminated() {
			return
		}
	case silence >= limit:
		n.air.stats.Missed++
		n.finish(why, why)
		return
	default:
		n.air.stats.Missed++
	}
	if n.updateAt != 0 && n.events >= n.updateAt {
		n.applyUpdate()
	}
	n.air.at(&n.timer, now+n.interval)
}

// succeeds reports whether both ends hear each other in this event.
func (n *connection) succeeds() bool {
	central, peripheral := n.ends[0], n.ends[1]
	if !central.present() || !peripheral.present() {
		return false
	}
	draw := newChance(n.air.options.Seed, n.key, n.number, chanceConnection, n.events)
	for _, l := range []Link{n.air.link(central.controller, peripheral.controller), n.air.link(peripheral.controller, central.controller)} {
		if l.Cut || draw.hit(l.Loss) {
			return false
		}
	}
	return true
}

// exchange transfers what both ends have to send.
func (n *connection) exchange() {
	n.ends[0].sendTo(n.ends[1])
	n.ends[1].sendTo(n.ends[0])
	if n.dataLength {
		n.dataLength = false
		for i, e := range n.ends {
			e.controller.dataLengthChange(e, n.ends[1-i].dataLength)
		}
	}
}

// sendTo sends up to perEvent packets to the other end. If the receiving host
// does not read, its controller refuses more, and the sender tries again.
func (e *end) sendTo(to *end) {
	if e.controller.faults.holdData {
		return
	}
	completed := 0
	for budget := perEvent; budget > 0 && len(e.queue) > 0; budget-- {
		o := &e.queue[0]
		n := min(len(o.data)-o.sent, e.dataLength)
		boundary := packet.BoundaryContinue
		if o.start && o.sent == 0 {
			boundary = packet.BoundaryFirst
		}
		if n > 0 && !to.controller.receive(packet.ACL{Handle: to.handle, Boundary: boundary, Data: o.data[o.sent : o.sent+n]}) {
			break
		}
		e.connection.air.stats.Exchanged++
		o.sent += n
		if o.sent == len(o.data) {
			e.queue = e.queue[1:]
			completed++
		}
	}
	if completed > 0 {
		e.controller.completedPackets(e, completed)
	}
}

// receive passes data to the host if there is room.
func (c *Controller) receive(a packet.ACL) bool {
	return c.host == nil || c.push(a.AppendTo(nil), classData, -1, 0)
}

// terminated ends the connection if one of the ends has requested it.
func (n *connection) terminated() bool {
	for i, e := range n.ends {
		if e.closing != packet.StatusSuccess {
			reasons := [2]packet.Status{e.closing, e.closing}
			reasons[i] = packet.StatusLocalHost
			n.finish(reasons[0], reasons[1])
			return true
		}
	}
	return false
}

// finish removes the connection from both ends and reports the reasons.
func (n *connection) finish(central, peripheral packet.Status) {
	for i, e := range n.ends {
		c := e.controller
		if c == nil {
			continue
		}
		e.controller = nil
		c.ends = slices.DeleteFunc(c.ends, func(o *end) bool { return o == e })
		if !c.faults.hung {
			c.disconnectionComplete(e.handle, [2]packet.Status{central, peripheral}[i])
		}
	}
}

func (n *connection) applyUpdate() {
	n.updateAt = 0
	n.interval, n.latency, n.supervision = n.update.IntervalMax, n.update.Latency, n.update.Supervision
	for _, e := range n.ends {
		if e.controller != nil {
			e.controller.connectionUpdate(e)
		}
	}
}

// data accepts a complete ACL, SCO or ISO packet from the host. A controller
// ignores packets for connections that it does not have (Core, volume 4 part E,
// 5.4.2).
func (c *Controller) data(p []byte) {
	if c.faults.hung {
		return
	}
	a, err := packet.ParseACL(p)
	if err != nil {
		c.stats.Stray++
		return
	}
	e := c.end(a.Handle)
	switch {
	case e == nil:
		c.stats.Stray++
	case len(a.Data) > c.options.DataLength:
		c.stats.Malformed++
	case c.held() >= c.options.DataPackets:
		c.stats.Flooded++
	default:
		c.stats.Data++
		e.queue = append(e.queue, outgoing{start: a.Boundary != packet.BoundaryContinue, data: slices.Clone(a.Data)})
	}
}

// held is the number of ACL buffers in use.
func (c *Controller) held() int {
	n := 0
	for _, e := range c.ends {
		n += len(e.queue)
	}
	return n
}
