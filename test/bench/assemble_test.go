package bench_test

import (
	"context"
	"net"
	"net/url"
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

// assembled is the service without a radio. Nothing runs yet.
type assembled struct {
	node    *node.Node
	bridge  *bridge.Service
	session *mqtt.Session
	broker  *broker
}

// assemble makes the service with devices that it knows already. The broker tells of
// PUBLISH packets on the wanted topics.
func assemble(tb testing.TB, known []*record.Record, ha homeassistant.Options, wanted ...string) *assembled {
	tb.Helper()
	memory := store.NewMemory()
	clients := []access.Element{{Models: []access.Model{
		access.Client(generic.OnOffClientID), access.Client(light.CTLClientID),
	}}}
	a := &assembled{}
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	var err error
	a.node, err = node.Open(node.Config{
		Options: node.Options{Elements: clients, Random: sim.Random(1, gatewayNumber), Monitor: true},
		Store:   memory,
		Report:  func(e node.Event) { a.bridge.Report(e) },
	}, func() (node.Saved, error) {
		saved := sim.Configured(gatewayNumber, ttl, clients)
		saved.Node.NetworkTransmit = state.Retransmit{} // one transmission
		for _, r := range known {
			saved.Peers = append(saved.Peers, state.Peer{
				UUID: r.UUID, Address: r.Address, Elements: r.Elements(), NetKey: mesh.PrimaryNetKey,
			})
		}
		return saved, nil
	})
	must(err)
	changes := make([]store.Change, 0, len(known))
	for _, r := range known {
		c, err := r.Change()
		must(err)
		changes = append(changes, c)
	}
	must(memory.Apply(changes...))
	topics, err := topic.New("bench")
	must(err)
	a.bridge, err = bridge.New(bridge.Config{
		Mesh: a.node, Store: memory, Topics: topics, Address: a.node.Address(), HomeAssistant: ha, Logger: zerolog.Nop(),
	})
	must(err)
	var end net.Conn
	a.broker, end = newBroker(wanted...)
	a.session, err = mqtt.New(mqtt.Options{
		URL: "tcp://bench", ClientID: "bench", Handler: a.bridge.Handle, Logger: zerolog.Nop(),
		Subscriptions: []mqtt.Subscription{{Filter: "bench/#"}},
		Dial:          func(context.Context, *url.URL) (net.Conn, error) { return end, nil },
	})
	must(err)
	return a
}

// run runs the service over a radio until end is called.
func (a *assembled) run(radio bearer.Bearer) (end func()) {
	ctx, stop := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { a.node.Run(ctx, radio) })
	parts.Go(func() { _ = a.bridge.Run(ctx, a.session) }) // returns the context's error
	a.session.Start()
	return func() {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = a.session.Close(closing) // the broker does not answer forever
		stop()
		parts.Wait()
		a.broker.close()
	}
}

// interviewed describes a device as if it had been interviewed.
func interviewed(tb testing.TB, name string, address mesh.Address, uuid mesh.UUID, elements []access.Element) *record.Record {
	tb.Helper()
	r := &record.Record{
		UUID: uuid, Address: address, Name: name,
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
	return r
}
