package sim_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/advertiser"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// driven is a node with everything below it: store, advertising bearer, HCI
// driver and virtual controller.
type driven struct {
	node       *node.Node
	plug       *device.Plug
	bearer     *advertiser.Bearer
	controller *controller.Controller
}

// isOn reads the plug's state in the goroutine of its node.
func (d *driven) isOn(ctx context.Context, t *testing.T) bool {
	t.Helper()
	var on bool
	// The Generic OnOff Server provides its context; nothing is changed.
	if err := d.node.WithModel(ctx, device.Primary, generic.OnOffServerID, func(c access.Context) { on = d.plug.IsOn(c.Now()) }); err != nil {
		t.Fatal(err)
	}
	return on
}

func controllerAddress(number int) packet.Address {
	return virtual.MakeAddress(0xC0FFEE000000 + uint64(number) + 1)
}

// drive makes a plug for every number on a separate air.
func drive(ctx context.Context, t *testing.T, parts *sync.WaitGroup, air *virtual.Air, seed uint64, neighbours [][]int, link virtual.Link) []*driven {
	t.Helper()
	air.SetDefaultLink(virtual.Link{Cut: true})
	all := make([]*driven, len(neighbours))
	for number := range all {
		d := &driven{plug: device.NewPlug()}
		all[number] = d
		elements := d.plug.Elements()
		random := sim.Random(seed, number)
		var err error
		d.node, err = node.Open(node.Config{
			Options: node.Options{Elements: elements, Random: random},
			Store:   store.NewMemory(),
		}, func() (node.Saved, error) { return sim.Configured(number, ttl, elements), nil })
		if err != nil {
			t.Fatal(err)
		}
		d.bearer, d.controller = onAir(ctx, t, parts, air, seed, number, d.node, 0)
		for _, other := range neighbours[number] {
			air.SetLink(controllerAddress(number), controllerAddress(other), link)
		}
	}
	return all
}

// onAir runs a node on a whole HCI driver and a virtual controller that takes
// some time for a command.
func onAir(
	ctx context.Context, t *testing.T, parts *sync.WaitGroup, air *virtual.Air, seed uint64, number int, n *node.Node, latency time.Duration,
) (*advertiser.Bearer, *controller.Controller) {
	t.Helper()
	chip, err := air.Attach(virtual.Options{Address: controllerAddress(number), Latency: latency})
	if err != nil {
		t.Fatal(err)
	}
	b := advertiser.New(advertiser.Config{Receive: n.Receive, Random: sim.Random(seed, -1-number)})
	c := controller.New(controller.Config{
		Name:  sim.Address(number).String(),
		Open:  func(context.Context) (transport.Transport, error) { return chip.Transport(), nil },
		Hosts: []controller.Host{b},
	})
	parts.Go(func() { _ = c.Run(ctx) }) // returns the context's error
	parts.Go(func() { n.Run(ctx, b) })
	return b, c
}

// eavesdrop lets the audit read every mesh message on the air. A controller
// repeats a PDU with the same set; only its first transmission counts.
func eavesdrop(air *virtual.Air, neighbours [][]int) *sim.Audit {
	audit := sim.NewAudit()
	stations := map[packet.Address]mesh.Address{}
	for number := range neighbours {
		stations[controllerAddress(number)] = sim.Address(number)
	}
	type slot struct {
		from   packet.Address
		handle uint8
	}
	last := map[slot]string{}
	air.Sniff(func(a *virtual.Advertisement) {
		at := slot{a.From, a.Handle}
		if last[at] == string(a.Data) {
			return
		}
		last[at] = string(a.Data)
		for w := packet.Walk(a.Data); ; {
			ad, ok := w.Next()
			if !ok {
				return
			}
			if bearer.Kind(ad.Type) == bearer.Message {
				audit.Read(ad.Data, stations[a.From])
			}
		}
	})
	return audit
}

// Twenty nodes in a row, each with a whole HCI driver on a virtual controller.
// Each listener loses each advertising event with a probability of 20 %.
func TestLineOf20(t *testing.T) {
	each(t, 3, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			const n, sets = 20, 100
			neighbours := sim.Line(n)
			air := virtual.NewAir(virtual.AirOptions{Seed: seed, HalfDuplex: true})
			defer air.Close()
			audit := eavesdrop(air, neighbours)
			ctx, stop := context.WithCancel(t.Context())
			var parts sync.WaitGroup
			defer parts.Wait()
			defer stop()
			all := drive(ctx, t, &parts, air, seed, neighbours, virtual.Link{Loss: 0.2})
			time.Sleep(time.Second) // simulated: controllers are reset and scan
			start := time.Now()
			f := &figures{}
			for i := range sets {
				want := i%2 == 0
				request, err := sim.Switch(sim.Address(n-1), want, uint8(i))
				if err != nil {
					t.Fatal(err)
				}
				r, err := all[0].node.Request(ctx, request)
				f.add(node.RequestDone{Response: r, Err: err})
				if err != nil {
					t.Errorf("set %d: %v", i, err)
					continue
				}
				if all[n-1].isOn(ctx, t) != want {
					t.Errorf("set %d to %t was answered, and the plug is not", i, want)
				}
				time.Sleep(pause)
			}
			air.Sniff(nil) // from here on only the test uses the audit
			stats := air.Stats()
			t.Logf("seed %d: %s in the mesh: %s; %d PDUs originated, %d advertising events, %d heard, %d lost, %d while transmitting",
				seed, time.Since(start).Round(time.Millisecond), f, audit.PDUs, stats.Events, stats.Heard, stats.Lost, stats.Collided)
			if len(f.rtt) != sets {
				t.Errorf("%d of %d delivered", len(f.rtt), sets)
			}
			if err := audit.Err(); err != nil {
				t.Error(err)
			}
			for number, d := range all {
				if s := d.bearer.Stats(); s.Full+s.Dropped+s.Malformed+s.Unended > 0 {
					t.Errorf("station %d: %+v", number, s)
				}
			}
		})
	})
}
