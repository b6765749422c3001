package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// AsidePrefix begins the names of the directories that SetAside makes.
const AsidePrefix = "damaged-"

// Remains are what could still be read of a store that was set aside.
type Remains struct {
	Dir    string              // where its files are now; empty if there was no store
	Kept   []store.Change      // the values of Options.Keep
	Replay []store.ReplayEntry // the replay list, as far as it can be read
}

// Look reads what is left of a store in dir, damaged or not, and changes nothing. Dir of
// the result is empty. The error wraps store.ErrLocked while a process uses it.
func Look(dir string) (Remains, error) {
	r, unlock, err := look(dir)
	unlock()
	return r, err
}

// look is Look, with the store locked until unlock is called.
func look(dir string) (r Remains, unlock func(), err error) {
	unlock = func() {}
	files := filesystem.OS()
	path := func(name string) string { return filepath.Join(dir, name) }
	failed := func(err error) (Remains, func(), error) {
		return r, unlock, explain(dir, fmt.Errorf("mesh/store/disk: cannot set the store %s aside: %w", dir, err))
	}
	if f, err := os.OpenFile(path(tablesName), os.O_RDWR|filesystem.NonBlocking, 0); err == nil {
		unlock = func() { _ = f.Close() } // nothing is written
		if err := lock(f, time.Second); err != nil {
			return failed(err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return failed(err)
	}
	recorded, _, _, _, err := readManifest(path(manifestName), files)
	if err != nil && !errors.Is(err, errFutureManifest) {
		return failed(err)
	}
	var id uint32
	if recorded != nil {
		r.Kept, id = recorded.kept, binary.BigEndian.Uint32(recorded.id[:])
	}
	var all [copies]*replica
	for i, name := range [copies]string{journalName, copyName} {
		if all[i], err = readReplica(path(name), files); err != nil && !errors.Is(err, errFuture) {
			return failed(err)
		}
		if recorded == nil {
			id = max(id, all[i].id)
		}
	}
	r.Replay = store.SortedReplay(merge(all, id, position{}).newest)
	return r, unlock, nil
}

// SetAside moves the files of a store in dir, damaged or not, to a new directory
// below it, so that another store can be made in dir. The error wraps
// store.ErrLocked while a process uses it.
func SetAside(dir string, now time.Time) (Remains, error) {
	r, unlock, err := look(dir)
	defer unlock()
	if err != nil {
		return r, err
	}
	files := filesystem.OS()
	path := func(name string) string { return filepath.Join(dir, name) }
	failed := func(err error) (Remains, error) {
		return r, explain(dir, fmt.Errorf("mesh/store/disk: cannot set the store %s aside: %w", dir, err))
	}
	aside := path(AsidePrefix + now.UTC().Format("20060102-150405.000"))
	// The manifest is the last one: it is what the next attempt needs.
	for _, name := range []string{tablesName, copyName, journalName, manifestName} {
		if _, err := os.Lstat(path(name)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if r.Dir == "" {
			if err := os.Mkdir(aside, 0o700); err != nil {
				return failed(err)
			}
			r.Dir = aside
		}
		if err := os.Rename(path(name), filepath.Join(aside, name)); err != nil {
			return failed(err)
		}
	}
	if r.Dir == "" {
		return r, nil
	}
	if err := errors.Join(files.SyncDir(aside), files.SyncDir(dir)); err != nil {
		return failed(err)
	}
	return r, nil
}
