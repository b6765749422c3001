package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build compiles btmesh2mqtt into dir and returns the path of the program. root
// is the root of the module, as seen from the test's folder. With race the
// program watches itself with the race detector, which needs cgo.
func Build(root, dir string, race bool) (string, error) {
	path := filepath.Join(dir, "btmesh2mqtt")
	args, environ := []string{"build", "-o", path}, os.Environ()
	if race {
		args = append(args, "-race")
	} else {
		environ = append(environ, "CGO_ENABLED=0")
	}
	cmd := exec.Command("go", append(args, "./cmd/btmesh2mqtt")...)
	cmd.Dir, cmd.Env = root, environ
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}
