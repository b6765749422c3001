package transport

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"golang.org/x/sys/unix"
)

// adapter is a controller as the kernel lists it.
type adapter struct {
	index   uint16
	name    string
	address packet.Address
	up      bool
}

// kernel is what the user channel needs from Linux; tests replace it.
type kernel interface {
	adapters() ([]adapter, error)
	power(index uint16, on bool) error
	bind(index uint16) (io.ReadWriteCloser, error)
}

// userChannel is a controller that the kernel has handed over completely: one
// packet per read and per write.
type userChannel struct {
	io.ReadWriteCloser
	kernel  kernel
	adapter adapter
	closed  atomic.Bool
}

func openUserChannel(s Spec) (Transport, error) {
	u, err := newUserChannel(s, linux{})
	if err != nil {
		return nil, err
	}
	return u, nil
}

// newUserChannel takes the adapter from the kernel's own Bluetooth stack. The
// kernel hands over only an adapter that is down. An adapter that is up is
// therefore taken down first, and brought up again by Close.
func newUserChannel(s Spec, k kernel) (*userChannel, error) {
	all, err := k.adapters()
	if err != nil {
		return nil, explain(s.String(), err)
	}
	// The kernel lists the newest adapter first.
	slices.SortFunc(all, func(a, b adapter) int { return cmp.Compare(a.index, b.index) })
	a, ok := s.find(all)
	if !ok {
		err := fmt.Errorf("transport: expected the adapter %s, the kernel has %s: %w", s, list(all), ErrNoAdapter)
		if s.kind == kindAddress && slices.ContainsFunc(all, adapter.nameless) {
			err = fmt.Errorf("%w: %w", err, ErrSettingUp)
		}
		return nil, err
	}
	if a.up {
		err := k.power(a.index, false)
		switch {
		case errors.Is(err, unix.EBUSY):
			// An adapter with a user channel is up, and stays up.
			return nil, held(a.name, err)
		case err != nil:
			return nil, explain(a.name, fmt.Errorf("taking it down: %w", err))
		}
	}
	conn, err := k.bind(a.index)
	switch {
	case err == nil:
	case a.up:
		return nil, errors.Join(explain(a.name, err), k.power(a.index, true))
	case errors.Is(err, unix.EBUSY):
		return nil, fmt.Errorf("transport: %s is down but cannot be opened: the kernel is still setting it up (just plugged in?), or another program has brought it up meanwhile; try again in a few seconds: %w: %w: %w", a.name, ErrBusy, ErrSettingUp, err)
	default:
		return nil, explain(a.name, err)
	}
	return &userChannel{ReadWriteCloser: conn, kernel: k, adapter: a}, nil
}

// nameless reports whether the address of an adapter is not known to the kernel
// yet.
func (a adapter) nameless() bool { return a.address == (packet.Address{}) }

// find returns the specified adapter.
func (s Spec) find(all []adapter) (adapter, bool) {
	for _, a := range all {
		if s.kind == kindIndex && a.index == s.index || s.kind == kindAddress && a.address == s.address {
			return a, true
		}
	}
	return adapter{}, false
}

func list(all []adapter) string {
	if len(all) == 0 {
		return "none (is it plugged in, and its driver loaded?)"
	}
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = fmt.Sprintf("%s (%s)", a.name, a.address)
		if a.nameless() {
			names[i] = a.name + " (its address is not known yet, the kernel may still be setting it up)"
		}
	}
	return strings.Join(names, ", ")
}

// explain returns an error that says what an errno of these sockets means and
// what to do.
func explain(name string, err error) error {
	switch {
	case errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.EPROTONOSUPPORT):
		return fmt.Errorf("transport: %s: %w: %w; load the module bluetooth (a container also needs the host's network), or use an H4 controller on a serial: or tcp: adapter", name, ErrNoBluetooth, err)
	case errors.Is(err, unix.ENODEV):
		return fmt.Errorf("transport: %s is gone (unplugged?): %w: %w", name, ErrNoAdapter, err)
	case errors.Is(err, unix.EUSERS):
		return held(name, err)
	case errors.Is(err, unix.EBUSY), errors.Is(err, unix.EALREADY):
		return fmt.Errorf("transport: %s was brought up again by another program (bluetoothd, most likely); stop it (systemctl stop bluetooth) or give this bridge a separate adapter: %w: %w", name, ErrBusy, err)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("transport: %s: taking an adapter from the kernel needs CAP_NET_ADMIN; run setcap 'cap_net_admin,cap_net_raw+eip' on the program, or AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW in its systemd unit: %w: %w", name, ErrPermission, err)
	case errors.Is(err, unix.ERFKILL):
		return fmt.Errorf("transport: %s is switched off by rfkill; run rfkill unblock bluetooth: %w: %w", name, ErrBusy, err)
	default:
		return fmt.Errorf("transport: opening %s: %w", name, err)
	}
}

func held(name string, err error) error {
	return fmt.Errorf("transport: %s is held by another program with the HCI user channel (another btmesh2mqtt, bluetooth-meshd, a virtual machine); stop it or give this bridge a separate adapter: %w: %w", name, ErrBusy, err)
}

// Read reads one packet.
func (u *userChannel) Read(p []byte) (int, error) {
	n, err := u.ReadWriteCloser.Read(p)
	if err != nil {
		return 0, u.failed("reading from", err)
	}
	if n == 0 { // the kernel sends no empty packets; it has closed the socket
		return 0, u.failed("reading from", io.EOF)
	}
	return n, nil
}

// Write writes one packet.
func (u *userChannel) Write(p []byte) error {
	if _, err := u.ReadWriteCloser.Write(p); err != nil {
		return u.failed("writing to", err)
	}
	return nil
}

func (u *userChannel) failed(what string, err error) error {
	if u.closed.Load() || errors.Is(err, os.ErrClosed) {
		return ErrClosed
	}
	return fmt.Errorf("transport: %s %s (unplugged?): %w", what, u.adapter.name, err)
}

// Close returns the adapter to the kernel, and brings it up if it was up.
func (u *userChannel) Close() error {
	if u.closed.Swap(true) {
		return nil
	}
	err := u.ReadWriteCloser.Close()
	if !u.adapter.up {
		return err
	}
	// An adapter that has been unplugged cannot be brought up.
	if up := u.kernel.power(u.adapter.index, true); up != nil && !errors.Is(up, unix.ENODEV) && !errors.Is(up, unix.EALREADY) {
		err = errors.Join(err, fmt.Errorf("transport: bringing %s up again: %w", u.adapter.name, up))
	}
	return err
}
