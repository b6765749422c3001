package sim_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

func star(n int) [][]int {
	all := make([][]int, n)
	for i := 1; i < n; i++ {
		all[0] = append(all[0], i)
		all[i] = []int{0}
	}
	return all
}

func starWorld(t *testing.T, n int) *sim.World {
	return world(t, sim.Options{Seed: 1, Neighbours: star(n), TTL: 5, Air: sim.Air{Loss: 0.05, HalfDuplex: true}})
}

func get(to int) node.Request {
	return node.Request{Dst: sim.Address(to), TTL: mesh.DefaultTTL, Payload: []byte{0x82, 0x01}, Respond: generic.OpOnOffStatus}
}

func cmd(t *testing.T, w *sim.World, to int, done func(d time.Duration, r node.RequestDone)) {
	t.Helper()
	r, err := sim.Switch(sim.Address(to), true, uint8(to))
	if err != nil {
		t.Fatal(err)
	}
	at := w.Elapsed()
	if err := w.Stations[0].Request(r, func(r node.RequestDone) { done(w.Elapsed()-at, r) }); err != nil {
		t.Fatal(err)
	}
}

func TestBase4000(t *testing.T) {
	w := starWorld(t, 3)
	refused := 0
	for range 4000 {
		if err := w.Stations[0].Request(get(1), func(node.RequestDone) {}); err != nil {
			refused++
		}
	}
	left := 2
	for _, to := range []int{1, 2} {
		cmd(t, w, to, func(d time.Duration, r node.RequestDone) { left--; t.Logf("command to %d after %s %v", to, d, r.Err) })
	}
	run(t, w, 10*time.Minute, func() bool { return left == 0 })
	t.Logf("%d refused", refused)
}

func TestBaseDead(t *testing.T) {
	const n, living = 151, 5
	w := starWorld(t, n)
	for i := living + 1; i < n; i++ {
		w.Stations[i].Sleep(true)
	}
	for _, what := range []string{"first", "again", "restart"} {
		if what == "restart" {
			if err := w.Stations[0].Restart(); err != nil {
				t.Fatal(err)
			}
		}
		left := n - 1
		var last time.Duration
		for k := range n - 1 {
			i := 1 + (k*31+7)%(n-1)
			cmd(t, w, i, func(d time.Duration, r node.RequestDone) {
				left--
				last = d
				if i <= living {
					t.Logf("%s: living %d after %s %v", what, i, d, r.Err)
				}
			})
		}
		run(t, w, 30*time.Minute, func() bool { return left == 0 })
		t.Logf("%s: the last after %s", what, last)
	}
}

func TestBase1000(t *testing.T) {
	w := starWorld(t, 1001)
	left := 1000
	for i := 1; i <= 1000; i++ {
		if err := w.Stations[0].Request(get(i), func(node.RequestDone) { left-- }); err != nil {
			t.Fatal(err)
		}
	}
	over := false
	cmd(t, w, 500, func(d time.Duration, r node.RequestDone) { over = true; t.Logf("command after %s %v", d, r.Err) })
	run(t, w, 10*time.Minute, func() bool { return over })
	run(t, w, 10*time.Minute, func() bool { return left == 0 })
	t.Logf("refresh over after %s", w.Elapsed())
}
