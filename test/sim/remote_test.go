package sim_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

// walls puts the stations of a hall in a row; each hears only its neighbours.
func walls(air *virtual.Air, stations int, link virtual.Link) {
	for a := range stations {
		for b := range stations {
			if a == b {
				continue
			}
			l := virtual.Link{Cut: true}
			if a-b == 1 || b-a == 1 {
				l = link
			}
			air.SetLink(controllerAddress(a), controllerAddress(b), l)
		}
	}
}

// The first node in a row finds, provisions and configures a device that only
// the third hears, over two hops that lose every tenth advertisement. Then the
// device is switched and gets another device key and other addresses.
func TestRemoteProvisioningThroughTwoHops(t *testing.T) {
	each(t, 3, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			air := virtual.NewAir(virtual.AirOptions{Seed: seed, HalfDuplex: true})
			defer air.Close()
			ctx, stop := context.WithCancel(t.Context())
			var parts sync.WaitGroup
			defer parts.Wait()
			defer stop()
			h := enter(ctx, t, &parts, air, seed, 3)
			gateway := h.nodes[0]
			time.Sleep(time.Second) // simulated: controllers are reset and scan
			var server state.Peer
			for number := 1; number <= 2; number++ {
				var err error
				if server, err = gateway.Provision(ctx, node.Provision{UUID: deviceUUID(number)}); err != nil {
					t.Fatal(err)
				}
			}
			walls(air, 4, virtual.Link{Loss: 0.1})
			if err := commission.Scan(ctx, gateway, server, 20*time.Second); err != nil {
				t.Fatal(err)
			}
			for found := false; !found; {
				e, ok := (<-h.reports).(node.DeviceHeard)
				found = ok && e.UUID == deviceUUID(3) && e.Via == server.Address
			}
			begun := time.Now()
			far, err := gateway.Provision(ctx, node.Provision{UUID: deviceUUID(3), Via: server.Address})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("seed %d: provisioned in %v", seed, time.Since(begun).Round(time.Millisecond))
			transaction := uint8(0)
			use := func(peer state.Peer, on bool) {
				t.Helper()
				transaction++
				key, err := gateway.ApplicationKey(ctx, 0)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := commission.Configure(ctx, gateway, commission.Options{Key: key, Bridge: 1}, peer, nil); err != nil {
					t.Fatal(err)
				}
				request, err := sim.Switch(peer.Address, on, transaction)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := gateway.Request(ctx, request); err != nil {
					t.Fatal(err)
				}
			}
			use(far, true)
			for _, procedure := range []remoteprovisioning.RefreshProcedure{remoteprovisioning.RefreshDeviceKey, remoteprovisioning.RefreshNodeAddress} {
				renewed, err := gateway.Refresh(ctx, node.Refresh{Address: far.Address, Procedure: procedure})
				if err != nil {
					t.Fatalf("%v: %v", procedure, err)
				}
				if renewed.DeviceKey.Equal(far.DeviceKey) || (renewed.Address == far.Address) != (procedure == remoteprovisioning.RefreshDeviceKey) {
					t.Errorf("%v: %v", procedure, renewed.Address)
				}
				far = renewed
				use(far, false)
			}
			if err := gateway.CancelProvisioning(ctx, deviceUUID(3), "?"); err == nil {
				t.Error("canceling a finished provisioning returned no error")
			}
			if err := gateway.ProvisioningInput(ctx, deviceUUID(3), "1"); err == nil {
				t.Errorf("expected %v", provision.ErrNotAwaited)
			}
		})
	})
}
