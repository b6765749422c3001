package vm

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/need"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vm/bluez"
)

// Where the guest has programs; those of Debian are where they are outside.
const (
	guestService   = "/usr/bin/btmesh2mqtt"
	guestMosquitto = "/usr/sbin/mosquitto"
)

// findPrograms looks for Debian's programs and the libraries that each needs.
func (m *machine) findPrograms(t *testing.T) {
	t.Helper()
	ldd := need.Program(t, "ldd", "libc-bin")
	for _, p := range []struct{ path, pkg string }{
		{bluez.MeshDaemon, "bluez-meshd"},
		{bluez.BusDaemon, "dbus"},
		{guestMosquitto, "mosquitto"},
	} {
		need.Program(t, p.path, p.pkg)
		m.programs = append(m.programs, p.path)
	}
	out, err := exec.CommandContext(t.Context(), ldd, m.programs...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", ldd, m.programs, err)
	}
	for _, found := range regexp.MustCompile(`(?m)(/\S+) \(0x`).FindAllStringSubmatch(string(out), -1) {
		if !slices.Contains(m.programs, found[1]) {
			m.programs = append(m.programs, found[1])
		}
	}
}

// addPrograms puts them into the guest, and the users that they ask for.
func (m *machine) addPrograms(t *testing.T, root string) {
	t.Helper()
	for _, path := range m.programs {
		put(t, path, filepath.Join(root, path))
	}
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"passwd": "root:x:0:0:root:/:\n", "group": "root:x:0:\n"} {
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// put copies a file, or what it is a link to.
func put(t *testing.T, from, to string) {
	t.Helper()
	octets, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, octets, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ourPrograms builds our own programs, each once for all machines.
var ourPrograms builder

type builder struct {
	mu  sync.Mutex
	dir string
}

// tests is this package's tests.
func (b *builder) tests(t *testing.T) string {
	t.Helper()
	return b.build(t, "tests", "test", "-c", ".")
}

// service is btmesh2mqtt.
func (b *builder) service(t *testing.T) string {
	t.Helper()
	return b.build(t, "btmesh2mqtt", "build", "../../cmd/btmesh2mqtt")
}

func (b *builder) build(t *testing.T, name, command string, args ...string) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "btmesh2mqtt-vm-test-") //nolint:usetesting // it outlives this test
		if err != nil {
			t.Fatal(err)
		}
		b.dir = dir
	}
	path := filepath.Join(b.dir, name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	args = append([]string{command, "-o", path, "-ldflags=-s -w"}, args...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return path
}

func (b *builder) close() error {
	if b.dir == "" {
		return nil
	}
	return os.RemoveAll(b.dir)
}
