package advertiser

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

const ms = time.Millisecond

// TestExactTransmissions sends a PDU with the requested number of transmissions
// and interval, and the other radio receives each one.
func TestExactTransmissions(t *testing.T) {
	for _, count := range []int{0, 1, 2, 3, 8, 300} {
		inRoom(t, func(t *testing.T, r *room) {
			a, b := r.radio(virtual.Options{Address: addressA}, Config{}), r.radio(virtual.Options{Address: addressB}, Config{Adapter: 7})
			a.send(t, pdu(bearer.OwnLane(5), "hello", count, 30*ms))
			time.Sleep(20 * time.Second)
			want := min(max(count, 1), 255)
			if got := r.said(); got != fmt.Sprintf("hello*%d", want) {
				t.Errorf("count %d: %s", count, got)
			}
			events := r.events()
			for i := 1; i < len(events); i++ {
				if gap := events[i].at - events[i-1].at; gap < 30*ms || gap > 40*ms {
					t.Errorf("gap of %s", gap)
				}
			}
			if got := b.texts(); len(got) != want || got[0] != "hello" {
				t.Errorf("count %d: heard %d", count, len(got))
			}
			in := b.heard[0]
			if in.Kind != bearer.Message || in.Adapter != 7 || in.RSSI != virtual.DefaultRSSI {
				t.Errorf("heard %+v", in)
			}
			if len(a.texts()) != 0 {
				t.Error("it receives its own PDU")
			}
			if s := a.Stats(); s.Sent != 1 || s.Repeated != 0 || s.Unended != 0 {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

// TestShortestInterval checks that an interval too short for the controller is
// raised.
func TestShortestInterval(t *testing.T) {
	for legacy, shortest := range map[bool]time.Duration{false: 20 * ms, true: 100 * ms} {
		inRoom(t, func(t *testing.T, r *room) {
			a := r.radio(virtual.Options{Address: addressA, Legacy: legacy}, Config{})
			a.send(t, pdu(bearer.OwnLane(5), "x", 3, 10*ms))
			time.Sleep(time.Second)
			events := r.events()
			if len(events) < 3 {
				t.Fatalf("legacy %t: %d events, stats %+v", legacy, len(events), a.controller.Stats())
			}
			if gap := events[1].at - events[0].at; gap < shortest || gap > shortest+10*ms {
				t.Errorf("legacy %t: gap of %s", legacy, gap)
			}
		})
	}
}

// TestLaneKeepsOrder uses several lanes at once. Within each, no PDU is on the
// air before the previous one has ended.
func TestLaneKeepsOrder(t *testing.T) {
	for name, options := range map[string]virtual.Options{
		"extended":           {Address: addressA},
		"one set":            {Address: addressA, Sets: 1},
		"legacy":             {Address: addressA, Legacy: true},
		"exclusive":          {Address: addressA, Exclusive: true},
		"exclusive legacy":   {Address: addressA, Exclusive: true, Legacy: true},
		"slow, with credits": {Address: addressA, Latency: 3 * ms, Credits: 4},
	} {
		t.Run(name, func(t *testing.T) {
			inRoom(t, func(t *testing.T, r *room) {
				a := r.radio(options, Config{})
				lanes := []bearer.Lane{bearer.OwnLane(5), bearer.RelayLane(5), bearer.RelayLane(6), bearer.LinkLane(1), bearer.BeaconLane()}
				for i := range 10 {
					for l, lane := range lanes {
						a.send(t, pdu(lane, fmt.Sprintf("%d %02d", l, i), 2+i%3, time.Duration(20+10*(i%3))*ms))
					}
				}
				time.Sleep(time.Minute)
				last := map[string]string{}
				times := map[string]int{}
				for _, e := range r.events() {
					lane := e.pdu[:1]
					if e.pdu < last[lane] {
						t.Errorf("%q after %q", e.pdu, last[lane])
					}
					last[lane] = e.pdu
					times[e.pdu]++
				}
				for i := range 10 {
					for l := range lanes {
						n, want := times[fmt.Sprintf("%d %02d", l, i)], 2+i%3
						if n != want && !(options.Legacy && n == want+1) {
							t.Errorf("PDU %d of lane %d: %d events, want %d", i, l, n, want)
						}
					}
				}
				if s := a.Stats(); s.Sent != 50 || s.Repeated != 0 || a.controller.Stats().Resets != 0 {
					t.Errorf("stats %+v %+v", s, a.controller.Stats())
				}
			})
		})
	}
}

// TestLanesInParallel checks that as many sets are used as allowed, and no
// more.
func TestLanesInParallel(t *testing.T) {
	for _, test := range []struct{ has, may, want int }{{8, 0, DefaultSets}, {2, 0, 2}, {8, 6, 6}, {1, 0, 1}} {
		inRoom(t, func(t *testing.T, r *room) {
			a := r.radio(virtual.Options{Address: addressA, Sets: test.has}, Config{Sets: test.may})
			for i := range 12 {
				a.send(t, pdu(bearer.RelayLane(uint16(i)), fmt.Sprintf("%02d", i), 5, 100*ms))
			}
			time.Sleep(300 * ms)
			together := map[string]bool{}
			handles := map[uint8]bool{}
			for _, e := range r.events() {
				together[e.pdu], handles[e.handle] = true, true
			}
			if len(together) != test.want || len(handles) != test.want {
				t.Errorf("%+v: %d PDUs on %d sets at once", test, len(together), len(handles))
			}
			time.Sleep(30 * time.Second)
			if s := a.Stats(); s.Sent != 12 {
				t.Errorf("%+v: stats %+v", test, s)
			}
		})
	}
}

// TestFairness checks that the node's own message overtakes a flood of relayed
// ones.
func TestFairness(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		a := r.radio(virtual.Options{Address: addressA}, Config{})
		for i := range DefaultQueue {
			a.send(t, pdu(bearer.RelayLane(uint16(i)), fmt.Sprintf("r%d", i), 3, 20*ms))
		}
		if err := a.Send(pdu(bearer.RelayLane(9999), "too many", 3, 20*ms)); !errors.Is(err, bearer.ErrFull) {
			t.Errorf("beyond the limit: %v", err)
		}
		time.Sleep(time.Millisecond)
		a.send(t, pdu(bearer.OwnLane(5), "own", 3, 20*ms))
		time.Sleep(time.Minute)
		if wait := r.first("own") - r.first("r0"); wait > 100*ms {
			t.Errorf("waited for %s", wait)
		}
		if s := a.Stats(); s.Sent != DefaultQueue+1 || s.Full != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestSendRefuses(t *testing.T) {
	b := New(Config{Queue: 3})
	for range 3 {
		if err := b.Send(pdu(bearer.OwnLane(5), "x", 1, 20*ms)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Send(pdu(bearer.OwnLane(5), "x", 1, 20*ms)); !errors.Is(err, bearer.ErrFull) {
		t.Errorf("full: %v", err)
	}
	b.Cancel(bearer.OwnLane(5))
	if err := b.Send(pdu(bearer.OwnLane(5), "x", 1, 20*ms)); err != nil {
		t.Errorf("after Cancel: %v", err)
	}
	if err := b.Send(pdu(bearer.OwnLane(5), "", 1, 20*ms)); !errors.Is(err, ErrPDU) {
		t.Errorf("empty: %v", err)
	}
	if err := b.Send(bearer.Outgoing{Len: 30}); !errors.Is(err, ErrPDU) {
		t.Errorf("too long: %v", err)
	}
	if s := b.Stats(); s.Full != 1 || s.Cancelled != 3 {
		t.Errorf("stats %+v", s)
	}
}

// TestCancel stops the PDU on the air, drops those that wait on the lane, and
// nothing else.
func TestCancel(t *testing.T) {
	for name, options := range map[string]virtual.Options{
		"extended": {Address: addressA}, "legacy": {Address: addressA, Legacy: true}, "exclusive": {Address: addressA, Exclusive: true},
	} {
		t.Run(name, func(t *testing.T) {
			inRoom(t, func(t *testing.T, r *room) {
				a := r.radio(options, Config{})
				link := bearer.LinkLane(1)
				a.send(t, pdu(link, "a", 100, 100*ms))
				a.send(t, pdu(link, "b", 100, 100*ms))
				a.send(t, pdu(bearer.LinkLane(2), "other", 1, 20*ms))
				time.Sleep(time.Second)
				a.Cancel(link)
				a.Cancel(link)
				a.Cancel(bearer.LinkLane(3)) // an unknown lane
				synctest.Wait()
				cancelled := len(r.events())
				a.send(t, pdu(link, "c", 2, 100*ms))
				time.Sleep(time.Minute)
				said := r.said()
				if strings.Contains(said, "b*") || !strings.Contains(said, "c*") || !strings.Contains(said, "other*") {
					t.Errorf("on the air: %s", said)
				}
				for _, e := range r.events()[cancelled:] {
					if e.pdu == "a" {
						t.Error("sending continued after Cancel")
					}
				}
				if s := a.Stats(); s.Cancelled != 2 || s.Sent != 2 || a.controller.Stats().Resets != 0 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

// TestScanPausesForExclusiveControllers uses a controller that does not
// advertise while it scans. It refuses once, and receives between its
// transmissions.
func TestScanPausesForExclusiveControllers(t *testing.T) {
	for _, legacy := range []bool{false, true} {
		inRoom(t, func(t *testing.T, r *room) {
			a := r.radio(virtual.Options{Address: addressA, Exclusive: true, Legacy: legacy}, Config{})
			b := r.radio(virtual.Options{Address: addressB}, Config{})
			for i := range 40 {
				a.send(t, pdu(bearer.OwnLane(5), fmt.Sprintf("a%02d", i), 2, 20*ms))
				b.send(t, pdu(bearer.OwnLane(5), fmt.Sprintf("b%02d", i), 5, 100*ms))
			}
			time.Sleep(time.Minute)
			if s := a.Stats(); s.Sent != 40 || s.Pauses != 40 {
				t.Errorf("legacy %t: stats %+v", legacy, s)
			}
			if n := a.controller.Stats(); n.Refused != 1 || n.Resets != 0 {
				t.Errorf("legacy %t: %+v", legacy, n)
			}
			if n := len(a.texts()); n < 40 {
				t.Errorf("legacy %t: heard only %d of 200 while sending", legacy, n)
			}
			a.virtual.HardwareError(1) // the fact is remembered over a reset
			time.Sleep(time.Second)
			a.send(t, pdu(bearer.OwnLane(5), "after", 2, 20*ms))
			time.Sleep(10 * time.Second)
			if n := a.controller.Stats(); n.Refused != 1 || n.Resets != 1 {
				t.Errorf("legacy %t: %+v", legacy, n)
			}
			before := len(a.texts())
			b.send(t, pdu(bearer.OwnLane(5), "last", 3, 20*ms))
			time.Sleep(time.Second)
			if n := len(a.texts()) - before; n != 3 {
				t.Errorf("legacy %t: heard %d when idle", legacy, n)
			}
		})
	}
}

// TestFewerSetsThanClaimed uses controllers that refuse to make, or to enable,
// as many sets as they claim.
func TestFewerSetsThanClaimed(t *testing.T) {
	for name, refuse := range map[string]func(op packet.Opcode, params []byte) packet.Status{
		"making": func(op packet.Opcode, params []byte) packet.Status {
			if op == packet.OpLESetExtendedAdvertisingParameters && params[0] >= 2 {
				return packet.StatusMemoryExceeded
			}
			return packet.StatusSuccess
		},
		"enabling": func(op packet.Opcode, params []byte) packet.Status {
			if op == packet.OpLESetExtendedAdvertisingEnable && params[0] == 1 && params[2] >= 2 {
				return packet.StatusLimitReached
			}
			return packet.StatusSuccess
		},
	} {
		t.Run(name, func(t *testing.T) {
			inRoom(t, func(t *testing.T, r *room) {
				v := r.radioRefusing(virtual.Options{Address: addressA}, refuse)
				for i := range 20 {
					v.send(t, pdu(bearer.RelayLane(uint16(i)), fmt.Sprintf("%02d", i), 3, 20*ms))
				}
				time.Sleep(time.Minute)
				handles := map[uint8]bool{}
				for _, e := range r.events() {
					handles[e.handle] = true
				}
				if s := v.Stats(); s.Sent != 20 || s.Dropped != 0 || len(handles) != 2 || v.controller.Stats().Resets != 0 {
					t.Errorf("%d sets, stats %+v %+v", len(handles), s, v.controller.Stats())
				}
				if n := v.Pace().Parallel; n != 2 {
					t.Errorf("the pace is that of %d sets, expected 2", n)
				}
			})
		})
	}
}
