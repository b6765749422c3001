//go:build unix

package filesystem

import (
	"os"
	"syscall"
)

// NonBlocking is a flag of os.OpenFile that opens a pipe without waiting for its other end.
const NonBlocking = syscall.O_NONBLOCK

// syncDir makes created or renamed names in dir survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }() // read only
	return d.Sync()
}
