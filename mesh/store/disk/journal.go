package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// The journal is rewritten when it has at least compactSlots records, and
// compactRatio times as many as there are sources.
const (
	compactSlots = 1 << 16 // 1 MiB
	compactRatio = 4
)

// journal is the replay list in memory and its file. There are two locks.
// syncing is held during a sync or a rewrite of the file. mu protects the
// fields and is never held while the disk syncs, so that append does not wait
// for it.
type journal struct {
	path    string
	files   filesystem.System
	compact int64 // slots from which a rewrite is considered

	syncing sync.Mutex // locked before mu

	mu      sync.Mutex
	file    filesystem.File // nil if reopening it failed; open tries again
	closed  bool
	slots   int64 // records in the file; the next one is written after them
	newest  map[mesh.Address]store.ReplayEntry
	dirty   bool      // written to since the last sync
	stale   bool      // the file must be rewritten: damage, or a failed sync
	tail    *[]record // while the file is rewritten: what is appended meanwhile
	staged  []record  // what is written next, and
	scratch []byte    // the same as octets
	stats   Stats
}

// openJournal reads the journal at path, or creates it. The caller has locked
// the directory.
func openJournal(path string, f filesystem.System, compact int64) (*journal, error) {
	j := &journal{path: path, files: f, compact: compact, newest: make(map[mesh.Address]store.ReplayEntry)}
	if err := f.Remove(j.rewritePath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, j.failed("remove what is left of an interrupted rewriting", err)
	}
	if err := j.load(); err != nil {
		return nil, err
	}
	if j.stale {
		if err := j.rewrite(); err != nil {
			return nil, errors.Join(err, j.close())
		}
	}
	return j, nil
}

// load reads the file. A missing one is stale, because it has yet to be
// written.
func (j *journal) load() error {
	f, err := j.files.Open(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		j.stale = true
		return nil
	}
	if err != nil {
		return j.failed("open", err)
	}
	c, err := readJournal(f)
	if err != nil {
		return errors.Join(j.failed("read", err), f.Close())
	}
	j.file, j.slots, j.newest = f, c.slots, c.newest
	j.stats.Damaged, j.stats.Torn = c.damaged, c.torn
	j.stale = c.damaged > 0 || c.torn > 0 || c.slots == 0
	return nil
}

// append writes the entries with new information, in one write.
func (j *journal) append(entries []store.ReplayEntry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.ready(); err != nil {
		return err
	}
	j.staged = j.staged[:0]
	for _, e := range entries {
		if known, ok := j.newest[e.Src]; ok && !e.Newer(known) {
			continue
		}
		j.staged = append(j.staged, record{kind: kindEntry, entry: e})
	}
	return j.write()
}

// forget writes that the sources are no longer known. It does not sync.
func (j *journal) forget(sources []mesh.Address) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.ready(); err != nil {
		return err
	}
	j.staged = j.staged[:0]
	for _, src := range sources {
		if _, ok := j.newest[src]; ok {
			j.staged = append(j.staged, record{kind: kindForget, entry: store.ReplayEntry{Src: src}})
		}
	}
	return j.write()
}

// write writes what is staged, and only then updates the memory. After a
// failure the next write goes to the same place, over whatever part was
// written. If the process ends before that, that part is read back as entries
// that nobody acted on, which is the safe side.
func (j *journal) write() error {
	if len(j.staged) == 0 {
		return nil
	}
	j.scratch = j.scratch[:0]
	for i, r := range j.staged {
		j.scratch = appendRecord(j.scratch, j.slots+int64(i), r)
	}
	if _, err := j.file.WriteAt(j.scratch, j.slots*recordSize); err != nil {
		j.stats.Failures++
		return j.failed("write", err)
	}
	j.dirty = true
	j.slots += int64(len(j.staged))
	for _, r := range j.staged {
		remember(j.newest, r)
	}
	if j.tail != nil {
		*j.tail = append(*j.tail, j.staged...)
	}
	return nil
}

// ready reports whether the file can be written, and reopens it if an earlier
// attempt failed. The caller holds mu.
func (j *journal) ready() error {
	if j.closed {
		return j.failed("use", store.ErrClosed)
	}
	if j.file != nil {
		return nil
	}
	f, err := j.files.Open(j.path)
	if err != nil {
		j.stats.Failures++
		return j.failed("open", err)
	}
	j.file = f
	return nil
}

// entries lists the replay list by ascending source.
func (j *journal) entries() ([]store.ReplayEntry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, j.failed("use", store.ErrClosed)
	}
	return store.SortedReplay(j.newest), nil
}

// sync returns when everything that was appended before survives a power cut.
// It rewrites the journal instead if that is due.
func (j *journal) sync() error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	if err := j.ready(); err != nil {
		j.mu.Unlock()
		return err
	}
	grown := j.slots >= j.compact && j.slots >= compactRatio*int64(len(j.newest))
	stale := j.stale
	j.mu.Unlock()

	if stale || grown {
		err := j.rewriteLocked()
		if err == nil || stale {
			return err
		}
		// There was no room for a new file. The old one is valid, but long.
		return errors.Join(err, j.syncLocked())
	}
	return j.syncLocked()
}

// syncLocked syncs the file for a caller that holds syncing.
func (j *journal) syncLocked() error {
	j.mu.Lock()
	if err := j.ready(); err != nil || !j.dirty {
		j.mu.Unlock()
		return err
	}
	f := j.file
	j.dirty = false
	j.mu.Unlock()

	err := f.Sync()

	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		// The kernel may have dropped the pages that it could not write, and
		// the next sync would succeed without them: only a new file is safe.
		j.dirty, j.stale = true, true
		j.stats.Failures++
		return j.failed("sync", err)
	}
	j.stats.Syncs++
	return nil
}

// close closes the file. The kernel has everything that was appended.
func (j *journal) close() error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	if err != nil {
		return j.failed("close", err)
	}
	return nil
}

// counters returns the counters.
func (j *journal) counters() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.stats
	s.JournalRecords, s.Sources = int(j.slots), len(j.newest)
	return s
}

func (j *journal) rewritePath() string { return j.path + ".new" }

func (j *journal) dir() string { return filepath.Dir(j.path) }

// failed formats an error; it always contains the path.
func (j *journal) failed(what string, err error) error {
	return fmt.Errorf("mesh/store/disk: cannot %s the replay journal %s: %w", what, j.path, err)
}
