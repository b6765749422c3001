package main

import (
	"fmt"
	"io/fs"
	"os"
)

// firmwareDir is a directory of firmware. What a request names cannot lead out
// of it, be it with dots or by a symbolic link.
type firmwareDir string

// Open implements fs.FS.
func (d firmwareDir) Open(name string) (fs.File, error) {
	f, err := os.OpenInRoot(string(d), name)
	if err != nil {
		return nil, err // a nil *os.File is no nil fs.File
	}
	return f, nil
}

// openFirmware is the directory of firmware.dir, nil for none.
func openFirmware(dir string) (fs.FS, error) {
	if dir == "" {
		return nil, nil //nolint:nilnil // none is wanted
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return nil, fmt.Errorf("firmware.dir: %w; make the directory, or leave the key empty", err)
	case !info.IsDir():
		return nil, fmt.Errorf("firmware.dir: %s is no directory", dir)
	}
	return firmwareDir(dir), nil
}
