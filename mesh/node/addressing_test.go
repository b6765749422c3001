package node_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// sendUnacknowledged sends an unacknowledged message and lets time pass for its
// delivery.
func (p *pump) sendUnacknowledged(from *member, r node.Request, m access.Message) {
	p.Helper()
	p.post(from, r, m)
	p.pass(time.Second)
}

// Section 3.7.4.1: a model receives messages with the AppKeys bound to it. The
// Configuration Server receives messages with its own device key only.
func TestModelsReceiveWithBoundKeysOnly(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	handle := device.NewPlug()
	dev, uuid := p.addDevice("plug", node.DeviceOptions{}, func() []access.Element { return handle.Elements() })
	peer := p.provision(gateway, uuid, provision.Auth{})
	var added configuration.AppKeyStatus
	p.configure(gateway, peer, &configuration.AppKeyAdd{AppKey: gateway.State().AppKeys[0].Key}, &added)
	p.success("AppKey Add", added.Status)

	on := &generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{OnOff: true, TID: 1}}
	p.sendUnacknowledged(gateway, node.Request{Dst: peer.Address}, on)
	if handle.IsOn(p.now) {
		t.Error("a model received a message with an AppKey that is not bound to it")
	}
	p.sendUnacknowledged(gateway, node.Request{Dst: peer.Address, Key: transport.Key{Device: peer.Address}}, on)
	if handle.IsOn(p.now) {
		t.Error("an application model received a message with the device key")
	}
	p.sendUnacknowledged(gateway, node.Request{Dst: peer.Address}, &configuration.DefaultTTLSet{TTL: 9})
	if dev.State().DefaultTTL == 9 {
		t.Error("the Configuration Server received a message with an AppKey")
	}
	p.setUp(gateway, peer)
	p.sendUnacknowledged(gateway, node.Request{Dst: peer.Address}, on)
	if !handle.IsOn(p.now) {
		t.Error("the model did not receive a message with its bound AppKey")
	}
}

// The members of a group are models, not nodes.
func TestGroupOfOneModel(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	handle := device.NewLamp()
	_, uuid := p.addDevice("lamp", node.DeviceOptions{}, func() []access.Element { return handle.Elements() })
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.setUp(gateway, peer)
	const group mesh.Address = 0xC123
	var status configuration.ModelSubscriptionStatus
	p.configure(gateway, peer, &configuration.ModelSubscriptionAdd{
		ElementAddress: peer.Address, Address: group, ModelIdentifier: light.LightnessServerID,
	}, &status)
	p.success("Subscription Add", status.Status)
	p.sendUnacknowledged(gateway, node.Request{Dst: group}, &generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{OnOff: true, TID: 1}})
	if handle.IsOn(p.now) {
		t.Error("a model outside the group received its message")
	}
	p.sendUnacknowledged(gateway, node.Request{Dst: group}, &light.LightnessSetUnacknowledged{LightnessSet: light.LightnessSet{Lightness: 99, TID: 1}})
	if handle.Lightness(p.now) != 99 {
		t.Error("the model in the group did not receive its message")
	}
}

// A button publishes to a label. One of the models of a lamp subscribes to it.
func TestVirtualAddressReachesItsSubscribers(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	label, other := mesh.UUID{1}, mesh.UUID{2}
	button := device.NewButton()
	buttonNode, buttonID := p.addDevice("button", node.DeviceOptions{}, func() []access.Element { return button.Elements() })
	handle := device.NewLamp()
	_, lampID := p.addDevice("lamp", node.DeviceOptions{}, func() []access.Element { return handle.Elements() })
	buttonPeer := p.provision(gateway, buttonID, provision.Auth{})
	lampPeer := p.provision(gateway, lampID, provision.Auth{})
	p.setUp(gateway, buttonPeer)
	p.setUp(gateway, lampPeer)
	for _, id := range []mesh.ModelID{generic.OnOffClientID, generic.LevelClientID} {
		var status configuration.ModelPublicationStatus
		p.configure(gateway, buttonPeer, &configuration.ModelPublicationVirtualAddressSet{
			ElementAddress: buttonPeer.Address, PublishAddress: label, ModelIdentifier: id,
			PublishParameters: configuration.PublishParameters{PublishTTL: mesh.DefaultTTL},
		}, &status)
		p.success("Publication Virtual Address Set", status.Status)
	}
	for id, l := range map[mesh.ModelID]mesh.UUID{generic.OnOffServerID: label, generic.LevelServerID: other} {
		var status configuration.ModelSubscriptionStatus
		p.configure(gateway, lampPeer, &configuration.ModelSubscriptionVirtualAddressAdd{
			ElementAddress: lampPeer.Address, Label: l, ModelIdentifier: id,
		}, &status)
		p.success("Subscription Virtual Address Add", status.Status)
	}
	buttonNode.WithModel(p.now, device.Primary, generic.LevelClientID, button.Turn(1000))
	p.carryOut(buttonNode)
	p.pass(time.Second)
	if handle.IsOn(p.now) {
		t.Error("a model received a message to a label without a subscription")
	}
	buttonNode.WithModel(p.now, device.Primary, generic.OnOffClientID, button.Press)
	p.carryOut(buttonNode)
	p.pass(time.Second)
	if !handle.IsOn(p.now) {
		t.Error("the lamp did not receive the button's message")
	}
}
