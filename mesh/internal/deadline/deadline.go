// Package deadline compares deadlines. The zero time means no deadline. Mesh
// Protocol 1.1.1 gives each procedure its own timers. Here a timer is a time
// that its owner stores, and the caller of the owner asks for the earliest one.
//
//	            now
//	─────────────┼──────────────▶ time
//	   Due ──────┘     Earliest of what is set: the next time to come back
package deadline

import "time"

// Due reports whether a deadline is set and has passed: now is not before it.
func Due(deadline, now time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }

// Earliest returns the earlier of two deadlines; zero if neither is set.
func Earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Latest returns the later of two times; an unset one is earlier than all
// others.
func Latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
