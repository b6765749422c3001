// Package deadline compares moments at which something is to be done. The zero
// time is no deadline. Mesh Protocol 1.1.1 gives each procedure its own timers;
// here a timer is a moment that its owner keeps, and whoever runs the owner asks
// for the earliest of them.
//
//	            now
//	─────────────┼──────────────▶ time
//	   Due ──────┘     Earliest of what is set: the next time to come back
package deadline

import "time"

// Due reports whether a deadline is set and has come: now is not before it.
func Due(deadline, now time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }

// Earliest is the earlier of two deadlines; zero when neither is set.
func Earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Latest is the later of two moments; one that is not set is earlier than all.
func Latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
