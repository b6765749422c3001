package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Names of the files in the directory.
const (
	tablesName  = "mesh.db"
	journalName = "replay.journal"
)

// Options are the optional settings of Open.
type Options struct {
	// SyncEvery is the time between two syncs of the replay journal, and so
	// what a power cut may cost. Zero means one second.
	SyncEvery time.Duration
	// LockTimeout is how long Open waits for another process that has the
	// directory. Zero means one second.
	LockTimeout time.Duration
	// OnError is told what went wrong outside any call: a failed sync or a
	// failed rewriting of the journal, once until it works again. It is called
	// from the goroutine of the store and must not call the store.
	OnError func(error)

	compactSlots int64 // for tests; zero means the constant
}

// Stats counts what happened to the replay journal since Open.
type Stats struct {
	JournalRecords int    // records in the file now, its header included
	Sources        int    // sources in the replay list now
	Damaged        uint64 // records that were skipped because their checksum was wrong
	Torn           uint64 // incomplete records at the end of the file
	Compactions    uint64 // how often the file was rewritten
	Syncs          uint64 // how often the file was synced
	Failures       uint64 // writes, syncs and rewritings that failed
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

// Open opens the store in dir and makes it when it is not there. The error
// wraps store.ErrLocked while another process has the directory, and
// store.ErrDamaged when the tables cannot be read any more.
func Open(dir string, opts Options) (*Store, error) {
	return openOn(osFiles{}, dir, opts)
}

func openOn(f files, dir string, opts Options) (*Store, error) {
	if err := makeDir(dir); err != nil {
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
	t, err := openTables(filepath.Join(dir, tablesName), opts.LockTimeout)
	if err != nil {
		return nil, err
	}
	j, err := openJournal(filepath.Join(dir, journalName), f, opts.compactSlots)
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	s := &Store{tables: t, journal: j, stop: make(chan struct{}), stopped: make(chan struct{})}
	go s.syncLoop(opts)
	return s, nil
}

// makeDir makes the directory when it is missing. One that is there keeps its
// mode: it may be anybody's.
func makeDir(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(filepath.Clean(dir)))
}

// syncLoop syncs the journal now and then, until Close.
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

// AppendReplay implements store.Store. It costs one write to the file, and
// none when no entry is newer than what is known of its source.
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

// Sync implements store.Store. The tables are on disk anyway.
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
