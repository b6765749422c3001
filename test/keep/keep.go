// Package keep puts aside what explains why a test failed: a capture of the HCI
// traffic, a log. Of a test that passes nothing stays.
package keep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// DirVariable names the environment variable with the directory to keep things
// in; without it that is btmesh2mqtt-kept where the system has temporary files.
const DirVariable = "MESH_TEST_KEEP"

// File is a path for a test to have something written to, such as --hci.capture.
// If the test fails, the file is kept, and path.1 as well, which is where a
// capture goes on that is full. Call it before the writer is started: then the
// writer's own cleanup comes first.
func File(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	for _, suffix := range []string{"", ".1"} {
		Data(t, name+suffix, func() ([]byte, error) { return os.ReadFile(path + suffix) })
	}
	return path
}

// Data keeps what read returns under a name if the test fails; read is called
// then, at the end. It is for what has to be fetched first, out of a virtual
// machine say. What does not exist (fs.ErrNotExist) is not kept.
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

// inOnePart makes a name without directories of the name of a test.
func inOnePart(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
}
