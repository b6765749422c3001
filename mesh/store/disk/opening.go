package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

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
	sum, o, err := t.verify(data, recorded, !missing)
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

// verify checks the content of a database file and compares it with the summary
// that the manifest has of it, if any. listed says that there is a manifest,
// though it may be unreadable.
func (t *tables) verify(data []byte, recorded *summary, listed bool) (summary, opening, error) {
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
