package server

import "time"

// Timing is when a change begins and how long it takes.
type Timing struct {
	Delay    time.Duration
	Duration time.Duration
}

// Fade is a number that changes linearly from one value to another. Its value
// is computed on request: nothing has to be woken during the change. The zero
// value is a constant 0.
type Fade struct {
	from, to   int
	begin, end time.Time
	phase      phase
}

type phase uint8

const (
	still phase = iota
	waiting
	moving
)

// Jump ends a change and sets the value.
func (f *Fade) Jump(v int) { *f = Fade{from: v, to: v} }

// Start begins a change and reports whether anything changes. A change without
// duration is done at once.
func (f *Fade) Start(now time.Time, to int, t Timing) bool {
	from := f.At(now)
	if f.phase == still && from == to {
		return false
	}
	if t.Delay <= 0 && (t.Duration <= 0 || from == to) {
		f.Jump(to)
		return true
	}
	*f = Fade{from: from, to: to, phase: waiting, begin: now.Add(t.Delay)}
	f.end = f.begin.Add(t.Duration)
	f.Advance(now)
	return true
}

// Stop ends the change at its present value and reports whether there was one.
func (f *Fade) Stop(now time.Time) bool {
	changing := f.phase != still
	f.Jump(f.At(now))
	return changing
}

// At returns the value at a time.
func (f *Fade) At(now time.Time) int {
	switch {
	case f.phase == still || !now.Before(f.end):
		return f.to
	case !now.After(f.begin):
		return f.from
	default:
		passed, whole := float64(now.Sub(f.begin)), float64(f.end.Sub(f.begin))
		return f.from + int(float64(f.to-f.from)*passed/whole)
	}
}

// From returns the value at the beginning of the change.
func (f *Fade) From() int { return f.from }

// Target returns the value at the end of the change.
func (f *Fade) Target() int { return f.to }

// IsMoving reports whether the change has begun and not ended.
func (f *Fade) IsMoving() bool { return f.phase == moving }

// Remaining returns the time until the end of the change, including its delay;
// 0 if nothing changes.
func (f *Fade) Remaining(now time.Time) time.Duration {
	if f.phase == still || !now.Before(f.end) {
		return 0
	}
	return f.end.Sub(now)
}

// Deadline is when the change begins or ends; zero if nothing changes.
func (f *Fade) Deadline() time.Time {
	switch f.phase {
	case waiting:
		return f.begin
	case moving:
		return f.end
	default:
		return time.Time{}
	}
}

// Advance notes that the change has begun or ended, and reports whether it has.
func (f *Fade) Advance(now time.Time) bool {
	before := f.phase
	if f.phase == waiting && !now.Before(f.begin) {
		f.phase = moving
	}
	if f.phase == moving && !now.Before(f.end) {
		f.Jump(f.to)
	}
	return f.phase != before
}
