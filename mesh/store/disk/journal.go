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

// journal is the replay list in memory and its files, which all have the same
// content. There are two locks. syncing is held during a sync or a rewrite of
// the files. mu protects the fields and is never held while the disk syncs, so
// that append does not wait for it.
type journal struct {
	paths   [copies]string
	files   filesystem.System
	compact int64  // slots from which a rewrite is considered
	id      uint32 // of the store

	syncing sync.Mutex // locked before mu

	mu         sync.Mutex
	file       [copies]filesystem.File // nil if reopening it failed; ready tries again
	out        [copies]bool            // not written to until the next rewrite
	closed     bool
	generation uint32 // counts rewrites
	extent            // of each file
	durable    position
	newest     map[mesh.Address]store.ReplayEntry
	dirty      bool      // written to since the last sync
	stale      bool      // the files must be rewritten: damage, or a failed sync
	tail       *[]record // while the files are rewritten: what is appended meanwhile
	staged     []record  // what is written next, and
	scratch    []byte    // the same as octets
	stats      Stats
	findings   []string // what was damaged when it was opened
}

// extent is how far a file has got.
type extent struct {
	slots  int64 // records in it; the next one is written after them
	synced int64 // of these are synced, and
	marked int64 // so many according to the file itself
}

// journalOptions are what openJournal has to know of its store.
type journalOptions struct {
	compact int64    // as in journal; 0 for the constant
	id      uint32   // of the store
	atLeast position // what was synced according to the manifest
	fresh   bool     // there may be no journal yet
	lossy   bool     // go on although records are lost
}

// openJournal reads the journal at the paths, or creates it. The caller has
// locked the directory. The error wraps store.ErrDamaged if records are lost.
func openJournal(paths [copies]string, f filesystem.System, o journalOptions) (*journal, error) {
	j := &journal{paths: paths, files: f, compact: o.compact, id: o.id, newest: make(map[mesh.Address]store.ReplayEntry)}
	if j.compact == 0 {
		j.compact = compactSlots
	}
	for _, path := range paths {
		if err := f.Remove(path + newSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, j.failed("remove what is left of an interrupted rewriting of", err)
		}
	}
	if err := j.load(o); err != nil {
		return nil, err
	}
	if j.stale {
		if err := j.rewrite(); err != nil {
			return nil, errors.Join(err, j.close())
		}
	} else if err := j.ready(); err != nil {
		return nil, errors.Join(err, j.close())
	}
	return j, nil
}

// load reads the files. A journal that is not whole is stale, so that it is
// written again.
func (j *journal) load(o journalOptions) error {
	var all [copies]*replica
	missing := true
	for i, path := range j.paths {
		var err error
		if all[i], err = readReplica(path, j.files); err != nil {
			return j.failed("read", err)
		}
		missing = missing && all[i].missing
	}
	if missing && o.fresh && o.atLeast.generation == 0 {
		j.stale = true
		return nil
	}
	c := merge(all, o.id, o.atLeast)
	if c.lost > 0 && !o.lossy {
		what := fmt.Sprintf("%d records are lost", c.lost)
		if missing {
			what = "it is missing"
		}
		return j.failed("use", damaged("%s, so messages that were acted on could be acted on again", what))
	}
	if c.lost > 0 {
		c.note("%s: it was damaged, and the loss was accepted: recorded messages could be acted on again", j.paths[0])
	}
	j.newest, j.findings, j.stale = c.newest, c.findings, !c.whole
	j.generation = max(c.generation, o.atLeast.generation)
	j.slots, j.synced, j.marked = c.slots, c.synced, c.synced
	j.durable = position{generation: j.generation, slots: uint32(c.synced)}
	j.dirty = true // what is in the file need not be on the disk
	j.stats.Damaged, j.stats.Torn, j.stats.Repaired = uint64(c.lost+c.unsynced), uint64(c.torn), uint64(c.repaired)
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
	next, marked := j.slots, j.marked
	if j.synced > j.marked {
		// It costs nothing to tell now what has been synced meanwhile.
		j.scratch = appendRecord(j.scratch, next, record{kind: kindSynced, number: uint32(j.synced)})
		next++
		marked = j.synced
	}
	for _, r := range j.staged {
		j.scratch = appendRecord(j.scratch, next, r)
		next++
	}
	for i, f := range j.file {
		if j.out[i] {
			continue
		}
		if _, err := f.WriteAt(j.scratch, j.slots*recordSize); err != nil {
			j.stats.Failures++
			return j.failed("write", err)
		}
	}
	j.marked = marked
	j.dirty = true
	j.slots = next
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
	for i := range j.file {
		if j.file[i] != nil || j.out[i] {
			continue
		}
		f, err := j.files.Open(j.paths[i])
		if err != nil {
			j.stats.Failures++
			return j.failed("open", err)
		}
		j.file[i] = f
	}
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
	files, slots := j.file, j.slots
	j.dirty = false
	j.mu.Unlock()

	var err error
	for _, f := range files {
		if f != nil {
			err = errors.Join(err, f.Sync())
		}
	}

	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		// The kernel may have dropped the pages that it could not write, and
		// the next sync would succeed without them: only a new file is safe.
		j.dirty, j.stale = true, true
		j.stats.Failures++
		return j.failed("sync", err)
	}
	j.synced = slots
	j.durable = position{generation: j.generation, slots: uint32(slots)}
	j.stats.Syncs++
	return nil
}

// seal marks everything as synced at the end, so that a loss is noticed.
func (j *journal) seal() error {
	if err := j.sync(); err != nil {
		return err
	}
	j.mu.Lock()
	if j.synced <= j.marked {
		j.mu.Unlock()
		return nil
	}
	j.staged = append(j.staged[:0], record{kind: kindSynced, number: uint32(j.synced)})
	j.marked = j.synced // this record says it
	err := j.write()
	j.mu.Unlock()
	if err != nil {
		return err
	}
	return j.sync()
}

// position is how much of the journal is on the disk.
func (j *journal) position() position {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.durable
}

// close closes the file. The kernel has everything that was appended.
func (j *journal) close() error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	var err error
	for i, f := range j.file {
		if f != nil {
			err = errors.Join(err, f.Close())
			j.file[i] = nil
		}
	}
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

func (j *journal) dir() string { return filepath.Dir(j.paths[0]) }

// failed formats an error; it always contains the path.
func (j *journal) failed(what string, err error) error {
	return fmt.Errorf("mesh/store/disk: cannot %s the replay journal %s: %w", what, j.paths[0], err)
}
