package virtual_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
)

const jitter = 10 * time.Millisecond // advDelay of the Core

// checkGaps checks that every gap is the interval plus 0 to 10 ms, and that
// they differ.
func checkGaps(t *testing.T, events []event, interval time.Duration) {
	t.Helper()
	alike := true
	all := gaps(events)
	for _, gap := range all {
		if gap < interval || gap > interval+jitter {
			t.Errorf("gap of %s, want %s to %s", gap, interval, interval+jitter)
		}
		alike = alike && gap == all[0]
	}
	if len(all) > 3 && alike {
		t.Errorf("%d gaps of exactly %s, want a random part", len(all), all[0])
	}
}

func TestExtendedSetSendsAsCommanded(t *testing.T) {
	for _, tc := range []struct {
		interval time.Duration
		events   uint8
	}{{20 * time.Millisecond, 1}, {20 * time.Millisecond, 3}, {30 * time.Millisecond, 255}, {1000 * time.Millisecond, 5}} {
		t.Run(fmt.Sprintf("%d every %s", tc.events, tc.interval), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				air := room(t, virtual.AirOptions{})
				tr := sniff(air)
				a := attach(t, air, virtual.Options{Address: address(1)})
				a.start()
				for round := 1; round <= 2; round++ { // enabling again restarts the count
					begin := time.Now()
					a.advertise(3, tc.interval, tc.events, 9, 9)
					time.Sleep(time.Duration(tc.events)*(tc.interval+jitter) + time.Second)
					events := tr.all()[(round-1)*int(tc.events):]
					if len(events) != int(tc.events) {
						t.Fatalf("%d events, want %d", len(events), tc.events)
					}
					checkGaps(t, events, tc.interval)
					ends := a.ends()
					if len(ends) != round {
						t.Fatalf("%d sets terminated, want %d", len(ends), round)
					}
					if got, want := ends[round-1].SetTerminated, (packet.SetTerminated{Status: packet.StatusLimitReached, Handle: 3, Events: tc.events}); got != want {
						t.Errorf("terminated %+v, want %+v", got, want)
					}
					if took := ends[round-1].at.Sub(begin); took < time.Duration(tc.events-1)*tc.interval || took > time.Duration(tc.events)*(tc.interval+jitter) {
						t.Errorf("terminated after %s", took)
					}
				}
			})
		})
	}
}

func TestExtendedSetEndsWithItsDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		tr := sniff(air)
		a := attach(t, air, virtual.Options{Address: address(1)})
		a.start()
		a.must(nonconnectable(0, 100*time.Millisecond))
		begin := time.Now()
		const duration = 100 // of 10 ms
		a.must(packet.NewCommand(packet.OpLESetExtendedAdvertisingEnable, 1, 1, 0, duration, 0, 0))
		time.Sleep(5 * time.Second)
		ends := a.ends()
		if len(ends) != 1 || ends[0].Status != packet.StatusAdvertisingTimeout || ends[0].at.Sub(begin) != time.Second {
			t.Fatalf("terminations %+v, want a timeout after 1 s", ends)
		}
		if n := len(tr.all()); n < 9 || n > 10 || int(ends[0].Events) != n {
			t.Errorf("%d events in 1 s, %d reported", n, ends[0].Events)
		}
	})
}

// One radio sends one event at a time, whatever the number of sets.
func TestSetsShareOneRadio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		tr := sniff(air)
		a := attach(t, air, virtual.Options{Address: address(1), Sets: 8})
		a.start()
		params := []byte{1, 8}
		for h := range byte(8) {
			a.must(nonconnectable(h, 20*time.Millisecond), packet.LESetExtendedAdvertisingData(h, make([]byte, 31)))
			params = append(params, h, 0, 0, 10)
		}
		a.must(packet.NewCommand(packet.OpLESetExtendedAdvertisingEnable, params...))
		time.Sleep(5 * time.Second)
		events := tr.all()
		if len(events) != 80 || len(a.ends()) != 8 {
			t.Fatalf("%d events and %d ends, want 80 and 8", len(events), len(a.ends()))
		}
		const event = 3 * ((16+31)*8 + 150) * time.Microsecond // three channels
		for _, gap := range gaps(events) {
			if gap < event {
				t.Errorf("an event began %s after another, which takes %s", gap, event)
			}
		}
	})
}

func TestLegacyInterval(t *testing.T) {
	for _, legacyOnly := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			air := room(t, virtual.AirOptions{Seed: 2})
			tr := sniff(air)
			a := attach(t, air, virtual.Options{Address: address(1), Legacy: legacyOnly})
			a.start()
			a.advertiseLegacy(100*time.Millisecond, 1, 2, 3)
			time.Sleep(100 * time.Second)
			events := tr.all()
			checkGaps(t, events, 100*time.Millisecond)
			mean := (events[len(events)-1].elapsed - events[0].elapsed) / time.Duration(len(events)-1)
			if mean < 104*time.Millisecond || mean > 106*time.Millisecond {
				t.Errorf("mean interval %s, want 100 ms and half of 10 ms", mean)
			}
			a.must(packet.LESetAdvertisingEnable(false))
			before := len(tr.all())
			time.Sleep(10 * time.Second)
			if n := len(tr.all()); n != before {
				t.Errorf("%d events after advertising was disabled", n-before)
			}
		})
	}
}

func TestShortestInterval(t *testing.T) {
	const ok, wrong = packet.StatusSuccess, packet.StatusInvalidParameters
	for _, tc := range []struct {
		legacyOnly bool
		kind       packet.LegacyType
		units      uint16
		want       packet.Status
	}{
		{true, packet.LegacyNonconnectable, 0xA0, ok},
		{true, packet.LegacyNonconnectable, 0x9F, wrong},
		{true, packet.LegacyScannable, 0x9F, wrong},
		{true, packet.LegacyConnectable, 0x20, ok},
		{true, packet.LegacyConnectable, 0x1F, wrong},
		{false, packet.LegacyNonconnectable, 0x20, ok},
		{false, packet.LegacyNonconnectable, 0x1F, wrong},
		{false, packet.LegacyNonconnectable, 0x4000, ok},
		{false, packet.LegacyNonconnectable, 0x4001, wrong},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := attach(t, room(t, virtual.AirOptions{}), virtual.Options{Address: address(1), Legacy: tc.legacyOnly})
			a.refuse(tc.want, legacyParameters(tc.kind, time.Duration(tc.units)*packet.AdvertisingUnit))
		})
	}
	synctest.Test(t, func(t *testing.T) {
		a := attach(t, room(t, virtual.AirOptions{}), virtual.Options{Address: address(1)})
		a.refuse(ok, nonconnectable(0, 20*time.Millisecond))
		a.refuse(wrong, nonconnectable(0, 19*time.Millisecond))
	})
}

func TestAdvertisedOctetsAndAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		a := attach(t, air, virtual.Options{Address: address(1)})
		old := attach(t, air, virtual.Options{Address: address(2), Legacy: true}).listenLegacy()
		recent := attach(t, air, virtual.Options{Address: address(3)}).listen()
		a.start()
		private := packet.NonResolvable(address(77))
		full := bytes.Repeat([]byte{0xAB}, packet.MaxLegacyData)
		a.must(packet.ExtendedAdvertising{
			Handle: 5, Properties: packet.PropertiesNonconnectable, IntervalMin: 20 * time.Millisecond, IntervalMax: 30 * time.Millisecond,
			Channels: packet.AllChannels, OwnAddress: packet.AddressRandom,
		}.Command())
		a.refuse(packet.StatusInvalidParameters, packet.LESetExtendedAdvertisingEnable(true, 5, 1)) // no random address yet
		a.must(packet.LESetAdvertisingSetRandomAddress(5, private), packet.LESetExtendedAdvertisingData(5, full))
		a.must(packet.LESetExtendedAdvertisingEnable(true, 5, 1))
		time.Sleep(time.Second)
		for name, s := range map[string]*station{"legacy": old, "extended": recent} {
			got := s.heard()
			if len(got) != 1 || got[0].Address != private || got[0].AddressType != packet.AddressRandom || !bytes.Equal(got[0].Data, full) || got[0].Type != packet.ReportLegacy {
				t.Errorf("%s listener heard %+v", name, got)
			}
		}
	})
}

// Data may change while a set is enabled; the next event uses it.
func TestDataChangesWhileAdvertising(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		tr := sniff(air)
		a := attach(t, air, virtual.Options{Address: address(1)})
		a.start()
		a.advertise(0, 100*time.Millisecond, 0, 1)
		time.Sleep(time.Second)
		a.must(packet.LESetExtendedAdvertisingData(0, []byte{2}))
		before := len(tr.all())
		time.Sleep(time.Second)
		for i, e := range tr.all() {
			want := "\x01"
			if i >= before {
				want = "\x02"
			}
			if e.data != want {
				t.Errorf("event %d has %x, want %x", i, e.data, want)
			}
		}
	})
}

// Extended PDUs, which mesh does not use but real controllers have, hold more
// data and reach extended scanners only.
func TestExtendedPDU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		a := attach(t, air, virtual.Options{Address: address(1)})
		old := attach(t, air, virtual.Options{Address: address(2), Legacy: true}).listenLegacy()
		recent := attach(t, air, virtual.Options{Address: address(3)}).listen()
		a.start()
		a.must(packet.ExtendedAdvertising{IntervalMin: 100 * time.Millisecond, IntervalMax: 100 * time.Millisecond, Channels: 7}.Command())
		long := make([]byte, virtual.MaxAdvertisingData)
		for i := range long {
			long[i] = byte(i)
		}
		fragment := func(operation byte, data []byte) packet.Command {
			return packet.NewCommand(packet.OpLESetExtendedAdvertisingData, append([]byte{0, operation, 1, byte(len(data))}, data...)...)
		}
		a.must(fragment(1, long[:100]))
		a.refuse(packet.StatusCommandDisallowed, packet.LESetExtendedAdvertisingEnable(true, 0, 1)) // the data are not complete
		a.must(fragment(0, long[100:150]), fragment(2, long[150:]))
		a.must(packet.LESetExtendedAdvertisingEnable(true, 0, 1))
		time.Sleep(time.Second)
		got := recent.heard()
		if len(got) != 1 || !bytes.Equal(got[0].Data, long) || got[0].Type != 0 {
			t.Errorf("heard %+v", got)
		}
		if n := len(old.heard()); n != 0 {
			t.Errorf("a legacy scanner heard %d extended PDUs", n)
		}
		a.refuse(packet.StatusMemoryExceeded, fragment(3, append(long, 0)))
	})
}

func TestScanResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		a := attach(t, air, virtual.Options{Address: address(1)})
		passive := attach(t, air, virtual.Options{Address: address(2)}).listen()
		active := attach(t, air, virtual.Options{Address: address(3)})
		active.start()
		scan := always
		scan.Active = true
		active.must(scan.Legacy(), packet.LESetScanEnable(true, false))
		a.start()
		const setScanResponse = 0x2009
		response := make([]byte, 32)
		copy(response, []byte{2, 0xCC, 0xDD})
		a.must(legacyParameters(packet.LegacyConnectable, 100*time.Millisecond), packet.LESetAdvertisingData([]byte{1}),
			packet.NewCommand(setScanResponse, response...), packet.LESetAdvertisingEnable(true))
		time.Sleep(50 * time.Millisecond)
		if got := passive.heard(); len(got) != 1 || got[0].Type != packet.ReportLegacy|packet.ReportConnectable|packet.ReportScannable {
			t.Errorf("passive scanner heard %+v", got)
		}
		got := active.heard()
		if len(got) != 2 || !slices.Equal(got[0].Data, []byte{1}) || !slices.Equal(got[1].Data, []byte{0xCC, 0xDD}) || got[1].Type&packet.ReportScanResponse == 0 {
			t.Errorf("active scanner heard %+v", got)
		}
	})
}
