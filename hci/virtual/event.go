package virtual

import "github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"

// The events (Core, volume 4 part E, 7.7), and the masks after Reset (7.3.1 and
// 7.8.1).
const (
	typeEvent            = byte(packet.TypeEvent)
	eventCommandComplete = byte(packet.EventCommandComplete)
	eventCommandStatus   = byte(packet.EventCommandStatus)
	eventHardwareError   = byte(packet.EventHardwareError)
	eventLE              = byte(packet.EventLEMeta)

	leAdvertisingReport         = byte(packet.SubeventAdvertisingReport)
	leExtendedAdvertisingReport = byte(packet.SubeventExtendedAdvertisingReport)
	leScanTimeout               = 0x11
	leAdvertisingSetTerminated  = byte(packet.SubeventAdvertisingSetTerminated)

	defaultMask   = 0x00001FFFFFFFFFFF // LE events are off until the host enables them
	defaultMaskLE = 0x1F
)

// event queues a packet for the host other than an advertising report.
func (c *Controller) event(octets []byte) {
	if c.host != nil && !c.push(octets, classEvent, -1, 0) {
		c.stats.Events++
	}
}

// push queues a packet for the host, or garbage in its place.
func (c *Controller) push(octets []byte, kind class, patch int, with byte) bool {
	if c.faults.garble > 0 {
		c.faults.garble--
		return c.host.push(c.garbage(), kind, -1, 0)
	}
	return c.host.push(octets, kind, patch, with)
}

func (c *Controller) garbage() []byte {
	draw := newChance(c.air.options.Seed, c.key, chanceGarbage, uint64(c.faults.garble))
	octets := make([]byte, 1+draw.next()%64)
	for i := range octets {
		octets[i] = byte(draw.next())
	}
	return octets
}

// allows reports whether the two masks enable an LE event.
func (c *Controller) allows(subevent uint8) bool {
	return c.mask&packet.EventMaskLEMeta != 0 && c.maskLE&(1<<(subevent-1)) != 0
}

// Command Complete (7.7.14):
//
//	04 0E len | credits | opcode (2) | status | return parameters
//
// A command that failed returns only the status.
func (c *Controller) commandComplete(opcode packet.Opcode, s packet.Status, r *reply) {
	var b [MaxPacket]byte
	n := copy(b[:], []byte{typeEvent, eventCommandComplete, 0, c.credits(), byte(opcode), byte(opcode >> 8), byte(s)})
	if s == packet.StatusSuccess {
		n += copy(b[n:], r.octets[:r.length])
	}
	b[2] = byte(n - 3)
	c.event(b[:n])
}

// Command Status (7.7.15), for a command that takes longer or does not exist:
//
//	04 0F 04 | status | credits | opcode (2)
func (c *Controller) commandStatus(opcode packet.Opcode, s packet.Status) {
	c.event([]byte{typeEvent, eventCommandStatus, 4, byte(s), c.credits(), byte(opcode), byte(opcode >> 8)})
}

// LE Advertising Set Terminated (7.7.65.18):
//
//	04 3E 06 12 | status | handle | connection (2) | number of events
func (c *Controller) setTerminated(s *set, why packet.Status, connection uint16) {
	if c.allows(leAdvertisingSetTerminated) {
		c.event([]byte{typeEvent, eventLE, 6, leAdvertisingSetTerminated, byte(why), s.handle, byte(connection), byte(connection >> 8), s.completed})
	}
}

// LE Scan Timeout (7.7.65.17): 04 3E 01 11
func (c *Controller) scanTimeout() {
	if c.allows(leScanTimeout) {
		c.event([]byte{typeEvent, eventLE, 1, leScanTimeout})
	}
}

// appendLegacyReport encodes an LE Advertising Report (7.7.65.2) with one
// report. The listener fills in the RSSI, its last octet:
//
//	04 3E len 02 01 | event type | address type | address (6) | length | data | RSSI
func (t *transmission) appendLegacyReport(b []byte, response bool) []byte {
	kind, data := byte(0x03), t.data[:t.length] // ADV_NONCONN_IND
	switch {
	case response:
		kind, data = 0x04, t.response[:t.responseLength]
	case t.properties&connectable != 0:
		kind = 0x00 // ADV_IND
	case t.properties&scannable != 0:
		kind = 0x02 // ADV_SCAN_IND
	}
	b = append(b, typeEvent, eventLE, byte(12+len(data)), leAdvertisingReport, 1, kind, byte(t.addressType))
	b = append(b, t.address[:]...)
	b = append(b, byte(len(data)))
	b = append(b, data...)
	return append(b, 0)
}

// extendedReportRSSI is the offset of the RSSI in an extended report.
const extendedReportRSSI = 18

// appendExtendedReport encodes an LE Extended Advertising Report (7.7.65.13)
// with one report. The listener fills in the RSSI:
//
//	04 3E len 0D 01 | event type (2) | address type | address (6) | primary PHY |
//	secondary PHY | SID | TX power | RSSI | periodic interval (2) |
//	direct address type | direct address (6) | length | data
func (t *transmission) appendExtendedReport(b []byte, response bool) []byte {
	kind, data := t.properties&(connectable|scannable|legacyPDU), t.data[:t.length]
	if response {
		kind, data = kind|0x08, t.response[:t.responseLength]
	}
	secondary, sid := byte(0), byte(0xFF) // none with legacy PDUs
	if t.properties&legacyPDU == 0 {
		secondary, sid = packet.PHY1M, t.sid
	}
	b = append(b, typeEvent, eventLE, byte(26+len(data)), leExtendedAdvertisingReport, 1, byte(kind), byte(kind>>8), byte(t.addressType))
	b = append(b, t.address[:]...)
	b = append(b, packet.PHY1M, secondary, sid, powerUnknown, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(data)))
	return append(b, data...)
}

const powerUnknown = 127

// LE Connection Complete (7.7.65.1), or LE Enhanced Connection Complete
// (7.7.65.10), with the two resolvable addresses, if the host has enabled it:
//
//	04 3E 13 01 | status | handle (2) | role | peer address type | peer address (6) |
//	interval (2) | latency (2) | supervision timeout (2) | clock accuracy
func (c *Controller) connectionComplete(e *end, s packet.Status) {
	subevent := byte(packet.SubeventEnhancedConnectionComplete)
	if !c.allows(subevent) {
		subevent = byte(packet.SubeventConnectionComplete)
		if !c.allows(subevent) {
			return
		}
	}
	role := peripheralHere
	if e.central {
		role = byte(packet.RoleCentral)
	}
	b := []byte{typeEvent, eventLE, 0, subevent, byte(s), byte(e.handle), byte(e.handle >> 8), role, byte(e.peerType)}
	b = append(b, e.peer[:]...)
	if subevent == byte(packet.SubeventEnhancedConnectionComplete) {
		b = append(b, make([]byte, 12)...)
	}
	b = append(e.connection.appendTimes(b), 0)
	b[2] = byte(len(b) - 3)
	c.event(b)
}

// appendTimes appends interval, latency and supervision timeout.
func (n *connection) appendTimes(b []byte) []byte {
	for _, v := range []uint16{uint16(n.interval / packet.ConnectionUnit), n.latency, uint16(n.supervision / packet.SupervisionUnit)} {
		b = append(b, byte(v), byte(v>>8))
	}
	return b
}

// LE Connection Update Complete (7.7.65.3):
//
//	04 3E 0A 03 | status | handle (2) | interval (2) | latency (2) | supervision timeout (2)
func (c *Controller) connectionUpdate(e *end) {
	subevent := byte(packet.SubeventConnectionUpdateComplete)
	if c.allows(subevent) {
		c.event(e.connection.appendTimes([]byte{typeEvent, eventLE, 10, subevent, 0, byte(e.handle), byte(e.handle >> 8)}))
	}
}

// LE Data Length Change (7.7.65.7):
//
//	04 3E 0B 07 | handle (2) | transmitted octets (2) | µs (2) | received octets (2) | µs (2)
func (c *Controller) dataLengthChange(e *end, received int) {
	subevent := byte(packet.SubeventDataLengthChange)
	if !c.allows(subevent) {
		return
	}
	b := []byte{typeEvent, eventLE, 11, subevent, byte(e.handle), byte(e.handle >> 8)}
	for _, octets := range []int{e.dataLength, received} {
		us := dataTime(uint16(octets))
		b = append(b, byte(octets), byte(octets>>8), byte(us), byte(us>>8))
	}
	c.event(b)
}

// Disconnection Complete (7.7.5): 04 05 04 | status | handle (2) | reason
func (c *Controller) disconnectionComplete(handle uint16, reason packet.Status) {
	if c.mask&packet.EventMaskDisconnectionComplete != 0 {
		c.event([]byte{typeEvent, byte(packet.EventDisconnectionComplete), 4, 0, byte(handle), byte(handle >> 8), byte(reason)})
	}
}

// Number Of Completed Packets (7.7.19), for one connection:
//
//	04 13 05 01 | handle (2) | packets (2)
func (c *Controller) completedPackets(e *end, n int) {
	if c.faults.dropCompleted > 0 {
		c.faults.dropCompleted--
		return
	}
	c.event([]byte{typeEvent, byte(packet.EventCompletedPackets), 5, 1, byte(e.handle), byte(e.handle >> 8), byte(n), byte(n >> 8)})
}
