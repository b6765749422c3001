package sim_test

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

const hour = time.Hour

// counts lists the stations by IV index and state.
func counts(w *sim.World) map[node.IVIndexChanged]int {
	list := map[node.IVIndexChanged]int{}
	for _, s := range w.Stations {
		n := s.Core.State()
		list[node.IVIndexChanged{IVIndex: n.IVIndex, Update: n.IVUpdate}]++
	}
	return list
}

// all reports whether all stations are in a state.
func all(w *sim.World, iv mesh.IVIndex, update bool) bool {
	return counts(w)[node.IVIndexChanged{IVIndex: iv, Update: update}] == len(w.Stations)
}

// clockKey is where a node stores how long it has been in its state of the IV
// Update procedure: seconds, seconds since a recovery (there was none), flags.
const clockKey = "iv_clock"

// aged sets how long a node has been in its state.
func aged(s *store.Memory, d time.Duration) error {
	value := binary.BigEndian.AppendUint32(nil, uint32(d/time.Second))
	return s.Apply(store.Change{
		Table: node.TableNode, Key: clockKey, Value: append(value, 0xFF, 0xFF, 0xFF, 0xFF, 0),
	})
}

// An IV Update with fifty nodes. In the middle of it the network splits into
// two parts that do not hear each other until one of them has ended the update.
// The part that was left in the old state catches up within a minute, and every
// node in range can be reached at all times.
func TestIVUpdateOf50(t *testing.T) {
	const columns, rows, cut = 10, 5, 5
	w := world(t, sim.Options{
		Seed: 1, Neighbours: sim.Grid(columns, rows), TTL: 20,
		Stored: func(_ int, s *store.Memory) {
			if err := aged(s, 95*hour); err != nil {
				t.Fatal(err)
			}
		},
	})
	w.Audit.SetIVIndex(1) // reads 0 and 1
	const here, there, border = 0, columns*rows - 1, cut - 1
	reach := func(when string, from, to int) {
		t.Helper()
		if err := reaches(t, w, from, to); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	pass(t, w, hour)
	// The far part is cut off just before the update begins.
	w.Apart = func(a, b int) bool { return (a%columns < cut) != (b%columns < cut) }
	w.Stations[here].Input(func(now time.Time, c *node.Core) {
		if err := c.BeginIVUpdate(now); err != nil {
			t.Fatal(err)
		}
	})
	reach("at once", here, border)
	pass(t, w, 2*time.Minute)
	if got := counts(w); got[node.IVIndexChanged{IVIndex: 1, Update: true}] != cut*rows || got[node.IVIndexChanged{}] != cut*rows {
		t.Fatalf("two minutes later: %v", got)
	}
	// While the update is in progress, the parts meet for less time than a
	// beacon needs: they still understand each other.
	apart := w.Apart
	w.Apart = nil
	reach("the parts are one step apart", here, there)
	reach("and the other way", there, here)
	w.Apart = apart
	stragglers := counts(w)[node.IVIndexChanged{}]
	if stragglers == 0 {
		t.Fatal("the far part has followed already, so the rest tests nothing")
	}
	pass(t, w, 97*hour)
	got := counts(w)
	if got[node.IVIndexChanged{IVIndex: 1}] < cut*rows || got[node.IVIndexChanged{}] == 0 {
		t.Fatalf("97 hours later: %v", got)
	}
	reach("after the update", here, border)
	reach("in the part that is cut off", there, cut)
	w.Apart = nil
	run(t, w, 5*time.Minute, func() bool { return all(w, 1, false) })
	reach("healed", here, there)
	reach("reconnected, the other way", there, here)
	t.Logf("%d PDUs, %d advertising events", w.Audit.PDUs, w.Events())
}

// A network with so much traffic that its first node reaches the end of its
// sequence numbers: it starts the update itself, stops sending when it has used
// them up, and sends again when the update is over. Other nodes are not
// disturbed, and no number is used twice, which the audit checks.
func TestIVUpdateBySequenceNumbers(t *testing.T) {
	const left = 0x100
	w := world(t, sim.Options{Seed: 1, Neighbours: sim.Line(3), TTL: ttl})
	w.Audit.SetIVIndex(1)
	first := w.Stations[0]
	if err := first.Store.Apply(store.Change{
		Table: node.TableNode, Key: reserveKey, Value: binary.BigEndian.AppendUint64(nil, 0x1000000-left),
	}); err != nil {
		t.Fatal(err)
	}
	if err := first.Restart(); err != nil {
		t.Fatal(err)
	}
	if got := first.Core.SequenceLeft(); got != left {
		t.Fatalf("%d numbers left, want %d", got, left)
	}
	// Not before 96 hours, however urgent it is.
	pass(t, w, 95*hour)
	if !all(w, 0, false) {
		t.Fatalf("after 95 hours: %v", counts(w))
	}
	run(t, w, 2*hour, func() bool { return all(w, 1, true) })
	began := w.Elapsed()
	// A restart in the middle.
	if err := first.Restart(); err != nil {
		t.Fatal(err)
	}
	sent := 0
	var err error
	for err == nil {
		err = reaches(t, w, 0, 2)
		sent++
		pass(t, w, time.Second)
	}
	if sent < left/20 || !errors.Is(err, node.ErrSequenceExhausted) || first.Core.SequenceLeft() != 0 {
		t.Errorf("after %d messages: %v, %d numbers left", sent, err, first.Core.SequenceLeft())
	}
	if err := reaches(t, w, 1, 2); err != nil {
		t.Errorf("between others: %v", err)
	}
	run(t, w, 97*hour, func() bool { return all(w, 1, false) })
	if took := w.Elapsed() - began; took < 96*hour || took > 144*hour {
		t.Errorf("the update took %s", took)
	}
	for range 20 {
		if err := reaches(t, w, 0, 2); err != nil {
			t.Errorf("after the update: %v", err)
		}
		pass(t, w, time.Second)
		if err := first.Restart(); err != nil {
			t.Fatal(err)
		}
	}
}
