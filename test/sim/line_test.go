package sim_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// Twenty nodes in a row. Each listener loses each advertising event with a
// probability of 20 %: nineteen hops there, nineteen back.
func TestCoresInLineOf20(t *testing.T) {
	each(t, 10, func(t *testing.T, seed uint64) {
		w := world(t, sim.Options{
			Seed:       seed,
			Air:        sim.Air{Loss: 0.2, HalfDuplex: true},
			Neighbours: sim.Line(20),
			TTL:        ttl,
		})
		f := switchMany(t, w, 0, 19, 100)
		report(t, w, f)
		if len(f.failed) > 0 {
			t.Errorf("%d of 100 failed, first: %v", len(f.failed), f.failed[0])
		}
	})
}

// The same with the worst air that the model allows.
func TestCoresInLineOnHostileAir(t *testing.T) {
	each(t, 5, func(t *testing.T, seed uint64) {
		w := world(t, sim.Options{
			Seed: seed,
			Air: sim.Air{
				Loss: 0.2, Duplicate: 0.2, Jitter: 30 * time.Millisecond,
				HalfDuplex: true, Collisions: true,
			},
			Neighbours: sim.Line(20),
			TTL:        ttl,
		})
		f := switchMany(t, w, 0, 19, 100)
		report(t, w, f)
		if len(f.failed) > 0 {
			t.Errorf("%d of 100 failed, first: %v", len(f.failed), f.failed[0])
		}
	})
}
