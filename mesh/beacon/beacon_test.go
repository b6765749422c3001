package beacon_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

var netKey = crypto.Key{0x7d, 0xd7, 0x36, 0x4c}

func states(t *rapid.T) beacon.State {
	return beacon.State{
		KeyRefresh: rapid.Bool().Draw(t, "key refresh"),
		IVUpdate:   rapid.Bool().Draw(t, "IV update"),
		IVIndex:    mesh.IVIndex(rapid.Uint32().Draw(t, "IV index")),
	}
}

// TestTamper: an encoded beacon is accepted, and is rejected if any one bit is
// changed.
func TestTamper(t *testing.T) {
	keys := beacon.NewKeys(netKey)
	rapid.Check(t, func(t *rapid.T) {
		s := states(t)
		random := [13]byte(rapid.SliceOfN(rapid.Byte(), 13, 13).Draw(t, "random"))
		secure, private := keys.AppendSecure(nil, s), keys.AppendPrivate(nil, s, random)
		for _, b := range []struct {
			pdu  []byte
			open func([]byte) (beacon.State, error)
		}{{secure, keys.OpenSecure}, {private, keys.OpenPrivate}} {
			if got, err := b.open(b.pdu); err != nil || got != s {
				t.Fatalf("opened %+v, %v, want %+v", got, err, s)
			}
			bit := rapid.IntRange(0, 8*len(b.pdu)-1).Draw(t, "bit")
			b.pdu[bit/8] ^= 1 << (bit % 8)
			if got, err := b.open(b.pdu); err == nil {
				t.Fatalf("bit %d changed and opened as %+v", bit, got)
			}
		}
	})
}

// TestErrors: each fault has its own error, and a beacon of another subnet is
// not a forgery.
func TestErrors(t *testing.T) {
	ours, other := beacon.NewKeys(netKey), beacon.NewKeys(crypto.Key{1})
	secure := ours.AppendSecure(nil, beacon.State{IVIndex: 5})
	private := ours.AppendPrivate(nil, beacon.State{IVIndex: 5}, [13]byte{9})
	forged := bytes.Clone(secure)
	forged[21] ^= 1
	for _, c := range []struct {
		name string
		err  error
		open func() (beacon.State, error)
	}{
		{"secure, other subnet", beacon.ErrNotOurs, func() (beacon.State, error) { return other.OpenSecure(secure) }},
		{"secure, forged", beacon.ErrForged, func() (beacon.State, error) { return ours.OpenSecure(forged) }},
		{"secure, short", beacon.ErrFormat, func() (beacon.State, error) { return ours.OpenSecure(secure[:21]) }},
		{"secure, long", beacon.ErrFormat, func() (beacon.State, error) { return ours.OpenSecure(append(secure, 0)) }},
		{"secure, empty", beacon.ErrFormat, func() (beacon.State, error) { return ours.OpenSecure(nil) }},
		{"private as secure", beacon.ErrFormat, func() (beacon.State, error) { return ours.OpenSecure(private) }},
		{"private, other subnet", beacon.ErrForged, func() (beacon.State, error) { return other.OpenPrivate(private) }},
		{"private, short", beacon.ErrFormat, func() (beacon.State, error) { return ours.OpenPrivate(private[:26]) }},
		{"private, empty", beacon.ErrFormat, func() (beacon.State, error) { return ours.OpenPrivate(nil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if s, err := c.open(); !errors.Is(err, c.err) {
				t.Errorf("opened %+v, %v, want %v", s, err, c.err)
			}
		})
	}
}

func TestTypeOf(t *testing.T) {
	for _, c := range []struct {
		pdu  []byte
		want beacon.Type
		err  error
	}{
		{nil, 0, beacon.ErrFormat},
		{[]byte{0}, beacon.TypeUnprovisioned, nil},
		{[]byte{1}, beacon.TypeSecure, nil},
		{[]byte{2}, beacon.TypePrivate, nil},
		{[]byte{3}, 3, beacon.ErrReserved},
	} {
		if got, err := beacon.TypeOf(c.pdu); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("TypeOf(%x) = %v, %v, want %v, %v", c.pdu, got, err, c.want, c.err)
		}
	}
}

// TestDecide covers what the vectors leave out.
func TestDecide(t *testing.T) {
	normal := func(iv mesh.IVIndex) beacon.State { return beacon.State{IVIndex: iv} }
	updating := func(iv mesh.IVIndex) beacon.State { return beacon.State{IVIndex: iv, IVUpdate: true} }
	const year = 8766 * time.Hour
	for _, c := range []struct {
		name              string
		current, received beacon.State
		conditions        beacon.IVConditions
		want              beacon.Decision
	}{
		{"older index", normal(9), normal(8), beacon.IVConditions{Elapsed: year}, beacon.Ignore},
		{"update that is over", normal(9), updating(9), beacon.IVConditions{Elapsed: year}, beacon.Ignore},
		{"end of update", updating(9), normal(9), beacon.IVConditions{Elapsed: beacon.MinStateDuration}, beacon.Follow},
		{"end of update, early", updating(9), normal(9), beacon.IVConditions{Elapsed: beacon.MinStateDuration - 1}, beacon.Ignore},
		{"a whole update missed", normal(9), normal(10), beacon.IVConditions{Elapsed: 2 * beacon.MinStateDuration}, beacon.Recover},
		{"42 ahead", normal(9), normal(51), beacon.IVConditions{Elapsed: year}, beacon.Recover},
		{"43 ahead", normal(9), normal(52), beacon.IVConditions{Elapsed: 10 * year}, beacon.Ignore},
		{"second recovery at once", normal(9), normal(10), beacon.IVConditions{Recovered: true}, beacon.Ignore},
		{"second recovery too early", normal(9), normal(12), beacon.IVConditions{Elapsed: year, Interrupted: true, HoldRecovery: true}, beacon.Ignore},
		{"missed while it was off", normal(9), normal(12), beacon.IVConditions{Interrupted: true}, beacon.Recover},
		{"43 ahead while it was off", normal(9), normal(52), beacon.IVConditions{Elapsed: year, Interrupted: true}, beacon.Ignore},
		{"one step while it was off", normal(9), updating(10), beacon.IVConditions{Interrupted: true}, beacon.Ignore},
		{"first index", normal(0), updating(1), beacon.IVConditions{TestMode: true}, beacon.Follow},
		{"last index", normal(0), normal(0xFFFFFFFF), beacon.IVConditions{Elapsed: year, FarRecovery: true}, beacon.Ignore},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := beacon.Decide(c.current, c.received, c.conditions); got != c.want {
				t.Errorf("decision %v, want %v", got, c.want)
			}
		})
	}
}

// TestSchedule: a node that hears no beacons sends one every ten seconds, with
// neighbours less often.
func TestSchedule(t *testing.T) {
	now := time.Unix(1000, 0)
	var s beacon.Schedule
	if s.Due().After(now) {
		t.Error("a new schedule is not due")
	}
	interval := func(heard int) time.Duration {
		for range heard {
			s.Heard()
		}
		s.Sent(now)
		return s.Due().Sub(now)
	}
	for i, step := range []struct {
		heard int
		want  time.Duration
	}{
		{0, 10 * time.Second},
		{3, 40 * time.Second},
		{2, 60 * time.Second}, // with the three of the previous interval
		{1000, 600 * time.Second},
		{0, 600 * time.Second},
		{0, 10 * time.Second},
	} {
		if got := interval(step.heard); got != step.want {
			t.Errorf("step %d: interval %v, want %v", i, got, step.want)
		}
	}
}

// TestAllocations: beacons of neighbours arrive all the time.
func TestAllocations(t *testing.T) {
	keys := beacon.NewKeys(netKey)
	secure := keys.AppendSecure(nil, beacon.State{IVIndex: 5})
	private := keys.AppendPrivate(nil, beacon.State{IVIndex: 5}, [13]byte{9})
	n := testing.AllocsPerRun(100, func() {
		_, _ = keys.OpenSecure(secure)
		_, _ = keys.OpenSecure(private)
		_, _ = keys.OpenPrivate(private)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParse decodes arbitrary octets as any beacon: no panic, and an accepted
// beacon is encoded unchanged except for reserved bits.
func FuzzParse(f *testing.F) {
	keys := beacon.NewKeys(netKey)
	f.Add([]byte{})
	f.Add([]byte{3, 1, 2})
	f.Add((&beacon.Unprovisioned{UUID: mesh.UUID{1}, OOB: beacon.OOBNumber}).Append(nil))
	f.Add((&beacon.Unprovisioned{UUID: mesh.UUID{1}, HasURI: true}).Append(nil))
	f.Add(keys.AppendSecure(nil, beacon.State{KeyRefresh: true, IVIndex: 7}))
	f.Add(keys.AppendPrivate(nil, beacon.State{IVUpdate: true, IVIndex: 7}, [13]byte{4}))
	f.Fuzz(func(t *testing.T, pdu []byte) {
		kind, err := beacon.TypeOf(pdu)
		if u, parsed := beacon.ParseUnprovisioned(pdu); parsed == nil {
			if err != nil || kind != beacon.TypeUnprovisioned {
				t.Errorf("parsed what TypeOf returned as %v, %v", kind, err)
			}
			if again := u.Append(nil); !bytes.Equal(again, pdu) {
				t.Errorf("wrote %x, read %x", again, pdu)
			}
		}
		if s, err := keys.OpenSecure(pdu); err == nil {
			if again := keys.AppendSecure(nil, s); !bytes.Equal(again[10:14], pdu[10:14]) {
				t.Errorf("wrote %x, read %x", again, pdu)
			}
		}
		if s, err := keys.OpenPrivate(pdu); err == nil {
			if again := keys.AppendPrivate(nil, s, [13]byte(pdu[1:14])); !bytes.Equal(again[15:19], pdu[15:19]) {
				t.Errorf("wrote %x, read %x", again, pdu)
			}
		}
	})
}

func TestScheduleStartsWhenItIsTold(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var s beacon.Schedule
	s.Start(at.Add(3 * time.Second))
	if !s.Due().Equal(at.Add(3 * time.Second)) {
		t.Errorf("due %s", s.Due())
	}
	s.Sent(s.Due())
	if want := at.Add(3*time.Second + beacon.MinInterval); !s.Due().Equal(want) {
		t.Errorf("after the first beacon due %s, want %s", s.Due(), want)
	}
}
