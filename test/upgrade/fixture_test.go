package upgrade

import (
	"archive/tar"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/disk"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
)

// fixture is what an older version left behind.
type fixture struct {
	// Version and Go describe the program that wrote the fixture.
	Version string `json:"version"`
	Go      string `json:"go"`
	// Reserves are the reserved sequence numbers by folder of the store: "." is
	// the bridge, "devices/NAME" a virtual device.
	Reserves map[string]reserve `json:"reserves"`
	// Removed are the UUIDs of devices that were removed permanently.
	Removed []mesh.UUID `json:"removed"`

	retained map[string]json.RawMessage // payload by topic; all of them are JSON
	network  json.RawMessage            // the export with all keys
}

// reserve is the first sequence number that may be used after a restart.
type reserve struct {
	IVIndex uint32 `json:"iv_index"`
	First   uint32 `json:"first"`
}

// before reports whether r is used up before other.
func (r reserve) before(other reserve) bool {
	return r.IVIndex < other.IVIndex || r.IVIndex == other.IVIndex && r.First < other.First
}

// Files of a fixture.
const (
	aboutFile    = "fixture.json"
	storeFile    = "store.tar.gz"
	retainedFile = "retained.json"
	networkFile  = "network.json"
)

// loadFixture reads a fixture without its store.
func loadFixture(t *testing.T, dir string) *fixture {
	t.Helper()
	f := &fixture{}
	for file, into := range map[string]any{aboutFile: f, retainedFile: &f.retained, networkFile: &f.network} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return f
}

// save writes a fixture with the store. It never overwrites a fixture.
func (f *fixture) save(t *testing.T, dir, store string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatalf("a fixture must not be changed; record a new version: %v", err)
	}
	for file, content := range map[string]any{aboutFile: f, retainedFile: f.retained, networkFile: f.network} {
		text, err := json.MarshalIndent(content, "", "  ") // the keys of a map are sorted
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := os.Create(filepath.Join(dir, storeFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(pack(out, store), out.Close()); err != nil {
		t.Fatal(err)
	}
}

// pack writes a folder into a compressed archive.
func pack(out io.Writer, dir string) error {
	zipped, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(zipped)
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		// No times and owners: they belong to the machine that recorded the
		// fixture.
		header := &tar.Header{Name: filepath.ToSlash(name), Mode: 0o600, Size: int64(len(content))}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err = archive.Write(content)
		return err
	})
	return errors.Join(err, archive.Close(), zipped.Close())
}

// unpack writes the store of a fixture into a new folder.
func unpack(t *testing.T, fixtureDir, into string) {
	t.Helper()
	in, err := os.Open(filepath.Join(fixtureDir, storeFile))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }() // only read
	zipped, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(zipped)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil || !filepath.IsLocal(header.Name) {
			t.Fatalf("%s: %q: %v", storeFile, header.Name, err)
		}
		path := filepath.Join(into, filepath.FromSlash(header.Name))
		content, err := io.ReadAll(archive)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o700)
		}
		if err == nil {
			err = os.WriteFile(path, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// reserves reads the reserved sequence numbers of all nodes in a store that no
// program has open.
func reserves(t *testing.T, store string) map[string]reserve {
	t.Helper()
	folders := []string{"."}
	entries, err := os.ReadDir(filepath.Join(store, "devices"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		folders = append(folders, "devices/"+e.Name())
	}
	all := map[string]reserve{}
	for _, folder := range folders {
		s, err := disk.Open(filepath.Join(store, filepath.FromSlash(folder)), disk.Options{})
		if err != nil {
			t.Fatal(err)
		}
		const size = 8 // IV index, first number
		data, err := s.Get(node.TableNode, "sequence")
		if err != nil || len(data) != size {
			t.Fatalf("%s: reserve %x, %v", folder, data, err)
		}
		all[folder] = reserve{IVIndex: binary.BigEndian.Uint32(data), First: binary.BigEndian.Uint32(data[4:])}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// retained returns what a broker keeps, except what the observers of this test
// left.
func retained(t *testing.T, url string) map[string]json.RawMessage {
	t.Helper()
	all := map[string]json.RawMessage{}
	for topic, payload := range observer.Retained(t, url, nil) {
		if !json.Valid(payload) {
			t.Errorf("%s is not JSON: %s", topic, payload)
			continue
		}
		if !strings.HasPrefix(topic, "observer/") {
			all[topic] = payload
		}
	}
	return all
}
