package docs

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/config"
)

var update = flag.Bool("update", false, "write the generated parts of the pages")

// Two comments enclose the generated part of docs/configuration.md.
const (
	keysBegin = "<!-- The keys: written by go test ./test/docs -run TestConfigurationPage -update -->\n"
	keysEnd   = "<!-- End of the keys -->\n"
)

// TestConfigurationPage compares the page of the configuration with its keys.
func TestConfigurationPage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(root, "docs", "configuration.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, begins := strings.Cut(string(page), keysBegin)
	_, tail, ends := strings.Cut(rest, keysEnd)
	if !begins || !ends {
		t.Fatalf("expected %q and %q in %s", keysBegin, keysEnd, path)
	}
	want := head + keysBegin + "\n" + keyTables(config.Keys()) + keysEnd + tail
	switch {
	case want == string(page):
	case *update:
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s does not match package config; update it with go test ./test/docs -run TestConfigurationPage -update", path)
	}
}

// keyTables writes one section for each section of the configuration file.
func keyTables(keys []config.Key) string {
	var b strings.Builder
	section := ""
	for _, k := range keys {
		if name, _, _ := strings.Cut(k.Name, "."); name != section {
			section = name
			fmt.Fprintf(&b, "### %s\n\n| key | default | |\n|---|---|---|\n", section)
		}
		fallback := "`" + k.Default() + "`"
		if k.Default() == `""` {
			fallback = "(empty)"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s%s |\n", k.Name, cell(fallback), cell(k.Usage), cell(expected(k)))
		if next(keys, k) != section {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// expected says which values are valid if the type does not show it.
func expected(k config.Key) string {
	if k.Expect == "text" || k.Expect == "true or false" || strings.HasPrefix(k.Expect, "text that") {
		return ""
	}
	return " Expected: " + k.Expect + "."
}

// next returns the section of the key after k, or "" for the last one.
func next(keys []config.Key, k config.Key) string {
	for i := range keys[:len(keys)-1] {
		if keys[i].Name == k.Name {
			section, _, _ := strings.Cut(keys[i+1].Name, ".")
			return section
		}
	}
	return ""
}

// cell escapes text for a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
