// Package writer puts what the bridge keeps into the store, outside the bridge's
// loop: a disk that syncs for a second delays nothing else.
//
//	loop ─ Save, Commit ─▶ changes ─ Flush ─▶ queue ─▶ goroutine ─▶ store.Apply
//	  ▲                                                   │
//	  └──────────── done, report (Post) ──────────────────┘
//
// The changes between two Flushes are applied together or not at all. Batches
// that wait are merged, and of several values of one key the last one is written.
//
// While the store fails, what was saved is tried again and again. Who waits until it is
// stored is told after a while that it is not (GiveUp), so that every request is answered.
// What is wrong with the store tells mesh/store/watch.
package writer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/watch"
)

// retryAfter is how long the writer waits before it tries again what the store
// did not take.
const retryAfter = time.Second

const (
	// patience is how long a write may take before nobody waits for it any more. The
	// store is given one write at a time, so what waits behind it may wait twice as long.
	patience = 10 * time.Second
	// patienceFailing is how long Stored waits for a store that fails.
	patienceFailing = 3 * time.Second
)

// Writer owns the bridge's side of the store. Its methods belong to the loop,
// except Run and Finish.
type Writer struct {
	store *watch.Store
	post  func(func())

	next    job       // the changes since the last Flush
	flushed uint64    // Flushes
	told    uint64    // Flushes whose outcome the loop knows
	waiting []*waiter // for an outcome, in the order of their calls

	mu      sync.Mutex
	queue   job            // what was handed over and not taken yet
	writing []store.Change // what the store was given and has not taken yet
	began   time.Time      // when it was given that; zero when it has answered
	wake    chan struct{}
	idle    chan struct{} // closed and renewed when nothing is left to try
	put     uint64        // Flushes
	taken   uint64        // Flushes that the goroutine has taken
	tried   uint64        // Flushes that the store was given
}

// job is changes that are applied together.
type job struct {
	saved     []store.Change // kept until the store takes them
	committed []store.Change // dropped when it does not
	done      []*waiter
	merged    int // changes after the last merge
}

// waiter is a function that waits for the outcome of a write. It belongs to the loop.
type waiter struct {
	f     func(err error)
	kind  kind
	since time.Time
	tried bool // the store did not take it
	over  bool // it was called
}

// kind is what a waiter waits for.
type kind int

const (
	outcome kind = iota // Commit: for the first attempt
	success             // Stored: until it is in the store
	turn                // After: for the first attempt, whatever comes of it
)

// tell calls the function once.
func (w *waiter) tell(err error) {
	if !w.over {
		w.over = true
		w.f(err)
	}
}

// add adds a later job to this one. Of many values of one key only the last one is
// kept, so a job does not grow while the store is slow.
func (j *job) add(later job) {
	j.saved = append(j.saved, later.saved...)
	j.committed = append(j.committed, later.committed...)
	j.done = append(j.done, later.done...)
	const enough = 256
	if n := len(j.saved) + len(j.committed); n > enough+2*j.merged {
		j.saved, j.committed = latest(j.saved), latest(j.committed)
		j.merged = len(j.saved) + len(j.committed)
	}
}

func (j *job) empty() bool { return len(j.saved)+len(j.committed)+len(j.done) == 0 }

// New makes a writer. post runs a function in the loop.
func New(s store.Store, post func(func())) *Writer {
	return &Writer{store: watch.Of(s), post: post, wake: make(chan struct{}, 1), idle: make(chan struct{})}
}

// Get reads a JSON value; what is not there leaves v as it is. It waits for the
// disk: call it before the loop begins, or in a worker.
func (w *Writer) Get(t store.Table, key string, v any) error {
	data, err := w.store.Get(t, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("bridge: %w", err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("bridge: what is stored in %s under %s cannot be read: %w", t, key, err)
	}
	return nil
}

// Save stores changes. When the store does not take them they are tried again
// until it does. A change outside the limits of the store is an error and is not
// tried.
func (w *Writer) Save(changes ...store.Change) error {
	if err := store.CheckChanges(changes); err != nil {
		return err
	}
	w.next.saved = append(w.next.saved, changes...)
	return nil
}

// Commit stores changes and calls done in the loop when they survive a power cut,
// or with the error when the store did not take them; they are then dropped. When the
// store was given up (GiveUp) they may be stored all the same, so after an error commit
// what is to be there instead. A key is written either by Save or by Commit, not by both.
func (w *Writer) Commit(done func(err error), changes ...store.Change) {
	if err := store.CheckChanges(changes); err != nil {
		w.post(func() { done(err) })
		return
	}
	if err := w.stuck(); err != nil {
		w.post(func() { done(err) })
		return
	}
	w.next.committed = append(w.next.committed, changes...)
	w.wait(&waiter{f: done, kind: outcome})
}

func (w *Writer) wait(waits *waiter) {
	waits.since = time.Now()
	w.next.done = append(w.next.done, waits)
	w.waiting = append(w.waiting, waits)
}

// Waiting is how many functions of Commit, Stored and After wait for the store.
func (w *Writer) Waiting() int { return len(w.waiting) }

// settled reports whether the outcome of everything is known. While that of an earlier
// Flush is not, something may wait for it that comes before.
func (w *Writer) settled() bool { return w.next.empty() && w.told == w.flushed }

// Stored calls f in the loop when everything that was given to Save so far is in the
// store, at once when nothing waits; or with what is wrong with the store when it does not take it.
func (w *Writer) Stored(f func(err error)) {
	if w.settled() {
		f(nil)
		return
	}
	if err := w.stuck(); err != nil {
		f(err)
		return
	}
	w.wait(&waiter{f: f, kind: success})
}

// After calls f in the loop once the store was given everything that was saved
// so far: at once when nothing waits.
func (w *Writer) After(f func()) {
	if w.settled() {
		f()
		return
	}
	w.wait(&waiter{f: func(error) { f() }, kind: turn})
}

// GiveUp tells what is wrong with the store to who has waited for it for too long. The
// loop calls it every second.
func (w *Writer) GiveUp() {
	if len(w.waiting) == 0 {
		return
	}
	stuck := w.stuck()
	for _, waits := range w.waiting {
		failing := waits.kind == success && waits.tried && time.Since(waits.since) >= patienceFailing
		switch {
		case waits.kind == turn:
		case stuck != nil:
			waits.tell(stuck)
		case failing:
			waits.tell(w.trouble())
		}
	}
	w.sweep()
}

// trouble is what is wrong with a store that has not taken something.
func (w *Writer) trouble() error {
	if err := w.store.Trouble(); err != nil {
		return err
	}
	return errUntaken
}

// errUntaken is for a store that does not know itself what is wrong with it.
var errUntaken = errors.New("bridge: the store has not taken the change")

// Abandon calls with err whoever waits for an outcome, for the end of the service.
func (w *Writer) Abandon(err error) {
	const rounds = 8 // who is told may wait for something else
	for range rounds {
		for _, waits := range slices.Clone(w.waiting) {
			if waits.kind != turn {
				waits.tell(err)
			}
		}
		w.sweep()
	}
}

// sweep drops who was called from those that wait.
func (w *Writer) sweep() {
	w.waiting = slices.DeleteFunc(w.waiting, func(waits *waiter) bool { return waits.over })
}

// Flush hands over what was changed since the last time, and reports whether there
// was something. The loop calls it after each batch of inputs.
func (w *Writer) Flush() bool {
	if w.next.empty() {
		return false
	}
	w.mu.Lock()
	w.queue.add(w.next)
	w.put++
	w.mu.Unlock()
	w.next = job{}
	w.flushed++
	select {
	case w.wake <- struct{}{}:
	default: // it is awake already
	}
	return true
}

// Run writes until ctx has ended and Finish was called before. What the store
// does not take by then is the error.
func (w *Writer) Run(ctx context.Context) error {
	var kept job // that the store did not take: changes, and who waits until it has
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			if err := w.apply(kept.saved); err != nil {
				return fmt.Errorf("bridge: %d changes could not be stored: %w", len(kept.saved), err)
			}
			return nil
		case <-w.wake:
		case <-again.C:
		}
		j, flushes := w.take()
		if flushes == 0 && len(kept.saved) == 0 {
			continue
		}
		saved := latest(append(kept.saved, j.saved...))
		err := w.apply(append(slices.Clone(saved), latest(j.committed)...))
		waiting := append(kept.done, j.done...)
		kept = job{}
		if err != nil && len(saved) > 0 {
			kept.saved = saved
			kept.done, waiting = split(waiting)
			again.Reset(retryAfter)
		}
		w.ended(waiting, kept.done, flushes, err)
	}
}

// split divides those that wait until it is stored from those that are told now.
func split(all []*waiter) (later, now []*waiter) {
	for _, waits := range all {
		if waits.kind == success {
			later = append(later, waits)
		} else {
			now = append(now, waits)
		}
	}
	return later, now
}

func (w *Writer) apply(changes []store.Change) error {
	if len(changes) == 0 {
		return nil
	}
	w.mu.Lock()
	w.writing, w.began = changes, time.Now()
	w.mu.Unlock()
	err := w.store.Apply(changes...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began = time.Time{}
	if err == nil {
		w.writing = nil
	}
	return err
}

// stuck is what is wrong with the store while it does not end a write.
func (w *Writer) stuck() error {
	w.mu.Lock()
	late := !w.began.IsZero() && time.Since(w.began) >= patience
	w.mu.Unlock()
	if !late {
		return nil
	}
	return w.trouble()
}

// Unwritten is how many changes of each table the store has not taken.
func (w *Writer) Unwritten() map[store.Table]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	counts := map[store.Table]int{}
	for _, c := range latest(slices.Concat(w.writing, w.queue.saved, w.queue.committed)) {
		counts[c.Table]++
	}
	return counts
}

// take takes what was handed over, and how many Flushes that was.
func (w *Writer) take() (job, uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	j := w.queue
	w.queue = job{}
	flushes := w.put - w.taken
	w.taken = w.put
	return j, flushes
}

// ended tells what came of a job to those that wait for that; others go on waiting.
func (w *Writer) ended(told, waiting []*waiter, flushes uint64, err error) {
	w.post(func() {
		for _, waits := range waiting {
			waits.tried = true
		}
		for _, waits := range told {
			if waits.kind == success {
				waits.tell(nil) // who has committed changes knows what came of them
				continue
			}
			waits.tell(err)
		}
		w.sweep()
		w.told += flushes
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tried += flushes
	if w.tried == w.put {
		close(w.idle)
		w.idle = make(chan struct{})
	}
}

// Finish returns when everything that was handed over was tried, or when ctx ends; then
// it reports false.
func (w *Writer) Finish(ctx context.Context) bool {
	w.mu.Lock()
	idle, finished := w.idle, w.tried == w.put
	w.mu.Unlock()
	if finished {
		return true
	}
	select {
	case <-idle:
		return true
	case <-ctx.Done():
		return false
	}
}

// latest keeps the last change of each key, in the order of the first ones.
func latest(changes []store.Change) []store.Change {
	type place struct {
		table store.Table
		key   string
	}
	at := make(map[place]int, len(changes))
	kept := changes[:0:0]
	for _, c := range changes {
		p := place{c.Table, c.Key}
		if i, known := at[p]; known {
			kept[i] = c
			continue
		}
		at[p] = len(kept)
		kept = append(kept, c)
	}
	return kept
}
