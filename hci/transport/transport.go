// Package transport carries H4 packets (Core, volume 4 part A) between this
// host and a Bluetooth controller: the Linux HCI user channel, a serial port,
// and TCP and Unix sockets.
//
//	hci0                                 Linux user channel, by name
//	00:1A:7D:DA:71:13                    Linux user channel, by controller address
//	serial:/dev/ttyACM0?baud=1000000     H4 over a serial port
//	tcp:host:port                        H4 over TCP
//	unix:path                            H4 over a Unix socket
//
// The user channel keeps packets apart; the others are streams, which
// [NewStream] cuts into packets.
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
	// so do all later calls of Read and Write.
	Close() error
}

// Errors that callers branch on. Those that Open returns wrap one of these.
var (
	ErrClosed      = errors.New("transport closed")
	ErrSpec        = errors.New("adapter specification not understood")
	ErrNoBluetooth = errors.New("no Bluetooth in the kernel")
	ErrNoAdapter   = errors.New("no such adapter")
	ErrBusy        = errors.New("adapter busy")
	ErrPermission  = errors.New("no permission")
	ErrUnsupported = errors.New("not supported on this system")
)
