package vm

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// modules of the kernel that the guest needs, in the order in which they go in.
func modules() []string {
	return []string{"ecc", "ecdh_generic", "rfkill", "crc16", "bluetooth", "hci_vhci"}
}

// Where the guest has things.
const (
	guestModules = "/modules"
	guestLine    = "/dev/ttyS1" // the serial line for what the tests say
)

// boot is the guest's init: it never returns.
func boot() {
	status, err := guest()
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

// guest sets the machine up, runs the tests in a process of their own and
// returns how that ended.
func guest() (string, error) {
	for _, m := range []struct{ kind, where string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}} {
		if err := os.MkdirAll(m.where, 0o755); err != nil {
			return "", err
		}
		if err := unix.Mount(m.kind, m.where, m.kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return "", fmt.Errorf("mounting %s: %w", m.where, err)
		}
	}
	for _, name := range modules() {
		if err := insert(filepath.Join(guestModules, name+".ko")); err != nil {
			return "", err
		}
	}
	line, err := os.OpenFile(guestLine, os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = line.Close() }()
	cmd := exec.Command("/init", "-test.v", "-test.run=^TestLinux$", "-test.timeout="+guestTime.String())
	cmd.Dir = "/tmp"
	cmd.Env = []string{guestVariable + "=1"}
	cmd.Stdout, cmd.Stderr = line, line
	err = cmd.Run()
	if cmd.ProcessState == nil {
		return "", err
	}
	return fmt.Sprint(cmd.ProcessState.ExitCode()), nil
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
