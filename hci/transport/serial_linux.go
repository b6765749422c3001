package transport

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// flowControl returns a function that turns on RTS/CTS flow control once the
// port is open, and one that releases what the first needs. The serial library
// always turns flow control off and then claims the port exclusively, so the
// descriptor for the change is opened before.
func flowControl(s Spec) (apply func() error, release func(), err error) {
	if !s.serial.hardware {
		return func() error { return nil }, func() {}, nil
	}
	fd, err := unix.Open(s.target, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		// The library gets the same error and explains it better.
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
