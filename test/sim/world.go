package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"
)

// Air is what happens to an advertising event between two neighbours. The zero
// value is a perfect medium.
type Air struct {
	Loss      float64       // probability from 0 to 1 that an event is not heard
	Duplicate float64       // probability from 0 to 1 that it is heard twice
	Jitter    time.Duration // largest delay, uniformly distributed; it changes the order
	// HalfDuplex makes a radio deaf while it transmits.
	HalfDuplex bool
	// Collisions makes two events that overlap at a listener unreadable. This
	// is worse than real radio, which has three advertising channels.
	Collisions bool
}

// World is the simulated time and medium. It belongs to one goroutine.
type World struct {
	Air      Air
	Audit    *Audit     // nil where the stations are unprovisioned at first
	Stations []*Station // by number, from 0
	// Apart reports whether two neighbouring stations cannot hear each other at
	// present; nil for never.
	Apart func(a, b int) bool

	seed   uint64
	random *rand.Rand
	start  time.Time
	now    time.Duration
	agenda agenda
	order  uint64
	events uint64 // advertising events so far
}

// newWorld makes a world without stations.
func newWorld(seed uint64, air Air) *World {
	return &World{
		Air:    air,
		Audit:  NewAudit(),
		seed:   seed,
		random: rand.New(rand.NewPCG(seed, 0x6d657368)),
		start:  time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

// Now is the current time in the world.
func (w *World) Now() time.Time { return w.start.Add(w.now) }

// Elapsed is the time since the world was made.
func (w *World) Elapsed() time.Duration { return w.now }

// Events is the number of advertising events so far.
func (w *World) Events() uint64 { return w.events }

// After schedules a function.
func (w *World) After(d time.Duration, f func()) { w.at(w.now+max(d, 0), f) }

func (w *World) at(moment time.Duration, f func()) {
	w.order++
	heap.Push(&w.agenda, item{max(moment, w.now), w.order, f})
}

// Run lets time pass until done returns true. It fails if that takes longer
// than limit, or if the Audit has found something.
func (w *World) Run(limit time.Duration, done func() bool) error {
	end := w.now + limit
	for !done() {
		if err := w.audited(); err != nil {
			return err
		}
		if len(w.agenda) == 0 || w.agenda[0].at > end {
			w.now = end
			return fmt.Errorf("sim: seed %d: not done after %s", w.seed, limit)
		}
		w.step()
	}
	return w.audited()
}

// step does what comes next.
func (w *World) step() {
	next := heap.Pop(&w.agenda).(item)
	w.now = next.at
	next.do()
}

// audited returns what the Audit has found.
func (w *World) audited() error {
	if w.Audit == nil {
		return nil
	}
	if err := w.Audit.Err(); err != nil {
		return fmt.Errorf("sim: seed %d, after %s: %w", w.seed, w.now, err)
	}
	return nil
}

// Pass lets time pass.
func (w *World) Pass(d time.Duration) error {
	over := false
	w.After(d, func() { over = true })
	return w.Run(d, func() bool { return over })
}

// chance is true with probability p.
func (w *World) chance(p float64) bool { return p > 0 && w.random.Float64() < p }

// upTo is a random duration below d.
func (w *World) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(w.random.Int64N(int64(d)))
}

// item is a scheduled function. Items at the same time run in the order in
// which they were scheduled.
type item struct {
	at    time.Duration
	order uint64
	do    func()
}

type agenda []item

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].order < a[j].order
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(item)) }
func (a *agenda) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	(*a)[last] = item{}
	*a = (*a)[:last]
	return x
}
