package disk

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

const (
	recordSize = 16
	// recordLimit limits how much of a journal is read that something else has
	// enlarged: a 64 MiB file holds a hundred times what is ever written
	// between two rewrites.
	recordLimit = 64 << 20 / recordSize

	mark           = 0xB7
	kindHeader     = 'H'
	kindEntry      = 'E'
	kindForget     = 'F'
	journalVersion = 1
)

// errFuture is the error for a journal of a newer program. Unlike damage it is
// fatal: skipping its content would accept replays.
var errFuture = errors.New("written by a newer version; use that version, or restore a backup")

// castagnoli returns the table for CRC-32C, which has hardware support.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// record is one decoded slot of the journal.
type record struct {
	kind  byte
	entry store.ReplayEntry // only Src for kindForget, nothing for kindHeader
}

// appendRecord encodes r for the slot with the given number.
func appendRecord(dst []byte, slot int64, r record) []byte {
	at := len(dst)
	dst = append(dst, mark, r.kind)
	if r.kind == kindHeader {
		dst = append(dst, 0, 0, 'r', 'e', 'p', 'l', 'a', 'y')
		dst = binary.BigEndian.AppendUint16(dst, journalVersion)
	} else {
		dst = binary.BigEndian.AppendUint16(dst, uint16(r.entry.Src))
		dst = binary.BigEndian.AppendUint32(dst, uint32(r.entry.IVIndex))
		dst = binary.BigEndian.AppendUint32(dst, uint32(r.entry.Seq))
	}
	return binary.BigEndian.AppendUint32(dst, checksum(slot, dst[at:]))
}

// decodeRecord decodes the 16 octets b of a slot. ok is false if they are not a
// record that was written to this slot.
func decodeRecord(b []byte, slot int64) (r record, ok bool, err error) {
	if len(b) != recordSize || b[0] != mark || binary.BigEndian.Uint32(b[12:]) != checksum(slot, b[:12]) {
		return record{}, false, nil
	}
	r = record{kind: b[1], entry: store.ReplayEntry{
		Src:     mesh.Address(binary.BigEndian.Uint16(b[2:])),
		IVIndex: mesh.IVIndex(binary.BigEndian.Uint32(b[4:])),
		Seq:     mesh.SequenceNumber(binary.BigEndian.Uint32(b[8:])),
	}}
	switch r.kind {
	case kindHeader:
		if slot != 0 || string(b[4:10]) != "replay" {
			return record{}, false, nil
		}
		if v := binary.BigEndian.Uint16(b[10:]); v != journalVersion {
			return record{}, false, fmt.Errorf("format %d, expected %d: %w", v, journalVersion, errFuture)
		}
		return record{kind: kindHeader}, true, nil
	case kindEntry:
		return r, r.entry.Src.IsUnicast() && r.entry.Seq <= mesh.MaxSequenceNumber, nil
	case kindForget:
		return r, r.entry.Src.IsUnicast(), nil
	default:
		return record{}, false, nil
	}
}

// checksum binds the first 12 octets of a record to its slot.
func checksum(slot int64, b []byte) uint32 {
	return crc32.Checksum(b, castagnoli()) ^ uint32(slot)
}

// contents is the content of a journal.
type contents struct {
	newest  map[mesh.Address]store.ReplayEntry
	slots   int64  // complete slots in the file
	damaged uint64 // slots without a valid record
	torn    uint64 // 1 if octets are left after the last complete slot
}

// readJournal reads a whole journal. Damage is counted and is not an error. The
// errors are those of r, and errFuture.
func readJournal(r io.Reader) (contents, error) {
	c := contents{newest: make(map[mesh.Address]store.ReplayEntry)}
	buffered := bufio.NewReaderSize(r, 1<<16)
	var b [recordSize]byte
	for c.slots < recordLimit {
		n, err := io.ReadFull(buffered, b[:])
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return c, nil
		case errors.Is(err, io.ErrUnexpectedEOF) && n > 0:
			c.torn++
			return c, nil
		default:
			return c, err
		}
		rec, ok, err := decodeRecord(b[:], c.slots)
		if err != nil {
			return c, err
		}
		c.take(rec, ok)
	}
	return c, fmt.Errorf("expected at most %d records, got more, which this program never writes; move the file away", recordLimit)
}

// take records one slot.
func (c *contents) take(r record, ok bool) {
	first := c.slots == 0
	c.slots++
	if !ok || first != (r.kind == kindHeader) {
		c.damaged++
		return
	}
	remember(c.newest, r)
}

// remember applies a record to a replay list.
func remember(newest map[mesh.Address]store.ReplayEntry, r record) {
	switch r.kind {
	case kindEntry:
		if known, ok := newest[r.entry.Src]; !ok || r.entry.Newer(known) {
			newest[r.entry.Src] = r.entry
		}
	case kindForget:
		delete(newest, r.entry.Src)
	}
}
