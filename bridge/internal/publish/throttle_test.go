package publish

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// sink notes events.
type sink struct{ got []string }

func (s *sink) Publish(string, []byte, bool) {}
func (s *sink) Clear(string)                 {}
func (s *sink) Event(topic string, payload []byte, _ byte) {
	s.got = append(s.got, topic+" "+string(payload))
}

// Of a flood of warnings the first are published, and then a count; a warning of
// another kind is not held up by it, and the next minute begins anew.
func TestWarningsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics, err := topic.New("b")
		if err != nil {
			t.Fatal(err)
		}
		out := &sink{}
		p := New(topics, zerolog.Nop())
		p.Attach(out)
		flood := func(n int) {
			for i := range n {
				p.Warn("", "wrong: %d", i)
			}
		}
		seconds := func(n int) {
			for range n {
				time.Sleep(time.Second)
				p.Second()
			}
		}
		flood(1000)
		p.Warn("", "another %s", "one")
		if len(out.got) != throttleMost+1 || !strings.Contains(out.got[throttleMost], "another one") {
			t.Errorf("%d warnings: %q", len(out.got), out.got)
		}
		out.got = nil
		seconds(61)
		if len(out.got) != 1 || !strings.Contains(out.got[0], fmt.Sprint(1000-throttleMost, " further")) || !strings.Contains(out.got[0], "wrong: 999") {
			t.Errorf("after a minute: %q", out.got)
		}
		out.got = nil
		flood(1)
		seconds(120)
		if len(out.got) != 1 || !strings.Contains(out.got[0], "wrong: 0") {
			t.Errorf("a single one: %q", out.got)
		}
	})
}

// The bridge's own topics of another base topic are cleared, and once more after the
// next start, for a broker that was away.
func TestFormerTopicsOfTheBridge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory()
		first := start(t, s)
		first.Own([]string{"a/bridge/state", "a/bridge/info"})
		expect(t, first.turn())
		first.stop()
		for _, want := range [][]string{{"a/bridge/info-", "a/bridge/state-"}, {"a/bridge/info-", "a/bridge/state-"}, nil} {
			next := start(t, s)
			next.Own([]string{"b/bridge/state", "b/bridge/info"})
			next.ClearFormer()
			got := next.turn()
			slices.Sort(got)
			expect(t, slices.Compact(got), want...)
			next.stop()
		}
	})
}
