package capture

import (
	"fmt"
	"os"
)

// file is the file that is written, and the one before it.
type file struct {
	path  string
	limit int64
	f     *os.File // nil when there is none
	size  int64    // of whole records
}

// mode keeps a capture from other users: it shows who is near, and when.
const mode = 0o600

// begin puts away the file of that path and begins a new one.
func (f *file) begin(head []byte) error {
	if err := f.close(); err != nil {
		return err
	}
	former := f.path + ".1"
	for _, path := range []string{f.path, former} {
		if err := replaceable(path); err != nil {
			return err
		}
	}
	// One without records, as a full disk leaves it, is not worth the former.
	putAway := func() error { return os.Rename(f.path, former) }
	if info, err := os.Stat(f.path); err == nil && info.Size() == 0 {
		putAway = func() error { return os.Remove(f.path) }
	}
	if err := putAway(); err != nil && !os.IsNotExist(err) {
		return err
	}
	opened, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	f.f, f.size = opened, 0
	if err := f.append(head); err != nil {
		_ = f.f.Close()
		_ = os.Remove(f.path)
		f.f = nil
		return err
	}
	return nil
}

// replaceable says whether a path may be written over: there is nothing, or a
// capture, or an empty file.
func replaceable(path string) error {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("expected a file at %s, or nothing, got something else; give another name", path)
	}
	if info.Size() == 0 {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if _, err := NewReader(f); err != nil {
		return fmt.Errorf("%s is not a capture and is left alone; move it or give another name: %w", path, err)
	}
	return nil
}

func (f *file) hasRoom(octets int) bool { return f.f != nil && f.size+int64(octets) <= f.limit }

// append writes whole records. When that fails the file ends where it did, as far
// as the disk allows, and the next records go there.
func (f *file) append(batch []byte) error {
	if _, err := f.f.WriteAt(batch, f.size); err != nil {
		_ = f.f.Truncate(f.size)
		return err
	}
	f.size += int64(len(batch))
	return nil
}

func (f *file) close() error {
	if f.f == nil {
		return nil
	}
	err := f.f.Sync()
	if late := f.f.Close(); err == nil {
		err = late
	}
	f.f = nil
	return err
}
