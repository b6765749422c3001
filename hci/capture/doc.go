// Package capture writes what passes between this host and its Bluetooth
// controllers to a file, reads such files, and plays them back in place of a
// controller.
//
// The files are btsnoop, version 1, with the datalink type of the Linux Bluetooth
// monitor (2001): the one type that holds several adapters, and when each was
// there, in one file. btmon and Wireshark read it. All numbers have their most
// significant octet first:
//
//	file    | "btsnoop" 0 | version 4 | datalink 4 | record | record | ...
//	record  | original length 4 | included length 4 | adapter 2 | kind 2 |
//	        | dropped so far 4 | time 8, in microseconds since the year 0 | data |
//
// The data of a packet begins behind its H4 type octet, which the kind tells.
// [Reader] knows datalink type 1002 (H4) too, in which Android's snoop log and
// hcidump write: one adapter, the type octet before each packet.
//
// [Recorder] is the writer. What is in a file is radio traffic: addresses of the
// neighbours' devices among it, and mesh PDUs as they are on the air. Keys are
// not: a controller gets to see none, because the cryptography of the mesh is
// done on this side.
package capture

import "errors"

// Errors of reading. Those of the file system are passed on.
var (
	// ErrFormat says that the file is none that can be read here.
	ErrFormat = errors.New("not a capture")
	// ErrTruncated is the end of a file whose last record is not all there,
	// which is how a file ends whose writer was killed.
	ErrTruncated = errors.New("the capture ends within a record")
	// ErrMalformed is a record that cannot be one.
	ErrMalformed = errors.New("malformed record")
)
