package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// oddFiles makes one of each kind of file that is no regular file, by what it is called.
func oddFiles(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	paths := map[string]string{
		"a named pipe": filepath.Join(dir, "pipe"), "a directory": filepath.Join(dir, "directory"),
		"a socket": filepath.Join(dir, "socket"), "a device": "/dev/zero",
	}
	if err := syscall.Mkfifo(paths["a named pipe"], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(paths["a directory"], 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", paths["a socket"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return paths
}

// Whatever a user names as a file, nothing but a regular file is read: a named pipe
// would wait for ever, and a device never end.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	regular := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(regular, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := readFile(regular); err != nil || string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
	for what, path := range oddFiles(t) {
		for name, args := range map[string][]string{
			"configuration": {"config", "check", "-c", path},
			"password":      {"config", "check", "--mqtt.password_file", path},
			"authorities":   {"config", "check", "--mqtt.url", "mqtts://broker", "--mqtt.tls.ca", path},
			"certificate":   {"config", "check", "--mqtt.url", "mqtts://broker", "--mqtt.tls.cert", path, "--mqtt.tls.key", path},
			"import":        {"network", "import", path, "--store.dir", filepath.Join(t.TempDir(), "store")},
			"restore":       {"network", "restore", path, "--store.dir", filepath.Join(t.TempDir(), "store")},
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				var out, failed bytes.Buffer
				code := newApp(nil, &out, &failed).execute(t.Context(), args)
				if code == exitDone || !strings.Contains(failed.String(), path+": expected a regular file, got "+what) {
					t.Errorf("exit code %d: %s%s", code, &out, &failed)
				}
			})
		}
		t.Run("trust anchors "+what, func(t *testing.T) {
			if _, err := trustAnchors(path); err == nil || !strings.Contains(err.Error(), "got "+what) {
				t.Error(err)
			}
		})
	}
}

// The same holds for firmware.
func TestOnlyRegularFilesAreFirmware(t *testing.T) {
	for what, path := range oddFiles(t) {
		files, err := openFirmware(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		if f, err := files.Open(filepath.Base(path)); err == nil || !strings.Contains(err.Error(), "got "+what) {
			t.Errorf("%s: %v, %v", what, f, err)
		}
	}
}
