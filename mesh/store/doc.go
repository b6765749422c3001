// Package store stores what a mesh node must not forget: keys, nodes, the
// sequence number reserve, the IV index, last states, and the replay list (Mesh
// Protocol 1.1, sections 3.8.8 and 3.10.5).
//
// One interface covers two kinds of memory, because they change at very
// different rates:
//
//	tables          rarely      Apply         all or nothing, on disk when it returns
//	replay list     every PDU   AppendReplay  written when it returns, synced once a second
//
// If the caller is killed at any instruction, nothing is lost that a method has
// acknowledged. A power cut costs at most the last second of the replay list
// and nothing of the tables.
//
// Memory is an implementation without a disk, for demos and tests. Package disk
// keeps the tables in one bbolt file and the replay list in an append-only
// journal. Package storetest tests the contract of both.
package store
