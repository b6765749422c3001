package lanes

import (
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"pgregory.net/rapid"
)

func pdu(l bearer.Lane, text string) *bearer.Outgoing {
	o := bearer.NewOutgoing(bearer.Message, l, bearer.Transmit{Count: 1}, []byte(text))
	return &o
}

// entry is a PDU in the model of the queue: a list in the order of Push.
type entry struct {
	lane   bearer.Lane
	number byte
	onAir  bool
	ticket Ticket
}

// mayGo reports whether the rules of the package let entry i start.
func mayGo(all []entry, i int) bool {
	e := all[i]
	for j, before := range all {
		switch {
		case before.lane == e.lane && before.onAir:
			return false
		case j >= i:
		case before.lane == e.lane:
			return false
		case e.lane == bearer.GroupLane() && before.lane.IsOwn(), before.lane == bearer.GroupLane() && e.lane.IsOwn():
			return false
		}
	}
	return !e.onAir
}

// The queue against the model: what it pops may go, and it pops something while
// something may go. So for every receiver our messages stay in order.
func TestQueueProperties(t *testing.T) {
	all := []bearer.Lane{
		bearer.OwnLane(5), bearer.OwnLane(6), bearer.GroupLane(),
		bearer.RelayLane(1), bearer.RelayLane(2), bearer.LinkLane(1), bearer.BeaconLane(), 1 << 40,
	}
	rapid.Check(t, func(t *rapid.T) {
		perKind := rapid.IntRange(1, 6).Draw(t, "room")
		q := New(perKind)
		var queued []entry
		used := func(kind int) int {
			n := 0
			for _, e := range queued {
				if e.lane.Kind() == kind {
					n++
				}
			}
			return n
		}
		onAir := func(t *rapid.T) int {
			var busy []int
			for i, e := range queued {
				if e.onAir {
					busy = append(busy, i)
				}
			}
			if len(busy) == 0 {
				t.Skip("nothing on the air")
			}
			return rapid.SampledFrom(busy).Draw(t, "busy")
		}
		next := byte(0)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				l := rapid.SampledFrom(all).Draw(t, "lane")
				room := used(l.Kind()) < perKind
				if got := q.Push(pdu(l, string([]byte{next}))); got != room {
					t.Fatalf("Push returned %t with %d of %d", got, used(l.Kind()), perKind)
				}
				if room {
					queued = append(queued, entry{lane: l, number: next})
				}
				next++
			},
			"pop": func(t *rapid.T) {
				var could []int
				for i := range queued {
					if mayGo(queued, i) {
						could = append(could, i)
					}
				}
				if q.Waiting() != (len(could) > 0) {
					t.Fatalf("Waiting is %t, but %d may go", q.Waiting(), len(could))
				}
				ticket, ok := q.Pop()
				if !ok {
					if len(could) > 0 {
						t.Fatalf("nothing popped of %v", queued)
					}
					return
				}
				o := q.PDU(ticket)
				i := slices.IndexFunc(queued, func(e entry) bool { return e.number == o.Data[0] && e.lane == o.Lane && !e.onAir })
				if !slices.Contains(could, i) {
					t.Fatalf("popped %d of lane %d of %v", o.Data[0], o.Lane, queued)
				}
				queued[i].onAir, queued[i].ticket = true, ticket
			},
			"done": func(t *rapid.T) {
				i := onAir(t)
				q.Done(queued[i].ticket)
				queued = slices.Delete(queued, i, i+1)
			},
			"return": func(t *rapid.T) {
				i := onAir(t)
				before := q.Attempts(queued[i].ticket)
				if rapid.Bool().Draw(t, "tried") {
					q.Return(queued[i].ticket)
				} else {
					q.Unattempted(queued[i].ticket)
					before--
				}
				if got := q.Attempts(queued[i].ticket); got != before {
					t.Fatalf("%d attempts, want %d", got, before)
				}
				queued[i].onAir = false
			},
			"cancel": func(t *rapid.T) {
				l := rapid.SampledFrom(all).Draw(t, "lane")
				want := len(queued)
				queued = slices.DeleteFunc(queued, func(e entry) bool { return e.lane == l && !e.onAir })
				if want -= len(queued); q.Cancel(l) != want {
					t.Fatalf("%d were to be cancelled", want)
				}
			},
			"": func(t *rapid.T) {
				alive := map[bearer.Lane]bool{}
				for _, e := range queued {
					alive[e.lane] = true
				}
				if len(q.lanes) > len(alive) || len(q.spare) > len(all) {
					t.Fatalf("%d lanes kept, %d spare, %d alive", len(q.lanes), len(q.spare), len(alive))
				}
			},
		})
	})
}

// Kinds alternate, and so do the lanes of one kind.
func TestQueueTakesTurns(t *testing.T) {
	q := New(10)
	o, r1, r2 := bearer.OwnLane(5), bearer.RelayLane(1), bearer.RelayLane(2)
	for i := range 3 {
		for _, l := range []bearer.Lane{r1, r2, o} {
			q.Push(pdu(l, string(rune('a'+i))))
		}
	}
	var got []bearer.Lane
	for t, ok := q.Pop(); ok; t, ok = q.Pop() {
		got = append(got, q.PDU(t).Lane)
		q.Done(t)
	}
	if want := []bearer.Lane{o, r1, o, r2, o, r1, r2, r1, r2}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// Messages to several nodes go at once, one to a group goes alone.
func TestGroupsKeepTheirPlace(t *testing.T) {
	q := New(10)
	for _, l := range []bearer.Lane{bearer.OwnLane(5), bearer.OwnLane(6), bearer.GroupLane(), bearer.GroupLane(), bearer.OwnLane(5), bearer.OwnLane(6)} {
		q.Push(pdu(l, "x"))
	}
	for _, want := range [][]bearer.Lane{{5, 6}, {bearer.GroupLane()}, {bearer.GroupLane()}, {5, 6}, nil} {
		var tickets []Ticket
		var got []bearer.Lane
		for t, ok := q.Pop(); ok; t, ok = q.Pop() {
			tickets, got = append(tickets, t), append(got, q.PDU(t).Lane)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("on the air together: %v, want %v", got, want)
		}
		for _, t := range tickets {
			q.Done(t)
		}
	}
}

func TestQueueAllocatesNothing(t *testing.T) {
	q := New(128)
	own, group := pdu(bearer.OwnLane(5), "x"), pdu(bearer.GroupLane(), "x")
	if n := testing.AllocsPerRun(1000, func() {
		q.Push(own)
		q.Push(group)
		for t, ok := q.Pop(); ok; t, ok = q.Pop() {
			q.Done(t)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkQueue measures a PDU's way through a queue with 32 lanes.
func BenchmarkQueue(b *testing.B) {
	for name, lane := range map[string]func(uint16) bearer.Lane{"relayed": bearer.RelayLane, "own": bearer.OwnLane} {
		b.Run(name, func(b *testing.B) {
			q := New(128)
			for i := range 32 {
				q.Push(pdu(lane(uint16(i+1)), "x"))
			}
			b.ReportAllocs()
			for b.Loop() {
				t, _ := q.Pop()
				o := *q.PDU(t)
				q.Done(t)
				q.Push(&o)
			}
		})
	}
}

// Expire frees what was there at the last one, wherever it waits, and keeps the rest in
// order.
func TestExpire(t *testing.T) {
	q := New(10)
	push := func(l bearer.Lane, text string) {
		t.Helper()
		if !q.Push(pdu(l, text)) {
			t.Fatal("no room")
		}
	}
	push(bearer.OwnLane(5), "old to 5")
	push(bearer.GroupLane(), "old to a group")
	push(bearer.RelayLane(1), "old relayed")
	if n := q.Expire(); n != 0 {
		t.Fatalf("%d were freed at once", n)
	}
	push(bearer.OwnLane(5), "new to 5")
	push(bearer.GroupLane(), "new to a group")
	push(bearer.OwnLane(6), "new to 6")
	push(bearer.RelayLane(1), "new relayed")
	if n := q.Expire(); n != 3 {
		t.Errorf("%d were freed, expected 3", n)
	}
	var own, relayed []string
	for ticket, ok := q.Pop(); ok; ticket, ok = q.Pop() {
		if out := q.PDU(ticket); out.Lane.IsOwn() {
			own = append(own, string(out.PDU()))
		} else {
			relayed = append(relayed, string(out.PDU()))
		}
		q.Done(ticket)
	}
	if want := []string{"new to 5", "new to a group", "new to 6"}; !slices.Equal(own, want) {
		t.Errorf("own messages: %q, expected %q", own, want)
	}
	if want := []string{"new relayed"}; !slices.Equal(relayed, want) {
		t.Errorf("relayed: %q, expected %q", relayed, want)
	}
	for range 10 {
		push(bearer.GroupLane(), "fills the room")
	}
	if q.Push(pdu(bearer.GroupLane(), "one more")) {
		t.Error("there is too much room")
	}
	if n := q.Expire() + q.Expire(); n != 10 || q.Waiting() {
		t.Errorf("%d were freed, expected 10 and none waiting", n)
	}
	push(bearer.OwnLane(5), "after")
	if _, ok := q.Pop(); !ok {
		t.Error("nothing is sent afterwards")
	}
}
