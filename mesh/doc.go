// Package mesh is the vocabulary that all rooms of the Bluetooth Mesh stack
// share: addresses, key indexes, opcodes, model identifiers, sequence numbers
// (Mesh Protocol 1.1, sections 3.4 and 3.7).
//
// The stack below this package is pure: no files, no sockets, no clock and no
// goroutines of its own. Octet order on the air is big endian in the network
// and transport layers and little endian in the access layer; a value of one
// of these types is always a plain number, its octet order is the codec's
// business.
//
// CONFORMANCE.md lists the sections of the specifications with the package that
// carries each, the test that shows it, and what is left out; and the attacks that
// were tried.
package mesh
