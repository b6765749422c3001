package keep

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// spy is a test that fails or not, and whose end can be triggered.
type spy struct {
	testing.TB
	name     string
	failed   bool
	cleanups []func()
}

func (s *spy) Name() string     { return s.name }
func (s *spy) Failed() bool     { return s.failed }
func (s *spy) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *spy) end() {
	slices.Reverse(s.cleanups)
	for _, f := range s.cleanups {
		f()
	}
}

func TestOnlyOfFailedTests(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept")
	t.Setenv(DirVariable, dir)
	for _, failed := range []bool{false, true} {
		s := &spy{TB: t, name: "TestA/b", failed: failed}
		path := File(s, "air.btsnoop")
		if err := os.WriteFile(path, []byte("capture"), 0o600); err != nil {
			t.Fatal(err)
		}
		Data(s, "log", func() ([]byte, error) { return []byte("text"), nil })
		Data(s, "gone", func() ([]byte, error) { return nil, fs.ErrNotExist })
		Data(s, "broken", func() ([]byte, error) { return nil, errors.New("no such guest") })
		s.end()
		kept := map[string]string{}
		entries, err := os.ReadDir(dir)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, e := range entries {
			data, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			kept[e.Name()] = string(data)
		}
		switch {
		case !failed && len(kept) > 0:
			t.Errorf("of a test that passed: %v", kept)
		case failed && (len(kept) != 2 || kept["TestA_b.air.btsnoop"] != "capture" || kept["TestA_b.log"] != "text"):
			t.Errorf("kept %v", kept)
		}
	}
}
