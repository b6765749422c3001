package sim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/refresh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

var newNetKey, newAppKey = crypto.Key{1, 2, 3}, crypto.Key{4, 5, 6}

// refreshed reports whether a station has the new keys and no old ones.
func refreshed(s *sim.Station) bool {
	n := s.Core.State()
	k, app := n.Subnets[0], n.AppKeys[0]
	return k.Phase == state.NormalOperation && k.Key.Equal(newNetKey) && k.NewKey.IsZero() &&
		!app.Updated && app.Key.Equal(newAppKey) && app.NewKey.IsZero()
}

// reaches switches a plug to the other state.
func reaches(t *testing.T, w *sim.World, from, to int) error {
	t.Helper()
	r, err := sim.Switch(sim.Address(to), !w.Stations[to].Plug.IsOn(w.Now()), uint8(w.Audit.PDUs))
	if err != nil {
		t.Fatal(err)
	}
	return request(t, w, from, r)
}

func run(t *testing.T, w *sim.World, limit time.Duration, done func() bool) {
	t.Helper()
	if err := w.Run(limit, done); err != nil {
		t.Fatal(err)
	}
}

func pass(t *testing.T, w *sim.World, d time.Duration) {
	t.Helper()
	if err := w.Pass(d); err != nil {
		t.Fatal(err)
	}
}

// managed is a network whose first station has provisioned the others, and
// whose plugs publish to it.
func managed(t *testing.T, o sim.Options) *sim.World {
	t.Helper()
	o.Monitor = true
	o.Adjust = func(n *state.Node) {
		n.Elements[device.Primary].Model(generic.OnOffServerID).Publication = state.Publication{
			Address: sim.Address(0), TTL: mesh.DefaultTTL,
		}
	}
	o.Stored = func(number int, s *store.Memory) {
		if number > 0 {
			return
		}
		others := make([]int, 0, len(o.Neighbours))
		for other := 1; other < len(o.Neighbours); other++ {
			others = append(others, other)
		}
		if err := sim.StorePeers(s, others...); err != nil {
			t.Fatal(err)
		}
	}
	return world(t, o)
}

// naps lets a station sleep, except for a minute now and then in which it
// reports its state, as sensors do.
func naps(w *sim.World, number int) {
	const awake, asleep = time.Minute, 37 * time.Minute
	s := w.Stations[number]
	s.Sleep(true)
	var wake func()
	wake = func() {
		s.Sleep(false)
		s.Input(func(now time.Time, c *node.Core) {
			c.WithModel(now, device.Primary, generic.OnOffServerID, func(ctx access.Context) { s.Plug.Toggle(ctx) })
		})
		w.After(awake, func() {
			s.Sleep(true)
			w.After(asleep, wake)
		})
	}
	w.After(time.Duration(number)*time.Minute, wake)
}

// A key refresh with fifty nodes, of which five sleep most of the time and one
// never returns. The node that manages it crashes in every phase at every
// point.
func TestKeyRefreshOf50(t *testing.T) {
	each(t, 1, func(t *testing.T, seed uint64) {
		const n, gone = 50, 49
		sleepers := []int{12, 24, 36, 48, 9}
		w := managed(t, sim.Options{
			Seed: seed, Air: sim.Air{Loss: 0.1, HalfDuplex: true}, Neighbours: sim.Grid(10, 5), TTL: 20,
		})
		w.Audit.AddKeys(newNetKey, newAppKey)
		for _, s := range sleepers {
			naps(w, s)
		}
		w.Stations[gone].Sleep(true)
		options := refresh.Options{
			NetKey: mesh.PrimaryNetKey, Key: newNetKey, AppKeys: []refresh.AppKey{{Index: 0, Key: newAppKey}},
			Nodes: sim.Others(1, n-1),
		}
		manager := sim.NewRefresher(w.Stations[0], options)
		type where struct {
			refresh.Phase
			sim.Point
		}
		crashed := map[where]bool{}
		manager.Crashes = func(p sim.Point) bool {
			at := where{manager.Phase(), p}
			if crashed[at] || at.Phase == refresh.Distribute && p == sim.BeforePersist {
				return false // before it begins there is nothing to continue
			}
			crashed[at] = true
			return true
		}
		manager.Step()
		done := func(left int) func() bool {
			return func() bool { return manager.Failed != nil || len(manager.Status().Missing) == left }
		}
		run(t, w, 24*time.Hour, done(1))
		t.Logf("%s: all but one have the keys", w.Elapsed())
		pass(t, w, 2*time.Hour)
		if status := manager.Status(); status.Phase != refresh.Distribute || status.Missing[sim.UUID(gone)] == "" {
			t.Fatalf("with one missing: %+v", status)
		}
		if err := reaches(t, w, 0, 13); err != nil {
			t.Errorf("while keys are distributed: %v", err)
		}
		manager.Finish()
		manager.Step() // crashes before it is stored
		pass(t, w, time.Hour)
		if phase := manager.Phase(); phase != refresh.Distribute {
			t.Errorf("it still has what was not stored: %s", phase)
		}
		manager.Finish()
		manager.Step()
		run(t, w, 24*time.Hour, func() bool { return manager.Failed != nil || manager.Phase() == refresh.Switch })
		if err := reaches(t, w, 0, 13); err != nil {
			t.Errorf("while both keys are in use: %v", err)
		}
		run(t, w, 24*time.Hour, func() bool { return manager.Failed != nil || manager.Phase() == refresh.Done })
		t.Logf("%s: done", w.Elapsed())
		if manager.Failed != nil {
			t.Fatal(manager.Failed)
		}
		if len(crashed) < 11 {
			t.Errorf("it crashed at %d points only: %v", len(crashed), crashed)
		}
		status := manager.Status()
		if !slices.Equal(status.LeftBehind, []mesh.UUID{sim.UUID(gone)}) {
			t.Errorf("left behind: %v", status.LeftBehind)
		}
		// Nodes that slept at the end learn of it when they wake.
		for _, s := range sleepers {
			if !refreshed(w.Stations[s]) {
				run(t, w, 2*time.Hour, func() bool { return refreshed(w.Stations[s]) })
			}
		}
		for number, s := range w.Stations {
			switch {
			case number == gone:
				if refreshed(s) {
					t.Error("an absent node has the new keys")
				}
			case !refreshed(s):
				t.Errorf("station %d has not completed: %+v", number, s.Core.State().Subnets)
			}
		}
		for _, to := range []int{1, 13, 25, 47} {
			if err := reaches(t, w, 0, to); err != nil {
				t.Errorf("station %d with the new keys: %v", to, err)
			}
		}
		w.Stations[gone].Sleep(false)
		if err := reaches(t, w, 0, gone); err == nil {
			t.Error("a node that was left behind is reached")
		}
	})
}

// Two provisioners share a network: each knows the device keys of all. They
// take turns in refreshing the keys, the first time while an IV Update is in
// progress and ends, and both reach every node at any time.
func TestTwoProvisionersRefreshKeys(t *testing.T) {
	const n = 12
	w := world(t, sim.Options{
		Seed: 3, Air: sim.Air{Loss: 0.1, HalfDuplex: true}, Neighbours: sim.Grid(4, 3), TTL: 10, Monitor: true,
		Stored: func(number int, s *store.Memory) {
			others := map[int][]int{0: {1}, 1: {0}}[number]
			for other := 2; other < n && len(others) > 0; other++ {
				others = append(others, other)
			}
			if err := sim.StorePeers(s, others...); err != nil {
				t.Fatal(err)
			}
		},
	})
	w.Audit.SetIVIndex(1)
	both := func(when string) {
		t.Helper()
		for _, from := range []int{0, 1} {
			for _, to := range []int{2, 6, 11, 1 - from} {
				if err := reaches(t, w, from, to); err != nil {
					t.Errorf("%s: %d to %d: %v", when, from, to, err)
				}
			}
		}
	}
	pass(t, w, 96*hour)
	w.Stations[1].Input(func(now time.Time, c *node.Core) {
		if err := c.BeginIVUpdate(now); err != nil {
			t.Fatal(err)
		}
	})
	pass(t, w, 96*hour-time.Second) // the update ends in the middle of the refresh
	for i, by := range []int{0, 1} {
		net, app := crypto.Key{1, byte(i)}, crypto.Key{2, byte(i)}
		w.Audit.AddKeys(net, app)
		others := append(sim.Others(1-by, 1-by), sim.Others(2, n-1)...)
		r := sim.NewRefresher(w.Stations[by], refresh.Options{
			Key: net, AppKeys: []refresh.AppKey{{Index: 0, Key: app}}, Nodes: others,
		})
		r.Step()
		for phase := refresh.Switch; phase <= refresh.Done; phase++ {
			run(t, w, hour, func() bool { return r.Failed != nil || r.Phase() >= phase })
			both(r.Phase().String())
		}
		if r.Failed != nil {
			t.Fatal(r.Failed)
		}
		for number, s := range w.Stations {
			state := s.Core.State()
			if !state.Subnets[0].Key.Equal(net) || !state.AppKeys[0].Key.Equal(app) || state.Subnets[0].Phase != 0 {
				t.Errorf("station %d after the refresh by %d: %+v", number, by, state.Subnets)
			}
		}
	}
	pass(t, w, hour)
	if !all(w, 1, false) {
		t.Errorf("IV indexes: %v", counts(w))
	}
}
