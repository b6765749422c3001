package virtual

import (
	"encoding/binary"
	"math/bits"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

const (
	minScan        = 4 // 2.5 ms, in units
	periodUnit     = 1280 * time.Millisecond
	duplicateCache = 128 // advertisers that a scanner remembers, as in real hardware
)

// scanner is a controller's scanning state.
type scanner struct {
	timer // ends a scan with a duration

	controller *Controller

	active      bool
	interval    time.Duration
	window      time.Duration
	addressType uint8

	enabled  bool
	since    time.Duration
	duration time.Duration // 0: until disabled
	period   time.Duration // 0: once
	renew    bool          // the filter is cleared in every period
	filter   filter
}

func (s *scanner) init(c *Controller) {
	s.controller = c
	s.timer = timer{key: c.key, order: orderScanner, fire: s.timeout}
}

func (s *scanner) reset() {
	s.stop()
	s.configure(false, 0x10, 0x10, 0)
}

func (s *scanner) configure(active bool, interval, window uint16, addressType uint8) {
	s.active = active
	s.interval, s.window = time.Duration(interval)*unit, time.Duration(window)*unit
	s.addressType = addressType
}

func validWindow(interval, window uint16) bool {
	return interval >= minScan && window >= minScan && window <= interval
}

// begin starts scanning, or restarts it. With a period the scanner scans for
// the duration in every period.
func (s *scanner) begin(filter bool, duration, period time.Duration) packet.Status {
	c := s.controller
	switch {
	case c.options.Exclusive && (c.advertising() || c.initiator.enabled):
		return packet.StatusCommandDisallowed
	case s.addressType&1 == 1 && !c.hasRandom:
		return packet.StatusInvalidParameters
	}
	c.air.schedule.remove(&s.timer)
	s.enabled = true
	s.since = c.air.now()
	s.duration, s.period, s.renew = duration, period, false
	s.filter.begin(filter)
	if duration > 0 && period == 0 {
		c.air.at(&s.timer, s.since+duration)
	}
	return packet.StatusSuccess
}

func (s *scanner) stop() {
	s.enabled = false
	s.controller.air.schedule.remove(&s.timer)
}

func (s *scanner) timeout(time.Duration) {
	s.stop()
	if !s.controller.faults.hung {
		s.controller.scanTimeout()
	}
}

// hears reports whether the receiver is on at a given time.
func (s *scanner) hears(now time.Duration) bool {
	if !s.enabled || s.controller.faults.hung {
		return false
	}
	elapsed := now - s.since
	if elapsed < 0 {
		return false // transmitted before the scan; in real time the air may be late
	}
	if s.period > 0 && elapsed%s.period >= s.duration {
		return false
	}
	if s.renew && elapsed/s.period != s.filter.round {
		s.filter.forget()
		s.filter.round = elapsed / s.period
	}
	return s.window == s.interval || elapsed%s.interval < s.window
}

// filter suppresses reports of advertisers that were already reported in this
// scan. As on real controllers, the data does not count: an advertiser is
// reported once (Core, volume 6 part B, 4.4.3.5). Therefore a mesh scanner
// never filters.
type filter struct {
	on     bool
	seen   []uint64
	oldest int
	round  time.Duration // the scan period that seen belongs to
}

func (f *filter) begin(on bool) {
	f.on = on
	f.forget()
	f.round = 0
}

func (f *filter) forget() { f.seen, f.oldest = f.seen[:0], 0 }

// passes reports whether an advertiser is new, and remembers it.
func (f *filter) passes(t *transmission, response bool) bool {
	if !f.on {
		return true
	}
	key := addressKey(t.address) | uint64(t.addressType)<<48 | uint64(t.sid)<<56
	if response {
		key |= 1 << 63
	}
	for _, k := range f.seen {
		if k == key {
			return false
		}
	}
	if len(f.seen) < duplicateCache {
		f.seen = append(f.seen, key)
	} else {
		f.seen[f.oldest] = key
		f.oldest = (f.oldest + 1) % duplicateCache
	}
	return true
}

// report reports a transmission that the controller has heard to the host.
func (c *Controller) report(t *transmission, rssi int8) {
	c.reportOne(t, rssi, false)
	if c.scan.active && t.properties&scannable != 0 {
		c.reportOne(t, rssi, true)
	}
}

func (c *Controller) reportOne(t *transmission, rssi int8, response bool) {
	subevent := leAdvertisingReport
	if c.family == extended {
		subevent = leExtendedAdvertisingReport
	}
	if c.host == nil || !c.allows(subevent) || !c.scan.filter.passes(t, response) {
		return
	}
	octets, patch := t.encoded(c.family, response)
	if c.push(octets, classReport, patch, byte(rssi)) {
		c.stats.Reports++
	} else {
		c.stats.Dropped++
	}
}

// LE Set Extended Scan Parameters (7.8.64):
//
//	own address type | filter policy | PHYs | for each PHY: type | interval (2) | window (2)
func leSetExtendedScanParameters(c *Controller, p []byte, _ *reply) packet.Status {
	if c.scan.enabled {
		return packet.StatusCommandDisallowed
	}
	if len(p) < 3 || len(p) != 3+5*bits.OnesCount8(p[2]) || p[0] > 3 || p[1] > 3 || p[2] == 0 {
		return packet.StatusInvalidParameters
	}
	if p[2] != packet.PHY1M || p[1] != 0 {
		return packet.StatusUnsupportedFeature
	}
	interval, window := binary.LittleEndian.Uint16(p[4:]), binary.LittleEndian.Uint16(p[6:])
	if p[3] > 1 || !validWindow(interval, window) {
		return packet.StatusInvalidParameters
	}
	c.scan.configure(p[3] == 1, interval, window, p[0])
	return packet.StatusSuccess
}

// LE Set Extended Scan Enable (7.8.65):
//
//	enable | filter duplicates | duration (2) | period (2)
func leSetExtendedScanEnable(c *Controller, p []byte, _ *reply) packet.Status {
	duration := time.Duration(binary.LittleEndian.Uint16(p[2:])) * durationUnit
	period := time.Duration(binary.LittleEndian.Uint16(p[4:])) * periodUnit
	switch {
	case p[0] > 1 || p[1] > 2:
		return packet.StatusInvalidParameters
	case p[0] == 0:
		c.scan.stop()
		return packet.StatusSuccess
	case duration > 0 && period > 0 && duration >= period, p[1] == 2 && (duration == 0 || period == 0):
		return packet.StatusInvalidParameters
	case duration == 0:
		period = 0 // the period only counts with a duration
	}
	err := c.scan.begin(p[1] != 0, duration, period)
	c.scan.renew = err == packet.StatusSuccess && p[1] == 2
	return err
}
