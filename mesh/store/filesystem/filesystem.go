// Package filesystem is what the store needs of a file system: a few calls that
// a test can make fail (package faultfs).
package filesystem

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// System is a file system. Several goroutines may use it.
type System interface {
	// Names lists the names in a directory. A missing directory is an error
	// that wraps fs.ErrNotExist.
	Names(dir string) ([]string, error)
	// MakeDir creates a directory and its parents with mode 0700.
	MakeDir(dir string) error
	// Open opens a file to read and write, and restricts it to its owner.
	Open(path string) (File, error)
	// Create makes an empty file with mode 0600, in place of an existing one.
	Create(path string) (File, error)
	Rename(from, to string) error
	Remove(path string) error
	// SyncDir makes created, renamed and removed names survive a power cut.
	SyncDir(dir string) error
	// Database is called before each step of the database, which uses the file
	// system of the machine itself. An error takes the place of the step.
	Database(step Step, path string) error
}

// File is an open file.
type File interface {
	io.Reader
	io.WriterAt
	io.Closer
	Sync() error
}

// Step is a step of the database that a System can prevent.
type Step string

// Steps of the database.
const (
	StepCreate Step = "create" // a new, empty database
	StepOpen   Step = "open"
	StepRead   Step = "read"   // the whole file, to check it before it is used
	StepCommit Step = "commit" // write a transaction and sync it
	StepClose  Step = "close"
)

// ErrNotRegular is returned for a pipe, a device or a directory where a file is
// expected.
var ErrNotRegular = errors.New("expected a regular file")

// OS is the file system of the machine.
func OS() System { return machine{} }

// Regular returns an error that wraps ErrNotRegular unless f is a regular file:
// to read from a pipe might wait for good.
func Regular(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &os.PathError{Op: "open", Path: f.Name(), Err: ErrNotRegular}
	}
	return nil
}

type machine struct{}

func (machine) Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (machine) MakeDir(dir string) error { return os.MkdirAll(dir, 0o700) }

func (machine) Open(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|NonBlocking, 0)
	if err != nil {
		return nil, err
	}
	if err := Regular(f); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

func (machine) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (machine) Rename(from, to string) error { return os.Rename(from, to) }
func (machine) Remove(path string) error     { return os.Remove(path) }
func (machine) SyncDir(dir string) error     { return syncDir(filepath.Clean(dir)) }
func (machine) Database(Step, string) error  { return nil }
