package process

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// Build compiles btmesh2mqtt into dir and returns the path of the program. root
// is the root of the module, relative to the folder of the test. With race the
// program is built with the race detector, which needs cgo.
func Build(root, dir string, race bool) (string, error) {
	path := filepath.Join(dir, "btmesh2mqtt")
	args, environ := []string{"build", "-o", path}, os.Environ()
	if race {
		args = append(args, "-race")
	} else {
		environ = append(environ, "CGO_ENABLED=0")
	}
	if err := lookAt(root); err != nil {
		return "", err
	}
	cmd := exec.Command("go", append(args, "./cmd/btmesh2mqtt")...)
	cmd.Dir, cmd.Env = root, environ
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// lookAt lists all folders with code. The go command records which files and
// folders a test has opened, and reuses a cached result while they are
// unchanged. It does not know otherwise what the program is built from.
func lookAt(root string) error {
	for _, folder := range []string{"cmd", "bridge", "config", "hci", "mesh"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(_ string, _ fs.DirEntry, err error) error { return err })
		if err != nil {
			return err
		}
	}
	_, err := os.Stat(filepath.Join(root, "go.mod"))
	return err
}
