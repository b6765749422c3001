package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

func TestRenameMovesEverything(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		discovery := "homeassistant/device/btmesh_" + plug.UUID.String() + "/config"
		r := w.request("device/rename", `{"from":"plug","to":"attic/plug","transaction":1}`)
		if r["status"] != "ok" || fmt.Sprint(r["data"]) != "map[from:plug to:attic/plug]" {
			t.Errorf("got %v", r)
		}
		if got := w.out.standing("plug"); fmt.Sprint(got) != "[b/attic/plug b/attic/plug/availability]" {
			t.Errorf("standing topics %v", got)
		}
		w.expect("b/attic/plug", `{"state":"OFF"}`)
		if got := w.out.value(discovery); !strings.Contains(got, `"b/attic/plug/set"`) || strings.Contains(got, `"b/plug`) {
			t.Errorf("discovery %s", got)
		}
		w.send("b/attic/plug/set", `{"state":"ON"}`)
		pass(time.Second)
		w.expect("b/attic/plug", `{"state":"ON"}`)
		// A rename to the same name is accepted, and the old name is free.
		if r := w.request("device/rename", `{"from":"attic/plug","to":"attic/plug"}`); r["status"] != "ok" {
			t.Errorf("got %v", r)
		}
		if r := w.request("device/rename", `{"from":"hall/lamp","to":"plug"}`); r["status"] != "ok" {
			t.Errorf("got %v", r)
		}
		w.restart()
		w.expect("b/attic/plug", `{"state":"ON"}`)
		if got := w.out.standing("plug"); len(got) != 4 {
			t.Errorf("standing topics %v", got)
		}
	})
}

func TestRemoveLeavesNothingBehind(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.restart() // the ledger is from an earlier run
		pass(time.Minute)
		w.out.take()
		r := w.request("device/remove", `{"id":"plug"}`)
		if r["status"] != "ok" || fmt.Sprint(r["data"]) != "map[id:plug reset:true uuid:"+plug.UUID.String()+"]" {
			t.Errorf("got %v", r)
		}
		if got := w.out.take("b/bridge/event"); len(got) != 1 || !strings.Contains(got[0], "device_leave") {
			t.Errorf("events %v", got)
		}
		if got := append(w.out.standing("b/plug"), w.out.standing(plug.UUID.String())...); len(got) != 0 {
			t.Errorf("standing topics %v", got)
		}
		if got := plug.Received(configuration.OpNodeReset); len(got) != 1 {
			t.Errorf("%d resets", len(got))
		}
		for _, table := range []store.Table{device.Table, "states", "topics"} {
			all, err := w.store.All(table)
			if err != nil {
				t.Fatal(err)
			}
			if _, left := all[plug.UUID.String()]; left {
				t.Errorf("table %s still has the device", table)
			}
		}
		peers, _ := w.net.Peers(t.Context())
		if len(peers) != 1 || strings.Contains(w.listed("devices"), `"plug"`) {
			t.Errorf("peers %v", peers)
		}
		w.send("b/plug/set", `{"state":"ON"}`)
		if got := w.out.take("b/bridge/logging"); len(got) != 1 {
			t.Errorf("a command to a removed device: %v", got)
		}
	})
}

func TestRemoveOfADeviceThatDoesNotAnswer(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		plug.SetSilent(true)
		r := w.request("device/remove", `{"id":"plug"}`)
		if text, _ := r["error"].(string); r["code"] != "no_response" || !strings.Contains(text, `"force":true`) {
			t.Errorf("got %v", r)
		}
		w.expect("b/plug", `{"state":"OFF"}`)

		// A waiting command gets an answer, and nothing is published after the
		// removal.
		w.send("b/bridge/request/device/remove", `{"id":"plug","force":true}`)
		w.send("b/plug/set", `{"state":"ON","transaction":"waits"}`)
		pass(3 * fake.Silence)
		if got := w.out.take("b/plug/set/response"); len(got) != 1 || !strings.Contains(got[0], `"code":"removed"`) {
			t.Errorf("answers %v", got)
		}
		if got := w.out.take("b/bridge/response/device/remove"); len(got) != 1 || !strings.Contains(got[0], `"reset":false`) || !strings.Contains(got[0], `"ok"`) {
			t.Errorf("responses %v", got)
		}
		if got := w.out.standing("plug"); len(got) != 0 {
			t.Errorf("standing topics %v", got)
		}
	})
}

// A device is removed during a command to it: the end of the command publishes
// no topic.
func TestCommandThatEndsAfterARemoval(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		plug.Answer = func(m fake.Message) (access.Message, bool) { return nil, m.Opcode == generic.OpOnOffSet }
		w.send("b/plug/set", `{"state":"ON","transaction":1}`)
		pass(time.Second)
		// The removal does not wait for the command.
		lost := lostTurn{w.net}
		w.stop()
		w.cfg.Mesh = lost
		w.start()
		w.send("b/plug/set", `{"state":"ON","transaction":2}`)
		w.send("b/bridge/request/device/remove", `{"id":"plug"}`)
		pass(time.Second)
		if got := w.out.standing("plug"); len(got) != 0 {
			t.Errorf("standing topics %v", got)
		}
		pass(3 * fake.Silence)
		if got := w.out.standing("plug"); len(got) != 0 {
			t.Errorf("standing topics after the command had ended: %v", got)
		}
		got := w.out.take("b/plug/set/response")
		if len(got) != 2 || !strings.Contains(got[0], `"code":"stopped"`) || !strings.Contains(got[1], `"code":"removed"`) {
			t.Errorf("answers %v", got)
		}
	})
}

// lostTurn is a mesh in which OnOff messages to a node do not delay other
// messages.
type lostTurn struct{ *fake.Network }

func (l lostTurn) Request(ctx context.Context, r node.Request) (node.Response, error) {
	if op, _, err := access.ParseOpcode(r.Payload); err == nil && (op == generic.OpOnOffSet || op == generic.OpOnOffGet) {
		select {
		case <-time.After(fake.Silence):
			return node.Response{}, node.ErrNoResponse
		case <-ctx.Done():
			return node.Response{}, ctx.Err()
		}
	}
	return l.Network.Request(ctx, r)
}

func TestDeviceThatIsProvisionedAgain(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.send("b/plug/set", `{"state":"ON"}`)
		pass(31 * time.Second) // until the state is stored
		old := plug.Address()
		w.net.Place(plug)
		if r := w.request("device/provision", `{"uuid":"`+plug.UUID.String()+`"}`); r["status"] != "ok" {
			t.Errorf("got %v", r)
		}
		pass(time.Second)
		if plug.Address() == old {
			t.Fatal("the device has its old address")
		}
		w.send("b/plug/set", `{"state":"OFF"}`)
		pass(time.Second)
		w.expect("b/plug", `{"state":"OFF"}`)

		// States from before the removal are deleted.
		plug.SetSilent(true)
		w.net.Place(plug)
		w.refused("device/provision", `{"uuid":"`+plug.UUID.String()+`"}`, "no_response")
		if stored, err := w.store.Get("states", plug.UUID.String()); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("stored %s, %v", stored, err)
		}
		plug.SetSilent(false)

		// With another name it gets that name, and no topic is left under the
		// old name.
		w.net.Place(plug)
		w.request("device/provision", `{"uuid":"`+plug.UUID.String()+`","name":"socket"}`)
		pass(time.Second)
		w.expect("b/socket", `{"state":"OFF"}`)
		if got := w.out.standing("plug"); len(got) != 0 {
			t.Errorf("standing topics %v", got)
		}
		w.send("b/"+old.String()+"/set", `{"state":"ON"}`)
		if got := w.out.take("b/bridge/logging"); len(got) != 1 {
			t.Errorf("the old address still works: %v", got)
		}
	})
}

// Home Assistant removes an entity when its component has only a platform.
func TestRemovedEntitiesLeaveHomeAssistant(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		d := fake.Composed(uuid(1), []mesh.ModelID{generic.OnOffServerID, generic.BatteryServerID})
		w.start()
		w.join(map[string]*fake.Node{"thing": d})
		discovery := "homeassistant/device/btmesh_" + d.UUID.String() + "/config"
		components := func() map[string]any {
			return object(t, w.out.value(discovery))["components"].(map[string]any)
		}
		if c := components(); len(c["switch"].(map[string]any)) < 5 {
			t.Fatalf("components %v", c)
		}
		d.Composition.Elements[0].Models = []mesh.ModelID{foundation.ConfigurationServerID, generic.OnOffClientID}
		w.request("device/interview", `{"id":"thing"}`)
		c := components()
		if fmt.Sprint(c["switch"]) != "map[platform:switch]" {
			t.Errorf("components %v", c)
		}
		if got := w.out.standing("b/thing"); fmt.Sprint(got) != "[b/thing/availability]" {
			t.Errorf("a button has no state: %v", got)
		}
		button := ""
		for key, v := range c {
			if v.(map[string]any)["platform"] == "event" {
				button = key
			}
		}
		// The same when the device returns as another product.
		d.Composition.Elements[0].Models = []mesh.ModelID{foundation.ConfigurationServerID, generic.BatteryServerID}
		w.net.Place(d)
		w.request("device/provision", `{"uuid":"`+d.UUID.String()+`"}`)
		c = components()
		for key, v := range c {
			if fields := len(v.(map[string]any)); (fields == 1) == strings.Contains(key, "battery") {
				t.Errorf("component %s: %v", key, v)
			}
		}
		for key, platform := range map[string]string{"switch": "switch", button: "event"} {
			if fmt.Sprint(c[key]) != "map[platform:"+platform+"]" {
				t.Errorf("component %s: %v", key, c[key])
			}
		}
	})
}

func TestCommandsWaitForTheInterview(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.send("b/bridge/request/device/interview", `{"id":"plug"}`)
		before := len(plug.Received(generic.OpOnOffSet))
		w.send("b/plug/set", `{"state":"ON","transaction":1}`)
		pass(fake.Latency)
		if got := len(plug.Received(generic.OpOnOffSet)); got != before {
			t.Error("a command was sent during the interview")
		}
		pass(time.Minute)
		if got := w.out.take("b/plug/set/response"); len(got) != 1 || !strings.Contains(got[0], `"ok"`) {
			t.Errorf("answers %v", got)
		}
		w.expect("b/plug", `{"state":"ON"}`)

		// Before the first interview the capabilities of a device are unknown.
		silent := fake.Plug(uuid(7))
		w.net.Place(silent)
		silent.SetSilent(true)
		w.refused("device/provision", `{"uuid":"`+silent.UUID.String()+`","name":"new"}`, "no_response")
		for _, topic := range []string{"b/new/set", "b/new/get"} {
			w.send(topic, `{"state":"ON","transaction":2}`)
			if got := w.out.take("b/new/set/response"); len(got) != 1 || !strings.Contains(got[0], `"code":"not_interviewed"`) {
				t.Errorf("%s: %v", topic, got)
			}
		}
	})
}

// A device's state stays published during another interview, until it reports a
// new state.
func TestStateOutlastsAnInterview(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.send("b/plug/set", `{"state":"ON"}`)
		pass(time.Second)
		plug.Answer = func(m fake.Message) (access.Message, bool) { return nil, m.Opcode == generic.OpOnOffGet }
		if r := w.request("device/interview", `{"id":"plug"}`); r["status"] != "ok" {
			t.Errorf("got %v", r)
		}
		pass(fake.Silence)
		w.expect("b/plug", `{"state":"ON"}`)
	})
}

// A device with two elements whose first interview failed is interviewed when
// it is available again, and after a start.
func TestFailedInterviewIsRepeated(t *testing.T) {
	for _, again := range []string{"after a start", "when it is available again", "on request"} {
		t.Run(again, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.start()
				lamp := fake.Lamp(uuid(1))
				lamp.SetSilent(true)
				w.net.Place(lamp)
				w.refused("device/provision", `{"uuid":"`+lamp.UUID.String()+`","name":"lamp"}`, "no_response")
				if devices := w.listed("devices"); !strings.Contains(devices, `"interview_state":"failed"`) {
					t.Error(devices)
				}
				pass(fake.Silence)
				w.expect("b/lamp/availability", offline)
				lamp.SetSilent(false)
				switch again {
				case "after a start":
					w.restart()
				case "when it is available again":
					w.report(lamp, 1, &generic.LevelStatus{})
				default:
					if r := w.request("device/interview", `{"id":"lamp"}`); r["status"] != "ok" {
						t.Errorf("got %v", r)
					}
				}
				pass(time.Minute)
				w.expect("b/lamp/availability", online)
				if devices := w.listed("devices"); !strings.Contains(devices, `"interview_state":"successful"`) {
					t.Error(devices)
				}
				w.expect("b/lamp", `{"brightness":null,"color_mode":"color_temp","color_temp":4000,"state":"OFF"}`)
			})
		})
	}
}

// The service stops at any time during a provisioning and interview. After the
// next start the device works, under its name if it has one.
func TestStopDuringProvisioning(t *testing.T) {
	for _, after := range []time.Duration{0, time.Second, fake.Joining, fake.Joining + time.Millisecond, fake.Joining + 5*fake.Latency, 4 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.start()
				lamp := fake.Lamp(uuid(1))
				w.net.Place(lamp)
				w.send("b/bridge/request/device/provision", `{"uuid":"`+lamp.UUID.String()+`","name":"lamp"}`)
				pass(after)
				w.stop()
				done := w.out.take("b/bridge/response/device/provision")
				if len(done) != 1 {
					t.Fatalf("responses %v", done)
				}
				w.start()
				pass(time.Minute)
				if after < fake.Joining {
					if r := w.request("device/provision", `{"uuid":"`+lamp.UUID.String()+`","name":"lamp"}`); r["status"] != "ok" {
						t.Errorf("got %v", r)
					}
					pass(time.Minute)
				}
				w.expect("b/lamp/availability", online)
				w.send("b/lamp/set", `{"brightness":255}`)
				pass(time.Second)
				w.expect("b/lamp", `{"brightness":255,"color_mode":"color_temp","color_temp":4000,"state":"ON"}`)
			})
		})
	}
}

// The mesh waits while the bridge is busy. It must not wait for ever when the
// bridge stops; nor must workers that wait for the mesh.
func TestStopWhileTheMeshReports(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		const flood = 20_000
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range flood {
				w.svc.Report(node.DeviceHeard{UUID: mesh.UUID{0: byte(i >> 8), 1: byte(i), 2: 1}})
			}
		}()
		for _, topic := range []string{"b/plug/set", "b/hall/lamp/set"} {
			w.svc.Handle(mqtt.Message{Topic: topic, Payload: []byte(`{"state":"ON","transaction":1}`)})
			w.svc.Handle(mqtt.Message{Topic: topic, Payload: []byte(`{"state":"OFF","transaction":2}`)})
		}
		w.send("b/bridge/request/device/interview", `{"id":"plug","transaction":3}`)
		w.stop()
		<-done
		for _, topic := range []string{"b/plug/set/response", "b/hall/lamp/set/response"} {
			got := w.out.take(topic)
			if len(got) != 2 || strings.Count(fmt.Sprint(got), `"code":"stopped"`) != 2 {
				t.Errorf("%s: %v", topic, got)
			}
		}
		if got := w.out.take("b/bridge/response/device/interview"); len(got) != 1 || !strings.Contains(got[0], `"code":"stopped"`) {
			t.Errorf("responses %v", got)
		}
	})
}

func TestProvisionAndDevicesAsCalls(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		plug := fake.Plug(uuid(1))
		w.net.Place(plug)
		name, err := w.svc.Provision(t.Context(), bridge.ProvisionOptions{UUID: plug.UUID, Name: "plug"})
		if name != "plug" || err != nil {
			t.Errorf("got %q, %v", name, err)
		}
		if _, err := w.svc.Provision(t.Context(), bridge.ProvisionOptions{UUID: uuid(2)}); err == nil {
			t.Error("an unknown device was provisioned")
		}
		records, err := w.svc.Devices(t.Context())
		if err != nil || len(records) != 1 || records[0].Name != "plug" || records[0].Interview != device.Successful {
			t.Errorf("got %v, %v", records, err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.svc.Provision(ended, bridge.ProvisionOptions{UUID: uuid(3)}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		failed := make(chan error, 1)
		go func() {
			_, err := w.svc.Provision(context.Background(), bridge.ProvisionOptions{UUID: uuid(4)})
			failed <- err
		}()
		synctest.Wait()
		w.stop()
		if err := <-failed; err == nil {
			t.Error("no error after the stop")
		}
		if _, err := w.svc.Devices(t.Context()); !errors.Is(err, node.ErrStopped) {
			t.Errorf("got %v", err)
		}
	})
}
