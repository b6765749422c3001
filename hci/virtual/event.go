package virtual

import "github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"

// What is said in events (Core volume 4 part E, 7.7), and the masks after Reset
// (7.3.1 and 7.8.1).
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

	defaultMask   = 0x00001FFFFFFFFFFF // LE events are off until the host wants them
	defaultMaskLE = 0x1F
)

// event queues a packet for the host that is not an advertising report.
func (c *Controller) event(octets []byte) {
	if c.host != nil && !c.push(octets, false, -1, 0) {
		c.stats.Events++
	}
}

// push gives a packet to the host, or garbage in its place.
func (c *Controller) push(octets []byte, report bool, patch int, with byte) bool {
	if c.faults.garble > 0 {
		c.faults.garble--
		return c.host.push(c.garbage(), report, -1, 0)
	}
	return c.host.push(octets, report, patch, with)
}

func (c *Controller) garbage() []byte {
	draw := newChance(c.air.options.Seed, c.key, chanceGarbage, uint64(c.faults.garble))
	octets := make([]byte, 1+draw.next()%64)
	for i := range octets {
		octets[i] = byte(draw.next())
	}
	return octets
}

// allows reports whether the two masks let an LE event through.
func (c *Controller) allows(subevent uint8) bool {
	return c.mask&packet.EventMaskLEMeta != 0 && c.maskLE&(1<<(subevent-1)) != 0
}

// Command Complete (7.7.14):
//
//	04 0E len | credits | opcode (2) | status | return parameters
//
// A command that failed returns the status alone.
func (c *Controller) commandComplete(opcode packet.Opcode, s packet.Status, r *reply) {
	var b [MaxPacket]byte
	n := copy(b[:], []byte{typeEvent, eventCommandComplete, 0, c.credits(), byte(opcode), byte(opcode >> 8), byte(s)})
	if s == packet.StatusSuccess {
		n += copy(b[n:], r.octets[:r.length])
	}
	b[2] = byte(n - 3)
	c.event(b[:n])
}

// Command Status (7.7.15), for a command that does not exist:
//
//	04 0F 04 | status | credits | opcode (2)
func (c *Controller) commandStatus(opcode packet.Opcode, s packet.Status) {
	c.event([]byte{typeEvent, eventCommandStatus, 4, byte(s), c.credits(), byte(opcode), byte(opcode >> 8)})
}

// LE Advertising Set Terminated (7.7.65.18):
//
//	04 3E 06 12 | status | handle | connection (2) | number of events
func (c *Controller) setTerminated(s *set, why packet.Status) {
	if c.allows(leAdvertisingSetTerminated) {
		c.event([]byte{typeEvent, eventLE, 6, leAdvertisingSetTerminated, byte(why), s.handle, 0, 0, s.completed})
	}
}

// LE Scan Timeout (7.7.65.17): 04 3E 01 11
func (c *Controller) scanTimeout() {
	if c.allows(leScanTimeout) {
		c.event([]byte{typeEvent, eventLE, 1, leScanTimeout})
	}
}

// appendLegacyReport encodes an LE Advertising Report (7.7.65.2) of one
// report; the RSSI, its last octet, is the listener's to fill in:
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

// extendedReportRSSI is where the RSSI is in an extended report.
const extendedReportRSSI = 18

// appendExtendedReport encodes an LE Extended Advertising Report (7.7.65.13)
// of one report; the RSSI is the listener's to fill in:
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
