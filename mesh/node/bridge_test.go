package node_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/bridgeconfig"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	healthmodel "github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/health"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/opcodesaggregator"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// A plug is in a second subnet only. Another node, in both subnets, relays the
// messages in its bridging table and no others.
func TestBridgeBetweenSubnets(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	bridge := device.NewPlug()
	bridgeNode, bridgeID := p.addDevice("bridge", node.DeviceOptions{}, func() []access.Element { return bridge.Elements() })
	handle := device.NewPlug()
	far, farID := p.addDevice("far", node.DeviceOptions{}, func() []access.Element { return handle.Elements() })
	bridgePeer := p.provision(gateway, bridgeID, provision.Auth{})
	farPeer := p.provision(gateway, farID, provision.Auth{})
	p.setUp(gateway, farPeer)

	const second mesh.KeyIndex = 5
	secondKey := crypto.Key{5, 5}
	var added configuration.NetKeyStatus
	p.configure(gateway, bridgePeer, &configuration.NetKeyAdd{NetKeyIndex: second, NetKey: secondKey}, &added)
	p.success("NetKey Add", added.Status)
	// The far node leaves the first subnet; its AppKey belongs to the second.
	far.edit(func(n *state.Node) {
		n.Subnets = []state.Subnet{{Index: second, Key: secondKey}}
		n.AppKeys[0].NetKey = second
	})

	on := &generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{OnOff: true, TID: 1}}
	send := func() { p.sendUnacknowledged(gateway, node.Request{Dst: farPeer.Address}, on) }
	send()
	if handle.IsOn(p.now) {
		t.Fatal("a node received a message of another subnet without a subnet bridge")
	}
	var enabled bridgeconfig.SubnetBridgeStatus
	p.configure(gateway, bridgePeer, &bridgeconfig.SubnetBridgeSet{SubnetBridge: true}, &enabled)
	send()
	if handle.IsOn(p.now) {
		t.Fatal("the subnet bridge relayed a message that is not in its table")
	}
	var status bridgeconfig.BridgingTableStatus
	p.configure(gateway, bridgePeer, &bridgeconfig.BridgingTableAdd{
		Directions: bridgeconfig.BothWay, BridgedSubnets: bridgeconfig.BridgedSubnets{NetKeyIndex1: 0, NetKeyIndex2: second},
		Address1: gatewayAddress, Address2: farPeer.Address,
	}, &status)
	p.success("Bridging Table Add", status.Status)
	send()
	if !handle.IsOn(p.now) {
		t.Fatal("the subnet bridge did not relay a message in its table")
	}
	// The opposite direction: the plug answers a request.
	var answer generic.OnOffStatus
	p.control(gateway, farPeer.Address, &generic.OnOffGet{}, &answer)
	if !answer.PresentOnOff {
		t.Errorf("%+v", answer)
	}
	if n := bridgeNode.Counters().Bridged; n < 3 {
		t.Errorf("%d PDUs were bridged, expected at least 3", n)
	}
	// A subnet bridge that receives its own PDUs does not bridge them again.
	before := bridgeNode.Counters().Bridged
	p.pass(time.Minute)
	if n := bridgeNode.Counters().Bridged; n != before {
		t.Errorf("%d PDUs were bridged without new messages", n-before)
	}
}

// One sequence carries several requests, and one status carries all answers.
func TestAggregatedMessages(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	handle := device.NewPlug()
	dev, uuid := p.addDevice("plug", node.DeviceOptions{}, func() []access.Element { return handle.Elements() })
	peer := p.provision(gateway, uuid, provision.Auth{})
	item := func(m access.Message) []byte {
		octets, err := access.Append(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		return octets
	}
	sequence := &opcodesaggregator.Sequence{ElementAddress: peer.Address, Items: [][]byte{
		item(&configuration.BeaconSet{Beacon: true}),
		item(&configuration.AppKeyAdd{AppKey: gateway.State().AppKeys[0].Key}),
		item(&configuration.ModelAppBind{ElementAddress: peer.Address, ModelIdentifier: generic.OnOffServerID}),
		item(&configuration.ModelAppBind{ElementAddress: peer.Address, ModelIdentifier: foundation.OpcodesAggregatorServerID}),
		item(&configuration.DefaultTTLGet{}),
	}}
	var status opcodesaggregator.Status
	p.configure(gateway, peer, sequence, &status)
	if status.Status != opcodesaggregator.Success || len(status.Items) != len(sequence.Items) {
		t.Fatalf("%+v", status)
	}
	for i, want := range []mesh.Opcode{
		configuration.OpBeaconStatus, configuration.OpAppKeyStatus, configuration.OpModelAppStatus, configuration.OpModelAppStatus, configuration.OpDefaultTTLStatus,
	} {
		if op, _, err := access.ParseOpcode(status.Items[i]); err != nil || op != want {
			t.Errorf("answer %d: %x, %v", i, status.Items[i], err)
		}
	}
	if !dev.State().Beacon || len(dev.State().AppKeys) != 1 {
		t.Errorf("%+v", dev.State())
	}

	// With an AppKey only the models bound to that key are reached.
	sequence.Items = [][]byte{item(&generic.OnOffSet{OnOff: true, TID: 9}), item(&configuration.BeaconGet{})}
	p.control(gateway, peer.Address, sequence, &status)
	if status.Status != opcodesaggregator.WrongAccessKey || len(status.Items) != 1 || !handle.IsOn(p.now) {
		t.Errorf("got %+v, on: %v", status, handle.IsOn(p.now))
	}
	sequence.Items = [][]byte{{0x83, 0x7F}}
	p.control(gateway, peer.Address, sequence, &status)
	if status.Status != opcodesaggregator.WrongOpcode {
		t.Errorf("%+v", status)
	}
	// A sequence can even remove the node from its network.
	sequence.Items = [][]byte{item(&configuration.NodeReset{})}
	p.sendUnacknowledged(gateway, node.Request{Dst: peer.Address}, sequence)
	if dev.State().IsProvisioned() == false {
		t.Error("the node was reset with an AppKey")
	}
}

// A node with a fault publishes it more often (Health Fast Period Divisor).
func TestHealthIsPublishedFasterWithFaults(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	health := healthmodel.NewServer(device.Company)
	dev, uuid := p.addDevice("health", node.DeviceOptions{}, func() []access.Element {
		return []access.Element{{Models: []access.Model{configuration.NewServer(configuration.Product{}), health.Model()}}}
	})
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.setUp(gateway, peer)
	var bound configuration.ModelAppStatus
	p.configure(gateway, peer, &configuration.ModelAppBind{ElementAddress: peer.Address, ModelIdentifier: foundation.HealthServerID}, &bound)
	p.success("App Bind", bound.Status)
	const tenSeconds = 0x0A | 1<<6 // ten steps of one second
	p.publish(gateway, peer, peer.Address, foundation.HealthServerID, tenSeconds)
	var divisor healthmodel.PeriodStatus
	p.control(gateway, peer.Address, &healthmodel.PeriodSet{FastPeriodDivisor: 3}, &divisor)

	published := func(d time.Duration) (n int) {
		gateway.events = nil
		p.pass(d)
		for _, e := range gateway.events {
			if m, ok := e.(node.MessageReceived); ok && m.Opcode == healthmodel.OpCurrentStatus {
				n++
			}
		}
		return n
	}
	if n := published(100 * time.Second); n != 10 {
		t.Errorf("%d publications in ten periods without faults", n)
	}
	dev.WithModel(p.now, device.Primary, foundation.HealthServerID, func(ctx access.Context) { health.SetFaults(ctx.Now(), 1) })
	p.carryOut(dev)
	if n := published(100 * time.Second); n < 79 || n > 81 {
		t.Errorf("%d publications in ten periods with a fault, expected 80 and the change", n)
	}
	dev.WithModel(p.now, device.Primary, foundation.HealthServerID, func(ctx access.Context) { health.SetFaults(ctx.Now()) })
	p.carryOut(dev)
	if n := published(100 * time.Second); n < 10 || n > 11 {
		t.Errorf("%d publications in ten periods after the fault", n)
	}
}
