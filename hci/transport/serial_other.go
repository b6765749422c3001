//go:build !linux

package transport

import (
	"fmt"
	"runtime"
)

// flowControl refuses what only Linux can do here.
func flowControl(s Spec) (apply func() error, release func(), err error) {
	if s.serial.hardware {
		return nil, nil, fmt.Errorf("transport: %s: hardware flow control works on Linux only, this is %s; leave flow= away: %w", s, runtime.GOOS, ErrUnsupported)
	}
	return func() error { return nil }, func() {}, nil
}
