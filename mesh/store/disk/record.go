package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

const (
	recordSize = 16
	// recordLimit limits how much of a journal is read that something else has
	// enlarged: a 64 MiB file holds a hundred times what is ever written
	// between two rewrites.
	recordLimit = 64 << 20 / recordSize

	mark       = 0xB7
	kindHeader = 'H'
	kindOrigin = 'I'
	kindEntry  = 'E'
	kindForget = 'F'
	kindSynced = 'S'

	journalVersion = 2
	journalBefore  = 1 // one file, without origin and synced records

	// headerSlots are the header and the origin.
	headerSlots = 2
)

// errFuture is the error for a journal of a newer program. Unlike damage it is
// fatal: skipping its content would accept replays.
var errFuture = errors.New("written by a newer version; use that version, or restore a backup")

// castagnoli returns the table for CRC-32C, which has hardware support.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// record is one decoded slot of the journal.
type record struct {
	kind    byte
	version uint16            // of a header
	entry   store.ReplayEntry // of an entry; only Src for kindForget
	number  uint32            // generation of an origin; slots that were synced
	id      uint32            // of the store, in an origin
}

func headerRecord() record { return record{kind: kindHeader, version: journalVersion} }

// appendRecord encodes r for the slot with the given number.
func appendRecord(dst []byte, slot int64, r record) []byte {
	at := len(dst)
	dst = append(dst, mark, r.kind)
	switch r.kind {
	case kindHeader:
		dst = append(dst, 0, 0, 'r', 'e', 'p', 'l', 'a', 'y')
		dst = binary.BigEndian.AppendUint16(dst, r.version)
	case kindOrigin, kindSynced:
		dst = append(dst, 0, 0)
		dst = binary.BigEndian.AppendUint32(dst, r.number)
		dst = binary.BigEndian.AppendUint32(dst, r.id)
	default:
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
	r = record{kind: b[1]}
	switch r.kind {
	case kindHeader:
		if slot != 0 || string(b[4:10]) != "replay" {
			return record{}, false, nil
		}
		r.version = binary.BigEndian.Uint16(b[10:])
		if r.version != journalVersion && r.version != journalBefore {
			return record{}, false, fmt.Errorf("format %d, expected %d: %w", r.version, journalVersion, errFuture)
		}
		return r, true, nil
	case kindOrigin, kindSynced:
		r.number, r.id = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
		return r, (slot == 1) == (r.kind == kindOrigin), nil
	case kindEntry, kindForget:
		r.entry.Src = mesh.Address(binary.BigEndian.Uint16(b[2:]))
		if r.kind == kindEntry {
			r.entry.IVIndex = mesh.IVIndex(binary.BigEndian.Uint32(b[4:]))
			r.entry.Seq = mesh.SequenceNumber(binary.BigEndian.Uint32(b[8:]))
		}
		return r, r.entry.Src.IsUnicast() && r.entry.Seq <= mesh.MaxSequenceNumber, nil
	default:
		return record{}, false, nil
	}
}

// checksum binds the first 12 octets of a record to its slot.
func checksum(slot int64, b []byte) uint32 {
	return crc32.Checksum(b, castagnoli()) ^ uint32(slot)
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
