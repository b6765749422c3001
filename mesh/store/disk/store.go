package disk

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
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
	// failed rewriting of the journal. It is called from the goroutine of the
	// store and must not call the store.
	OnError func(error)
}

// Stats counts what happened to the store since Open.
type Stats struct {
	JournalRecords int    // records in the journal file now
	Sources        int    // sources in the replay list now
	Damaged        uint64 // records that were skipped because their checksum was wrong
	Torn           uint64 // incomplete records at the end of the journal
	Compactions    uint64 // how often the journal was rewritten
	Syncs          uint64 // how often the journal was synced
	Failures       uint64 // writes, syncs and compactions of the journal that failed
}

// Store is a store.Store in a directory.
type Store struct{}

var _ store.Store = (*Store)(nil)

// Open opens the store in dir and makes it when it is not there. The error
// wraps store.ErrLocked while another process has the directory, and
// store.ErrDamaged when the tables cannot be read any more.
func Open(dir string, opts Options) (*Store, error) { panic("TODO") }

// Stats returns the counters.
func (s *Store) Stats() Stats { panic("TODO") }

// Get implements store.Store.
func (s *Store) Get(t store.Table, key string) ([]byte, error) { panic("TODO") }

// All implements store.Store.
func (s *Store) All(t store.Table) (map[string][]byte, error) { panic("TODO") }

// Apply implements store.Store.
func (s *Store) Apply(changes ...store.Change) error { panic("TODO") }

// Replay implements store.Store.
func (s *Store) Replay(visit func(store.ReplayEntry)) error { panic("TODO") }

// AppendReplay implements store.Store.
func (s *Store) AppendReplay(entries []store.ReplayEntry) error { panic("TODO") }

// ForgetReplay implements store.Store.
func (s *Store) ForgetReplay(sources ...mesh.Address) error { panic("TODO") }

// Sync implements store.Store.
func (s *Store) Sync() error { panic("TODO") }

// Close implements store.Store.
func (s *Store) Close() error { panic("TODO") }
