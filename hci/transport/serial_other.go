//go:build !linux

package transport

import (
	"fmt"
	"runtime"
)

// flowControl returns an error: only Linux is supported.
func flowControl(s Spec) (apply func() error, release func(), err error) {
	if s.serial.hardware {
		return nil, nil, fmt.Errorf("transport: %s: hardware flow control works on Linux only, this is %s; remove flow=: %w", s, runtime.GOOS, ErrUnsupported)
	}
	return func() error { return nil }, func() {}, nil
}
