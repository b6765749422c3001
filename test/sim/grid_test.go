package sim_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// switchAnywhere sends n Sets between random stations, a few at a time and
// never two to the same one, and checks each plug when it has answered.
func switchAnywhere(t *testing.T, w *sim.World, seed uint64, n, atOnce int) *figures {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	f := &figures{}
	busy := map[int]bool{}
	begun, ended := 0, 0
	var next func()
	next = func() {
		if begun == n {
			return
		}
		from, to := random.IntN(len(w.Stations)), random.IntN(len(w.Stations))
		for from == to || busy[to] {
			to = random.IntN(len(w.Stations))
		}
		plug := w.Stations[to].Plug
		want := !plug.IsOn(w.Now())
		request, err := sim.Switch(sim.Address(to), want, uint8(begun))
		if err != nil {
			t.Fatal(err)
		}
		begun++
		busy[to] = true
		if err := w.Stations[from].Request(request, func(d node.RequestDone) {
			f.add(d)
			ended++
			busy[to] = false
			if is := plug.IsOn(w.Now()); d.Err == nil && is != want {
				t.Errorf("from %d to %d: the plug is %t and reported %t", from, to, is, want)
			}
			w.After(pause, next)
		}); err != nil {
			t.Fatal(err)
		}
	}
	for range atOnce {
		next()
	}
	if err := w.Run(time.Hour, func() bool { return ended == n }); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestGridOf100(t *testing.T) {
	each(t, 2, func(t *testing.T, seed uint64) {
		w := world(t, sim.Options{
			Seed:       seed,
			Air:        sim.Air{Loss: 0.2, HalfDuplex: true, Duplicate: 0.1, Jitter: 5 * time.Millisecond},
			Neighbours: sim.Grid(10, 10),
			TTL:        ttl,
		})
		f := switchAnywhere(t, w, seed, 100, 3)
		report(t, w, f)
		if len(f.failed) > 0 {
			t.Errorf("%d failed, first: %v", len(f.failed), f.failed[0])
		}
	})
}

// If everybody repeats everything at the same time and whatever overlaps is
// lost, the random delays between repetitions must still deliver it.
func TestGridWithCollisions(t *testing.T) {
	each(t, 2, func(t *testing.T, seed uint64) {
		w := world(t, sim.Options{
			Seed:       seed,
			Air:        sim.Air{Loss: 0.1, HalfDuplex: true, Collisions: true},
			Neighbours: sim.Grid(6, 6),
			TTL:        ttl,
		})
		f := switchAnywhere(t, w, seed, 100, 1)
		report(t, w, f)
		if len(f.failed) > 0 {
			t.Errorf("%d failed, first: %v", len(f.failed), f.failed[0])
		}
	})
}

func TestScattered(t *testing.T) {
	each(t, 3, func(t *testing.T, seed uint64) {
		w := world(t, sim.Options{
			Seed:       seed,
			Air:        sim.Air{Loss: 0.3, HalfDuplex: true, Duplicate: 0.3, Jitter: 40 * time.Millisecond},
			Neighbours: sim.Scattered(40, seed),
			TTL:        ttl,
		})
		f := switchAnywhere(t, w, seed, 50, 2)
		report(t, w, f)
		if len(f.failed) > 0 {
			t.Errorf("%d failed, first: %v", len(f.failed), f.failed[0])
		}
	})
}

// A scene: the first of twenty switches all others at once. Nineteen messages
// and nineteen answers share one line; retransmissions must not congest it.
func TestEverybodyAtOnce(t *testing.T) {
	each(t, 3, func(t *testing.T, seed uint64) {
		const n = 20
		w := world(t, sim.Options{
			Seed:       seed,
			Air:        sim.Air{Loss: 0.2, HalfDuplex: true},
			Neighbours: sim.Line(n),
			TTL:        ttl,
		})
		f := &figures{}
		ended := 0
		for to := 1; to < n; to++ {
			request, err := sim.Switch(sim.Address(to), true, 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Stations[0].Request(request, func(d node.RequestDone) {
				ended++
				f.add(d)
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Run(time.Minute, func() bool { return ended == n-1 }); err != nil {
			t.Fatal(err)
		}
		report(t, w, f)
		if len(f.failed) > 0 {
			t.Errorf("%d failed, first: %v", len(f.failed), f.failed[0])
		}
		for to := 1; to < n; to++ {
			if !w.Stations[to].Plug.IsOn(w.Now()) {
				t.Errorf("plug %d is off", to)
			}
		}
	})
}
