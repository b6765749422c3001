package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/internal/storetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	goleak.VerifyTestMain(m)
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		dir := filepath.Join(t.TempDir(), "a", "b")
		return storetest.Opener{Open: func() (store.Store, error) {
			// A rewrite every few records, and continuous syncs.
			return Open(dir, Options{SyncEvery: time.Millisecond, compactSlots: 8})
		}}
	})
}

// reopen opens a directory until the test ends.
func reopen(t *testing.T, dir string, opts Options) *Store {
	t.Helper()
	s, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	reopen(t, dir, Options{})
	_, err := Open(dir, Options{LockTimeout: time.Millisecond})
	if !errors.Is(err, store.ErrLocked) {
		t.Fatalf("got %v, want ErrLocked", err)
	}
	for _, word := range []string{dir, "another btmesh2mqtt"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not contain %q", err, word)
		}
	}
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "new")
	s := reopen(t, dir, Options{})
	if err := s.Apply(store.Change{Table: "t", Key: "k", Value: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	wantModes(t, dir)

	// The permissions of files that somebody has relaxed are restricted again.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{tablesName, journalName} {
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	reopen(t, dir, Options{})
	wantModes(t, dir)
}

func wantModes(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestErrorsNameThePath(t *testing.T) {
	base := t.TempDir()
	occupied := filepath.Join(base, "file")
	if err := os.WriteFile(occupied, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	notADatabase := filepath.Join(base, "db")
	if err := os.MkdirAll(notADatabase, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(notADatabase, tablesName), []byte(strings.Repeat("no", 8192)), 0o600); err != nil {
		t.Fatal(err)
	}
	notAJournal := filepath.Join(base, "journal")
	if err := os.MkdirAll(filepath.Join(notAJournal, journalName, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{occupied, notADatabase, notAJournal} {
		_, err := Open(dir, Options{})
		if err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("Open(%s): error %v does not name it", dir, err)
		}
		if dir == notADatabase && !errors.Is(err, store.ErrDamaged) {
			t.Errorf("a file that is not a database: got %v, want ErrDamaged", err)
		}
	}
}

// TestInterruptedCreation leaves the files that a killed creation leaves, at
// each of its stages.
func TestInterruptedCreation(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{tablesName + newSuffix + "123", journalName + newSuffix} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half a"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reopen(t, dir, Options{})
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(entries); len(entries) != 4 {
		t.Errorf("left behind: %s", got)
	}
}

func TestFutureFormats(t *testing.T) {
	dir := t.TempDir()
	if err := reopen(t, dir, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, journalName)
	b := appendRecord(nil, 0, record{kind: kindHeader, version: journalVersion + 1})
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, Options{})
	if !errors.Is(err, errFuture) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s and a newer version", err, path)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(b) {
		t.Errorf("the journal was changed: %x, %v", after, err)
	}
}
