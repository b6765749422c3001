package vm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vm/bluez"
)

// TestBlueZ has the service live with BlueZ's mesh daemon as a node.
func TestBlueZ(t *testing.T) {
	guest{stack: true, limit: 5 * time.Minute, parts: []part{
		{"alone", testAlone},
		{"join_extended", testJoin(false)},
		{"join_legacy", testJoin(true)},
		{"replugged_extended", testServiceReplug(false)},
		{"replugged_legacy", testServiceReplug(true)},
	}}.test(t)
}

// kind is a controller of either kind.
func kind(number uint64, legacy bool) virtual.Options {
	return virtual.Options{Address: virtual.MakeAddress(0xC0FFEE000000 + number), Legacy: legacy}
}

// testJoin takes in a node of BlueZ's, commands it and hears what it does.
func testJoin(legacy bool) func(*testing.T) {
	return func(t *testing.T) {
		room := newRoom(t)
		ours, theirs := room.plug(t, kind(1, legacy)), room.plug(t, kind(2, false))
		h := newHome(t, ours.name())
		d := bluez.Start(t, bluez.Options{Adapter: theirs.name()})
		l := newLamp(t, d, bluez.Provisioning{})
		h.adopt(l, "lamp", "")
		h.o.StandsMatch(base+"bridge/devices", "with the lamp's composition", func(payload []byte) bool {
			var list []struct {
				UUID     mesh.UUID
				Elements []struct {
					Location int
					Models   []struct{ ID string }
				}
			}
			if json.Unmarshal(payload, &list) != nil || len(list) != 1 || list[0].UUID != l.uuid {
				return false
			}
			// BlueZ has put its own Configuration Server on the first element.
			return fmt.Sprint(list[0].Elements) == "[{256 [{0000} {1000}]} {257 [{1300}]}]"
		})

		h.command("lamp", `"state":"ON"`)
		h.o.Stands(base+"lamp", `{"state":"ON"}`)
		h.command("lamp", `"brightness_2":200`)
		h.o.Stands(base+"lamp", `{"state":"ON","state_2":"ON","brightness_2":200}`)
		if on, lightness := l.is(); !on || lightness == 0 {
			t.Errorf("the lamp is on: %t, its lightness is %d", on, lightness)
		}
		h.command("lamp", `"state_2":"OFF"`)
		if on, lightness := l.is(); !on || lightness != 0 {
			t.Errorf("the lamp is on: %t, its lightness is %d", on, lightness)
		}

		l.press(false)
		h.o.Stands(base+"lamp", `{"state":"OFF"}`)
		l.turn(0xFFFF)
		h.o.Stands(base+"lamp", `{"state":"OFF","state_2":"ON","brightness_2":255}`)
		l.turn(0)
		h.o.Stands(base+"lamp", `{"state":"OFF","state_2":"OFF"}`)

		// Each side forgets what it had in memory.
		h.kill()
		h.start()
		h.command("lamp", `"state":"ON"`)
		d.Kill()
		d.Restart()
		l.attach()
		h.command("lamp", `"state":"OFF"`)
		if on, _ := l.is(); on {
			t.Error("the lamp is on")
		}

		if legacy {
			return // what follows takes half a minute and has nothing to do with it
		}
		// BlueZ 5.66 obeys a Config Node Reset at once: its node is gone before
		// the status that it owes is on the air. The service hears of nothing
		// and has to be told to forget the device anyway.
		h.ask("device/remove", `{"id":"lamp","force":true}`, `{"status":"ok"}`)
		d.AwaitLog("Node Reset")
		h.stop()
	}
}

// goneLine is what the service logs when its adapter is taken away.
const goneLine = "controller is down, trying again"

// testServiceReplug pulls the adapter under the service, which comes back by
// itself and sends what it has been told meanwhile.
func testServiceReplug(legacy bool) func(*testing.T) {
	return func(t *testing.T) {
		room := newRoom(t)
		ours, theirs := room.plug(t, kind(1, legacy)), room.plug(t, kind(2, false))
		h := newHome(t, ours.address()) // it keeps that, whatever number it gets
		l := newLamp(t, bluez.Start(t, bluez.Options{Adapter: theirs.name()}), bluez.Provisioning{})
		h.adopt(l, "lamp", "")
		for _, state := range []string{"ON", "OFF", "ON"} {
			began, said := time.Now(), len(h.running.Stderr.String())
			ours.pull(t)
			h.running.AwaitThat(&h.running.Stderr, "that the adapter is gone", func(all string) bool {
				return strings.Contains(all[said:], goneLine)
			})
			mark := h.o.Mark()
			h.o.Send(base+"lamp/set", fmt.Sprintf(`{"state":%q,"transaction":%q}`, state, state))
			h.o.Settle()
			ours.replug(t)
			h.o.Next(mark, base+"lamp/set/response", fmt.Sprintf(`{"status":"ok","transaction":%q}`, state))
			h.o.Stands(base+"lamp", fmt.Sprintf(`{"state":%q}`, state))
			if on, _ := l.is(); on != (state == "ON") {
				t.Errorf("after %s the lamp is on: %t", state, on)
			}
			l.press(state != "ON")
			h.o.StandsMatch(base+"lamp", "of what the lamp did", func(payload []byte) bool {
				return !observer.Holds(payload, fmt.Sprintf(`{"state":%q}`, state))
			})
			t.Logf("%s for an outage", time.Since(began).Round(time.Millisecond))
		}
	}
}

// testAlone has BlueZ provision, configure and command BlueZ, without anything
// of ours but the controllers: when this fails, the fault is in the laboratory.
func testAlone(t *testing.T) {
	room := newRoom(t)
	a, b := room.plug(t, kind(1, false)), room.plug(t, kind(2, false))
	const address, app = 0x0100, 0x001
	boss := bluez.Start(t, bluez.Options{Adapter: a.name()}).Application(bluez.Device{
		UUID: mesh.UUID{0xB0, 0x55, 6: 0x40, 8: 0x80}, Company: 0x05F1, CRPL: 50,
		Elements:    []bluez.Element{{Models: []mesh.ModelID{foundation.ConfigurationClientID, generic.OnOffClientID}}},
		Provisioner: &bluez.Provisioner{Assign: func(int) (mesh.KeyIndex, mesh.Address) { return 0, address }},
	})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(boss.CreateNetwork())
	node, err := boss.Attach()
	must(err)
	l := newLamp(t, bluez.Start(t, bluez.Options{Adapter: b.name()}), bluez.Provisioning{})
	l.join(func() {
		must(node.Scan(0))
		boss.Found(l.uuid)
		got, elements, err := node.AddNode(l.uuid)
		if err != nil || got != address || elements != 2 {
			t.Fatalf("AddNode gives %s with %d elements, %v", got, elements, err)
		}
	})
	must(node.CreateAppKey(0, app))
	keys, err := node.ExportKeys()
	if err != nil || len(keys.Net) != 1 || keys.Net[0].App[app].Key.IsZero() || keys.Device[address].IsZero() {
		t.Fatalf("ExportKeys: %d NetKeys, %d device keys, %v", len(keys.Net), len(keys.Device), err)
	}
	answered := func(what string, send func() error, opcode ...byte) {
		t.Helper()
		boss.Ask(what, send, func(m bluez.Message) bool { return bytes.HasPrefix(m.Data, opcode) })
	}
	// BlueZ uses a key only for a model that it is bound to, so its own client
	// needs that as well. Statuses begin with 0, success.
	const self = 0x0001
	answered("AppKey Status", func() error { return node.AddAppKey(self, app, 0, false) }, 0x80, 0x03, 0)
	answered("Model App Status", func() error {
		return node.DevKeySend(0, self, true, 0, []byte{0x80, 0x3D, self, 0x00, app, 0x00, 0x01, 0x10})
	}, 0x80, 0x3E, 0)
	answered("AppKey Status", func() error { return node.AddAppKey(address, app, 0, false) }, 0x80, 0x03, 0)
	answered("Model App Status", func() error {
		return node.DevKeySend(0, address, true, 0, []byte{0x80, 0x3D, 0x00, 0x01, app, 0x00, 0x00, 0x10})
	}, 0x80, 0x3E, 0)
	l.app.AwaitConfiguration(0, generic.OnOffServerID, "the binding", func(c bluez.Configuration) bool {
		return slices.Equal(c.Bindings, []mesh.KeyIndex{app})
	})
	answered("Generic OnOff Status", func() error { return node.Send(0, address, app, []byte{0x82, 0x02, 1, 0}) }, 0x82, 0x04, 1)
	if on, _ := l.is(); !on {
		t.Error("the lamp is off")
	}
	must(l.app.Leave())
}
