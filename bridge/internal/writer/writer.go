// Package writer puts what the bridge keeps into the store, outside the bridge's
// loop: a disk that syncs for a second delays nothing else.
//
//	loop ─ Save, Commit ─▶ changes ─ Flush ─▶ queue ─▶ goroutine ─▶ store.Apply
//	  ▲                                                   │
//	  └──────────── done, report (Post) ──────────────────┘
//
// The changes between two Flushes are applied together or not at all. Batches
// that wait are merged, and of several values of one key the last one is written.
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
)

// retryAfter is how long the writer waits before it tries again what the store
// did not take.
const retryAfter = time.Second

// Writer owns the bridge's side of the store. Its methods belong to the loop,
// except Run and Finish.
type Writer struct {
	store  store.Store
	post   func(func())
	report func(err error)

	next    job    // the changes since the last Flush
	flushed uint64 // Flushes
	told    uint64 // Flushes whose outcome the loop knows
	waiting int    // functions that wait for an outcome

	mu    sync.Mutex
	queue job // what was handed over and not taken yet
	wake  chan struct{}
	idle  chan struct{} // closed and renewed when nothing is left to try
	put   uint64        // Flushes
	taken uint64        // Flushes that the goroutine has taken
	tried uint64        // Flushes that the store was given
}

// job is changes that are applied together.
type job struct {
	saved     []store.Change // kept until the store takes them
	committed []store.Change // dropped when it does not
	done      []func(err error)
	merged    int // changes after the last merge
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

// New makes a writer. post runs a function in the loop; report is called there
// when the store begins to fail, and with nil when it works again.
func New(s store.Store, post func(func()), report func(err error)) *Writer {
	return &Writer{store: s, post: post, report: report, wake: make(chan struct{}, 1), idle: make(chan struct{})}
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
// or with the error when the store did not take them; they are then dropped. A key
// is written either by Save or by Commit, not by both.
func (w *Writer) Commit(done func(err error), changes ...store.Change) {
	if err := store.CheckChanges(changes); err != nil {
		w.post(func() { done(err) })
		return
	}
	w.next.committed = append(w.next.committed, changes...)
	w.wait(done)
}

func (w *Writer) wait(done func(err error)) {
	w.next.done = append(w.next.done, done)
	w.waiting++
}

// Waiting is how many functions of Commit and After wait for the store.
func (w *Writer) Waiting() int { return w.waiting }

// After calls f in the loop once the store was given everything that was saved
// so far: at once when nothing waits.
func (w *Writer) After(f func()) {
	// While the outcome of an earlier Flush is not known, something may wait for it
	// that comes before f.
	if w.next.empty() && w.told == w.flushed {
		f()
		return
	}
	w.wait(func(error) { f() })
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
	var kept []store.Change // that the store did not take
	var failing error
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			if err := w.apply(kept); err != nil {
				return fmt.Errorf("bridge: %d changes could not be stored: %w", len(kept), err)
			}
			return nil
		case <-w.wake:
		case <-again.C:
		}
		j, flushes := w.take()
		if flushes == 0 && len(kept) == 0 {
			continue
		}
		saved := latest(append(kept, j.saved...))
		err := w.apply(append(slices.Clone(saved), latest(j.committed)...))
		kept = nil
		if err != nil {
			kept = saved
			again.Reset(retryAfter)
		}
		w.ended(j, flushes, err, (err == nil) != (failing == nil))
		failing = err
	}
}

func (w *Writer) apply(changes []store.Change) error {
	if len(changes) == 0 {
		return nil
	}
	return w.store.Apply(changes...)
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

// ended tells what came of a job.
func (w *Writer) ended(j job, flushes uint64, err error, news bool) {
	w.post(func() {
		if news {
			w.report(err)
		}
		for _, done := range j.done {
			w.waiting--
			done(err)
		}
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

// Finish returns when everything that was handed over was tried.
func (w *Writer) Finish() {
	w.mu.Lock()
	idle, finished := w.idle, w.tried == w.put
	w.mu.Unlock()
	if !finished {
		<-idle
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
