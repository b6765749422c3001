package storage_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/disk"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/faultfs"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/watch"
)

// house is a bridge with a plug. The bridge's store is on a disk that can fail.
//
//	plug ─ wire ─ node ─ bridge ─ topics
//	               └──┬─────┘
//	                store ─ disk.Store ─ faultfs
type house struct {
	t     *testing.T
	dir   string
	files *faultfs.Injector
	store *watch.Store
	svc   *bridge.Service
	stop  func()

	mu       sync.Mutex
	retained map[string]string
	heard    map[string][]string
}

// wire delivers PDUs to another node at once.
type wire struct{ to *node.Node }

func (w wire) Send(o bearer.Outgoing) error {
	w.to.Receive(&bearer.Incoming{Kind: o.Kind, RSSI: -50, Len: o.Len, Data: o.Data})
	return nil
}

func (wire) Cancel(bearer.Lane) {}

var plugUUID = mesh.UUID{0xAA}

// build starts everything and takes the plug into the network.
func build(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), files: faultfs.OnDisk(), retained: map[string]string{}, heard: map[string][]string{}}
	opened := make(chan struct{})
	s, err := disk.Open(h.dir, disk.Options{Files: h.files, Syncing: func() func(error) {
		<-opened
		return h.store.Syncing()
	}})
	if err != nil {
		t.Fatal(err)
	}
	h.store = watch.New(s, h.dir)
	close(opened)
	gateway, err := node.Open(node.Config{
		Options: node.Options{
			Elements: []access.Element{{Models: []access.Model{
				access.Client(foundation.ConfigurationClientID), access.Client(generic.OnOffClientID),
			}}},
			Random: rand.NewChaCha8([32]byte{1}), Monitor: true, Resident: true,
		},
		Store:  h.store,
		Report: func(e node.Event) { h.svc.Report(e) },
	}, func() (node.Saved, error) { return node.NewNetwork(1, rand.NewChaCha8([32]byte{2})) })
	if err != nil {
		t.Fatal(err)
	}
	plug, err := node.Open(node.Config{
		Options: node.Options{Elements: device.NewPlug().Elements(), Random: rand.NewChaCha8([32]byte{3})},
		Store:   store.NewMemory(),
	}, func() (node.Saved, error) { return node.NewDevice(plugUUID), nil })
	if err != nil {
		t.Fatal(err)
	}
	topics, err := topic.New("b")
	if err != nil {
		t.Fatal(err)
	}
	h.svc, err = bridge.New(bridge.Config{Mesh: gateway, Store: h.store, Topics: topics, Address: gateway.Address(), Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	inner, cancelInner := context.WithCancel(context.Background())
	var parts, service sync.WaitGroup
	parts.Go(func() { gateway.Run(inner, wire{plug}) })
	parts.Go(func() { plug.Run(inner, wire{gateway}) })
	service.Go(func() { _ = h.svc.Run(ctx, h) })
	h.stop = sync.OnceFunc(func() {
		cancel()
		service.Wait()
		cancelInner()
		parts.Wait()
		_ = h.store.Close() // after a fault it may fail
	})
	if r := h.request("device/provision", `{"uuid":"`+plugUUID.String()+`","name":"plug"}`); !strings.Contains(r, `"status":"ok"`) {
		t.Fatal(r)
	}
	if r := h.command(); !strings.Contains(r, `"ok"`) {
		t.Fatal(r)
	}
	return h
}

// Publish implements bridge.Publisher.
func (h *house) Publish(topic string, payload []byte, _ bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.retained[topic] = string(payload)
}

// Event implements bridge.Publisher.
func (h *house) Event(topic string, payload []byte, _ byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard[topic] = append(h.heard[topic], string(payload))
}

// Clear implements bridge.Publisher.
func (h *house) Clear(topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.retained, topic)
}

func (h *house) take(topic string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	taken := h.heard[topic]
	delete(h.heard, topic)
	return taken
}

// send sends a payload and waits for the next value of another topic.
func (h *house) send(to, payload, answer string) string {
	h.t.Helper()
	h.take(answer)
	h.svc.Handle(mqtt.Message{Topic: to, Payload: []byte(payload)})
	var got []string
	h.until("an answer on "+answer, func() bool { got = h.take(answer); return len(got) > 0 })
	return got[0]
}

func (h *house) request(name, payload string) string {
	h.t.Helper()
	return h.send("b/bridge/request/"+name, payload, "b/bridge/response/"+name)
}

// command switches the plug.
func (h *house) command() string {
	h.t.Helper()
	return h.send("b/plug/set", `{"state":"TOGGLE","transaction":1}`, "b/plug/set/response")
}

// until waits for something. The limit only stops a test that makes no progress.
func (h *house) until(what string, happened func() bool) {
	h.t.Helper()
	const limit = 5 * time.Minute
	for began := time.Now(); !happened(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > limit {
			h.t.Fatalf("there was not %s", what)
		}
	}
}

// health is what bridge/health says about the store.
func (h *house) health() (state, text string) {
	h.t.Helper()
	h.mu.Lock()
	payload := h.retained["b/bridge/health"]
	h.mu.Unlock()
	var d struct{ Store struct{ State, Error string } }
	if payload == "" {
		return "", ""
	}
	if err := json.Unmarshal([]byte(payload), &d); err != nil {
		h.t.Fatal(err)
	}
	return d.Store.State, d.Store.Error
}
