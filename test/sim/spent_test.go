package sim_test

import (
	"errors"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// reserveKey is where a node stores which sequence numbers it has not used yet:
// IV index and number, four octets each.
const reserveKey = "sequence"

// request sends one request and waits for its end.
func request(t *testing.T, w *sim.World, from int, r node.Request) error {
	t.Helper()
	var end *node.RequestDone
	if err := w.Stations[from].Request(r, func(d node.RequestDone) { end = &d }); err != nil {
		return err
	}
	if err := w.Run(5*time.Minute, func() bool { return end != nil }); err != nil {
		t.Fatal(err)
	}
	return end.Err
}

// Sixteen sequence numbers are left. When they are used up, nothing more is
// sent, and a restart does not change that; but messages of others are
// received.
func TestSequenceNumbersRunOut(t *testing.T) {
	const left = 16
	w := world(t, sim.Options{Seed: 1, Neighbours: sim.Line(2), TTL: ttl})
	if err := w.Stations[0].Store.Apply(store.Change{
		Table: node.TableNode, Key: reserveKey, Value: []byte{0, 0, 0, 0, 0x00, 0xFF, 0xFF, 0x100 - left},
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.Stations[0].Restart(); err != nil {
		t.Fatal(err)
	}
	if got := w.Stations[0].Core.SequenceLeft(); got != left {
		t.Fatalf("%d numbers are left, expected %d", got, left)
	}
	for i := range left - 6 {
		r, err := sim.Switch(sim.Address(1), i%2 == 0, uint8(i))
		if err != nil {
			t.Fatal(err)
		}
		if err := request(t, w, 0, r); err != nil {
			t.Fatalf("set %d: %v", i, err)
		}
	}
	// A message of 32 segments has six numbers left.
	long := node.Request{Dst: sim.Address(1), TTL: mesh.DefaultTTL, Payload: make([]byte, 380)}
	long.Payload[0] = 0x7E
	if err := request(t, w, 0, long); !errors.Is(err, node.ErrSequenceExhausted) {
		t.Errorf("a message longer than the remaining numbers: %v", err)
	}
	for range 3 {
		r, err := sim.Switch(sim.Address(1), true, 99)
		if err != nil {
			t.Fatal(err)
		}
		if err := request(t, w, 0, r); !errors.Is(err, node.ErrSequenceExhausted) {
			t.Errorf("with no number left: %v", err)
		}
		if got := w.Stations[0].Core.SequenceLeft(); got != 0 {
			t.Errorf("%d numbers are left", got)
		}
		// The other one is received, although the answer cannot be sent.
		plug := w.Stations[0].Plug
		want := !plug.IsOn(w.Now())
		if r, err = sim.Switch(sim.Address(0), want, 99); err != nil {
			t.Fatal(err)
		}
		if err := request(t, w, 1, r); !errors.Is(err, node.ErrNoResponse) {
			t.Errorf("a request to a node that cannot answer: %v", err)
		}
		if plug.IsOn(w.Now()) != want {
			t.Error("the plug did not receive it")
		}
		if w.Stations[0].Core.Counters().NoSequence == 0 {
			t.Error("the unsent PDU was not counted")
		}
		if err := w.Stations[0].Restart(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Audit.Err(); err != nil {
		t.Error(err)
	}
}
