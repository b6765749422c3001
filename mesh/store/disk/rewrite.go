package disk

import (
	"errors"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// rewrite replaces the files of the journal by ones that contain each source
// once:
//
//	write replay.journal.new and replay.copy.new, sync them    append continues, in the old files
//	add what was appended meanwhile                            append waits
//	rename one, then the other
//	sync the directory                                         append continues, in the new files
//
// If the process is killed in between, each file is either the old one or the
// new one, and complete. The new one has the higher generation and counts.
func (j *journal) rewrite() error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	return j.rewriteLocked()
}

// rewriteLocked is rewrite for a caller that holds syncing.
func (j *journal) rewriteLocked() error {
	var tail []record
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return j.failed("rewrite", store.ErrClosed)
	}
	entries := store.SortedReplay(j.newest)
	generation := j.generation + 1
	j.tail = &tail
	j.mu.Unlock()

	files, slots, err := j.writeSnapshots(entries, generation)

	j.mu.Lock()
	j.tail = nil
	if err == nil {
		err = j.swap(files, generation, slots, tail)
	}
	if err != nil {
		j.stats.Failures++
		j.mu.Unlock()
		return err
	}
	j.stats.Compactions++
	j.stats.Syncs++
	j.mu.Unlock()

	err = j.files.SyncDir(j.dir())
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.stale = true // the old files might come back: rewrite again
		j.stats.Failures++
		return j.failed("sync the directory of", err)
	}
	j.durable = position{generation: generation, slots: uint32(slots)}
	return nil
}

// writeSnapshots writes the entries to new files and syncs these. It returns the
// files and the number of their slots.
func (j *journal) writeSnapshots(entries []store.ReplayEntry, generation uint32) (files [copies]filesystem.File, slots int64, err error) {
	b := make([]byte, 0, (len(entries)+headerSlots+1)*recordSize)
	b = appendRecord(b, 0, headerRecord())
	b = appendRecord(b, 1, record{kind: kindOrigin, number: generation, id: j.id})
	for _, e := range entries {
		b = appendRecord(b, int64(len(b)/recordSize), record{kind: kindEntry, entry: e})
	}
	slots = int64(len(b) / recordSize)
	b = appendRecord(b, slots, record{kind: kindSynced, number: uint32(slots)})
	slots++
	for i := range files {
		if files[i], err = j.files.Create(j.paths[i] + newSuffix); err != nil {
			break
		}
		if _, err = files[i].WriteAt(b, 0); err != nil {
			break
		}
		if err = files[i].Sync(); err != nil {
			break
		}
	}
	if err != nil {
		j.abandon(files)
		return files, 0, j.failed("rewrite", err)
	}
	return files, slots, nil
}

// swap replaces the files of the journal by new ones. They are closed for the
// renaming, because Windows cannot rename an open file. The caller holds mu.
func (j *journal) swap(files [copies]filesystem.File, generation uint32, slots int64, tail []record) error {
	var b []byte
	for i, r := range tail {
		b = appendRecord(b, slots+int64(i), r)
	}
	for _, f := range files {
		if len(b) == 0 {
			break
		}
		if _, err := f.WriteAt(b, slots*recordSize); err != nil {
			j.abandon(files)
			return j.failed("rewrite", err)
		}
	}
	for i, f := range files {
		if err := f.Close(); err != nil {
			files[i] = nil
			j.abandon(files)
			return j.failed("rewrite", err)
		}
		files[i] = nil
	}
	for i := range j.file {
		if j.file[i] != nil {
			_ = j.file[i].Close() // its content is in the new file
			j.file[i] = nil
		}
		if err := j.files.Rename(j.paths[i]+newSuffix, j.paths[i]); err != nil {
			if i > 0 {
				// The first file is replaced and the second is not, and takes
				// part again after the next rewriting.
				j.adopt(generation, slots, tail)
				j.out[i], j.stale = true, true
			}
			return errors.Join(j.failed("rewrite", err), j.ready())
		}
	}
	j.adopt(generation, slots, tail)
	j.out = [copies]bool{}
	if err := j.ready(); err != nil {
		j.stale = true // the directory is not synced yet: rewrite again
		return err
	}
	return nil
}

// adopt goes on in new files.
func (j *journal) adopt(generation uint32, slots int64, tail []record) {
	j.generation = generation
	j.slots, j.synced, j.marked = slots+int64(len(tail)), slots, slots
	j.dirty, j.stale = len(tail) > 0, false
}

// abandon drops unfinished new files. What remains of them is removed at the
// next opening.
func (j *journal) abandon(files [copies]filesystem.File) {
	for i, f := range files {
		if f != nil {
			_ = f.Close()
		}
		_ = j.files.Remove(j.paths[i] + newSuffix)
	}
}
