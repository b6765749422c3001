package transport

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// flowControl returns a function that turns RTS/CTS flow control on, to be
// called when the port is open, and one that gives back what the first needs.
// The serial library always turns flow control off and then takes the port for
// itself, so the descriptor for the change is opened before it.
func flowControl(s Spec) (apply func() error, release func(), err error) {
	if !s.serial.hardware {
		return func() error { return nil }, func() {}, nil
	}
	fd, err := unix.Open(s.target, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		// The library meets the same error and has better words for it.
		return func() error { return err }, func() {}, nil
	}
	apply = func() error {
		t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err == nil {
			t.Cflag |= unix.CRTSCTS
			err = unix.IoctlSetTermios(fd, unix.TCSETS, t)
		}
		if err != nil {
			return fmt.Errorf("hardware flow control: %w", err)
		}
		return nil
	}
	return apply, func() { _ = unix.Close(fd) }, nil
}
