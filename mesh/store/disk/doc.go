// Package disk is the store of package mesh/store in a directory:
//
//	DIR/                 mode 0700 when it is made here
//	  mesh.db            tables: one bbolt file, locked while it is open
//	  replay.journal     replay list: append-only, records of 16 octets
//
// All files have mode 0600, because they hold keys. One process at a time has
// the directory.
package disk
