// Package transport carries H4 packets (Core, volume 4 part A) between this
// host and a Bluetooth controller: the Linux HCI user channel, a serial port,
// and TCP and Unix sockets. [Spec] says how they are written down.
//
// The user channel keeps packets apart; the others are streams, which
// [NewStream] cuts into packets:
//
//	| type | header | body | type | header | body | ...
//	         ^ holds the length of the body
//
// A stream has no mark by which to find the next packet once the count is
// lost. So an unknown packet type is the end of the stream: Read says which,
// and the stream is opened anew, where a Reset starts the conversation over.
package transport

import "errors"

// Transport is the way to one controller. Read and Write may run at the same
// time; each of them is for one goroutine at a time.
type Transport interface {
	// Read blocks for one whole H4 packet, the type octet first, and copies
	// it into p, which has packet.MaxLen octets or more.
	Read(p []byte) (int, error)
	// Write sends one whole H4 packet, the type octet first. It does not
	// keep p.
	Write(p []byte) error
	// Close gives the controller back. A Read that waits returns ErrClosed;
	// so do all later calls of Read and Write. Closing again does nothing.
	Close() error
}

// Errors that callers branch on. Those that opening returns wrap one of these,
// unless they come from the network.
var (
	ErrClosed      = errors.New("transport closed")
	ErrSpec        = errors.New("adapter not understood")
	ErrNoBluetooth = errors.New("kernel without Bluetooth")
	ErrNoAdapter   = errors.New("no such adapter")
	ErrBusy        = errors.New("adapter busy")
	ErrSettingUp   = errors.New("adapter being set up") // with ErrBusy or ErrNoAdapter, which it may be for a moment only
	ErrPermission  = errors.New("no permission")
	ErrUnsupported = errors.New("not supported on this system")
)
