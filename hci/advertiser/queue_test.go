package advertiser

import (
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"pgregory.net/rapid"
)

// TestQueueProperties compares the queue with a model made of lists.
func TestQueueProperties(t *testing.T) {
	lanes := []bearer.Lane{bearer.OwnLane(), bearer.RelayLane(1), bearer.RelayLane(2), bearer.LinkLane(1), bearer.BeaconLane(), 1 << 40}
	rapid.Check(t, func(t *rapid.T) {
		perKind := rapid.IntRange(1, 5).Draw(t, "room")
		q := newQueue(perKind)
		waiting := map[bearer.Lane][]byte{} // the one octet of each PDU, in order
		air := map[bearer.Lane]int32{}
		kind := bearer.Lane.Kind
		used := func(k int) int {
			n := 0
			for _, l := range lanes {
				if kind(l) == k {
					n += len(waiting[l])
					if _, ok := air[l]; ok {
						n++
					}
				}
			}
			return n
		}
		next := byte(0)
		onAir := func(t *rapid.T) (bearer.Lane, int32) {
			var busy []bearer.Lane
			for _, l := range lanes {
				if _, ok := air[l]; ok {
					busy = append(busy, l)
				}
			}
			if len(busy) == 0 {
				t.Skip("nothing on the air")
			}
			l := rapid.SampledFrom(busy).Draw(t, "busy")
			return l, air[l]
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				l := rapid.SampledFrom(lanes).Draw(t, "lane")
				room := used(kind(l)) < perKind
				o := bearer.NewOutgoing(bearer.Message, l, bearer.Transmit{}, []byte{next})
				if got := q.push(&o); got != room {
					t.Fatalf("push returned %t with %d of %d", got, used(kind(l)), perKind)
				}
				if room {
					waiting[l] = append(waiting[l], next)
				}
				next++
			},
			"pop": func(t *rapid.T) {
				var could []bearer.Lane
				for l, w := range waiting {
					if _, busy := air[l]; len(w) > 0 && !busy {
						could = append(could, l)
					}
				}
				i := q.pop()
				if i == none {
					if len(could) > 0 {
						t.Fatalf("nothing popped, could be of %v", could)
					}
					return
				}
				o := q.nodes[i].out
				if !slices.Contains(could, o.Lane) || waiting[o.Lane][0] != o.Data[0] {
					t.Fatalf("popped %d of lane %d, waiting %v, busy %v", o.Data[0], o.Lane, waiting, air)
				}
				waiting[o.Lane] = waiting[o.Lane][1:]
				air[o.Lane] = i
			},
			"done": func(t *rapid.T) {
				l, i := onAir(t)
				q.done(i)
				delete(air, l)
			},
			"put back": func(t *rapid.T) {
				l, i := onAir(t)
				waiting[l] = slices.Insert(slices.Clone(waiting[l]), 0, q.nodes[i].out.Data[0])
				q.putBack(i)
				delete(air, l)
			},
			"cancel": func(t *rapid.T) {
				l := rapid.SampledFrom(lanes).Draw(t, "lane")
				if n := q.cancel(l); n != len(waiting[l]) {
					t.Fatalf("cancelled %d of %d", n, len(waiting[l]))
				}
				delete(waiting, l)
			},
			"": func(t *rapid.T) {
				alive := 0
				for _, l := range lanes {
					if _, busy := air[l]; busy || len(waiting[l]) > 0 {
						alive++
					}
				}
				if len(q.lanes) != alive || len(q.spare) > len(lanes) {
					t.Fatalf("%d lanes kept, %d spare, %d alive", len(q.lanes), len(q.spare), alive)
				}
			},
		})
	})
}

// TestQueueTakesTurns checks that kinds alternate, and so do the lanes of one
// kind.
func TestQueueTakesTurns(t *testing.T) {
	q := newQueue(10)
	for i := range 3 {
		for _, l := range []bearer.Lane{bearer.RelayLane(1), bearer.RelayLane(2), bearer.OwnLane()} {
			o := pdu(l, string(rune('a'+i)), 1, 0)
			q.push(&o)
		}
	}
	var got []bearer.Lane
	for i := q.pop(); i != none; i = q.pop() {
		got = append(got, q.nodes[i].out.Lane)
		q.done(i)
	}
	o, r1, r2 := bearer.OwnLane(), bearer.RelayLane(1), bearer.RelayLane(2)
	if want := []bearer.Lane{o, r1, o, r2, o, r1, r2, r1, r2}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestQueueAllocatesNothing(t *testing.T) {
	q := newQueue(DefaultQueue)
	o := pdu(bearer.RelayLane(1), "x", 3, 20*ms)
	if n := testing.AllocsPerRun(1000, func() {
		q.push(&o)
		q.done(q.pop())
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
