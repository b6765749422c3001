package capture

import (
	"fmt"
	"os"
)

// file is the current capture file and its predecessor.
type file struct {
	path  string
	limit int64
	f     *os.File // nil if not open
	size  int64    // of complete records
}

// mode hides a capture from other users: it shows who is near, and when.
const mode = 0o600

// begin renames an existing file of that path and begins a new one.
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
	// A file without records, as a full disk leaves it, must not replace the
	// predecessor.
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

// replaceable returns an error unless there is nothing at the path, an empty
// file or a capture.
func replaceable(path string) error {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("expected a regular file or nothing at %s, got something else; choose another name", path)
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
		return fmt.Errorf("expected a capture or nothing at %s, got another file, which is left unchanged; move it or choose another name: %w", path, err)
	}
	return nil
}

func (f *file) hasRoom(octets int) bool { return f.f != nil && f.size+int64(octets) <= f.limit }

// append writes complete records. If that fails, it truncates the file to its
// previous end, as far as the disk allows, and the next records go there.
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
