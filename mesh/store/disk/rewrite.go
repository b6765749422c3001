package disk

import (
	"errors"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// rewrite replaces the journal by one that contains each source once:
//
//	write replay.journal.new, sync it        append continues, in the old file
//	add what was appended meanwhile          append waits
//	rename it to replay.journal
//	sync the directory                       append continues, in the new file
//
// If the process is killed in between, either the old file or the new one is
// there, and both are complete.
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
	j.tail = &tail
	j.mu.Unlock()

	f, slots, err := j.writeSnapshot(entries)

	j.mu.Lock()
	j.tail = nil
	if err == nil {
		err = j.swap(f, slots, tail)
	}
	if err != nil {
		j.stats.Failures++
		j.mu.Unlock()
		return err
	}
	j.stats.Compactions++
	j.stats.Syncs++
	j.mu.Unlock()

	if err := j.files.SyncDir(j.dir()); err != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.stale = true // the old file might come back: rewrite again
		j.stats.Failures++
		return j.failed("sync the directory of", err)
	}
	return nil
}

// writeSnapshot writes the entries to a new file and syncs it. It returns the
// file and the number of its slots.
func (j *journal) writeSnapshot(entries []store.ReplayEntry) (filesystem.File, int64, error) {
	f, err := j.files.Create(j.rewritePath())
	if err != nil {
		return nil, 0, j.failed("rewrite", err)
	}
	b := make([]byte, 0, (len(entries)+1)*recordSize)
	b = appendRecord(b, 0, record{kind: kindHeader})
	for i, e := range entries {
		b = appendRecord(b, int64(i+1), record{kind: kindEntry, entry: e})
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		j.abandon(f)
		return nil, 0, j.failed("rewrite", err)
	}
	return f, int64(len(entries) + 1), nil
}

// swap replaces the journal by the new file. Both are closed for the renaming,
// because Windows cannot rename an open file. The caller holds mu.
func (j *journal) swap(f filesystem.File, slots int64, tail []record) error {
	var b []byte
	for i, r := range tail {
		b = appendRecord(b, slots+int64(i), r)
	}
	if len(b) > 0 {
		if _, err := f.WriteAt(b, slots*recordSize); err != nil {
			j.abandon(f)
			return j.failed("rewrite", err)
		}
	}
	err := f.Close()
	if j.file != nil {
		err = errors.Join(err, j.file.Close())
		j.file = nil
	}
	if err == nil {
		err = j.files.Rename(j.rewritePath(), j.path)
	}
	if err == nil {
		j.slots, j.dirty, j.stale = slots+int64(len(tail)), len(tail) > 0, false
	} else {
		err = j.failed("rewrite", err)
	}
	return errors.Join(err, j.ready())
}

// abandon drops an unfinished new file. What remains of it is removed at the
// next opening.
func (j *journal) abandon(f filesystem.File) {
	_ = f.Close()
	_ = j.files.Remove(j.rewritePath())
}
