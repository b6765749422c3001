package reference_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/reference"
)

var update = flag.Bool("update", false, "write the pages anew")

// The committed pages are what the code says.
func TestPages(t *testing.T) {
	requests, err := bridge.Requests()
	if err != nil {
		t.Fatal(err)
	}
	page, err := reference.Page(requests)
	if err != nil {
		t.Fatal(err)
	}
	committed(t, "mqtt-api.md", page)
	schemas, err := reference.Schemas(requests)
	if err != nil {
		t.Fatal(err)
	}
	committed(t, "mqtt-api.json", string(schemas))
}

// committed compares a file in docs with what it should be.
func committed(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("..", "..", "docs", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, want := strings.Split(string(file), "\n"), strings.Split(text, "\n")
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("%s is not what the code says, from line %d on; run go test ./bridge/reference -update\nexpected %s", path, i+1, want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s has %d lines, expected %d; run go test ./bridge/reference -update", path, len(got), len(want))
	}
}

// Every link within the page leads to a heading.
func TestLinks(t *testing.T) {
	requests, err := bridge.Requests()
	if err != nil {
		t.Fatal(err)
	}
	page, err := reference.Page(requests)
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for line := range strings.Lines(page) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			headings[reference.Anchor(strings.TrimSpace(title))] = true
		}
	}
	links := 0
	for _, rest := range strings.Split(page, "](#")[1:] {
		target, _, _ := strings.Cut(rest, ")")
		links++
		if !headings[target] {
			t.Errorf("no heading %s", target)
		}
	}
	if links < 30 {
		t.Errorf("%d links", links)
	}
}
