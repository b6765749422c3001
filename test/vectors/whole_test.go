package vectors_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// files lists the files with the number of their entries.
var files = map[string]int{
	"crypto.json":       69,
	"messages.json":     115,
	"beacons.json":      36,
	"provisioning.json": 18,
	"models.json":       278,
}

// TestEveryEntryIsExercised proves that tests use every entry. It builds the
// tests of all packages that load the vectors with two kinds of changed files.
// In the first, the expected result of one entry is wrong: a test must fail,
// for each entry. In the second, entries are only marked: all tests must pass.
// An entry that no test reads or compares does not make a test fail.
func TestEveryEntryIsExercised(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	readers := readers(t, root)
	if len(readers) == 0 {
		t.Fatal("no package loads the vectors")
	}
	marked, spoiled := t.TempDir(), t.TempDir()
	marks := map[string]string{}
	for file, want := range files {
		entries := read(t, file)
		if len(entries) != want {
			t.Errorf("%s: %d entries, expected %d", file, len(entries), want)
		}
		for i, e := range entries {
			mark := fmt.Sprintf("<%s-%d>", strings.TrimSuffix(file, ".json"), i)
			marks[mark] = e["name"].(string)
			e["name"] = e["name"].(string) + " " + mark
		}
		write(t, marked, file, entries)
		for i, e := range entries {
			if !spoil(file, e) {
				t.Errorf("%s: entry %d: %s: it has no result to compare", file, i, e["name"])
			}
		}
		write(t, spoiled, file, entries)
	}
	build(t, root, marked, readers)
	build(t, root, spoiled, readers)
	failed := map[string]bool{}
	for _, reader := range readers {
		if out, err := run(t, root, marked, reader); err != nil {
			t.Errorf("%s: %v\n%s", reader, err, out)
		}
		out, err := run(t, root, spoiled, reader)
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Errorf("%s passes with wrong vectors (%v)", reader, err)
		}
		if sign := regexp.MustCompile(`(?m)^panic: .*`).Find(out); sign != nil {
			t.Errorf("%s: %s", reader, sign)
		}
		for _, f := range regexp.MustCompile(`--- FAIL: \S*(<[a-z]+-\d+>)`).FindAllSubmatch(out, -1) {
			failed[string(f[1])] = true
		}
	}
	for _, mark := range slices.Sorted(maps.Keys(marks)) {
		if !failed[mark] {
			t.Errorf("no test fails although the entry %q %s is wrong", marks[mark], mark)
		}
	}
}

// readers returns the packages whose tests import this one, as paths from the
// root.
func readers(t *testing.T, root string) []string {
	t.Helper()
	const imports = "\"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors\""
	var dirs []string
	err := filepath.WalkDir(filepath.Join(root, "mesh"), func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte(imports)) {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		dirs = append(dirs, "./"+filepath.ToSlash(dir))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// build compiles the tests of the readers with the files in dir instead of the
// embedded ones.
func build(t *testing.T, root, dir string, readers []string) {
	t.Helper()
	replace := map[string]string{}
	for file := range files {
		replace[filepath.Join(root, "test", "vectors", file)] = filepath.Join(dir, file)
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	// A program is named after its package, and two packages can have the same
	// name.
	for _, reader := range readers {
		cmd := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", program(dir, reader), reader)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}

// program returns the path of the test binary of a reader.
func program(dir, reader string) string {
	return filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(reader, "./"), "/", "-")+".test.exe")
}

// run runs the vector tests of one package, built for dir.
func run(t *testing.T, root, dir, reader string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command(program(dir, reader), "-test.v", "-test.timeout=60s", "-test.run", "Vector|Sample|Obfuscation|Nonce")
	cmd.Dir = filepath.Join(root, filepath.FromSlash(reader))
	return cmd.CombinedOutput()
}

type entry = map[string]any

func read(t *testing.T, file string) []entry {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var entries []entry
	if err := json.Unmarshal(text, &entries); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return entries
}

func write(t *testing.T, dir, file string, entries []entry) {
	t.Helper()
	// A float64 holds all numbers of the files without loss.
	text, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// spoil changes the expected result of an entry: its value, not its form. It
// returns false for an entry without a result.
func spoil(file string, e entry) bool {
	places := []string{"outputs"}
	switch file {
	case "messages.json":
		// The tests use the sequence numbers in the details.
		places = []string{"network_pdus", "upper_transport_pdu", "access_payload", "accepted"}
	case "provisioning.json":
		places = []string{"outputs", "pdu", "steps"}
	case "models.json":
		if e["opcode"] != nil {
			e["opcode"] = "7f" // reserved
			return true
		}
		if e["kind"] == "property_value" {
			const values = 1 // one of its fields
			field := e["fields"].([]any)[values].(entry)
			if parts, ok := field["value"].(entry); ok {
				other(parts)
			} else {
				field["value"] = 12345 // not in the files, and not the code for an unknown value
			}
			return true
		}
		places = []string{"parameters"}
	}
	done := false
	for _, place := range places {
		if v, ok := e[place]; ok {
			e[place] = other(v)
			done = true
		}
	}
	return done
}

// other returns another value of the same form.
func other(v any) any {
	switch v := v.(type) {
	case bool:
		return !v
	case float64:
		return v + 1
	case string:
		last := len(v) - 1
		if last < 0 || strings.Trim(v, "0123456789abcdef") != "" {
			return v // text
		}
		digit := "1"
		if v[last] == '1' {
			digit = "0"
		}
		return v[:last] + digit
	case []any:
		for i := range v {
			v[i] = other(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = other(v[name])
		}
	}
	return v
}
