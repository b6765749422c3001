// Package disk implements the store of package mesh/store in a directory:
//
//	DIR/                    mode 0700 if this package creates it
//	  mesh.db               tables: one bbolt file, locked while it is open
//	  mesh.manifest         what mesh.db has to hold
//	  replay.journal        replay list: append-only, records of 16 octets
//	  replay.copy           the same again
//	  *.new                 a file while it is rewritten
//
// All files have mode 0600, because they contain keys. Only one process at a
// time can use the directory.
//
// Open checks all files before it changes one (verify, merge):
//
//	mesh.db ──── pages, checksums ──▶ contents ─── digest ─── summary in mesh.db
//	                                                              │
//	mesh.manifest ── checksum ──▶ summary ── same or older ───────┘
//	         │ how much was synced
//	         ▼
//	replay.journal ─┐
//	replay.copy ────┴─ slot by slot ──▶ replay list
//
// What one file has lost and another one has is repaired and is a finding. What
// is lost is an error that wraps store.ErrDamaged. Nothing is created where a
// file shows that there was a store.
//
// A value in mesh.db follows its checksum:
//
//	 0        4
//	+--------+------- - -
//	| CRC-32C| value         CRC-32C over table, 0, key, 0, value; big endian
//	+--------+------- - -
//
// The manifest has two slots of 512 octets, written in turn after each
// transaction, so that an interrupted write leaves the one before:
//
//	 0           8         10      18                            508    512
//	+-----------+---------+-------+------------------------ - - +--------+
//	| "btmeshM" | version | serial| summary (digest.go), zeros  | CRC-32C|
//	+-----------+---------+-------+------------------------ - - +--------+
//
// The journal begins with a header and an origin, followed by one record for
// each PDU that was acted on (Mesh Protocol 1.1, section 3.8.8), all big-endian:
//
//	 0          2     4            8            12       16
//	+----------+-----+------------+------------+--------+
//	| 0xB7 'H' |  0  | "replay"      version 2 | CRC-32C|   header, slot 0
//	+----------+-----+------------+------------+--------+
//	| 0xB7 'I' |  0  | generation | store      | CRC-32C|   origin, slot 1
//	+----------+-----+------------+------------+--------+
//	| 0xB7 'E' | SRC | IV index   | SEQ        | CRC-32C|   entry
//	+----------+-----+------------+------------+--------+
//	| 0xB7 'F' | SRC |    0       |    0       | CRC-32C|   forget this source
//	+----------+-----+------------+------------+--------+
//	| 0xB7 'S' |  0  | slots      |    0       | CRC-32C|   so many were synced
//	+----------+-----+------------+------------+--------+
//
// The checksum, CRC-32C of the first 12 octets, is XORed with the slot's
// number, so that a misplaced record is rejected. 16 divides every sector size:
// no record crosses a sector, and a torn write ends between records. A slot
// without a valid record in either file is lost: to a power cut if it was not
// synced, else to damage.
package disk
