package bridge_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// radios are the adapters of a test.
type radios struct {
	mu  sync.Mutex
	all []bridge.Adapter
}

func (r *radios) list() []bridge.Adapter {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]bridge.Adapter{}, r.all...)
}

// set changes an adapter and tells the service.
func (r *radios) set(w *world, i int, state, wrong string) {
	r.mu.Lock()
	r.all[i].State, r.all[i].Error = state, wrong
	r.mu.Unlock()
	w.svc.AdaptersChanged()
	pass(0)
}

// withRadios runs a test with two adapters and a plug.
func withRadios(t *testing.T, f func(t *testing.T, w *world, r *radios, plug *fake.Node)) {
	t.Helper()
	inBubble(t, func(t *testing.T, w *world) {
		r := &radios{all: []bridge.Adapter{{ID: "hci0", State: "running"}, {ID: "tcp:x:1", State: "running"}}}
		w.cfg.Adapters = r.list
		w.start()
		plug := fake.Plug(uuid(1))
		w.join(map[string]*fake.Node{"plug": plug})
		f(t, w, r, plug)
	})
}

// TestAdapterIsLost tells at once that an adapter is lost, and that it is back.
func TestAdapterIsLost(t *testing.T) {
	withRadios(t, func(t *testing.T, w *world, r *radios, _ *fake.Node) {
		r.set(w, 0, "down", "unplugged")
		if got := w.out.take("b/bridge/event"); len(got) != 1 || got[0] != `{"data":{"error":"unplugged","id":"hci0","state":"down"},"type":"adapter_changed"}` {
			t.Errorf("events %v", got)
		}
		if got := w.out.take("b/bridge/logging"); len(got) != 1 || !strings.Contains(got[0], "hci0") || !strings.Contains(got[0], "unplugged") {
			t.Errorf("log %v", got)
		}
		for _, topic := range []string{"b/bridge/info", "b/bridge/health"} {
			if got := w.out.value(topic); !strings.Contains(got, `"state":"down","error":"unplugged"`) {
				t.Errorf("%s is %s", topic, got)
			}
		}
		pass(9 * time.Minute)
		if got := w.out.take("b/bridge/event", "b/bridge/logging"); len(got) != 0 {
			t.Errorf("told again: %v", got)
		}
		pass(2 * time.Minute)
		if got := w.out.take("b/bridge/logging"); len(got) != 1 || !strings.Contains(got[0], "hci0") {
			t.Errorf("after ten minutes: %v", got)
		}
		if r := w.request("scan", `{"time":1}`); r["status"] != "ok" {
			t.Errorf("with the other adapter: %v", r)
		}
		w.out.take()
		r.set(w, 0, "running", "")
		if got := w.out.take("b/bridge/event"); len(got) != 1 || got[0] != `{"data":{"id":"hci0","state":"running"},"type":"adapter_changed"}` {
			t.Errorf("events %v", got)
		}
		if got := w.out.value("b/bridge/info"); strings.Contains(got, "down") {
			t.Errorf("bridge/info is %s", got)
		}
	})
}

// TestNoAdapter refuses what needs an adapter while none works.
func TestNoAdapter(t *testing.T) {
	withRadios(t, func(t *testing.T, w *world, r *radios, plug *fake.Node) {
		r.set(w, 0, "down", "unplugged")
		r.set(w, 1, "down", "connection refused")
		w.out.take()
		for what, payload := range map[string]string{
			"scan":             `{"time":60}`,
			"device/provision": `{"uuid":"` + uuid(7).String() + `"}`,
			"device/interview": `{"id":"plug"}`,
			"mesh/send":        `{"dst":"plug","message":"Generic OnOff Get"}`,
		} {
			began := time.Now()
			w.send("b/bridge/request/"+what, payload)
			got := w.out.take("b/bridge/response/" + what)
			if len(got) != 1 {
				t.Errorf("%s: %v", what, got)
				continue
			}
			answer := object(t, got[0])
			text, _ := answer["error"].(string)
			if answer["code"] != "no_adapter" || !strings.Contains(text, "hci0") || !strings.Contains(text, "unplugged") || !strings.Contains(text, "connection refused") {
				t.Errorf("%s: %v after %s", what, answer, time.Since(began))
			}
		}
		for _, topic := range []string{"b/plug/set", "b/plug/get"} {
			w.send(topic, `{"state":"ON","transaction":1}`)
			if got := w.out.take("b/plug/set/response"); len(got) != 1 || !strings.Contains(got[0], `"code":"no_adapter"`) || !strings.Contains(got[0], "unplugged") {
				t.Errorf("%s: %v", topic, got)
			}
		}
		// What is tried nevertheless fails with the same reason.
		plug.SetSilent(true)
		if answer := w.request("device/remove", `{"id":"plug"}`); answer["code"] != "no_adapter" {
			t.Errorf("device/remove: %v", answer)
		}
		r.set(w, 1, "running", "")
		if r := w.request("scan", `{"time":1}`); r["status"] != "ok" {
			t.Errorf("when an adapter works again: %v", r)
		}
	})
}

// TestUnsteadyAdapter says why a provisioning failed, with a bounded number of
// warnings, although the adapter works most of the time.
func TestUnsteadyAdapter(t *testing.T) {
	withRadios(t, func(t *testing.T, w *world, r *radios, _ *fake.Node) {
		const why = "it stopped working 5 times within the last minute: code 0x01: controller reports a hardware error"
		for _, i := range []int{0, 1} {
			r.set(w, i, "unsteady", why)
		}
		if got := w.out.take("b/bridge/logging"); len(got) != 2 || !strings.Contains(got[0], "hardware error") {
			t.Errorf("log %v", got)
		}
		for range 60 {
			r.set(w, 0, "unsteady", strings.Replace(why, "5", "6", 1))
			pass(time.Second)
		}
		if got := w.out.take("b/bridge/logging", "b/bridge/event"); len(got) > 2 { // the two events
			t.Errorf("told again: %v", got)
		}
		answer := w.request("device/provision", `{"uuid":"`+uuid(7).String()+`"}`)
		text, _ := answer["error"].(string)
		if answer["status"] != "error" || !strings.Contains(text, "hardware error") || answer["code"] == "no_adapter" {
			t.Errorf("got %v", answer)
		}
	})
}

// TestStartWithoutAdapter starts before the adapters are there, as at boot. That nothing
// answers then says nothing about the devices: they are asked when an adapter works, and
// an interview that is due waits for it as well.
func TestStartWithoutAdapter(t *testing.T) {
	withRadios(t, func(t *testing.T, w *world, r *radios, plug *fake.Node) {
		w.stop()
		late := fake.Plug(uuid(2))
		w.net.Join(late) // while the service was down: its interview is due
		for i := range r.all {
			r.all[i].State, r.all[i].Error = "down", "unplugged"
		}
		for _, n := range []*fake.Node{plug, late} {
			n.SetSilent(true) // nothing gets there
		}
		w.out.take()
		w.start()
		pass(30 * time.Minute)
		w.expect("b/plug/availability", online)
		if got := w.out.value("b/bridge/devices"); strings.Contains(got, "failed") {
			t.Errorf("an interview failed without an adapter: %s", got)
		}
		if got := object(t, w.out.value("b/bridge/health"))["refreshing"]; got != 1.0 {
			t.Errorf("%v devices are to be asked, expected 1", got)
		}
		for _, n := range []*fake.Node{plug, late} {
			n.SetSilent(false)
		}
		r.set(w, 0, "running", "")
		asked := len(plug.Received(generic.OpOnOffGet))
		pass(time.Minute)
		if len(plug.Received(generic.OpOnOffGet)) == asked {
			t.Error("the plug was not asked for its state")
		}
		w.expect("b/plug/availability", online)
		w.expect("b/device_00000002/availability", online)
	})
}

// TestAdapterIsLostWhileDevicesAreSilent blames no device for an adapter that is gone.
func TestAdapterIsLostWhileDevicesAreSilent(t *testing.T) {
	withRadios(t, func(t *testing.T, w *world, r *radios, plug *fake.Node) {
		plug.SetSilent(true)
		for i := range r.all {
			r.set(w, i, "down", "unplugged")
		}
		pass(time.Hour)
		w.expect("b/plug/availability", online)
		plug.SetSilent(false)
		r.set(w, 0, "running", "")
		pass(time.Minute)
		w.expect("b/plug/availability", online)
		// A device that is gone is found out as ever.
		plug.SetSilent(true)
		pass(time.Hour)
		w.expect("b/plug/availability", offline)
	})
}

// TestKeyRefreshWithoutAdapter leaves no device behind for an adapter that was away: the
// time without one does not count as the patience with devices.
func TestKeyRefreshWithoutAdapter(t *testing.T) {
	withRadios(t, func(t *testing.T, w *world, r *radios, plug *fake.Node) {
		lamp := fake.Lamp(uuid(2))
		w.join(map[string]*fake.Node{"lamp": lamp})
		w.stop()
		w.cfg.RefreshPatience = time.Hour
		w.start()
		plug.SetSilent(true)
		w.request("network/key_refresh", ``)
		pass(10 * time.Minute) // the lamp has the new keys
		for i := range r.all {
			r.set(w, i, "down", "unplugged")
		}
		lamp.SetSilent(true)
		pass(24 * time.Hour)
		if info := w.refreshInfo(); info["phase"] != "distributing" {
			t.Errorf("without an adapter: %v", info)
		}
		lamp.SetSilent(false)
		plug.SetSilent(false)
		r.set(w, 0, "running", "")
		w.phase(time.Hour, "")
		hasKeysOf(t, w, "lamp", lamp)
		hasKeysOf(t, w, "plug", plug)
	})
}

// TestAdapterIsLostDuringAnInterview interviews the new device when an adapter works again.
func TestAdapterIsLostDuringAnInterview(t *testing.T) {
	withRadios(t, func(t *testing.T, w *world, r *radios, _ *fake.Node) {
		lamp := fake.Lamp(uuid(2))
		w.net.Place(lamp)
		w.send("b/bridge/request/device/provision", `{"uuid":"`+lamp.UUID.String()+`","name":"lamp"}`)
		for range 1000 {
			if strings.Contains(strings.Join(w.out.take("b/bridge/event"), ""), `"in_progress"`) {
				break
			}
			pass(10 * time.Millisecond)
		}
		lamp.SetSilent(true)
		for i := range r.all {
			r.set(w, i, "down", "unplugged")
		}
		pass(30 * time.Minute)
		if got := w.out.take("b/bridge/response/device/provision"); len(got) != 1 || !strings.Contains(got[0], `"no_adapter"`) {
			t.Errorf("the request was answered with %v", got)
		}
		lamp.SetSilent(false)
		r.set(w, 0, "running", "")
		pass(time.Minute)
		w.expect("b/lamp/availability", online)
		if got := w.out.value("b/bridge/devices"); !strings.Contains(got, `"lamp"`) || strings.Contains(got, `"failed"`) {
			t.Errorf("devices %s", got)
		}
	})
}

// TestRemovalWithoutAdapter goes on with a removal that the end of the service has
// interrupted when an adapter works: the device must not keep the keys.
func TestRemovalWithoutAdapter(t *testing.T) {
	withRadios(t, func(t *testing.T, w *world, r *radios, plug *fake.Node) {
		plug.SetSilent(true)
		w.send("b/bridge/request/device/remove", `{"id":"plug","key_refresh":true}`)
		pass(time.Second)
		w.stop()
		for i := range r.all {
			r.all[i].State, r.all[i].Error = "down", "unplugged"
		}
		w.start()
		pass(10 * time.Minute)
		plug.SetSilent(false)
		r.set(w, 0, "running", "")
		pass(2 * time.Minute)
		if w.net.Knows(plug.UUID) || strings.Contains(w.out.value("b/bridge/devices"), `"plug"`) {
			t.Error("the plug is still listed")
		}
		if w.refreshInfo() != nil || w.net.Own().AppKey(0).Key.Equal(appKey) {
			t.Errorf("the keys were not refreshed: %v", w.refreshInfo())
		}
	})
}
