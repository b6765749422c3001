// Package store keeps what a mesh node must not forget: keys, nodes, the
// sequence number reserve, the IV index, last states, and the replay list
// (Mesh Protocol 1.1, sections 3.8.8 and 3.10.5).
//
// Two kinds of memory stand behind one interface, because they change at very
// different rates:
//
//	tables          rarely      Apply         all or nothing, on disk when it returns
//	replay list     every PDU   AppendReplay  written when it returns, synced once a second
//
// A caller that is killed at any instruction loses nothing that a method
// acknowledged. A power cut costs at most the last second of the replay list
// and nothing of the tables.
//
// Memory is a twin without a disk, for demos and tests; package disk keeps the
// tables in one bbolt file and the replay list in an append-only journal;
// package storetest is the contract of both as a test suite.
package store
