package connection

import (
	"encoding/binary"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Codes of the signalling commands that are used here (section 4):
//
//	+--------+--------------+----------+------+
//	| code 1 | identifier 1 | length 2 | data |
//	+--------+--------------+----------+------+
const (
	codeReject         = 0x01
	codeUpdateRequest  = 0x12
	codeUpdateResponse = 0x13
	codeCreditRequest  = 0x14 // LE credit based connection; its response follows
	codeCredits        = 0x16 // flow control credits, which need no answer
	codeEnhanced       = 0x17
	codeReconfigure    = 0x19
)

// Limits of the parameters that a peripheral may request: with longer times its
// messages would arrive too late.
const (
	longestInterval    = time.Second
	longestSupervision = 10 * time.Second
)

// signalling answers a command of the LE signalling channel. A command is not
// answered while no earlier answer has been sent.
func (c *Connection) signalling(p []byte) {
	if len(p) < 4 || p[1] == 0 {
		return
	}
	code, identifier, data := p[0], p[1], p[4:]
	switch code {
	case codeUpdateRequest:
		if c.cfg.Role == packet.RoleCentral && len(data) == 8 && binary.LittleEndian.Uint16(p[2:]) == 8 {
			c.update(identifier, data)
			return
		}
	case codeReject, codeUpdateResponse, codeCreditRequest + 1, codeCredits, codeEnhanced + 1, codeReconfigure + 1:
		return // unsolicited responses
	}
	const notUnderstood = 0
	c.cfg.Sender.TrySend(frame(ChannelSignalling, codeReject, identifier, 2, 0, notUnderstood, 0))
}

// update answers a Connection Parameter Update Request (section 4.20):
//
//	min interval (2) | max interval (2) | latency (2) | supervision timeout (2)
func (c *Connection) update(identifier byte, p []byte) {
	wanted := packet.ConnectionParameters{
		IntervalMin: time.Duration(binary.LittleEndian.Uint16(p)) * packet.ConnectionUnit,
		IntervalMax: time.Duration(binary.LittleEndian.Uint16(p[2:])) * packet.ConnectionUnit,
		Latency:     binary.LittleEndian.Uint16(p[4:]),
		Supervision: time.Duration(binary.LittleEndian.Uint16(p[6:])) * packet.SupervisionUnit,
	}
	const accepted, rejected = 0, 1
	result := byte(rejected)
	if wanted.Valid() && wanted.IntervalMax <= longestInterval && wanted.Supervision <= longestSupervision && c.cfg.Update != nil {
		result = accepted
	}
	if c.cfg.Sender.TrySend(frame(ChannelSignalling, codeUpdateResponse, identifier, 2, 0, result, 0)) && result == accepted {
		c.cfg.Update(wanted)
	}
}

// Codes of the Security Manager Protocol (volume 3 part H, section 3.5).
const (
	smpPairingFailed = 0x05
	smpNotSupported  = 0x05
)

// pairing rejects pairing: mesh has its own security. A Pairing Failed is not
// answered, so that two sides do not answer each other forever.
func (c *Connection) pairing(p []byte) {
	if len(p) > 0 && p[0] != smpPairingFailed {
		c.cfg.Sender.TrySend(frame(ChannelSMP, smpPairingFailed, smpNotSupported))
	}
}
