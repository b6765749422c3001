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
// type the framing is lost, and the stream ends: Read returns an error with the
// type. The stream is then opened again, and a Reset starts the exchange over.
package transport

import "errors"

// Transport is the connection to one controller. Read and Write may run at the
// same time, but each only in one goroutine at a time.
type Transport interface {
	// Read blocks until one complete H4 packet has arrived, with the type octet
	// first, and copies it into p, which should have packet.MaxLen octets.
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
	ErrSpec        = errors.New("invalid adapter specification")
	ErrNoBluetooth = errors.New("kernel without Bluetooth")
	ErrNoAdapter   = errors.New("no such adapter")
	ErrBusy        = errors.New("adapter busy")
	ErrSettingUp   = errors.New("adapter being set up") // with ErrBusy or ErrNoAdapter, which may be temporary
	ErrPermission  = errors.New("no permission")
	ErrUnsupported = errors.New("not supported on this system")
)
