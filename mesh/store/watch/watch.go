// Package watch tells whether a store works. It wraps a store.Store and looks at how
// each operation ends and how long it takes.
//
//	caller ─▶ begin ─▶ store ─▶ end ─▶ caller
//	            │                │
//	            └─▶ timer ───────┴─▶ Trouble ─▶ health, log, whoever waits
//
// A store is in trouble while the last operation of a kind has failed, while an
// operation takes longer than Late, and for a while after one did. Failed operations
// that nobody repeats are repeated here in a harmless form, so that a trouble ends when
// its cause does.
//
// Watching costs two uncontended locks for each operation: the timer is set a few times
// a second at most.
package watch

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

const (
	// Late is how long an operation may take before the store counts as too slow. A
	// worn memory card takes half a second for a sync.
	Late = 2 * time.Second
	// glance is the time between two looks at what runs: so much later than Late may a
	// slow operation be noticed.
	glance = 250 * time.Millisecond
	// calm is how long a store that was too slow has to keep the time before it counts
	// as working again.
	calm = 10 * time.Second
	// again is the time between two looks at a store in trouble.
	again = time.Second
	// forgotten is how long after a failure nobody is expected to try again.
	forgotten = 3 * time.Second
	// closing is how long Close waits.
	closing = 5 * time.Second
	// closingLate is how long Close waits for a store that is too slow already.
	closingLate = time.Second
)

// kind is a kind of operation. Operations of one kind fail and recover together.
type kind int

const (
	reading kind = iota
	applying
	appending
	forgetting
	syncing
	kinds
)

// doing names what a store does.
func (k kind) doing() string {
	switch k {
	case reading:
		return "a read"
	case applying:
		return "a write of the database"
	case appending, forgetting:
		return "a write of the replay journal"
	default:
		return "a sync"
	}
}

// Store is a store.Store that is watched. Make it with New.
type Store struct {
	inner    store.Store
	where    string
	troubled atomic.Bool // trouble is not nil

	mu       sync.Mutex
	running  []operation // by token; those that have ended are used again
	failed   [kinds]failure
	slow     kind      // of the last operation that was late
	lateAt   time.Time // when an operation was late the last time; zero for never
	trouble  *Trouble
	armed    bool // the timer is set
	timer    *time.Timer
	probing  bool
	closed   bool
	watchers []func(error)

	telling sync.Mutex // held while the watchers are called; locked before mu
	told    *Trouble
}

// failure is that of the last operation of a kind; err is nil when it worked.
type failure struct {
	err error
	at  time.Time
}

// operation is one that runs, or room for one. To ask for the time costs more than all
// the rest, so an operation gets it at the first look at it.
type operation struct {
	kind kind
	runs bool
	seen time.Time
	late bool
}

var _ store.Store = (*Store)(nil)

// Of returns a store that is watched already, or watches it.
func Of(s store.Store) *Store {
	if watched, ok := s.(*Store); ok {
		return watched
	}
	return New(s, "")
}

// New watches a store. where names it for people, such as its directory.
func New(s store.Store, where string) *Store {
	w := &Store{inner: s, where: where}
	w.timer = time.AfterFunc(time.Hour, w.look)
	w.timer.Stop()
	return w
}

// Trouble is a *Trouble while the store does not work, and nil while it does.
func (s *Store) Trouble() error {
	if !s.troubled.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble == nil {
		return nil // and not an error that holds nil
	}
	return s.trouble
}

// Watch calls f with each new *Trouble, and with nil when the store works again; at once
// when it is in trouble already. f must not wait and not use the store.
func (s *Store) Watch(f func(error)) {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.mu.Lock()
	s.watchers = append(s.watchers, f)
	s.mu.Unlock()
	if s.told != nil {
		f(s.told)
	}
}

// begin notes the beginning of an operation; end takes what it returns.
func (s *Store) begin(k kind) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := -1
	for i := range s.running {
		if !s.running[i].runs {
			token = i
			break
		}
	}
	if token < 0 {
		token = len(s.running)
		s.running = append(s.running, operation{})
	}
	s.running[token] = operation{kind: k, runs: true}
	s.arm(glance)
	return token
}

// arm sets the timer if it is not set.
func (s *Store) arm(d time.Duration) {
	if !s.armed && !s.closed {
		s.armed = true
		s.timer.Reset(d)
	}
}

// end notes how an operation ended, and returns err.
func (s *Store) end(token int, err error) error {
	failed := err
	if harmless(err) {
		failed = nil
	}
	s.mu.Lock()
	o := &s.running[token]
	k, late := o.kind, o.late
	*o = operation{}
	if failed == nil && s.failed[k].err == nil && !late {
		s.mu.Unlock()
		return err
	}
	s.failed[k] = failure{failed, time.Now()}
	if late {
		s.lateAt = time.Now()
	}
	s.judge()
	s.mu.Unlock()
	s.tell()
	return err
}

// harmless reports whether an error says nothing about the file system.
func harmless(err error) bool {
	return err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrInvalid) ||
		errors.Is(err, store.ErrClosed) || errors.Is(err, store.ErrDamaged)
}

// judge finds out whether the store is in trouble, for a caller that holds mu.
func (s *Store) judge() {
	var now *Trouble
	for k, f := range s.failed {
		if f.err != nil {
			now = &Trouble{Where: s.where, Doing: kind(k).doing(), Err: f.err}
			break
		}
	}
	if now == nil && !s.lateAt.IsZero() && time.Since(s.lateAt) < calm {
		now = &Trouble{Where: s.where, Doing: s.slow.doing()}
	}
	switch {
	case now == nil:
		s.trouble = nil
	case s.trouble == nil:
		now.Since = time.Now()
		s.trouble = now
	case now.Error() != s.trouble.Error():
		now.Since = s.trouble.Since
		s.trouble = now
	}
	s.troubled.Store(s.trouble != nil)
	if s.trouble != nil {
		s.arm(again) // unless it looks earlier anyway
	}
}

// tell tells the watchers what has changed since the last time.
func (s *Store) tell() {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.mu.Lock()
	now, watchers := s.trouble, s.watchers
	s.mu.Unlock()
	if now == s.told {
		return
	}
	s.told = now
	var err error
	if now != nil {
		err = now
	}
	for _, f := range watchers {
		f(err)
	}
}

// look is called by the timer: is an operation late, and has a trouble ended?
func (s *Store) look() {
	s.mu.Lock()
	s.armed = false
	now, runs := time.Now(), false
	for i := range s.running {
		o := &s.running[i]
		if !o.runs {
			continue
		}
		runs = true
		if o.seen.IsZero() {
			o.seen = now
		}
		if now.Sub(o.seen) >= Late {
			o.late = true
			s.slow, s.lateAt = o.kind, now
		}
	}
	s.judge()
	if runs {
		s.arm(glance)
	}
	probes := s.probes()
	s.mu.Unlock()
	s.tell()
	for _, k := range probes {
		s.probe(k)
	}
	if len(probes) > 0 {
		s.mu.Lock()
		s.probing = false
		s.mu.Unlock()
	}
}

// probes lists the kinds of operations that have failed and that nobody has tried again
// since, for a caller that holds mu. Whoever appends to the replay list, or removes from
// it, does try again.
func (s *Store) probes() []kind {
	if s.probing || s.closed {
		return nil
	}
	var list []kind
	for _, k := range []kind{reading, applying, syncing} {
		if f := s.failed[k]; f.err != nil && time.Since(f.at) >= forgotten {
			list = append(list, k)
			s.probing = true
		}
	}
	return list
}

// probe does an operation that changes nothing. Its outcome is what matters.
func (s *Store) probe(k kind) {
	switch k {
	case reading:
		_, _ = s.Tables()
	case applying:
		_ = s.Apply(store.Change{Table: "probe", Key: "probe"}) // deletes what is not there
	default:
		_ = s.Sync()
	}
}

// Syncing notes the beginning of a sync that the store does by itself; the function that
// it returns notes its end.
func (s *Store) Syncing() (ended func(error)) {
	o := s.begin(syncing)
	return func(err error) { _ = s.end(o, err) } // whoever syncs has the error
}

// Get implements store.Store.
func (s *Store) Get(t store.Table, key string) ([]byte, error) {
	o := s.begin(reading)
	value, err := s.inner.Get(t, key)
	return value, s.end(o, err)
}

// All implements store.Store.
func (s *Store) All(t store.Table) (map[string][]byte, error) {
	o := s.begin(reading)
	all, err := s.inner.All(t)
	return all, s.end(o, err)
}

// Tables implements store.Store.
func (s *Store) Tables() ([]store.Table, error) {
	o := s.begin(reading)
	tables, err := s.inner.Tables()
	return tables, s.end(o, err)
}

// Apply implements store.Store.
func (s *Store) Apply(changes ...store.Change) error {
	o := s.begin(applying)
	return s.end(o, s.inner.Apply(changes...))
}

// Replay implements store.Store.
func (s *Store) Replay(visit func(store.ReplayEntry)) error {
	o := s.begin(reading)
	return s.end(o, s.inner.Replay(visit))
}

// AppendReplay implements store.Store.
func (s *Store) AppendReplay(entries []store.ReplayEntry) error {
	o := s.begin(appending)
	return s.end(o, s.inner.AppendReplay(entries))
}

// ForgetReplay implements store.Store.
func (s *Store) ForgetReplay(sources ...mesh.Address) error {
	o := s.begin(forgetting)
	return s.end(o, s.inner.ForgetReplay(sources...))
}

// Sync implements store.Store.
func (s *Store) Sync() error {
	o := s.begin(syncing)
	return s.end(o, s.inner.Sync())
}

// Close implements store.Store. It does not wait for ever: a store that hangs is left
// behind, and the error says what may be missing in it.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.timer.Stop()
	patience := closing
	if s.trouble != nil && s.trouble.Err == nil {
		patience = closingLate
	}
	s.mu.Unlock()
	closed := make(chan error, 1)
	go func() { closed <- s.inner.Close() }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-closed:
		return err
	case <-timer.C:
		return fmt.Errorf("the store %s could not be closed, because it did not end within %s what it was doing; "+
			"changes that were not confirmed are lost, and the last second of the replay list may be", s.where, patience)
	}
}
