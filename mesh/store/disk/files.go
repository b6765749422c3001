package disk

import (
	"io"
	"os"
	"path/filepath"
)

// files is what the journal needs of a file system. Tests use one that fails.
type files interface {
	Open(path string) (file, error)   // to read and write
	Create(path string) (file, error) // empty, mode 0600
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
}

type file interface {
	io.Reader
	io.WriterAt
	io.Closer
	Sync() error
}

// osFiles is the file system of the machine.
type osFiles struct{}

func (osFiles) Open(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

func (osFiles) Create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osFiles) Rename(from, to string) error { return os.Rename(from, to) }
func (osFiles) Remove(path string) error     { return os.Remove(path) }
func (osFiles) SyncDir(dir string) error     { return syncDir(filepath.Clean(dir)) }
