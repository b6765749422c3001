package sim_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// Answers wait for a random time. Still, the states in them arrive in the order
// in which they were set, and the last one received is the current one.
func TestAnswersKeepTheirOrder(t *testing.T) {
	each(t, 10, func(t *testing.T, seed uint64) {
		const sets = 40
		w := world(t, sim.Options{
			Seed: seed, Neighbours: sim.Line(2), TTL: ttl, Monitor: true,
			// One transmission, so that a Set takes less time than an answer
			// waits.
			Adjust: func(n *state.Node) { n.NetworkTransmit.Count = 0 },
		})
		heard := 0
		w.Stations[0].Report = func(e node.Event) {
			m, ok := e.(node.MessageReceived)
			if !ok || m.Opcode != generic.OpOnOffStatus {
				return
			}
			if on, err := sim.IsOn(m.Params); err != nil || on != (heard%2 == 0) {
				t.Errorf("answer %d: %t, %v", heard, on, err)
			}
			heard++
		}
		for i := range sets {
			r, err := sim.Switch(sim.Address(1), i%2 == 0, uint8(i))
			if err != nil {
				t.Fatal(err)
			}
			r.Respond = 0 // the next Set does not wait for the answer to this one
			if err := w.Stations[0].Request(r, func(node.RequestDone) {}); err != nil {
				t.Fatal(err)
			}
			if err := w.Pass(5 * time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Pass(time.Second); err != nil {
			t.Fatal(err)
		}
		if heard != sets {
			t.Errorf("%d answers to %d Sets", heard, sets)
		}
	})
}
