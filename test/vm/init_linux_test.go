package vm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Where the guest has things.
const (
	guestModules = "/modules"
	guestLine    = "/dev/ttyS1" // the serial line for what the tests say
)

// initMain is the guest's init: it never returns.
func initMain() {
	stop := beat(os.Stderr)
	status, err := setUp()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "init:", err) // on the console
		status = "unknown"
	}
	if line, err := os.OpenFile(guestLine, os.O_WRONLY|unix.O_NOCTTY, 0); err == nil {
		fmt.Fprintln(line, statusLine+status)
		_ = unix.IoctlSetInt(int(line.Fd()), unix.TCSBRK, 1) // what is written goes out
	}
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {}
}

// beat writes a heartbeat on the console until stop is called: the guest lives,
// whatever its tests are at.
func beat(console io.Writer) (stop func()) {
	const every = 2 * time.Second
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for began := time.Now(); ; {
			fmt.Fprintf(console, "init: alive for %.0f s\n", time.Since(began).Seconds())
			select {
			case <-tick.C:
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}

// setUp sets the machine up, runs the tests in a process of their own and
// returns how that ended.
func setUp() (string, error) {
	for _, m := range []struct{ kind, where string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}} {
		if err := os.MkdirAll(m.where, 0o755); err != nil {
			return "", err
		}
		if err := unix.Mount(m.kind, m.where, m.kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return "", fmt.Errorf("mounting %s: %w", m.where, err)
		}
	}
	modules, err := os.ReadDir(guestModules) // sorted: in the order in which they go in
	if err != nil {
		return "", err
	}
	for _, m := range modules {
		if err := insert(filepath.Join(guestModules, m.Name())); err != nil {
			return "", err
		}
	}
	if err := loopback(); err != nil {
		return "", err
	}
	line, err := os.OpenFile(guestLine, os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = line.Close() }()
	cmd := exec.Command("/init", os.Args[1:]...) // the kernel passes on what is behind the -- of its command line
	cmd.Dir = "/tmp"
	cmd.Env = []string{guestVariable + "=1", "PATH=/usr/sbin:/usr/bin"}
	cmd.Stdout, cmd.Stderr = line, line
	err = cmd.Run()
	if cmd.ProcessState == nil {
		return "", err
	}
	return fmt.Sprint(cmd.ProcessState.ExitCode()), nil
}

// loopback is ifconfig lo up; the kernel gives it 127.0.0.1.
func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("the loopback interface: %w", err)
	}
	return nil
}

// insert is insmod.
func insert(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("inserting %s: %w", path, err)
	}
	return nil
}
