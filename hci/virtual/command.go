package virtual

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// family is one of the two sets of advertising commands. A host may use only
// one of them between two resets (Core, volume 4 part E, 3.1.1).
type family uint8

const (
	neutral family = iota
	legacy
	extended
)

// anyLength is for commands whose length follows from their parameters.
const anyLength = -1

// command is one row of the table of commands that a controller understands.
type command struct {
	opcode     packet.Opcode
	octet, bit uint8 // position in the Supported Commands bit map (Core, volume 4 part E, 6.27)
	length     int   // octets of parameters
	family     family
	run        func(c *Controller, p []byte, r *reply) packet.Status // p has the right length
}

// Commands that other hosts send, but not those of this project.
const (
	opLEReadAdvertisingPower        packet.Opcode = 0x2007
	opLESetScanResponseData         packet.Opcode = 0x2009
	opLEReadSupportedStates         packet.Opcode = 0x201C
	opLEReadSuggestedDataLength     packet.Opcode = 0x2023
	opLEWriteSuggestedDataLength    packet.Opcode = 0x2024
	opLEReadMaximumDataLength       packet.Opcode = 0x202F
	opLESetExtendedScanResponseData packet.Opcode = 0x2038
)

// commands is the table. The bit map of supported commands is derived from it.
func commands() []command {
	return []command{
		{packet.OpDisconnect, 0, 5, 3, neutral, disconnect},
		{packet.OpSetEventMask, 5, 6, 8, neutral, setEventMask},
		{packet.OpReset, 5, 7, 0, neutral, reset},
		{packet.OpReadLocalVersion, 14, 3, 0, neutral, readLocalVersion},
		{packet.OpReadLocalSupportedCommands, 14, 4, 0, neutral, readSupportedCommands},
		{packet.OpReadLocalSupportedFeatures, 14, 5, 0, neutral, readLocalFeatures},
		{packet.OpReadBufferSize, 14, 7, 0, neutral, readBufferSize},
		{packet.OpReadBDAddr, 15, 1, 0, neutral, readAddress},

		{packet.OpLESetEventMask, 25, 0, 8, neutral, leSetEventMask},
		{packet.OpLEReadBufferSize, 25, 1, 0, neutral, leReadBufferSize},
		{packet.OpLEReadLocalSupportedFeatures, 25, 2, 0, neutral, leReadLocalFeatures},
		{packet.OpLESetRandomAddress, 25, 4, 6, neutral, leSetRandomAddress},
		{packet.OpLECreateConnectionCancel, 26, 5, 0, neutral, leCreateConnectionCancel},
		{packet.OpLEConnectionUpdate, 27, 2, 14, neutral, leConnectionUpdate},
		{packet.OpLESetDataLength, 33, 6, 6, neutral, leSetDataLength},
		{opLEReadSuggestedDataLength, 33, 7, 0, neutral, leReadSuggestedDataLength},
		{opLEWriteSuggestedDataLength, 34, 0, 4, neutral, leWriteSuggestedDataLength},
		{opLEReadMaximumDataLength, 35, 3, 0, neutral, leReadMaximumDataLength},
		{packet.OpLERand, 27, 7, 0, neutral, leRand},
		{opLEReadSupportedStates, 28, 3, 0, neutral, leReadSupportedStates},

		{packet.OpLESetAdvertisingParameters, 25, 5, 15, legacy, leSetAdvertisingParameters},
		{opLEReadAdvertisingPower, 25, 6, 0, legacy, leReadAdvertisingPower},
		{packet.OpLESetAdvertisingData, 25, 7, 32, legacy, leSetAdvertisingData},
		{opLESetScanResponseData, 26, 0, 32, legacy, leSetScanResponseData},
		{packet.OpLESetAdvertisingEnable, 26, 1, 1, legacy, leSetAdvertisingEnable},
		{packet.OpLESetScanParameters, 26, 2, 7, legacy, leSetScanParameters},
		{packet.OpLESetScanEnable, 26, 3, 2, legacy, leSetScanEnable},
		{packet.OpLECreateConnection, 26, 4, 25, legacy, leCreateConnection},

		{packet.OpLESetAdvertisingSetRandomAddress, 36, 1, 7, extended, leSetSetRandomAddress},
		{packet.OpLESetExtendedAdvertisingParameters, 36, 2, 25, extended, leSetExtendedAdvertisingParameters},
		{packet.OpLESetExtendedAdvertisingData, 36, 3, anyLength, extended, leSetExtendedAdvertisingData},
		{opLESetExtendedScanResponseData, 36, 4, anyLength, extended, leSetExtendedScanResponseData},
		{packet.OpLESetExtendedAdvertisingEnable, 36, 5, anyLength, extended, leSetExtendedAdvertisingEnable},
		{packet.OpLEReadMaximumAdvertisingDataLength, 36, 6, 0, extended, leReadMaximumAdvertisingData},
		{packet.OpLEReadNumberOfSupportedAdvertisingSets, 36, 7, 0, extended, leReadNumberOfSets},
		{packet.OpLERemoveAdvertisingSet, 37, 0, 1, extended, leRemoveSet},
		{packet.OpLEClearAdvertisingSets, 37, 1, 0, extended, leClearSets},
		{packet.OpLESetExtendedScanParameters, 37, 5, anyLength, extended, leSetExtendedScanParameters},
		{packet.OpLESetExtendedScanEnable, 37, 6, 6, extended, leSetExtendedScanEnable},
		{packet.OpLEExtendedCreateConnection, 37, 7, 26, extended, leExtendedCreateConnection},
	}
}

// supports reports whether the controller has a command.
func (c *Controller) supports(k command) bool {
	return k.run != nil && !(k.family == extended && c.options.Legacy)
}

// take accepts one H4 packet from the host.
func (c *Controller) take(p []byte) {
	n, err := packet.BodyLen(p)
	if err != nil || len(p) != packet.Type(p[0]).HeaderLen()+n || packet.Type(p[0]) == packet.TypeEvent {
		c.stats.Malformed++
		return
	}
	if packet.Type(p[0]) != packet.TypeCommand {
		c.data(p)
		return
	}
	if c.faults.hung {
		if !c.faults.untilReset || commandOpcode(p) != packet.OpReset {
			return
		}
		c.faults.hung = false
		c.pending.clear()
	}
	if len(c.pending.queue) >= c.options.Credits {
		c.stats.Overrun++
		return
	}
	if c.options.Latency == 0 {
		c.execute(p)
		return
	}
	c.pending.add(p)
}

func commandOpcode(p []byte) packet.Opcode {
	return packet.Opcode(binary.LittleEndian.Uint16(p[1:]))
}

// execute runs a command and answers it.
func (c *Controller) execute(p []byte) {
	c.stats.Commands++
	opcode := commandOpcode(p)
	parameters := p[4:]
	answer := c.faults.answers()
	k := c.air.commands[opcode]
	if !c.supports(k) {
		if answer {
			c.commandStatus(opcode, packet.StatusUnknownCommand)
		}
		return
	}
	var r reply
	var s packet.Status
	switch {
	case k.family != neutral && c.family != neutral && k.family != c.family:
		s = packet.StatusCommandDisallowed
	case k.length != anyLength && k.length != len(parameters):
		s = packet.StatusInvalidParameters
	default:
		if k.family != neutral {
			c.family = k.family
		}
		s = k.run(c, parameters, &r)
	}
	switch {
	case !answer:
	case r.pending:
		c.commandStatus(opcode, s)
	default:
		c.commandComplete(opcode, s, &r)
	}
	if r.after != nil {
		r.after()
	}
}

// credits is Num_HCI_Command_Packets after the command that is being answered.
func (c *Controller) credits() byte {
	return byte(c.options.Credits - len(c.pending.queue))
}

// pending holds the commands of a controller with latency.
type pending struct {
	timer
	controller *Controller
	queue      [][]byte
}

func (q *pending) init(c *Controller) {
	q.controller = c
	q.timer = timer{key: c.key, order: orderPending, fire: q.done}
}

func (q *pending) clear() {
	q.controller.air.schedule.remove(&q.timer)
	q.queue = nil
}

func (q *pending) add(p []byte) {
	q.queue = append(q.queue, slices.Clone(p))
	if len(q.queue) == 1 {
		air := q.controller.air
		air.at(&q.timer, air.now()+q.controller.options.Latency)
	}
}

func (q *pending) done(now time.Duration) {
	p := q.queue[0]
	q.queue = q.queue[1:]
	if !q.controller.faults.hung {
		q.controller.execute(p)
	}
	if len(q.queue) > 0 {
		q.controller.air.at(&q.timer, now+q.controller.options.Latency)
	}
}

// reply holds the return parameters of a command after the status.
type reply struct {
	after   func() // runs after the command has been answered
	pending bool   // answered by Command Status; the result is reported later
	length  int
	octets  [251]byte
}

func (r *reply) put(octets ...byte) { r.length += copy(r.octets[r.length:], octets) }
func (r *reply) put16(v uint16)     { r.put(byte(v), byte(v>>8)) }

func get24(p []byte) uint32 { return uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 }
