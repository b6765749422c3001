package node_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// twins returns two labels with the same virtual address.
func twins() (a, b mesh.UUID) {
	seen := map[mesh.Address]mesh.UUID{}
	for n := uint32(1); ; n++ {
		var label mesh.UUID
		binary.BigEndian.PutUint32(label[:], n)
		if other, ok := seen[crypto.VirtualAddress(label)]; ok {
			return other, label
		}
		seen[crypto.VirtualAddress(label)] = label
	}
}

// publisher is a Generic OnOff Client for publications by the test.
type publisher struct{}

func (publisher) ID() mesh.ModelID                         { return generic.OnOffClientID }
func (publisher) Opcodes() []mesh.Opcode                   { return nil }
func (publisher) Receive(access.Context, *access.Incoming) {}

// Two labels can have the same virtual address. A message to one label must not
// reach models that subscribe to the other: in one PDU or in segments, directly
// or through a Friend node.
func TestLabelsWithTheSameVirtualAddress(t *testing.T) {
	first, second := twins()
	p := newPump(t)
	gateway := p.addFriend()
	button, buttonID := p.addDevice("button", node.DeviceOptions{}, func() []access.Element {
		return []access.Element{{Models: []access.Model{configuration.NewServer(configuration.Product{}), publisher{}}}}
	})
	buttonPeer := p.provision(gateway, buttonID, provision.Auth{})
	p.setUp(gateway, buttonPeer)
	awake, asleep := &logbook{}, &logbook{}
	_, awakeID := p.addDevice("awake", node.DeviceOptions{}, awake.elements)
	_, asleepID := p.addLowPower("asleep", node.LowPowerOptions{PollTimeout: 20 * time.Second, PollInterval: 2 * time.Second}, asleep.elements)
	subscribe := func(peer state.Peer, m access.Message) {
		t.Helper()
		var status configuration.ModelSubscriptionStatus
		p.configure(gateway, peer, m, &status)
		p.success("Subscription", status.Status)
	}
	var peers []state.Peer
	for _, id := range []mesh.UUID{awakeID, asleepID} {
		peer := p.provision(gateway, id, provision.Auth{})
		peers = append(peers, peer)
		p.setUp(gateway, peer)
		subscribe(peer, &configuration.ModelSubscriptionVirtualAddressAdd{
			ElementAddress: peer.Address, Label: first, ModelIdentifier: generic.OnOffServerID,
		})
	}
	tid := uint8(0)
	publish := func(label mesh.UUID) {
		t.Helper()
		var status configuration.ModelPublicationStatus
		p.configure(gateway, buttonPeer, &configuration.ModelPublicationVirtualAddressSet{
			ElementAddress: buttonPeer.Address, PublishAddress: label, ModelIdentifier: generic.OnOffClientID,
			PublishParameters: configuration.PublishParameters{PublishTTL: mesh.DefaultTTL},
		}, &status)
		p.success("Publication", status.Status)
		button.WithModel(p.now, 0, generic.OnOffClientID, func(ctx access.Context) {
			ctx.Publish(&generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{OnOff: true, TID: tid}})
		})
		tid++
		p.carryOut(button)
		p.pass(5 * time.Second)
	}
	expect := func(want ...uint8) {
		t.Helper()
		for name, book := range map[string]*logbook{"awake": awake, "asleep": asleep} {
			if !slices.Equal(book.got, want) {
				t.Errorf("%s got %v, want %v", name, book.got, want)
			}
		}
	}
	publish(first)
	publish(second)
	expect(0)
	for _, peer := range peers { // both labels
		subscribe(peer, &configuration.ModelSubscriptionVirtualAddressAdd{
			ElementAddress: peer.Address, Label: second, ModelIdentifier: generic.OnOffServerID,
		})
	}
	publish(first)
	publish(second)
	expect(0, 2, 3)
	for _, peer := range peers { // the second label only; the address stays
		subscribe(peer, &configuration.ModelSubscriptionVirtualAddressDelete{
			ElementAddress: peer.Address, Label: first, ModelIdentifier: generic.OnOffServerID,
		})
	}
	p.pass(5 * time.Second)
	publish(first)
	publish(second)
	expect(0, 2, 3, 5)
}
