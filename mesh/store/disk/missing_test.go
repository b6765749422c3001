package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// TestSeveralFilesGone removes every set of files, and empties it: there is a new
// store only when all are gone.
func TestSeveralFilesGone(t *testing.T) {
	p := newSampleStore(t)
	var names []string
	for name := range p.files {
		names = append(names, name)
	}
	slices.Sort(names)
	for set := 1; set < 1<<len(names)-1; set++ {
		for _, emptied := range []bool{false, true} {
			broken := &sampleStore{files: map[string][]byte{}, whole: p.whole, dir: p.dir}
			var which []string
			for i, name := range names {
				switch {
				case set>>i&1 == 0:
					broken.files[name] = p.files[name]
				case emptied:
					broken.files[name] = []byte{}
				}
				if set>>i&1 == 1 {
					which = append(which, name)
				}
			}
			v := broken.open(t, "", nil)
			if v.silent+v.renewed+v.harmless > 0 {
				t.Errorf("without %v (emptied %v): %+v", which, emptied, v)
			}
			// One file can be made again from the others, and a manifest with a
			// copy of the journal.
			if len(which) == 1 && which[0] != tablesName && v.reported != 1 {
				t.Errorf("without %v (emptied %v): %+v, want that it is reported", which, emptied, v)
			}
		}
	}
}

// TestOlderDatabase puts an older, undamaged copy of the database under the
// manifest: sequence numbers would be used twice.
func TestOlderDatabase(t *testing.T) {
	dir := t.TempDir()
	s := reopen(t, dir, Options{Keep: reserves()})
	network(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, tablesName)
	older, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s = reopen(t, dir, Options{Keep: reserves()})
	newest := []byte{0, 0, 0, 1, 0, 0, 8, 0}
	if err := errors.Join(s.Apply(store.Change{Table: node.TableNode, Key: "sequence", Value: newest}), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "older than its manifest") {
		t.Fatalf("got %v", err)
	}
	// The repair takes the reserve from the manifest, and tells what is lost.
	s = reopen(t, dir, Options{Keep: reserves(), Repair: true})
	if got, err := s.Get(node.TableNode, "sequence"); err != nil || !bytes.Equal(got, newest) {
		t.Errorf("the reserve is %x, %v, want that of the manifest", got, err)
	}
	if got := s.Findings(); len(got) != 1 || !strings.Contains(got[0], "1 transactions are lost") {
		t.Errorf("findings %q", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if again := reopen(t, dir, Options{Keep: reserves()}); len(again.Findings()) > 0 {
		t.Errorf("after the repair: %q", again.Findings())
	}
}

// TestPreviousMeta damages the newest header of the database: bbolt would go
// back to the transaction before without a word.
func TestPreviousMeta(t *testing.T) {
	p := newSampleStore(t)
	im, err := readImage(p.files[tablesName])
	if err != nil {
		t.Fatal(err)
	}
	newest := int(im.meta.tx % 2)
	for number := range 2 {
		data := bytes.Clone(p.files[tablesName])
		data[number*im.pageSize+pageHeader+48] ^= 1
		v := p.open(t, tablesName, data)
		want := verdict{reported: 1} // the older one is of no use, but tells of damage
		if number == newest {
			want = verdict{refused: 1}
		}
		if v != want {
			t.Errorf("header %d of 2, newest %d: %+v, want %+v", number, newest, v, want)
		}
	}
}

// TestTraces has backups of a network, and no store.
func TestTraces(t *testing.T) {
	dir := t.TempDir()
	backups := filepath.Join(dir, "backups")
	if err := os.Mkdir(backups, 0o700); err != nil {
		t.Fatal(err)
	}
	opts := Options{Traces: []string{backups}}
	if err := reopen(t, t.TempDir(), opts).Close(); err != nil { // nothing in it
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(backups, "network.backup"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"without a database", "with an empty one"} {
		_, err := Open(dir, opts)
		if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), backups) {
			t.Errorf("%s: got %v, want an error that names the backups", what, err)
		}
		if err := reopen(t, dir, Options{}).Close(); err != nil { // as network restore does
			t.Fatal(err)
		}
	}
}

// TestNoRegularFiles has a pipe or a directory in the place of each file: it must
// not wait.
func TestNoRegularFiles(t *testing.T) {
	p := newSampleStore(t)
	for name := range p.files {
		dir := filepath.Join(t.TempDir(), "store")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for other, data := range p.files {
			if other != name {
				if err := os.WriteFile(filepath.Join(dir, other), data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		path := filepath.Join(dir, name)
		for kind, create := range map[string]func() error{
			"directory": func() error { return os.Mkdir(path, 0o700) },
			"pipe":      func() error { return makePipe(path) },
		} {
			if err := create(); err != nil {
				t.Logf("no %s: %v", kind, err)
				continue
			}
			if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("a %s: got %v, want an error that names %s", kind, err, path)
			}
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
	}
}

// TestOlderJournal puts older copies of both files of the journal back: what was
// accepted since could be replayed.
func TestOlderJournal(t *testing.T) {
	dir := t.TempDir()
	older := map[string][]byte{}
	for round := range 2 {
		s := reopen(t, dir, Options{})
		e := store.ReplayEntry{Src: 9, Seq: mesh.SequenceNumber(round)}
		if err := errors.Join(s.AppendReplay([]store.ReplayEntry{e}), s.Close()); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{journalName, copyName} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if round == 0 {
				older[name] = data
			}
		}
	}
	for name, data := range older {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
	s := reopen(t, dir, Options{Repair: true})
	if len(s.Findings()) == 0 {
		t.Error("the repair tells nothing")
	}
}
