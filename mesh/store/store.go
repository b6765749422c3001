package store

import (
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Errors that callers branch on. Methods wrap them with the details.
var (
	// ErrNotFound is returned by Get for a key that does not exist.
	ErrNotFound = errors.New("not found")
	// ErrClosed is returned by every method except Close after Close.
	ErrClosed = errors.New("the store is closed")
	// ErrInvalid is returned for a change or an entry outside the limits.
	ErrInvalid = errors.New("outside the limits of the store")
	// ErrDamaged is returned when the data read differs from the data that was
	// stored.
	ErrDamaged = errors.New("the stored data is damaged")
	// ErrLocked is returned by opening while another process uses the store.
	ErrLocked = errors.New("another btmesh2mqtt is using it")
)

// Limits of tables, keys and values, in octets. They keep a mistake of a caller
// from growing the store without limit.
const (
	MaxTableSize = 255
	MaxKeySize   = 1024
	MaxValueSize = 1 << 20
)

// Table names a set of keys. It need not be created: it exists as soon as it
// contains a key. Each user of the store declares its own tables as constants.
type Table string

// Change is one step of Apply: it sets a key to a value, or deletes the key if
// Value is nil. An empty Value that is not nil is a value.
type Change struct {
	Table Table
	Key   string
	Value []byte
}

// ReplayEntry says that everything that Src sent up to and including Seq with
// IVIndex, and everything with a lower IV index, was acted on.
type ReplayEntry struct {
	Src     mesh.Address // unicast
	IVIndex mesh.IVIndex
	Seq     mesh.SequenceNumber
}

// Newer reports whether e covers more than other.
func (e ReplayEntry) Newer(other ReplayEntry) bool {
	if e.IVIndex != other.IVIndex {
		return e.IVIndex > other.IVIndex
	}
	return e.Seq > other.Seq
}

// Store is the memory of one node. Several goroutines may call all methods at
// the same time. Returned slices belong to the caller; passed slices are
// copied.
type Store interface {
	// Get returns the value of a key, or ErrNotFound.
	Get(t Table, key string) ([]byte, error)
	// All returns the keys of a table with their values; a table that does not
	// exist is empty. If the error is ErrDamaged, it names the keys that could
	// not be read, and the others are returned.
	All(t Table) (map[string][]byte, error)
	// Tables lists the tables that contain a key, in order, for copying the
	// whole store.
	Tables() ([]Table, error)
	// Apply makes all changes in order, or none of them if it returns an error.
	// They survive a power cut once it has returned.
	Apply(changes ...Change) error

	// Replay visits the newest entry of each source, by ascending address. The
	// visitor may use the store.
	Replay(visit func(ReplayEntry)) error
	// AppendReplay records entries. Once it has returned they survive the death
	// of the process; a power cut may cost those of the last second. An entry
	// that is not newer than the known one of its source changes nothing.
	AppendReplay(entries []ReplayEntry) error
	// ForgetReplay removes the sources, for nodes that left the network. The
	// removal is on disk when it returns.
	ForgetReplay(sources ...mesh.Address) error

	// Sync returns when everything acknowledged so far survives a power cut.
	Sync() error
	// Close syncs and releases the store. Closing twice is not an error.
	Close() error
}

// CheckChanges returns an error that wraps ErrInvalid if a change is outside
// the limits. Every implementation of Store calls it first.
func CheckChanges(changes []Change) error {
	for _, c := range changes {
		if err := CheckKey(c.Table, c.Key); err != nil {
			return err
		}
		if len(c.Value) > MaxValueSize {
			return fmt.Errorf("store: value of %s/%q has %d octets, expected at most %d: %w",
				c.Table, c.Key, len(c.Value), MaxValueSize, ErrInvalid)
		}
	}
	return nil
}

// CheckKey returns an error that wraps ErrInvalid if a table name or a key is
// outside the limits.
func CheckKey(t Table, key string) error {
	if len(t) == 0 || len(t) > MaxTableSize {
		return fmt.Errorf("store: table name of %d octets, expected 1 to %d: %w", len(t), MaxTableSize, ErrInvalid)
	}
	if len(key) == 0 || len(key) > MaxKeySize {
		return fmt.Errorf("store: key of %d octets in table %s, expected 1 to %d: %w", len(key), t, MaxKeySize, ErrInvalid)
	}
	return nil
}

// CheckReplay returns an error that wraps ErrInvalid if an entry is impossible:
// its source is not a unicast address, or its sequence number has more than 24
// bits.
func CheckReplay(entries []ReplayEntry) error {
	for _, e := range entries {
		if !e.Src.IsUnicast() || e.Seq > mesh.MaxSequenceNumber {
			return fmt.Errorf("store: replay entry src=%v seq=%#x, expected a unicast address and at most %#x: %w",
				e.Src, uint32(e.Seq), uint32(mesh.MaxSequenceNumber), ErrInvalid)
		}
	}
	return nil
}
