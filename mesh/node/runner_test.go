package node_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store/watch"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// wire is a bearer that delivers PDUs to the other nodes at once.
type wire struct {
	others []*node.Node
	sent   atomic.Uint64
}

func (w *wire) Send(o bearer.Outgoing) error {
	w.sent.Add(1)
	for _, n := range w.others {
		n.Receive(&bearer.Incoming{Kind: o.Kind, RSSI: -50, Len: o.Len, Data: o.Data})
	}
	return nil
}

func (w *wire) Cancel(bearer.Lane) {}

// failingStore is a store that can be set to fail, to be slow, and to hang.
type failingStore struct {
	store.Store
	mu     sync.Mutex
	only   string // the operation that fails; empty for all
	broken error
	slow   time.Duration
	hangs  chan struct{}
}

func (m *failingStore) set(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

// slowDown makes each operation take a time.
func (m *failingStore) slowDown(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.slow = d
}

// hang makes all further writes wait until the returned function is called.
func (m *failingStore) hang() (release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	hangs := make(chan struct{})
	m.hangs = hangs
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.hangs != nil {
			m.hangs = nil
			close(hangs)
		}
	}
}

// failure does what is wrong with an operation.
func (m *failingStore) failure(operation string) error {
	m.mu.Lock()
	broken, slow, hangs := m.broken, m.slow, m.hangs
	if m.only != "" && m.only != operation {
		broken, slow, hangs = nil, 0, nil
	}
	m.mu.Unlock()
	time.Sleep(slow)
	if hangs != nil {
		<-hangs
	}
	return broken
}

func (m *failingStore) Apply(changes ...store.Change) error {
	if err := m.failure("apply"); err != nil {
		return err
	}
	return m.Store.Apply(changes...)
}

func (m *failingStore) AppendReplay(entries []store.ReplayEntry) error {
	if err := m.failure("append"); err != nil {
		return err
	}
	return m.Store.AppendReplay(entries)
}

func (m *failingStore) ForgetReplay(sources ...mesh.Address) error {
	if err := m.failure("forget"); err != nil {
		return err
	}
	return m.Store.ForgetReplay(sources...)
}

// pair is a running gateway and a running plug.
type pair struct {
	gateway, plug *node.Node
	memory        *failingStore // of the gateway
	bearer        *wire         // of the gateway
	watched       *watch.Store  // the same
	heard         chan mesh.UUID
	failures      chan error
	ended         chan struct{} // the gateway has
}

var plugUUID = mesh.UUID{0xAA}

func runPair(ctx context.Context, t *testing.T) *pair {
	t.Helper()
	p := &pair{
		memory: &failingStore{Store: store.NewMemory()},
		heard:  make(chan mesh.UUID, 100), failures: make(chan error, 10), ended: make(chan struct{}),
	}
	p.watched = watch.New(p.memory, "/store")
	p.watched.Watch(func(err error) { p.failures <- err })
	handle := device.NewPlug()
	var err error
	p.gateway, err = node.Open(node.Config{
		Options: node.Options{
			Elements: []access.Element{{Models: []access.Model{configuration.Client{}}}},
			Random:   rand.NewChaCha8([32]byte{1}), Monitor: true,
		},
		Store: p.watched,
		Report: func(e node.Event) {
			if d, ok := e.(node.DeviceHeard); ok {
				p.heard <- d.UUID
			}
		},
	}, func() (node.Saved, error) { return node.NewNetwork(gatewayAddress, rand.NewChaCha8([32]byte{2})) })
	if err != nil {
		t.Fatal(err)
	}
	p.plug, err = node.Open(node.Config{
		Options: node.Options{Elements: handle.Elements(), Random: rand.NewChaCha8([32]byte{3})},
		Store:   store.NewMemory(),
	}, func() (node.Saved, error) { return node.NewDevice(plugUUID), nil })
	if err != nil {
		t.Fatal(err)
	}
	p.bearer = &wire{others: []*node.Node{p.plug}}
	go func() { defer close(p.ended); p.gateway.Run(ctx, p.bearer) }()
	go p.plug.Run(ctx, &wire{others: []*node.Node{p.gateway}})
	return p
}

// ping sends a request to the plug's Configuration Server.
func (p *pair) ping(ctx context.Context, plug mesh.Address) (node.Response, error) {
	payload, err := access.Append(nil, &configuration.DefaultTTLGet{})
	if err != nil {
		return node.Response{}, err
	}
	return p.gateway.Request(ctx, node.Request{
		Dst: plug, Key: transport.Key{Device: plug}, TTL: mesh.DefaultTTL, Payload: payload,
		Respond: configuration.OpDefaultTTLStatus,
	})
}

func TestNodesRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		p := runPair(ctx, t)
		if uuid := <-p.heard; uuid != plugUUID {
			t.Fatalf("heard %s", uuid)
		}
		if _, err := p.gateway.Provision(ctx, node.Provision{UUID: mesh.UUID{9}, NetKey: 5}); !errors.Is(err, node.ErrNotProvisioned) {
			t.Errorf("provisioning with an unknown NetKey: %v", err)
		}
		peer, err := p.gateway.Provision(ctx, node.Provision{UUID: plugUUID, Auth: provision.Auth{}})
		if err != nil {
			t.Fatal(err)
		}
		response, err := p.ping(ctx, peer.Address)
		if err != nil || response.Src != peer.Address || len(response.Params) != 1 || response.Attempts != 1 {
			t.Errorf("%+v, %v", response, err)
		}
		peers, err := p.gateway.Peers(ctx)
		if err != nil || len(peers) != 1 || peers[0].UUID != plugUUID {
			t.Errorf("peers %+v, %v", peers, err)
		}
		summary, err := p.gateway.Summary(ctx)
		if err != nil || summary.Address != gatewayAddress || len(summary.NetKeys) != 1 || len(summary.AppKeys) != 1 {
			t.Errorf("summary %+v, %v", summary, err)
		}

		// No node answers: the caller's deadline ends before the node gives up.
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		payload := []byte{0x82, 0x01}
		_, err = p.gateway.Request(short, node.Request{Dst: 0x0100, TTL: mesh.DefaultTTL, Payload: payload, Respond: generic.OpOnOffStatus})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a request without an answer: %v, want the caller's deadline", err)
		}
		_, err = p.gateway.Request(ctx, node.Request{Dst: 0x0100, TTL: mesh.DefaultTTL, Payload: payload, Respond: generic.OpOnOffStatus})
		if !errors.Is(err, node.ErrNoResponse) {
			t.Errorf("a request without an answer: %v, want ErrNoResponse", err)
		}
		if err := p.plug.WithModel(ctx, 7, generic.OnOffServerID, func(access.Context) {}); err == nil {
			t.Error("a model was found on an unknown element")
		}

		stop()
		synctest.Wait()
		if _, err := p.ping(t.Context(), peer.Address); !errors.Is(err, node.ErrStopped) {
			t.Errorf("a stopped node: %v, want ErrStopped", err)
		}
		if _, err := p.gateway.Peers(t.Context()); !errors.Is(err, node.ErrStopped) {
			t.Errorf("a stopped node: %v, want ErrStopped", err)
		}
	})
}

func TestOpenRefusesDamagedStores(t *testing.T) {
	for name, change := range map[string]store.Change{
		"no state":     {Table: node.TableNode, Key: "state", Value: []byte("{")},
		"newer state":  {Table: node.TableNode, Key: "state", Value: []byte(`{"Version":99}`)},
		"no reserve":   {Table: node.TableNode, Key: "sequence"},
		"bad reserve":  {Table: node.TableNode, Key: "sequence", Value: []byte{1}},
		"bad address":  {Table: node.TableNode, Key: "next_address", Value: []byte{1}},
		"invalid peer": {Table: node.TablePeers, Key: "x", Value: []byte(`{"Version":1}`)},
	} {
		t.Run(name, func(t *testing.T) {
			s := store.NewMemory()
			o := node.Config{Store: s, Options: node.Options{
				Elements: []access.Element{{Models: []access.Model{configuration.Client{}}}},
				Random:   rand.NewChaCha8([32]byte{1}),
			}}
			fresh := func() (node.Saved, error) { return node.NewNetwork(gatewayAddress, rand.NewChaCha8([32]byte{2})) }
			if _, err := node.Open(o, fresh); err != nil {
				t.Fatal(err)
			}
			if err := s.Apply(change); err != nil {
				t.Fatal(err)
			}
			if _, err := node.Open(o, fresh); err == nil {
				t.Error("the node was opened")
			}
		})
	}
}
