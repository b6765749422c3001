package virtual

import (
	"encoding/binary"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// initiator is a controller's attempt to connect to a peer.
type initiator struct {
	enabled     bool
	since       time.Duration
	interval    time.Duration
	window      time.Duration
	peerType    packet.AddressType
	peer        packet.Address
	addressType uint8
	parameters  packet.ConnectionParameters
}

// wants reports whether a transmission comes from the peer, is connectable and
// falls in the scan window.
func (i *initiator) wants(t *transmission, now time.Duration) bool {
	return i.enabled && t.properties&connectable != 0 && t.address == i.peer && t.addressType == i.peerType &&
		now >= i.since && (now-i.since)%i.interval < i.window
}

// initiate answers an advertisement with a connection request. The advertiser
// accepts if it hears the request, still advertises and has room.
func (c *Controller) initiate(t *transmission, now time.Duration) {
	advertiser, s := t.from, t.set
	if c.faults.hung || c.faults.mute || advertiser.faults.hung || advertiser.unplugged || !s.enabled || advertiser.full() {
		return
	}
	l := c.air.link(c, advertiser)
	draw := newChance(c.air.options.Seed, c.key, advertiser.key, chanceConnection, t.event)
	if l.Cut || draw.hit(l.Loss) {
		return
	}
	s.stop()
	made := c.air.connect(c, advertiser, t, now)
	c.initiator = initiator{}
	if s != &advertiser.legacy {
		advertiser.setTerminated(s, packet.StatusSuccess, made.handle)
	}
}

// initiatorAddress is the address that the controller uses to connect.
func (c *Controller) initiatorAddress() (packet.AddressType, packet.Address) {
	if c.initiator.addressType&1 == 1 {
		return packet.AddressRandom, c.random
	}
	return packet.AddressPublic, c.options.Address
}

// connectionParameters decodes the six 16-bit fields that all these commands
// have:
//
//	min interval | max interval | latency | supervision timeout | min length | max length
func connectionParameters(p []byte) packet.ConnectionParameters {
	return packet.ConnectionParameters{
		IntervalMin: time.Duration(binary.LittleEndian.Uint16(p)) * packet.ConnectionUnit,
		IntervalMax: time.Duration(binary.LittleEndian.Uint16(p[2:])) * packet.ConnectionUnit,
		Latency:     binary.LittleEndian.Uint16(p[4:]),
		Supervision: time.Duration(binary.LittleEndian.Uint16(p[6:])) * packet.SupervisionUnit,
	}
}

// LE Create Connection (7.8.12):
//
//	scan interval (2) | window (2) | filter policy | peer address type | peer
//	address (6) | own address type | connection parameters (12)
func leCreateConnection(c *Controller, p []byte, r *reply) packet.Status {
	r.pending = true
	return c.beginInitiating(initiator{
		peerType: packet.AddressType(p[5]), peer: packet.Address(p[6:12]), addressType: p[12],
		parameters: connectionParameters(p[13:]),
	}, p[4], binary.LittleEndian.Uint16(p), binary.LittleEndian.Uint16(p[2:]))
}

// LE Extended Create Connection (7.8.66), here for the LE 1M PHY only:
//
//	filter policy | own address type | peer address type | peer address (6) |
//	PHYs | scan interval (2) | window (2) | connection parameters (12)
func leExtendedCreateConnection(c *Controller, p []byte, r *reply) packet.Status {
	r.pending = true
	if p[9] != packet.PHY1M {
		return packet.StatusUnsupportedFeature
	}
	return c.beginInitiating(initiator{
		peerType: packet.AddressType(p[2]), peer: packet.Address(p[3:9]), addressType: p[1],
		parameters: connectionParameters(p[14:]),
	}, p[0], binary.LittleEndian.Uint16(p[10:]), binary.LittleEndian.Uint16(p[12:]))
}

func (c *Controller) beginInitiating(i initiator, policy uint8, interval, window uint16) packet.Status {
	switch {
	case c.initiator.enabled, c.options.Exclusive && (c.scan.enabled || c.advertising()):
		return packet.StatusCommandDisallowed
	case policy > 1, i.peerType > 1, i.addressType > 3, interval > maxInterval, !validWindow(interval, window), !i.parameters.Valid():
		return packet.StatusInvalidParameters
	case policy == 1:
		return packet.StatusUnsupportedFeature // there is no filter accept list
	case i.addressType&1 == 1 && !c.hasRandom:
		return packet.StatusInvalidParameters
	case c.full():
		return packet.StatusConnectionLimit
	}
	for _, e := range c.ends {
		if e.peer == i.peer && e.peerType == i.peerType {
			return packet.StatusConnectionExists
		}
	}
	i.enabled, i.since = true, c.air.now()
	i.interval, i.window = time.Duration(interval)*unit, time.Duration(window)*unit
	c.initiator = i
	return packet.StatusSuccess
}

// LE Create Connection Cancel (7.8.13). The attempt ends with LE Connection
// Complete of status 0x02, after the completion of this command.
func leCreateConnectionCancel(c *Controller, _ []byte, r *reply) packet.Status {
	if !c.initiator.enabled {
		return packet.StatusCommandDisallowed
	}
	cancelled := &end{controller: c, central: true, peerType: c.initiator.peerType, peer: c.initiator.peer, connection: &connection{}}
	c.initiator = initiator{}
	r.after = func() { c.connectionComplete(cancelled, packet.StatusUnknownConnection) }
	return packet.StatusSuccess
}

// Disconnect (7.1.6): handle (2) | reason.
func disconnect(c *Controller, p []byte, r *reply) packet.Status {
	r.pending = true
	e := c.end(binary.LittleEndian.Uint16(p) & 0x0FFF)
	switch {
	case e == nil:
		return packet.StatusUnknownConnection
	case e.closing != packet.StatusSuccess:
		return packet.StatusCommandDisallowed
	}
	switch packet.Status(p[2]) {
	case 0x05, 0x13, 0x14, 0x15, 0x1A, 0x29, 0x3B:
		e.closing = packet.Status(p[2])
		e.queue = nil // flushed without a completion
		return packet.StatusSuccess
	}
	return packet.StatusInvalidParameters
}

// LE Connection Update (7.8.18): handle (2) | connection parameters (12).
func leConnectionUpdate(c *Controller, p []byte, r *reply) packet.Status {
	r.pending = true
	e := c.end(binary.LittleEndian.Uint16(p) & 0x0FFF)
	update := connectionParameters(p[2:])
	switch {
	case e == nil:
		return packet.StatusUnknownConnection
	case !update.Valid():
		return packet.StatusInvalidParameters
	case e.connection.updateAt != 0:
		return packet.StatusCommandDisallowed
	}
	e.connection.update, e.connection.updateAt = update, e.connection.events+updateEvents
	return packet.StatusSuccess
}

// LE Set Data Length (7.8.33): handle (2) | octets (2) | µs (2). The time
// suffices for the octets.
func leSetDataLength(c *Controller, p []byte, r *reply) packet.Status {
	e := c.end(binary.LittleEndian.Uint16(p) & 0x0FFF)
	octets := int(binary.LittleEndian.Uint16(p[2:]))
	switch {
	case e == nil:
		return packet.StatusUnknownConnection
	case octets < minDataLength || octets > packet.MaxDataOctets:
		return packet.StatusInvalidParameters
	}
	r.put(p[:2]...)
	if e.dataLength != octets {
		e.dataLength, e.connection.dataLength = octets, true
	}
	return packet.StatusSuccess
}

// LE Read Suggested Default Data Length (7.8.34). A controller with data length
// extension has this command and the next two; Linux uses them during setup.
func leReadSuggestedDataLength(c *Controller, _ []byte, r *reply) packet.Status {
	r.put16(c.suggested)
	r.put16(dataTime(c.suggested))
	return packet.StatusSuccess
}

// LE Write Suggested Default Data Length (7.8.35): octets (2) | µs (2). The
// controller need not follow the suggestion, and this one does not.
func leWriteSuggestedDataLength(c *Controller, p []byte, _ *reply) packet.Status {
	octets := binary.LittleEndian.Uint16(p)
	if octets < minDataLength || octets > packet.MaxDataOctets {
		return packet.StatusInvalidParameters
	}
	c.suggested = octets
	return packet.StatusSuccess
}

// LE Read Maximum Data Length (7.8.46): octets (2) | µs (2), for sending and
// receiving.
func leReadMaximumDataLength(_ *Controller, _ []byte, r *reply) packet.Status {
	for range 2 {
		r.put16(packet.MaxDataOctets)
		r.put16(dataTime(packet.MaxDataOctets))
	}
	return packet.StatusSuccess
}

// dataTime is the duration of a link layer packet in microseconds at 1 Mbit/s;
// 14 octets are added to the data.
func dataTime(octets uint16) uint16 { return (octets + 14) * 8 }
