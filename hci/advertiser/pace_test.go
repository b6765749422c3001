package advertiser

import (
	"fmt"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// The pace that the bearer announces is what the controller achieves: the last
// of many PDUs of a lane goes out when all before it have had their airtime.
func TestPace(t *testing.T) {
	for name, options := range map[string]virtual.Options{
		"extended": {}, "legacy": {Legacy: true}, "exclusive": {Exclusive: true}, "exclusive legacy": {Exclusive: true, Legacy: true},
	} {
		inRoom(t, func(t *testing.T, r *room) {
			options.Address = virtual.MakeAddress(1)
			a := r.radio(options, Config{})
			time.Sleep(500 * time.Millisecond)
			a.send(t, pdu(bearer.OwnLane(5), "first", 1, 20*time.Millisecond)) // the controller shows whether it is exclusive
			time.Sleep(500 * time.Millisecond)
			transmit := bearer.Transmit{Count: 3, Interval: 20 * time.Millisecond}
			const n = 20
			for i := range n {
				if err := a.Send(bearer.NewOutgoing(bearer.Message, bearer.OwnLane(5), transmit, fmt.Appendf(nil, "pdu %02d", i))); err != nil {
					t.Fatal(err)
				}
			}
			airtime := a.Pace().Airtime(transmit)
			time.Sleep(time.Minute)
			r.mu.Lock()
			defer r.mu.Unlock()
			var last time.Duration
			for _, e := range r.log {
				if e.pdu == fmt.Sprintf("pdu %02d", n-1) {
					last = e.at - time.Second // time on the air's clock when the test began
					break
				}
			}
			if want := (n - 1) * airtime; last < want*8/10 || last > want*11/10 {
				t.Errorf("%s: the last began after %s, expected about %s", name, last, want)
			}
		})
	}
}

// How many PDUs a second a controller with four advertising sets sends, in fake time:
// to one node, where they go one after the other, and to many.
func TestRate(t *testing.T) {
	for _, count := range []int{2, 3} {
		for _, nodes := range []int{1, 8} {
			inRoom(t, func(t *testing.T, r *room) {
				a := r.radio(virtual.Options{Address: virtual.MakeAddress(1)}, Config{Queue: 2048})
				time.Sleep(time.Second)
				transmit := bearer.Transmit{Count: count, Interval: 20 * time.Millisecond}
				for i := range 1500 {
					lane := bearer.OwnLane(uint16(1 + i%nodes))
					if err := a.Send(bearer.NewOutgoing(bearer.Message, lane, transmit, fmt.Appendf(nil, "pdu %04d", i))); err != nil {
						t.Fatal(err)
					}
				}
				const seconds = 10
				time.Sleep(seconds * time.Second)
				rate := float64(a.Stats().Sent) / seconds
				t.Logf("%d transmissions, %d nodes: %.1f PDUs a second", count, nodes, rate)
				if wanted := map[int]float64{3: 60, 2: 100}[count]; nodes > 1 && rate < wanted {
					t.Errorf("%d transmissions to %d nodes: %.1f PDUs a second, expected %.0f", count, nodes, rate, wanted)
				}
			})
		}
	}
}
