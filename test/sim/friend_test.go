package sim_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/advertiser"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/controller"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/transport"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// A Low Power node (a plug) and its friend, each with a whole HCI driver on a
// virtual controller, so that the receive window must cover what a radio needs.
// Every command arrives, although each advertising event is lost with a
// probability of 20 %.
func TestLowPowerNodeBehindWholeDrivers(t *testing.T) {
	each(t, 2, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			air := virtual.NewAir(virtual.AirOptions{Seed: seed, HalfDuplex: true})
			defer air.Close()
			air.SetDefaultLink(virtual.Link{Loss: 0.2})
			ctx, stop := context.WithCancel(t.Context())
			var parts sync.WaitGroup
			defer parts.Wait()
			defer stop()
			var mu sync.Mutex
			established, ended := 0, 0
			begin := func(number int, options node.Options, adjust func(*state.Node)) *node.Node {
				t.Helper()
				options.Elements, options.Random = device.NewPlug().Elements(), sim.Random(seed, number)
				n, err := node.Open(node.Config{
					Options: options, Store: store.NewMemory(), Adjust: adjust,
					Report: func(e node.Event) {
						mu.Lock()
						defer mu.Unlock()
						if e, ok := e.(node.FriendshipChanged); ok && e.Established {
							established++
						} else if ok {
							ended++
						}
					},
				}, func() (node.Saved, error) { return sim.Configured(number, ttl, options.Elements), nil })
				if err != nil {
					t.Fatal(err)
				}
				chip, err := air.Attach(virtual.Options{Address: controllerAddress(number)})
				if err != nil {
					t.Fatal(err)
				}
				bearer := advertiser.New(advertiser.Config{Receive: n.Receive, Random: sim.Random(seed, -1-number)})
				driver := controller.New(controller.Config{
					Name:  sim.Address(number).String(),
					Open:  func(context.Context) (transport.Transport, error) { return chip.Transport(), nil },
					Hosts: []controller.Host{bearer},
				})
				parts.Go(func() { _ = driver.Run(ctx) }) // returns the context's error
				parts.Go(func() { n.Run(ctx, bearer) })
				return n
			}
			gateway := begin(0, node.Options{}, func(n *state.Node) { n.Friend = state.Enabled })
			begin(1, node.Options{LowPower: &node.LowPowerOptions{PollTimeout: time.Minute, PollInterval: 5 * time.Second}}, nil)
			time.Sleep(10 * time.Second) // simulated: they have found each other
			const sets = 50
			f := &figures{}
			for i := range sets {
				request, err := sim.Switch(sim.Address(1), i%2 == 0, uint8(i))
				if err != nil {
					t.Fatal(err)
				}
				r, err := gateway.Request(ctx, request)
				f.add(node.RequestDone{Response: r, Err: err})
				if err != nil {
					t.Errorf("set %d: %v", i, err)
				}
				time.Sleep(time.Duration(i%7) * time.Second)
			}
			summary, err := gateway.Summary(ctx)
			if err != nil {
				t.Fatal(err)
			}
			c := summary.Counters.Friend
			t.Logf("seed %d: %s; %d polls, %d PDUs delivered, %d again", seed, f, c.Polls, c.Delivered, c.Repeated)
			mu.Lock()
			defer mu.Unlock()
			if len(summary.Friendships) != 1 || established != 2 || ended != 0 || len(f.rtt) != sets {
				t.Errorf("%d of %d sets; friendships %+v, %d established and %d ended on both sides",
					len(f.rtt), sets, summary.Friendships, established, ended)
			}
		})
	})
}
