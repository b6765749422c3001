package node_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Private beacons are sent while they are switched on. Only the network's key
// decrypts them, and their Random field changes as often as configured.
func TestPrivateBeacons(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	dev, uuid := p.addDevice("plug", node.DeviceOptions{}, plug)
	p.provision(gateway, uuid, provision.Auth{})
	keys := beacon.NewKeys(gateway.State().Subnets[0].Key)
	numbers := map[string]bool{}
	private, secure := 0, 0
	p.tap = func(to *member, in bearer.Incoming) {
		if to != gateway || in.Kind != bearer.Beacon {
			return
		}
		switch said, err := keys.OpenPrivate(in.PDU()); {
		case err != nil:
			secure++
		case said != (beacon.State{IVIndex: dev.State().IVIndex}):
			t.Errorf("the beacon has %+v", said)
		default:
			private++
			numbers[string(in.PDU()[1:14])] = true
		}
	}
	observe := func(c state.PrivateBeacon) {
		p.change(dev, func(n *state.Node) { n.Beacon, n.PrivateBeacon = false, c })
		p.pass(10 * time.Second)
		clear(numbers)
		private, secure = 0, 0
		p.pass(10 * time.Minute)
	}
	observe(state.PrivateBeacon{})
	if private+secure > 0 {
		t.Errorf("%d private and %d secure beacons while both are off", private, secure)
	}
	observe(state.PrivateBeacon{Enabled: true})
	if private < 20 || secure > 0 || len(numbers) != private {
		t.Errorf("%d private beacons with %d Random values, %d secure beacons", private, len(numbers), secure)
	}
	observe(state.PrivateBeacon{Enabled: true, Steps: 12}) // two minutes
	alone := private
	if private < 20 || len(numbers) < 4 || len(numbers) > 6 {
		t.Errorf("%d private beacons with %d Random values", private, len(numbers))
	}
	// With other nodes it sends fewer beacons.
	p.change(gateway, func(n *state.Node) { n.PrivateBeacon.Enabled = true })
	observe(state.PrivateBeacon{Enabled: true})
	if private == 0 || private > alone*3/4 {
		t.Errorf("%d private beacons with other nodes, %d alone", private, alone)
	}
}
