package sim_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/handover"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/archive"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// exported is the network of station 0 after export to a file and import.
func exported(t *testing.T, stores []*store.Memory) *cdb.Database {
	t.Helper()
	n := handover.Network{Name: "first", Now: time.Unix(1, 0)}
	for number, s := range stores {
		saved, err := node.Load(s)
		if err != nil {
			t.Fatal(err)
		}
		if number == 0 {
			n.Node = saved.Node
			continue
		}
		n.Peers = append(n.Peers, state.Peer{
			UUID: saved.Node.UUID, Address: saved.Node.Address, Elements: 1, DeviceKey: saved.Node.DeviceKey,
		})
	}
	data, err := handover.Write(n).JSON()
	if err != nil {
		t.Fatal(err)
	}
	d, err := cdb.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// takenOver is a network of three stations that station 3 has joined with a
// file.
func takenOver(t *testing.T, seed uint64, update bool) *sim.World {
	t.Helper()
	const joiner = 3
	var stores []*store.Memory
	w, err := sim.New(sim.Options{
		Seed: seed, Neighbours: sim.Line(joiner + 1), TTL: 5, Air: sim.Air{Loss: 0.1, HalfDuplex: true},
		Adjust: func(n *state.Node) {
			n.IVIndex, n.IVUpdate = 7, update
			n.LastAddress = sim.Address(joiner) - 1
		},
		Store: func(number int, s *store.Memory) {
			if number < joiner {
				stores = append(stores, s)
				return
			}
			in, err := handover.Read(exported(t, stores), handover.Options{
				Elements: device.NewPlug().Elements(), Random: sim.Random(seed, number), Now: time.Unix(2, 0),
			})
			if err != nil {
				t.Fatal(err)
			}
			if in.Range.Low != sim.Address(joiner) || len(in.Records) != joiner-1 || in.AppKey != 0 {
				t.Fatalf("got %+v", in)
			}
			if err := in.Store(s); err != nil {
				t.Fatal(err)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Audit.SetIVIndex(7)
	return w
}

// turn switches a plug from a station and waits for the answer.
func turn(t *testing.T, w *sim.World, from, to int, on bool, tid uint8) node.RequestDone {
	t.Helper()
	r, err := sim.Switch(sim.Address(to), on, tid)
	if err != nil {
		t.Fatal(err)
	}
	var end *node.RequestDone
	if err := w.Stations[from].Request(r, func(d node.RequestDone) { end = &d }); err != nil {
		t.Fatal(err)
	}
	if err := w.Run(10*time.Minute, func() bool { return end != nil }); err != nil {
		t.Fatal(err)
	}
	if end.Err != nil || w.Stations[to].Plug.OnOff(w.Now()).PresentOnOff != on {
		t.Fatalf("%d to %d: %v, the plug is %t", from, to, end.Err, w.Stations[to].Plug.OnOff(w.Now()).PresentOnOff)
	}
	return *end
}

// TestTakeOver joins a network with a file that does not contain the IV index:
// the bridge sends nothing until it knows it, its first message is understood,
// and the other provisioner continues to work.
func TestTakeOver(t *testing.T) {
	for _, update := range []bool{false, true} {
		w := takenOver(t, 1, update)
		joiner := w.Stations[3]
		if !joiner.Core.State().IVIndexUnknown {
			t.Fatal("the IV index is known without a source")
		}
		if err := joiner.Core.Provision(w.Now(), node.Provision{}); err == nil {
			t.Error("a device would be provisioned with a wrong IV index")
		}
		// The wait for a beacon must not count as an attempt.
		if end := turn(t, w, 3, 2, true, 1); end.Response.Attempts > 3 {
			t.Errorf("got %+v", end)
		}
		if s := joiner.Core.State(); s.IVIndex != 7 || s.IVUpdate != update || s.IVIndexUnknown {
			t.Errorf("the IV index is %d, update %t", s.IVIndex, s.IVUpdate)
		}
		turn(t, w, 3, 1, true, 2)
		turn(t, w, 0, 1, false, 1)
		if err := joiner.Restart(); err != nil {
			t.Fatal(err)
		}
		turn(t, w, 3, 1, true, 3)
	}
}

// TestRestoredBackup continues from a backup that is older than the last
// messages: the nodes accept the first message, and no sequence number is used
// twice, even if the network has moved to another IV index meanwhile.
func TestRestoredBackup(t *testing.T) {
	for _, moved := range []bool{false, true} {
		w := takenOver(t, 2, false)
		turn(t, w, 3, 2, true, 1)
		var file bytes.Buffer
		if err := archive.Write(&file, w.Stations[3].Store, w.Now()); err != nil {
			t.Fatal(err)
		}
		for tid := range uint8(20) {
			turn(t, w, 3, 2, tid%2 == 0, tid+2)
		}
		if moved {
			moveOn(t, w)
		}
		restored := store.NewMemory()
		if _, err := archive.Read(&file, restored); err != nil {
			t.Fatal(err)
		}
		skipped, err := node.JumpSequence(restored, time.Hour)
		if err != nil || skipped < 36000 {
			t.Fatalf("%d numbers were skipped, %v", skipped, err)
		}
		w.Stations[3].Store = restored
		if err := w.Stations[3].Restart(); err != nil {
			t.Fatal(err)
		}
		turn(t, w, 3, 2, true, 30)
		turn(t, w, 3, 1, true, 31)
		if iv := w.Stations[3].Core.State().IVIndex; moved != (iv == 8) {
			t.Errorf("the IV index is %d", iv)
		}
	}
}

// moveOn performs an IV Update, and the old bridge sends some messages with the
// new IV index.
func moveOn(t *testing.T, w *sim.World) {
	t.Helper()
	for _, s := range w.Stations {
		s.Input(func(now time.Time, c *node.Core) { c.SetIVTestMode(now, true) })
	}
	step := func(f func(now time.Time, c *node.Core) error, there func(*state.Node) bool) {
		t.Helper()
		w.Stations[0].Input(func(now time.Time, c *node.Core) {
			if err := f(now, c); err != nil {
				t.Fatal(err)
			}
		})
		if err := w.Run(10*time.Minute, func() bool {
			for _, s := range w.Stations {
				if !there(s.Core.State()) {
					return false
				}
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.Audit.SetIVIndex(8)
	step(func(now time.Time, c *node.Core) error { return c.BeginIVUpdate(now) }, func(n *state.Node) bool { return n.IVUpdate })
	step(func(now time.Time, c *node.Core) error { return c.EndIVUpdate(now) }, func(n *state.Node) bool { return !n.IVUpdate })
	for tid := range uint8(5) {
		turn(t, w, 3, 2, tid%2 == 0, 100+tid)
	}
}

// TestTooOldBackup rejects a skip that does not fit.
func TestTooOldBackup(t *testing.T) {
	w := takenOver(t, 3, false)
	const year = 365 * 24 * time.Hour
	if _, err := node.JumpSequence(w.Stations[3].Store, year); err == nil {
		t.Error("a backup of last year was accepted")
	}
	if _, err := node.JumpSequence(w.Stations[3].Store, -year); err != nil {
		t.Errorf("with a clock that is slow: %v", err)
	}
	if left, all := w.Stations[3].Core.SequenceLeft(), int(mesh.MaxSequenceNumber)+1; left != all {
		t.Errorf("%d of %d numbers are left of a node that never sent", left, all)
	}
}
