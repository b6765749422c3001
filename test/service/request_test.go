package service

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
)

// numbers reports whether an object has numbers under all the names.
func numbers(payload []byte, names ...string) bool {
	var object map[string]any
	_ = json.Unmarshal(payload, &object) // what is not an object has no numbers
	for _, name := range names {
		if _, ok := object[name].(float64); !ok {
			return false
		}
	}
	return true
}

// hasText reports whether an object has a text under the name.
func hasText(payload []byte, name string) bool {
	var object map[string]any
	_ = json.Unmarshal(payload, &object) // what is not an object has no texts
	text, ok := object[name].(string)
	return ok && text != ""
}

// ask sends a request and returns the answer, which contains want.
func (h *home) ask(request, payload, want string) []byte {
	h.t.Helper()
	mark := h.o.Mark()
	h.o.Send(base+"bridge/request/"+request, payload)
	return h.o.Next(mark, base+"bridge/response/"+request, want)
}

func TestRequestsThatAreWrong(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	for _, tt := range []struct{ request, payload, code string }{
		{"dance", `{"transaction":1}`, "unknown_request"},
		{"device/rename", `{"transaction":1,"from":"nobody","to":"x"}`, "unknown_device"},
		{"device/rename", `{"transaction":1,"from":"demo_plug","to":"a/set"}`, "bad_name"},
		{"device/rename", `{"transaction":1,"from":"demo_plug","to":"demo_lamp"}`, "name_taken"},
		{"device/rename", `{"transaction":1}`, "bad_value"},
		{"device/remove", `{"transaction":1,"id":"nobody"}`, "unknown_device"},
		{"device/remove", `{"transaction":1,"name":"demo_plug"}`, "bad_json"},
		{"device/interview", `{"transaction":1,"id":7}`, "bad_json"},
		{"device/provision", `{"transaction":1}`, "bad_value"},
		{"device/provision", `{"transaction":1,"uuid":"xyz"}`, "bad_json"},
		{"scan", `{"transaction":1,"time":-1}`, "bad_value"},
	} {
		answer := h.ask(tt.request, tt.payload, `{"status":"error","transaction":1,"code":"`+tt.code+`"}`)
		if !hasText(answer, "error") {
			t.Errorf("%s is answered without a reason: %s", tt.request, answer)
		}
	}
	answer := h.ask("scan", `{"time":`, `{"status":"error","code":"bad_json"}`)
	if observer.Contains(answer, `{"transaction":null}`) {
		t.Errorf("an unexpected transaction: %s", answer)
	}
	h.o.AwaitLastMatch(base+"bridge/devices", "with all devices", configured(demoDevices...))
}

// topicsWith lists the retained topics with a text in their name.
func (h *home) topicsWith(part string) (found []string) {
	for topic := range observer.Retained(h.t, h.server.URL(), nil) {
		if strings.Contains(topic, part) {
			found = append(found, topic)
		}
	}
	return found
}

// A plug is renamed, interviewed, removed, discovered, and provisioned again.
func TestLifeOfADevice(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	const plug = "62746d657368406480656d6f00000001"
	discovery := "homeassistant/device/btmesh_" + plug + "/config"

	mark := h.o.Mark()
	h.ask("device/rename", `{"from":"demo_plug","to":"kitchen/plug","transaction":1}`, `{"status":"ok","transaction":1}`)
	h.o.Next(mark, base+"bridge/event", `{"type":"device_renamed"}`)
	h.o.NextMatch(mark, discovery, "with the new name", func(payload []byte) bool {
		return strings.Contains(string(payload), base+"kitchen/plug/set") && !strings.Contains(string(payload), "demo_plug")
	})
	h.o.Send(base+"kitchen/plug/set", `{"state":"ON","transaction":2}`)
	h.o.Next(mark, base+"kitchen/plug/set/response", `{"status":"ok","transaction":2}`)
	h.o.AwaitLast(base+"kitchen/plug", `{"state":"ON"}`)
	if left := h.topicsWith("demo_plug"); len(left) > 0 {
		t.Errorf("retained after the rename: %q", left)
	}

	mark = h.o.Mark()
	h.ask("device/interview", `{"id":"kitchen/plug"}`, `{"status":"ok"}`)
	h.o.Next(mark, base+"bridge/event", `{"type":"device_interview","data":{"status":"successful","friendly_name":"kitchen/plug"}}`)

	h.ask("device/remove", `{"id":"kitchen/plug"}`, `{"status":"ok","data":{"reset":true}}`)
	h.o.AwaitLastMatch(base+"bridge/devices", "without the plug", configured(demoDevices[1:]...))
	for _, part := range []string{"kitchen", plug} {
		for _, topic := range h.topicsWith(part) {
			if topic != base+"bridge/unprovisioned" {
				t.Errorf("retained after the removal: %s", topic)
			}
		}
	}

	mark = h.o.Mark()
	h.ask("scan", `{"time":60}`, `{"status":"ok","data":{"time":60}}`)
	h.o.Next(mark, base+"bridge/info", `{"scan":{"active":true}}`)
	h.o.Next(mark, base+"bridge/event", fmt.Sprintf(`{"type":"device_found","data":{"uuid":%q}}`, plug))
	h.o.NextMatch(mark, base+"bridge/unprovisioned", "with the plug", func(payload []byte) bool {
		return strings.Contains(string(payload), plug)
	})
	h.ask("device/provision", fmt.Sprintf(`{"uuid":%q,"name":"hall"}`, plug), `{"status":"ok"}`)
	h.o.AwaitLastMatch(base+"bridge/devices", "with the plug", configured(append([]string{"hall"}, demoDevices[1:]...)...))
	h.o.AwaitLastMatch(base+"bridge/unprovisioned", "without the plug", func(payload []byte) bool { return string(payload) == "[]" })
	mark = h.o.Mark()
	h.o.Send(base+"hall/set", `{"state":"ON","transaction":3}`)
	h.o.Next(mark, base+"hall/set/response", `{"status":"ok","transaction":3}`)
	h.o.AwaitLast(base+"hall", `{"state":"ON"}`)
}

// Home Assistant gets one document per device, and all of them again when it
// announces its start.
func TestHomeAssistant(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	// The network is reported ready when the devices are configured; the last
	// device may not be completely published yet.
	devices := devicesOf(h.o.AwaitLastMatch(base+"bridge/devices", "with all devices", configured(demoDevices...)))
	something := func(payload []byte) bool { return len(payload) > 0 }
	for _, d := range devices {
		h.o.AwaitLastMatch("homeassistant/device/btmesh_"+d.UUID+"/config", "a document", something)
		h.o.AwaitLastMatch(base+d.Name+"/availability", "something", something)
		if d.Name != "demo_button" {
			h.o.AwaitLastMatch(base+d.Name, "a state", something)
		}
	}
	stands := observer.Retained(t, h.server.URL(), nil)
	documents := 0
	unique := map[string]string{}
	for topic, payload := range stands {
		if !strings.HasPrefix(topic, "homeassistant/") {
			continue
		}
		documents++
		var d struct {
			Device struct {
				Identifiers []string
				Name        string
			}
			Origin       struct{ Name string }
			Availability []struct {
				Topic    string
				Template string `json:"value_template"`
			}
			Components map[string]map[string]any
		}
		if err := json.Unmarshal(payload, &d); err != nil {
			t.Errorf("%s: %v", topic, err)
			continue
		}
		id := strings.TrimSuffix(strings.TrimPrefix(topic, "homeassistant/device/"), "/config")
		if len(d.Device.Identifiers) != 1 || d.Device.Identifiers[0] != id || d.Device.Name == "" || d.Origin.Name == "" {
			t.Errorf("%s: device %+v, origin %+v", topic, d.Device, d.Origin)
		}
		if len(d.Availability) == 0 || len(d.Components) == 0 {
			t.Errorf("%s has no availability or no components: %s", topic, payload)
		}
		for _, a := range d.Availability {
			if stands[a.Topic] == nil || a.Template == "" {
				t.Errorf("%s names the availability %+v, which is not retained", topic, a)
			}
		}
		for key, c := range d.Components {
			id, _ := c["unique_id"].(string)
			if other, twice := unique[id]; id == "" || c["platform"] == nil || twice {
				t.Errorf("%s: component %s: platform %v, unique_id %q, also of %q", topic, key, c["platform"], id, other)
			}
			unique[id] = topic
			// Except for events, the topic it reads from has a value.
			state, _ := c["state_topic"].(string)
			if c["platform"] != "event" && stands[state] == nil {
				t.Errorf("%s: component %s reads %q, which is not retained", topic, key, state)
			}
		}
	}
	if documents != len(demoDevices) {
		t.Errorf("%d documents, expected %d", documents, len(demoDevices))
	}

	mark := h.o.Mark()
	h.o.Send("homeassistant/status", "online")
	for topic, payload := range stands {
		if strings.HasPrefix(topic, "homeassistant/") {
			h.o.NextMatch(mark, topic, "as before", func(again []byte) bool { return string(again) == string(payload) })
		}
	}
	for _, name := range demoDevices {
		h.o.Next(mark, base+name+"/availability", `{"state":"online"}`)
	}
}
