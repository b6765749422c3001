package vm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/virtual"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vm/bluez"
)

// TestBlueZ has the service live with BlueZ's mesh daemon as a node.
func TestBlueZ(t *testing.T) {
	guest{stack: true, parts: []part{
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
		h := newBridge(t, ours.name())
		d := bluez.Start(t, bluez.Options{Adapter: theirs.name()})
		l := newLamp(t, d, bluez.Provisioning{})
		h.adopt(l, "lamp", "")
		h.o.AwaitLastMatch(base+"bridge/devices", "with the lamp's composition", func(payload []byte) bool {
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
		h.o.AwaitLast(base+"lamp", `{"state":"ON"}`)
		h.command("lamp", `"brightness_2":200`)
		h.o.AwaitLast(base+"lamp", `{"state":"ON","state_2":"ON","brightness_2":200}`)
		if on, lightness := l.is(); !on || lightness == 0 {
			t.Errorf("the lamp is on: %t, its lightness is %d", on, lightness)
		}
		h.command("lamp", `"state_2":"OFF"`)
		if on, lightness := l.is(); !on || lightness != 0 {
			t.Errorf("the lamp is on: %t, its lightness is %d", on, lightness)
		}

		h.until(base+"lamp", `{"state":"OFF"}`, func() { l.press(false) })
		h.until(base+"lamp", `{"state":"OFF","state_2":"ON","brightness_2":255}`, func() { l.turn(0xFFFF) })
		h.until(base+"lamp", `{"state":"OFF","state_2":"OFF"}`, func() { l.turn(0) })

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

// testServiceReplug pulls the adapter under the service, which says so to whoever sends
// a command, comes back by itself and goes on.
func testServiceReplug(legacy bool) func(*testing.T) {
	return func(t *testing.T) {
		room := newRoom(t)
		ours, theirs := room.plug(t, kind(1, legacy)), room.plug(t, kind(2, false))
		h := newBridge(t, ours.address()) // it keeps that, whatever number it gets
		l := newLamp(t, bluez.Start(t, bluez.Options{Adapter: theirs.name()}), bluez.Provisioning{})
		h.adopt(l, "lamp", "")
		// From the third failure within a minute on the adapter counts as unsteady, and its
		// failures are logged less often.
		for _, state := range []string{"ON", "OFF"} {
			began, said := time.Now(), len(h.running.Stderr.String())
			ours.pull(t)
			h.running.AwaitMatch(&h.running.Stderr, "that the adapter is gone", func(all string) bool {
				return strings.Contains(all[said:], goneLine)
			})
			mark := h.o.Mark()
			h.o.Send(base+"lamp/set", fmt.Sprintf(`{"state":%q,"transaction":%q}`, state, state))
			h.o.Next(mark, base+"lamp/set/response", fmt.Sprintf(`{"status":"error","code":"no_adapter","transaction":%q}`, state))
			ours.replug(t)
			h.o.Next(mark, base+"bridge/event", `{"type":"adapter_changed","data":{"state":"running"}}`)
			h.command("lamp", fmt.Sprintf(`"state":%q`, state))
			h.o.AwaitLast(base+"lamp", fmt.Sprintf(`{"state":%q}`, state))
			if on, _ := l.is(); on != (state == "ON") {
				t.Errorf("after %s the lamp is on: %t", state, on)
			}
			other := map[string]string{"ON": "OFF", "OFF": "ON"}[state]
			h.until(base+"lamp", fmt.Sprintf(`{"state":%q}`, other), func() { l.press(other == "ON") })
			t.Logf("%s for an outage", time.Since(began).Round(time.Millisecond))
		}
	}
}

// testAlone has BlueZ provision, configure and command BlueZ, without anything
// of ours but the controllers: when this fails, the fault is in the laboratory.
func testAlone(t *testing.T) {
	room := newRoom(t)
	a, c := room.plug(t, kind(1, false)), room.plug(t, kind(2, false))
	b := newProvisioner(t, a.name(), bluez.Provisioning{})
	l := newLamp(t, bluez.Start(t, bluez.Options{Adapter: c.name()}), bluez.Provisioning{})
	var at mesh.Address
	l.join(func() {
		b.must(b.node.Scan(0))
		b.app.Found(l.uuid)
		at = b.take(l.uuid, 2)
	})
	keys, err := b.node.ExportKeys()
	if err != nil || len(keys.Net) != 1 || keys.Net[0].App[appKey].Key.IsZero() || keys.Device[at].IsZero() {
		t.Fatalf("ExportKeys: %d NetKeys, %d device keys, %v", len(keys.Net), len(keys.Device), err)
	}
	b.giveKey(at, onOffServer)
	l.app.AwaitConfiguration(0, mesh.SIGModel(onOffServer), "the binding", func(c bluez.Configuration) bool {
		return slices.Equal(c.Bindings, []mesh.KeyIndex{appKey})
	})
	b.command(at, at, 1)
	if on, _ := l.is(); !on {
		t.Error("the lamp is off")
	}
	b.must(l.app.Leave())
}
