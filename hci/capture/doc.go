// Package capture records the traffic between this host and its Bluetooth
// controllers in a file, reads such files, and replays them in place of a
// controller.
//
// The files are btsnoop, version 1, with the datalink type of the Linux
// Bluetooth monitor (2001). Only this type can hold several adapters in one
// file and when each was present. btmon and Wireshark read it. All numbers are
// big-endian:
//
//	file    | "btsnoop" 0 | version 4 | datalink 4 | record | record | ...
//	record  | original length 4 | included length 4 | adapter 2 | kind 2 |
//	        | dropped so far 4 | time 8, in microseconds since the year 0 | data |
//
// A packet is stored without its H4 type octet, which follows from the kind.
// [Reader] also reads datalink type 1002 (H4), which Android's snoop log and
// hcidump write: one adapter, and the type octet before each packet.
//
// [Recorder] writes the files. A file contains radio traffic: addresses of
// devices in the neighbourhood, and mesh PDUs as they are on the air. It
// contains no keys: the mesh cryptography runs on the host, so the controller
// never sees a key.
package capture

import "errors"

// Errors of reading. Errors of the file system are passed on.
var (
	// ErrFormat says that the file is not a capture that this package can read.
	ErrFormat = errors.New("not a capture")
	// ErrTruncated says that the file ends within a record, as after its writer
	// was killed.
	ErrTruncated = errors.New("the capture ends within a record")
	// ErrMalformed says that a record is invalid.
	ErrMalformed = errors.New("malformed record")
)
