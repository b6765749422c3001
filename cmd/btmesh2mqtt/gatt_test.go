package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	meshtransport "github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// deaf is a node that receives no mesh PDU over the advertising bearer and
// sends none: all its traffic goes over connections. Only its solicitations are
// advertised.
type deaf struct {
	*node.Node
	solicit bearer.Bearer
}

func (deaf) Receive(*bearer.Incoming) {}
func (d deaf) Send(o bearer.Outgoing) error {
	if o.Kind == bearer.Solicitation {
		return d.solicit.Send(o)
	}
	return nil
}
func (deaf) Cancel(bearer.Lane) {}

// onlyGATT runs a node on a radio of the air.
func onlyGATT(
	t *testing.T, air *virtual.Air, number int, options virtual.Options, cfg node.Config, fresh func() (node.Saved, error),
) (*node.Node, *radio, *virtual.Controller) {
	t.Helper()
	options.Address = virtual.MakeAddress(0xC0FFEE000000 + uint64(number))
	c, err := air.Attach(options)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Random, cfg.Store = rand.Reader, store.NewMemory()
	n, err := node.Open(cfg, fresh)
	if err != nil {
		t.Fatal(err)
	}
	r := newRadio(0, adapter{fmt.Sprint(number), func(context.Context) (transport.Transport, error) { return c.Transport(), nil }}, deaf{Node: n}, nil, true, zerolog.Nop())
	useGATT(n, r)
	ctx, stop := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { _ = r.controller.Run(ctx) })
	parts.Go(func() { n.Run(ctx, deaf{n, r.bearer}) })
	t.Cleanup(func() {
		stop()
		parts.Wait()
	})
	return n, r, c
}

// TestProvisioningAndProxyOverConnections provisions a device over PB-GATT and
// configures it through its proxy, with all kinds of controllers.
func TestProvisioningAndProxyOverConnections(t *testing.T) {
	for name, options := range map[string]virtual.Options{
		"extended": {}, "legacy": {Legacy: true}, "exclusive": {Exclusive: true}, "long buffers": {DataLength: 251},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				air := virtual.NewAir(virtual.AirOptions{Seed: 4, Link: virtual.Link{Loss: 0.1}})
				t.Cleanup(func() { _ = air.Close() })
				uuid := demoUUID(7)
				heard, connected := make(chan node.DeviceHeard, 100), make(chan node.ProxyConnected, 100)
				gateway, r, _ := onlyGATT(t, air, 1, options, node.Config{
					Options: node.Options{Elements: gatewayElements(), Monitor: true, Proxy: node.ProxyOptions{Client: node.ClientOn, Connections: 1}},
					Report: func(e node.Event) {
						switch e := e.(type) {
						case node.DeviceHeard:
							select {
							case heard <- e:
							default:
							}
						case node.ProxyConnected:
							connected <- e
						}
					},
				}, func() (node.Saved, error) { return node.NewNetwork(1, rand.Reader) })
				onlyGATT(t, air, 2, options, node.Config{
					Options: node.Options{Elements: device.NewPlug().Elements(), Device: node.DeviceOptions{GATT: true}},
					Adjust:  func(n *state.Node) { n.Proxy = state.Enabled },
				}, func() (node.Saved, error) { return node.NewDevice(uuid), nil })
				if e := <-heard; e.UUID != uuid {
					t.Fatalf("heard %+v", e)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
				defer cancel()
				peer, err := gateway.Provision(ctx, node.Provision{UUID: uuid, Bearer: node.OnlyPBGATT})
				if err != nil {
					t.Fatal(err)
				}
				select {
				case <-connected:
				case <-ctx.Done():
					t.Fatalf("no proxy: %+v", r.gatt.Stats())
				}
				for range 20 {
					if err := composition(ctx, gateway, peer); err != nil {
						t.Fatal(err)
					}
				}
				if n := r.gatt.Stats(); n.Opened != 2 || n.Broken != 0 || r.controller.Stats().Resets != 0 {
					t.Errorf("stats %+v %+v", n, r.controller.Stats())
				}
			})
		})
	}
}

// TestProxyOnDemand reaches a device that acts as a proxy only on solicitation
// and advertises nothing otherwise, with all kinds of controllers. The second
// time its connection was lost before.
func TestProxyOnDemand(t *testing.T) {
	for name, options := range map[string]virtual.Options{
		"extended": {}, "legacy": {Legacy: true}, "exclusive": {Exclusive: true}, "exclusive legacy": {Exclusive: true, Legacy: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				air := virtual.NewAir(virtual.AirOptions{Seed: 4, Link: virtual.Link{Loss: 0.1}})
				t.Cleanup(func() { _ = air.Close() })
				uuid := demoUUID(7)
				heard, connected := make(chan node.DeviceHeard, 100), make(chan node.ProxyConnected, 100)
				gateway, r, _ := onlyGATT(t, air, 1, options, node.Config{
					Options: node.Options{Elements: gatewayElements(), Monitor: true, Proxy: node.ProxyOptions{Client: node.ClientOn}},
					Report: func(e node.Event) {
						switch e := e.(type) {
						case node.DeviceHeard:
							select {
							case heard <- e:
							default:
							}
						case node.ProxyConnected:
							connected <- e
						}
					},
				}, func() (node.Saved, error) { return node.NewNetwork(1, rand.Reader) })
				_, far, controller := onlyGATT(t, air, 2, options, node.Config{
					Options: node.Options{Elements: device.NewPlug().Elements(), Device: node.DeviceOptions{GATT: true}},
					Adjust:  func(n *state.Node) { n.OnDemandProxy = 20 },
				}, func() (node.Saved, error) { return node.NewDevice(uuid), nil })
				<-heard
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				peer, err := gateway.Provision(ctx, node.Provision{UUID: uuid, Bearer: node.OnlyPBGATT})
				if err != nil {
					t.Fatal(err)
				}
				for round := range 2 {
					select {
					case <-connected:
					case <-ctx.Done():
						t.Fatalf("round %d: no proxy: %+v, %+v", round, r.gatt.Stats(), far.gatt.Stats())
					}
					if err := composition(ctx, gateway, peer); err != nil {
						t.Fatal(err)
					}
					controller.HardwareError(1)
				}
				summary, err := gateway.Summary(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if n := summary.Counters.GATT; n.Solicited < 2 || r.gatt.Stats().Broken != 0 || r.controller.Stats().Resets != 0 {
					t.Errorf("counters %+v, stats %+v %+v", n, r.gatt.Stats(), r.controller.Stats())
				}
			})
		})
	}
}

// TestAnotherProxyWithinSeconds removes the proxy that is in use.
func TestAnotherProxyWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := virtual.NewAir(virtual.AirOptions{Seed: 4})
		t.Cleanup(func() { _ = air.Close() })
		connected := make(chan node.ProxyConnected, 100)
		gateway, r, _ := onlyGATT(t, air, 1, virtual.Options{}, node.Config{
			Options: node.Options{Elements: gatewayElements(), Monitor: true, Proxy: node.ProxyOptions{Client: node.ClientOn, Connections: 1}},
			Report: func(e node.Event) {
				if e, ok := e.(node.ProxyConnected); ok {
					connected <- e
				}
			},
		}, func() (node.Saved, error) { return node.NewNetwork(1, rand.Reader) })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		radios, controllers, peers := map[int]*radio{}, map[int]*virtual.Controller{}, map[int]state.Peer{}
		for number := 2; number <= 3; number++ {
			uuid := demoUUID(number)
			_, radios[number], controllers[number] = onlyGATT(t, air, number, virtual.Options{}, node.Config{
				Options: node.Options{Elements: device.NewPlug().Elements(), Device: node.DeviceOptions{GATT: true}},
				Adjust:  func(n *state.Node) { n.Proxy = state.Enabled },
			}, func() (node.Saved, error) { return node.NewDevice(uuid), nil })
			time.Sleep(10 * time.Second)
			peer, err := gateway.Provision(ctx, node.Provision{UUID: uuid, Bearer: node.OnlyPBGATT})
			if err != nil {
				t.Fatal(err)
			}
			peers[number] = peer
		}
		time.Sleep(2 * time.Minute) // also after the time in which they advertise their identity
		for len(connected) > 0 {
			<-connected
		}
		// The proxy in use is the one that receives what is sent.
		before := radios[2].gatt.Stats().Received
		_ = composition(ctx, gateway, peers[2])
		used, other := 3, 2
		if radios[2].gatt.Stats().Received > before {
			used, other = 2, 3
		}
		for range 3 {
			controllers[used].Unplug()
			gone := time.Now()
			select {
			case <-connected:
			case <-ctx.Done():
				t.Fatalf("no proxy: %+v", r.gatt.Stats())
			}
			if d := time.Since(gone); d > 5*time.Second {
				t.Errorf("it took %s", d)
			}
			if err := composition(ctx, gateway, peers[other]); err != nil {
				t.Fatal(err)
			}
			if err := controllers[used].Plug(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Second)
			used, other = other, used
		}
	})
}

// composition requests the Composition Data of a node.
func composition(ctx context.Context, n *node.Node, peer state.Peer) error {
	payload, err := access.Append(nil, &configuration.CompositionDataGet{})
	if err != nil {
		return err
	}
	var status configuration.CompositionDataStatus
	done, err := n.Request(ctx, node.Request{
		Dst: peer.Address, TTL: mesh.DefaultTTL, Key: meshtransport.Key{Device: peer.Address}, Payload: payload,
		Respond: status.Opcode(),
	})
	if err != nil {
		return err
	}
	return access.Decode(done.Params, &status)
}
