package virtual

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// MaxAdvertisingData is the largest number of octets of AD structures in an
// extended advertisement; a legacy PDU holds 31.
const MaxAdvertisingData = 191

// Bits of Advertising_Event_Properties (Core volume 4 part E, 7.8.53) and of
// the event type of an extended report.
const (
	connectable = 1 << 0
	scannable   = 1 << 1
	directed    = 1 << 2
	highDuty    = 1 << 3
	legacyPDU   = 1 << 4
	anonymous   = 1 << 5
	withPower   = 1 << 6
)

const (
	unit         = packet.AdvertisingUnit // of intervals and windows
	durationUnit = 10 * time.Millisecond  // of durations
	minInterval  = 0x20                   // 20 ms
	slowInterval = 0xA0                   // 100 ms, the minimum for non-connectable advertising before Bluetooth 5.0
	maxInterval  = 0x4000                 // 10.24 s, with legacy commands
	advDelay     = 10*time.Millisecond + 1
	// turnaround is the time from the command to the first event.
	turnaround = 500 * time.Microsecond
)

// set is one advertising set: parameters, data and state. The legacy commands
// have a separate one.
type set struct {
	timer
	controller *Controller
	handle     uint8

	properties  uint16
	interval    time.Duration
	addressType uint8 // Own_Address_Type
	sid         uint8
	random      packet.Address
	hasRandom   bool

	data     payload
	response payload

	enabled   bool
	deadline  time.Duration // time at which the duration is over, 0 for no limit
	limit     uint8         // number of events, 0 for no limit
	completed uint8         // events since it was enabled; wraps without a limit
	ending    bool          // the last event is on the air
}

// payload is advertising data or scan response data that the host passes in one
// or more fragments.
type payload struct {
	length  int
	partial bool
	octets  [MaxAdvertisingData]byte
}

func (d *payload) bytes() []byte { return d.octets[:d.length] }

func (s *set) init(c *Controller, handle uint8) {
	s.controller, s.handle = c, handle
	s.timer = timer{key: c.key, order: orderSets + uint64(handle), fire: s.fire}
	s.setDefaults()
}

// setDefaults sets the default parameters of LE Set Advertising Parameters.
func (s *set) setDefaults() {
	s.properties = connectable | scannable | legacyPDU
	s.interval = 0x0800 * unit
	s.addressType, s.sid = 0, 0
	s.random, s.hasRandom = packet.Address{}, false
	s.data, s.response = payload{}, payload{}
}

// begin enables the set, or restarts it. A limit or duration of 0 means none.
func (s *set) begin(duration time.Duration, limit uint8) {
	air := s.controller.air
	now := air.now()
	s.enabled, s.ending = true, false
	s.limit, s.completed = limit, 0
	s.deadline = 0
	if duration > 0 {
		s.deadline = now + duration
	}
	air.at(&s.timer, now+turnaround)
}

func (s *set) stop() {
	s.enabled = false
	s.controller.air.schedule.remove(&s.timer)
}

// end disables the set and informs the host.
func (s *set) end(why packet.Status) {
	s.stop()
	s.controller.setTerminated(s, why, 0)
}

// fire runs at the time of the next event, or of the end.
func (s *set) fire(now time.Duration) {
	c := s.controller
	switch {
	case c.faults.hung || c.faults.mute:
		c.air.at(&s.timer, now+s.interval)
	case s.ending:
		s.end(packet.StatusLimitReached)
	case s.deadline > 0 && now >= s.deadline:
		s.end(packet.StatusAdvertisingTimeout)
	case c.busyUntil > now: // another set's event
		c.air.at(&s.timer, s.notAfterDeadline(c.busyUntil))
	default:
		c.transmit(s, now)
		s.completed++
		if s.limit > 0 && s.completed == s.limit {
			s.ending = true
			c.air.at(&s.timer, c.busyUntil)
			return
		}
		delay := newChance(c.air.options.Seed, c.key, chanceDelay, c.events)
		c.air.at(&s.timer, s.notAfterDeadline(now+s.interval+delay.below(advDelay)))
	}
}

func (s *set) notAfterDeadline(at time.Duration) time.Duration {
	if s.deadline > 0 {
		return min(at, s.deadline)
	}
	return at
}

// advertiser is the address type and address of the set's PDUs. Types 2 and 3
// request a resolvable address and use the identity address instead, as with an
// empty resolving list.
func (s *set) advertiser() (packet.AddressType, packet.Address) {
	c := s.controller
	switch {
	case s.properties&anonymous != 0:
		return packet.AddressAnonymous, packet.Address{}
	case s.addressType&1 == 0:
		return packet.AddressPublic, c.options.Address
	case s == &c.legacy:
		return packet.AddressRandom, c.random
	default:
		return packet.AddressRandom, s.random
	}
}

// lacksAddress reports whether the set needs a random address that the host has
// not set.
func (s *set) lacksAddress() bool {
	if s.addressType&1 == 0 {
		return false
	}
	if s == &s.controller.legacy {
		return !s.controller.hasRandom
	}
	return !s.hasRandom
}
