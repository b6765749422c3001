package node

import "time"

// alarm is the timer of the next deadline. A deadline that moves away leaves it as it
// is: an input usually moves the deadline, a tick too early finds nothing to do, and
// setting the timer costs more than either.
type alarm struct {
	timer *time.Timer
	at    time.Time // when it rings; zero when it does not
}

// newAlarm rings at once.
func newAlarm() *alarm { return &alarm{timer: time.NewTimer(0), at: time.Now()} }

func (a *alarm) c() <-chan time.Time { return a.timer.C }

// rang takes note that the channel was read.
func (a *alarm) rang() { a.at = time.Time{} }

// set makes it ring at a deadline, or before; zero for none.
func (a *alarm) set(deadline time.Time) {
	if deadline.IsZero() || !a.at.IsZero() && !deadline.Before(a.at) {
		return
	}
	a.at = deadline
	a.timer.Reset(time.Until(deadline))
}

func (a *alarm) stop() { a.timer.Stop() }
