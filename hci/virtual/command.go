package virtual

import (
	"encoding/binary"
	"slices"
	"time"
)

// status is an error code of Core volume 1 part F.
type status uint8

const (
	success            status = 0x00
	unknownCommand     status = 0x01
	memoryExceeded     status = 0x07
	disallowed         status = 0x0C
	unsupported        status = 0x11
	invalidParameters  status = 0x12
	advertisingTimeout status = 0x3C
	unknownAdvertising status = 0x42
	limitReached       status = 0x43
)

// H4 packet types (Core volume 4 part A, section 2).
const (
	packetCommand = 0x01
	packetACL     = 0x02
	packetSCO     = 0x03
	packetEvent   = 0x04
	packetISO     = 0x05
)

// family is one of the two sets of commands of which a host may use one
// between two resets (Core volume 4 part E, 3.1.1).
type family uint8

const (
	neutral family = iota
	legacy
	extended
)

// anyLength is for commands whose length follows from their parameters.
const anyLength = -1

// command is one row of the table of what a controller understands.
type command struct {
	opcode     uint16
	octet, bit uint8 // place in the Supported Commands bit map (Core volume 4 part E, 6.27)
	length     int   // octets of parameters
	family     family
	run        func(c *Controller, p []byte, r *reply) status // p has the right length
}

const opcodeReset = 0x0C03

// commands is the table. The bit map that a controller reports is made of it.
func commands() []command {
	return []command{
		{0x0C01, 5, 6, 8, neutral, setEventMask},
		{opcodeReset, 5, 7, 0, neutral, reset},
		{0x1001, 14, 3, 0, neutral, readLocalVersion},
		{0x1002, 14, 4, 0, neutral, readSupportedCommands},
		{0x1003, 14, 5, 0, neutral, readLocalFeatures},
		{0x1009, 15, 1, 0, neutral, readAddress},

		{0x2001, 25, 0, 8, neutral, leSetEventMask},
		{0x2002, 25, 1, 0, neutral, leReadBufferSize},
		{0x2003, 25, 2, 0, neutral, leReadLocalFeatures},
		{0x2005, 25, 4, 6, neutral, leSetRandomAddress},
		{0x201C, 28, 3, 0, neutral, leReadSupportedStates},

		{0x2006, 25, 5, 15, legacy, leSetAdvertisingParameters},
		{0x2007, 25, 6, 0, legacy, leReadAdvertisingPower},
		{0x2008, 25, 7, 32, legacy, leSetAdvertisingData},
		{0x2009, 26, 0, 32, legacy, leSetScanResponseData},
		{0x200A, 26, 1, 1, legacy, leSetAdvertisingEnable},
		{0x200B, 26, 2, 7, legacy, leSetScanParameters},
		{0x200C, 26, 3, 2, legacy, leSetScanEnable},

		{0x2035, 36, 1, 7, extended, leSetSetRandomAddress},
		{0x2036, 36, 2, 25, extended, leSetExtendedAdvertisingParameters},
		{0x2037, 36, 3, anyLength, extended, leSetExtendedAdvertisingData},
		{0x2038, 36, 4, anyLength, extended, leSetExtendedScanResponseData},
		{0x2039, 36, 5, anyLength, extended, leSetExtendedAdvertisingEnable},
		{0x203A, 36, 6, 0, extended, leReadMaximumAdvertisingData},
		{0x203B, 36, 7, 0, extended, leReadNumberOfSets},
		{0x203C, 37, 0, 1, extended, leRemoveSet},
		{0x203D, 37, 1, 0, extended, leClearSets},
		{0x2041, 37, 5, anyLength, extended, leSetExtendedScanParameters},
		{0x2042, 37, 6, 6, extended, leSetExtendedScanEnable},
	}
}

// supports reports whether the controller has a command at all.
func (c *Controller) supports(k command) bool {
	return k.run != nil && !(k.family == extended && c.options.Legacy)
}

// packet takes one H4 packet from the host.
func (c *Controller) packet(p []byte) {
	if len(p) == 0 {
		c.stats.Malformed++
		return
	}
	header, ok := headerLength(p[0])
	if !ok || len(p) < 1+header || len(p) != 1+header+bodyLength(p) {
		c.stats.Malformed++
		return
	}
	if p[0] != packetCommand {
		c.data(p)
		return
	}
	if c.faults.hung {
		if !c.faults.untilReset || binary.LittleEndian.Uint16(p[1:]) != opcodeReset {
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

// execute runs a command and answers it. Between the check of the family and
// that of the parameters the order is that of the Core: a command that is not
// there, one that may not be given now, one that is wrong.
func (c *Controller) execute(p []byte) {
	c.stats.Commands++
	opcode := binary.LittleEndian.Uint16(p[1:])
	parameters := p[4:]
	answer := c.faults.answers()
	k := c.air.commands[opcode]
	if !c.supports(k) {
		if answer {
			c.commandStatus(opcode, unknownCommand)
		}
		return
	}
	var r reply
	s := success
	switch {
	case k.family != neutral && c.family != neutral && k.family != c.family:
		s = disallowed
	case k.length != anyLength && k.length != len(parameters):
		s = invalidParameters
	default:
		if k.family != neutral {
			c.family = k.family
		}
		s = k.run(c, parameters, &r)
	}
	if answer {
		c.commandComplete(opcode, s, &r)
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
	length int
	octets [251]byte
}

func (r *reply) put(octets ...byte) { r.length += copy(r.octets[r.length:], octets) }
func (r *reply) put16(v uint16)     { r.put(byte(v), byte(v>>8)) }

func get24(p []byte) uint32 { return uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 }
