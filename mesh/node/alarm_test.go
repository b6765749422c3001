package node

import (
	"testing"
	"testing/synctest"
	"time"
)

// The alarm rings at the deadline or before, never after it, whatever was set in
// between.
func TestAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		after := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
		a := newAlarm()
		defer a.stop()
		ring := func(want int) {
			t.Helper()
			<-a.c()
			a.rang()
			if got := time.Now(); !got.Equal(after(want)) {
				t.Fatalf("rang after %v, want %v", got.Sub(start), time.Duration(want)*time.Second)
			}
		}
		ring(0) // at once, for the first tick
		a.set(after(10))
		a.set(after(20)) // does not move it
		ring(10)
		a.set(after(20))
		a.set(after(15)) // does
		ring(15)
		a.set(after(20))
		a.set(time.Time{})
		ring(20) // too early is harmless
		a.set(after(1))
		ring(20) // a deadline in the past rings at once
		a.set(time.Time{})
		select {
		case <-a.c():
			t.Fatal("rang without a deadline")
		case <-time.After(time.Hour):
		}
	})
}
