package service

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/process"
)

// patience limits every wait for what the program serves.
const patience = process.Patience

// program builds the binary once, in a folder that TestMain removes.
var (
	programDir string
	program    = sync.OnceValues(build)
)

func TestMain(m *testing.M) {
	var err error
	if programDir, err = os.MkdirTemp("", "btmesh2mqtt-service-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(programDir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func build() (string, error) { return process.Build(filepath.Join("..", ".."), programDir, withRace) }

// instance is the running program.
type instance struct {
	*process.Process
	t testing.TB
}

// start runs the program. If the test does not end it, its cleanup does, and
// expects exit code 0.
func start(t testing.TB, args ...string) *instance {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = t.TempDir() // where a store would be created by default
	cmd.Env = process.Environment()
	return &instance{process.Start(t, cmd), t}
}

// ready returns when the demo reports that its network is ready.
func (i *instance) ready() {
	i.t.Helper()
	i.Await(&i.Stdout, "Ctrl-C ends the demo.")
}
