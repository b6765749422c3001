package transport

import (
	"bytes"
	"encoding/binary"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// answer says whether octets look like a packet.
type answer uint8

const (
	no answer = iota
	unknown
	yes
)

// plausible reports whether p begins with a packet that a controller sends to
// this host: an event with the length that it must have, or data of a
// connection. It is unknown as long as the packet is not complete. What follows
// the packet has to begin like a packet as well.
func plausible(p []byte) answer {
	if len(p) == 0 {
		return unknown
	}
	t := packet.Type(p[0])
	if t != packet.TypeEvent && t != packet.TypeACL {
		return no
	}
	if len(p) < t.HeaderLen() {
		return unknown
	}
	n, err := length(p)
	if err != nil || t == packet.TypeACL && !plausibleData(p) {
		return no
	}
	body := p[t.HeaderLen():min(n, len(p))]
	if t == packet.TypeEvent {
		if a := plausibleEvent(packet.EventCode(p[1]), int(p[2]), body); a != yes {
			return a
		}
	}
	switch {
	case len(p) < n:
		return unknown
	case !follows(p[n:]):
		return no
	default:
		return yes
	}
}

// plausibleData checks the header of ACL data: a possible handle, no broadcast,
// a packet boundary flag of a controller, and some data.
func plausibleData(p []byte) bool {
	const maxData = 1024
	bits, n := binary.LittleEndian.Uint16(p[1:]), binary.LittleEndian.Uint16(p[3:])
	boundary := packet.Boundary(bits >> 12)
	return bits&0x0fff <= packet.MaxConnectionHandle && (boundary == packet.BoundaryContinue || boundary == packet.BoundaryFirst) && 1 <= n && n <= maxData
}

// plausibleEvent checks the length of an event that the controller may send,
// with as much of its parameters as has arrived.
func plausibleEvent(code packet.EventCode, n int, params []byte) answer {
	least, most := 0, packet.MaxParams
	switch code {
	case packet.EventDisconnectionComplete, packet.EventCommandStatus:
		least, most = 4, 4
	case packet.EventCommandComplete:
		least = 3
	case packet.EventHardwareError, packet.EventDataBufferOverflow:
		least, most = 1, 1
	case packet.EventCompletedPackets:
		if len(params) > 0 {
			least = 1 + 4*int(params[0]) // a handle and a count
			most = least
		}
	case packet.EventLEMeta:
		least = 2
		if len(params) > 0 {
			least, most = subeventLen(packet.Subevent(params[0]))
		}
	default:
		return no
	}
	switch {
	case n < least || n > most:
		return no
	case n > 0 && len(params) == 0:
		return unknown
	default:
		return yes
	}
}

// subeventLen is the least and the largest length of an LE Meta event (volume 4
// part E, section 7.7.65).
func subeventLen(s packet.Subevent) (least, most int) {
	const (
		legacyReport, extendedReport = 2 + 10, 2 + 24
		lastSubevent                 = 0x40
	)
	switch s {
	case packet.SubeventConnectionComplete:
		return 19, 19
	case packet.SubeventAdvertisingReport:
		return legacyReport, packet.MaxParams
	case packet.SubeventConnectionUpdateComplete:
		return 10, 10
	case packet.SubeventDataLengthChange:
		return 11, 11
	case packet.SubeventEnhancedConnectionComplete:
		return 31, 31
	case packet.SubeventExtendedAdvertisingReport:
		return extendedReport, packet.MaxParams
	case packet.SubeventAdvertisingSetTerminated:
		return 6, 6
	}
	if s == 0 || s > lastSubevent {
		return 1, 0 // nothing fits
	}
	return 2, packet.MaxParams
}

// isReset recognises the command HCI_Reset.
func isReset(p []byte) bool {
	op, _, err := packet.ParseCommand(p)
	return err == nil && op == packet.OpReset
}

// isResetComplete recognises the answer to a Reset: Command Complete with its
// opcode and a status.
//
//	04 | 0e | 04 | credits | 03 0c | status
func isResetComplete(p []byte) bool {
	return len(p) == 7 && p[0] == byte(packet.TypeEvent) && p[1] == byte(packet.EventCommandComplete) && p[2] == 4 &&
		packet.Opcode(binary.LittleEndian.Uint16(p[4:])) == packet.OpReset
}

// resetCompleted finds the answer to a Reset in octets that look like the
// beginning of a longer packet. A host that has lost the framing uses it to find
// the next packet (volume 4 part A, section 4). It returns 0 if no Reset was
// sent or its answer is not there.
func (s *Stream) resetCompleted(p []byte) int {
	if !s.resetting.Load() {
		return 0
	}
	const answerLen = 7
	begin := []byte{byte(packet.TypeEvent), byte(packet.EventCommandComplete), 4}
	for i := 1; i+answerLen <= len(p); i++ {
		j := bytes.Index(p[i:], begin)
		if j < 0 || i+j+answerLen > len(p) {
			return 0
		}
		i += j
		if isResetComplete(p[i : i+answerLen]) {
			return i
		}
	}
	return 0
}
