package main

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// firmwareDir is a directory of firmware. A name in a request cannot lead out
// of it, neither with dots nor through a symbolic link, and it opens regular files only.
type firmwareDir string

// Open implements fs.FS.
func (d firmwareDir) Open(name string) (fs.File, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // nothing was written
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if err := regular(name, info); err != nil {
		return nil, err
	}
	f, err := onlyRegular(name, func() (*os.File, error) { return root.OpenFile(name, os.O_RDONLY|filesystem.NonBlocking, 0) })
	if err != nil {
		return nil, err // a nil *os.File is not a nil fs.File
	}
	return f, nil
}

// openFirmware opens the directory of firmware.dir; it returns nil if the key
// is empty.
func openFirmware(dir string) (fs.FS, error) {
	if dir == "" {
		return nil, nil //nolint:nilnil // not configured
	}
	info, err := within("looking at "+dir, func() (fs.FileInfo, error) { return os.Stat(dir) })
	switch {
	case err != nil:
		return nil, fmt.Errorf("firmware.dir: %w; create the directory, or leave the key empty", err)
	case !info.IsDir():
		return nil, fmt.Errorf("firmware.dir: expected a directory, got %s; choose a directory, or leave the key empty", dir)
	}
	return firmwareDir(dir), nil
}
