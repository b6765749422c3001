package vm

import (
	"fmt"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vm/bluez"
)

// TestRelay has nodes reach each other that do not hear each other.
func TestRelay(t *testing.T) {
	guest{stack: true, limit: 5 * time.Minute, parts: []part{
		{"bluez_relays", testBlueZRelays},
		{"service_relays", testServiceRelays},
	}}.test(t)
}

// testBlueZRelays has the service command a plug that only BlueZ hears:
//
//	service ─── BlueZ ─── plug
func testBlueZRelays(t *testing.T) {
	room := newRoom(t)
	ours, middle, far := room.plug(t, kind(1, false)), room.plug(t, kind(2, false)), room.plug(t, kind(3, false))
	h := newHome(t, ours.name())
	l := newLamp(t, bluez.Start(t, bluez.Options{Adapter: middle.name()}), bluez.Provisioning{})
	h.adopt(l, "middle", "")
	p := newPlug(t, far.name(), 1, node.DeviceOptions{})
	h.found(p.uuid)
	h.ask("device/provision", fmt.Sprintf(`{"uuid":%q,"name":"far"}`, p.uuid), `{"status":"ok"}`)

	// A Relay feature that is supported is off in a new node.
	const setRelay, enabled, thrice = "8027", 1, 2 | 1<<3
	h.hasten("middle")
	h.ask("mesh/send", fmt.Sprintf(`{"dst":"middle","opcode":%q,"hex":"%02x%02x","key":"device"}`, setRelay, enabled, thrice), `{"status":"ok"}`)
	room.air.SetLinks(ours.controller.Address(), far.controller.Address(), virtual.Link{Cut: true})

	// What nobody may relay does not arrive, so nothing does without BlueZ.
	h.ask("mesh/send", `{"dst":"far","message":"Generic OnOff Get","ttl":0,"attempts":2}`, `{"status":"error","code":"no_response"}`)
	for _, on := range []bool{true, false, true} {
		state := map[bool]string{true: `"state":"ON"`, false: `"state":"OFF"`}
		h.command("far", state[on])
		if p.is() != on {
			t.Errorf("after %s the plug is on: %t", state[on], p.is())
		}
		h.o.Stands(base+"far", "{"+state[on]+"}")
		h.until(base+"far", "{"+state[!on]+"}", func() {
			if p.is() != on {
				p.press()
			}
			p.press()
		})
	}
	hops := h.ask("mesh/send", `{"dst":"far","message":"Generic OnOff Get","ttl":2}`, `{"status":"ok"}`)
	t.Logf("over one hop: %s", hops)
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
	h := newHome(t, left.name()+","+right.name())
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
