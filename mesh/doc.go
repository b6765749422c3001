// Package mesh contains the basic types that all packages of the Bluetooth Mesh
// stack share: addresses, key indexes, opcodes, model identifiers and sequence
// numbers (Mesh Protocol 1.1, sections 3.4 and 3.7).
//
// The stack below this package is pure: it has no files, sockets, clock or
// goroutines. The octet order on the air is big-endian in the network and
// transport layers and little-endian in the access layer. A value of one of
// these types is always a plain number; the codecs handle the octet order.
//
// CONFORMANCE.md lists the sections of the specifications with the package that
// implements each, the test that checks it, and what is left out. It also lists
// the attacks that were tested.
package mesh
