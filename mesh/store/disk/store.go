package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// Names of the files in the directory.
const (
	tablesName  = "mesh.db"
	journalName = "replay.journal"
)

// Options are the optional settings of Open.
type Options struct {
	// SyncEvery is the time between two syncs of the replay journal, and so the
	// most that a power cut may cost. Zero means one second.
	SyncEvery time.Duration
	// LockTimeout is how long Open waits for another process that uses the
	// directory. Zero means one second.
	LockTimeout time.Duration
	// OnError is called with errors outside any call: a failed sync or rewrite
	// of the journal. A repeated error is reported once until it works again.
	// It is called from the goroutine of the store and must not call the store.
	OnError func(error)
	// Files is the file system; nil for that of the machine.
	Files filesystem.System

	compactSlots int64 // for tests; zero means the constant
}

// Stats counts what has happened to the replay journal since Open.
type Stats struct {
	JournalRecords int    // records in the file now, including its header
	Sources        int    // sources in the replay list now
	Damaged        uint64 // records that were skipped because of a wrong checksum
	Torn           uint64 // incomplete records at the end of the file
	Compactions    uint64 // rewrites of the file
	Syncs          uint64 // syncs of the file
	Failures       uint64 // writes, syncs and rewrites that failed
}

// Store is a store.Store in a directory.
type Store struct {
	tables  *tables
	journal *journal
	stop    chan struct{}
	stopped chan struct{}
	closing sync.Once
	closed  error
}

var _ store.Store = (*Store)(nil)

// Open opens the store in dir, or creates it. The error wraps store.ErrLocked
// while another process uses the directory, and store.ErrDamaged if the tables
// cannot be read any more.
func Open(dir string, opts Options) (*Store, error) {
	if opts.Files == nil {
		opts.Files = filesystem.OS()
	}
	if err := makeDir(opts.Files, dir); err != nil {
		return nil, fmt.Errorf("mesh/store/disk: cannot make the directory %s: %w", dir, err)
	}
	if opts.LockTimeout == 0 {
		opts.LockTimeout = time.Second
	}
	if opts.SyncEvery == 0 {
		opts.SyncEvery = time.Second
	}
	if opts.compactSlots == 0 {
		opts.compactSlots = compactSlots
	}
	t, err := openTables(filepath.Join(dir, tablesName), opts.Files, opts.LockTimeout)
	if err != nil {
		return nil, err
	}
	j, err := openJournal(filepath.Join(dir, journalName), opts.Files, opts.compactSlots)
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	s := &Store{tables: t, journal: j, stop: make(chan struct{}), stopped: make(chan struct{})}
	go s.syncLoop(opts)
	return s, nil
}

// makeDir creates the directory if it is missing. An existing one keeps its
// mode: it may be shared.
func makeDir(f filesystem.System, dir string) error {
	if _, err := f.Names(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f.MakeDir(dir); err != nil {
		return err
	}
	return f.SyncDir(filepath.Dir(filepath.Clean(dir)))
}

// syncLoop syncs the journal from time to time, until Close.
func (s *Store) syncLoop(opts Options) {
	defer close(s.stopped)
	tick := time.NewTicker(opts.SyncEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		err := s.journal.sync()
		if err != nil && !failing && opts.OnError != nil {
			opts.OnError(err)
		}
		failing = err != nil
	}
}

// Stats returns the counters.
func (s *Store) Stats() Stats { return s.journal.counters() }

// Get implements store.Store.
func (s *Store) Get(t store.Table, key string) ([]byte, error) {
	if err := store.CheckKey(t, key); err != nil {
		return nil, err
	}
	return s.tables.get(t, key)
}

// All implements store.Store.
func (s *Store) All(t store.Table) (map[string][]byte, error) { return s.tables.all(t) }

// Tables implements store.Store.
func (s *Store) Tables() ([]store.Table, error) { return s.tables.names() }

// Apply implements store.Store.
func (s *Store) Apply(changes ...store.Change) error {
	if err := store.CheckChanges(changes); err != nil {
		return err
	}
	return s.tables.apply(changes)
}

// Replay implements store.Store.
func (s *Store) Replay(visit func(store.ReplayEntry)) error {
	entries, err := s.journal.entries()
	if err != nil {
		return err
	}
	for _, e := range entries {
		visit(e)
	}
	return nil
}

// AppendReplay implements store.Store. It costs one write to the file, and none
// if no entry is newer than the known one of its source.
func (s *Store) AppendReplay(entries []store.ReplayEntry) error {
	if err := store.CheckReplay(entries); err != nil {
		return err
	}
	return s.journal.append(entries)
}

// ForgetReplay implements store.Store.
func (s *Store) ForgetReplay(sources ...mesh.Address) error {
	if err := s.journal.forget(sources); err != nil {
		return err
	}
	return s.journal.sync()
}

// Sync implements store.Store. The tables are already on disk.
func (s *Store) Sync() error { return s.journal.sync() }

// Close implements store.Store.
func (s *Store) Close() error {
	s.closing.Do(func() {
		close(s.stop)
		<-s.stopped
		s.closed = errors.Join(s.journal.sync(), s.journal.close(), s.tables.close())
	})
	return s.closed
}
