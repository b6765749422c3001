// Package transport carries H4 packets (Core, volume 4 part A) between this
// host and a Bluetooth controller: over the Linux HCI user channel, a serial
// port, and TCP and Unix sockets. [Spec] describes the notation.
//
// The user channel keeps packets apart. The others are streams, which
// [NewStream] cuts into packets:
//
//	| type | header | body | type | header | body | ...
//	         ^ holds the length of the body
//
// A stream has no marker for the start of a packet. After an unknown packet
// type, an impossible length, or a packet that no other one follows, the framing
// is lost, and also if the rest of a packet does not come: Read returns an error that wraps [ErrFraming], and goes on with the
// next octets that look like a packet of a controller. A header with a wrong
// length can hide the packets after it for a while. If the host then sends a
// Reset, the answer to it is where the framing begins again.
package transport

import "errors"

// Transport is the connection to one controller. Read and Write may run at the
// same time, but each only in one goroutine at a time.
type Transport interface {
	// Read blocks until one complete H4 packet has arrived, with the type octet
	// first, and copies it into p, which should have packet.MaxLen octets. After
	// an error that wraps ErrFraming, Read can be called again; others are final.
	Read(p []byte) (int, error)
	// Write sends one complete H4 packet, with the type octet first. It does
	// not keep p.
	Write(p []byte) error
	// Close releases the controller. A blocked Read returns ErrClosed, and so
	// do all later calls of Read and Write. Closing again does nothing.
	Close() error
}

// Errors that callers branch on. The errors of opening wrap one of these,
// unless they come from the network.
var (
	ErrClosed      = errors.New("transport closed")
	ErrFraming     = errors.New("what arrives is no packet")
	ErrSpec        = errors.New("invalid adapter specification")
	ErrNoBluetooth = errors.New("kernel without Bluetooth")
	ErrNoAdapter   = errors.New("no such adapter")
	ErrBusy        = errors.New("adapter busy")
	ErrSettingUp   = errors.New("adapter being set up") // with ErrBusy or ErrNoAdapter, which may be temporary
	ErrPermission  = errors.New("no permission")
	ErrUnsupported = errors.New("not supported on this system")
)
