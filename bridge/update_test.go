package bridge_test

import (
	"encoding/hex"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// updatable is a fake node with the firmware servers of a virtual device; a
// deaf one accepts no group.
func updatable(n byte, w *world, deaf bool) *fake.Node {
	d := fake.Composed(uuid(n), []mesh.ModelID{generic.OnOffServerID}, []mesh.ModelID{blob.TransferServerID, firmware.UpdateServerID})
	models := device.NewPlug().Elements()[device.Primary].Models
	models = models[len(models)-2:]
	var mu sync.Mutex
	listens := false
	d.Answer = func(m fake.Message) (access.Message, bool) {
		mu.Lock()
		defer mu.Unlock()
		switch m.Opcode {
		case configuration.OpModelSubscriptionAdd, configuration.OpModelSubscriptionDelete:
			in := fake.Decode[configuration.ModelSubscriptionAdd](m)
			listens = m.Opcode == configuration.OpModelSubscriptionAdd
			status := &configuration.ModelSubscriptionStatus{ElementAddress: in.ElementAddress, Address: in.Address, ModelIdentifier: in.ModelIdentifier}
			if deaf {
				status.Status = foundation.InsufficientResources
			}
			return status, true
		}
		toGroup := m.Element == fake.ToGroup && listens
		x := &modelContext{now: time.Now(), report: func(m access.Message) {
			payload, err := access.Append(nil, m)
			if err != nil {
				w.t.Error(err)
				return
			}
			op, params, err := access.ParseOpcode(payload)
			if err != nil {
				w.t.Error(err)
				return
			}
			w.svc.Report(node.MessageReceived{Src: d.Address() + 1, Dst: 1, Opcode: op, Params: params})
		}}
		taken := false
		for _, model := range models {
			if waker, ok := model.(access.Waker); ok && !waker.NextDeadline().IsZero() && !waker.NextDeadline().After(x.now) {
				waker.Wake(&modelContext{now: x.now})
			}
			for _, op := range model.Opcodes() {
				if (m.Element == 1 || toGroup) && op == m.Opcode {
					model.Receive(x, &access.Incoming{Src: 1, Opcode: m.Opcode, Params: m.Params})
					taken = true
				}
			}
		}
		return x.answer, taken
	}
	return d
}

// modelContext is the access.Context of the models of a fake node.
type modelContext struct {
	now    time.Time
	answer access.Message
	report func(access.Message)
}

func (x *modelContext) Now() time.Time              { return x.now }
func (x *modelContext) Reply(m access.Message)      { x.answer = m }
func (x *modelContext) Publish(access.Message) bool { return false }

func (x *modelContext) Send(_ access.Recipient, m access.Message) {
	if x.report != nil {
		x.report(m)
	}
}

// withUpdatable runs a test with two devices that can be updated and a plug
// that cannot.
func withUpdatable(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	inBubble(t, func(t *testing.T, w *world) {
		image := append([]byte{7}, make([]byte, 9000)...)
		w.cfg.Firmware = fstest.MapFS{
			"plug.bin":      {Data: image},
			"plug.bin.json": {Data: []byte(`{"firmware_id":"ffff07","encoded_metadata":"07","other":1}`)},
			"bare.bin":      {Data: image},
			"empty.bin":     {},
			"bad.bin":       {Data: []byte{9}},
			"bad.bin.json":  {Data: []byte(`{`)},
		}
		w.start()
		w.join(map[string]*fake.Node{
			"a": updatable(1, w, false), "b": updatable(2, w, false), "c": updatable(4, w, false), "deaf": updatable(5, w, true), "plain": fake.Plug(uuid(3)),
		})
		f(t, w)
	})
}

func TestFirmwareIsCheckedAndUpdated(t *testing.T) {
	withUpdatable(t, func(t *testing.T, w *world) {
		r := w.request("device/ota_update/check", `{"id":"a","file":"plug.bin"}`)
		data, _ := r["data"].(map[string]any)
		if r["status"] != "ok" || data["update_available"] != true || data["effect"] != "composition data unchanged" || data["name"] != "a" {
			t.Errorf("check: %v", r)
		}
		images, _ := data["images"].([]any)
		if len(images) != 1 || images[0].(map[string]any)["firmware_id"] != "ffff01" {
			t.Errorf("images: %v", images)
		}

		// Both devices at once.
		w.send("b/bridge/request/device/ota_update/update", `{"id":"b","file":"plug.bin","mode":"push","transaction":1}`)
		w.refused("device/ota_update/update", `{"id":"b","file":"plug.bin"}`, "busy")
		w.send("b/bridge/request/device/ota_update/update", `{"id":"a","file":"plug.bin"}`)
		pass(5 * time.Minute)
		for _, r := range w.out.take("b/bridge/response/device/ota_update/update") {
			if !strings.Contains(r, `"status":"ok"`) {
				t.Errorf("update: %v", r)
			}
		}
		for _, name := range []string{"a", "b"} {
			r = w.request("device/ota_update/check", `{"id":"`+name+`","file":"plug.bin"}`)
			if data, _ := r["data"].(map[string]any); data["update_available"] != false {
				t.Errorf("%s afterwards: %v", name, r)
			}
			if state := w.out.value("b/" + name); !strings.Contains(state, `"update":{"state":"idle"}`) {
				t.Errorf("%s: state %s", name, state)
			}
		}
		w.refused("device/ota_update/update", `{"id":"a","file":"plug.bin"}`, "up_to_date")
		pulled := hex.EncodeToString(append([]byte{9}, make([]byte, 9000)...))
		if r := w.request("device/ota_update/update", `{"id":"a","hex":"`+pulled+`","metadata":"09","firmware_id":"ffff09","mode":"pull"}`); r["status"] != "ok" {
			t.Errorf("pull: %v", r)
		}
		stages := map[string]bool{}
		for _, e := range w.out.take("b/bridge/event") {
			for _, stage := range []string{"checking", "transferring", "verifying", "applying", "done", "failed"} {
				if strings.Contains(e, `"device_ota_update"`) && strings.Contains(e, `"stage":"`+stage+`"`) {
					stages[stage] = true
				}
			}
		}
		if len(stages) < 4 || !stages["transferring"] || !stages["done"] {
			t.Errorf("stages: %v", stages)
		}
		// Messages between the firmware models are not published.
		if raw := w.out.take("b/a/message"); len(raw) > 0 {
			t.Errorf("raw messages: %v", raw)
		}
	})
}

func TestFirmwareRequestsAreRefused(t *testing.T) {
	withUpdatable(t, func(t *testing.T, w *world) {
		for _, c := range []struct{ what, payload, code string }{
			{"update", `{}`, "bad_value"},
			{"update", `{"id":"x","file":"plug.bin"}`, "unknown_device"},
			{"update", `{"id":"plain","file":"plug.bin"}`, "not_supported"},
			{"update", `{"id":"a"}`, "bad_value"},
			{"update", `{"id":"a","file":"plug.bin","hex":"00"}`, "bad_value"},
			{"update", `{"id":"a","file":"../plug.bin"}`, "bad_value"},
			{"update", `{"id":"a","file":"/etc/passwd"}`, "bad_value"},
			{"update", `{"id":"a","file":"other.bin"}`, "no_file"},
			{"update", `{"id":"a","file":"empty.bin"}`, "bad_file"},
			{"update", `{"id":"a","file":"bad.bin"}`, "bad_file"},
			{"update", `{"id":"a","file":"plug.bin","mode":"throw"}`, "bad_value"},
			{"update", `{"id":"a","file":"plug.bin","metadata":"x"}`, "bad_value"},
			{"update", `{"id":"a","file":"plug.bin","firmware_id":"ffff"}`, "bad_value"},
			{"update", `{"id":"a","file":"plug.bin","image":3}`, "no_image"},
			{"update", `{"id":"a","file":"bare.bin"}`, "refused"},
			{"update", `{"id":"a","hex":"` + strings.Repeat("00", 100) + `","metadata":"05"}`, "verification_failed"},
			{"update", `{"id":"a","hex":"0500","metadata":"05","firmware_id":"ffff06"}`, "not_applied"},
			{"check", `{"id":"plain"}`, "not_supported"},
			{"check", `{"id":"a","file":"other.bin"}`, "no_file"},
			{"abort", `{"id":"plain"}`, "not_supported"},
			{"abort", `{"id":""}`, "bad_value"},
			{"abort", `{"id":"a","file":"x"}`, "bad_json"},
		} {
			w.send("b/bridge/request/device/ota_update/"+c.what, c.payload)
			pass(10 * time.Minute)
			got := w.out.take("b/bridge/response/device/ota_update/" + c.what)
			if len(got) != 1 || !strings.Contains(got[0], `"code":"`+c.code+`"`) {
				t.Errorf("%s %.80s: %v, expected code %s", c.what, c.payload, got, c.code)
			}
		}
	})
}

func TestFirmwareUpdateIsAborted(t *testing.T) {
	withUpdatable(t, func(t *testing.T, w *world) {
		image := hex.EncodeToString(append([]byte{8}, make([]byte, 60000)...))
		w.send("b/bridge/request/device/ota_update/update", `{"id":"a","hex":"`+image+`","metadata":"08"}`)
		pass(3 * time.Second)
		if state := w.out.value("b/a"); !strings.Contains(state, `"state":"updating"`) || !strings.Contains(state, `"progress"`) {
			t.Errorf("state %s", state)
		}
		if r := w.request("device/ota_update/abort", `{"id":"a"}`); r["status"] != "ok" {
			t.Errorf("abort: %v", r)
		}
		pass(time.Minute)
		got := w.out.take("b/bridge/response/device/ota_update/update")
		if len(got) != 1 || !strings.Contains(got[0], `"code":"aborted"`) {
			t.Errorf("%v", got)
		}
		// The node is ready for the next update.
		if r := w.request("device/ota_update/update", `{"id":"a","file":"plug.bin"}`); r["status"] != "ok" {
			t.Errorf("%v", r)
		}
		// Stopping the bridge or removing the device ends the update.
		w.send("b/bridge/request/device/ota_update/update", `{"id":"b","hex":"`+image+`","metadata":"08"}`)
		pass(3 * time.Second)
		if r := w.request("device/remove", `{"id":"b"}`); r["status"] != "ok" {
			t.Errorf("%v", r)
		}
		pass(2 * time.Minute)
		if got := w.out.take("b/bridge/response/device/ota_update/update"); len(got) != 1 || !strings.Contains(got[0], `"code":"removed"`) {
			t.Errorf("%v", got)
		}
		w.send("b/bridge/request/device/ota_update/update", `{"id":"a","hex":"`+image+`","metadata":"08"}`)
		pass(3 * time.Second)
	})
}

func TestFirmwareIsDistributed(t *testing.T) {
	withUpdatable(t, func(t *testing.T, w *world) {
		before := w.net.Requests()
		w.send("b/bridge/request/device/ota_update/update", `{"ids":["a","b","c","a"],"file":"plug.bin"}`)
		w.refused("device/ota_update/update", `{"ids":["a","b"],"file":"plug.bin"}`, "busy")
		w.refused("device/ota_update/update", `{"id":"a","file":"plug.bin"}`, "busy")
		pass(5 * time.Minute)
		got := w.out.take("b/bridge/response/device/ota_update/update")
		if len(got) != 1 || strings.Count(got[0], `"status":"ok"`) != 4 {
			t.Fatalf("%v", got)
		}
		// 26 chunks go to all three devices: 78 with unicast.
		if n := w.net.Requests() - before; n > 120 {
			t.Errorf("%d requests", n)
		}
		for _, name := range []string{"a", "b", "c"} {
			r := w.request("device/ota_update/check", `{"id":"`+name+`","file":"plug.bin"}`)
			if data, _ := r["data"].(map[string]any); data["update_available"] != false {
				t.Errorf("%s afterwards: %v", name, r)
			}
			if state := w.out.value("b/" + name); !strings.Contains(state, `"update":{"state":"idle"}`) {
				t.Errorf("%s: state %s", name, state)
			}
		}

		// Each device has its own result: one cannot join the group, one is
		// removed, one runs the firmware.
		image := hex.EncodeToString(append([]byte{8}, make([]byte, 60000)...))
		w.send("b/bridge/request/device/ota_update/update", `{"ids":["a","b","deaf"],"hex":"`+image+`","metadata":"08"}`)
		pass(4 * time.Second)
		if r := w.request("device/ota_update/abort", `{"id":"b"}`); r["status"] != "ok" {
			t.Errorf("abort: %v", r)
		}
		pass(5 * time.Minute)
		got = w.out.take("b/bridge/response/device/ota_update/update")
		if len(got) != 1 || !strings.Contains(got[0], `"code":"partly_failed"`) || !strings.Contains(got[0], `"code":"aborted"`) ||
			!strings.Contains(got[0], "insufficient resources") || strings.Count(got[0], `"status":"ok"`) != 1 {
			t.Errorf("%.1000v", got)
		}
		// The bridge stops in the middle.
		w.send("b/bridge/request/device/ota_update/update", `{"ids":["a","b"],"hex":"`+image+`00","metadata":"08"}`)
		pass(4 * time.Second)
	})
}

func TestDistributionsAreRefused(t *testing.T) {
	withUpdatable(t, func(t *testing.T, w *world) {
		for payload, code := range map[string]string{
			`{"ids":["a"],"id":"b","file":"plug.bin"}`:                          "bad_value",
			`{"ids":["a","b"],"file":"plug.bin","mode":"pull"}`:                 "bad_value",
			`{"ids":["a","b"]}`:                                                 "bad_value",
			`{"ids":["a","plain"],"file":"plug.bin"}`:                           "not_supported",
			`{"ids":["a","x"],"file":"plug.bin"}`:                               "unknown_device",
			`{"ids":"a","file":"plug.bin"}`:                                     "bad_json",
			`{"ids":[` + strings.Repeat(`"a",`, 64) + `"b"],"file":"plug.bin"}`: "bad_value",
		} {
			w.refused("device/ota_update/update", payload, code)
		}
	})
}
