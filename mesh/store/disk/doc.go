// Package disk implements the store of package mesh/store in a directory:
//
//	DIR/                    mode 0700 if this package creates it
//	  mesh.db               tables: one bbolt file, locked while it is open
//	  replay.journal        replay list: append-only, records of 16 octets
//	  replay.journal.new    the journal while it is rewritten
//
// All files have mode 0600, because they contain keys. Only one process at a
// time can use the directory.
//
// A value in mesh.db follows its checksum:
//
//	 0        4
//	+--------+------- - -
//	| CRC-32C| value         CRC-32C over table, 0, key, 0, value; big endian
//	+--------+------- - -
//
// The journal begins with a header, followed by one record for each PDU that
// was acted on (Mesh Protocol 1.1, section 3.8.8), all big-endian:
//
//	 0          2     4          8          12       16
//	+----------+-----+----------+----------+--------+
//	| 0xB7 'H' |  0  | "replay"    version  | CRC-32C|   header, slot 0
//	+----------+-----+----------+----------+--------+
//	| 0xB7 'E' | SRC | IV index | SEQ      | CRC-32C|   entry
//	+----------+-----+----------+----------+--------+
//	| 0xB7 'F' | SRC |    0     |    0     | CRC-32C|   forget this source
//	+----------+-----+----------+----------+--------+
//
// The checksum, CRC-32C of the first 12 octets, is XORed with the slot's
// number, so that a misplaced record is rejected. 16 divides every sector size:
// no record crosses a sector, and a torn write ends between records. Invalid
// records are skipped and counted; the journal is then rewritten without them.
package disk
