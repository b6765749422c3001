package mesh_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestConformanceTable checks CONFORMANCE.md against the repository: the
// packages, files and tests that it names exist, each row has both, and each
// package of the stack has a row.
func TestConformanceTable(t *testing.T) {
	const (
		root     = ".."
		section  = 5 // columns of the tables of sections; those of attacks have one less
		attack   = 4
		leastRow = 80
	)
	text, err := os.ReadFile("CONFORMANCE.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	rows, carriers := 0, map[string]bool{}
	first := map[string]bool{}
	for number, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| Section |") || strings.HasPrefix(line, "| Attack |") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != section && len(cells) != attack {
			t.Errorf("line %d has %d columns", number+1, len(cells))
			continue
		}
		rows++
		if first[cells[0]] {
			t.Errorf("line %d: there is another row of%s", number+1, cells[0])
		}
		first[cells[0]] = true
		carried, shown := cells[len(cells)-3], cells[len(cells)-2]
		packages, tests := quoted.FindAllStringSubmatch(carried, -1), quoted.FindAllStringSubmatch(shown, -1)
		if len(packages) == 0 || len(tests) == 0 {
			t.Errorf("line %d: expected a package and a test", number+1)
		}
		for _, p := range packages {
			carriers[p[1]] = true
			if sources, err := filepath.Glob(filepath.Join(root, p[1], "*.go")); err != nil || len(sources) == 0 {
				t.Errorf("line %d: there is no package %s", number+1, p[1])
			}
		}
		for _, f := range tests {
			if !hasTest(t, root, f[1]) {
				t.Errorf("line %d: there is no test %s", number+1, f[1])
			}
		}
		for _, f := range quoted.FindAllStringSubmatch(cells[len(cells)-1], -1) {
			if strings.Contains(f[1], ".Test") && !hasTest(t, root, f[1]) {
				t.Errorf("line %d: there is no test %s", number+1, f[1])
			}
		}
	}
	if rows < leastRow {
		t.Errorf("%d rows were read", rows)
	}
	// Only for tests, or shared by the core of a node and its parts.
	inside := map[string]bool{"mesh/model/server/servertest": true, "mesh/node/part": true, "mesh/node/part/parttest": true}
	err = filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		name := filepath.ToSlash(filepath.Join("mesh", filepath.Dir(path)))
		if !carriers[name] && !inside[name] && !strings.Contains(name, "/internal/") { // internal packages belong to their neighbours
			t.Errorf("the package %s has no row", name)
			inside[name] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// hasTest reports whether there is a test, as path.Function.
func hasTest(t *testing.T, root, name string) bool {
	t.Helper()
	dot := strings.LastIndex(name, ".")
	if dot < 0 {
		return false
	}
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(name[:dot]), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name[dot+1:]+"(") {
			return true
		}
	}
	return false
}
