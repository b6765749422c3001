package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// The database holds two buckets: formatBucket with two keys, and tablesBucket
// with one bucket for each table.
const (
	formatBucket  = "format"
	formatKey     = "version"
	formatVersion = "2"
	formatBefore  = "1" // without a summary
	summaryKey    = "summary"
	tablesBucket  = "tables"

	checksumSize = 4
)

// tables is the bbolt file, and the manifest that describes it from outside.
type tables struct {
	path     string
	files    filesystem.System
	manifest *manifest
	keep     []Key           // values that the manifest has as well
	repair   bool            // go on although transactions are lost
	position func() position // of the replay journal
	opened   func(*bolt.DB)  // for tests; nil for nothing
	db       *bolt.DB

	mu  sync.Mutex // one transaction at a time, with its manifest
	sum summary    // of the database
}

// putSummary stores the summary and the version of the format.
func putSummary(tx *bolt.Tx, s *summary) error {
	b := tx.Bucket([]byte(formatBucket))
	if b == nil {
		return store.ErrDamaged
	}
	inside := *s
	inside.kept, inside.journal = nil, position{} // of the manifest
	data := inside.append(nil)
	data = binary.BigEndian.AppendUint32(data, crc32.Checksum(data, castagnoli()))
	if string(b.Get([]byte(formatKey))) != formatVersion {
		if err := b.Put([]byte(formatKey), []byte(formatVersion)); err != nil {
			return err
		}
	}
	return b.Put([]byte(summaryKey), data)
}

// openSummary decodes the summary of the database.
func openSummary(data []byte) (summary, error) {
	n := len(data) - checksumSize
	if n < 0 || binary.BigEndian.Uint32(data[n:]) != crc32.Checksum(data[:n], castagnoli()) {
		return summary{}, damaged("its summary has a wrong checksum")
	}
	s, rest, ok := decodeSummary(data[:n])
	if !ok || len(rest) > 0 {
		return summary{}, damaged("its summary cannot be read")
	}
	return s, nil
}

func (t *tables) get(table store.Table, key string) (value []byte, err error) {
	err = t.view(func(tx *bolt.Tx) error {
		b, err := bucket(tx, table)
		if b == nil {
			return err
		}
		if stored := b.Get([]byte(key)); stored != nil {
			value, err = unseal(table, key, stored)
		}
		return err
	})
	if err != nil {
		return nil, t.failed(fmt.Sprintf("read %s/%q of", table, key), err)
	}
	if value == nil {
		return nil, fmt.Errorf("mesh/store/disk: %s/%q: %w", table, key, store.ErrNotFound)
	}
	return value, nil
}

func (t *tables) all(table store.Table) (map[string][]byte, error) {
	all := make(map[string][]byte)
	var bad []string
	err := t.view(func(tx *bolt.Tx) error {
		b, err := bucket(tx, table)
		if b == nil {
			return err
		}
		return b.ForEach(func(k, stored []byte) error {
			value, err := unseal(table, string(k), stored)
			if err != nil {
				bad = append(bad, fmt.Sprintf("%q", k))
				return nil //nolint:nilerr // damage is reported after the rest has been read
			}
			all[string(k)] = value
			return nil
		})
	})
	if err == nil && len(bad) > 0 {
		err = fmt.Errorf("%d values (%s): %w", len(bad), list(bad), store.ErrDamaged)
	}
	if err != nil {
		return all, t.failed(fmt.Sprintf("read table %s of", table), err)
	}
	return all, nil
}

// names lists the tables that contain a key, in bbolt's order.
func (t *tables) names() ([]store.Table, error) {
	var names []store.Table
	err := t.view(func(tx *bolt.Tx) error {
		root := tx.Bucket([]byte(tablesBucket))
		if root == nil {
			return store.ErrDamaged
		}
		return root.ForEachBucket(func(name []byte) error {
			if first, _ := root.Bucket(name).Cursor().First(); first != nil {
				names = append(names, store.Table(name))
			}
			return nil
		})
	})
	if err != nil {
		return nil, t.failed("list the tables of", err)
	}
	return names, nil
}

func (t *tables) apply(changes []store.Change) error {
	if len(changes) == 0 {
		return nil
	}
	return t.transact(func(root *bolt.Bucket, next *summary) error {
		for _, c := range changes {
			if err := change(root, c, next); err != nil {
				return err
			}
		}
		return nil
	})
}

// transact makes a transaction and then writes the manifest. Both are on disk
// when it returns. If only the manifest failed, the next transaction writes it.
func (t *tables) transact(do func(root *bolt.Bucket, next *summary) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.transactLocked(do)
}

// transactLocked is transact for a caller that holds mu.
func (t *tables) transactLocked(do func(root *bolt.Bucket, next *summary) error) error {
	next := t.sum
	err := guard(func() error {
		return t.db.Update(func(tx *bolt.Tx) error {
			root := tx.Bucket([]byte(tablesBucket))
			if root == nil {
				return store.ErrDamaged
			}
			// A transaction that seemed to fail may be in the file.
			if format := tx.Bucket([]byte(formatBucket)); format != nil && format.Get([]byte(summaryKey)) != nil {
				var err error
				if next, err = openSummary(format.Get([]byte(summaryKey))); err != nil {
					return err
				}
			}
			if err := do(root, &next); err != nil {
				return err
			}
			next.generation++
			if err := t.copyKept(root, &next); err != nil {
				return err
			}
			if err := putSummary(tx, &next); err != nil {
				return err
			}
			return t.files.Database(filesystem.StepCommit, t.path)
		})
	})
	if err != nil {
		return t.failed("write", err)
	}
	t.sum = next
	return t.writeManifest()
}

// copyKept copies the values that the manifest has to the summary.
func (t *tables) copyKept(root *bolt.Bucket, s *summary) error {
	s.kept = nil
	for _, k := range t.keep {
		b := root.Bucket([]byte(k.Table))
		if b == nil {
			continue
		}
		if stored := b.Get([]byte(k.Key)); stored != nil {
			value, err := unseal(k.Table, k.Key, stored)
			if err != nil {
				return err
			}
			s.kept = append(s.kept, store.Change{Table: k.Table, Key: k.Key, Value: value})
		}
	}
	return nil
}

// writeManifest writes the manifest. The caller holds mu, or is the only one.
func (t *tables) writeManifest() error {
	t.sum.journal = t.position()
	return t.manifest.write(&t.sum)
}

// recordPosition writes the manifest if the journal has grown since, so that an
// older journal is noticed.
func (t *tables) recordPosition() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.position() == t.sum.journal {
		return nil
	}
	return t.writeManifest()
}

func change(root *bolt.Bucket, c store.Change, next *summary) error {
	b := root.Bucket([]byte(c.Table))
	var old []byte
	if b != nil {
		if stored := b.Get([]byte(c.Key)); stored != nil {
			var err error
			if old, err = unseal(c.Table, c.Key, stored); err != nil {
				return fmt.Errorf("%s/%q: %w", c.Table, c.Key, err)
			}
		}
	}
	next.set(c.Table, c.Key, old, c.Value)
	if c.Value == nil {
		if old == nil {
			return nil
		}
		return b.Delete([]byte(c.Key))
	}
	if b == nil {
		var err error
		if b, err = root.CreateBucket([]byte(c.Table)); err != nil {
			return err
		}
	}
	return b.Put([]byte(c.Key), seal(c.Table, c.Key, c.Value))
}

// close waits for running operations and releases the lock.
func (t *tables) close() error {
	if err := errors.Join(t.files.Database(filesystem.StepClose, t.path), guard(t.db.Close), t.manifest.close()); err != nil {
		return t.failed("close", err)
	}
	return nil
}

func (t *tables) view(f func(*bolt.Tx) error) error {
	return guard(func() error { return t.db.View(f) })
}

func (t *tables) failed(what string, err error) error {
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		err = store.ErrClosed
	}
	return fmt.Errorf("mesh/store/disk: cannot %s %s: %w", what, t.path, err)
}

// list names some of many.
func list(names []string) string {
	const most = 10
	slices.Sort(names)
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}

// bucket returns nil for a table that does not exist.
func bucket(tx *bolt.Tx, table store.Table) (*bolt.Bucket, error) {
	root := tx.Bucket([]byte(tablesBucket))
	if root == nil {
		return nil, store.ErrDamaged
	}
	return root.Bucket([]byte(table)), nil
}

// guard converts what bbolt does with a file that was changed externally, a
// panic or a fault in its memory map, to an error.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = damaged("bbolt says %v; restore a backup", r)
		}
	}()
	return f()
}

// seal puts a checksum before a value; bbolt has none for its pages.
func seal(table store.Table, key string, value []byte) []byte {
	sealed := make([]byte, checksumSize, checksumSize+len(value))
	binary.BigEndian.PutUint32(sealed, valueChecksum(table, key, value))
	return append(sealed, value...)
}

// unseal checks a stored value and returns a copy of it, never nil.
func unseal(table store.Table, key string, sealed []byte) ([]byte, error) {
	if len(sealed) < checksumSize || binary.BigEndian.Uint32(sealed) != valueChecksum(table, key, sealed[checksumSize:]) {
		return nil, store.ErrDamaged
	}
	return slices.Clone(sealed[checksumSize:]), nil
}

func valueChecksum(table store.Table, key string, value []byte) uint32 {
	sum := crc32.Checksum(append(append(append([]byte(table), 0), key...), 0), castagnoli())
	return crc32.Update(sum, castagnoli(), value)
}
