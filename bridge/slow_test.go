package bridge_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// slow is a store whose writes block while it is held.
type slow struct {
	store.Store
	held atomic.Pointer[chan struct{}]
}

func (s *slow) Apply(changes ...store.Change) error {
	if held := s.held.Load(); held != nil {
		<-*held
	}
	return s.Store.Apply(changes...)
}

func (s *slow) hold() {
	held := make(chan struct{})
	s.held.Store(&held)
}

func (s *slow) release() { close(*s.held.Swap(nil)) }

// While the store syncs, the bridge handles messages, commands and requests.
// Only work that must be stored first waits for it.
func TestSlowStoreDoesNotBlock(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		disk := &slow{Store: w.store}
		w.cfg.Store = disk
		w.start()
		plug := fake.Plug(uuid(1))
		w.join(map[string]*fake.Node{"plug": plug})

		disk.hold()
		w.send("b/bridge/request/device/rename", `{"from":"plug","to":"socket"}`)
		reported := make(chan struct{})
		go func() {
			defer close(reported)
			for i := range 5000 {
				w.svc.Report(node.MessageReceived{Src: plug.Address(), Dst: 1, Opcode: generic.OpOnOffStatus, Params: []byte{byte(i % 2)}})
			}
		}()
		pass(time.Second)
		select {
		case <-reported:
		default:
			t.Error("the node waits for the bridge, which waits for the store")
		}
		w.send("b/socket/set", `{"state":"ON","transaction":1}`)
		pass(time.Second)
		if got := w.out.take("b/socket/set/response"); len(got) != 1 || !strings.Contains(got[0], `"ok"`) {
			t.Errorf("responses to a command: %v", got)
		}
		// A new topic is published after the ledger is stored, and the response
		// is sent after the new name is stored.
		w.expect("b/socket", "")
		w.expect("b/plug", `{"state":"OFF"}`)
		if got := w.out.take("b/bridge/response/device/rename"); len(got) != 0 {
			t.Errorf("responses before the name was stored: %v", got)
		}

		disk.release()
		pass(time.Second)
		w.expect("b/socket", `{"state":"ON"}`)
		w.expect("b/plug", "")
		if got := w.out.take("b/bridge/response/device/rename"); len(got) != 1 || !strings.Contains(got[0], `"ok"`) {
			t.Errorf("responses to the renaming: %v", got)
		}
		if data, err := w.store.Get(device.Table, plug.UUID.String()); err != nil || !strings.Contains(string(data), `"socket"`) {
			t.Errorf("stored %s, %v", data, err)
		}
	})
}

// Writes that began while the store was slow are complete when the service has
// ended.
func TestStopWaitsForTheStore(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		disk := &slow{Store: w.store}
		w.cfg.Store = disk
		w.start()
		plug := fake.Plug(uuid(1))
		w.join(map[string]*fake.Node{"plug": plug})
		disk.hold()
		w.send("b/bridge/request/device/rename", `{"from":"plug","to":"socket"}`)
		w.send("b/plug/set", `{"state":"ON"}`)
		w.halt()
		pass(time.Second)
		select {
		case <-w.ended:
			t.Fatal("the service has ended before the store")
		default:
		}
		disk.release()
		w.stop()
		if data, err := w.store.Get(device.Table, plug.UUID.String()); err != nil || !strings.Contains(string(data), `"socket"`) {
			t.Errorf("stored %s, %v", data, err)
		}
		if got := w.out.take("b/bridge/response/device/rename"); len(got) != 1 || !strings.Contains(got[0], `"ok"`) {
			t.Errorf("responses to the renaming: %v", got)
		}
	})
}

// A busy bridge drops messages and counts them. It does not drop events that
// change its view of the network.
func TestBusyBridgeCountsWhatItDrops(t *testing.T) {
	household(t, func(t *testing.T, w *world, plug, _ *fake.Node) {
		const many, room = 10_000, 4096
		w.out.hold()
		w.svc.Report(node.IVIndexChanged{IVIndex: 6}) // this event blocks the bridge in the publisher
		pass(0)
		for i := range many {
			w.svc.Report(node.MessageReceived{Src: plug.Address(), Dst: 1, Opcode: generic.OpOnOffStatus, Params: []byte{byte(i % 2)}})
			w.svc.Report(node.IVIndexChanged{IVIndex: 7})
		}
		w.out.release()
		pass(2 * time.Second)
		moved := 0
		for _, e := range w.out.take("b/bridge/event") {
			if strings.Contains(e, `"iv_index":7`) {
				moved++
			}
		}
		if moved != many {
			t.Errorf("%d of %d changes of the IV index were published", moved, many)
		}
		health := object(t, w.out.value("b/bridge/health"))
		if got := health["events_dropped"]; got != float64(many-room) {
			t.Errorf("events_dropped is %v, expected %d", got, many-room)
		}
		logged := w.out.take("b/bridge/logging")
		if len(logged) != 1 || !strings.Contains(logged[0], "5904 events of the mesh were dropped") {
			t.Errorf("logged %v", logged)
		}
	})
}

// A device gets the former name of another one while the store is slow. Its
// topics are not cleared, neither now nor when the other device is removed.
func TestNameThatAnotherDeviceHad(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		disk := &slow{Store: w.store}
		w.cfg.Store = disk
		w.start()
		w.join(map[string]*fake.Node{"plug": fake.Plug(uuid(1)), "lamp": fake.Lamp(uuid(2))})
		disk.hold()
		w.send("b/bridge/request/device/rename", `{"from":"plug","to":"socket"}`)
		w.send("b/bridge/request/device/rename", `{"from":"lamp","to":"plug"}`)
		w.send("b/bridge/request/device/rename", `{"from":"plug","to":"bulb"}`)
		w.send("b/bridge/request/device/rename", `{"from":"bulb","to":"plug"}`)
		disk.release()
		pass(time.Second)
		for _, r := range w.out.take("b/bridge/response/device/rename") {
			if !strings.Contains(r, `"ok"`) {
				t.Error(r)
			}
		}
		w.expect("b/socket", `{"state":"OFF"}`)
		w.request("device/remove", `{"id":"socket"}`)
		if got := w.out.value("b/plug"); !strings.Contains(got, "brightness") {
			t.Errorf("b/plug is %q, expected the state of the lamp", got)
		}
		w.expect("b/plug/availability", online)
		for _, gone := range []string{"socket", "b/lamp", "bulb"} {
			if got := w.out.standing(gone); len(got) != 0 {
				t.Errorf("standing topics %v", got)
			}
		}
		w.request("device/remove", `{"id":"plug"}`)
		if got := w.out.standing("b/plug"); len(got) != 0 {
			t.Errorf("standing topics %v after both are removed", got)
		}
	})
}

// Two devices were renamed, the second one to the former name of the first, and the
// service was killed before the first had given its topics up. They are not cleared at
// the start, and neither when the first one is removed.
func TestKilledBeforeANameWasGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		w.join(map[string]*fake.Node{"plug": fake.Plug(uuid(1)), "lamp": fake.Lamp(uuid(2))})
		w.stop()
		for id, name := range map[byte][2]string{1: {"plug", "socket"}, 2: {"lamp", "plug"}} {
			key := uuid(id).String()
			data, err := w.store.Get(device.Table, key)
			if err != nil {
				t.Fatal(err)
			}
			renamed := strings.Replace(string(data), `"`+name[0]+`"`, `"`+name[1]+`"`, 1)
			if err := w.store.Apply(store.Change{Table: device.Table, Key: key, Value: []byte(renamed)}); err != nil {
				t.Fatal(err)
			}
		}
		// The lamp has noted its new topics, beside those that it had.
		ledger := []byte(`["b/lamp","b/lamp/availability","b/plug","b/plug/availability"]`)
		if err := w.store.Apply(store.Change{Table: "topics", Key: uuid(2).String(), Value: ledger}); err != nil {
			t.Fatal(err)
		}
		w.start()
		pass(time.Minute)
		w.expect("b/socket", `{"state":"OFF"}`)
		if got := w.out.value("b/plug"); !strings.Contains(got, "brightness") {
			t.Errorf("b/plug is %q, expected the state of the lamp", got)
		}
		w.expect("b/plug/availability", online)
		w.request("device/remove", `{"id":"socket"}`)
		if got := w.out.value("b/plug"); !strings.Contains(got, "brightness") {
			t.Errorf("b/plug is %q, expected the state of the lamp", got)
		}
		w.request("device/remove", `{"id":"plug"}`)
		if got := w.out.standing("b/plug"); len(got) != 0 {
			t.Errorf("standing topics %v after both are removed", got)
		}
	})
}

// A button, which has no state, gets the former name of a lamp while the store is
// slow. The state of the lamp does not stay there.
func TestButtonWithTheFormerNameOfALamp(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		disk := &slow{Store: w.store}
		w.cfg.Store = disk
		w.start()
		w.join(map[string]*fake.Node{"button": fake.Button(uuid(1)), "lamp": fake.Lamp(uuid(2))})
		disk.hold()
		w.send("b/bridge/request/device/rename", `{"from":"lamp","to":"bulb"}`)
		w.send("b/bridge/request/device/rename", `{"from":"button","to":"lamp"}`)
		disk.release()
		pass(time.Second)
		w.expect("b/lamp", "")
		w.expect("b/lamp/availability", online)
		if got := w.out.value("b/bulb"); !strings.Contains(got, "brightness") {
			t.Errorf("b/bulb is %q, expected the state of the lamp", got)
		}
	})
}

// While the store does not return, requests do not fill the memory: from some number on
// they are refused, at once.
func TestStoreThatHangsRefusesRequests(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		disk := &slow{Store: w.store}
		w.cfg.Store = disk
		w.start()
		w.join(map[string]*fake.Node{"plug": fake.Plug(uuid(1))})
		disk.hold()
		w.send("b/bridge/request/device/rename", `{"from":"plug","to":"socket"}`)
		const many = 5000
		for range many {
			w.send("b/bridge/request/scan", `{"time":0,"transaction":"t"}`)
		}
		refused := w.out.take("b/bridge/response/scan")
		if len(refused) < many/2 {
			t.Fatalf("%d of %d requests were refused, the others wait for the store", len(refused), many)
		}
		if r := object(t, refused[0]); r["code"] != "busy" || r["status"] != "error" || r["transaction"] != "t" {
			t.Errorf("got %v", r)
		}
		disk.release()
		pass(time.Second)
		if got := w.out.take("b/bridge/response/scan"); len(got) != many-len(refused) {
			t.Errorf("%d requests were answered, %d refused, expected %d together", len(got), len(refused), many)
		}
		if r := w.request("scan", `{"time":0}`); r["status"] != "ok" {
			t.Errorf("got %v", r)
		}
	})
}

// The service is stopped while a request waits for the store. The request is answered
// all the same.
func TestStopAnswersWhoWaitsForTheStore(t *testing.T) {
	for name, payload := range map[string]string{
		"device/remove":       `{"id":"plug","key_refresh":true}`,
		"network/key_refresh": `{}`,
		"network/backup":      `{}`,
	} {
		t.Run(name, func(t *testing.T) {
			backups := t.TempDir()
			inBubble(t, func(t *testing.T, w *world) {
				disk := &slow{Store: w.store}
				w.cfg.Store, w.cfg.Backups = disk, backups
				w.start()
				w.join(map[string]*fake.Node{"plug": fake.Plug(uuid(1))})
				disk.hold()
				w.send("b/bridge/request/device/rename", `{"from":"plug","to":"socket"}`)
				w.send("b/bridge/request/device/rename", `{"from":"socket","to":"plug"}`)
				w.send("b/bridge/request/"+name, payload)
				w.halt()
				pass(time.Second)
				disk.release()
				w.stop()
				if got := w.out.take("b/bridge/response/" + name); len(got) != 1 || !strings.Contains(got[0], `"stopped"`) {
					t.Errorf("responses %v", got)
				}
			})
		})
	}
}
