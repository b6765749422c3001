package virtual_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
)

var cut = virtual.Link{Cut: true}

func TestHearers(t *testing.T) {
	type edge struct{ from, to int }
	for name, tc := range map[string]struct {
		preset virtual.Link
		set    map[edge]virtual.Link
		heard  [3][]byte // by whom, what
	}{
		"everybody": {heard: [3][]byte{{2, 3}, {1, 3}, {1, 2}}},
		"nobody":    {preset: cut},
		"one does not hear another": {
			set:   map[edge]virtual.Link{{1, 2}: cut},
			heard: [3][]byte{{2, 3}, {3}, {1, 2}},
		},
		"a chain": {
			preset: cut,
			set:    map[edge]virtual.Link{{1, 2}: {}, {2, 1}: {}, {2, 3}: {}, {3, 2}: {}},
			heard:  [3][]byte{{2}, {1, 3}, {2}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				air := room(t, virtual.AirOptions{Link: tc.preset})
				for e, l := range tc.set {
					air.SetLink(address(e.from), address(e.to), l)
				}
				var stations []*station
				for n := 1; n <= 3; n++ {
					stations = append(stations, attach(t, air, virtual.Options{Address: address(n)}).listen())
				}
				for n, s := range stations {
					s.advertise(0, 100*time.Millisecond, 1, 2, 0x2A, byte(n+1))
				}
				time.Sleep(time.Second)
				for n, s := range stations {
					var got []byte
					for _, r := range s.heard() {
						if r.Address != address(int(r.Data[2])) || r.AddressType != packet.AddressPublic || r.Type != packet.ReportLegacy {
							t.Errorf("report %+v of station %d", r.Report, r.Data[2])
						}
						got = append(got, r.Data[2])
					}
					slices.Sort(got)
					if !slices.Equal(got, tc.heard[n]) {
						t.Errorf("station %d heard %v, want %v", n+1, got, tc.heard[n])
					}
				}
			})
		})
	}
}

func TestLinksChangeWhileOnTheAir(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		a := attach(t, air, virtual.Options{Address: address(1)})
		b := attach(t, air, virtual.Options{Address: address(2)}).listen()
		a.start()
		air.SetLinks(address(1), address(2), virtual.Link{RSSI: -91})
		a.advertise(0, 100*time.Millisecond, 1)
		time.Sleep(time.Second)
		air.SetDefaultLink(cut)
		air.ClearLink(address(1), address(2))
		a.must(packet.LESetExtendedAdvertisingEnable(true, 0, 1))
		time.Sleep(time.Second)
		air.SetDefaultLink(virtual.Link{})
		a.must(packet.LESetExtendedAdvertisingEnable(true, 0, 1))
		time.Sleep(time.Second)
		var got []int8
		for _, r := range b.heard() {
			got = append(got, r.RSSI)
		}
		if want := []int8{-91, virtual.DefaultRSSI}; !slices.Equal(got, want) {
			t.Errorf("heard with RSSI %v, want %v", got, want)
		}
	})
}

func TestLoss(t *testing.T) {
	for _, loss := range []float64{0, 0.01, 0.3, 0.9, 1} {
		t.Run(fmt.Sprint(loss), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				air := room(t, virtual.AirOptions{Seed: 7, Link: virtual.Link{Loss: loss}})
				a := attach(t, air, virtual.Options{Address: address(1)})
				b := attach(t, air, virtual.Options{Address: address(2)}).listen()
				c := attach(t, air, virtual.Options{Address: address(3)}).listen()
				a.start()
				a.advertise(0, 20*time.Millisecond, 0, 1)
				time.Sleep(100 * time.Second)
				a.must(packet.LESetExtendedAdvertisingEnable(false, 0, 0))
				time.Sleep(time.Second)
				n := float64(air.Stats().Events)
				if n < 3500 {
					t.Fatalf("%v events in 100 s", n)
				}
				bound := 4 * math.Sqrt(n*loss*(1-loss))
				for _, s := range []*station{b, c} {
					lost := n - float64(len(s.heard()))
					if math.Abs(lost-n*loss) > bound {
						t.Errorf("lost %v of %v, want %v ± %v", lost, n, n*loss, bound)
					}
				}
				if stats := air.Stats(); stats.Heard+stats.Lost != 2*stats.Events || stats.Heard != uint64(len(b.heard())+len(c.heard())) {
					t.Errorf("counters do not add up: %+v", stats)
				}
			})
		})
	}
}

func TestLossOfTwoListenersIsIndependent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{Seed: 1, Link: virtual.Link{Loss: 0.5}})
		a := attach(t, air, virtual.Options{Address: address(1)})
		a.start()
		b := attach(t, air, virtual.Options{Address: address(2)}).listen()
		c := attach(t, air, virtual.Options{Address: address(3)}).listen()
		const n = 250
		var both int
		for i := range n {
			a.advertise(0, 20*time.Millisecond, 1, byte(i))
			time.Sleep(50 * time.Millisecond)
		}
		in := make(map[byte]bool)
		for _, r := range b.heard() {
			in[r.Data[0]] = true
		}
		for _, r := range c.heard() {
			if in[r.Data[0]] {
				both++
			}
		}
		if both < n/4-40 || both > n/4+40 {
			t.Errorf("both heard %d of %d, want about a quarter", both, n)
		}
	})
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{Seed: 3, Link: virtual.Link{Delay: 70 * time.Millisecond, Jitter: 50 * time.Millisecond}})
		a := attach(t, air, virtual.Options{Address: address(1)})
		b := attach(t, air, virtual.Options{Address: address(2)}).listen()
		a.start()
		sent := make(map[byte]time.Time)
		air.Sniff(func(ad *virtual.Advertisement) { sent[ad.Data[0]] = ad.Time })
		for i := range 100 {
			a.advertise(0, 20*time.Millisecond, 1, byte(i))
			time.Sleep(30 * time.Millisecond)
		}
		time.Sleep(time.Second)
		heard := b.heard()
		if len(heard) != 100 {
			t.Fatalf("heard %d of 100", len(heard))
		}
		least, most, reordered := time.Hour, time.Duration(0), false
		for i, r := range heard {
			took := r.at.Sub(sent[r.Data[0]])
			least, most = min(least, took), max(most, took)
			reordered = reordered || i > 0 && r.Data[0] < heard[i-1].Data[0]
		}
		// a PDU of one octet takes 136 µs
		if least < 70*time.Millisecond || least > 75*time.Millisecond || most < 115*time.Millisecond || most > 120*time.Millisecond+136*time.Microsecond {
			t.Errorf("delays from %s to %s, want 70 ms to 120 ms", least, most)
		}
		if !reordered {
			t.Error("jitter of more than the distance of two events never reordered them")
		}
	})
}

func TestDuplicate(t *testing.T) {
	for _, p := range []float64{0.25, 1} {
		synctest.Test(t, func(t *testing.T) {
			air := room(t, virtual.AirOptions{Seed: 9, Link: virtual.Link{Duplicate: p}})
			a := attach(t, air, virtual.Options{Address: address(1)})
			b := attach(t, air, virtual.Options{Address: address(2)}).listen()
			a.start()
			for i := range 200 {
				a.advertise(0, 20*time.Millisecond, 1, byte(i))
				time.Sleep(30 * time.Millisecond)
			}
			times := make(map[byte]int)
			for _, r := range b.heard() {
				times[r.Data[0]]++
			}
			twice := 0
			for _, n := range times {
				if n == 2 {
					twice++
				}
			}
			want := int(200 * p)
			if len(times) != 200 || twice < want-25 || twice > want+25 || len(b.heard()) != 200+twice {
				t.Errorf("p %v: %d heard, %d twice, want 200 and about %d", p, len(times), twice, want)
			}
		})
	}
}

func TestHalfDuplex(t *testing.T) {
	for _, half := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			air := room(t, virtual.AirOptions{HalfDuplex: half})
			a := attach(t, air, virtual.Options{Address: address(1)}).listen()
			b := attach(t, air, virtual.Options{Address: address(2)}).listen()
			c := attach(t, air, virtual.Options{Address: address(3)}).listen()
			a.advertise(0, 100*time.Millisecond, 1, 1)
			b.advertise(0, 100*time.Millisecond, 1, 2) // at the same moment
			time.Sleep(time.Second)
			want := 1
			if half {
				want = 0
			}
			if len(a.heard()) != want || len(b.heard()) != want || len(c.heard()) != 2 {
				t.Errorf("half duplex %v: transmitters heard %d and %d, want %d; a third %d, want 2", half, len(a.heard()), len(b.heard()), want, len(c.heard()))
			}
			b.must(packet.LESetExtendedAdvertisingEnable(true, 0, 1)) // the only one
			time.Sleep(time.Second)
			if len(a.heard()) != want+1 {
				t.Errorf("half duplex %v: heard %d when it did not transmit, want one more", half, len(a.heard()))
			}
		})
	}
}

func TestCollisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{Collisions: true})
		a := attach(t, air, virtual.Options{Address: address(1)})
		b := attach(t, air, virtual.Options{Address: address(2)})
		both := attach(t, air, virtual.Options{Address: address(3)}).listen()
		one := attach(t, air, virtual.Options{Address: address(4)}).listen()
		air.SetLink(address(2), address(4), cut)
		a.start()
		b.start()
		a.advertise(0, 100*time.Millisecond, 1, 1)
		b.advertise(0, 100*time.Millisecond, 1, 2)
		time.Sleep(time.Second)
		if n := len(both.heard()); n != 0 {
			t.Errorf("%d reports of two that collided", n)
		}
		if n := len(one.heard()); n != 1 {
			t.Errorf("%d reports where only one of the two is heard", n)
		}
		a.must(packet.LESetExtendedAdvertisingEnable(true, 0, 1))
		time.Sleep(time.Second)
		if n := len(both.heard()); n != 1 {
			t.Errorf("%d reports of one that was alone", n)
		}
		for _, tc := range []struct {
			apart time.Duration
			heard int
		}{{0, 0}, {100 * time.Microsecond, 0}, {200 * time.Microsecond, 2}} { // the PDU takes 136 µs
			before := len(both.heard())
			a.must(packet.LESetExtendedAdvertisingEnable(true, 0, 1))
			time.Sleep(tc.apart)
			b.must(packet.LESetExtendedAdvertisingEnable(true, 0, 1))
			time.Sleep(time.Second)
			if n := len(both.heard()) - before; n != tc.heard {
				t.Errorf("%d reports of two that were %s apart, want %d", n, tc.apart, tc.heard)
			}
		}
	})
}

func TestAttach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{})
		attach(t, air, virtual.Options{Address: address(1)})
		if _, err := air.Attach(virtual.Options{Address: address(1)}); !errors.Is(err, virtual.ErrTaken) {
			t.Errorf("the same address again: %v", err)
		}
		for _, wrong := range []virtual.Options{{Sets: 240}, {Sets: -1}, {Credits: 17}, {ReportQueue: -1}, {Latency: -1}} {
			wrong.Address = address(2)
			if _, err := air.Attach(wrong); err == nil {
				t.Errorf("%+v was accepted", wrong)
			}
		}
	})
}

// crowd runs n controllers that all advertise and scan over a bad air. It
// returns what was on the air and what each of them heard.
func crowd(t *testing.T, n int, seed uint64) (events []event, heard [][]string) {
	synctest.Test(t, func(t *testing.T) {
		air := room(t, virtual.AirOptions{Seed: seed, Link: virtual.Link{Loss: 0.1, Duplicate: 0.05, Delay: time.Millisecond, Jitter: 5 * time.Millisecond}})
		tr := sniff(air)
		var stations []*station
		for i := range n {
			stations = append(stations, attach(t, air, virtual.Options{Address: address(i), Legacy: i%5 == 0, ReportQueue: 4096}))
		}
		started := make(chan struct{})
		for i, s := range stations { // all at once, in any order
			go func() {
				defer func() { started <- struct{}{} }()
				if i%5 == 0 {
					s.listenLegacy()
					s.advertiseLegacy(100*time.Millisecond, byte(i))
				} else {
					s.listen()
					s.advertise(1, 50*time.Millisecond, 0, byte(i))
					s.advertise(2, 70*time.Millisecond, 10, byte(i), 2)
				}
			}()
		}
		for range stations {
			<-started
		}
		time.Sleep(2 * time.Second)
		events = tr.all()
		for _, s := range stations {
			var lines []string
			for _, r := range s.heard() {
				lines = append(lines, fmt.Sprint(r.at.UnixMicro(), r.Address, r.Data))
			}
			heard = append(heard, lines)
			if st := s.Stats(); st.Dropped != 0 || st.Reports != uint64(len(lines)) {
				t.Errorf("%s: %d reports, counted %+v", s.Address(), len(lines), st)
			}
		}
	})
	return events, heard
}

func TestHundredControllers(t *testing.T) {
	events, heard := crowd(t, 100, 5)
	perSender := make(map[packet.Address]int)
	for _, e := range events {
		perSender[e.from]++
	}
	for i := range 100 {
		// in 2 s: 50 to 60 ms apart, and ten of the other set; legacy 100 to
		// 110 ms
		least, most := 2000/60+10-1, 2000/50+10+1
		if i%5 == 0 {
			least, most = 2000/110-1, 2000/100+1
		}
		if n := perSender[address(i)]; n < least || n > most {
			t.Errorf("%s advertised %d times, want %d to %d", address(i), n, least, most)
		}
		others := len(events) - perSender[address(i)]
		if n := float64(len(heard[i])) / float64(others); n < 0.92 || n > 0.97 {
			t.Errorf("%s heard %.3f of the others, want about 0.945", address(i), n)
		}
	}
}

func TestSameSeedSameTrace(t *testing.T) {
	events, heard := crowd(t, 20, 42)
	again, heardAgain := crowd(t, 20, 42)
	if len(events) < 500 || !slices.Equal(events, again) {
		t.Errorf("two runs with one seed differ: %d and %d events", len(events), len(again))
	}
	for i := range heard {
		if !slices.Equal(heard[i], heardAgain[i]) {
			t.Errorf("%s heard different things in two runs with one seed", address(i))
		}
	}
	other, _ := crowd(t, 20, 43)
	if slices.Equal(events, other) {
		t.Error("another seed made the same trace")
	}
}
