package building_test

import (
	"os"
	"strconv"
	"strings"
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

// seed is MESH_TEST_SEED, or 1.
func seed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("MESH_TEST_SEED")
	if text == "" {
		return 1
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("MESH_TEST_SEED: expected a number, got %q", text)
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
// MESH_TEST_LAMPS and MESH_TEST_SEED try others.
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
				building.Run(t, building.Options{Seed: seed(t), Air: air.air, Devices: n}, func(t *testing.T, b *building.Building) {
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

// What the interview of a lamp costs, and what its lists do: bounds with a little room.
// MESH_TEST_LAMPS sets how many lamps there are; the bounds hold for any number.
func TestProvisioningIsLean(t *testing.T) {
	n := devices(t, 12)
	building.Run(t, building.Options{Seed: 3, Air: sim.Air{HalfDuplex: true, Loss: 0.05}, Devices: n}, func(t *testing.T, b *building.Building) {
		b.Pass(2 * time.Second)
		steps := b.Watch("bridge/event")
		before := b.Antenna.Traffic()
		for _, err := range b.Provision(t.Context(), numbers(n), true) {
			t.Error(err)
		}
		traffic := b.Antenna.Traffic()
		b.Pass(time.Minute)
		interview := float64(traffic.Own-before.Own) / float64(n)
		messages, lists := b.Published("bridge/devices")
		_, all := b.Published("bridge/")
		t.Logf("%d lamps: %.1f PDUs of each interview, bridge/devices published %d times with %d octets, %d octets on bridge topics",
			n, interview, messages, lists, all)
		// The composition and its acknowledgments, the AppKey in 2 segments, bindings and
		// the publication in 10, the state; and what was lost.
		if most := 26.0; interview > most {
			t.Errorf("%.1f PDUs in each interview, expected %.0f at most", interview, most)
		}
		if most := 8 * n; len(steps) > most*n {
			t.Errorf("%d events, expected %d at most", len(steps), most)
		}
		if most := 5000 * n; all > most+15000 {
			t.Errorf("%d octets on bridge topics, expected %d at most", all, most)
		}
		if messages > 8 {
			t.Errorf("bridge/devices was published %d times", messages)
		}
		listed := b.Retained("bridge/devices")
		if got := strings.Count(listed, `"interview_state":"successful"`); got != n {
			t.Errorf("%d of %d lamps are listed as interviewed a minute later", got, n)
		}
		b.Pass(10 * time.Minute)
		if again, _ := b.Published("bridge/devices"); again != messages {
			t.Errorf("a list without changes was published %d times", again-messages)
		}
	})
}

// A change of a lamp is published once, by the model that reports all of it, and the
// bridge hears of every change, whichever model was told.
func TestOneStatusPerChange(t *testing.T) {
	heard := map[string]uint64{}
	for _, publications := range []string{"needed", "all"} {
		building.Run(t, building.Options{Seed: 1, Devices: 1}, func(t *testing.T, b *building.Building) {
			b.Pass(2 * time.Second)
			for _, err := range b.Provision(t.Context(), numbers(1), false) {
				t.Fatal(err)
			}
			request := func(what, payload string) {
				t.Helper()
				if _, err := b.Request(t.Context(), what, payload); err != nil {
					t.Fatal(err)
				}
			}
			request("device/interview", `{"id":"lamp0","publications":"`+publications+`"}`)
			b.Pass(30 * time.Second)
			before := b.Antenna.Traffic().Heard
			for _, change := range []struct{ message, want string }{
				// None of these is answered: what the bridge knows it knows from a publication.
				{`"element":0,"message":"Generic OnOff Set Unacknowledged","fields":{"onoff":true,"tid":1}`, `"state":"ON"`},
				{`"element":0,"message":"Generic Level Set Unacknowledged","fields":{"level":0,"tid":2}`, `"brightness":128`},
				{`"element":0,"message":"Light Lightness Set Unacknowledged","fields":{"lightness":13107,"tid":3}`, `"brightness":51`},
				{`"element":1,"message":"Light CTL Temperature Set Unacknowledged","fields":{"ctl_temperature":3000,"ctl_delta_uv":0,"tid":4}`, `"color_temp":3000`},
				{`"element":0,"message":"Generic OnOff Set Unacknowledged","fields":{"onoff":false,"tid":5}`, `"state":"OFF"`},
			} {
				request("mesh/send", `{"dst":"lamp0",`+change.message+`}`)
				b.Pass(3 * time.Second)
				if got := b.Retained("lamp0"); !strings.Contains(got, change.want) {
					t.Errorf("%s, after %s: the state is %s, expected %s", publications, change.message, got, change.want)
				}
			}
			heard[publications] = b.Antenna.Traffic().Heard - before
		})
	}
	t.Logf("transmissions of the lamp for five changes: %v", heard)
	if heard["all"] < 3*heard["needed"] {
		t.Error("expected a third of the transmissions at most")
	}
}
