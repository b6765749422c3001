package publish

import (
	"maps"
	"slices"
	"time"
)

const (
	// throttlePeriod is the time in which warnings of one kind are counted.
	throttlePeriod = time.Minute
	// throttleMost is how many of them are written in that time.
	throttleMost = 20
)

// throttle bounds the warnings of each kind, so that a flood of wrong requests does
// not hide everything else. What it holds back is counted and summed up.
type throttle struct {
	kinds map[string]*flood
}

// flood is the warnings of one kind.
type flood struct {
	since   time.Time
	written int
	held    int
	last    string // text of the last one that was held back
}

// allow reports whether a warning is to be written. The number of kinds must be
// bounded.
func (t *throttle) allow(kind, text string, now time.Time) bool {
	f := t.kinds[kind]
	if f == nil {
		if t.kinds == nil {
			t.kinds = map[string]*flood{}
		}
		f = &flood{since: now}
		t.kinds[kind] = f
	}
	if f.written < throttleMost {
		f.written++
		return true
	}
	f.held++
	f.last = text
	return false
}

// end takes out the kinds whose time is over and returns those of which something
// was held back, in a fixed order.
func (t *throttle) end(now time.Time) []*flood {
	var ended []*flood
	for _, kind := range slices.Sorted(maps.Keys(t.kinds)) {
		f := t.kinds[kind]
		if now.Sub(f.since) < throttlePeriod {
			continue
		}
		delete(t.kinds, kind)
		if f.held > 0 {
			ended = append(ended, f)
		}
	}
	return ended
}
