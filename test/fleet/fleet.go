// Package fleet provides virtual mesh devices in the test's own process, and a
// virtual controller that is served over TCP to a service in another process:
//
//	lamp ─ controller ─┐
//	                   air
//	service ══ TCP ══ controller
package fleet

import (
	"context"
	"crypto/rand"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/advertiser"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Air connects the devices and the adapter of one test.
type Air struct {
	t      testing.TB
	air    *virtual.Air
	number uint64 // number of the last controller
}

// NewAir makes an air that is closed when the test ends.
func NewAir(t testing.TB) *Air {
	t.Helper()
	a := &Air{t: t, air: virtual.NewAir(virtual.AirOptions{})}
	t.Cleanup(func() { _ = a.air.Close() }) // the result does not matter
	return a
}

func (a *Air) attach() *virtual.Controller {
	a.t.Helper()
	const company = 0xC0FFEE000000
	a.number++
	c, err := a.air.Attach(virtual.Options{Address: virtual.MakeAddress(company + a.number)})
	if err != nil {
		a.t.Fatal(err)
	}
	return c
}

// Lamp is a lamp with a colour temperature, unprovisioned at first.
type Lamp struct {
	UUID mesh.UUID
	t    testing.TB
	lamp *device.Lamp
	node *node.Node
}

// NewLamp makes a lamp that runs until the test ends.
func (a *Air) NewLamp() *Lamp {
	a.t.Helper()
	return a.newLamp(nil)
}

// NewLowPowerLamp makes a lamp that is a Low Power node and polls its friend once
// per interval.
func (a *Air) NewLowPowerLamp(interval time.Duration) *Lamp {
	a.t.Helper()
	return a.newLamp(&node.LowPowerOptions{PollInterval: interval})
}

func (a *Air) newLamp(sleep *node.LowPowerOptions) *Lamp {
	a.t.Helper()
	l := &Lamp{UUID: mesh.UUID{'l', 'a', 'm', 'p', 0, 0, 0x40, 0, 0x80}, t: a.t, lamp: device.NewLamp()}
	c := a.attach()
	l.UUID[len(l.UUID)-1] = byte(a.number)
	l.node = a.run(c, l.UUID, node.Options{Elements: l.lamp.Elements(), LowPower: sleep})
	return l
}

// run runs a node on a controller.
func (a *Air) run(c *virtual.Controller, uuid mesh.UUID, options node.Options, changes ...func(*node.Config)) *node.Node {
	a.t.Helper()
	options.Random = rand.Reader
	config := node.Config{
		Options: options,
		Store:   store.NewMemory(),
	}
	for _, change := range changes {
		change(&config)
	}
	n, err := node.Open(config, func() (node.Saved, error) { return node.NewDevice(uuid), nil })
	if err != nil {
		a.t.Fatal(err)
	}
	bearer := advertiser.New(advertiser.Config{Receive: n.Receive})
	driver := controller.New(controller.Config{
		Name:  "virtual",
		Open:  func(context.Context) (transport.Transport, error) { return c.Transport(), nil },
		Hosts: []controller.Host{bearer},
	})
	ctx, stop := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { _ = driver.Run(ctx) }) // returns the context's error
	parts.Go(func() { n.Run(ctx, bearer) })
	a.t.Cleanup(func() { stop(); parts.Wait() })
	return n
}

// do runs f in the context of the lamp's Generic OnOff Server.
func (l *Lamp) do(f func(access.Context)) {
	l.t.Helper()
	if err := l.node.WithModel(l.t.Context(), device.Primary, generic.OnOffServerID, f); err != nil {
		l.t.Fatal(err)
	}
}

// IsOn reads the state of the lamp directly, not over the mesh.
func (l *Lamp) IsOn() (on bool) {
	l.t.Helper()
	l.do(func(ctx access.Context) { on = l.lamp.IsOn(ctx.Now()) })
	return on
}

// Toggle presses the switch at the lamp.
func (l *Lamp) Toggle() {
	l.t.Helper()
	l.do(l.lamp.Toggle)
}

// Adapter is a controller behind a TCP port.
type Adapter struct {
	t          testing.TB
	controller *virtual.Controller
	addr       string

	mu       sync.Mutex
	listener net.Listener // nil while cut
	conns    map[net.Conn]bool
	served   sync.WaitGroup
}

// NewAdapter serves a controller on a free port until the test ends.
func (a *Air) NewAdapter() *Adapter {
	a.t.Helper()
	s := &Adapter{t: a.t, controller: a.attach(), addr: "127.0.0.1:0", conns: map[net.Conn]bool{}}
	s.Restore()
	a.t.Cleanup(s.Cut)
	return s
}

// Spec is the value for hci.adapters.
func (s *Adapter) Spec() string { return "tcp:" + s.addr }

// Cut ends the connection and refuses others until Restore.
func (s *Adapter) Cut() {
	s.mu.Lock()
	if s.listener != nil {
		_ = s.listener.Close() // the loop notices
		s.listener = nil
	}
	for conn := range s.conns {
		_ = conn.Close() // the serving goroutine notices
	}
	s.mu.Unlock()
	s.served.Wait()
}

// Fail makes the controller report a Hardware Error, after which the host resets
// it, every second until the returned function is called.
func (s *Adapter) Fail() (stop func()) {
	done := make(chan struct{})
	var failing sync.WaitGroup
	failing.Go(func() {
		every := time.NewTicker(time.Second)
		defer every.Stop()
		for {
			s.controller.HardwareError(1)
			select {
			case <-every.C:
			case <-done:
				return
			}
		}
	})
	return sync.OnceFunc(func() { close(done); failing.Wait() })
}

// Restore accepts hosts again, at the same address.
func (s *Adapter) Restore() {
	s.t.Helper()
	var listener net.Listener
	var err error
	// Another process may hold the port for a moment.
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for range 100 {
		if listener, err = net.Listen("tcp", s.addr); err == nil {
			break
		}
		<-poll.C
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	s.mu.Lock()
	s.listener = listener
	s.mu.Unlock()
	s.served.Go(func() { s.accept(listener) })
}

func (s *Adapter) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return // Cut was called
		}
		s.mu.Lock()
		if s.listener != listener { // Cut was called meanwhile
			_ = conn.Close()
		} else {
			s.conns[conn] = true
			s.served.Go(func() { s.serve(conn) })
		}
		s.mu.Unlock()
	}
}

func (s *Adapter) serve(conn net.Conn) {
	_ = s.controller.Serve(conn) // the error comes from Cut
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
}
