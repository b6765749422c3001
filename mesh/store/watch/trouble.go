package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

// ErrTrouble is what errors.Is finds in a *Trouble.
var ErrTrouble = errors.New("the store does not work")

// Trouble is why a store does not do what it should. Its text names the store, the
// cause and what to do, and stays the same while the trouble does.
type Trouble struct {
	Where string    // the store, for people; may be empty
	Since time.Time // when it began
	Doing string    // what the store could not do, or not in time
	Err   error     // nil while it is only slow
}

// Error implements error.
func (t *Trouble) Error() string {
	where := "the store"
	if t.Where != "" {
		where += " " + t.Where
	}
	if t.Err == nil {
		return fmt.Sprintf("%s is too slow: %s takes more than %s; check the disk or the network share that it is on",
			where, t.Doing, Late)
	}
	return fmt.Sprintf("%s does not work: %v; %s", where, t.Err, remedy(t.Err))
}

// Unwrap gives the error of the store.
func (t *Trouble) Unwrap() error { return t.Err }

// Is implements errors.Is for ErrTrouble.
func (t *Trouble) Is(target error) bool { return target == ErrTrouble }

// remedy is what a user can do about an error of a file system. All of it is tried
// again by itself.
func remedy(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free some space on its file system"
	case errors.Is(err, syscall.EROFS):
		return "mount its file system for writing; a damaged one may have become read-only, which the kernel log tells"
	case errors.Is(err, syscall.EIO):
		return "look into the kernel log: the disk or memory card may be failing, so back up the network and replace it"
	case errors.Is(err, syscall.ESTALE), errors.Is(err, syscall.ENOTCONN):
		return "mount the network share again, then restart the bridge"
	case errors.Is(err, fs.ErrPermission):
		return "give the user of the bridge permission to read and write there"
	case errors.Is(err, fs.ErrNotExist):
		return "stop the bridge and bring its directory back"
	default:
		return "check the disk and the kernel log"
	}
}
