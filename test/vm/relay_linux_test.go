package vm

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vm/bluez"
)

// TestRelay has nodes reach each other that do not hear each other.
func TestRelay(t *testing.T) {
	guest{stack: true, parts: []part{
		{"bluez_relays", testBlueZRelays},
		{"plug_relays", testPlugRelays},
		{"service_relays", testServiceRelays},
	}}.test(t)
}

// apart is the service, a plug of ours and a lamp of BlueZ's in one network, two
// of which do not hear each other.
type apart struct {
	*bridge
	lamp *lamp
	plug *plug
	tape *tape
}

// newApart takes both in, has both relay, and then separates the service from
// one of them.
func newApart(t *testing.T, fromPlug bool) (a apart, service, middle *dongle) {
	t.Helper()
	room := newRoom(t)
	ours, theirs, third := room.plug(t, kind(1, false)), room.plug(t, kind(2, false)), room.plug(t, kind(3, false))
	a.tape = newTape(room)
	a.bridge = newBridge(t, ours.name())
	a.lamp = newLamp(t, bluez.Start(t, bluez.Options{Adapter: theirs.name()}), bluez.Provisioning{})
	a.adopt(a.lamp, "lamp", "")
	a.plug = newPlug(t, third.name(), 1, node.DeviceOptions{})
	a.found(a.plug.uuid)
	a.ask("device/provision", fmt.Sprintf(`{"uuid":%q,"name":"plug"}`, a.plug.uuid), `{"status":"ok"}`)
	a.hasten("lamp")
	for _, name := range []string{"lamp", "plug"} {
		const setRelay, enabled, thrice = "8027", 1, 2 | 1<<3
		a.ask("mesh/send", fmt.Sprintf(`{"dst":%q,"opcode":%q,"hex":"%02x%02x","key":"device"}`, name, setRelay, enabled, thrice),
			`{"status":"ok","data":{"response":{"fields":{"relay":1}}}}`)
	}
	far := theirs
	if middle = third; fromPlug {
		far, middle = third, theirs
	}
	room.air.SetLinks(ours.controller.Address(), far.controller.Address(), virtual.Link{Cut: true})
	return a, ours, middle
}

// unheard asks the device that is apart what nobody may relay: without a relay
// nothing arrives.
func (a apart) unheard(name string) {
	a.t.Helper()
	a.ask("mesh/send", fmt.Sprintf(`{"dst":%q,"message":"Generic OnOff Get","ttl":0,"attempts":2}`, name), `{"status":"error","code":"no_response"}`)
}

// testBlueZRelays has BlueZ between the service and a plug of ours:
//
//	service ─── BlueZ ─── plug
//
// BlueZ before 5.84 takes the octets of the NetMIC off a PDU before it encrypts
// it again to relay it (its commit 2b0a6fa08 says: all relayed packets are
// broken). So no message gets through; what there is to see is that BlueZ
// understood the PDU, that its own is like it but for the TTL and the end, and
// that a plug which hears only that is none the worse for it.
func testBlueZRelays(t *testing.T) {
	a, service, middle := newApart(t, true)
	a.unheard("plug")
	mark := len(a.tape.of(middle))
	answer := a.ask("mesh/send", `{"dst":"plug","opcode":"8202","hex":"0155","attempts":4}`, `{}`) // Generic OnOff Set
	sent := map[mesh.SequenceNumber]network.PDU{}
	for _, p := range a.tape.open(a.bridge, a.tape.of(service)) {
		sent[p.Seq] = p
	}
	relayed, broken := 0, 0
	const netMIC = 4 // octets, of an access message
	for _, p := range a.tape.open(a.bridge, a.tape.of(middle)[mark:]) {
		original, ok := sent[p.Seq]
		if p.Src != bridgeAddress || !ok {
			continue
		}
		relayed++
		if p.Dst != original.Dst || p.TTL != original.TTL-1 {
			t.Errorf("BlueZ relays %+v as %+v", original, p)
		}
		if bytes.Equal(p.Transport, original.Transport[:len(original.Transport)-netMIC]) {
			broken++
		} else if !bytes.Equal(p.Transport, original.Transport) {
			t.Errorf("BlueZ relays % x as % x", original.Transport, p.Transport)
		}
	}
	t.Logf("BlueZ relayed %d PDUs, %d of them without their last %d octets", relayed, broken, netMIC)
	switch {
	case relayed == 0:
		t.Fatal("BlueZ relays nothing")
	case broken > 0:
		if a.plug.is() {
			t.Error("the plug obeys half a message")
		}
		t.Logf("as it cannot: %s", answer)
		return
	}
	t.Logf("the plug's answer: %s", answer)
	a.converse("plug", a.plug.is, a.plug.press)
}

// converse commands what is apart, and hears it.
func (a apart) converse(name string, is func() bool, toggle func()) {
	a.t.Helper()
	state := map[bool]string{true: `"state":"ON"`, false: `"state":"OFF"`}
	for _, on := range []bool{true, false, true} {
		a.command(name, state[on])
		if is() != on {
			a.t.Errorf("after %s it is on: %t", state[on], is())
		}
		a.o.AwaitLast(base+name, "{"+state[on]+"}")
		a.until(base+name, "{"+state[!on]+"}", func() {
			if is() != on {
				toggle()
			}
			toggle()
		})
	}
}

// testPlugRelays has a plug of ours between the service and BlueZ:
//
//	service ─── plug ─── BlueZ
func testPlugRelays(t *testing.T) {
	a, _, _ := newApart(t, false)
	a.unheard("lamp")
	is := func() bool { on, _ := a.lamp.is(); return on }
	a.converse("lamp", is, func() { a.lamp.press(!is()) })
}

// newSwitch is an application on BlueZ's mesh daemon with a Generic OnOff Client.
func newSwitch(t *testing.T, d *bluez.Daemon) *lamp {
	t.Helper()
	l := &lamp{t: t, uuid: mesh.UUID{0xB1, 0x0E, 6: 0x40, 8: 0x80, 15: 2}}
	l.app = d.Application(bluez.Device{
		UUID: l.uuid, Company: 0x05F1, Product: 2, CRPL: 50,
		Elements: []bluez.Element{{Models: []mesh.ModelID{generic.OnOffClientID}}},
	})
	return l
}

// testServiceRelays has two nodes of BlueZ's talk to each other over the service,
// which has an adapter on the air of each:
//
//	switch ─── hci0 service hci1 ─── lamp
func testServiceRelays(t *testing.T) {
	one, other := newRoom(t), newRoom(t)
	left, switches := one.plug(t, kind(1, false)), one.plug(t, kind(2, false))
	right, lamps := other.plug(t, kind(3, false)), other.plug(t, kind(4, false))
	h := newBridge(t, left.name()+","+right.name())
	l := newLamp(t, bluez.Start(t, bluez.Options{Adapter: lamps.name()}), bluez.Provisioning{})
	h.adopt(l, "lamp", "")
	s := newSwitch(t, bluez.Start(t, bluez.Options{Adapter: switches.name()}))
	h.adopt(s, "switch", "")
	h.hasten("lamp")
	h.hasten("switch")

	const key = 0 // that the service gave to both
	address := l.node.Addresses()[0]
	for tid, on := range []byte{1, 0, 1} {
		m := s.app.Ask("Generic OnOff Status", func() error {
			return s.node.Send(0, address, key, []byte{0x82, 0x02, on, byte(tid)})
		}, func(m bluez.Message) bool {
			return m.Source == address && len(m.Data) >= 3 && m.Data[0] == 0x82 && m.Data[1] == 0x04 && m.Data[2] == on
		})
		t.Logf("the switch heard % x of %s", m.Data, m.Source)
		if is, _ := l.is(); is != (on == 1) {
			t.Errorf("after %d the lamp is on: %t", on, is)
		}
	}
	// And the service commands and hears both.
	h.command("lamp", `"state":"OFF"`)
	if on, _ := l.is(); on {
		t.Error("the lamp is on")
	}
	h.until(base+"switch/event", `{"event_type":"on"}`, func() {
		if err := s.node.Publish(0, generic.OnOffClientID, []byte{0x82, 0x03, 1, 0x55}); err != nil {
			t.Fatalf("Publish: %v", err)
		}
	})
}
