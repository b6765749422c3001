package transport

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"golang.org/x/sys/unix"
)

// fakeKernel has two adapters, returns the requested errors, and records the
// calls.
type fakeKernel struct {
	listing, down, up, binding error
	done                       []string
	none                       bool
}

var (
	firstAddress  = packet.Address{1, 0, 0, 0, 0, 0}
	secondAddress = packet.Address{2, 0, 0, 0, 0, 0}
)

func (k *fakeKernel) adapters() ([]adapter, error) {
	if k.none {
		return nil, k.listing
	}
	// The newest first, as on Linux. hci5 has the address of hci3, as cheap
	// dongles do.
	return []adapter{
		{index: 5, name: "hci5", address: secondAddress, up: true},
		{index: 4, name: "hci4"},
		{index: 3, name: "hci3", address: secondAddress, up: true},
		{index: 0, name: "hci0", address: firstAddress},
	}, k.listing
}

func (k *fakeKernel) power(index uint16, on bool) error {
	k.done = append(k.done, fmt.Sprintf("power %d %t", index, on))
	if on {
		return k.up
	}
	return k.down
}

func (k *fakeKernel) bind(index uint16) (io.ReadWriteCloser, error) {
	k.done = append(k.done, fmt.Sprintf("bind %d", index))
	if k.binding != nil {
		return nil, k.binding
	}
	a, b := net.Pipe()
	_ = b.Close()
	return a, nil
}

func mustParse(t *testing.T, s string) Spec {
	t.Helper()
	spec, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestUserChannelGivesBackAsFound(t *testing.T) {
	for spec, want := range map[string][]string{
		"hci0":                 {"bind 0"},
		firstAddress.String():  {"bind 0"},
		"hci3":                 {"power 3 false", "bind 3", "power 3 true"},
		secondAddress.String(): {"power 3 false", "bind 3", "power 3 true"},
	} {
		k := &fakeKernel{}
		u, err := newUserChannel(mustParse(t, spec), k)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		if _, err := u.Read(make([]byte, 10)); err == nil || errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), u.adapter.name) {
			t.Errorf("%s: reading from an unplugged adapter: %v", spec, err)
		}
		if err := errors.Join(u.Close(), u.Close()); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
		if !slices.Equal(k.done, want) {
			t.Errorf("%s: did %v, want %v", spec, k.done, want)
		}
		if _, err := u.Read(make([]byte, 10)); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: read after close: %v", spec, err)
		}
		if err := u.Write([]byte{1, 3, 0x0c, 0}); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: write after close: %v", spec, err)
		}
	}
}

func TestUserChannelErrors(t *testing.T) {
	for name, test := range map[string]struct {
		spec   string
		kernel fakeKernel
		is     error
		hint   string
	}{
		"no Bluetooth":       {"hci0", fakeKernel{listing: unix.EAFNOSUPPORT}, ErrNoBluetooth, "container"},
		"no HCI protocol":    {"hci0", fakeKernel{listing: unix.EPROTONOSUPPORT}, ErrNoBluetooth, "module"},
		"missing by name":    {"hci1", fakeKernel{}, ErrNoAdapter, "hci0 (00:00:00:00:00:01), hci3 (00:00:00:00:00:02), hci4 (its address is not known yet"},
		"missing by address": {"00:00:00:00:00:09", fakeKernel{}, ErrNoAdapter, "hci0 (00:00:00:00:00:01)"},
		"none at all":        {"hci0", fakeKernel{none: true}, ErrNoAdapter, "plugged in"},
		"unplugged just now": {"hci0", fakeKernel{binding: unix.ENODEV}, ErrNoAdapter, "gone"},
		"held by another":    {"hci0", fakeKernel{binding: unix.EUSERS}, ErrBusy, "HCI user channel"},
		"held while up":      {"hci3", fakeKernel{down: unix.EBUSY}, ErrBusy, "HCI user channel"},
		"up again":           {"hci3", fakeKernel{binding: unix.EBUSY}, ErrBusy, "systemctl stop bluetooth"},
		"being set up":       {"hci4", fakeKernel{binding: unix.EBUSY}, ErrBusy, "setting it up"},
		"worth waiting":      {"hci4", fakeKernel{binding: unix.EBUSY}, ErrSettingUp, "hci4"},
		"address to come":    {"00:00:00:00:00:09", fakeKernel{}, ErrSettingUp, "hci4"},
		"rfkill":             {"hci0", fakeKernel{binding: unix.ERFKILL}, ErrBusy, "rfkill unblock"},
		"may not bind":       {"hci0", fakeKernel{binding: unix.EPERM}, ErrPermission, "setcap"},
		"may not power":      {"hci3", fakeKernel{down: unix.EPERM}, ErrPermission, "CAP_NET_ADMIN"},
		"may not open":       {"hci0", fakeKernel{listing: unix.EACCES}, ErrPermission, "CAP_NET_ADMIN"},
		"something else":     {"hci0", fakeKernel{binding: unix.EIO}, unix.EIO, "hci0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newUserChannel(mustParse(t, test.spec), &test.kernel)
			if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.hint) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestUserChannelBusyIsPutUpAgain checks that an adapter that cannot be opened
// is left as it was found.
func TestUserChannelBusyIsPutUpAgain(t *testing.T) {
	k := &fakeKernel{binding: unix.EUSERS}
	if _, err := newUserChannel(mustParse(t, "hci3"), k); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	if want := []string{"power 3 false", "bind 3", "power 3 true"}; !slices.Equal(k.done, want) {
		t.Errorf("did %v, want %v", k.done, want)
	}
}

// TestUserChannelOfAnotherIsLeftAlone behaves like Linux: an adapter with a
// user channel is up and cannot be taken down.
func TestUserChannelOfAnotherIsLeftAlone(t *testing.T) {
	k := &fakeKernel{down: unix.EBUSY}
	if _, err := newUserChannel(mustParse(t, "hci3"), k); !errors.Is(err, ErrBusy) || strings.Contains(err.Error(), "bluetoothd") {
		t.Error(err)
	}
	if want := []string{"power 3 false"}; !slices.Equal(k.done, want) {
		t.Errorf("did %v, want %v", k.done, want)
	}
}

func TestUserChannelCannotBeGivenBack(t *testing.T) {
	for up, ok := range map[error]bool{unix.ENODEV: true, unix.EALREADY: true, unix.EPERM: false} {
		u, err := newUserChannel(mustParse(t, "hci3"), &fakeKernel{up: up})
		if err != nil {
			t.Fatal(err)
		}
		if err := u.Close(); (err == nil) != ok {
			t.Errorf("%v: Close returned %v", up, err)
		}
	}
}

// TestThisKernel opens an adapter of this machine. Most machines have none, or
// not for this user; then the error must say so.
func TestThisKernel(t *testing.T) {
	tr, err := Open(context.Background(), "hci65534")
	if err == nil {
		_ = tr.Close()
		t.Fatal("there is an adapter hci65534")
	}
	if !errors.Is(err, ErrNoBluetooth) && !errors.Is(err, ErrNoAdapter) && !errors.Is(err, ErrPermission) {
		t.Errorf("got %v", err)
	}
	t.Log(err)
}

func TestSignalsDoNotEndSystemCalls(t *testing.T) {
	for _, last := range []error{nil, unix.EBUSY} {
		results := []error{unix.EINTR, unix.EINTR, last}
		err := uninterrupted(func() error {
			err := results[0]
			results = results[1:]
			return err
		})
		if !errors.Is(err, last) || len(results) != 0 {
			t.Errorf("got %v with %d calls to go, want %v", err, len(results), last)
		}
	}
}

func TestIoctlNumbers(t *testing.T) {
	for _, test := range []struct {
		arch         string
		list, turnUp uint
	}{
		{"amd64", 0x800448d2, 0x400448c9},
		{"arm", 0x800448d2, 0x400448c9},
		{"mipsle", 0x400448d2, 0x800448c9},
		{"ppc64le", 0x400448d2, 0x800448c9},
	} {
		if got := request(test.arch, true, numberGetDevList); got != test.list {
			t.Errorf("%s: list 0x%x", test.arch, got)
		}
		if got := request(test.arch, false, numberDevUp); got != test.turnUp {
			t.Errorf("%s: up 0x%x", test.arch, got)
		}
	}
}

func TestParseInfo(t *testing.T) {
	buf := make([]byte, infoLen)
	binary.NativeEndian.PutUint16(buf, 3)
	copy(buf[2:], "hci3")
	copy(buf[10:], []byte{0x13, 0x71, 0xda, 0x7d, 0x1a, 0x00})
	binary.NativeEndian.PutUint32(buf[16:], 5) // up, running
	a := parseInfo(buf)
	if a.index != 3 || a.name != "hci3" || a.address.String() != "00:1A:7D:DA:71:13" || !a.up {
		t.Errorf("got %+v", a)
	}
	binary.NativeEndian.PutUint32(buf[16:], 4)
	if parseInfo(buf).up {
		t.Error("an adapter that is down is up")
	}
}
