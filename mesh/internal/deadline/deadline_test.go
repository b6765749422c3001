package deadline_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
)

func TestDeadlines(t *testing.T) {
	none, early := time.Time{}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	late := early.Add(time.Nanosecond)
	for _, c := range []struct {
		a, b, earliest, latest time.Time
	}{
		{none, none, none, none},
		{none, early, early, early},
		{early, late, early, late},
		{early, early, early, early},
	} {
		for _, pair := range [][2]time.Time{{c.a, c.b}, {c.b, c.a}} {
			if got := deadline.Earliest(pair[0], pair[1]); !got.Equal(c.earliest) {
				t.Errorf("earliest of %v: %v, want %v", pair, got, c.earliest)
			}
			if got := deadline.Latest(pair[0], pair[1]); !got.Equal(c.latest) {
				t.Errorf("latest of %v: %v, want %v", pair, got, c.latest)
			}
		}
	}
	for _, c := range []struct {
		deadline, now time.Time
		due           bool
	}{
		{none, early, false}, {late, early, false}, {early, early, true}, {early, late, true},
	} {
		if got := deadline.Due(c.deadline, c.now); got != c.due {
			t.Errorf("%v at %v is due: %v, want %v", c.deadline, c.now, got, c.due)
		}
	}
}
