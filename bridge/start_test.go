package bridge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// After a start everything is published again on a broker without its data: the
// stored states at once, the reports of the devices soon after.
func TestStartAnnouncesEverything(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.send("b/hall/lamp/set", `{"brightness":100,"color_temp":3000}`)
		w.send("b/plug/set", `{"state":"ON"}`)
		pass(time.Second)
		w.stop()
		w.out.lose()
		lamp.SetLatency(2 * time.Second)
		plug.SetLatency(2 * time.Second)
		w.start()
		w.expect("b/plug", `{"state":"ON"}`)
		w.expect("b/hall/lamp", `{"brightness":100,"color_mode":"color_temp","color_temp":3000,"state":"ON"}`)
		for _, list := range []string{"info", "devices", "unprovisioned", "health"} {
			if w.out.value("b/bridge/"+list) == "" {
				t.Errorf("bridge/%s is missing", list)
			}
		}
		if got := w.out.standing("homeassistant/"); len(got) != 2 {
			t.Errorf("discovery %v", got)
		}
		if got := w.out.standing("availability"); len(got) != 0 {
			t.Errorf("no device has answered yet: %v", got)
		}
		queries := len(plug.Received(generic.OpOnOffGet))
		if queries != 2 { // one after the interview, one now
			t.Errorf("the plug was queried %d times", queries)
		}
		pass(3 * time.Second)
		w.expect("b/plug/availability", online)
		w.expect("b/hall/lamp/availability", online)
	})
}

func TestHomeAssistantHasStarted(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.out.lose()
		for _, m := range []mqtt.Message{
			{Topic: "homeassistant/status", Payload: []byte("online"), Retained: true},
			{Topic: "homeassistant/status", Payload: []byte("offline")},
			{Topic: "homeassistant/status", Payload: []byte{0xFF}},
		} {
			w.svc.Handle(m)
			pass(0)
			if got := w.out.standing("homeassistant"); len(got) != 0 {
				t.Errorf("%s: %v", m.Payload, got)
			}
		}
		w.send("homeassistant/status", "online")
		if got := w.out.standing(""); len(got) != 2*3+4 {
			t.Errorf("standing topics %v", got)
		}
	})
}

func TestNodesWithoutRecordAreAdopted(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		plug := fake.Plug(uuid(0xAB))
		w.net.Join(plug)
		w.start()
		pass(time.Minute)
		w.expect("b/device_000000ab", `{"state":"OFF"}`)
		w.expect("b/device_000000ab/availability", online)
	})
}

// The service was killed after the mesh had stored a change and before it could
// store its own.
func TestStoreAndMeshThatDisagree(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.stop()
		if err := w.net.Forget(t.Context(), lamp.UUID); err != nil {
			t.Fatal(err)
		}
		w.net.Join(plug) // with a new address
		w.start()
		pass(time.Minute)
		if got := w.out.standing("lamp"); len(got) != 0 {
			t.Errorf("standing topics of a node that has left: %v", got)
		}
		w.send("b/plug/set", `{"state":"ON"}`)
		pass(time.Second)
		w.expect("b/plug", `{"state":"ON"}`)
		if got := w.out.value("b/bridge/devices"); !strings.Contains(got, plug.Address().String()) || strings.Contains(got, "lamp") {
			t.Error(got)
		}
	})
}

// A device was renamed while the broker was away, and the service stopped
// before the broker returned.
func TestClearedTopicsAreClearedAgainAfterAStart(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		away := w.out
		stale := map[string]string{}
		for _, topic := range away.standing("b/plug") {
			stale[topic] = away.value(topic)
		}
		w.request("device/rename", `{"from":"plug","to":"socket"}`)
		w.request("device/rename", `{"from":"hall/lamp","to":"plug"}`) // its state must not be cleared
		w.stop()
		for topic, payload := range stale {
			away.Publish(topic, []byte(payload), true)
		}
		away.Publish("b/hall/lamp", []byte("{}"), true)
		w.start()
		if got := away.standing("hall/lamp"); len(got) != 0 {
			t.Errorf("standing topics %v", got)
		}
		if got := away.value("b/plug"); !strings.Contains(got, "brightness") {
			t.Errorf("b/plug is %s", got)
		}
		w.restart() // they are cleared once
		away.Publish("b/hall/lamp", []byte("{}"), true)
		w.restart()
		if got := away.standing("hall/lamp"); len(got) != 1 {
			t.Errorf("standing topics %v", got)
		}
	})
}

func TestTopicsOfAnotherConfigurationAreCleared(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.stop()
		topics, err := topic.New("other/base")
		if err != nil {
			t.Fatal(err)
		}
		w.cfg.Topics, w.cfg.HomeAssistant.Enabled = topics, false
		w.start()
		pass(time.Second)
		w.expect("other/base/plug", `{"state":"OFF"}`)
		for _, gone := range []string{"homeassistant/", "b/plug", "b/hall"} {
			if got := w.out.standing(gone); len(got) != 0 {
				t.Errorf("standing topics %v", got)
			}
		}
	})
}

func TestDamagedStore(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		w.stop()
		put := func(table store.Table, key, value string) {
			t.Helper()
			if err := w.store.Apply(store.Change{Table: table, Key: key, Value: []byte(value)}); err != nil {
				t.Fatal(err)
			}
		}
		// Damaged data that the devices report again is ignored.
		put("states", plug.UUID.String(), `{"state":`)
		put("topics", plug.UUID.String(), `7`)
		put("topics", "cleared", `"`)
		// A name that another program accepted.
		record, err := w.store.Get(device.Table, lamp.UUID.String())
		if err != nil {
			t.Fatal(err)
		}
		put(device.Table, lamp.UUID.String(), strings.Replace(string(record), `"hall/lamp"`, `"hall/+"`, 1))
		w.start()
		pass(time.Minute)
		w.expect("b/plug", `{"state":"OFF"}`)
		w.expect("b/hall/_/availability", online)
		w.stop()
		// Two devices with one name: one keeps it, and both stay.
		put(device.Table, lamp.UUID.String(), strings.Replace(string(record), `"hall/lamp"`, `"plug"`, 1))
		w.start()
		pass(time.Minute)
		if got := w.out.value("b/bridge/devices"); strings.Count(got, `"friendly_name"`) != 2 || strings.Count(got, `"plug"`) != 1 {
			t.Error(got)
		}
		w.stop()
		// Damaged names and addresses of devices are an error.
		put(device.Table, plug.UUID.String(), `{"uuid":"`)
		if _, err := bridge.New(w.cfg); !errors.Is(err, device.ErrRecord) || !strings.Contains(err.Error(), plug.UUID.String()) {
			t.Errorf("got %v", err)
		}
	})
}

// failing is a store that refuses writes while it is broken.
type failing struct {
	store.Store
	broken atomic.Bool
}

func (f *failing) Apply(changes ...store.Change) error {
	if f.broken.Load() {
		return errors.New("no space left on device")
	}
	return f.Store.Apply(changes...)
}

func TestStoreThatFailsAndWorksAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		disk := &failing{Store: w.store}
		w.cfg.Store = disk
		plug := fake.Plug(uuid(1))
		w.start()
		w.join(map[string]*fake.Node{"plug": plug})
		disk.broken.Store(true)
		w.send("b/plug/set", `{"state":"ON"}`)
		pass(31 * time.Second)
		w.expect("b/plug", `{"state":"ON"}`)
		if got := w.out.take("b/bridge/logging"); len(got) != 1 || !strings.Contains(got[0], "no space left") {
			t.Errorf("logged %v", got)
		}
		disk.broken.Store(false)
		pass(31 * time.Second)
		stored, err := w.store.Get("states", plug.UUID.String())
		if err != nil || string(stored) != `{"state":"ON"}` {
			t.Errorf("stored %s, %v", stored, err)
		}
	})
}

// States are stored from time to time and at the stop.
func TestStatesAreStored(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, lamp *fake.Node) {
		stored := func() string {
			data, err := w.store.Get("states", plug.UUID.String())
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Fatal(err)
			}
			return string(data)
		}
		w.send("b/plug/set", `{"state":"ON"}`)
		pass(31 * time.Second)
		if got := stored(); got != `{"state":"ON"}` {
			t.Errorf("stored %s", got)
		}
		w.send("b/plug/set", `{"state":"OFF"}`)
		pass(100 * time.Millisecond)
		w.stop()
		if got := stored(); got != `{"state":"OFF"}` {
			t.Errorf("stored %s at the stop", got)
		}
		var topics []string
		data, err := w.store.Get("topics", plug.UUID.String())
		if err != nil || json.Unmarshal(data, &topics) != nil ||
			fmt.Sprint(topics) != "[b/plug b/plug/availability homeassistant/device/btmesh_"+plug.UUID.String()+"/config]" {
			t.Errorf("ledger %s, %v", data, err)
		}
	})
}
