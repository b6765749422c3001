package node_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Section 3.7.4.2: a request with TTL 0 is answered with TTL 0, in one PDU or
// in several. No relay relays either.
func TestRequestWithTTL0IsAnsweredWithTTL0(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	dev, uuid := p.addDevice("lamp", node.DeviceOptions{}, lamp)
	relay, relayID := p.addDevice("relay", node.DeviceOptions{}, plug)
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.provision(gateway, relayID, provision.Auth{})
	before := relay.Counters().Relayed
	for _, c := range []struct {
		m        access.Message
		response mesh.Opcode
	}{
		{&configuration.DefaultTTLGet{}, configuration.OpDefaultTTLStatus},
		{&configuration.CompositionDataGet{}, configuration.OpCompositionDataStatus}, // several segments, with acknowledgments
	} {
		payload, err := access.Append(nil, c.m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := gateway.Request(p.now, node.Request{
			Dst: peer.Address, Key: transport.Key{Device: peer.Address}, TTL: 0, Payload: payload, Respond: c.response,
		}); err != nil {
			t.Fatal(err)
		}
		p.carryOut(gateway)
		answer := await(p, gateway, 10*time.Second, func(e node.MessageReceived) bool { return e.Opcode == c.response })
		if answer.TTL != 0 {
			t.Errorf("%T is answered with TTL %d", c.m, answer.TTL)
		}
		p.pass(5 * time.Second)
	}
	if n := relay.Counters().Relayed - before; n != 0 {
		t.Errorf("%d PDUs were relayed", n)
	}
	if n := dev.Counters().Transport.Results[transport.Delivered]; n != 1 {
		t.Errorf("%d segmented messages were acknowledged", n)
	}
}

// Section 3.4.5, output filter: a node does not send its own message with TTL 1
// to the network. It does relay a PDU with that TTL.
func TestOwnMessageWithTTL1IsNotSent(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	dev, uuid := p.addDevice("plug", node.DeviceOptions{}, plug)
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.setUp(gateway, peer)
	p.pass(5 * time.Second)
	for ttl, want := range map[mesh.TTL]bool{0: true, 1: false, 2: true} {
		gateway.sent = map[string]int{}
		dev.events = nil
		payload, err := access.Append(nil, unacknowledged(1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := gateway.Request(p.now, node.Request{Dst: peer.Address, TTL: ttl, Payload: payload}); err != nil {
			t.Fatal(err)
		}
		p.carryOut(gateway)
		if sent := len(gateway.sent) > 0; sent != want {
			t.Errorf("TTL %d: sent %t", ttl, sent)
		}
		p.pass(time.Second)
	}
}
