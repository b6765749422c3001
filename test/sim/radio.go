package sim

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer/lanes"
)

// Limits of a radio: the four advertising sets that hci/advertiser uses, and
// its room for waiting PDUs.
const (
	slots = 4
	room  = 128 // for each kind of lane
)

// Times of an advertising event with 31 octets of data at LE 1M: the PDU on one
// channel, and all three channels with the changes between them.
const (
	airtime   = 376 * time.Microsecond
	eventTime = 3 * (airtime + 150*time.Microsecond)
	advDelay  = 10 * time.Millisecond
	interval  = 20 * time.Millisecond // the minimum of a Bluetooth 5 controller
)

// span is the time of a transmission.
type span struct{ from, to time.Duration }

func (s span) overlaps(o span) bool { return s.from < o.to && o.from < s.to }

// radio is the advertising bearer of one station, with the queue of the real one.
type radio struct {
	world      *World
	number     int                       // of the station
	address    func() mesh.Address       // of the station, for the audit
	receive    func(in *bearer.Incoming) // what it hears
	neighbours []*radio

	life  int // increases when the station crashes, so that scheduled work lapses
	queue *lanes.Queue
	used  int // slots in use

	asleep  bool
	own     span   // the last own transmission
	foreign []span // recent transmissions of neighbours
	traffic Traffic
}

// Traffic counts what a radio did.
type Traffic struct {
	Own      uint64 // network PDUs of the station itself that went on the air
	Links    uint64 // PDUs of provisioning links
	Relayed  uint64 // network PDUs of others
	Full     uint64 // PDUs that the queue had no room for
	Heard    uint64 // transmissions received
	Deaf     uint64 // transmissions lost because the radio was sending itself
	Collided uint64 // transmissions lost because of another one
	Lost     uint64 // transmissions lost by chance
}

// newRadio makes the radio of a station, without neighbours.
func (w *World) newRadio(number int, address func() mesh.Address, receive func(in *bearer.Incoming)) *radio {
	return &radio{world: w, number: number, address: address, receive: receive, queue: lanes.New(room)}
}

// Send implements bearer.Bearer.
func (r *radio) Send(o bearer.Outgoing) error {
	if r.asleep {
		return nil // lost like a transmission
	}
	if !r.queue.Push(&o) {
		r.traffic.Full++
		return bearer.ErrFull
	}
	r.fill()
	return nil
}

// Cancel implements bearer.Bearer. What is on the air is finished.
func (r *radio) Cancel(lane bearer.Lane) {
	r.queue.Cancel(lane)
}

// reset is a crash of the host: the controller stops.
func (r *radio) reset() {
	r.life++
	r.queue, r.used = lanes.New(room), 0
}

// fill starts as many transmissions as allowed.
func (r *radio) fill() {
	for r.used < slots {
		t, ok := r.queue.Pop()
		if !ok {
			return
		}
		r.used++
		r.plan(0, func() { r.transmit(t, 1) })
	}
}

// plan does something later unless the station crashes before.
func (r *radio) plan(d time.Duration, f func()) {
	life := r.life
	r.world.After(d, func() {
		if r.life == life {
			f()
		}
	})
}

// transmit is the n-th advertising event of a PDU.
func (r *radio) transmit(t lanes.Ticket, n int) {
	w := r.world
	if w.now < r.own.to { // another slot's event
		r.plan(r.own.to-w.now, func() { r.transmit(t, n) })
		return
	}
	o := *r.queue.PDU(t)
	if n == 1 {
		r.count(&o)
		if w.Audit != nil {
			w.Audit.transmitted(r.address(), &o)
		}
	}
	w.events++
	r.own = span{w.now, w.now + eventTime}
	first := span{w.now, w.now + airtime}
	if w.Air.Collisions {
		for _, to := range r.neighbours {
			to.foreign = append(to.foreign, first)
		}
	}
	// Once transmitted it is received, even if the sender crashes meanwhile.
	w.After(airtime, func() {
		for _, to := range r.neighbours {
			if w.Apart == nil || !w.Apart(r.number, to.number) {
				to.hear(&o, first)
			}
		}
	})
	if n < o.Transmit.Count {
		r.plan(max(o.Transmit.Interval, interval)+w.upTo(advDelay), func() { r.transmit(t, n+1) })
		return
	}
	r.plan(eventTime, func() {
		r.used--
		r.queue.Done(t)
		r.fill()
	})
}

// hear is the end of a neighbour's transmission.
func (r *radio) hear(o *bearer.Outgoing, when span) {
	w := r.world
	switch {
	case r.asleep, r.disturbed(when):
		return
	case w.chance(w.Air.Loss):
		r.traffic.Lost++
		return
	}
	r.traffic.Heard++
	in := bearer.Incoming{Kind: o.Kind, RSSI: -60, Len: o.Len, Data: o.Data}
	copies := 1
	if w.chance(w.Air.Duplicate) {
		copies = 2
	}
	if copies == 1 && w.Air.Jitter == 0 {
		r.receive(&in)
		return
	}
	for range copies {
		r.plan(w.upTo(w.Air.Jitter), func() { r.receive(&in) })
	}
}

// disturbed reports whether the listener cannot have received a transmission.
func (r *radio) disturbed(when span) bool {
	if r.world.Air.HalfDuplex && r.own.overlaps(when) {
		r.traffic.Deaf++
		return true
	}
	if !r.world.Air.Collisions {
		return false
	}
	r.foreign = slices.DeleteFunc(r.foreign, func(s span) bool { return s.to < when.from-airtime })
	met := 0
	for _, s := range r.foreign {
		if s.overlaps(when) {
			met++
		}
	}
	if met > 1 { // the transmission itself counts as one
		r.traffic.Collided++
		return true
	}
	return false
}

// count notes a PDU that begins its transmissions.
func (r *radio) count(o *bearer.Outgoing) {
	switch {
	case o.Kind == bearer.Provisioning:
		r.traffic.Links++
	case o.Kind != bearer.Message:
	case o.Lane.IsOwn():
		r.traffic.Own++
	default:
		r.traffic.Relayed++
	}
}
