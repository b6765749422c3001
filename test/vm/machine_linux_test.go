package vm

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/need"
)

// margin is what a machine gets beside its parts: to boot, and to go off.
const margin = time.Minute

// machine is the virtual machine, seen from outside.
type machine struct {
	guest              guest
	qemu, cpio, kernel string
	modules            []string // files
	programs           []string // files, with the libraries that they need
	dir                string
	results            map[string]result
	output             map[string]string // by test: what it said
	files              files
	status             string // exit status of the tests in the guest
}

// result is a line of go test.
type result struct{ verdict, took string }

// newMachine looks for what it takes.
func newMachine(t *testing.T, g guest) *machine {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		need.Missing(t, "kernel", "the guest is an amd64 machine, this one is "+runtime.GOARCH)
	}
	m := &machine{
		guest:   g,
		qemu:    need.Program(t, "qemu-system-x86_64", "qemu-system-x86"),
		cpio:    need.Program(t, "cpio", "cpio"),
		dir:     t.TempDir(),
		results: make(map[string]result),
		output:  make(map[string]string),
		files:   make(files),
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

// run builds the initramfs, boots, has the parts run and reads until the machine
// has gone.
func (m *machine) run(t *testing.T, parts []string) {
	t.Helper()
	tests := fmt.Sprintf("^%s$/^(%s)$", t.Name(), strings.Join(parts, "|"))
	began := time.Now()
	initramfs := m.build(t)
	t.Logf("%s for the initramfs", time.Since(began).Round(time.Millisecond))
	began = time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), m.guest.limit+margin)
	defer cancel()
	// Under emulation one of the kernel's self-tests of its cryptography
	// takes too long.
	cmd := exec.CommandContext(ctx, m.qemu,
		"-accel", "tcg,thread=multi", "-cpu", "Haswell-v4", "-smp", "2", "-m", "512",
		"-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot",
		"-serial", "file:"+m.consoleFile(), "-serial", "stdio",
		"-kernel", m.kernel, "-initrd", initramfs,
		"-append", "console=ttyS0 quiet panic=-1 cryptomgr.notests -- -test.v -test.run="+tests+" -test.timeout="+m.guest.limit.String())
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m.read(t, out, began)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v\n%s", m.qemu, err, complaints.String())
	}
	t.Logf("%s until the machine was off", time.Since(began).Round(time.Millisecond))
}

// read takes apart what go test says on the serial line.
func (m *machine) read(t *testing.T, from io.Reader, began time.Time) {
	t.Helper()
	verdict := regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+) \((\S+)\)$`)
	current := ""
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		if name, ok := strings.CutPrefix(line, "=== RUN   "); ok {
			if current == "" {
				t.Logf("%s until the guest ran tests", time.Since(began).Round(time.Millisecond))
			}
			current = name
			continue
		}
		if found := verdict.FindStringSubmatch(line); found != nil {
			if _, known := m.results[found[2]]; known {
				continue // go test repeats it in the end
			}
			m.results[found[2]] = result{verdict: found[1], took: found[3]}
			t.Logf("%s: %s after %s", found[2], found[1], found[3])
			continue
		}
		if status, ok := strings.CutPrefix(line, statusLine); ok {
			m.status = status
			continue
		}
		if !m.files.take(current, line) {
			m.output[current] += line + "\n"
		}
	}
}

func (m *machine) consoleFile() string { return filepath.Join(m.dir, "console") }

// console is what the kernel said.
func (m *machine) console(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(m.consoleFile())
	if err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(string(text), "\r", "")
}

// build makes the initramfs: this package's tests as init, the modules, and the
// programs.
func (m *machine) build(t *testing.T) string {
	t.Helper()
	root := filepath.Join(m.dir, "root")
	for _, dir := range []string{"/proc", "/sys", "/dev", "/tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i, path := range m.modules {
		put(t, path, filepath.Join(root, guestModules, fmt.Sprintf("%02d-%s", i, filepath.Base(path))))
	}
	put(t, workshop.tests(t), filepath.Join(root, "init"))
	if m.guest.stack {
		put(t, workshop.service(t), filepath.Join(root, guestService))
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
	archive := filepath.Join(m.dir, "initramfs")
	pack := exec.CommandContext(t.Context(), m.cpio, "--quiet", "--create", "--format=newc", "--owner=0:0", "--file="+archive)
	pack.Dir = root
	pack.Stdin = strings.NewReader(files + "\n")
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("cpio: %v\n%s", err, out)
	}
	return archive
}
