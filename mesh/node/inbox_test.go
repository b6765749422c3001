package node

import (
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

func numbered(n int) *bearer.Incoming {
	return &bearer.Incoming{Kind: bearer.Message, Len: 4, Data: [bearer.MaxPDU]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}}
}

func number(in *bearer.Incoming) int {
	return int(in.Data[0])<<24 | int(in.Data[1])<<16 | int(in.Data[2])<<8 | int(in.Data[3])
}

// The inbox against a slice: nothing is lost, doubled or reordered while there is room,
// and a token tells of everything that waits.
func TestInbox(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newInbox()
		var want []int
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				for range rapid.IntRange(1, 2000).Draw(t, "PDUs") {
					room := len(want) < inboxMost
					if b.put(numbered(next)) != room {
						t.Fatalf("room %t with %d", room, len(want))
					}
					if room {
						want = append(want, next)
					}
					next++
				}
			},
			"take": func(t *rapid.T) {
				select {
				case <-b.wake:
				default:
					if len(want) > 0 {
						t.Fatalf("%d wait and nothing tells of them", len(want))
					}
				}
				got := b.take()
				if len(got) != min(len(want), inboxBatch) {
					t.Fatalf("took %d of %d", len(got), len(want))
				}
				for i := range got {
					if number(&got[i]) != want[i] {
						t.Fatalf("took %d, want %d", number(&got[i]), want[i])
					}
				}
				want = want[len(got):]
			},
			"clear": func(t *rapid.T) {
				if n := b.clear(); n != len(want) {
					t.Fatalf("cleared %d of %d", n, len(want))
				}
				want = nil
			},
		})
	})
}

// Ten radios bring a burst of ten thousand PDUs while nobody reads, and none is lost.
func TestBurst(t *testing.T) {
	const radios, each = 10, 1000
	b := newInbox()
	var all sync.WaitGroup
	for r := range radios {
		all.Go(func() {
			for i := range each {
				if !b.put(numbered(r*each + i)) {
					t.Errorf("radio %d: no room for PDU %d", r, i)
				}
			}
		})
	}
	all.Wait()
	seen := map[int]bool{}
	for len(seen) < radios*each {
		<-b.wake
		for _, in := range b.take() {
			seen[number(&in)] = true
		}
	}
	if len(b.ring) > inboxLeast {
		t.Errorf("the room of the burst is kept: %d", len(b.ring))
	}
}
