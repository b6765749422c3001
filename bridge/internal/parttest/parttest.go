// Package parttest runs one part of the bridge on its own, for the tests of the part.
// Around it are a loop, a registry of devices, a store in memory, a fake network and a
// broker that remembers what was published.
//
//	b := parttest.Start(t, func(h *part.Host) part.Part { return heartbeat.New(h, stub) })
//	b.Host.Loop.Post(func() { … })
//	b.Report(node.HeartbeatReceived{ … })
//
// Use it in a bubble of testing/synctest.
package parttest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/loop"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/ownnode"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/publish"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/registry"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/requester"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/writer"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
)

// Bench is a part at work. Its base topic is "b", the bridge's address is 1.
type Bench struct {
	Host  *part.Host
	Net   *fake.Network
	Store store.Store

	loop *loop.Loop
	part part.Part

	mu        sync.Mutex
	published []string
}

// Start runs a part until the test ends.
func Start(t *testing.T, build func(h *part.Host) part.Part) *Bench {
	t.Helper()
	topics, err := topic.New("b")
	if err != nil {
		t.Fatal(err)
	}
	messages, err := requester.Messages()
	if err != nil {
		t.Fatal(err)
	}
	b := &Bench{Net: fake.New(), Store: store.NewMemory(), loop: loop.New()}
	publisher := publish.New(topics, zerolog.Nop())
	publisher.Attach(b)
	b.Host = &part.Host{
		Loop: b.loop, Mesh: b.Net, Own: ownnode.New(b.Net, b.loop, publisher), Devices: registry.New(topics), Records: keeper{},
		Publisher: publisher, Writer: writer.New(b.Store, b.loop.Post),
		Messages: messages, Requests: &requester.Requesters{Mesh: b.Net, Messages: messages, Log: zerolog.Nop()},
		Topics: topics, Log: zerolog.Nop(), Address: 1,
	}
	b.Host.Ledger = publish.NewLedger(publisher, b.Host.Writer, zerolog.Nop())
	b.part = build(b.Host)
	if err := b.part.Load(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := b.Host.Writer.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	running.Go(func() { b.loop.Serve(ctx, inputs{b}); b.loop.Close() })
	t.Cleanup(func() { cancel(); running.Wait() })
	b.Net.Report = b.loop.Report
	return b
}

// Do runs f in the loop and waits until there is nothing left to do.
func (b *Bench) Do(f func()) {
	b.loop.Post(f)
	synctest.Wait()
}

// Report gives an event of the node to the part.
func (b *Bench) Report(e node.Event) {
	b.loop.Report(e)
	synctest.Wait()
}

// Join puts a device into the network and into the registry, without an interview.
func (b *Bench) Join(name string, n *fake.Node) *registry.Device {
	b.Net.Join(n)
	d := &registry.Device{Record: &device.Record{
		UUID: n.UUID, Name: name, Address: n.Address(), Count: len(n.Composition.Elements), Composition: n.Composition, Interview: device.Successful,
	}}
	d.Describe()
	b.Do(func() {
		b.Host.Devices.Add(d)
		b.part.Added(d, nil)
	})
	return d
}

// Take returns what was published to topics that contain a word since the last call,
// as "topic payload".
func (b *Bench) Take(word string) []string {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	var taken []string
	b.published = slices.DeleteFunc(b.published, func(p string) bool {
		topic, _, _ := strings.Cut(p, " ")
		if !strings.Contains(topic, word) {
			return false
		}
		taken = append(taken, p)
		return true
	})
	return taken
}

// Publish implements publish.Outbox.
func (b *Bench) Publish(topic string, payload []byte, _ bool) { b.note(topic + " " + string(payload)) }

// Event implements publish.Outbox.
func (b *Bench) Event(topic string, payload []byte, _ byte) { b.note(topic + " " + string(payload)) }

// Clear implements publish.Outbox.
func (b *Bench) Clear(topic string) { b.note(topic + " ") }

func (b *Bench) note(published string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.published = append(b.published, published)
}

// inputs gives the inputs of the loop to the part.
type inputs struct{ *Bench }

func (i inputs) Event(e node.Event) {
	m, ok := e.(node.MessageReceived)
	if !ok {
		i.part.Event(e)
		return
	}
	if from := i.Host.Devices.At(m.Src); from.Device != nil {
		i.part.Message(&part.Message{Element: from, MessageReceived: m})
	}
}

func (i inputs) Message(mqtt.Message) {}
func (i inputs) Second(tick int)      { i.part.Second(tick) }
func (i inputs) Handled()             { i.Host.Writer.Flush() }

// keeper is part.Records for parts that do not change the list of devices.
type keeper struct{}

func (keeper) Keep(*registry.Device)                     {}
func (keeper) Forget(*registry.Device)                   {}
func (keeper) Rename(*registry.Device, string)           {}
func (keeper) Adopt(state.Peer, string) *registry.Device { return nil }

// UUID is a UUID that ends with a number.
func UUID(n byte) mesh.UUID { return mesh.UUID{15: n} }
