package vm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/process"
)

// TestService is about the way to the radio of the program as it is installed.
func TestService(t *testing.T) {
	guest{stack: true, parts: []part{
		{"refused", testServiceRefused},
		{"two_capabilities", testServiceRights},
		{"given_back_as_found", testServiceGivesBack},
		{"being_set_up", testServiceWaits},
	}}.test(t)
}

// fails has the service end by itself, and wants words in what it says.
func fails(t *testing.T, adapter string, user rights, words ...string) {
	t.Helper()
	cmd := exec.Command(guestService, "run", "--hci.wait=false", "--hci.adapters", adapter, "--store.dir", storeOf(t, user), "--mqtt.url", brokerURL)
	cmd.Env = process.Environment()
	user.give(cmd)
	p := process.Start(t, cmd)
	began := time.Now()
	if code := p.Wait(); code != 1 {
		t.Errorf("%s: exit code %d, expected 1", adapter, code)
	}
	last := ""
	for _, line := range strings.Split(strings.TrimSpace(p.Stderr.String()), "\n") {
		if strings.HasPrefix(line, "btmesh2mqtt: ") {
			last = line
		}
	}
	t.Logf("after %s: %s", time.Since(began).Round(time.Millisecond), last)
	for _, word := range words {
		if !strings.Contains(last, word) {
			t.Errorf("%s: it does not say %q", adapter, word)
		}
	}
}

// storeOf is a folder for a user, who gets no further than there.
func storeOf(t *testing.T, user rights) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "service-") //nolint:usetesting // another user could not get into that
	if err == nil {
		err = os.Chmod(dir, 0o700)
	}
	if err == nil {
		err = os.Chown(dir, int(user.user), int(user.user))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// testServiceRefused has the service say why it cannot have an adapter, and what
// to do.
func testServiceRefused(t *testing.T) {
	fails(t, "hci0", superuser, "expected the adapter hci0", "none", "plugged in")
	room := newRoom(t)
	a, b := room.plug(t, first()), room.plug(t, second())
	fails(t, "hci9", superuser, "expected the adapter hci9", a.String()+", "+b.String())
	fails(t, "00:11:22:33:44:55", superuser, "00:11:22:33:44:55", a.String())
	fails(t, a.name(), nobody, "CAP_NET_ADMIN", "setcap", "AmbientCapabilities")
	holder := start(t, a.name(), superuser)
	fails(t, a.name(), superuser, a.name()+" is held by another program", "HCI user channel")
	holder.leave(t)
	b.block(t, true)
	fails(t, b.address(), superuser, "rfkill unblock bluetooth")
	b.block(t, false)
}

// testServiceRights runs the service as nobody, with two capabilities.
func testServiceRights(t *testing.T) {
	for _, on := range []bool{false, true} {
		room := newRoom(t)
		d := room.plug(t, first())
		if on {
			d.switchOn(t)
		}
		h := &bridge{t: t, adapter: d.name(), user: service}
		folder := storeOf(t, h.user)
		h.store = filepath.Join(folder, "store")
		h.serve()
		h.capture = filepath.Join(folder, "air.btsnoop")
		h.start()
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.running.ID()))
		if err != nil {
			t.Fatal(err)
		}
		const admin, raw = 12, 13 // CAP_NET_ADMIN, CAP_NET_RAW
		for _, want := range []string{"Uid:\t65534\t65534\t", fmt.Sprintf("CapEff:\t%016x\n", 1<<admin|1<<raw)} {
			if !strings.Contains(string(status), want) {
				t.Errorf("the service runs without %q:\n%s", want, status)
			}
		}
		h.o.AwaitLastMatch(base+"bridge/info", "with an adapter that runs", func(payload []byte) bool {
			return strings.Contains(string(payload), `"state":"running"`)
		})
		h.stop()
		if d.isUp(t) != on {
			t.Errorf("up is %t, was %t", d.isUp(t), on)
		}
		h.quit()
	}
}

// testServiceGivesBack ends the service by what systemd sends, and by Ctrl-C:
// the adapter is as it was.
func testServiceGivesBack(t *testing.T) {
	room := newRoom(t)
	d := room.plug(t, second())
	h := newBridge(t, d.address())
	for i, end := range []struct {
		signal os.Signal
		up     bool
	}{{syscall.SIGTERM, false}, {syscall.SIGTERM, true}, {os.Interrupt, true}, {os.Interrupt, false}} {
		if i > 0 {
			if end.up {
				d.switchOn(t)
			} else {
				d.switchOff(t)
			}
			h.start()
		}
		h.running.Signal(end.signal)
		if code := h.running.Wait(); code != 0 {
			t.Errorf("%v: exit code %d", end.signal, code)
		}
		if d.isUp(t) != end.up {
			t.Errorf("%v: up is %t, was %t", end.signal, d.isUp(t), end.up)
		}
	}
}

// testServiceWaits starts the service while the kernel still sets the adapter
// up, as at boot, and with one that never gets done.
func testServiceWaits(t *testing.T) {
	room := newRoom(t)
	slow := first()
	slow.Latency = 200 * time.Millisecond // for each of some twenty commands
	for _, byName := range []bool{true, false} {
		d := room.attach(t, slow)
		h := &bridge{t: t, store: filepath.Join(t.TempDir(), "store")}
		h.serve()
		d.connect(t)
		if h.adapter = d.address(); byName {
			h.adapter = d.name()
		}
		h.start()
		if said := h.running.Stderr.String(); !strings.Contains(said, "which is setting the adapter up") {
			t.Errorf("it did not wait:\n%s", said)
		}
		h.stop()
		h.quit()
		d.pull(t)
		slow.Address = virtual.MakeAddress(0xC0FFEE0000F0)
	}
	stuck := room.attach(t, second())
	stuck.controller.Hang(false)
	stuck.connect(t)
	fails(t, stuck.name(), superuser, stuck.name(), "setting it up")
}
