package disk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/faultfs"
)

// openFaults are what a file system says when it cannot.
func openFaults() map[string]struct {
	err    error
	writes bool // only what writes fails
	advice string
} {
	return map[string]struct {
		err    error
		writes bool
		advice string
	}{
		"EIO":    {syscall.EIO, false, "kernel's log"},
		"ENOSPC": {syscall.ENOSPC, true, "make room"},
		"EROFS":  {syscall.EROFS, true, "mounted read-only"},
		"EACCES": {syscall.EACCES, false, "chown -R"},
	}
}

// TestFaultWhileOpening makes each call of the file system fail while a store is
// opened: a new one, a whole one, and one that is repaired. The error names a
// file and the remedy, and once the file system works again the store is what it
// was: nothing is lost and there is no new network.
func TestFaultWhileOpening(t *testing.T) {
	p := newSampleStore(t)
	for what, files := range map[string]map[string][]byte{
		"new":                 {},
		"whole":               p.files,
		"without manifest":    without(p.files, manifestName),
		"without journal":     without(p.files, journalName),
		"damaged copy":        with(p.files, copyName, p.files[copyName][:100]),
		"interrupted rewrite": with(p.files, journalName+newSuffix, []byte("half a")),
	} {
		for name := range openFaults() {
			tried := 0
			for stop := false; !stop; tried++ {
				for _, lasting := range []bool{false, true} {
					stop = !faultWhileOpening(t, p, what, files, name, tried+1, lasting)
				}
				if t.Failed() {
					t.Fatalf("%s: %s at call %d", what, name, tried+1)
				}
			}
			t.Logf("%s: %s at each of %d calls", what, name, tried-1)
			if what == "new" && tried < 10 {
				t.Errorf("%s: only %d calls", what, tried)
			}
		}
	}
}

// faultWhileOpening opens a store whose file system fails at one call, or from it
// on. It returns false if there were fewer calls.
func faultWhileOpening(t *testing.T, p *sampleStore, what string, files map[string][]byte, name string, at int, lasting bool) bool {
	t.Helper()
	fault := openFaults()[name]
	dir := filepath.Join(p.dir, "..", "fault")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for file, data := range files {
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	injector := faultfs.OnDisk()
	number, hit := 0, false
	injector.Fail(func(c faultfs.Call) error {
		if fault.writes && !c.Op.Writes() {
			return nil
		}
		number++
		if number == at || lasting && number > at {
			hit = true
			return &os.PathError{Op: string(c.Op), Path: c.Path, Err: fault.err}
		}
		return nil
	})
	s, err := Open(dir, Options{Files: injector, Keep: reserves()})
	reached := hit
	injector.Fail(nil)
	if err == nil {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	} else {
		for _, word := range []string{dir, fault.advice} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("the error %q does not contain %q", err, word)
			}
		}
		if !errors.Is(err, fault.err) || errors.Is(err, store.ErrDamaged) {
			t.Errorf("got %v, want %v and no damage", err, fault.err)
		}
	}
	s, err = Open(dir, Options{Keep: reserves()})
	if err != nil {
		t.Errorf("afterwards: %v", err)
		return reached
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	got, err := read(s)
	saved, failed := node.Load(s)
	if err := errors.Join(err, failed); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	switch {
	case what == "new":
		if saved.Node != nil || len(got.tables)+len(got.replay) > 0 {
			t.Errorf("afterwards there is %v", got)
		}
	case saved.Node == nil || len(got.replay) != len(p.whole.replay) || len(got.tables) != len(p.whole.tables):
		t.Errorf("afterwards there are %d tables and %d sources", len(got.tables), len(got.replay))
	}
	return reached
}

func without(files map[string][]byte, name string) map[string][]byte {
	rest := map[string][]byte{}
	for other, data := range files {
		if other != name {
			rest[other] = data
		}
	}
	return rest
}

func with(files map[string][]byte, name string, data []byte) map[string][]byte {
	rest := without(files, name)
	rest[name] = data
	return rest
}

// TestNotAllowed has a directory that belongs to somebody else, as a container's
// volume often does: the error says who is who, and how to change it.
func TestNotAllowed(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Log("root may do everything; the text is tested without a directory")
		err := explain("/var/lib/some", &os.PathError{Op: "mkdir", Path: "/var/lib/some", Err: os.ErrPermission})
		wantWords(t, err, "user 0, group 0", "chown -R 0:0 /var/lib/some", "belongs to")
		return
	}
	dir := filepath.Join(t.TempDir(), "store")
	if err := os.Mkdir(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, Options{})
	wantWords(t, err, dir, "chown -R", "belongs to", "r-x------")
}

func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("the error %v does not contain %q", err, word)
		}
	}
}
