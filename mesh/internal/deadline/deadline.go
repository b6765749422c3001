// Package deadline compares the deadlines of state machines that have no clock
// of their own: a time at which something is to be done, or the zero time for
// never.
package deadline

import "time"

// Earliest returns the earlier of two deadlines.
func Earliest(a, b time.Time) time.Time {
	switch {
	case a.IsZero():
		return b
	case b.IsZero() || a.Before(b):
		return a
	default:
		return b
	}
}

// Due reports whether a deadline is set and has come.
func Due(deadline, now time.Time) bool { return !deadline.IsZero() && !deadline.After(now) }
