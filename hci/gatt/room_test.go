package gatt

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/advertiser"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ms = time.Millisecond

// inRoom runs f in a bubble with an air.
func inRoom(t *testing.T, options virtual.AirOptions, f func(t *testing.T, air *virtual.Air)) {
	synctest.Test(t, func(t *testing.T) {
		air := virtual.NewAir(options)
		t.Cleanup(func() { _ = air.Close() })
		f(t, air)
	})
}

func address1(n int) packet.Address { return virtual.MakeAddress(0xC0FFEE000000 + uint64(n)) }

// box is a radio with both bearers on a virtual controller.
type box struct {
	*Radio
	t          *testing.T
	virtual    *virtual.Controller
	controller *controller.Controller
	mesh       *advertiser.Bearer
	stop       func()

	mu     sync.Mutex
	heard  []string // mesh PDUs
	seen   []bearer.Sighting
	events []bearer.LinkEvent
	notify func(bearer.LinkEvent)
}

// newBox attaches a controller and runs both bearers on it until the bubble
// ends.
func newBox(t *testing.T, air *virtual.Air, options virtual.Options, cfg Config) *box {
	t.Helper()
	v, err := air.Attach(options)
	if err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, virtual: v}
	b.mesh = advertiser.New(advertiser.Config{Connectable: true, Receive: func(in *bearer.Incoming) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.heard = append(b.heard, string(in.PDU()))
	}})
	cfg.Advertiser = b.mesh
	cfg.Heard = func(s *bearer.Sighting) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.seen = append(b.seen, *s)
	}
	cfg.Event = func(e bearer.LinkEvent) {
		b.mu.Lock()
		b.events = append(b.events, e)
		notify := b.notify
		b.mu.Unlock()
		if notify != nil {
			notify(e)
		}
	}
	b.Radio = New(cfg)
	b.controller = controller.New(controller.Config{
		Name:  options.Address.String(),
		Open:  func(context.Context) (transport.Transport, error) { return v.Transport(), nil },
		Hosts: []controller.Host{b.mesh, b.Radio},
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.controller.Run(ctx)
	}()
	b.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	t.Cleanup(b.stop)
	time.Sleep(ms) // virtual time: it has started
	return b
}

// of returns the events of a link in words: "opened 20", "data xyz", "closed".
func (b *box) of(id bearer.LinkID) (words []string) {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e.ID != id {
			continue
		}
		switch e.Kind {
		case bearer.LinkOpened:
			words = append(words, fmt.Sprintf("opened %d", e.MaxPDU))
		case bearer.LinkData:
			words = append(words, "data "+string(e.PDU))
		case bearer.LinkClosed:
			words = append(words, "closed")
		}
	}
	return words
}

// last is the last event of a link, or of all links if id is 0.
func (b *box) last(id bearer.LinkID) bearer.LinkEvent {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.events) - 1; i >= 0; i-- {
		if e := b.events[i]; id == 0 || e.ID == id {
			return e
		}
	}
	return bearer.LinkEvent{}
}

// offer advertises a service and returns the address.
func (b *box) offer(service bearer.Service, data string) {
	b.Advertise([]bearer.ConnectableAdvertisement{{Service: service, Data: []byte(data)}})
}

// find waits for a sighting with some service data.
func (b *box) find(data string) bearer.Peer {
	b.t.Helper()
	for range 300 {
		synctest.Wait()
		b.mu.Lock()
		for _, s := range b.seen {
			if string(s.ServiceData()) == data && s.Connectable {
				b.mu.Unlock()
				return s.From
			}
		}
		b.mu.Unlock()
		time.Sleep(100 * ms)
	}
	b.t.Fatalf("%q was not seen", data)
	return bearer.Peer{}
}

// latest is the device address that last advertised some service data.
func (b *box) latest(data string) (from bearer.Peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.seen) - 1; i >= 0; i-- {
		if s := &b.seen[i]; string(s.ServiceData()) == data {
			return s.From
		}
	}
	return from
}

// join connects a to b's proxy service and returns both ids.
func join(t *testing.T, a, b *box, id bearer.LinkID) bearer.LinkID {
	t.Helper()
	name := fmt.Sprintf("net %d", id)
	b.offer(bearer.ProxyService, name)
	a.Connect(id, 0, a.find(name), bearer.ProxyService)
	for range 200 {
		if got := a.of(id); len(got) > 0 {
			break
		}
		time.Sleep(100 * ms)
	}
	if e := a.last(id); e.Kind != bearer.LinkOpened {
		t.Fatalf("not opened: %v, %v", a.of(id), e.Err)
	}
	other := b.last(0)
	if other.Kind != bearer.LinkOpened || other.ID < bearer.FirstIncoming {
		t.Fatalf("the server reports %+v", other)
	}
	return other.ID
}
