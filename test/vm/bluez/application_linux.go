package bluez

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/godbus/dbus/v5"
)

// Device says what an application is in the mesh.
type Device struct {
	UUID                      mesh.UUID // of RFC 4122: the daemon checks it
	Company, Product, Version uint16
	CRPL                      uint16 // replay protection entries; 0 for the daemon's default
	Elements                  []Element
	Provisioning              Provisioning
	Provisioner               *Provisioner // nil for a device that provisions nobody
}

// Element is one element. The Configuration Server of the first one is the
// daemon's own; it need not be listed.
type Element struct {
	Location uint16
	Models   []mesh.ModelID // of the Bluetooth SIG and of vendors
	// Receive, which may be nil, gets the messages for this element one after
	// the other, and may answer them.
	Receive func(Message)
}

// Message is an access message that the daemon has decrypted.
type Message struct {
	Element     int
	Source      mesh.Address
	Destination mesh.Address  // 0 for a virtual address and with the device key
	Label       mesh.UUID     // of a virtual address
	Key         mesh.KeyIndex // of the AppKey; with the device key of the NetKey
	DeviceKey   bool          // it was encrypted with a device key,
	Remote      bool          // that of the source; otherwise that of this node
	Data        []byte        // opcode and parameters
	Time        time.Time     // when it came
}

// Configuration is what the daemon tells about a model.
type Configuration struct {
	Element       int
	Model         mesh.ModelID
	Bindings      []mesh.KeyIndex
	Subscriptions []mesh.Address
	Labels        []mesh.UUID // subscriptions to virtual addresses
	Period        time.Duration
}

// Application is a program on the bus that is, or becomes, a node. Its methods
// that have no error fail the test instead.
type Application struct {
	t      testing.TB
	daemon *Daemon
	device Device
	conn   *dbus.Conn
	worked chan struct{} // closed when the last message is dealt with

	mu             sync.Mutex
	changed        chan struct{} // closed when anything of what follows changes
	closed         bool
	token          uint64
	joined         bool
	failed         string // JoinFailed: why
	messages       []Message
	configurations []Configuration
	displays       []Display
	scans          []ScanResult
	added          []addition
}

// ErrTimeout says that the daemon did not do what was waited for.
var ErrTimeout = errors.New("bluez: timeout")

// Application connects a program to the daemon's bus, which the test's end
// disconnects.
func (d *Daemon) Application(device Device) *Application {
	d.t.Helper()
	a := &Application{t: d.t, daemon: d, device: device, changed: make(chan struct{}), worked: make(chan struct{})}
	var err error
	if a.conn, err = dbus.Connect(d.address, dbus.WithIncomingInterceptor(a.intercept)); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(a.Close)
	if err := a.export(); err != nil {
		d.t.Fatal(err)
	}
	go a.work()
	return a
}

// Close takes the program from the bus; its node stays with the daemon.
func (a *Application) Close() {
	a.update(func() { a.closed = true })
	_ = a.conn.Close()
	<-a.worked
}

// update changes something and wakes those who wait.
func (a *Application) update(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
	close(a.changed)
	a.changed = make(chan struct{})
}

// await returns when condition, which is called with the lock held, is true.
func (a *Application) await(what string, condition func() bool) error {
	return a.awaitFor(patience, what, condition)
}

func (a *Application) awaitFor(most time.Duration, what string, condition func() bool) error {
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	for {
		a.mu.Lock()
		done, changed := condition(), a.changed
		a.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-deadline.C:
			return fmt.Errorf("%w: waiting for %s", ErrTimeout, what)
		}
	}
}

// work gives the messages to the elements.
func (a *Application) work() {
	defer close(a.worked)
	for next := 0; ; next++ {
		for {
			a.mu.Lock()
			closed, has, changed := a.closed, next < len(a.messages), a.changed
			a.mu.Unlock()
			if closed {
				return
			}
			if has {
				break
			}
			<-changed
		}
		m := a.Messages(next)[0]
		if receive := a.device.Elements[m.Element].Receive; receive != nil {
			receive(m)
		}
	}
}

// Mark is the number of messages so far, for Messages and Next.
func (a *Application) Mark() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.messages)
}

// Messages lists the messages after a mark.
func (a *Application) Messages(mark int) []Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Message(nil), a.messages[mark:]...)
}

// Next waits for a message after a mark that matches.
func (a *Application) Next(mark int, what string, match func(Message) bool) Message {
	a.t.Helper()
	found, err := a.next(patience, mark, what, match)
	if err != nil {
		a.t.Fatalf("%v; messages: %+v", err, a.Messages(0))
	}
	return found
}

func (a *Application) next(most time.Duration, mark int, what string, match func(Message) bool) (found Message, err error) {
	err = a.awaitFor(most, what, func() bool {
		for ; mark < len(a.messages); mark++ {
			if found = a.messages[mark]; match(found) {
				return true
			}
		}
		return false
	})
	return found, err
}

// Ask sends something until a message matches that comes afterwards: the daemon
// sends a message and its answer once, and either may be lost.
func (a *Application) Ask(what string, send func() error, match func(Message) bool) Message {
	a.t.Helper()
	const again, times = 3 * time.Second, int(patience / (3 * time.Second))
	mark := a.Mark()
	for range times {
		if err := send(); err != nil {
			a.t.Fatalf("%s: %v", what, err)
		}
		if found, err := a.next(again, mark, what, match); err == nil {
			return found
		}
	}
	a.t.Fatalf("%s did not come; messages: %+v", what, a.Messages(0))
	return Message{}
}

// AwaitConfiguration waits until the last that the daemon has told about a model
// matches.
func (a *Application) AwaitConfiguration(element int, model mesh.ModelID, what string, match func(Configuration) bool) Configuration {
	a.t.Helper()
	var found Configuration
	err := a.await(what, func() bool {
		for i := len(a.configurations) - 1; i >= 0; i-- {
			if found = a.configurations[i]; found.Element == element && found.Model == model {
				return match(found)
			}
		}
		return false
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return found
}

// call calls a method of the daemon.
func (a *Application) call(path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return a.conn.Object("org.bluez.mesh", path).CallWithContext(ctx, "org.bluez.mesh."+method, 0, args...)
}

const networkPath = dbus.ObjectPath("/org/bluez/mesh")

// Join begins to wait as an unprovisioned device.
func (a *Application) Join() error {
	// The daemon refuses as long as the link of a provisioning that failed has
	// not ended.
	const lingers = "Failed to start provisioning acceptor"
	poll := time.NewTicker(time.Second)
	defer poll.Stop()
	for deadline := time.Now().Add(patience); ; <-poll.C {
		err := a.call(networkPath, "Network1.Join", rootPath, a.device.UUID[:]).Err
		if err == nil || err.Error() != lingers || time.Now().After(deadline) {
			return err
		}
	}
}

// CancelJoin ends that.
func (a *Application) CancelJoin() error {
	return a.call(networkPath, "Network1.Cancel").Err
}

// Joined waits until the node is provisioned, created or imported. The error
// is the daemon's reason why it is not, as JoinFailed tells it.
func (a *Application) Joined() error {
	if err := a.await("JoinComplete", func() bool { return a.joined || a.failed != "" }); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.joined {
		reason := a.failed
		a.failed = ""
		return fmt.Errorf("bluez: JoinFailed: %s", reason)
	}
	return nil
}

// CreateNetwork makes the application the first node, 0x0001, of a new network,
// and waits for that.
func (a *Application) CreateNetwork() error {
	if err := a.call(networkPath, "Network1.CreateNetwork", rootPath, a.device.UUID[:]).Err; err != nil {
		return err
	}
	return a.Joined()
}

// Import is a node's state that comes from elsewhere.
type Import struct {
	Address    mesh.Address
	DeviceKey  crypto.Key
	NetIndex   mesh.KeyIndex
	NetKey     crypto.Key
	IVIndex    mesh.IVIndex
	IVUpdate   bool
	KeyRefresh bool
}

// Import makes the application a node with keys of another network, and waits
// for that.
func (a *Application) Import(i Import) error {
	flags := map[string]dbus.Variant{}
	if i.IVUpdate {
		flags["IvUpdate"] = dbus.MakeVariant(true)
	}
	if i.KeyRefresh {
		flags["KeyRefresh"] = dbus.MakeVariant(true)
	}
	err := a.call(networkPath, "Network1.Import", rootPath, a.device.UUID[:], i.DeviceKey.Reveal(), i.NetKey.Reveal(),
		uint16(i.NetIndex), flags, uint32(i.IVIndex), uint16(i.Address)).Err
	if err != nil {
		return err
	}
	return a.Joined()
}

// Attach makes the application the owner of its node, after it has joined and
// each time the daemon has restarted.
func (a *Application) Attach() (*Node, error) {
	var path dbus.ObjectPath
	var elements []struct {
		Index  uint8
		Models []struct {
			ID     uint16
			Config map[string]dbus.Variant
		}
	}
	if err := a.call(networkPath, "Network1.Attach", rootPath, a.Token()).Store(&path, &elements); err != nil {
		return nil, err
	}
	n := &Node{app: a, path: path}
	for _, e := range elements {
		for _, m := range e.Models {
			n.Configurations = append(n.Configurations, configuration(int(e.Index), m.ID, m.Config))
		}
	}
	return n, nil
}

// Leave has the daemon forget the node.
func (a *Application) Leave() error {
	err := a.call(networkPath, "Network1.Leave", a.Token()).Err
	if err == nil {
		a.update(func() { a.joined = false })
	}
	return err
}

// Token is what the daemon knows the node by.
func (a *Application) Token() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.token
}

// Become joins, waits to be provisioned and attaches; provision is called when
// the device can be found. It fails the test when any of that does not work.
func (a *Application) Become(provision func()) *Node {
	a.t.Helper()
	if err := a.Join(); err != nil {
		a.t.Fatal(err)
	}
	provision()
	if err := a.Joined(); err != nil {
		a.t.Fatal(err)
	}
	n, err := a.Attach()
	if err != nil {
		a.t.Fatal(err)
	}
	return n
}

// Daemon is the one that the application is on.
func (a *Application) Daemon() *Daemon { return a.daemon }

// UUID is that of the device.
func (a *Application) UUID() mesh.UUID { return a.device.UUID }
