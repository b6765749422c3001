package vm

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"golang.org/x/sys/unix"
)

// The two kinds of controller: 5.x with extended advertising, and 4.2.
func first() virtual.Options {
	return virtual.Options{Address: virtual.MakeAddress(0xC0FFEE000001)}
}

func second() virtual.Options {
	return virtual.Options{Address: virtual.MakeAddress(0xC0FFEE000002), Legacy: true}
}

// refused wants an adapter not to be had, and hints in the error.
func refused(t *testing.T, spec string, is error, hints ...string) {
	t.Helper()
	tr, err := transport.Open(context.Background(), spec)
	if err == nil {
		_ = tr.Close()
		t.Errorf("%s is there", spec)
		return
	}
	t.Log(err)
	if !errors.Is(err, is) {
		t.Errorf("%s: got %v, want %v", spec, err, is)
	}
	for _, hint := range hints {
		if !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: %q does not say %q", spec, err, hint)
		}
	}
}

// testMissing tells what there is.
func testMissing(t *testing.T) {
	refused(t, "hci0", transport.ErrNoAdapter, "none")
	r := newRoom(t)
	a, b := r.plug(t, first()), r.plug(t, second())
	refused(t, "hci9", transport.ErrNoAdapter, a.String()+", "+b.String())
	refused(t, "00:11:22:33:44:55", transport.ErrNoAdapter, a.String()+", "+b.String())
}

// testNames has both forms of a specification mean the same adapter.
func testNames(t *testing.T) {
	r := newRoom(t)
	a, b := r.plug(t, first()), r.plug(t, second())
	for spec, want := range map[string]*dongle{a.name(): a, b.name(): b, a.address(): a, b.address(): b} {
		tr := take(t, spec)
		got, err := converse(tr)
		if err != nil || got != want.controller.Address() {
			t.Errorf("%s: got %s, %v", spec, got, err)
		}
		if err := tr.Close(); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

// testRights needs two capabilities and not to be root; without them nothing
// changes.
func testRights(t *testing.T) {
	d := newRoom(t).plug(t, first())
	for _, on := range []bool{false, true} {
		if on {
			d.switchOn(t)
		}
		for _, spec := range []string{d.name(), d.address()} {
			h := start(t, spec, nobody)
			if !strings.HasPrefix(h.said, wordRefused+" permission") || !strings.Contains(h.said, "setcap") {
				t.Errorf("%s without rights: %s", spec, h.said)
			}
			h.leave(t)
			if d.isUp(t) != on {
				t.Errorf("%s without rights: up is %t, was %t", spec, d.isUp(t), on)
			}
			h = start(t, spec, service)
			if h.said != wordHeld+" "+d.address() {
				t.Errorf("%s with two capabilities: %s", spec, h.said)
			}
			h.leave(t)
			if d.isUp(t) != on {
				t.Errorf("%s with two capabilities: up is %t, was %t", spec, d.isUp(t), on)
			}
		}
	}
}

// testBusy meets another process on the adapter, which leaves or is killed.
func testBusy(t *testing.T) {
	d := newRoom(t).plug(t, first())
	for _, on := range []bool{false, true} {
		if on {
			d.switchOn(t)
		}
		holder := start(t, d.name(), superuser)
		if !strings.HasPrefix(holder.said, wordHeld) {
			t.Fatal(holder.said)
		}
		refused(t, d.name(), transport.ErrBusy, d.name(), "HCI user channel")
		refused(t, d.address(), transport.ErrBusy, d.name(), "HCI user channel")
		holder.leave(t)
		if d.isUp(t) != on {
			t.Errorf("up is %t, was %t", d.isUp(t), on)
		}
	}
	d.switchOff(t)

	holder := start(t, d.name(), service)
	holder.kill()
	if _, err := converse(take(t, d.name())); err != nil {
		t.Errorf("after its holder was killed: %v", err)
	}
}

// testGivesBack takes an adapter that is up, and one that is down, and leaves
// each as it was.
func testGivesBack(t *testing.T) {
	d := newRoom(t).plug(t, second())
	for _, on := range []bool{true, false} {
		if on {
			d.switchOn(t)
		} else {
			d.switchOff(t)
		}
		for range 3 {
			tr := take(t, d.name())
			if _, err := converse(tr); err != nil {
				t.Errorf("up before is %t: %v", on, err)
			}
			if err := tr.Close(); err != nil {
				t.Error(err)
			}
			if d.isUp(t) != on {
				t.Errorf("up is %t, was %t", d.isUp(t), on)
			}
		}
	}
}

// testSignals gives an adapter back while signals arrive.
func testSignals(t *testing.T) {
	d := newRoom(t).plug(t, second())
	d.switchOn(t)
	for range 3 {
		tr := take(t, d.name())
		disturbed := make(chan error, 1)
		go func() { disturbed <- disturb() }()
		err := tr.Close()
		if err := errors.Join(err, <-disturbed); err != nil {
			t.Error(err)
		}
		if !d.isUp(t) {
			t.Error("it was up and is down")
		}
	}
}

// disturb sends each thread of this process the signal by which Go preempts,
// a hundred times and not for ever: the kernel has to get done between two.
func disturb() error {
	for range 100 {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err != nil {
				return err
			}
			if err := unix.Tgkill(os.Getpid(), id, unix.SIGURG); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
	}
	return nil
}

// testClose ends a Read that waits.
func testClose(t *testing.T) {
	d := newRoom(t).plug(t, first())
	tr := take(t, d.address())
	p := reading(tr)
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	if err := p.end(t); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("a Read that waits: %v", err)
	}
	if _, err := tr.Read(make([]byte, 300)); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("Read: %v", err)
	}
	if err := tr.Write([]byte{1, 3, 0x0c, 0}); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("Write: %v", err)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
}

// testRemoved pulls the adapter under a Read that waits.
func testRemoved(t *testing.T) {
	for _, on := range []bool{false, true} {
		d := newRoom(t).plug(t, first())
		if on {
			d.switchOn(t)
		}
		tr := take(t, d.address())
		if _, err := converse(tr); err != nil {
			t.Fatal(err)
		}
		p := reading(tr)
		d.pull(t)
		err := p.end(t)
		t.Log(err)
		if err == nil || errors.Is(err, transport.ErrClosed) || !strings.Contains(err.Error(), d.name()+" (unplugged?)") {
			t.Errorf("a Read that waits: %v", err)
		}
		err = tr.Write([]byte{1, 3, 0x0c, 0})
		t.Log(err)
		if err == nil || errors.Is(err, transport.ErrClosed) {
			t.Errorf("Write: %v", err)
		}
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
		refused(t, d.address(), transport.ErrNoAdapter)
	}
}

// testSetUp opens an adapter that the kernel never gets done with.
func testSetUp(t *testing.T) {
	r := newRoom(t)
	d := r.attach(t, first())
	d.controller.Hang(false)
	d.connect(t)
	refused(t, d.name(), transport.ErrBusy, d.name(), "setting it up")
	refused(t, d.address(), transport.ErrNoAdapter, d.name()+" (its address is not known")
}

// testSwitchedOff has the adapter blocked as a flight mode does.
func testSwitchedOff(t *testing.T) {
	d := newRoom(t).plug(t, first())
	d.block(t, true)
	refused(t, d.name(), transport.ErrBusy, d.name(), "rfkill unblock")
	d.block(t, false)
	if _, err := converse(take(t, d.name())); err != nil {
		t.Error(err)
	}
}
