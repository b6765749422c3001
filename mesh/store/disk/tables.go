package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// The database holds two buckets: formatBucket with one key, and tablesBucket
// with one bucket for each table.
const (
	formatBucket  = "format"
	formatKey     = "version"
	formatVersion = "1"
	tablesBucket  = "tables"

	checksumSize = 4
)

// tables is the bbolt file.
type tables struct {
	path  string
	files filesystem.System
	db    *bolt.DB
}

// openTables opens the database and locks it, or creates it.
func openTables(path string, f filesystem.System, timeout time.Duration) (*tables, error) {
	t := &tables{path: path, files: f}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := f.Database(filesystem.StepCreate, path); err != nil {
			return nil, t.failed("make", err)
		}
		if err := create(path, f, timeout); err != nil {
			return nil, t.failed("make", err)
		}
	}
	err := guard(func() (err error) {
		if err := f.Database(filesystem.StepOpen, path); err != nil {
			return err
		}
		t.db, err = open(path, timeout)
		return err
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("mesh/store/disk: cannot open %s: %w; stop that program, or choose another directory",
			filepath.Dir(path), store.ErrLocked)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, t.failed("open", fmt.Errorf("%w (%w); restore a backup of the directory", store.ErrDamaged, err))
	case err != nil:
		return nil, t.failed("open", err)
	}
	if err := t.adopt(); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

// adopt checks the format of an open database and removes what interrupted
// creations have left.
func (t *tables) adopt() error {
	if err := os.Chmod(t.path, 0o600); err != nil {
		return t.failed("protect", err)
	}
	var version string
	err := t.view(func(tx *bolt.Tx) error {
		if b := tx.Bucket([]byte(formatBucket)); b != nil {
			version = string(b.Get([]byte(formatKey)))
		}
		return nil
	})
	if err != nil {
		return t.failed("open", err)
	}
	if version != formatVersion {
		return t.failed("open", fmt.Errorf("expected format %q, got %q: it was not written by btmesh2mqtt, or by a newer version", formatVersion, version))
	}
	left, _ := filepath.Glob(t.path + newSuffix + "*")
	for _, name := range left {
		_ = os.Remove(name) // it disturbs nobody
	}
	return nil
}

func open(path string, timeout time.Duration) (*bolt.DB, error) {
	return bolt.Open(path, 0o600, &bolt.Options{Timeout: timeout, FreelistType: bolt.FreelistMapType})
}

const newSuffix = ".new"

// create creates the database under another name, syncs it and only then
// renames it, so that an interrupted creation is never used as a database. If
// two processes create at once, one of them is first and both succeed.
func create(path string, files filesystem.System, timeout time.Duration) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+newSuffix+"*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // renamed on success
	if err := f.Close(); err != nil {
		return err
	}
	db, err := open(f.Name(), timeout)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte(formatBucket))
		if err != nil {
			return err
		}
		if _, err := tx.CreateBucket([]byte(tablesBucket)); err != nil {
			return err
		}
		return b.Put([]byte(formatKey), []byte(formatVersion))
	})
	if err := errors.Join(err, db.Sync(), db.Close()); err != nil {
		return err
	}
	switch err := os.Link(f.Name(), path); {
	case err == nil, errors.Is(err, fs.ErrExist):
	default: // a file system without links
		if err := os.Rename(f.Name(), path); err != nil {
			return err
		}
	}
	return files.SyncDir(filepath.Dir(path))
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
	var damaged []string
	err := t.view(func(tx *bolt.Tx) error {
		b, err := bucket(tx, table)
		if b == nil {
			return err
		}
		return b.ForEach(func(k, stored []byte) error {
			value, err := unseal(table, string(k), stored)
			if err != nil {
				damaged = append(damaged, fmt.Sprintf("%q", k))
				return nil //nolint:nilerr // damage is reported after the rest has been read
			}
			all[string(k)] = value
			return nil
		})
	})
	if err == nil && len(damaged) > 0 {
		err = fmt.Errorf("%d values (%s): %w", len(damaged), strings.Join(damaged[:min(len(damaged), 10)], ", "), store.ErrDamaged)
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
	err := guard(func() error {
		return t.db.Update(func(tx *bolt.Tx) error {
			root := tx.Bucket([]byte(tablesBucket))
			if root == nil {
				return store.ErrDamaged
			}
			for _, c := range changes {
				if err := change(root, c); err != nil {
					return err
				}
			}
			return t.files.Database(filesystem.StepCommit, t.path)
		})
	})
	if err != nil {
		return t.failed("write", err)
	}
	return nil
}

func change(root *bolt.Bucket, c store.Change) error {
	if c.Value == nil {
		if b := root.Bucket([]byte(c.Table)); b != nil {
			return b.Delete([]byte(c.Key))
		}
		return nil
	}
	b, err := root.CreateBucketIfNotExists([]byte(c.Table))
	if err != nil {
		return err
	}
	return b.Put([]byte(c.Key), seal(c.Table, c.Key, c.Value))
}

// close waits for running operations and releases the lock.
func (t *tables) close() error {
	if err := errors.Join(t.files.Database(filesystem.StepClose, t.path), guard(t.db.Close)); err != nil {
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
			err = fmt.Errorf("%w (%v); restore a backup of the directory", store.ErrDamaged, r)
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
