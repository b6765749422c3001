package vm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/mdlayher/socket"
	"golang.org/x/sys/unix"
)

// patience ends every wait for the kernel or another process: what has not come
// by then does not come, however slow the machine is. It is no measure of speed,
// and less than a guest may go without a line (see watch).
const patience = 5 * time.Minute

// room is an air whose controllers the kernel has.
type room struct {
	air    *virtual.Air
	notice *notices

	mu        sync.Mutex
	listeners []func(*virtual.Advertisement)
}

// listen has f called for each advertisement, on the goroutine of the air.
func (r *room) listen(f func(*virtual.Advertisement)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners = append(r.listeners, f)
}

func newRoom(t *testing.T) *room {
	t.Helper()
	r := &room{air: virtual.NewAir(virtual.AirOptions{Seed: 1}), notice: listen(t)}
	t.Cleanup(func() { _ = r.air.Close() })
	r.air.Sniff(func(a *virtual.Advertisement) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, f := range r.listeners {
			f(a)
		}
	})
	r.sniff(t)
	return r
}

// sniff keeps the last advertisements, and shows them if the test fails.
func (r *room) sniff(t *testing.T) {
	t.Helper()
	const most = 60
	var mu sync.Mutex
	var last []string
	r.listen(func(a *virtual.Advertisement) {
		mu.Lock()
		defer mu.Unlock()
		last = append(last, fmt.Sprintf("  %9.3f %s % x", a.Elapsed.Seconds(), a.From, a.Data))
		last = last[max(0, len(last)-most):]
	})
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		if t.Failed() {
			t.Logf("the last that was on the air:\n%s", strings.Join(last, "\n"))
		}
	})
}

// dongle is a virtual controller that the kernel has as an adapter.
type dongle struct {
	controller *virtual.Controller
	index      uint16
	served     chan error
}

func (d *dongle) name() string    { return fmt.Sprintf("hci%d", d.index) }
func (d *dongle) address() string { return d.controller.Address().String() }
func (d *dongle) String() string  { return d.name() + " (" + d.address() + ")" }

// plug attaches a controller and waits until the kernel has set it up.
func (r *room) plug(t *testing.T, options virtual.Options) *dongle {
	t.Helper()
	d := r.attach(t, options)
	d.connect(t)
	r.notice.await(t, noticeAdded, d.index)
	return d
}

// attach puts a controller on the air that is not plugged in yet.
func (r *room) attach(t *testing.T, options virtual.Options) *dongle {
	t.Helper()
	c, err := r.air.Attach(options)
	if err != nil {
		t.Fatal(err)
	}
	d := &dongle{controller: c}
	t.Cleanup(func() { d.pull(t) })
	return d
}

// connect makes an adapter of the controller (drivers/bluetooth/hci_vhci.c): ff
// and the kind of device, which is answered by ff, the kind and the index.
func (d *dongle) connect(t *testing.T) {
	t.Helper()
	file, err := os.OpenFile("/dev/vhci", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var answer [4]byte
	if _, err = file.Write([]byte{0xff, 0}); err == nil {
		_, err = file.Read(answer[:])
	}
	if err != nil || answer[0] != 0xff {
		t.Fatalf("/dev/vhci answers % x, %v", answer, err)
	}
	d.index = binary.LittleEndian.Uint16(answer[2:])
	d.served = make(chan error, 1)
	go func(served chan<- error) { served <- d.controller.Serve(port{file}) }(d.served)
}

// port is the controller's side of an adapter. The kernel does not take what
// comes from one that is switched off; a dongle's wire does not break of that.
type port struct{ *os.File }

func (p port) Write(octets []byte) (int, error) {
	n, err := p.File.Write(octets)
	if errors.Is(err, unix.ENXIO) {
		return len(octets), nil
	}
	return n, err
}

// pull takes the dongle out.
func (d *dongle) pull(t *testing.T) {
	t.Helper()
	if d.served == nil {
		return
	}
	d.controller.Unplug()
	select {
	case err := <-d.served:
		if !errors.Is(err, virtual.ErrUnplugged) {
			t.Errorf("%s went by itself: %v", d, err)
		}
	case <-time.After(patience):
		t.Error("the kernel does not let go of /dev/vhci")
	}
	d.served = nil
}

// replug puts the dongle in again.
func (d *dongle) replug(t *testing.T) {
	t.Helper()
	if err := d.controller.Plug(); err != nil {
		t.Fatal(err)
	}
	d.connect(t)
}

// Events of the kernel's management interface (BlueZ, doc/mgmt-api.txt).
const (
	noticeAdded   = 0x0004 // set up, or given back
	noticeRemoved = 0x0005 // unplugged, or taken
)

// notices is what the kernel tells of its adapters.
type notices struct{ conn *socket.Conn }

func listen(t *testing.T) *notices {
	t.Helper()
	c, err := socket.Socket(unix.AF_BLUETOOTH, unix.SOCK_RAW, unix.BTPROTO_HCI, "mgmt", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Bind(&unix.SockaddrHCI{Dev: 0xffff, Channel: unix.HCI_CHANNEL_CONTROL}); err != nil {
		t.Fatal(err)
	}
	return &notices{conn: c}
}

// await waits for an event about an adapter and drops others.
func (n *notices) await(t *testing.T, event, index uint16) {
	t.Helper()
	if err := n.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 512)
	for {
		l, err := n.conn.Read(buf)
		if err != nil {
			t.Fatalf("waiting for event %d of hci%d: %v", event, index, err)
		}
		if l >= 6 && binary.LittleEndian.Uint16(buf) == event && binary.LittleEndian.Uint16(buf[2:]) == index {
			return
		}
	}
}

// ioctl requests of HCI sockets, as hciconfig has them on amd64.
const (
	ioctlUp   = 0x400448c9
	ioctlDown = 0x400448ca
	ioctlInfo = 0x800448d3
)

// ioctl asks the kernel on a socket of its own, again after a signal. That the
// adapter is up or down already is no error.
func (d *dongle) ioctl(t *testing.T, call func(fd uintptr) unix.Errno) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_BLUETOOTH, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.BTPROTO_HCI)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	errno := unix.EINTR
	for errno == unix.EINTR {
		errno = call(uintptr(fd))
	}
	if errno != 0 && errno != unix.EALREADY {
		t.Fatalf("ioctl of %s: %v", d, errno)
	}
}

// isUp tells whether the kernel, or a user channel, has the adapter switched on.
func (d *dongle) isUp(t *testing.T) bool {
	t.Helper()
	var info [92 / 4]uint32 // struct hci_dev_info
	info[0] = uint32(d.index)
	d.ioctl(t, func(fd uintptr) unix.Errno {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, ioctlInfo, uintptr(unsafe.Pointer(&info)))
		return errno
	})
	return info[4]&1 != 0
}

// switchOn brings the adapter up, as bluetoothd does.
func (d *dongle) switchOn(t *testing.T) {
	t.Helper()
	d.power(t, ioctlUp)
}

func (d *dongle) switchOff(t *testing.T) {
	t.Helper()
	d.power(t, ioctlDown)
}

func (d *dongle) power(t *testing.T, request uintptr) {
	t.Helper()
	d.ioctl(t, func(fd uintptr) unix.Errno {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(d.index))
		return errno
	})
}

// block is what rfkill does with the adapter.
func (d *dongle) block(t *testing.T, on bool) {
	t.Helper()
	switches, err := filepath.Glob("/sys/class/bluetooth/" + d.name() + "/rfkill*/soft")
	if err != nil || len(switches) != 1 {
		t.Fatalf("the rfkill switches of %s: %v, %v", d, switches, err)
	}
	word := "0"
	if on {
		word = "1"
	}
	if err := os.WriteFile(switches[0], []byte(word), 0); err != nil {
		t.Fatal(err)
	}
}

// take opens an adapter that is there.
func take(t *testing.T, spec string) transport.Transport {
	t.Helper()
	tr, err := transport.Open(context.Background(), spec)
	if err != nil {
		t.Fatalf("%s: %v", spec, err)
	}
	t.Cleanup(func() { _ = tr.Close() })
	return tr
}

// converse resets the controller and asks for its address, over tr.
func converse(tr transport.Transport) (packet.Address, error) {
	var none packet.Address
	for _, cmd := range []packet.Command{packet.Reset(), packet.ReadBDAddr()} {
		if err := tr.Write(cmd.AppendTo(nil)); err != nil {
			return none, err
		}
		buf := make([]byte, packet.MaxLen)
		n, err := tr.Read(buf)
		if err != nil {
			return none, err
		}
		e, err := packet.ParseEvent(buf[:n])
		if err != nil {
			return none, err
		}
		cc, err := e.CommandComplete()
		if err != nil {
			return none, err
		}
		if cc.Opcode != cmd.Opcode() || cc.Return[0] != 0 {
			return none, errors.New("not the answer")
		}
		if cmd.Opcode() == packet.OpReadBDAddr {
			return packet.ParseBDAddr(cc.Return[1:])
		}
	}
	return none, nil
}

// pending reads in the background.
type pending struct {
	err chan error
}

// reading starts a Read that nothing but a failure ends.
func reading(tr transport.Transport) *pending {
	p := &pending{err: make(chan error, 1)}
	go func() {
		buf := make([]byte, packet.MaxLen)
		for {
			if _, err := tr.Read(buf); err != nil {
				p.err <- err
				return
			}
		}
	}()
	return p
}

func (p *pending) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-p.err:
		return err
	case <-time.After(patience):
		t.Fatal("Read does not return")
		return nil
	}
}
