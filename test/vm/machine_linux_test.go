package vm

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/need"
)

// machine is what a guest is made of.
type machine struct {
	guest              guest
	qemu, cpio, kernel string
	modules            []string // files
	programs           []string // files, with the libraries that they need
	dir                string
	initramfs          string    // once it is built
	restarted          int       // how often the guest was started again
	notices            io.Writer // of restarts, for who does not see the log
	// prepare may change the limits of a boot, and returns further arguments for
	// QEMU.
	prepare func(number int, w *watch) []string
}

// newMachine looks for what it takes.
func newMachine(t *testing.T, g guest) *machine {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		need.Missing(t, "kernel", "the guest is an amd64 machine, this one is "+runtime.GOARCH)
	}
	m := &machine{
		guest: g,
		qemu:  need.Program(t, "qemu-system-x86_64", "qemu-system-x86"),
		cpio:  need.Program(t, "cpio", "cpio"),
		dir:   t.TempDir(),

		notices: os.Stderr,
		prepare: func(int, *watch) []string { return nil },
	}
	names := []string{"ecc", "ecdh_generic", "rfkill", "crc16", "bluetooth", "hci_vhci"}
	if g.stack {
		// What BlueZ's mesh daemon has the kernel compute.
		names = append(names, "af_alg", "algif_hash", "algif_skcipher", "algif_aead", "ecb", "ctr", "cmac", "ccm")
		m.findPrograms(t)
	}
	m.findKernel(t, names)
	return m
}

// findKernel looks into the folder where test/vm/kernel unpacks Debian's
// package; the modules are in the order in which they go in.
func (m *machine) findKernel(t *testing.T, modules []string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		need.Missing(t, "kernel", err.Error())
	}
	root := filepath.Join(cache, "btmesh2mqtt-test", "kernel")
	files := make(map[string]string)
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files[e.Name()] = path
			if strings.HasPrefix(e.Name(), "vmlinuz-") {
				m.kernel = path
			}
		}
		return err
	})
	if err != nil {
		need.Missing(t, "kernel", "no kernel package is unpacked in "+root)
	}
	for _, name := range modules {
		path, ok := files[name+".ko"]
		if !ok {
			need.Missing(t, "kernel", "no module "+name+" in "+root)
		}
		m.modules = append(m.modules, path)
	}
	if m.kernel == "" {
		need.Missing(t, "kernel", "no vmlinuz in "+root)
	}
}

// build makes the initramfs: this package's tests as init, the modules, and the
// programs.
func (m *machine) build(t *testing.T) {
	t.Helper()
	began := time.Now()
	root := filepath.Join(m.dir, "root")
	for _, dir := range []string{"/proc", "/sys", "/dev", "/tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i, path := range m.modules {
		put(t, path, filepath.Join(root, guestModules, fmt.Sprintf("%02d-%s", i, filepath.Base(path))))
	}
	put(t, ourPrograms.tests(t), filepath.Join(root, "init"))
	if m.guest.stack {
		put(t, ourPrograms.service(t), filepath.Join(root, guestService))
		m.addPrograms(t, root)
	}
	files := "."
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if relative, _ := filepath.Rel(root, path); relative != "." {
			files += "\n" + relative
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m.initramfs = filepath.Join(m.dir, "initramfs")
	pack := exec.CommandContext(t.Context(), m.cpio, "--quiet", "--create", "--format=newc", "--owner=0:0", "--file="+m.initramfs)
	pack.Dir = root
	pack.Stdin = strings.NewReader(files + "\n")
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("cpio: %v\n%s", err, out)
	}
	t.Logf("%s for the initramfs", time.Since(began).Round(time.Millisecond))
}
