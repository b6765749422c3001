//go:build unix

package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// explain adds to an error of opening what to do about it.
func explain(dir string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; %s", err, whoMay(dir))
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w; %s is on a file system that is mounted read-only: mount it writable, or choose another directory", err, dir)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w; make room on the file system of %s", err, dir)
	case errors.Is(err, syscall.EIO):
		return fmt.Errorf("%w; the disk of %s cannot be read or written: look at the kernel's log, and replace it", err, dir)
	}
	return err
}

// whoMay says who runs the program, what it may not use, and how to change that.
func whoMay(dir string) string {
	uid, gid := os.Geteuid(), os.Getegid()
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole
	}
	command := fmt.Sprintf("chown -R %d:%d %s", uid, gid, dir)
	for path := dir; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err == nil {
			owner := "somebody else"
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				owner = fmt.Sprintf("user %d, group %d", st.Uid, st.Gid)
			}
			return fmt.Sprintf("the program runs as user %d, group %d, and %s belongs to %s with mode %v; run as root: %s",
				uid, gid, path, owner, info.Mode().Perm(), command)
		}
		if path == filepath.Dir(path) {
			return fmt.Sprintf("the program runs as user %d, group %d; run as root: %s", uid, gid, command)
		}
	}
}
