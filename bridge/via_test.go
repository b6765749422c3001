package bridge_test

import (
	"encoding/hex"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// distributor is a fake node with the models of a distributor device. Before
// each message it does the work that has become due.
type distributor struct {
	*world
	models    []access.Model
	now       time.Time
	receivers []*fake.Node
	air       []func() // sent and not yet delivered
}

func distributing(n byte, w *world, receivers ...*fake.Node) *fake.Node {
	d := &distributor{world: w, models: device.NewDistributor().Elements()[device.Distributor].Models, receivers: receivers}
	f := fake.Composed(uuid(n), []mesh.ModelID{generic.OnOffServerID},
		[]mesh.ModelID{blob.TransferServerID, blob.TransferClientID, firmware.UpdateClientID, firmware.DistributionServerID})
	var mu sync.Mutex
	f.Answer = func(m fake.Message) (access.Message, bool) {
		mu.Lock()
		defer mu.Unlock()
		d.catchUp()
		if m.Element != device.Distributor {
			return nil, false
		}
		return d.receive(1, m.Opcode, m.Params)
	}
	return f
}

// catchUp does the due work of the models, as a node would.
func (d *distributor) catchUp() {
	now := time.Now()
	for steps := 0; ; steps++ {
		var next access.Waker
		for _, m := range d.models {
			w, ok := m.(access.Waker)
			if ok && !w.NextDeadline().IsZero() && !w.NextDeadline().After(now) && (next == nil || w.NextDeadline().Before(next.NextDeadline())) {
				next = w
			}
		}
		if next == nil {
			d.now = now
			return
		}
		if steps > 100000 {
			d.t.Error("a model has a new deadline again and again")
			return
		}
		if at := next.NextDeadline(); at.After(d.now) {
			d.now = at
		}
		next.Wake(distributorContext{d, &modelContext{}})
		for len(d.air) > 0 {
			arrive := d.air[0]
			d.air = d.air[1:]
			arrive()
		}
	}
}

// receive passes a message to the model that handles it.
func (d *distributor) receive(src mesh.Address, op mesh.Opcode, params []byte) (access.Message, bool) {
	for _, model := range d.models {
		for _, takes := range model.Opcodes() {
			if takes == op {
				x := distributorContext{d, &modelContext{}}
				model.Receive(x, &access.Incoming{Src: src, Opcode: op, Params: params})
				return x.answer, true
			}
		}
	}
	return nil, false
}

// distributorContext is the access.Context of its models. It delivers their
// messages to the receivers.
type distributorContext struct {
	*distributor
	*modelContext
}

func (x distributorContext) Now() time.Time { return x.distributor.now }

func (x distributorContext) Send(to access.Recipient, m access.Message) {
	x.air = append(x.air, func() { x.deliver(to, m) })
}

func (x distributorContext) deliver(to access.Recipient, m access.Message) {
	payload, err := access.Append(nil, m)
	if err != nil {
		x.t.Error(err)
		return
	}
	op, params, err := access.ParseOpcode(payload)
	if err != nil {
		x.t.Error(err)
		return
	}
	for _, r := range x.receivers {
		in := fake.Message{Element: int(to.Dst) - int(r.Address()), Opcode: op, Params: params}
		switch {
		case to.Dst.IsGroup():
			in.Element = fake.ToGroup
		case in.Element != 0 && in.Element != 1:
			continue
		}
		answer, taken := r.Answer(in)
		if !taken || answer == nil || to.Dst.IsGroup() {
			continue
		}
		payload, err := access.Append(nil, answer)
		if err != nil {
			x.t.Error(err)
			continue
		}
		op, params, err := access.ParseOpcode(payload)
		if err != nil {
			x.t.Error(err)
			continue
		}
		x.receive(to.Dst, op, params)
	}
}

// withDistributor runs a test with a distributor and three other devices.
func withDistributor(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		a, b, deaf := updatable(1, w, false), updatable(2, w, false), updatable(5, w, true)
		w.join(map[string]*fake.Node{"a": a, "b": b, "deaf": deaf, "plain": fake.Plug(uuid(3)), "hub": distributing(6, w, a, b, deaf)})
		f(t, w)
	})
}

// firmwareOf returns the end of a request with firmware of a version.
func firmwareOf(version byte, size int) string {
	digits := hex.EncodeToString([]byte{version})
	return `"hex":"` + hex.EncodeToString(append([]byte{version}, make([]byte, size-1)...)) + `","metadata":"` + digits + `","firmware_id":"ffff` + digits + `"}`
}

func (w *world) runs(name, firmwareID string) {
	w.t.Helper()
	r := w.request("device/ota_update/check", `{"id":"`+name+`"}`)
	data, _ := r["data"].(map[string]any)
	images, _ := data["images"].([]any)
	if len(images) != 1 || images[0].(map[string]any)["firmware_id"] != firmwareID {
		w.t.Errorf("%s: %v, want %s", name, r, firmwareID)
	}
}

// via sends an update request and returns the response, which must arrive
// within ten minutes.
func (w *world) via(payload string) string {
	w.t.Helper()
	w.send("b/bridge/request/device/ota_update/update", payload)
	pass(10 * time.Minute)
	got := w.out.take("b/bridge/response/device/ota_update/update")
	if len(got) != 1 {
		w.t.Fatalf("%.100s: %d responses", payload, len(got))
	}
	return got[0]
}

func TestFirmwareIsDistributedByADevice(t *testing.T) {
	withDistributor(t, func(t *testing.T, w *world) {
		r := w.request("device/ota_update/check", `{"id":"hub"}`)
		data, _ := r["data"].(map[string]any)
		can, _ := data["distributor"].(map[string]any)
		if r["status"] != "ok" || can["max_receivers"] != 32.0 || can["room"] != 131072.0 || can["phase"] != "idle" || data["images"] != nil {
			t.Errorf("check: %v", r)
		}
		w.out.take("b/bridge/event")
		got := w.via(`{"ids":["a","b"],"via":"hub",` + firmwareOf(7, 5000))
		if strings.Count(got, `"status":"ok"`) != 3 || !strings.Contains(got, `"via":"hub"`) {
			t.Fatalf("%s", got)
		}
		w.runs("a", "ffff07")
		w.runs("b", "ffff07")
		stages := map[string]bool{}
		for _, e := range w.out.take("b/bridge/event") {
			for _, name := range []string{"a", "hub"} {
				for _, stage := range []string{"checking", "uploading", "transferring", "applying", "done", "failed"} {
					if strings.Contains(e, `"friendly_name":"`+name+`"`) && strings.Contains(e, `"stage":"`+stage+`"`) {
						stages[name+" "+stage] = true
					}
				}
			}
		}
		for _, want := range []string{"hub uploading", "hub transferring", "hub done", "a checking", "a done"} {
			if !stages[want] {
				t.Errorf("no event %q: %v", want, stages)
			}
		}
		for _, name := range []string{"a", "hub"} {
			if state := w.out.value("b/" + name); !strings.Contains(state, `"update":{"state":"idle"}`) {
				t.Errorf("%s: state %s", name, state)
			}
			if raw := w.out.take("b/" + name + "/message"); len(raw) > 0 {
				t.Errorf("raw messages: %v", raw)
			}
		}
		// One device cannot join the group but is updated all the same.
		if got := w.via(`{"ids":["a","deaf"],"via":"hub",` + firmwareOf(8, 3000)); strings.Count(got, `"status":"ok"`) != 3 {
			t.Errorf("%s", got)
		}
		w.runs("deaf", "ffff08")
		// The firmware is verified first and applied with another request.
		if got := w.via(`{"id":"b","via":"hub","apply":false,` + firmwareOf(9, 3000)); strings.Count(got, `"status":"ok"`) != 2 {
			t.Errorf("%s", got)
		}
		w.runs("b", "ffff07")
		w.refused("device/ota_update/clear", `{"id":"hub"}`, "busy")
		if got := w.via(`{"id":"b","via":"hub",` + firmwareOf(9, 3000)); strings.Count(got, `"status":"ok"`) != 2 {
			t.Errorf("%s", got)
		}
		w.runs("b", "ffff09")
		if r := w.request("device/ota_update/clear", `{"id":"hub"}`); r["status"] != "ok" {
			t.Errorf("clear: %v", r)
		}
		if r := w.request("device/ota_update/clear", `{"id":"hub","firmware_id":"ffff09"}`); r["status"] != "ok" {
			t.Errorf("clear: %v", r)
		}
	})
}

func TestDistributionsByADeviceAreRefused(t *testing.T) {
	withDistributor(t, func(t *testing.T, w *world) {
		for _, c := range []struct{ payload, code string }{
			{`{"ids":["a"],"via":"x",` + firmwareOf(7, 10), "unknown_device"},
			{`{"ids":["a"],"via":"plain",` + firmwareOf(7, 10), "not_supported"},
			{`{"ids":["a"],"via":"b",` + firmwareOf(7, 10), "not_supported"},
			{`{"ids":["plain"],"via":"hub",` + firmwareOf(7, 10), "not_supported"},
			{`{"ids":["hub"],"via":"hub",` + firmwareOf(7, 10), "not_supported"},
			{`{"via":"hub",` + firmwareOf(7, 10), "bad_value"},
			{`{"id":"a","ids":["b"],"via":"hub",` + firmwareOf(7, 10), "bad_value"},
			{`{"ids":["a"],"via":"hub"}`, "bad_value"},
			{`{"ids":["a"],"via":"hub","hex":"0707","metadata":"07"}`, "bad_value"},
			{`{"ids":["a"],"apply":false,` + firmwareOf(7, 10), "bad_value"},
			{`{"id":"a","apply":false,` + firmwareOf(7, 10), "bad_value"},
			{`{"ids":["a"],"via":"hub",` + firmwareOf(7, 70000), "no_room"},
			{`{"ids":["a"],"via":"hub","image":3,` + firmwareOf(7, 10), "partly_failed"},
			{`{"ids":["a","b"],"via":"hub","hex":"0707","metadata":"08","firmware_id":"ffff08"}`, "partly_failed"},
		} {
			if got := w.via(c.payload); !strings.Contains(got, `"code":"`+c.code+`"`) {
				t.Errorf("%.80s: %s, expected code %s", c.payload, got, c.code)
			}
		}
		w.refused("device/ota_update/clear", `{"id":"a"}`, "not_supported")
		w.refused("device/ota_update/clear", `{"id":"hub","firmware_id":"x"}`, "bad_value")
	})
}

func TestDistributionByADeviceIsAborted(t *testing.T) {
	withDistributor(t, func(t *testing.T, w *world) {
		request := `{"ids":["a","b"],"via":"hub",` + firmwareOf(7, 20000)
		for _, stage := range []string{"uploading", "transferring"} {
			w.send("b/bridge/request/device/ota_update/update", request)
			for range 300 {
				if pass(time.Second); strings.Contains(w.out.value("b/hub"), `"stage":"`+stage+`"`) {
					break
				}
			}
			if state := w.out.value("b/hub"); !strings.Contains(state, `"state":"distributing"`) || !strings.Contains(state, stage) {
				t.Errorf("state %s, expected %s", state, stage)
			}
			w.refused("device/ota_update/update", request, "busy")
			w.refused("device/ota_update/update", `{"id":"a",`+firmwareOf(7, 10), "busy")
			if r := w.request("device/ota_update/abort", `{"id":"hub"}`); r["status"] != "ok" {
				t.Errorf("abort: %v", r)
			}
			pass(5 * time.Minute)
			got := w.out.take("b/bridge/response/device/ota_update/update")
			if len(got) != 1 || strings.Count(got[0], `"code":"aborted"`) != 3 {
				t.Errorf("%v", got)
			}
		}
		if r := w.request("device/ota_update/abort", `{"id":"hub"}`); r["status"] != "ok" { // without a distribution
			t.Errorf("abort: %v", r)
		}
		if got := w.via(request); strings.Count(got, `"status":"ok"`) != 3 {
			t.Errorf("%s", got)
		}
		// Stopping the bridge in the middle ends the distribution.
		w.send("b/bridge/request/device/ota_update/update", `{"ids":["a"],"via":"hub",`+firmwareOf(8, 60000))
		pass(5 * time.Second)
	})
}
