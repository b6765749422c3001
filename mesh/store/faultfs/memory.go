package faultfs

import (
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"path/filepath"
	"slices"
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/filesystem"
)

// grain is how many octets of a write a power cut keeps or loses as a whole. It
// is less than any sector.
const grain = 16

// Memory is a file system in memory. It fails on request and can lose power:
// then each file has the synced content and a random part of the writes since,
// and the directory has the synced content or any state since. NewMemory makes
// one. Several goroutines may use it.
type Memory struct {
	mu    sync.Mutex
	names map[string]*inode
	past  []map[string]*inode // directory states that a power cut may leave, newest last
	calls int
	fail  func(Call) error // nil: nothing fails
	short bool             // a failing write writes half of the data
}

var _ filesystem.System = (*Memory)(nil)

type inode struct {
	data   []byte
	synced []byte
	writes []span // since the last sync
}

type span struct {
	off  int64
	data []byte
}

// NewMemory returns an empty file system. Directories need not be made.
func NewMemory() *Memory {
	return &Memory{names: map[string]*inode{}, past: []map[string]*inode{{}}}
}

// Fail sets the function that decides which call fails. It is called with the
// file system locked and must not use it. A nil function lets everything pass.
// If short is true, a write that fails has written its first half.
func (f *Memory) Fail(short bool, fail func(Call) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.short, f.fail = short, fail
}

// Unlocked runs do while the file system is not locked, for a function of Fail
// that has to use it.
func (f *Memory) Unlocked(do func()) {
	f.mu.Unlock()
	defer f.mu.Lock()
	do()
}

// Calls is how many calls there have been.
func (f *Memory) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Content is the content of a file as a process sees it, and what of it is
// synced; nil if there is no such file.
func (f *Memory) Content(path string) (data, synced []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, ok := f.names[path]
	if !ok {
		return nil, nil
	}
	return slices.Clone(n.data), slices.Clone(n.synced)
}

// Put makes a file with a content that is synced, as if by another program.
func (f *Memory) Put(path string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names[path] = &inode{data: slices.Clone(data), synced: slices.Clone(data)}
	f.past = []map[string]*inode{maps.Clone(f.names)}
}

// call counts one call and decides whether it fails. The caller holds mu.
func (f *Memory) call(op Op, path string) error {
	f.calls++
	if f.fail != nil {
		return f.fail(Call{Number: f.calls, Op: op, Path: path})
	}
	return nil
}

// Names implements filesystem.System.
func (f *Memory) Names(dir string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call(OpNames, dir); err != nil {
		return nil, err
	}
	var names []string
	for name := range f.names {
		if path.Dir(filepath.ToSlash(name)) == filepath.ToSlash(dir) {
			names = append(names, path.Base(filepath.ToSlash(name)))
		}
	}
	slices.Sort(names)
	return names, nil
}

// MakeDir implements filesystem.System.
func (f *Memory) MakeDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.call(OpMakeDir, dir)
}

// Database implements filesystem.System.
func (f *Memory) Database(step filesystem.Step, path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.call(OfDatabase(step), path)
}

// Open implements filesystem.System.
func (f *Memory) Open(path string) (filesystem.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call(OpOpen, path); err != nil {
		return nil, err
	}
	n, ok := f.names[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return &memoryFile{fs: f, node: n, path: path}, nil
}

// Create implements filesystem.System.
func (f *Memory) Create(path string) (filesystem.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call(OpCreate, path); err != nil {
		return nil, err
	}
	n := &inode{}
	f.names[path] = n
	f.past = append(f.past, maps.Clone(f.names))
	return &memoryFile{fs: f, node: n, path: path}, nil
}

// Rename implements filesystem.System.
func (f *Memory) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call(OpRename, to); err != nil {
		return err
	}
	f.names[to] = f.names[from]
	delete(f.names, from)
	f.past = append(f.past, maps.Clone(f.names))
	return nil
}

// Remove implements filesystem.System.
func (f *Memory) Remove(path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.names[path]; !ok {
		return &fs.PathError{Op: "remove", Path: path, Err: fs.ErrNotExist}
	}
	if err := f.call(OpRemove, path); err != nil {
		return err
	}
	delete(f.names, path)
	f.past = append(f.past, maps.Clone(f.names))
	return nil
}

// SyncDir implements filesystem.System.
func (f *Memory) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call(OpSyncDir, dir); err != nil {
		return err
	}
	if filepath.Clean(dir) != dir {
		return fs.ErrInvalid
	}
	f.past = []map[string]*inode{maps.Clone(f.names)}
	return nil
}

// CutPower returns the file system as it may be found after a power cut now.
func (f *Memory) CutPower(r *rand.Rand) *Memory {
	f.mu.Lock()
	defer f.mu.Unlock()
	after := NewMemory()
	for name, n := range f.past[r.IntN(len(f.past))] {
		data := slices.Clone(n.synced)
		for _, w := range n.writes {
			switch r.IntN(3) {
			case 0: // it was already on disk
				data = put(data, w.off, w.data)
			case 1: // a part of it
				data = put(data, w.off, torn(r, w))
			}
		}
		after.names[name] = &inode{data: data, synced: slices.Clone(data)}
	}
	after.past = []map[string]*inode{maps.Clone(after.names)}
	return after
}

// torn is the part of a write that was on the disk when the power went.
func torn(r *rand.Rand, w span) []byte { return w.data[:r.IntN(len(w.data)/grain+1)*grain] }

// put writes data at off; a hole is filled with zeros, as file systems do.
func put(b []byte, off int64, data []byte) []byte {
	if grow := off + int64(len(data)) - int64(len(b)); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	copy(b[off:], data)
	return b
}

type memoryFile struct {
	fs   *Memory
	node *inode
	path string
	pos  int
}

func (f *memoryFile) Read(p []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.call(OpRead, f.path); err != nil {
		return 0, err
	}
	if f.pos >= len(f.node.data) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[f.pos:])
	f.pos += n
	return n, nil
}

func (f *memoryFile) WriteAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	err := f.fs.call(OpWrite, f.path)
	if err != nil {
		if !f.fs.short {
			return 0, err
		}
		p = p[:len(p)/2]
	}
	f.node.data = put(f.node.data, off, p)
	f.node.writes = append(f.node.writes, span{off, slices.Clone(p)})
	return len(p), err
}

// Sync makes the file durable. A failing sync loses what it should have
// written, as on Linux: the next sync succeeds without it.
func (f *memoryFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.call(OpSync, f.path); err != nil {
		f.node.writes = nil
		return err
	}
	for _, w := range f.node.writes {
		f.node.synced = put(f.node.synced, w.off, w.data)
	}
	f.node.writes = nil
	return nil
}

func (f *memoryFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return f.fs.call(OpClose, f.path)
}
