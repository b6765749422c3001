package disk

import (
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
)

// faultFS is a file system in memory. It counts its calls, fails on request,
// and can lose power: then each file has the synced content and a random part
// of the writes since, and the directory has the synced content or any state
// since.
type faultFS struct {
	mu    sync.Mutex
	names map[string]*inode
	past  []map[string]*inode // directory states that a power cut may leave, newest last
	calls int
	fail  func(call int, op string) error // nil: nothing fails
	short bool                            // a failing write writes half of the data
}

type inode struct {
	data   []byte
	synced []byte
	writes []span // since the last sync
}

type span struct {
	off  int64
	data []byte
}

func newFaultFS() *faultFS {
	return &faultFS{names: map[string]*inode{}, past: []map[string]*inode{{}}}
}

// call counts one call and decides whether it fails. The caller holds mu.
func (f *faultFS) call(op string) error {
	f.calls++
	if f.fail != nil {
		return f.fail(f.calls, op)
	}
	return nil
}

func (f *faultFS) Open(path string) (file, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("open"); err != nil {
		return nil, err
	}
	n, ok := f.names[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return &faultFile{fs: f, node: n}, nil
}

func (f *faultFS) Create(path string) (file, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("create"); err != nil {
		return nil, err
	}
	n := &inode{}
	f.names[path] = n
	f.past = append(f.past, maps.Clone(f.names))
	return &faultFile{fs: f, node: n}, nil
}

func (f *faultFS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("rename"); err != nil {
		return err
	}
	f.names[to] = f.names[from]
	delete(f.names, from)
	f.past = append(f.past, maps.Clone(f.names))
	return nil
}

func (f *faultFS) Remove(path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.names[path]; !ok {
		return &fs.PathError{Op: "remove", Path: path, Err: fs.ErrNotExist}
	}
	if err := f.call("remove"); err != nil {
		return err
	}
	delete(f.names, path)
	f.past = append(f.past, maps.Clone(f.names))
	return nil
}

func (f *faultFS) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("syncdir"); err != nil {
		return err
	}
	if filepath.Clean(dir) != dir {
		return fs.ErrInvalid
	}
	f.past = []map[string]*inode{maps.Clone(f.names)}
	return nil
}

// cutPower returns the file system as it may be found after a power cut now.
func (f *faultFS) cutPower(r *rand.Rand) *faultFS {
	f.mu.Lock()
	defer f.mu.Unlock()
	after := newFaultFS()
	for name, n := range f.past[r.IntN(len(f.past))] {
		data := slices.Clone(n.synced)
		for _, w := range n.writes {
			switch r.IntN(3) {
			case 0: // it was already on disk
				data = put(data, w.off, w.data)
			case 1: // a part of it, cut between sectors
				data = put(data, w.off, w.data[:len(w.data)/recordSize/2*recordSize])
			}
		}
		after.names[name] = &inode{data: data, synced: slices.Clone(data)}
	}
	after.past = []map[string]*inode{maps.Clone(after.names)}
	return after
}

// put writes data at off; a hole is filled with zeros, as file systems do.
func put(b []byte, off int64, data []byte) []byte {
	if grow := off + int64(len(data)) - int64(len(b)); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	copy(b[off:], data)
	return b
}

type faultFile struct {
	fs   *faultFS
	node *inode
	pos  int
}

func (f *faultFile) Read(p []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.call("read"); err != nil {
		return 0, err
	}
	if f.pos >= len(f.node.data) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[f.pos:])
	f.pos += n
	return n, nil
}

func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	err := f.fs.call("write")
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
func (f *faultFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.call("sync"); err != nil {
		f.node.writes = nil
		return err
	}
	for _, w := range f.node.writes {
		f.node.synced = put(f.node.synced, w.off, w.data)
	}
	f.node.writes = nil
	return nil
}

func (f *faultFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return f.fs.call("close")
}
