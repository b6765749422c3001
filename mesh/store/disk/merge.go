package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// copies is how many files hold the replay journal. Damage of one loses nothing.
const copies = 2

// replica is one of the files of the journal, as it was read.
type replica struct {
	path       string
	missing    bool
	version    uint16 // 0: the header is damaged
	generation uint32
	id         uint32
	data       []byte // without octets after the last complete slot
	torn       bool   // there were such octets
}

// readReplica reads a file. Damage is not an error.
func readReplica(path string, files filesystem.System) (*replica, error) {
	c := &replica{path: path}
	f, err := files.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		c.missing = true
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, (recordLimit+1)*recordSize))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return c, c.decode(data)
}

// decode reads the header. The error wraps errFuture, or says that the file is
// none of ours.
func (c *replica) decode(data []byte) error {
	whole := len(data) / recordSize * recordSize
	c.data, c.torn = data[:whole], whole < len(data)
	if c.slots() > recordLimit {
		return fmt.Errorf("expected at most %d records, got more, which this program never writes; move the file away", recordLimit)
	}
	header, ok, err := c.record(0)
	if err != nil || !ok || header.kind != kindHeader {
		return err
	}
	if header.version == journalVersion {
		origin, ok, _ := c.record(1)
		if !ok {
			return nil
		}
		c.generation, c.id = origin.number, origin.id
	}
	c.version = header.version
	return nil
}

func (c *replica) slots() int64 { return int64(len(c.data) / recordSize) }

// record decodes a slot; ok is false if it is damaged or behind the end.
func (c *replica) record(slot int64) (record, bool, error) {
	if slot >= c.slots() {
		return record{}, false, nil
	}
	return decodeRecord(c.data[slot*recordSize:(slot+1)*recordSize], slot)
}

// contents is what the files of a journal hold together.
type contents struct {
	newest     map[mesh.Address]store.ReplayEntry
	generation uint32
	slots      int64
	synced     int64 // of these were synced, as the files tell
	whole      bool  // every file holds all of it: it need not be written again

	lost     int64 // records that were synced once and are in no file
	unsynced int64 // records that a power cut has lost
	repaired int64 // records that only one of the files had
	torn     int64 // files that end within a record
	findings []string
}

// merge puts the files of a journal together, slot by slot. id is that of the
// store, and atLeast how much of the journal was synced according to the
// manifest.
func merge(all [copies]*replica, id uint32, atLeast position) contents {
	c := contents{newest: make(map[mesh.Address]store.ReplayEntry), whole: true}
	var current []*replica
	for _, r := range all {
		if r.version == journalVersion && r.id == id {
			c.generation = max(c.generation, r.generation)
		}
	}
	for _, r := range all {
		if r.torn {
			c.torn++
		}
		switch {
		case c.generation == 0:
		case r.missing:
			c.note("%s: it was missing; it is made again from its copy", r.path)
		case r.version == journalVersion && r.id == id && r.generation == c.generation:
			current = append(current, r)
		case r.version == journalVersion && r.id == id && r.generation+1 == c.generation:
			c.whole = false // the power was cut while the journal was rewritten
		case r.version == journalVersion && r.id != id:
			c.note("%s: it belongs to another store; it is made again from its copy", r.path)
		default:
			c.note("%s: its header was damaged; it is made again from its copy", r.path)
		}
	}
	switch {
	case len(current) > 0:
		c.mergeCurrent(current, atLeast)
	case atLeast.generation == 0:
		c.readBefore(all[0])
	default:
		c.lost = int64(max(atLeast.slots, 1))
	}
	if atLeast.generation > c.generation {
		c.lost = max(c.lost, 1)
		c.note("%s: it is older than the manifest: it was rewritten %d times, expected at least %d",
			all[0].path, c.generation, atLeast.generation)
	}
	return c
}

// note adds a finding. What was found is repaired by writing the files again.
func (c *contents) note(text string, args ...any) {
	c.findings = append(c.findings, fmt.Sprintf(text, args...))
	c.whole = false
}

// mergeCurrent reads files of the same generation.
func (c *contents) mergeCurrent(current []*replica, atLeast position) {
	synced := int64(0)
	if atLeast.generation == c.generation {
		synced = int64(atLeast.slots)
	}
	for _, r := range current {
		c.slots = max(c.slots, r.slots())
	}
	bad := make([]int64, len(current))
	var gone []int64
	for slot := int64(headerSlots); slot < c.slots; slot++ {
		found := false
		var rec record
		for i, r := range current {
			one, ok, _ := r.record(slot)
			switch {
			case !ok:
				bad[i]++
			case !found:
				rec, found = one, true
			}
		}
		switch {
		case !found:
			gone = append(gone, slot)
		case rec.kind == kindSynced:
			synced = max(synced, int64(rec.number))
		default:
			remember(c.newest, rec)
		}
	}
	for _, slot := range gone {
		if slot < synced {
			c.lost++
		} else {
			c.unsynced++
		}
	}
	c.lost += max(synced-c.slots, 0)
	c.synced = min(synced, c.slots)
	for i, r := range current {
		only := bad[i] - int64(len(gone))
		c.repaired += only
		if only > 0 {
			c.note("%s: %d records were damaged or missing; they are taken from its copy", r.path, only)
		} else if r.torn {
			c.note("%s: it ended within a record, as after a power cut", r.path)
		}
	}
	if c.unsynced > 0 {
		c.note("%s: %d records of the last second before a power cut are lost; a message of that second might be acted on again",
			current[0].path, c.unsynced)
	}
	if c.lost > 0 {
		c.note("%s: %d records are lost", current[0].path, c.lost)
	}
}

// readBefore reads the journal of an older version: one file that does not tell
// what of it was synced. Damage at its end is taken for that of a power cut.
func (c *contents) readBefore(r *replica) {
	c.whole = false // it is written in today's form
	if r.missing || r.slots() == 0 || r.version == journalVersion {
		c.lost = 1 // there is none, or it is another store's
		return
	}
	const second = 512 // records that may have been written in one
	for slot := int64(0); slot < r.slots(); slot++ {
		rec, ok, _ := r.record(slot)
		switch {
		case ok && (slot == 0) == (rec.kind == kindHeader):
			remember(c.newest, rec)
		case slot == 0:
			c.note("%s: its header was damaged", r.path)
		case slot >= r.slots()-second:
			c.unsynced++
		default:
			c.lost++
		}
	}
	if r.version == 0 && len(c.newest) == 0 {
		c.lost = max(c.lost, 1) // it is another file
	}
	c.slots = r.slots()
	if r.torn {
		c.note("%s: it ended within a record, as after a power cut", r.path)
	}
	if c.unsynced > 0 {
		c.note("%s: %d records at its end were damaged, as by a power cut; messages of the last second might be acted on again", r.path, c.unsynced)
	}
}
