package bridge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// No name that a request asks for takes topics of another device, in either order: not
// those of its elements and features, nor the forms in which it can be addressed.
func TestNoNameTakesTopicsOfAnotherDevice(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		for name, code := range map[string]string{
			"plug/0": "name_taken", "plug/00": "name_taken", "plug/7": "name_taken", "plug/switch": "name_taken", "plug/switch_2": "name_taken",
			"plug/light": "name_taken", "plug/temperature": "name_taken", "plug/Switch": "name_taken", "PLUG": "name_taken", "PLUG/0": "name_taken",
			"\uFF50lug": "name_taken",
			"plug/set":  "bad_name", "plug/get": "bad_name", "plug/availability": "bad_name", "plug/event": "bad_name", "plug/message": "bad_name",
			"plug/SET": "bad_name", "bridge": "bad_name", "Bridge/request": "bad_name", "bridge/request/scan": "bad_name",
			plug.UUID.String(): "bad_name", plug.UUID.String() + "/0": "bad_name", plug.Address().String(): "bad_name",
			plug.Address().String() + "/switch": "bad_name", "0x00AA": "bad_name",
			`lamp\u202E`: "bad_name", `la\u200Bmp`: "bad_name", `\u0301`: "bad_name", `\ud800`: "bad_json", `\ue000`: "bad_name", "$SYS": "bad_name",
			" lamp": "bad_name", "lamp ": "bad_name", "+": "bad_name", "#": "bad_name", "": "bad_name", `a\u0000`: "bad_name",
		} {
			w.refused("device/rename", `{"from":"hall/lamp","to":"`+name+`"}`, code)
			if name != "" { // without one the bridge makes one
				w.refused("device/provision", `{"uuid":"`+uuid(9).String()+`","name":"`+name+`"}`, code)
			}
		}
		// The other way round: the device comes to the name whose elements are taken.
		if answer := w.request("device/rename", `{"from":"hall/lamp","to":"desk/0"}`); answer["status"] != "ok" {
			t.Fatal(answer)
		}
		w.refused("device/rename", `{"from":"plug","to":"desk"}`, "name_taken")
		w.refused("device/provision", `{"uuid":"`+uuid(9).String()+`","name":"desk"}`, "name_taken")
		// Its own name does not stand in a device's way, and neither do names without
		// topics in common.
		for _, to := range []string{"desk", "desk/light", "Desk/light", "plug/left", "plug/a/0"} {
			from := w.nameOf(lamp)
			if answer := w.request("device/rename", `{"from":"`+from+`","to":"`+to+`"}`); answer["status"] != "ok" {
				t.Errorf("%s to %s: %v", from, to, answer)
			}
		}
		// Commands for the elements of the plug are for the plug.
		pass(time.Second)
		w.send("b/plug/0/set", `{"state":"ON"}`)
		pass(fake.Latency)
		w.expect("b/plug", `{"state":"ON"}`)
		w.send("b/plug/switch/set", `{"state":"OFF"}`)
		pass(fake.Latency)
		w.expect("b/plug", `{"state":"OFF"}`)
	})
}

// A device that gets another name at the start takes none that a device has.
func TestRenamedDeviceTakesNoNameOfAnother(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		plug, other, third := fake.Plug(uuid(1)), fake.Plug(uuid(2)), fake.Plug(uuid(3))
		w.join(map[string]*fake.Node{"plug": plug})
		w.join(map[string]*fake.Node{"hall/lamp": other})
		w.join(map[string]*fake.Node{"plug_0": third})
		w.stop()
		value, err := w.store.Get(device.Table, other.UUID.String())
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.ReplaceAll(string(value), "hall/lamp", "plug/0")
		if err := w.store.Apply(store.Change{Table: device.Table, Key: other.UUID.String(), Value: []byte(changed)}); err != nil {
			t.Fatal(err)
		}
		w.start()
		pass(time.Minute)
		if got := w.nameOf(plug) + " " + w.nameOf(other) + " " + w.nameOf(third); got != "plug device_00000002 plug_0" {
			t.Errorf("the devices are called %s", got)
		}
	})
}

// nameOf is what a node is called now.
func (w *world) nameOf(n *fake.Node) string {
	w.t.Helper()
	data, err := w.store.Get(device.Table, n.UUID.String())
	if err != nil {
		w.t.Fatal(err)
	}
	name, _ := object(w.t, string(data))["name"].(string)
	return name
}

// A device whose name was allowed by an earlier version is not lost: it gets a similar
// name, there is an event, and nothing stays on the topics of the old one. The device
// whose topics were taken keeps its name.
func TestStoredNamesThatAreNotAllowedAnyMore(t *testing.T) {
	for old, want := range map[string]string{
		"plug/0": "plug_0", "plug/switch": "plug_switch", "0x00AA": "device_0x00AA", "la\u200Bmp": "lamp", "$lamp": "lamp", "Bridge": "Bridge_",
		"\u202E": "device_00000002", "e\u0301": "\u00E9", "PLUG": "PLUG", "its address": "", "its UUID": "",
	} {
		household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
			switch old { // requests for these names find the device under its new name, too
			case "its address":
				old = lamp.Address().String()
				want = "device_" + old
			case "its UUID":
				old = lamp.UUID.String()
				want = "device_" + old
			}
			w.stop()
			put := func(table store.Table, key string, value []byte) {
				t.Helper()
				if err := w.store.Apply(store.Change{Table: table, Key: key, Value: value}); err != nil {
					t.Fatal(err)
				}
			}
			change := func(table store.Table) {
				t.Helper()
				key := lamp.UUID.String()
				value, err := w.store.Get(table, key)
				if err != nil {
					t.Fatal(err)
				}
				put(table, key, []byte(strings.ReplaceAll(string(value), "hall/lamp", old)))
			}
			change(device.Table)
			change("topics")
			w.out.Publish("b/"+old, []byte(`{"state":"OFF"}`), true)
			w.out.Publish("b/"+old+"/availability", []byte(online), true)
			w.out.take()
			w.start()
			pass(time.Minute)
			w.expect("b/"+want+"/availability", online)
			w.expect("b/plug/availability", online)
			w.expect("b/plug", `{"state":"OFF"}`)
			if got := w.nameOf(lamp); got != want {
				t.Errorf("%q is called %q, expected %q", old, got, want)
			}
			events := strings.Join(w.out.take("b/bridge/event"), "\n")
			if renamed := strings.Contains(events, `"type":"device_renamed"`); renamed != (old != want) {
				t.Errorf("%q: the events are\n%s", old, events)
			}
			if left := w.out.value("b/"+old) + w.out.value("b/"+old+"/availability"); old != want && left != "" {
				t.Errorf("%q: the old topics still have %s", old, left)
			}
			// It is not renamed once more.
			w.restart()
			pass(time.Minute)
			if events := strings.Join(w.out.take("b/bridge/event"), "\n"); strings.Contains(events, "device_renamed") {
				t.Errorf("%q: renamed again:\n%s", old, events)
			}
		})
	}
}
