package sim_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// The longest access message, 32 segments, from either end of a line of five to
// the other at the same time, with 10 % loss on each link.
func TestLongestMessage(t *testing.T) {
	each(t, 10, func(t *testing.T, seed uint64) {
		const n, octets = 5, 380
		w := world(t, sim.Options{
			Seed:       seed,
			Air:        sim.Air{Loss: 0.1, HalfDuplex: true},
			Neighbours: sim.Line(n),
			TTL:        ttl,
			Monitor:    true,
		})
		f := &figures{}
		for _, from := range []int{0, n - 1} {
			to := n - 1 - from
			// A vendor message that no model handles: the monitor sees it.
			payload := append([]byte{0xC1, 0xFF, 0xFF}, bytes.Repeat([]byte{byte(from)}, octets-3)...)
			w.Stations[to].Report = func(e node.Event) {
				if m, ok := e.(node.MessageReceived); ok && m.Src == sim.Address(from) {
					if !bytes.Equal(m.Params, payload[3:]) {
						t.Errorf("%d received another message: % x", to, m.Params)
					}
					f.arrived++
				}
			}
			if err := w.Stations[from].Request(node.Request{Dst: sim.Address(to), TTL: mesh.DefaultTTL, Payload: payload}, f.add); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Run(2*time.Minute, func() bool { return len(f.rtt)+len(f.failed) == 2 }); err != nil {
			t.Fatal(err)
		}
		report(t, w, f)
		if len(f.failed) > 0 {
			t.Errorf("%d failed, first: %v", len(f.failed), f.failed[0])
		}
		if err := w.Pass(time.Minute); err != nil {
			t.Error(err)
		}
		// A sender that never learns of the arrival sends the message again.
		sent := 0
		for _, n := range f.attempts {
			sent += n
		}
		if f.arrived < 2 || f.arrived > sent {
			t.Errorf("%d messages arrived, %d were sent", f.arrived, sent)
		}
	})
}
