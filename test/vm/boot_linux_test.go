package vm

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/keep"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/process"
)

// restarts is how often a guest is started again whose tests have not begun.
const restarts = 3

// kernelLine is the kernel's command line before the --, behind which are the
// arguments of init.
//
// no_timer_check: to find out how the timer interrupt is wired, the kernel waits
// some 60 ms and expects five ticks of the 8254, which the emulator makes in
// another thread. On a busy machine that thread may have no CPU meanwhile; then
// the kernel tries other wirings, and panics when none of them ticks.
//
// cryptomgr.notests: under emulation one of the self-tests of the kernel's
// cryptography takes too long.
//
// panic=-1: a kernel that panics reboots, which with -no-reboot ends the emulator.
const kernelLine = "console=ttyS0 no_timer_check cryptomgr.notests panic=-1"

// cpu is one that the emulator knows, without the features that it does not have.
const cpu = "Haswell-v4,-pcid,-x2apic,-tsc-deadline,-invpcid,-spec-ctrl"

// boot is one start of a guest.
type boot struct {
	cmd    *exec.Cmd
	began  time.Time
	dir    string // for what is kept if the test fails
	stderr process.Output
	lines  chan string // of the tests; closed when the emulator has closed it
	report *report
}

// run boots until the tests have begun, and returns when the machine is off, with
// what the tests said. The tests run in the last boot only, and once: a guest
// that hangs or dies before they begin is started again, and afterwards it is a
// failure.
func (m *machine) run(t *testing.T, tests string) *report {
	t.Helper()
	for number := 1; ; number++ {
		w := newWatch()
		b := m.start(t, number, tests, m.prepare(number, w)...)
		err := b.watch(w)
		if err == nil {
			t.Logf("%s until the machine was off", b.passed())
			return b.report
		}
		t.Logf("boot %d: %v after %s; the end of its console:\n%s\n%s", number, err, b.passed(), b.console(12), b.stderr.String()+b.monitor())
		if b.report.began || number > restarts {
			t.Errorf("%v after %s, at boot %d of at most %d", err, b.passed(), number, restarts+1)
			return b.report
		}
		m.restarted++
		// On standard error, too: go test shows the log of a test that passes
		// only with -v.
		_, _ = fmt.Fprintf(m.notices, "guest restarted: %s, boot %d: %v after %s\n", t.Name(), number, err, b.passed())
	}
}

// start starts the emulator, with more arguments if there are.
func (m *machine) start(t *testing.T, number int, tests string, more ...string) *boot {
	t.Helper()
	b := &boot{
		dir:   filepath.Join(m.dir, fmt.Sprintf("boot%d", number)),
		lines: make(chan string), report: newReport(), began: time.Now(),
	}
	if err := os.Mkdir(b.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{consoleFile, monitorFile} {
		keep.Data(t, fmt.Sprintf("boot%d.%s", number, name), func() ([]byte, error) { return os.ReadFile(filepath.Join(b.dir, name)) })
	}
	keep.Data(t, fmt.Sprintf("boot%d.qemu", number), func() ([]byte, error) { return []byte(b.stderr.String()), nil })
	arguments := slices.Concat([]string{
		"-accel", "tcg,thread=multi", "-cpu", cpu, "-smp", "2", "-m", "512",
		"-display", "none", "-nic", "none", "-no-reboot",
		"-qmp", "unix:" + filepath.Join(b.dir, monitorSocket) + ",server=on,wait=off",
		"-serial", "file:" + filepath.Join(b.dir, consoleFile), "-serial", "stdio",
		"-kernel", m.kernel, "-initrd", m.initramfs,
		// No limit on the time of the tests: the watch sees whether they get on.
		"-append", kernelLine + " -- -test.v -test.timeout=0 -test.run=" + tests,
	}, more)
	b.cmd = exec.CommandContext(t.Context(), m.qemu, arguments...)
	b.cmd.Stderr = &b.stderr
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.report.t, b.report.booted = t, b.began
	go b.read(out) // watch waits for it
	return b
}

// Files of a boot.
const (
	consoleFile   = "console" // what the kernel and the guest's init wrote
	monitorFile   = "monitor" // what QEMU's monitor told of a guest that hangs
	monitorSocket = "socket"
)

// read takes the lines of the tests from the serial line.
func (b *boot) read(from io.Reader) {
	defer close(b.lines)
	for in := bufio.NewReader(from); ; {
		line, err := in.ReadString('\n')
		if line != "" {
			b.lines <- strings.TrimRight(line, "\r\n")
		}
		if err != nil {
			return // the emulator has ended
		}
	}
}

// watch follows the guest until it is off and returns nil if it went off by
// itself with the tests done. A guest that hangs is examined and killed.
func (b *boot) watch(w *watch) error {
	var size int64 // of the console
	folder := fmt.Sprintf("/proc/%d", b.cmd.Process.Pid)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	var stuck error
	for open := true; open; {
		select {
		case line, ok := <-b.lines:
			if open = ok; ok {
				w.line()
				b.report.take(line)
			}
		case now := <-tick.C:
			if info, err := os.Stat(filepath.Join(b.dir, consoleFile)); err == nil && info.Size() != size {
				size = info.Size()
				w.console()
			}
			if stuck != nil {
				continue // it is killed
			}
			if stuck = w.look(momentOf(now, folder)); stuck != nil {
				state := examine(filepath.Join(b.dir, monitorSocket))
				if err := os.WriteFile(filepath.Join(b.dir, monitorFile), []byte(state), 0o644); err != nil {
					stuck = errors.Join(stuck, err)
				}
				_ = b.cmd.Process.Kill() // it may have ended just now
			}
		}
	}
	err := b.cmd.Wait()
	switch {
	case stuck != nil:
		return stuck
	case err != nil:
		return fmt.Errorf("QEMU: %w", err)
	case b.report.status == "":
		return errors.New("the guest went off before its tests were done")
	}
	return nil
}

func (b *boot) passed() time.Duration { return time.Since(b.began).Round(time.Millisecond) }

// monitor is what QEMU's monitor told, if it was asked.
func (b *boot) monitor() string {
	text, err := os.ReadFile(filepath.Join(b.dir, monitorFile))
	if err != nil {
		return ""
	}
	return "QEMU's monitor says:\n" + string(text)
}

// console is the last lines of what the kernel and the guest's init wrote; all of
// it is kept when the test fails.
func (b *boot) console(most int) string {
	text, err := os.ReadFile(filepath.Join(b.dir, consoleFile))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(text), "\r", "")), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}
