package virtual

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
)

// Advertisement is one advertising event as a sniffer sees it.
type Advertisement struct {
	Time        time.Time          // of the transmission
	Elapsed     time.Duration      // time since NewAir
	From        packet.Address     // public address of the controller, whatever address it advertises with
	Number      uint64             // number of the event among those of the controller, from 1
	AddressType packet.AddressType // of AdvA: public, random or anonymous
	AdvA        packet.Address     // the address in the advertisement
	Properties  uint8              // bits 0 to 4: connectable, scannable, directed, high duty, legacy PDU
	Handle      uint8              // advertising set; 0 with the legacy commands
	SID         uint8
	Data        []byte // AD structures
}

// Legacy reports whether the PDU is a legacy one, which every scanner hears.
// Others are only heard by scanners that use the extended commands.
func (a *Advertisement) Legacy() bool { return a.Properties&legacyPDU != 0 }

// Purposes of random decisions, which make them independent.
const (
	chanceDelay = iota
	chanceLink
	chanceGarbage
	chanceRand
	chanceConnection
)

// The order of a controller's timers that are due at the same time.
const (
	orderPending = iota
	orderScanner
	orderSets                  // plus a handle
	orderConnections = 256     // plus a handle
	orderAir         = 1 << 13 // plus the number of an event
)

// radio holds what is on the air and what is still to arrive.
type radio struct {
	idle     []*transmission
	idleLate []*arrival
	recent   []burst // transmissions that may overlap with one still on the air
}

// burst is the time that a transmission takes.
type burst struct {
	from       *Controller
	start, end time.Duration
}

// transmission is one advertising event from its start until every listener has
// heard it. It copies its content, because the set may change meanwhile.
type transmission struct {
	timer // end of the PDU
	air   *Air
	burst
	set     *set // for those that want to connect
	waiting int  // arrivals still to come
	event   uint64

	properties     uint16
	addressType    packet.AddressType
	address        packet.Address
	sid            uint8
	length         int
	data           [MaxAdvertisingData]byte
	responseLength int
	response       [MaxAdvertisingData]byte

	reports [4][]byte // encoded once for all listeners; see encoded
}

// arrival is a transmission on a link with a delay.
type arrival struct {
	timer
	transmission *transmission
	to           *Controller
	rssi         int8
}

// airtime is the duration on one channel at LE 1M of a PDU with this many
// octets of data: a preamble of 1 octet, the access address of 4, a header of
// 2, AdvA of 6 and a CRC of 3 are added.
func airtime(data int) time.Duration {
	return time.Duration(16+data) * 8 * time.Microsecond
}

// eventTime is the duration of an advertising event: the PDU on three channels,
// and the change of channel after each.
func eventTime(data int) time.Duration {
	return 3 * (airtime(data) + 150*time.Microsecond)
}

// transmit starts the transmission of the set's PDU. It is received when the
// PDU has ended; the controller is busy until the event has ended.
func (c *Controller) transmit(s *set, now time.Duration) {
	a := c.air
	c.events++
	c.stats.Advertised++
	a.stats.Events++
	t := a.newTransmission()
	t.set, t.event = s, c.events
	t.burst = burst{c, now, now + airtime(s.data.length)}
	t.properties, t.sid = s.properties, s.sid
	t.addressType, t.address = s.advertiser()
	t.length = copy(t.data[:], s.data.bytes())
	t.responseLength = copy(t.response[:], s.response.bytes())
	c.busyFrom, c.busyUntil = now, now+eventTime(t.length)
	if a.options.Collisions {
		a.radio.remember(t.burst)
	}
	if a.sniffer != nil {
		a.sniffer(&Advertisement{
			Time: a.start.Add(now), Elapsed: now, From: c.options.Address, Number: t.event,
			AddressType: t.addressType, AdvA: t.address, Properties: uint8(t.properties & 0x1F),
			Handle: s.handle, SID: t.sid, Data: t.data[:t.length],
		})
	}
	t.timer.key, t.timer.order = c.key, orderAir+t.event
	a.at(&t.timer, t.end)
}

func (a *Air) newTransmission() *transmission {
	if last := len(a.radio.idle) - 1; last >= 0 {
		t := a.radio.idle[last]
		a.radio.idle = a.radio.idle[:last]
		for i := range t.reports {
			t.reports[i] = t.reports[i][:0]
		}
		return t
	}
	t := &transmission{air: a}
	t.fire = t.arrive
	return t
}

// arrive delivers the PDU to all that hear it.
func (t *transmission) arrive(now time.Duration) {
	a := t.air
	for _, to := range a.controllers {
		if to == t.from || !to.scan.enabled && !to.initiator.enabled {
			continue
		}
		if t.properties&legacyPDU == 0 && to.family != extended {
			continue
		}
		t.arriveAt(to, now)
	}
	t.release()
}

func (t *transmission) arriveAt(to *Controller, now time.Duration) {
	a := t.air
	l := a.link(t.from, to)
	if l.Cut {
		return
	}
	if a.options.HalfDuplex && to.busyFrom < t.end && to.busyUntil > t.start || a.options.Collisions && a.collided(t, to) {
		a.stats.Collided++
		return
	}
	if l.RSSI == 0 {
		l.RSSI = DefaultRSSI
	}
	if l == (Link{RSSI: l.RSSI}) {
		t.heard(to, l.RSSI, now)
		return
	}
	draw := newChance(a.options.Seed, t.from.key, to.key, chanceLink, t.event)
	if draw.hit(l.Loss) {
		a.stats.Lost++
		return
	}
	copies := 1
	if draw.hit(l.Duplicate) {
		a.stats.Duplicate++
		copies = 2
	}
	for range copies {
		if delay := l.Delay + draw.below(l.Jitter); delay > 0 {
			a.postpone(t, to, l.RSSI, now+delay)
		} else {
			t.heard(to, l.RSSI, now)
		}
	}
}

// heard is the time at which a listener has received the whole PDU.
func (t *transmission) heard(to *Controller, rssi int8, now time.Duration) {
	if to.scan.hears(now) {
		t.air.stats.Heard++
		to.report(t, rssi)
	}
	if to.initiator.wants(t, now) {
		to.initiate(t, now)
	}
}

func (a *Air) postpone(t *transmission, to *Controller, rssi int8, at time.Duration) {
	var late *arrival
	if last := len(a.radio.idleLate) - 1; last >= 0 {
		late = a.radio.idleLate[last]
		a.radio.idleLate = a.radio.idleLate[:last]
	} else {
		late = &arrival{}
		late.fire = late.arrive
	}
	late.transmission, late.to, late.rssi = t, to, rssi
	late.key, late.order = to.key, orderAir+t.event
	t.waiting++
	a.at(&late.timer, at)
}

func (l *arrival) arrive(now time.Duration) {
	t := l.transmission
	t.heard(l.to, l.rssi, now)
	l.transmission, l.to = nil, nil
	t.air.radio.idleLate = append(t.air.radio.idleLate, l)
	t.waiting--
	t.release()
}

// release returns t to the pool when no delivery is pending.
func (t *transmission) release() {
	if t.waiting == 0 {
		t.air.radio.idle = append(t.air.radio.idle, t)
	}
}

// encoded returns the report of t for hosts of a command family, and the offset
// of its RSSI.
func (t *transmission) encoded(f family, response bool) (octets []byte, rssi int) {
	at := 0
	if response {
		at = 1
	}
	if f == extended {
		at += 2
	}
	b := t.reports[at]
	if len(b) == 0 {
		if f == extended {
			b = t.appendExtendedReport(b, response)
		} else {
			b = t.appendLegacyReport(b, response)
		}
		t.reports[at] = b
	}
	if f == extended {
		return b, extendedReportRSSI
	}
	return b, len(b) - 1
}

// remember keeps b for as long as another transmission may collide with it.
func (r *radio) remember(b burst) {
	kept := r.recent[:0]
	for _, old := range r.recent {
		if old.end+airtime(MaxAdvertisingData) > b.start {
			kept = append(kept, old)
		}
	}
	r.recent = append(kept, b)
}

// collided reports whether to could hear another transmission while t was on
// the air.
func (a *Air) collided(t *transmission, to *Controller) bool {
	for _, other := range a.radio.recent {
		if other.from != t.from && other.from != to && other.start < t.end && other.end > t.start && !a.link(other.from, to).Cut {
			return true
		}
	}
	return false
}
