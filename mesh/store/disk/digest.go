package disk

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// digest identifies the contents of all tables, whatever their order: the sum of
// the SHA-256 of each table name, key and value, in four lanes of 64 bits. So a
// change costs no more than its own values.
type digest [4]uint64

// add adds a value, or subtracts one that was added before.
func (d *digest) add(table store.Table, key string, value []byte, subtract bool) {
	h := sha256.New()
	var length [8]byte
	for _, part := range [...]string{string(table), key} {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	h.Write(value)
	sum := h.Sum(nil)
	for i := range d {
		lane := binary.BigEndian.Uint64(sum[8*i:])
		if subtract {
			lane = -lane
		}
		d[i] += lane
	}
}

// summary describes the contents of the database at one moment. It is stored in
// the database by each transaction, and in the manifest after it.
type summary struct {
	id         [16]byte // of the store, drawn when it was created
	generation uint64   // how many transactions there have been
	keys       uint64   // in all tables
	digest     digest   // of all tables
	journal    position // how much of the replay journal was synced
	kept       []store.Change
}

// position is a place in the replay journal.
type position struct {
	generation uint32 // of the file: rewriting begins the next one; 0 for none
	slots      uint32 // records of it, from its beginning
}

// set counts a value that replaces old; a nil value or old is none.
func (s *summary) set(table store.Table, key string, old, value []byte) {
	if old != nil {
		s.digest.add(table, key, old, true)
		s.keys--
	}
	if value != nil {
		s.digest.add(table, key, value, false)
		s.keys++
	}
}

// sameContents reports whether two summaries describe the same tables.
func (s *summary) sameContents(other *summary) bool {
	return s.keys == other.keys && s.digest == other.digest
}

// append encodes the summary, all integers big-endian:
//
//	id 16 | generation 8 | keys 8 | digest 32 | journal 4+4 | number of kept values 1
//	and for each of these: lengths of table 1, key 2, value 2 | table | key | value
func (s *summary) append(dst []byte) []byte {
	dst = append(dst, s.id[:]...)
	dst = binary.BigEndian.AppendUint64(dst, s.generation)
	dst = binary.BigEndian.AppendUint64(dst, s.keys)
	for _, lane := range s.digest {
		dst = binary.BigEndian.AppendUint64(dst, lane)
	}
	dst = binary.BigEndian.AppendUint32(dst, s.journal.generation)
	dst = binary.BigEndian.AppendUint32(dst, s.journal.slots)
	dst = append(dst, uint8(len(s.kept)))
	for _, c := range s.kept {
		dst = append(dst, uint8(len(c.Table)))
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(c.Key)))
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(c.Value)))
		dst = append(append(append(dst, c.Table...), c.Key...), c.Value...)
	}
	return dst
}

// decodeSummary decodes a summary whose checksum was right. It returns what
// follows it.
func decodeSummary(b []byte) (s summary, rest []byte, ok bool) {
	const fixed = 16 + 8 + 8 + 32 + 8 + 1
	if len(b) < fixed {
		return s, nil, false
	}
	copy(s.id[:], b)
	s.generation = binary.BigEndian.Uint64(b[16:])
	s.keys = binary.BigEndian.Uint64(b[24:])
	for i := range s.digest {
		s.digest[i] = binary.BigEndian.Uint64(b[32+8*i:])
	}
	s.journal.generation = binary.BigEndian.Uint32(b[64:])
	s.journal.slots = binary.BigEndian.Uint32(b[68:])
	count := int(b[72])
	b = b[fixed:]
	for range count {
		if len(b) < 5 {
			return s, nil, false
		}
		table, key, value := int(b[0]), int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
		b = b[5:]
		if len(b) < table+key+value {
			return s, nil, false
		}
		s.kept = append(s.kept, store.Change{
			Table: store.Table(b[:table]), Key: string(b[table : table+key]),
			Value: append([]byte{}, b[table+key:table+key+value]...),
		})
		b = b[table+key+value:]
	}
	return s, b, true
}
