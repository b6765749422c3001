package bridge

import (
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A part uses another part only through an interface that it defines itself: no
// part imports another. The parts are the packages in the table of parts.go.
func TestPartsDoNotImportEachOther(t *testing.T) {
	const internal = "github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/"
	imports := func(file string) []string {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, i := range f.Imports {
			if p, err := strconv.Unquote(i.Path.Value); err == nil && strings.HasPrefix(p, internal) {
				names = append(names, path.Base(p))
			}
		}
		return names
	}
	parts := slices.DeleteFunc(imports("parts.go"), func(name string) bool { return name == "part" })
	if len(parts) < 15 {
		t.Fatalf("expected more parts, found only %d", len(parts))
	}
	for _, name := range parts {
		files, err := filepath.Glob(filepath.Join("internal", name, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", name, files, err)
		}
		for _, file := range files {
			for _, other := range imports(file) {
				if other != name && slices.Contains(parts, other) {
					t.Errorf("%s imports the part %s", file, other)
				}
			}
		}
	}
}
