package faultfs

import (
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// Op is a kind of call to a file system.
type Op string

// Kinds of calls. Steps of the database begin with "database ".
const (
	OpNames   Op = "names"
	OpMakeDir Op = "mkdir"
	OpOpen    Op = "open"
	OpCreate  Op = "create"
	OpRename  Op = "rename"
	OpRemove  Op = "remove"
	OpSyncDir Op = "syncdir"
	OpRead    Op = "read"
	OpWrite   Op = "write"
	OpSync    Op = "sync"
	OpClose   Op = "close"
)

// OfDatabase is the kind of a call for a step of the database.
func OfDatabase(step filesystem.Step) Op { return "database " + Op(step) }

// Writes reports whether the call changes something on the disk: it is what
// fails when the disk is full or read-only.
func (o Op) Writes() bool {
	switch o {
	case OpMakeDir, OpCreate, OpRename, OpRemove, OpWrite, OpSync, OpSyncDir,
		OfDatabase(filesystem.StepCreate), OfDatabase(filesystem.StepCommit):
		return true
	}
	return false
}

// Call is one call to a file system.
type Call struct {
	Number int // from 1, in the order of the calls
	Op     Op
	Path   string
}

// Injector passes calls on to a file system, unless its function returns an
// error for them. Several goroutines may use it.
type Injector struct {
	system filesystem.System

	mu    sync.Mutex
	calls int
	fail  func(Call) error
}

var _ filesystem.System = (*Injector)(nil)

// OnDisk is an Injector on the file system of the machine.
func OnDisk() *Injector { return On(filesystem.OS()) }

// On is an Injector on another file system.
func On(system filesystem.System) *Injector { return &Injector{system: system} }

// Fail sets the function that is asked before each call, from the goroutine of
// the call: it may wait. A nil function lets everything pass.
func (i *Injector) Fail(f func(Call) error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fail = f
}

// Calls is how many calls there have been.
func (i *Injector) Calls() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.calls
}

func (i *Injector) ask(op Op, path string) error {
	i.mu.Lock()
	i.calls++
	c, fail := Call{Number: i.calls, Op: op, Path: path}, i.fail
	i.mu.Unlock()
	if fail == nil {
		return nil
	}
	return fail(c)
}

// Names implements filesystem.System.
func (i *Injector) Names(dir string) ([]string, error) {
	if err := i.ask(OpNames, dir); err != nil {
		return nil, err
	}
	return i.system.Names(dir)
}

// MakeDir implements filesystem.System.
func (i *Injector) MakeDir(dir string) error {
	if err := i.ask(OpMakeDir, dir); err != nil {
		return err
	}
	return i.system.MakeDir(dir)
}

// Open implements filesystem.System.
func (i *Injector) Open(path string) (filesystem.File, error) {
	if err := i.ask(OpOpen, path); err != nil {
		return nil, err
	}
	f, err := i.system.Open(path)
	return i.wrap(f, path, err)
}

// Create implements filesystem.System.
func (i *Injector) Create(path string) (filesystem.File, error) {
	if err := i.ask(OpCreate, path); err != nil {
		return nil, err
	}
	f, err := i.system.Create(path)
	return i.wrap(f, path, err)
}

// Rename implements filesystem.System.
func (i *Injector) Rename(from, to string) error {
	if err := i.ask(OpRename, to); err != nil {
		return err
	}
	return i.system.Rename(from, to)
}

// Remove implements filesystem.System.
func (i *Injector) Remove(path string) error {
	if err := i.ask(OpRemove, path); err != nil {
		return err
	}
	return i.system.Remove(path)
}

// SyncDir implements filesystem.System.
func (i *Injector) SyncDir(dir string) error {
	if err := i.ask(OpSyncDir, dir); err != nil {
		return err
	}
	return i.system.SyncDir(dir)
}

// Database implements filesystem.System.
func (i *Injector) Database(step filesystem.Step, path string) error {
	if err := i.ask(OfDatabase(step), path); err != nil {
		return err
	}
	return i.system.Database(step, path)
}

func (i *Injector) wrap(f filesystem.File, path string, err error) (filesystem.File, error) {
	if err != nil {
		return nil, err
	}
	return &injectedFile{File: f, injector: i, path: path}, nil
}

// injectedFile asks before each call to a file.
type injectedFile struct {
	filesystem.File
	injector *Injector
	path     string
}

func (f *injectedFile) Read(p []byte) (int, error) {
	if err := f.injector.ask(OpRead, f.path); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

func (f *injectedFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.injector.ask(OpWrite, f.path); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, off)
}

func (f *injectedFile) Sync() error {
	if err := f.injector.ask(OpSync, f.path); err != nil {
		return err
	}
	return f.File.Sync()
}

// Close closes the file also when the call fails, as an operating system does.
func (f *injectedFile) Close() error {
	err := f.injector.ask(OpClose, f.path)
	if closed := f.File.Close(); err == nil {
		err = closed
	}
	return err
}
