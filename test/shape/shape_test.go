package shape_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The limits. Only types with behaviour count; see kind.isData.
const (
	mostMethods = 60
	mostFields  = 20
	mostLines   = 4000 // per package, without tests, with comments
)

// exceptions may exceed a limit, each for a reason. An exception that is no
// longer needed fails the test.
func exceptions() map[string]string {
	return map[string]string{
		"mesh/access.Codec": "a method for each kind of field of a message, as encoding/binary and the like have",

		"mesh/friend.friendship":    "protocol state of a friendship; its few methods ask and update it",
		"mesh/state.Node":           "everything that a node keeps; its methods find and remove entries",
		"mesh/transport.reassembly": "protocol state of a message that comes in segments; reused without allocation",
		"mesh/transport.transfer":   "protocol state of a message that goes in segments; reused without allocation",
	}
}

// kind is a type of a package.
type kind struct {
	name    string // including its package
	methods map[string]bool
	fields  int // an embedded field counts once
}

// pack is a package: its files except tests, for all systems together.
type pack struct {
	path  string
	lines int
	kinds map[string]*kind
}

// isData reports whether a type only contains configuration, counters or
// protocol state: all its methods read, write, check, print or copy its
// content.
func (k *kind) isData() bool {
	for m := range k.methods {
		if !isOfData(m) {
			return false
		}
	}
	return true
}

func isOfData(method string) bool {
	verbs := []string{"Append", "Clone", "Decode", "Encode", "Marshal", "Parse", "String", "Unmarshal", "Valid", "Visit"}
	switch method {
	case "Equal", "Err", "Error", "Fields", "JSON", "Opcode", "Unwrap":
		return true
	}
	name := strings.ToUpper(method[:1]) + method[1:]
	return slices.ContainsFunc(verbs, func(verb string) bool { return strings.HasPrefix(name, verb) })
}

func (k *kind) isOver() bool {
	return !k.isData() && (len(k.methods) > mostMethods || k.fields > mostFields)
}

func (k *kind) String() string {
	return fmt.Sprintf("%-60s %5d methods %3d fields", k.name, len(k.methods), k.fields)
}

func (p *pack) isOver() bool { return p.lines > mostLines && !strings.HasPrefix(p.path, "test/") }

func (p *pack) String() string { return fmt.Sprintf("%-60s %5d lines", p.path, p.lines) }

// add counts a file.
func (p *pack) add(name string, src []byte) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	p.lines += strings.Count(string(src), "\n")
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if t, ok := s.(*ast.TypeSpec); ok {
					p.addType(t)
				}
			}
		case *ast.FuncDecl:
			if d.Recv != nil {
				p.kind(receiver(d.Recv.List[0].Type)).methods[d.Name.Name] = true
			}
		}
	}
	return nil
}

func (p *pack) addType(t *ast.TypeSpec) {
	k := p.kind(t.Name.Name)
	switch t := t.Type.(type) {
	case *ast.StructType:
		for _, f := range t.Fields.List {
			k.fields += max(1, len(f.Names))
		}
	case *ast.InterfaceType: // a requirement, not behaviour
		delete(p.kinds, k.name[len(p.path)+1:])
	}
}

func (p *pack) kind(name string) *kind {
	if p.kinds[name] == nil {
		p.kinds[name] = &kind{name: p.path + "." + name, methods: map[string]bool{}}
	}
	return p.kinds[name]
}

// receiver returns the name of a receiver's type: T, *T, T[K] or *T[K].
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return fmt.Sprintf("%T", e)
}

// read reads the packages below a folder, in order of their paths.
func read(root string) ([]*pack, error) {
	packs := map[string]*pack{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != root && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		where := path.Dir(filepath.ToSlash(relative))
		if packs[where] == nil {
			packs[where] = &pack{path: where, kinds: map[string]*kind{}}
		}
		return packs[where].add(name, src)
	})
	list := slices.Collect(maps.Values(packs))
	slices.SortFunc(list, func(a, b *pack) int { return strings.Compare(a.path, b.path) })
	return list, err
}

// TestShape prints the sizes of packages and types, and fails if one is too
// large. Import cycles need no test, because Go does not build them.
func TestShape(t *testing.T) {
	packs, err := read("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(packs) < 50 {
		t.Errorf("expected all packages of the repository, got %d", len(packs))
	}
	table, large, failures := judge(packs, exceptions())
	for _, f := range failures {
		t.Error(f)
	}
	t.Logf("packages, and their types with behaviour:%s", table)
	t.Logf("large, and allowed to be:%s", large)
}

// judge compares packages with the limits. It returns the table, the allowed
// exceptions, and the failures.
func judge(packs []*pack, exceptions map[string]string) (table, large string, failures []string) {
	allow := func(name, what, expected string) {
		if reason, ok := exceptions[name]; ok {
			delete(exceptions, name)
			large += "\n" + what + "  " + reason
			return
		}
		failures = append(failures, what+", "+expected)
	}
	for _, p := range packs {
		table += "\n\n" + p.String()
		if p.isOver() {
			allow(p.path, p.String(), fmt.Sprintf("expected at most %d: split it", mostLines))
		}
		kinds := slices.SortedFunc(maps.Values(p.kinds), func(a, b *kind) int { return strings.Compare(a.name, b.name) })
		for _, k := range kinds {
			if !k.isData() {
				table += "\n" + k.String()
			}
			switch {
			case k.isOver():
				allow(k.name, k.String(), fmt.Sprintf("expected at most %d and %d: move what belongs together to a separate type", mostMethods, mostFields))
			case k.fields > mostFields:
				large += "\n" + k.String() + "  data"
			}
		}
	}
	for name, reason := range exceptions {
		failures = append(failures, fmt.Sprintf("the exception for %s (%s) is no longer needed: remove it", name, reason))
	}
	return table, large, failures
}

// One above a limit fails, exactly at the limit passes.
func TestLimits(t *testing.T) {
	source := func(lines, methods, fields int, method string) string {
		s := "package p\ntype T[K any] struct {\nsync.Mutex\n" + strings.Repeat("f, g int\n", (fields-1)/2)
		if fields%2 == 0 {
			s += "h int\n"
		}
		s += "}\n"
		for i := range methods {
			s += fmt.Sprintf("func (t *T[K]) %s%d() {}\n", method, i)
		}
		return s + strings.Repeat("\n", lines-strings.Count(s, "\n"))
	}
	for _, c := range []struct {
		name, path, source string
		failures           int
	}{
		{"as large as allowed", "mesh/p", source(mostLines, mostMethods, mostFields, "Do"), 0},
		{"too many lines", "mesh/p", source(mostLines+1, 1, 1, "Do"), 1},
		{"many lines of a test", "test/p", source(mostLines+1, 1, 1, "Do"), 0},
		{"too many methods", "mesh/p", source(100, mostMethods+1, 1, "Do"), 1},
		{"too many fields", "mesh/p", source(100, 1, mostFields+1, "Do"), 1},
		{"data", "mesh/p", source(100, mostMethods+1, mostFields+1, "Append"), 0},
		{"both, and the lines", "mesh/p", source(mostLines+1, mostMethods+1, mostFields+1, "Do"), 2},
	} {
		p := &pack{path: c.path, kinds: map[string]*kind{}}
		if err := p.add("p.go", []byte(c.source)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if _, _, failures := judge([]*pack{p}, nil); len(failures) != c.failures {
			t.Errorf("%s: expected %d failures, got %q", c.name, c.failures, failures)
		}
		allowed := map[string]string{"mesh/p": "a reason", "mesh/p.T": "a reason"}
		if _, _, failures := judge([]*pack{p}, allowed); len(failures) != 2-c.failures {
			t.Errorf("%s, with exceptions: expected %d that are not needed, got %q", c.name, 2-c.failures, failures)
		}
	}
}
