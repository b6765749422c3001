package upgrade

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/process"
)

// TestUpgrade starts the program with what each older version left behind.
func TestUpgrade(t *testing.T) {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	versions := 0
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		versions++
		t.Run(e.Name(), func(t *testing.T) { upgrade(t, filepath.Join("testdata", e.Name())) })
	}
	if versions == 0 {
		t.Fatal("testdata has no fixture")
	}
}

func upgrade(t *testing.T, dir string) {
	f := loadFixture(t, dir)
	h := newHome(t)
	unpack(t, dir, h.store)
	if before := reserves(t, h.store); !maps.Equal(before, f.Reserves) {
		t.Fatalf("the store has the reserves %v, expected %v", before, f.Reserves)
	}
	for topic, payload := range f.retained {
		h.o.Retain(topic, string(payload))
	}
	h.o.Flush()

	demo, mark := h.demo()
	h.published(f, mark)
	now := documents(retained(t, h.url))
	for _, difference := range f.compare(now) {
		t.Error(difference)
	}
	for _, m := range h.o.Since(mark, "") {
		if len(m.Payload) == 0 && f.retained[m.Topic] != nil {
			t.Errorf("%s was cleared", m.Topic)
		}
	}
	h.sameNetwork(f)
	h.works(f, demo)
	demo.Stop()
	after := reserves(t, h.store)
	for folder, before := range f.Reserves {
		if now, ok := after[folder]; !ok || !before.before(now) {
			t.Errorf("%s: the first free sequence number was %+v and is %+v, expected a later one", folder, before, now)
		}
	}
	t.Run("Mutations", func(t *testing.T) { mutations(t, f, now) })
}

// published waits until everything in the fixture was published again. What the
// broker keeps from the old version proves nothing.
func (h *home) published(f *fixture, mark int) {
	h.t.Helper()
	old := documents(f.retained)
	absent := map[string]bool{} // unreachable devices
	for _, device := range old.devices() {
		absent[base+device.Name+"/availability"] = device.Interview != "successful"
	}
	for _, topic := range slices.Sorted(maps.Keys(f.retained)) {
		if absent[topic] {
			continue // its availability is unknown until all attempts have failed
		}
		want := `{}`
		if old.kind(topic) == "availability" {
			want = string(f.retained[topic])
		}
		h.o.NextMatch(mark, topic, "that holds "+want, func(payload []byte) bool {
			return observer.Contains(payload, want) || len(payload) > 0 && payload[0] == '['
		})
	}
	// The attributes arrive in several messages.
	for _, device := range old.devices() {
		topic := base + device.Name
		if old[topic] == nil {
			continue
		}
		h.o.AwaitLastMatch(topic, "with the attributes of "+string(old[topic]), func(payload []byte) bool {
			return len(differences("state", old.value(topic), documents{topic: payload}.value(topic))) == 0
		})
	}
}

// sameNetwork compares the whole network, with its keys.
func (h *home) sameNetwork(f *fixture) {
	h.t.Helper()
	var old, now any
	exported := h.export()
	if err := json.Unmarshal(f.network, &old); err != nil {
		h.t.Fatal(err)
	}
	if err := json.Unmarshal(exported, &now); err != nil {
		h.t.Fatal(err)
	}
	for _, difference := range differences("network", old, now) {
		h.t.Error(difference)
	}
	type key struct{ Index int }
	var network struct {
		Nodes []struct {
			UUID             string
			NetKeys, AppKeys []key
		}
	}
	if err := json.Unmarshal(exported, &network); err != nil {
		h.t.Fatal(err)
	}
	indexes := func(keys []key) (all []int) {
		for _, k := range keys {
			all = append(all, k.Index)
		}
		return all
	}
	for _, device := range documents(f.retained).devices() {
		for _, n := range network.Nodes {
			net, app := indexes(n.NetKeys), indexes(n.AppKeys)
			if n.UUID == dashed(device.UUID) && (!slices.Equal(net, device.NetKeys) || !slices.Equal(app, device.AppKeys)) {
				h.t.Errorf("%s is exported with NetKeys %v and AppKeys %v, expected %v and %v", device.Name, net, app, device.NetKeys, device.AppKeys)
			}
		}
	}
}

// works sends a command to each device that takes one, and presses the button.
// Nodes drop messages with a sequence number that they have seen or with
// another key.
func (h *home) works(f *fixture, demo *process.Process) {
	h.t.Helper()
	commanded := 0
	for _, device := range documents(f.retained).devices() {
		for _, thing := range device.Exposes {
			if device.Interview == "successful" && (thing.Type == "light" || thing.Type == "switch") {
				commanded++
				for _, state := range []string{"ON", "OFF"} {
					h.set(device.Name, fmt.Sprintf(`{"state":%q,"transaction":1}`, state))
					h.o.AwaitLast(base+device.Name, fmt.Sprintf(`{"state":%q}`, state))
				}
			}
		}
		if device.UUID == buttonUUID {
			commanded++
			mark := h.o.Mark()
			demo.Press()
			h.o.NextMatch(mark, base+device.Name+"/event", "of a press", func([]byte) bool { return true })
		}
	}
	if commanded == 0 {
		h.t.Error("the fixture has no device that takes a command")
	}
}

// mutations checks the comparison itself: each of them changes one thing that a
// user would notice.
func mutations(t *testing.T, f *fixture, good documents) {
	lamp := "homeassistant/device/btmesh_" + lampUUID + "/config"
	plug := "homeassistant/device/btmesh_" + plugUUID + "/config"
	const light = "light"
	component := func(doc map[string]any) map[string]any {
		return doc["components"].(map[string]any)[light].(map[string]any)
	}
	inLamp := func(change func(doc map[string]any)) func(documents) {
		return func(d documents) { edit(t, d, lamp, change) }
	}
	inDevices := func(change func(device map[string]any)) func(documents) {
		return func(d documents) {
			edit(t, d, base+"bridge/devices", func(list []any) {
				for _, item := range list {
					if device := item.(map[string]any); device["uuid"] == lampUUID {
						change(device)
					}
				}
			})
		}
	}
	for name, mutate := range map[string]func(documents){
		"unique_id":           inLamp(func(doc map[string]any) { component(doc)["unique_id"] = "btmesh_other" }),
		"default_entity_id":   inLamp(func(doc map[string]any) { component(doc)["default_entity_id"] = "light.other" }),
		"command topic":       inLamp(func(doc map[string]any) { component(doc)["command_topic"] = "other/set" }),
		"state topic gone":    inLamp(func(doc map[string]any) { delete(component(doc), "state_topic") }),
		"component renamed":   inLamp(func(doc map[string]any) { doc["components"] = map[string]any{"lamp": component(doc)} }),
		"device identifier":   inLamp(func(doc map[string]any) { doc["device"].(map[string]any)["identifiers"] = []any{"other"} }),
		"availability topic":  inLamp(func(doc map[string]any) { doc["availability"] = doc["availability"].([]any)[:1] }),
		"document gone":       func(d documents) { delete(d, lamp) },
		"document moved":      func(d documents) { d["homeassistant/device/other/config"] = d[lamp]; delete(d, lamp) },
		"document twice":      func(d documents) { d["homeassistant/device/btmesh_"+lampUUID+"_2/config"] = d[lamp] },
		"entity twice":        func(d documents) { d["homeassistant/device/other/config"] = d[plug] },
		"friendly name":       inDevices(func(device map[string]any) { device["friendly_name"] = "other" }),
		"address":             inDevices(func(device map[string]any) { device["address"] = "0x0333" }),
		"AppKey":              inDevices(func(device map[string]any) { device["app_keys"] = []any{0.0} }),
		"subnet":              inDevices(func(device map[string]any) { device["net_keys"] = []any{0.0} }),
		"UUID":                inDevices(func(device map[string]any) { device["uuid"] = strings.Repeat("0", len(lampUUID)) }),
		"element gone":        inDevices(func(device map[string]any) { device["elements"] = device["elements"].([]any)[:1] }),
		"time of joining":     inDevices(func(device map[string]any) { device["joined"] = "2027-01-01T00:00:00Z" }),
		"removed device back": inDevices(func(device map[string]any) { device["uuid"] = removedUUID }),
		"device twice": func(d documents) {
			var list []any
			if err := json.Unmarshal(d[base+"bridge/devices"], &list); err != nil {
				t.Fatal(err)
			}
			d[base+"bridge/devices"], _ = json.Marshal(append(list, list[0]))
		},
		"list of devices gone": func(d documents) { delete(d, base+"bridge/devices") },
		"state gone":           func(d documents) { delete(d, base+"Bücherregal Lampe") },
		"attribute gone": func(d documents) {
			edit(t, d, base+"Bücherregal Lampe", func(state map[string]any) { delete(state, "brightness") })
		},
		"attribute of another type": func(d documents) {
			edit(t, d, base+"Bücherregal Lampe", func(state map[string]any) { state["state"] = true })
		},
		"old name is back": func(d documents) { d[base+"demo_lamp"] = d[base+"Bücherregal Lampe"] },
		"offline":          func(d documents) { d[base+"Bücherregal Lampe/availability"] = json.RawMessage(`{"state":"offline"}`) },
		"IV index": func(d documents) {
			edit(t, d, base+"bridge/info", func(info map[string]any) { info["network"].(map[string]any)["iv_index"] = 4.0 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			bad := maps.Clone(good)
			mutate(bad)
			if list := f.compare(bad); len(list) == 0 {
				t.Error("the comparison did not find the change")
			}
		})
	}
	t.Run("network key", func(t *testing.T) {
		changed := strings.Replace(string(f.network), `"key": "`, `"key": "0`, 1)
		var old, now any
		if err := json.Unmarshal(f.network, &old); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(changed), &now); err != nil {
			t.Fatal(err)
		}
		if len(differences("network", old, now)) == 0 {
			t.Error("the comparison did not find the change")
		}
	})
}

// edit changes a document.
func edit[T any](t *testing.T, d documents, topic string, change func(T)) {
	t.Helper()
	var v T
	if err := json.Unmarshal(d[topic], &v); err != nil {
		t.Fatalf("%s: %v", topic, err)
	}
	change(v)
	var err error
	if d[topic], err = json.Marshal(v); err != nil {
		t.Fatal(err)
	}
}
