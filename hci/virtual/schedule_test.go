package virtual

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever is set, moved and removed, timers fire in the order of their times,
// and at the same time in the order of key and order.
func TestScheduleKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s schedule
		timers := make([]timer, 20)
		for i := range timers {
			timers[i].key, timers[i].order = uint64(i/5), uint64(i%5)
		}
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			which := &timers[rapid.IntRange(0, len(timers)-1).Draw(t, "timer")]
			if rapid.IntRange(0, 3).Draw(t, "action") == 0 {
				s.remove(which)
			} else {
				s.set(which, time.Duration(rapid.IntRange(0, 10).Draw(t, "moment")))
			}
		}
		var want []*timer
		for i := range timers {
			if timers[i].scheduled() {
				want = append(want, &timers[i])
			}
		}
		slices.SortFunc(want, func(a, b *timer) int {
			if a.before(b) {
				return -1
			}
			return 1
		})
		for _, w := range want {
			if got := s.next(); got != w {
				t.Fatalf("next at %d (%d, %d), want at %d (%d, %d)", got.at, got.key, got.order, w.at, w.key, w.order)
			}
			s.remove(w)
		}
		if s.next() != nil {
			t.Fatal("more timers than were scheduled")
		}
	})
}
