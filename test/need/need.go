// Package need lets a test declare what it needs. `go test ./...` has to pass
// on a machine that has nothing but Go, so a test that needs a container
// engine, root or a program is skipped there and says why. In CI a missing
// requirement is a failure, because a test that never runs cannot fail.
package need

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// RequireVariable names the environment variable that turns skips into
// failures: "all", or a comma-separated list of requirements, as in
// "docker,root". CI=true means "all".
const RequireVariable = "MESH_TEST_REQUIRE"

// Missing ends the test: what (a word such as "docker") is not usable, and why.
// The test is skipped, or fails where what is required.
func Missing(t testing.TB, what, why string) {
	t.Helper()
	if required(what) {
		t.Fatalf("%s is required here (CI or %s) but not usable: %s", what, RequireVariable, why)
	}
	t.Skipf("needs %s: %s (./test/run sets up everything)", what, why)
}

func required(what string) bool {
	list := strings.Split(os.Getenv(RequireVariable), ",")
	return os.Getenv("CI") == "true" || slices.Contains(list, "all") || slices.Contains(list, what)
}

// Program requires an executable in PATH and returns its path. pkg is its
// Debian package.
func Program(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, name, "no such program; apt-get install "+pkg)
	}
	return path
}

// Docker requires the docker command and a running daemon.
func Docker(t testing.TB) {
	t.Helper()
	Program(t, "docker", "docker.io")
	out, err := exec.CommandContext(t.Context(), "docker", "version", "--format", "{{.Server.Version}}").CombinedOutput()
	if err != nil {
		Missing(t, "docker", "its daemon does not answer: "+lastLine(out))
	}
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
