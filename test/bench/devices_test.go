package bench_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	record "github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
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

// BenchmarkDevices starts the service with ten thousand stored devices, lamps, plugs
// and sensors, until everything retained about them is at the broker. It prints the
// heap that is then in use, by device, without the store: what the node, the bridge
// and the session with the broker keep.
func BenchmarkDevices(b *testing.B) {
	const devices = 10_000
	for range b.N {
		b.StopTimer()
		memory := store.NewMemory()
		peers, records := stored(b, devices)
		before := heapInUse()
		b.StartTimer()
		f := startFleet(b, memory, peers, records)
		b.StopTimer()
		b.ReportMetric(float64(heapInUse()-before)/devices, "octets/device")
		f.stop()
	}
}

// heapInUse is the octets of live objects.
func heapInUse() uint64 {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// stored describes devices as if they had been interviewed, of different kinds in
// turn. Each is two addresses wide.
func stored(tb testing.TB, devices int) ([]state.Peer, []store.Change) {
	tb.Helper()
	kinds := [][]access.Element{device.NewLamp().Elements(), device.NewPlug().Elements(), device.NewSensor().Elements()}
	peers := make([]state.Peer, 0, devices)
	changes := make([]store.Change, 0, devices)
	for i := range devices {
		elements := kinds[i%len(kinds)]
		r := &record.Record{
			UUID:        mesh.UUID{0: 1, 1: byte(i >> 8), 2: byte(i)},
			Address:     mesh.Address(0x0100 + 2*i),
			Name:        fmt.Sprintf("floor %d/room %d/device %d", i/1000, i/20, i),
			Interview:   record.Successful,
			Composition: &configuration.Composition{CompanyID: device.Company},
		}
		for _, e := range elements {
			var models []mesh.ModelID
			for _, m := range e.Models {
				models = append(models, m.ID())
			}
			r.Composition.Elements = append(r.Composition.Elements, configuration.CompositionElement{Location: e.Location, Models: models})
		}
		change, err := r.Change()
		if err != nil {
			tb.Fatal(err)
		}
		changes = append(changes, change)
		peers = append(peers, state.Peer{UUID: r.UUID, Address: r.Address, Elements: len(elements), NetKey: mesh.PrimaryNetKey})
	}
	return peers, changes
}

// fleet is a service with many devices and no radio.
type fleet struct {
	broker *broker
	stop   func()
}

// startFleet returns when the state of every device was published.
func startFleet(tb testing.TB, s store.Store, peers []state.Peer, records []store.Change) *fleet {
	tb.Helper()
	clients := []access.Element{{Models: []access.Model{
		access.Client(generic.OnOffClientID), access.Client(light.CTLClientID),
	}}}
	var bridged *bridge.Service
	n, err := node.Open(node.Config{
		Options: node.Options{Elements: clients, Random: sim.Random(1, gatewayNumber), Monitor: true},
		Store:   s,
		Report:  func(e node.Event) { bridged.Report(e) },
	}, func() (node.Saved, error) {
		saved := sim.Configured(gatewayNumber, ttl, clients)
		saved.Peers = peers
		return saved, nil
	})
	if err == nil {
		err = s.Apply(records...)
	}
	if err != nil {
		tb.Fatal(err)
	}
	topics, err := topic.New("bench")
	if err != nil {
		tb.Fatal(err)
	}
	bridged, err = bridge.New(bridge.Config{
		Mesh: n, Store: s, Topics: topics, Address: n.Address(), Logger: zerolog.Nop(),
		HomeAssistant: homeassistant.Options{Enabled: true, Prefix: "homeassistant", StatusTopic: "homeassistant/status"},
	})
	if err != nil {
		tb.Fatal(err)
	}
	var end net.Conn
	f := &fleet{}
	var wanted []string
	for i := range peers {
		wanted = append(wanted, topics.State(fmt.Sprintf("floor %d/room %d/device %d", i/1000, i/20, i)))
	}
	f.broker, end = newBroker(wanted...)
	session, err := mqtt.New(mqtt.Options{
		URL: "tcp://bench", ClientID: "bench", Handler: bridged.Handle, Logger: zerolog.Nop(),
		Subscriptions: []mqtt.Subscription{{Filter: "bench/#"}},
		Dial:          func(context.Context, *url.URL) (net.Conn, error) { return end, nil },
	})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { n.Run(ctx, mute{}) })
	parts.Go(func() { _ = bridged.Run(ctx, session) }) // returns the context's error
	session.Start()
	f.stop = func() {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = session.Close(closing) // the broker does not answer forever
		stop()
		parts.Wait()
		f.broker.close()
	}
	alarm := time.NewTimer(patience)
	defer alarm.Stop()
	for range peers {
		select {
		case <-f.broker.published:
		case <-alarm.C:
			tb.Fatal("not every device was announced")
		}
	}
	return f
}

// mute is a bearer that sends nothing.
type mute struct{}

func (mute) Send(bearer.Outgoing) error { return nil }

func (mute) Cancel(bearer.Lane) {}
