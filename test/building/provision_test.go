package building_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/building"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// devices is how many lamps the larger tests have: MESH_TEST_LAMPS, or a few.
func devices(t *testing.T, few int) int {
	t.Helper()
	text := os.Getenv("MESH_TEST_LAMPS")
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("MESH_TEST_LAMPS: expected a number of lamps, got %q", text)
	}
	return n
}

func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// Lamps are provisioned and configured, one after the other and all at once.
func TestProvision(t *testing.T) {
	n := devices(t, 10)
	for _, air := range []struct {
		name string
		air  sim.Air
	}{
		{"5 % loss", sim.Air{HalfDuplex: true, Loss: 0.05}},
		{"10 % loss and collisions", sim.Air{HalfDuplex: true, Loss: 0.1, Collisions: true}},
	} {
		t.Run(air.name, func(t *testing.T) {
			var took [2]time.Duration
			for i, together := range []bool{false, true} {
				if n > 50 && !together {
					continue
				}
				building.Run(t, building.Options{Seed: 1, Air: air.air, Devices: n}, func(t *testing.T, b *building.Building) {
					b.Pass(2 * time.Second)
					start := time.Now()
					before := b.Antenna.Traffic()
					for _, err := range b.Provision(t.Context(), numbers(n), together) {
						t.Error(err)
					}
					took[i] = time.Since(start)
					traffic := b.Antenna.Traffic()
					pdus := traffic.Own + traffic.Links - before.Own - before.Links
					_, lists := b.Published("bridge/")
					t.Logf("together %t: %d lamps in %s, %.1f PDUs each (%d of links), %d kB of bridge topics; %+v",
						together, n, took[i].Round(time.Millisecond), float64(pdus)/float64(n), traffic.Links-before.Links, lists/1000, traffic)
				})
			}
			if took[0] > 0 {
				t.Logf("at once in %.2f of the time", float64(took[1])/float64(took[0]))
			}
		})
	}
}
