package disk

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// Names of the files in the directory.
const (
	tablesName   = "mesh.db"
	manifestName = "mesh.manifest"
	journalName  = "replay.journal"
	copyName     = "replay.copy" // has the same content as the journal
)

// Key is the name of a value.
type Key struct {
	Table store.Table
	Key   string
}

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
	// Syncing is called before each sync of the journal in the background, and what
	// it returns after it, so that somebody sees a sync that does not end.
	Syncing func() (ended func(error))
	// Files is the file system; nil for that of the machine.
	Files filesystem.System
	// Keep are values that the manifest has as well, outside of the database:
	// those of which an older one must never be used again. Together they have
	// at most 300 octets.
	Keep []Key
	// Traces are other files or directories that exist only where there was a
	// store, such as backups. If one exists (a directory: with something in
	// it), an empty store is refused.
	Traces []string
	// Repair opens a store from which something is lost: replay entries, values
	// of the tables, or their last transactions. The values of Keep are restored
	// from the manifest. Findings tells what was lost.
	Repair bool

	compactSlots int64          // for tests; zero means the constant
	opened       func(*bolt.DB) // for tests: called before the database is used
}

// Stats counts what has happened to the replay journal since Open.
type Stats struct {
	JournalRecords int    // records in the file now, including its header
	Sources        int    // sources in the replay list now
	Damaged        uint64 // records that could not be read from either file
	Repaired       uint64 // records that could be read from only one of the files
	Torn           uint64 // files that ended within a record
	Compactions    uint64 // rewrites of the file
	Syncs          uint64 // syncs of the file
	Failures       uint64 // writes, syncs and rewrites that failed
}

// Store is a store.Store in a directory.
type Store struct {
	tables   *tables
	journal  *journal
	findings []string
	stop     chan struct{}
	stopped  chan struct{}
	closing  sync.Once
	closed   error
}

var _ store.Store = (*Store)(nil)

// Open opens the store in dir, or creates it. A store is created only where
// nothing shows that there was one.
//
// The error wraps store.ErrLocked while another process uses the directory, and
// store.ErrDamaged if something is missing or changed that cannot be repaired.
// Then no file was changed.
func Open(dir string, opts Options) (*Store, error) {
	if opts.LockTimeout == 0 {
		opts.LockTimeout = time.Second
	}
	if opts.SyncEvery == 0 {
		opts.SyncEvery = time.Second
	}
	if opts.compactSlots == 0 {
		opts.compactSlots = compactSlots
	}
	if opts.Files == nil {
		opts.Files = filesystem.OS()
	}
	s, err := open(dir, opts)
	if err != nil {
		return nil, explain(dir, err)
	}
	go s.syncLoop(opts)
	return s, nil
}

func open(dir string, opts Options) (*Store, error) {
	if err := makeDir(opts.Files, dir); err != nil {
		return nil, fmt.Errorf("mesh/store/disk: cannot use the directory %s: %w", dir, err)
	}
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, fmt.Errorf("mesh/store/disk: no randomness for a new store: %w", err)
	}
	s := &Store{stop: make(chan struct{}), stopped: make(chan struct{})}
	s.tables = &tables{
		path:     filepath.Join(dir, tablesName),
		files:    opts.Files,
		manifest: &manifest{path: filepath.Join(dir, manifestName), files: opts.Files},
		keep:     opts.Keep,
		repair:   opts.Repair,
		opened:   opts.opened,
		position: func() position { return s.journal.position() },
	}
	if err := s.tables.createIn(dir, opts, id); err != nil {
		return nil, err
	}
	o, err := s.tables.open(opts.LockTimeout)
	if err != nil {
		return nil, err
	}
	if err := s.openRest(dir, opts, &o, id); err != nil {
		return nil, errors.Join(err, s.tables.close())
	}
	return s, nil
}

// openRest opens the journal of an open database, and repairs what has to be.
func (s *Store) openRest(dir string, opts Options, o *opening, id [16]byte) error {
	if trace := traceOf(opts); o.empty && trace != "" {
		return s.tables.failed("use", damaged("it is empty, but %s shows that there was a network; restore a backup, or move that away", trace))
	}
	if s.tables.sum.id == [16]byte{} {
		s.tables.sum.id = id // of an older version's store
	}
	var atLeast position
	if o.recorded != nil {
		atLeast = o.recorded.journal
	}
	var err error
	s.journal, err = openJournal([copies]string{filepath.Join(dir, journalName), filepath.Join(dir, copyName)}, opts.Files, journalOptions{
		compact: opts.compactSlots, id: binary.BigEndian.Uint32(s.tables.sum.id[:]),
		atLeast: atLeast, fresh: o.fresh, lossy: opts.Repair,
	})
	if err != nil {
		return err
	}
	s.findings = append(o.findings, s.journal.findings...)
	if err := s.tables.ready(o); err != nil {
		return errors.Join(err, s.journal.close())
	}
	return nil
}

// Findings are what was damaged when the store was opened and could be
// repaired, or was lost and accepted (Options.Repair). Each names the file.
func (s *Store) Findings() []string { return slices.Clone(s.findings) }

// traceOf returns a name of Options.Traces that exists.
func traceOf(opts Options) string {
	for _, path := range opts.Traces {
		names, err := opts.Files.Names(path)
		if err == nil && len(names) > 0 {
			return path
		}
	}
	return ""
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
		ended := func(error) {}
		if opts.Syncing != nil {
			ended = opts.Syncing()
		}
		err := s.journal.sync()
		ended(err)
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
		s.closed = errors.Join(s.journal.seal(), s.tables.recordPosition(), s.journal.close(), s.tables.close())
	})
	return s.closed
}
