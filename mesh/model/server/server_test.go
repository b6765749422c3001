package server_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestFade(t *testing.T) {
	var f server.Fade
	f.Jump(100)
	if f.Start(start, 100, server.Timing{Duration: time.Second}) {
		t.Error("a change to the same value reports a change")
	}
	if !f.Start(start, 200, server.Timing{Delay: time.Second, Duration: 2 * time.Second}) {
		t.Fatal("a change is not reported")
	}
	for _, step := range []struct {
		at        time.Duration
		value     int
		remaining time.Duration
		deadline  time.Duration
		moving    bool
		changed   bool
	}{
		{0, 100, 3 * time.Second, time.Second, false, false},
		{500 * time.Millisecond, 100, 2500 * time.Millisecond, time.Second, false, false},
		{time.Second, 100, 2 * time.Second, 3 * time.Second, true, true},
		{2 * time.Second, 150, time.Second, 3 * time.Second, true, false},
		{3 * time.Second, 200, 0, 0, false, true},
		{4 * time.Second, 200, 0, 0, false, false},
	} {
		now := start.Add(step.at)
		if changed := f.Advance(now); changed != step.changed {
			t.Errorf("at %s: advance returned %t, want %t", step.at, changed, step.changed)
		}
		if got := f.At(now); got != step.value {
			t.Errorf("at %s: %d, want %d", step.at, got, step.value)
		}
		if got := f.Remaining(now); got != step.remaining {
			t.Errorf("at %s: %s remaining, want %s", step.at, got, step.remaining)
		}
		if f.IsMoving() != step.moving {
			t.Errorf("at %s: moving %t", step.at, f.IsMoving())
		}
		want := start.Add(step.deadline)
		if step.deadline == 0 {
			want = time.Time{}
		}
		if got := f.Deadline(); !got.Equal(want) {
			t.Errorf("at %s: deadline %s, want %s", step.at, got, want)
		}
	}
}

func TestFadeIsInterrupted(t *testing.T) {
	var f server.Fade
	f.Start(start, 1000, server.Timing{Duration: 10 * time.Second})
	half := start.Add(5 * time.Second)
	if !f.Start(half, 0, server.Timing{Duration: 10 * time.Second}) {
		t.Error("a reversal is not reported")
	}
	if got := f.At(half.Add(5 * time.Second)); got != 250 {
		t.Errorf("half way back: %d, want 250", got)
	}
	if !f.Stop(half.Add(5*time.Second)) || f.Target() != 250 || !f.Deadline().IsZero() {
		t.Errorf("stopped at %d", f.Target())
	}
	if f.Stop(half) {
		t.Error("stopping a constant value reports a change")
	}
}

func TestFadeStaysBetweenItsEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f server.Fade
		from := rapid.IntRange(-65535, 2*65535).Draw(t, "from")
		to := rapid.IntRange(-65535, 2*65535).Draw(t, "to")
		f.Jump(from)
		delay := time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "delay"))
		duration := time.Duration(rapid.Int64Range(0, int64(12*time.Hour)).Draw(t, "duration"))
		f.Start(start, to, server.Timing{Delay: delay, Duration: duration})
		last := from
		for range 20 {
			at := time.Duration(rapid.Int64Range(0, int64(delay+duration)+1).Draw(t, "at"))
			v := f.At(start.Add(at))
			if v < min(from, to) || v > max(from, to) {
				t.Fatalf("after %s: %d is not between %d and %d", at, v, from, to)
			}
		}
		for left := range 100 {
			v := f.At(start.Add(delay + duration*time.Duration(left)/100))
			if from < to && v < last || from > to && v > last {
				t.Fatalf("goes back from %d to %d", last, v)
			}
			last = v
		}
		if end := f.At(start.Add(delay + duration)); end != to {
			t.Fatalf("ends at %d, want %d", end, to)
		}
	})
}

func TestTransactions(t *testing.T) {
	const a, b, one, group mesh.Address = 0x10, 0x20, 0x01, 0xC000
	var seen server.Transactions
	for i, step := range []struct {
		at       time.Duration
		src, dst mesh.Address
		tid      uint8
		want     bool
	}{
		{0, a, one, 7, false},
		{time.Second, a, one, 7, true},
		{2 * time.Second, a, group, 7, false},      // another destination
		{3 * time.Second, b, one, 7, false},        // another source
		{4 * time.Second, a, one, 7, true},         // others in between do not matter
		{9999 * time.Millisecond, a, one, 7, true}, // six seconds from the last, not from the first
		{15999 * time.Millisecond, a, one, 7, false},
		{16 * time.Second, a, one, 8, false},
		{16 * time.Second, a, one, 7, false}, // only the last one counts
	} {
		if got := seen.Repeated(start.Add(step.at), step.src, step.dst, step.tid); got != step.want {
			t.Errorf("step %d: repeated %t, want %t", i, got, step.want)
		}
	}
}

func TestTransactionsOfManySources(t *testing.T) {
	var seen server.Transactions
	for src := range mesh.Address(1000) {
		seen.Repeated(start.Add(time.Duration(src)), src+1, 1, 5)
	}
	if !seen.Repeated(start.Add(time.Second), 1000, 1, 5) {
		t.Error("the last source was forgotten")
	}
	if seen.Repeated(start.Add(time.Second), 1, 1, 5) {
		t.Error("the first of a thousand sources was not forgotten: memory is not bounded")
	}
}
