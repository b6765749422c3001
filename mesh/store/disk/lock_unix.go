//go:build unix && !aix && !solaris

package disk

import (
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// lock locks a file as bbolt does, which then finds it locked by itself. It
// waits for another process and returns store.ErrLocked after the timeout.
func lock(f *os.File, timeout time.Duration) error {
	const again = 20 * time.Millisecond
	for waited := time.Duration(0); ; waited += again {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if waited >= timeout {
			return store.ErrLocked
		}
		time.Sleep(again)
	}
}
