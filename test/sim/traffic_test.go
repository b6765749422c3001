package sim_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seeds are the seeds that a scenario runs with: always the same few, or the
// one in the environment, which a failure prints.
func seeds(t *testing.T, n uint64) []uint64 {
	t.Helper()
	if text := os.Getenv("SIM_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("SIM_SEED: %v", err)
		}
		return []uint64{seed}
	}
	all := make([]uint64, n)
	for i := range all {
		all[i] = uint64(i) + 1
	}
	return all
}

// each runs a scenario with several seeds.
func each(t *testing.T, n uint64, scenario func(t *testing.T, seed uint64)) {
	for _, seed := range seeds(t, n) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { scenario(t, seed) })
	}
}

// world makes a world; the test fails if that fails.
func world(t *testing.T, o sim.Options) *sim.World {
	t.Helper()
	w, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// figures are the results of a series of requests.
type figures struct {
	rtt      []time.Duration
	attempts []int
	failed   []error
	arrived  int // messages that arrived, if nobody answers
}

func (f *figures) add(d node.RequestDone) {
	if d.Err != nil {
		f.failed = append(f.failed, d.Err)
		return
	}
	f.rtt = append(f.rtt, d.Response.RTT)
	f.attempts = append(f.attempts, d.Response.Attempts)
}

// String formats the figures on one line.
func (f *figures) String() string {
	if len(f.rtt) == 0 {
		return fmt.Sprintf("none answered, %d failed", len(f.failed))
	}
	slices.Sort(f.rtt)
	slices.Sort(f.attempts)
	n := len(f.rtt)
	at := func(percent int) int { return min(n-1, n*percent/100) }
	var sum time.Duration
	attempts := 0
	for i := range n {
		sum += f.rtt[i]
		attempts += f.attempts[i]
	}
	ms := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	return fmt.Sprintf("%d answered, %d failed; rtt mean %s, median %s, 90 %% %s, 99 %% %s, most %s; attempts mean %.2f, 90 %% %d, 99 %% %d, most %d",
		n, len(f.failed), ms(sum/time.Duration(n)), ms(f.rtt[at(50)]), ms(f.rtt[at(90)]), ms(f.rtt[at(99)]), ms(f.rtt[n-1]),
		float64(attempts)/float64(n), f.attempts[at(90)], f.attempts[at(99)], f.attempts[n-1])
}

// switchMany sends n acknowledged Sets from one station to another, one after
// the other, and checks after each that the plug has the requested state and
// reported it.
func switchMany(t *testing.T, w *sim.World, from, to, n int) *figures {
	t.Helper()
	f := &figures{}
	plug := w.Stations[to].Plug
	for i := range n {
		want := i%2 == 0
		request, err := sim.Switch(sim.Address(to), want, uint8(i))
		if err != nil {
			t.Fatal(err)
		}
		over := false
		if err := w.Stations[from].Request(request, func(d node.RequestDone) {
			over = true
			f.add(d)
			if d.Err != nil {
				return
			}
			if on, err := sim.IsOn(d.Response.Params); err != nil || on != want || plug.IsOn(w.Now()) != want {
				t.Errorf("set %d to %t: the plug is %t and reported %t, %v", i, want, plug.IsOn(w.Now()), on, err)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if err := w.Run(2*time.Minute, func() bool { return over }); err != nil {
			t.Fatal(err)
		}
		// In practice nobody presses a switch within a millisecond after the
		// answer, while the neighbour that relayed it cannot receive.
		if err := w.Pass(pause); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// pause is the time between an answer and the next request of a series.
const pause = 40 * time.Millisecond

// overflows counts the PDUs that the radios refused.
func overflows(w *sim.World) (full uint64) {
	for _, s := range w.Stations {
		full += s.Full()
	}
	return full
}

func report(t *testing.T, w *sim.World, f *figures) {
	t.Helper()
	t.Logf("%s in the mesh: %s; %d PDUs originated, %d advertising events, %d PDUs without room",
		w.Elapsed().Round(time.Millisecond), f, w.Audit.PDUs, w.Events(), overflows(w))
}

// ttl is enough for all networks here.
const ttl mesh.TTL = 30
