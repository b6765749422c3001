// Package keep saves files that explain why a test failed: a capture of the HCI
// traffic, a log. If the test passes, it saves nothing.
package keep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// DirVariable names the environment variable with the target directory. The
// default is btmesh2mqtt-kept in the directory for temporary files.
const DirVariable = "MESH_TEST_KEEP"

// File returns a path for a test to write to, for example with --hci.capture.
// If the test fails, the file is kept, and path.1 as well, where a full capture
// continues. Call it before the writer is started, so that the writer's own
// cleanup runs first.
func File(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	for _, suffix := range []string{"", ".1"} {
		Data(t, name+suffix, func() ([]byte, error) { return os.ReadFile(path + suffix) })
	}
	return path
}

// Data saves what read returns under a name if the test fails. read is only
// called then, at the end. It is for content that has to be fetched, for
// example from a virtual machine. A file that does not exist (fs.ErrNotExist)
// is not saved.
func Data(t testing.TB, name string, read func() ([]byte, error)) {
	t.Helper()
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		data, err := read()
		if os.IsNotExist(err) {
			return
		}
		path := filepath.Join(dir(), inOnePart(t.Name())+"."+filepath.Base(name))
		if err == nil {
			err = os.MkdirAll(dir(), 0o700)
		}
		if err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			t.Logf("%s could not be kept: %v", name, err)
			return
		}
		t.Logf("kept %s: %d octets (btmon -r shows a capture)", path, len(data))
	})
}

func dir() string {
	if d := os.Getenv(DirVariable); d != "" {
		return d
	}
	return filepath.Join(os.TempDir(), "btmesh2mqtt-kept")
}

// inOnePart turns the name of a test into a file name without directories.
func inOnePart(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
}
