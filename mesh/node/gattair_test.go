package node_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

// gattAir simulates radios with connections. All other radios see a connectable
// advertisement twice a second and can connect to the advertiser. Times are
// close to those of a real link.
type gattAir struct {
	*pump
	radios  []*gattRadio
	events  []gattEvent // by time
	taken   bearer.LinkID
	written func(from *gattRadio, pdu []byte) // called with each written PDU (nil)

	solicitations []solicitation // all solicitations sent
	every         time.Duration  // between two sightings of an advertisement
}

const (
	sightEvery   = 500 * time.Millisecond
	connectTime  = 200 * time.Millisecond
	connectGrace = 4 * time.Second // until an attempt is given up
	writeTime    = 15 * time.Millisecond
	endTime      = 30 * time.Millisecond
	supervision  = 2 * time.Second
	mostWaiting  = 64 // PDUs queued on one connection
)

var (
	errNobody   = errors.New("no answer")
	errLost     = errors.New("connection timeout")
	errPeerLeft = errors.New("remote user terminated connection")
)

// gattEvent is an event of a radio at a time.
type gattEvent struct {
	at  time.Time
	run func()
}

// gattRadio is the radio of a member, or of a device without a node.
type gattRadio struct {
	air            *gattAir
	member         *member // nil: events go to heard
	peer           bearer.Peer
	rssi           int8
	maxPDU         int
	advertisements []bearer.ConnectableAdvertisement
	ends           []*gattEnd
	off            bool                    // out of range, or without power
	frozen         bool                    // connected, but sends nothing
	heard          func(*bearer.LinkEvent) // for a radio without a node
	blocked        bool                    // accepts no PDU: ErrFull
	swallows       bool                    // takes network PDUs of others and drops them
	keeps          bool                    // sends no network PDUs of its own or of others
}

// gattEnd is one end of a connection.
type gattEnd struct {
	radio   *gattRadio
	id      bearer.LinkID
	other   *gattEnd
	waiting int
	dead    bool
}

// connections lets the members of a pump make connections.
func (p *pump) connections() *gattAir {
	p.gatt = &gattAir{pump: p, taken: bearer.FirstIncoming - 1, every: sightEvery}
	p.gatt.later(sightEvery, p.gatt.sight)
	return p.gatt
}

// join gives a member a radio. Earlier actions of the member are lost.
func (a *gattAir) join(m *member, rssi int8) *gattRadio {
	r := &gattRadio{air: a, member: m, rssi: rssi, maxPDU: 20}
	r.peer.Address = [6]byte{0xC0, 0, 0, 0, 0, byte(len(a.radios) + 1)}
	a.radios = append(a.radios, r)
	return r
}

// stranger is a radio without a node.
func (a *gattAir) stranger(rssi int8, heard func(*bearer.LinkEvent)) *gattRadio {
	r := a.join(nil, rssi)
	r.heard = heard
	return r
}

func (a *gattAir) radio(m *member) *gattRadio {
	for _, r := range a.radios {
		if r.member == m {
			return r
		}
	}
	return nil
}

func (a *gattAir) later(d time.Duration, run func()) {
	e := gattEvent{a.now.Add(d), run}
	at, _ := slices.BinarySearchFunc(a.events, e, func(x, y gattEvent) int {
		if x.at.After(y.at) {
			return 1
		}
		return -1
	})
	a.events = slices.Insert(a.events, at, e)
}

// before reports whether an event is due at that time or earlier.
func (a *gattAir) before(at time.Time) bool {
	return a != nil && len(a.events) > 0 && !a.events[0].at.After(at)
}

func (a *gattAir) step() {
	e := a.events[0]
	a.events = a.events[1:]
	a.now = later(a.now, e.at)
	e.run()
}

func (a *gattAir) carryOut(m *member, all []node.GATTAction) {
	r := a.radio(m)
	if r == nil {
		return
	}
	for _, action := range all {
		_ = action.Do(r) // the core is not informed of a full queue
	}
}

// sight reports every connectable advertisement.
func (a *gattAir) sight() {
	for _, from := range a.radios {
		if from.off || from.frozen {
			continue
		}
		for _, b := range from.advertisements {
			s := bearer.Sighting{Service: b.Service, Connectable: true, From: from.peer, RSSI: from.rssi, Len: uint8(len(b.Data))}
			copy(s.Data[:], b.Data)
			for _, to := range a.radios {
				if to != from {
					to.sees(&s)
				}
			}
		}
	}
	a.later(a.every, a.sight)
}

// solicited reports a solicitation to all other radios once, whatever the range
// of mesh PDUs is. Without connections no radio receives it.
func (a *gattAir) solicited(from *member, o *bearer.Outgoing) {
	if a == nil {
		return
	}
	r := a.radio(from)
	s := bearer.Sighting{Service: bearer.SolicitationService, Len: o.Len}
	copy(s.Data[:], o.PDU())
	a.solicitations = append(a.solicitations, solicitation{a.now, from, s})
	if r == nil || r.off || r.frozen {
		return
	}
	s.From, s.RSSI = r.peer, r.rssi
	a.later(airTime, func() {
		for _, to := range a.radios {
			if to != r {
				to.sees(&s)
			}
		}
	})
}

// solicitation is a solicitation that was sent.
type solicitation struct {
	at   time.Time
	from *member
	bearer.Sighting
}

func (r *gattRadio) sees(s *bearer.Sighting) {
	if r.member != nil && !r.off && !r.frozen {
		r.member.ReceiveSighting(r.air.now, s)
		r.air.pump.carryOut(r.member)
	}
}

func (r *gattRadio) hears(e *bearer.LinkEvent) {
	switch {
	case r.swallows && e.Kind == bearer.LinkData && isNetworkPDU(e.PDU):
	case r.frozen, r.off && e.Kind != bearer.LinkClosed:
	case r.member == nil:
		if r.heard != nil {
			r.heard(e)
		}
	default:
		r.member.ReceiveLink(r.air.now, e)
		r.air.pump.carryOut(r.member)
	}
}

// Connect implements bearer.GATT.
func (r *gattRadio) Connect(id bearer.LinkID, _ uint8, to bearer.Peer, service bearer.Service) {
	at := slices.IndexFunc(r.air.radios, func(o *gattRadio) bool { return o.peer == to })
	here := &gattEnd{radio: r, id: id}
	r.ends = append(r.ends, here)
	r.air.later(connectTime, func() {
		if here.dead {
			return
		}
		if at >= 0 {
			o := r.air.radios[at]
			if !o.off && !o.frozen && slices.ContainsFunc(o.advertisements, func(b bearer.ConnectableAdvertisement) bool { return b.Service == service }) {
				r.air.taken++
				there := &gattEnd{radio: o, id: r.air.taken, other: here}
				here.other = there
				o.ends = append(o.ends, there)
				room := min(r.maxPDU, o.maxPDU)
				o.hears(&bearer.LinkEvent{ID: there.id, Kind: bearer.LinkOpened, Service: service, From: r.peer, MaxPDU: room})
				r.hears(&bearer.LinkEvent{ID: id, Kind: bearer.LinkOpened, Service: service, From: to, MaxPDU: room})
				return
			}
		}
		r.air.later(connectGrace, func() { here.close(errNobody) })
	})
}

// close reports to one end that it is closed, once.
func (e *gattEnd) close(reason error) {
	if e.dead {
		return
	}
	e.dead = true
	e.radio.ends = slices.DeleteFunc(e.radio.ends, func(o *gattEnd) bool { return o == e })
	e.radio.hears(&bearer.LinkEvent{ID: e.id, Kind: bearer.LinkClosed, Err: reason})
}

func (r *gattRadio) end(id bearer.LinkID) *gattEnd {
	for _, e := range r.ends {
		if e.id == id {
			return e
		}
	}
	return nil
}

// Disconnect implements bearer.GATT.
func (r *gattRadio) Disconnect(id bearer.LinkID) {
	e := r.end(id)
	if e == nil {
		return
	}
	r.air.later(endTime, func() {
		e.close(nil)
		if e.other != nil {
			e.other.close(errPeerLeft)
		}
	})
}

// Write implements bearer.GATT.
func (r *gattRadio) Write(id bearer.LinkID, pdu []byte) error {
	e := r.end(id)
	switch {
	case e == nil || e.other == nil, r.keeps && isNetworkPDU(pdu):
		return nil
	case r.blocked || e.waiting >= mostWaiting:
		return bearer.ErrFull
	case len(pdu) == 0 || len(pdu) > r.maxPDU:
		r.air.Errorf("a Proxy PDU of %d octets was written, at most %d fit", len(pdu), r.maxPDU)
	}
	if r.air.written != nil {
		r.air.written(r, pdu)
	}
	octets := slices.Clone(pdu)
	e.waiting++
	r.air.later(writeTime, func() {
		e.waiting--
		if !e.other.dead && !e.dead {
			e.other.radio.hears(&bearer.LinkEvent{ID: e.other.id, Kind: bearer.LinkData, PDU: octets})
		}
	})
	return nil
}

func isNetworkPDU(pdu []byte) bool {
	return len(pdu) > 0 && proxy.MessageType(pdu[0]&0x3f) == proxy.NetworkPDU
}

// Advertise implements bearer.GATT.
func (r *gattRadio) Advertise(all []bearer.ConnectableAdvertisement) {
	r.advertisements = nil
	for _, b := range all {
		r.advertisements = append(r.advertisements, bearer.ConnectableAdvertisement{Service: b.Service, Data: slices.Clone(b.Data), Private: b.Private})
	}
}

// die takes a radio out of range. Both ends of its connections notice after the
// supervision timeout.
func (r *gattRadio) die() {
	r.off = true
	ends := slices.Clone(r.ends)
	r.air.later(supervision, func() {
		for _, e := range ends {
			e.close(errLost)
			if e.other != nil {
				e.other.close(errLost)
			}
		}
	})
}

// inject delivers a PDU to the peer of the radio's only connection as if the
// radio had written it.
func (r *gattRadio) inject(t testing.TB, pdu []byte) {
	t.Helper()
	if len(r.ends) != 1 || r.ends[0].other == nil {
		t.Fatalf("expected one connection, got %d", len(r.ends))
	}
	o := r.ends[0].other
	o.radio.hears(&bearer.LinkEvent{ID: o.id, Kind: bearer.LinkData, PDU: pdu})
}
