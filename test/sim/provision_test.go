package sim_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/advertiser"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/remote"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// deviceUUID is the UUID of the unprovisioned device with a number.
func deviceUUID(number int) mesh.UUID { return mesh.UUID{0: 0xDD, 15: byte(number)} }

// hall is a provisioner, number 0, and unprovisioned devices, all within range
// of each other. Each is a node on a whole HCI driver and a virtual controller
// that takes a millisecond for a command.
type hall struct {
	nodes   []*node.Node
	bearers []*advertiser.Bearer
	reports chan node.Event // events of the provisioner
}

func enter(ctx context.Context, t *testing.T, parts *sync.WaitGroup, air *virtual.Air, seed uint64, devices int) *hall {
	t.Helper()
	h := &hall{reports: make(chan node.Event, 10_000)}
	for number := range devices + 1 {
		random := sim.Random(seed, number)
		elements := device.NewPlug().Elements()
		elements[device.Primary].Models = append(elements[device.Primary].Models, remote.NewServer())
		config := node.Config{
			Options: node.Options{Elements: elements, Random: random, Monitor: number == 0},
			Store:   store.NewMemory(),
		}
		if number == 0 {
			config.Report = func(e node.Event) { h.reports <- e }
		}
		n, err := node.Open(config, func() (node.Saved, error) {
			if number == 0 {
				return node.NewNetwork(1, random)
			}
			return node.NewDevice(deviceUUID(number)), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		b, _ := onAir(ctx, t, parts, air, seed, number, n, time.Millisecond)
		h.nodes, h.bearers = append(h.nodes, n), append(h.bearers, b)
	}
	return h
}

// provisionAtOnce provisions the given number of devices, all started at the
// same time, and returns the duration.
func provisionAtOnce(t *testing.T, seed uint64, devices int, o virtual.AirOptions) (took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Seed = seed
		air := virtual.NewAir(o)
		defer air.Close()
		ctx, stop := context.WithCancel(t.Context())
		var parts sync.WaitGroup
		defer parts.Wait()
		defer stop()
		h := enter(ctx, t, &parts, air, seed, devices)
		time.Sleep(time.Second) // simulated: controllers are reset and scan
		start := time.Now()
		results := make(chan error, devices)
		for number := 1; number <= devices; number++ {
			parts.Go(func() {
				_, err := h.nodes[0].Provision(ctx, node.Provision{UUID: deviceUUID(number)})
				results <- err
			})
		}
		var failed error
		for range devices {
			failed = errors.Join(failed, <-results)
		}
		took = time.Since(start)
		if failed != nil {
			t.Errorf("seed %d: %v", seed, failed)
		}
		for number, b := range h.bearers {
			if s := b.Stats(); s.Full+s.Dropped > 0 {
				t.Errorf("seed %d, station %d: %+v", seed, number, s)
			}
		}
	})
	return took
}

// Ten devices are provisioned at once over one radio in less than three times
// the time of one device. On an air worse than in any home more is
// retransmitted over the same radio.
func TestTenDevicesAtOnce(t *testing.T) {
	const seeds = 10
	for _, tt := range []struct {
		name  string
		air   virtual.AirOptions
		limit time.Duration // in multiples of the time of one device
	}{
		{"clean air", virtual.AirOptions{HalfDuplex: true}, 3},
		{"5 % loss", virtual.AirOptions{HalfDuplex: true, Link: virtual.Link{Loss: 0.05}}, 3},
		{"20 % loss", virtual.AirOptions{HalfDuplex: true, Link: virtual.Link{Loss: 0.2}}, 4},
		{"collisions", virtual.AirOptions{HalfDuplex: true, Collisions: true}, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var one, ten time.Duration
			for seed := range uint64(seeds) {
				one += provisionAtOnce(t, seed, 1, tt.air)
				ten += provisionAtOnce(t, seed, 10, tt.air)
			}
			t.Logf("one device in %v, ten in %v: %.2f times as long", (one / seeds).Round(time.Millisecond), (ten / seeds).Round(time.Millisecond), float64(ten)/float64(one))
			if ten >= tt.limit*one {
				t.Errorf("ten devices take %.2f times as long as one", float64(ten)/float64(one))
			}
		})
	}
}
