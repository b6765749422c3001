package writer

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// What is to happen after a write does not overtake what is to happen after an earlier
// one, also when the store has it and the loop has not heard of that yet.
func TestAfterKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		defer func() { w.stop(); <-w.ended }()
		var got []int
		w.save(t, "a", "1")
		w.After(func() { got = append(got, 1) })
		w.Flush()
		time.Sleep(time.Second)
		synctest.Wait() // written; what the writer has posted is not run yet
		w.After(func() { got = append(got, 2) })
		w.turn(time.Second)
		w.turn(time.Second)
		if !slices.Equal(got, []int{1, 2}) {
			t.Errorf("got %v, expected 1 before 2", got)
		}
	})
}
