package bridge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
)

// All errors in requests that are detected immediately.
func TestWrongRequestsAreRefused(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		other := uuid(8).String()
		tests := []struct{ what, payload, code, says string }{
			{"nonsense", `{}`, "unknown_request", "device/interview"},
			{strings.Repeat("x", 5000), `{}`, "unknown_request", "xxx"},
			{"scan", `{`, "bad_json", "ends too early"},
			{"scan", `[]`, "bad_json", "expected a JSON object, got array"},
			{"scan", `7`, "bad_json", "expected a JSON object, got number"},
			{"scan", `{} {}`, "bad_json", "more behind it"},
			{"scan", `{}]`, "bad_json", "more behind it"},
			{"scan", `{"times":1}`, "bad_json", `unknown field "times"`},
			{"scan", `{"time":"1"}`, "bad_json", "time: expected a number, got string"},
			{"scan", `{"time":-1}`, "bad_value", "0 to 3600"},
			{"scan", `{"time":3601}`, "bad_value", "0 to 3600"},
			{"scan", "\xff", "bad_json", "cannot be read"},
			{"device/provision", `{}`, "bad_value", "uuid"},
			{"device/provision", `{"uuid":"12"}`, "bad_json", "32 hexadecimal digits"},
			{"device/provision", `{"uuid":7}`, "bad_json", "expected"},
			{"device/provision", `{"uuid":"` + other + `","attention":256}`, "bad_json", "attention: expected a whole number from 0 to 255"},
			{"device/provision", `{"uuid":"` + other + `","oob":{"static":"xy"}}`, "bad_value", "oob.static"},
			{"device/provision", `{"uuid":"` + other + `","oob":{"static":"` + strings.Repeat("00", 33) + `"}}`, "bad_value", "1 to 32 octets"},
			{"device/provision", `{"uuid":"` + other + `","oob":1}`, "bad_json", "oob: expected an object"},
			{"device/provision", `{"uuid":"` + other + `","name":"a/+/b"}`, "bad_name", "wildcard"},
			{"device/provision", `{"uuid":"` + other + `","name":"plug"}`, "name_taken", "plug"},
			{"device/provision", `{"uuid":"` + other + `","bearer":"gatt"}`, "bad_value", "auto, pb-adv or pb-gatt"},
			{"device/rename", `{}`, "bad_value", "from"},
			{"device/rename", `{"from":"lump","to":"x"}`, "unknown_device", "lump"},
			{"device/rename", `{"from":"plug"}`, "bad_name", "empty"},
			{"device/rename", `{"from":"plug","to":"bridge"}`, "bad_name", "bridge"},
			{"device/rename", `{"from":"plug","to":"x/set"}`, "bad_name", "set"},
			{"device/rename", `{"from":"plug","to":"hall/lamp"}`, "name_taken", "hall/lamp"},
			{"device/rename", `{"from":"plug","to":"` + lamp.UUID.String() + `"}`, "bad_name", "address or the UUID"},
			{"device/rename", `{"from":"plug","to":"` + lamp.Address().String() + `"}`, "bad_name", "address or the UUID"},
			{"device/rename", `{"from":true,"to":"x"}`, "bad_json", "from: expected a text, got bool"},
			{"device/remove", `{"id":""}`, "bad_value", "id"},
			{"device/remove", `{"id":"` + strings.Repeat("y", 5000) + `"}`, "unknown_device", "yyy"},
			{"device/remove", `{"id":"plug","force":1}`, "bad_json", "force: expected true or false"},
			{"device/remove", `plug`, "bad_json", "cannot be read"},
			{"device/interview", `{"id":"0x0fff"}`, "unknown_device", "0x0fff"},
			{"device/interview", `{"name":"plug"}`, "bad_json", "unknown field"},
		}
		requests := w.net.Requests()
		for _, tt := range tests {
			r := w.request(tt.what, tt.payload)
			says, _ := r["error"].(string)
			if r["status"] != "error" || r["code"] != tt.code || !strings.Contains(says, tt.says) || r["data"] == nil {
				t.Errorf("%.30s %.80s: %v, expected code %s and %q", tt.what, tt.payload, r, tt.code, tt.says)
			}
			if len(says) > 600 || strings.Contains(says, "json:") || strings.Contains(says, "Go ") {
				t.Errorf("error %q", says)
			}
		}
		if w.net.Requests() != requests {
			t.Error("something was sent")
		}
	})
}

func TestTransactionOfARequestIsEchoed(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		for payload, want := range map[string]string{
			`{"transaction":"a"}`:          `"transaction":"a"}`,
			`{"transaction":{"x":[1,2]}}`:  `"transaction":{"x":[1,2]}}`,
			`{"transaction":5,"time":"x"}`: `"transaction":5}`,
			``:                             `"data":{"time":60}}`,
			`{"transaction":"` + strings.Repeat("z", 300) + `"}`: `"code":"bad_transaction"}`,
		} {
			w.send("b/bridge/request/scan", payload)
			if got := w.out.take("b/bridge/response/scan"); len(got) != 1 || !strings.HasSuffix(got[0], want) {
				t.Errorf("%.60s: %v, expected ...%s", payload, got, want)
			}
		}
	})
}

func TestScanListsAndExpires(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		heard := func(n byte, rssi int8) {
			w.svc.Report(node.DeviceHeard{UUID: uuid(n), OOB: 4, RSSI: rssi, Adapter: 1})
			pass(0)
		}
		w.expect("b/bridge/unprovisioned", `[]`)
		heard(1, -40)
		if got := w.out.take("b/bridge/event"); len(got) != 0 {
			t.Errorf("events without a scan: %v", got)
		}
		pass(6 * time.Second) // the list waits for more
		w.expect("b/bridge/unprovisioned", `[{"uuid":"00000000000000000000000000000001","bearers":["pb-adv"],"rssi":-40,`+
			`"oob_info":4,"adapter":"1","first_seen":"2000-01-01T00:00:00Z","last_seen":"2000-01-01T00:00:00Z"}]`)

		if r := w.request("scan", `{"time":30}`); r["status"] != "ok" || fmt.Sprint(r["data"]) != "map[time:30]" {
			t.Errorf("response %v", r)
		}
		if info := w.out.value("b/bridge/info"); !strings.Contains(info, `"scan":{"active":true,"until":"2000-01-01T00:00:36Z"}`) {
			t.Error(info)
		}
		pass(6 * time.Second)
		w.expect("b/bridge/unprovisioned", `[]`)
		heard(2, -50)
		heard(1, -60)
		heard(2, -51)
		if got := w.out.take("b/bridge/event"); len(got) != 2 || got[0] !=
			`{"data":{"oob_info":4,"rssi":-50,"uuid":"00000000000000000000000000000002"},"type":"device_found"}` {
			t.Errorf("events %v", got)
		}
		pass(31 * time.Second)
		if info := w.out.value("b/bridge/info"); !strings.Contains(info, `"scan":{"active":false}`) {
			t.Error(info)
		}
		heard(1, -60)
		pass(40 * time.Second)
		if list := w.listed("unprovisioned"); strings.Contains(list, "02") || !strings.Contains(list, "01") {
			t.Errorf("a silent device is still listed, or the other one is not: %s", list)
		}
		w.request("scan", `{"time":0}`)
		if info := w.out.value("b/bridge/info"); !strings.Contains(info, `"scan":{"active":false}`) {
			t.Error(info)
		}
	})
}

// Anyone can send beacons: the list of unprovisioned devices is bounded.
func TestBeaconFloodIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		w.request("scan", `{}`)
		for i := range 5000 {
			w.svc.Report(node.DeviceHeard{UUID: mesh.UUID{0: byte(i >> 8), 1: byte(i), 2: 1}})
		}
		pass(11 * time.Second)
		if n := strings.Count(w.out.value("b/bridge/unprovisioned"), `"uuid"`); n != 256 {
			t.Errorf("%d devices are listed", n)
		}
		if n := len(w.out.take("b/bridge/event")); n != 256 {
			t.Errorf("%d events", n)
		}
	})
}

func TestProvisionAndInterview(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		lamp := fake.Lamp(uuid(1))
		w.net.Place(lamp)
		w.svc.Report(node.DeviceHeard{UUID: lamp.UUID})
		r := w.request("device/provision", `{"uuid":"00000000-0000-0000-0000-000000000001","name":"hall/lamp","transaction":9}`)
		if r["status"] != "ok" || fmt.Sprint(r["data"]) != "map[address:0x0100 name:hall/lamp uuid:"+lamp.UUID.String()+"]" || r["transaction"] != 9.0 {
			t.Errorf("response %v", r)
		}
		w.expect("b/bridge/unprovisioned", `[]`)
		var steps []string
		for _, e := range w.out.take("b/bridge/event") {
			o := object(t, e)
			data := o["data"].(map[string]any)
			word := fmt.Sprint(o["type"])
			for _, key := range []string{"status", "step", "done", "total"} {
				if v := data[key]; v != nil {
					word += fmt.Sprint(" ", v)
				}
			}
			steps = append(steps, word)
		}
		// 1 composition, 1 AppKey, 6 bindings, 1 publication, 1 details.
		want := []string{
			"device_provisioning link_open", "device_joined", "device_interview started",
			"device_interview in_progress composition 1 10", "device_interview in_progress app_key 2 10",
		}
		for i := range 6 {
			want = append(want, fmt.Sprintf("device_interview in_progress bind %d 10", 3+i))
		}
		want = append(want, "device_interview in_progress publish 9 10",
			"device_interview in_progress details 10 10", "device_interview successful")
		if fmt.Sprint(steps) != fmt.Sprint(want) {
			t.Errorf("events\n%q, expected\n%q", steps, want)
		}
		pass(time.Second)
		w.expect("b/hall/lamp/availability", online)
		w.expect("b/hall/lamp", `{"brightness":null,"color_mode":"color_temp","color_temp":4000,"state":"OFF"}`)
		if got := w.out.standing("homeassistant/"); len(got) != 1 || got[0] != "homeassistant/device/btmesh_"+lamp.UUID.String()+"/config" {
			t.Errorf("discovery: %v", got)
		}
	})
}

func TestDeviceWithoutNameGetsOne(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		first, second := fake.Plug(mesh.UUID{0: 1, 15: 7}), fake.Plug(mesh.UUID{0: 2, 15: 7})
		w.net.Place(first, second)
		for _, d := range []*fake.Node{first, second} {
			w.request("device/provision", `{"uuid":"`+d.UUID.String()+`"}`)
		}
		w.expect("b/device_00000007", `{"state":"OFF"}`)
		w.expect("b/device_000000007", `{"state":"OFF"}`)
	})
}

func TestProvisioningFailures(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		d := fake.Plug(uuid(1))
		payload := `{"uuid":"` + d.UUID.String() + `","name":"plug"}`
		for code, err := range map[string]error{
			"link_timeout":          &provision.Failure{Code: provision.FailLinkTimeout, Reason: "no answer"},
			"confirmation":          &provision.Failure{Code: provision.FailConfirmation, Reason: "wrong value"},
			"cannot_assign_address": fmt.Errorf("wrapped: %w", &provision.Failure{Code: provision.FailAddress, Reason: "?"}),
			"no_addresses":          node.ErrNoAddresses,
			"busy":                  node.ErrTooManySessions,
			"stopped":               node.ErrStopped,
			"failed":                errors.New("something else"),
		} {
			w.out.take()
			w.net.Place(d)
			w.net.Refuse(d.UUID, err)
			w.refused("device/provision", payload, code)
			events := w.out.take("b/bridge/event")
			if last := events[len(events)-1]; !strings.Contains(last, `"step":"failed"`) || !strings.Contains(last, `"code":"`+code+`"`) {
				t.Errorf("event %s", last)
			}
		}
		w.expect("b/bridge/devices", `[]`)
		// A failure does not prevent the next attempt.
		w.net.Place(d)
		if r := w.request("device/provision", payload); r["status"] != "ok" {
			t.Errorf("got %v", r)
		}
	})
}

func TestRequestsForOneDeviceRunOneAtATime(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		next := fake.Plug(uuid(5))
		w.net.Place(next)
		w.send("b/bridge/request/device/provision", `{"uuid":"`+next.UUID.String()+`","name":"next"}`)
		w.refused("device/provision", `{"uuid":"`+next.UUID.String()+`"}`, "busy")
		w.refused("device/provision", `{"uuid":"`+uuid(6).String()+`","name":"next"}`, "name_taken")
		w.refused("device/rename", `{"from":"plug","to":"next"}`, "name_taken")
		pass(time.Minute)
		w.out.take()

		w.send("b/bridge/request/device/interview", `{"id":"plug"}`)
		w.refused("device/provision", `{"uuid":"`+plug.UUID.String()+`"}`, "busy")
		w.refused("device/remove", `{"id":"plug"}`, "busy")
		w.send("b/bridge/request/device/interview", `{"id":"plug","transaction":2}`)
		pass(time.Minute)
		got := w.out.take("b/bridge/response/device/interview")
		if len(got) != 2 || !strings.Contains(got[0], `"code":"busy","transaction":2`) || !strings.Contains(got[1], `"status":"ok"`) {
			t.Errorf("responses %v", got)
		}

		w.send("b/bridge/request/device/provision", `{"uuid":"`+plug.UUID.String()+`"}`)
		w.refused("device/interview", `{"id":"plug"}`, "busy")
		w.refused("device/remove", `{"id":"plug"}`, "busy")
	})
}

func TestInterviewCanBeRepeated(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		lamp.Composition.Elements = lamp.Composition.Elements[:1] // as with another firmware
		w.refused("device/interview", `{"id":"hall/lamp"}`, "failed")
		if devices := w.listed("devices"); strings.Contains(devices, "failed") {
			t.Errorf("the known capabilities are not listed: %s", devices)
		}
		plug.Composition.VersionID = 0x0099
		plug.Answer = func(m fake.Message) (access.Message, bool) {
			return &configuration.ModelAppStatus{
				Status: foundation.InsufficientResources, ElementAddress: plug.Address(),
				ModelIdentifier: mesh.SIG | 0x1000,
			}, m.Opcode == configuration.OpModelAppBind
		}
		if r := w.request("device/interview", `{"id":"plug"}`); r["status"] != "ok" {
			t.Errorf("got %v", r)
		}
		if devices := w.listed("devices"); !strings.Contains(devices, `"vid":153`) ||
			!strings.Contains(devices, `"skipped":["bind: model 1000 of element `) {
			t.Error(devices)
		}
		plug.Answer = func(m fake.Message) (access.Message, bool) {
			return &configuration.AppKeyStatus{Status: foundation.KeyIndexAlreadyStored}, m.Opcode == configuration.OpAppKeyAdd
		}
		w.refused("device/interview", `{"id":"plug"}`, "refused")
		plug.SetSilent(true)
		w.refused("device/interview", `{"id":"plug"}`, "no_response")
	})
}
