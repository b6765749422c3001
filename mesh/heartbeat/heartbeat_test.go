package heartbeat_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/heartbeat"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

var start = time.Unix(1000, 0)

func TestMessage(t *testing.T) {
	m := heartbeat.Message{InitTTL: 10, Features: 0x0005}
	if got := m.Append(nil); !bytes.Equal(got, []byte{0x0A, 0x00, 0x05}) {
		t.Errorf("wrote %x", got)
	}
	for ttl, want := range map[mesh.TTL]uint8{10: 1, 9: 2, 0: 11} {
		if hops, ok := m.Hops(ttl); !ok || hops != want {
			t.Errorf("TTL %d: %d hops, %t", ttl, hops, ok)
		}
	}
	if _, ok := m.Hops(11); ok {
		t.Error("a TTL that no relay can have made was accepted")
	}
	for _, params := range [][]byte{nil, {1, 2}, {1, 2, 3, 4}} {
		if m, err := heartbeat.Parse(params); !errors.Is(err, heartbeat.ErrFormat) {
			t.Errorf("%x: %+v, %v", params, m, err)
		}
	}
}

func TestPeriods(t *testing.T) {
	for log, want := range map[uint8]time.Duration{0: 0, 1: time.Second, 2: 2 * time.Second, 0x11: 65536 * time.Second} {
		if got := heartbeat.Period(log); got != want {
			t.Errorf("log %d: %s, want %s", log, got, want)
		}
		if got := heartbeat.PeriodLog(want); got != log {
			t.Errorf("%s: log %d, want %d", want, got, log)
		}
	}
	for d, want := range map[time.Duration]uint8{
		time.Millisecond: 1, 1500 * time.Millisecond: 2, 3 * time.Second: 3, 5 * time.Second: 4, time.Hour: 13, 100 * time.Hour: 0x11, -1: 0,
	} {
		if got := heartbeat.PeriodLog(d); got != want {
			t.Errorf("%s: log %d, want %d", d, got, want)
		}
	}
}

// sent is how many heartbeats a publication has sent until a time.
func sent(p *heartbeat.Publication, until time.Time) (n int) {
	for next := p.NextDeadline(); !next.IsZero() && !next.After(until); next = p.NextDeadline() {
		if !p.Due(next) {
			return -1
		}
		n++
	}
	return n
}

func TestPublication(t *testing.T) {
	var p heartbeat.Publication
	if p.Due(start) || !p.NextDeadline().IsZero() {
		t.Error("the zero value sends")
	}
	on := state.HeartbeatPublication{Destination: 1, CountLog: 5, PeriodLog: 3}
	p.Set(start, on)
	if n := sent(&p, start.Add(10*time.Second)); n != 3 || p.CountLog() != 4 { // 13 left
		t.Errorf("%d sent, 2^%d left", n, p.CountLog()-1)
	}
	if n := sent(&p, start.Add(time.Hour)); n != 13 || p.CountLog() != 0 || !p.NextDeadline().IsZero() {
		t.Errorf("%d sent, log of the remaining number %d", n, p.CountLog())
	}
	for _, off := range []state.HeartbeatPublication{
		{CountLog: 5, PeriodLog: 3}, {Destination: 1, PeriodLog: 3}, {Destination: 1, CountLog: 5},
	} {
		p.Set(start, off)
		if n := sent(&p, start.Add(time.Hour)); n != 0 {
			t.Errorf("%+v: %d sent", off, n)
		}
	}
	on.CountLog = 0xFF
	p.Set(start, on)
	if n := sent(&p, start.Add(time.Hour)); n != 901 || p.CountLog() != 0xFF {
		t.Errorf("%d sent in an hour, log %#x", n, p.CountLog())
	}
	on.CountLog = 0x11
	p.Set(start, on)
	if p.CountLog() != 0x10 { // 0xFFFE
		t.Errorf("log %#x", p.CountLog())
	}
}

func TestFeaturesThatChange(t *testing.T) {
	var p heartbeat.Publication
	p.Set(start, state.HeartbeatPublication{Destination: 1, Features: 0x0001})
	for i, step := range []struct {
		features uint16
		sent     bool
	}{{0x0004, false}, {0x0005, true}, {0x0005, false}, {0x0001, false}, {0x0000, true}} {
		if got := p.Changed(step.features); got != step.sent {
			t.Errorf("step %d: %t", i, got)
		}
	}
	p.Set(start, state.HeartbeatPublication{Features: 0x0001})
	if p.Changed(0x0001) {
		t.Error("it sends without a destination")
	}
}

func TestSubscription(t *testing.T) {
	var s heartbeat.Subscription
	if s.Receive(start, 0, 0, 1) || s.Listens(start, 0) || s.Status(start) != (heartbeat.Status{}) {
		t.Error("the zero value counts")
	}
	s.Set(start, 5, 0xC000, 4) // 8 s
	at := start.Add(3 * time.Second)
	for _, hops := range []uint8{4, 2, 9} {
		if !s.Receive(at, 5, 0xC000, hops) {
			t.Error("not counted")
		}
	}
	if s.Receive(at, 6, 0xC000, 1) || s.Receive(at, 5, 0xC001, 1) || s.Receive(start.Add(8*time.Second), 5, 0xC000, 1) {
		t.Error("counted an unwanted heartbeat")
	}
	want := heartbeat.Status{Source: 5, Destination: 0xC000, PeriodLog: 3, CountLog: 2, MinHops: 2, MaxHops: 9}
	if got := s.Status(at); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if !s.Listens(at, 0xC000) || s.Listens(start.Add(8*time.Second), 0xC000) {
		t.Error("it listens at the wrong time")
	}
	s.Set(at, 5, 0xC000, 0) // the count is kept
	want.PeriodLog = 0
	if got := s.Status(at); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	s.Set(at, 5, 0xC000, 0x11)
	for range 70000 {
		s.Receive(at, 5, 0xC000, 1)
	}
	if got := s.Status(at); got.CountLog != 0xFF || got.PeriodLog != 0x11 {
		t.Errorf("%+v", got)
	}
	s.Set(at, 0, 0xC000, 4)
	if got := s.Status(at); got != (heartbeat.Status{}) {
		t.Errorf("%+v", got)
	}
}

// FuzzParse decodes arbitrary octets: what is accepted is encoded unchanged
// except for the reserved bit.
func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x7F, 0x00, 0x0F})
	f.Add([]byte{0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, params []byte) {
		m, err := heartbeat.Parse(params)
		if err != nil {
			return
		}
		want := bytes.Clone(params)
		want[0] &= 0x7F
		if got := m.Append(nil); !bytes.Equal(got, want) {
			t.Errorf("wrote %x, read %x", got, params)
		}
	})
}
