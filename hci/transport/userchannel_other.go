//go:build !linux

package transport

import (
	"fmt"
	"runtime"
)

// openUserChannel returns an error: only Linux has the HCI user channel.
func openUserChannel(s Spec) (Transport, error) {
	return nil, fmt.Errorf("transport: %s needs the HCI user channel, which only Linux has, this is %s; use a controller with H4 firmware through serial:, tcp: or unix: %w", s, runtime.GOOS, ErrUnsupported)
}
