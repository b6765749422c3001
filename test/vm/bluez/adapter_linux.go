package bluez

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"golang.org/x/sys/unix"
)

// On a kernel that has mesh functions of its own (6.1 has) bluetooth-meshd 5.66
// cannot use an adapter with HCI_CHANNEL_USER: taking it makes the kernel tell
// all who manage adapters that this one is gone, and the daemon, to which the
// same event means that it was unplugged, gives it up, finds it again, takes it,
// and so on for ever. So the event is kept from the daemon:
//
//	we hold the adapter, and the kernel lists it to nobody
//	  the daemon starts, opens its management socket and finds no adapter
//	  we put a filter on that socket, which drops Index Removed
//	we give the adapter back: Index Added
//	  the daemon takes it
//
// The daemon's other way, the kernel's mesh functions, sends two packets a
// second, too few to be provisioned within its 60 seconds.

// hold takes an adapter; the function that is returned gives it back.
func hold(adapter string) (release func() error, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	held, err := transport.Open(ctx, adapter)
	if err != nil {
		return nil, err
	}
	return held.Close, nil
}

// indexRemoved is the event's code (BlueZ, doc/mgmt-api.txt), as the filter
// reads the two octets.
const indexRemoved = 0x0500

// deafen has a process no longer hear that adapters are removed.
func deafen(process int) error {
	pidfd, err := unix.PidfdOpen(process, 0)
	if err != nil {
		return fmt.Errorf("bluez: pidfd_open: %w", err)
	}
	defer func() { _ = unix.Close(pidfd) }()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", process))
	if err != nil {
		return err
	}
	for _, f := range files {
		theirs, err := strconv.Atoi(f.Name())
		if err != nil {
			return err
		}
		ours, err := unix.PidfdGetfd(pidfd, theirs, 0)
		if err != nil {
			return fmt.Errorf("bluez: pidfd_getfd: %w", err)
		}
		found, err := filter(ours)
		_ = unix.Close(ours)
		if found || err != nil {
			return err
		}
	}
	return errors.New("bluez: expected the daemon to have a Bluetooth socket")
}

// filter puts the filter on a file if it is a Bluetooth socket.
func filter(fd int) (bool, error) {
	if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil || domain != unix.AF_BLUETOOTH {
		return false, nil //nolint:nilerr // it is something else
	}
	const everything = 0xFFFF
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: indexRemoved, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: everything},
	}
	err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	if err != nil {
		return false, fmt.Errorf("bluez: SO_ATTACH_FILTER: %w", err)
	}
	return true, nil
}
