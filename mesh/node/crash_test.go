package node_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
)

// A node that crashes between any two steps and restarts from its store
// continues: it can be reached, it keeps what it has acknowledged, and it uses
// no sequence number twice.
func TestCrashBetweenAnyTwoSteps(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	var handle *device.Plug
	dev, uuid := p.addDevice("plug", node.DeviceOptions{}, func() []access.Element {
		handle = device.NewPlug()
		return handle.Elements()
	})
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.setUp(gateway, peer, generic.OnOffServerID)
	crashes := 0
	crash := func() {
		if p.random.Float64() < 0.1 {
			crashes++
			p.restart(dev)
		}
	}
	for i := range 300 {
		p.after = crash
		var status generic.OnOffStatus
		want := i%2 == 0
		p.control(gateway, peer.Address, &generic.OnOffSet{OnOff: want, TID: uint8(i)}, &status)
		if status.PresentOnOff != want {
			t.Fatalf("set %d: %+v, want %t", i, status, want)
		}
		// The answer was sent, and the record of it stored, in steps of their
		// own.
		p.after = nil
		p.pass(100 * time.Millisecond)
		p.restart(dev)
		if handle.IsOn(p.now) != want {
			t.Fatalf("set %d: after a restart the plug is %t, want %t", i, !want, want)
		}
	}
	if crashes < 50 {
		t.Errorf("only %d crashes", crashes)
	}
	p.unrepeated(dev)
	p.unrepeated(gateway)
}

// A node does not act on a message twice, even after a kill and with an empty
// network message cache: an attacker records all PDUs and replays them.
func TestReplayedPDUsAreIgnored(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	var handle *device.Plug
	dev, uuid := p.addDevice("plug", node.DeviceOptions{}, func() []access.Element {
		handle = device.NewPlug()
		return handle.Elements()
	})
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.setUp(gateway, peer)
	var record []bearer.Incoming
	p.tap = func(to *member, in bearer.Incoming) {
		if to == dev {
			record = append(record, in)
		}
	}
	var status generic.OnOffStatus
	p.control(gateway, peer.Address, &generic.OnOffSet{OnOff: true, TID: 1}, &status)
	p.control(gateway, peer.Address, &generic.OnOffSet{OnOff: false, TID: 2}, &status)
	p.pass(time.Second)
	p.tap = nil
	p.pass(time.Minute) // longer than every transaction
	for _, restarted := range []bool{false, true} {
		if restarted {
			p.restart(dev)
		}
		before := dev.Counters().Transport.Replayed
		for i := range record {
			dev.Receive(p.now, &record[i])
			p.carryOut(dev)
			if handle.IsOn(p.now) {
				t.Fatalf("restarted %t: replayed PDU %d switched the plug on", restarted, i)
			}
		}
		if restarted && dev.Counters().Transport.Replayed == before {
			t.Error("no replay was counted: the PDUs did not reach the replay protection list")
		}
	}
	if len(record) < 2 {
		t.Fatalf("recorded %d PDUs", len(record))
	}
}
