package node_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Others can configure a resident node. It reports the keys that it gets. It
// does not leave its network on a Config Node Reset.
func TestResidentStays(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	dev, uuid := p.addDevice("resident", node.DeviceOptions{}, plug)
	dev.options.Resident = true
	p.restart(dev)
	peer := p.provision(gateway, uuid, provision.Auth{})
	dev.events = nil
	var added configuration.NetKeyStatus
	p.configure(gateway, peer, &configuration.NetKeyAdd{NetKeyIndex: 5, NetKey: crypto.Key{1}}, &added)
	if _, ok := take[node.KeysChanged](dev, nil); added.Status != foundation.Success || !ok {
		t.Errorf("got %+v, reported: %t", added, ok)
	}
	var beacon configuration.BeaconStatus
	p.configure(gateway, peer, &configuration.BeaconSet{Beacon: true}, &beacon)
	if _, ok := take[node.KeysChanged](dev, nil); ok {
		t.Error("a key change was reported without a change")
	}

	payload, err := access.Append(nil, &configuration.NodeReset{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := gateway.Request(p.now, node.Request{
		Dst: peer.Address, Key: transport.Key{Device: peer.Address}, TTL: mesh.DefaultTTL,
		Payload: payload, Respond: configuration.OpNodeResetStatus,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.carryOut(gateway)
	done := await(p, gateway, 2*time.Minute, func(e node.RequestDone) bool { return e.ID == id })
	if done.Err == nil {
		t.Error("the reset was answered")
	}
	if e, ok := take[node.ResetRefused](dev, nil); !ok || e.By != gatewayAddress {
		t.Errorf("reported: %t, %+v", ok, e)
	}
	if !dev.State().IsProvisioned() {
		t.Error("the node left its network")
	}
	p.configure(gateway, peer, &configuration.BeaconSet{}, &beacon)
}
