// Package building runs a whole bridge in fake time, on the simulated air of package
// sim, among virtual devices that wait to be provisioned:
//
//	test ─ requests ─▶ bridge.Service ─ node.Node ─ sim.Antenna ─┐
//	  ▲                     │                                    air ─ lamp, lamp, ...
//	  └── topics ◀──────────┘
//
// It runs in a synctest bubble and belongs to the goroutine of its test. It is how
// docs/performance.md measures what a person waits for: the radio, not the computer.
package building

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// Options describes a building.
type Options struct {
	Seed    uint64
	Air     sim.Air
	Devices int
	// Elements are those of a device; nil for a lamp with a colour temperature.
	Elements func(number int) []access.Element
	// Transmissions is how often the bridge sends each PDU; 0 for three.
	Transmissions int
	Logger        zerolog.Logger
}

// Building is a bridge and its devices.
type Building struct {
	World   *sim.World
	Live    *sim.Live
	Antenna *sim.Antenna
	Node    *node.Node
	Service *bridge.Service

	t     testing.TB
	out   *outbox
	store store.Store
	stop  func()
}

// Run runs a test in a building, in a bubble.
func Run(t *testing.T, o Options, f func(t *testing.T, b *Building)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := New(t, o)
		defer b.Stop()
		f(t, b)
	})
}

// New makes a building whose devices are within range of each other, and starts the
// bridge. Call it in a bubble.
func New(t testing.TB, o Options) *Building {
	t.Helper()
	if o.Elements == nil {
		o.Elements = func(int) []access.Element { return device.NewLamp().Elements() }
	}
	if o.Transmissions == 0 {
		o.Transmissions = 3
	}
	all := make([][]int, o.Devices)
	for i := range all {
		for j := range all {
			if i != j {
				all[i] = append(all[i], j)
			}
		}
	}
	w, err := sim.New(sim.Options{
		Seed: o.Seed, Air: o.Air, Neighbours: all, Elements: o.Elements, Unprovisioned: true, Start: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &Building{World: w, Live: sim.NewLive(w), t: t, out: newOutbox(), store: store.NewMemory()}
	ctx, cancel := context.WithCancel(context.Background())
	var air sync.WaitGroup
	air.Go(func() { b.Live.Run(ctx) })
	b.start(&o)
	closeBridge := b.stop
	b.stop = func() {
		closeBridge()
		cancel()
		air.Wait()
	}
	return b
}

// start runs a bridge over the store.
func (b *Building) start(o *Options) {
	b.t.Helper()
	clients := []access.Element{{Models: []access.Model{
		configuration.Client{}, access.Client(generic.OnOffClientID), access.Client(light.LightnessClientID), access.Client(light.CTLClientID),
	}}}
	random := sim.Random(o.Seed, -1)
	ready := make(chan struct{})
	n, err := node.Open(node.Config{
		Options: node.Options{Elements: clients, Random: random, Monitor: true},
		Store:   b.store,
		Report: func(e node.Event) {
			<-ready
			b.Service.Report(e)
		},
		Adjust: func(n *state.Node) {
			n.NetworkTransmit = state.Retransmit{Count: uint8(o.Transmissions - 1), Steps: 1}
		},
	}, func() (node.Saved, error) { return node.NewNetwork(1, random) })
	if err != nil {
		b.t.Fatal(err)
	}
	topics, err := topic.New("b")
	if err != nil {
		b.t.Fatal(err)
	}
	b.Node = n
	if b.Service, err = bridge.New(bridge.Config{
		Mesh: n, Store: b.store, Topics: topics, Address: n.Address(), Logger: o.Logger,
		HomeAssistant: homeassistant.Options{Enabled: true, Prefix: "homeassistant", StatusTopic: "homeassistant/status"},
	}); err != nil {
		b.t.Fatal(err)
	}
	close(ready)
	b.Antenna = b.Live.Attach(func(in *bearer.Incoming) { n.Receive(in) })
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { n.Run(ctx, b.Antenna) })
	parts.Go(func() { _ = b.Service.Run(ctx, b.out) }) // returns the context's error
	b.stop = func() {
		cancel()
		parts.Wait()
	}
}

// Stop ends the bridge and the air.
func (b *Building) Stop() { b.stop() }

// Pass lets time pass.
func (b *Building) Pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// Send publishes to a topic of the bridge, below its base topic.
func (b *Building) Send(topic, payload string) {
	b.Service.Handle(mqtt.Message{Topic: "b/" + topic, Payload: []byte(payload)})
}

// Request sends a request and waits for its response, for an hour at most. It returns
// the data of the response, or its error.
func (b *Building) Request(ctx context.Context, what, payload string) (json.RawMessage, error) {
	heard := b.out.listen("b/bridge/response/"+what, 1)
	b.Send("bridge/request/"+what, payload)
	select {
	case text := <-heard:
		var r struct {
			Status, Error string
			Data          json.RawMessage
		}
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("building: the response to %s: %w", what, err)
		}
		if r.Status != "ok" {
			return nil, fmt.Errorf("building: %s %s: %s", what, payload, r.Error)
		}
		return r.Data, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("building: no response to %s %s: %w", what, payload, ctx.Err())
	}
}

// Retained is the value of a topic below the base topic, empty for none.
func (b *Building) Retained(topic string) string { return b.out.value("b/" + topic) }

// Published counts what was published so far on the topics that begin with a prefix
// below the base topic.
func (b *Building) Published(prefix string) (messages, octets int) {
	return b.out.total("b/" + prefix)
}

// Watch returns a channel of what is published on a topic below the base topic from
// now on.
func (b *Building) Watch(topic string) <-chan []byte { return b.out.listen("b/"+topic, 1024) }

// Provision takes devices in, all at once or one after the other, under the names
// lamp0, lamp1 and so on. It returns the errors of those that failed.
func (b *Building) Provision(ctx context.Context, numbers []int, together bool) []error {
	var mu sync.Mutex
	var failed []error
	var all sync.WaitGroup
	one := func(number int) {
		_, err := b.Service.Provision(ctx, bridge.ProvisionOptions{UUID: sim.UUID(number), Name: Name(number)})
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, fmt.Errorf("building: %s: %w", Name(number), err))
		}
	}
	for _, number := range numbers {
		if together {
			all.Go(func() { one(number) })
		} else {
			one(number)
		}
	}
	all.Wait()
	return failed
}

// Name is the name of the device with a number.
func Name(number int) string { return fmt.Sprintf("lamp%d", number) }

// outbox is the broker: it keeps what is retained and counts the rest.
type outbox struct {
	mu       sync.Mutex
	retained map[string][]byte
	messages map[string]int
	octets   map[string]int
	watched  map[string][]chan []byte
}

var _ bridge.Publisher = (*outbox)(nil)

func newOutbox() *outbox {
	return &outbox{retained: map[string][]byte{}, messages: map[string]int{}, octets: map[string]int{}, watched: map[string][]chan []byte{}}
}

func (o *outbox) took(topic string, payload []byte) {
	o.messages[topic]++
	o.octets[topic] += len(topic) + len(payload)
	for _, c := range o.watched[topic] {
		select {
		case c <- payload:
		default: // nobody reads it any more
		}
	}
}

// Publish implements bridge.Publisher.
func (o *outbox) Publish(topic string, payload []byte, retained bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if retained {
		o.retained[topic] = payload
	}
	o.took(topic, payload)
}

// Event implements bridge.Publisher.
func (o *outbox) Event(topic string, payload []byte, _ byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.took(topic, payload)
}

// Clear implements bridge.Publisher.
func (o *outbox) Clear(topic string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.retained, topic)
	o.took(topic, nil)
}

func (o *outbox) value(topic string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.retained[topic])
}

func (o *outbox) listen(topic string, room int) <-chan []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := make(chan []byte, room)
	o.watched[topic] = append(o.watched[topic], c)
	return c
}

func (o *outbox) total(prefix string) (messages, octets int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for t, n := range o.messages {
		if strings.HasPrefix(t, prefix) {
			messages += n
			octets += o.octets[t]
		}
	}
	return messages, octets
}
