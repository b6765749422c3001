package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

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

// opening is what was found when the database was opened.
type opening struct {
	findings []string       // what was damaged and is repaired
	recorded *summary       // in the manifest; nil for none
	fresh    bool           // nothing was ever stored
	empty    bool           // nothing is stored
	before   bool           // an older version wrote it
	repair   bool           // the database and the manifest are to be written again
	drop     []Key          // values that are damaged
	restore  []store.Change // values of the manifest that are newer than the database
}

// open opens the database, locks it and checks it against its manifest.
func (t *tables) open(timeout time.Duration) (opening, error) {
	var o opening
	err := guard(func() (err error) {
		if err := t.files.Database(filesystem.StepOpen, t.path); err != nil {
			return err
		}
		t.db, err = bolt.Open(t.path, 0o600, &bolt.Options{
			Timeout: timeout,
			// The list of free pages is made again at each opening. One on the
			// disk could call a page free that is in use.
			NoFreelistSync: true,
			FreelistType:   bolt.FreelistMapType,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				f, err := os.OpenFile(name, flag&^os.O_CREATE|filesystem.NonBlocking, mode)
				if err != nil {
					return nil, err
				}
				if o, err = t.check(f, timeout); err != nil {
					_ = f.Close() // nothing was written
					return nil, err
				}
				return f, nil
			},
		})
		return err
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout), errors.Is(err, store.ErrLocked):
		return o, fmt.Errorf("mesh/store/disk: cannot open %s: %w; stop that program, or choose another directory",
			filepath.Dir(t.path), store.ErrLocked)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return o, t.failed("open", damaged("%v", err))
	case err != nil:
		return o, t.failed("open", err)
	}
	if t.opened != nil {
		t.opened(t.db)
	}
	left, _ := filepath.Glob(t.path + newSuffix + "*")
	for _, name := range left {
		_ = os.Remove(name) // it disturbs nobody
	}
	_ = t.manifest.discard() // likewise
	return o, nil
}

// check reads the file, which nobody else can use from now on, and compares its
// contents with what they should be.
func (t *tables) check(f *os.File, timeout time.Duration) (opening, error) {
	var o opening
	if err := filesystem.Regular(f); err != nil {
		return o, err
	}
	if err := lock(f, timeout); err != nil {
		return o, err
	}
	if err := f.Chmod(0o600); err != nil {
		return o, err
	}
	if err := t.files.Database(filesystem.StepRead, t.path); err != nil {
		return o, err
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return o, err
	}
	recorded, serial, bad, missing, err := readManifest(t.manifest.path, t.files)
	if err != nil {
		return o, t.manifest.failed("read", err)
	}
	t.manifest.serial = serial
	sum, o, err := t.judge(data, recorded, !missing)
	if err != nil {
		return o, err
	}
	if bad > 0 {
		o.repair = true
		o.findings = append(o.findings, fmt.Sprintf("%s: %d of its 2 entries were damaged; it is written again", t.manifest.path, bad))
	}
	for i, what := range o.findings {
		o.findings[i] = strings.Replace(what, "mesh.db", t.path, 1)
	}
	t.sum = sum
	return o, nil
}

// judge checks the content of a database file and compares it with the summary
// that the manifest has of it, if any. listed says that there is a manifest,
// though it may be unreadable.
func (t *tables) judge(data []byte, recorded *summary, listed bool) (summary, opening, error) {
	o := opening{recorded: recorded}
	im, err := readImage(data)
	if err != nil {
		return summary{}, o, err
	}
	counted, bad := im.contents()
	if len(bad) > 0 && !t.repair {
		return counted, o, damaged("%d values (%s)", len(bad), named(bad))
	}
	if len(bad) > 0 {
		o.drop, o.repair = bad, true
		o.findings = append(o.findings, fmt.Sprintf("mesh.db: %d values were damaged, and are lost: %s", len(bad), named(bad)))
	}
	o.empty = counted.keys == 0
	switch version := string(im.format[formatKey]); version {
	case formatBefore:
		switch {
		case recorded != nil || listed:
			return counted, o, damaged("it was written by an older version than its manifest: it is not the database of this store")
		case im.badMeta >= 0 && !t.repair:
			return counted, o, damaged("header %d is damaged, so what was stored last may be missing", im.badMeta)
		}
		o.fresh, o.before, o.repair = o.empty, true, true
		return counted, o, nil
	case formatVersion:
	default:
		return counted, o, fmt.Errorf("expected format %q, got %q: it was not written by btmesh2mqtt, or by a newer version", formatVersion, version)
	}
	sum, err := openSummary(im.format[summaryKey])
	switch {
	case err != nil:
		return counted, o, err
	case !sum.sameContents(&counted) && !t.repair:
		return sum, o, damaged("it has %d values, expected %d: some are missing or changed", counted.keys, sum.keys)
	case recorded == nil && im.badMeta >= 0 && !t.repair:
		return sum, o, damaged("header %d is damaged, and the manifest is missing, so what was stored last may be missing", im.badMeta)
	case recorded == nil:
		o.fresh = sum.generation == 0
		o.repair = true
		if !o.fresh {
			o.findings = append(o.findings, "mesh.db: its manifest was missing or damaged; it is made again, and the database is complete")
		}
	case recorded.id != sum.id:
		return sum, o, damaged("the manifest belongs to another store")
	case recorded.generation > sum.generation && t.repair:
		o.repair, o.restore = true, recorded.kept
		o.findings = append(o.findings, fmt.Sprintf("mesh.db: the last %d transactions are lost, and the loss was accepted",
			recorded.generation-sum.generation))
	case recorded.generation > sum.generation:
		return sum, o, damaged("it is older than its manifest: it is at transaction %d, expected at least %d; sequence numbers would be used twice",
			sum.generation, recorded.generation)
	case recorded.generation == sum.generation && !sum.sameContents(recorded) && !t.repair:
		return sum, o, damaged("the manifest describes other contents")
	default:
		// A database that is ahead of its manifest was interrupted between the two.
		o.repair = o.repair || recorded.generation < sum.generation
	}
	if !sum.sameContents(&counted) { // it is accepted
		if len(bad) == 0 {
			o.findings = append(o.findings, fmt.Sprintf("mesh.db: it has %d values, expected %d: some are lost", counted.keys, sum.keys))
		}
		o.repair, sum.keys, sum.digest = true, counted.keys, counted.digest
	}
	if im.badMeta >= 0 {
		o.repair = true
		o.findings = append(o.findings, fmt.Sprintf("mesh.db: header %d of its 2 headers was damaged; it is written again, and the database is complete", im.badMeta))
	}
	if recorded != nil {
		sum.journal = recorded.journal
	}
	return sum, o, nil
}

// createIn creates the database if nothing in the directory shows that there was
// one.
func (t *tables) createIn(dir string, opts Options, id [16]byte) error {
	names, err := t.files.Names(dir)
	if err != nil {
		return fmt.Errorf("mesh/store/disk: cannot read the directory %s: %w", dir, err)
	}
	// The database need not be in the file system that the others are in.
	if _, err := os.Lstat(t.path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, trace := range []string{manifestName, journalName, copyName} {
		if slices.Contains(names, trace) {
			return t.failed("open", damaged("it is missing, but %s shows that there was a network; restore a backup", filepath.Join(dir, trace)))
		}
	}
	if trace := traceOf(opts); trace != "" {
		return t.failed("open", damaged("it is missing, but %s shows that there was a network; restore a backup, or move that away", trace))
	}
	if err := t.create(opts.LockTimeout, id); err != nil {
		return t.failed("create", err)
	}
	return nil
}

// ready makes the manifest usable, after it has written the database again if
// something was repaired.
func (t *tables) ready(o *opening) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range o.restore {
		o.repair = true
		if !slices.Contains(t.keep, Key{c.Table, c.Key}) {
			t.keep = append(t.keep, Key{c.Table, c.Key})
		}
	}
	switch {
	case o.repair && (o.before || !o.fresh):
		return t.transactLocked(func(root *bolt.Bucket, next *summary) error {
			next.id, next.keys, next.digest = t.sum.id, t.sum.keys, t.sum.digest
			for _, k := range o.drop {
				if err := root.Bucket([]byte(k.Table)).Delete([]byte(k.Key)); err != nil {
					return err
				}
			}
			if o.recorded != nil {
				next.generation = max(next.generation, o.recorded.generation)
			}
			for _, c := range o.restore {
				if err := change(root, c, next); err != nil {
					return err
				}
			}
			return nil
		})
	case o.recorded == nil:
		return t.writeManifest()
	default:
		f, err := t.files.Open(t.manifest.path)
		if err != nil {
			return t.manifest.failed("open", err)
		}
		t.manifest.file = f
		return nil
	}
}

const newSuffix = ".new"

// create creates the database under another name, syncs it and only then
// renames it, so that an interrupted creation is never used as a database. If
// two processes create at once, one of them is first and both succeed.
func (t *tables) create(timeout time.Duration, id [16]byte) error {
	if err := t.files.Database(filesystem.StepCreate, t.path); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(t.path), filepath.Base(t.path)+newSuffix+"*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // renamed on success
	if err := f.Close(); err != nil {
		return err
	}
	db, err := bolt.Open(f.Name(), 0o600, &bolt.Options{Timeout: timeout, NoFreelistSync: true, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		if _, err := tx.CreateBucket([]byte(formatBucket)); err != nil {
			return err
		}
		if _, err := tx.CreateBucket([]byte(tablesBucket)); err != nil {
			return err
		}
		return putSummary(tx, &summary{id: id})
	})
	if err := errors.Join(err, db.Sync(), db.Close()); err != nil {
		return err
	}
	switch err := os.Link(f.Name(), t.path); {
	case err == nil, errors.Is(err, fs.ErrExist):
	default: // a file system without links
		if err := os.Rename(f.Name(), t.path); err != nil {
			return err
		}
	}
	return t.files.SyncDir(filepath.Dir(t.path))
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
