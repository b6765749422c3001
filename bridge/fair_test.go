package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// Ten thousand commands to a device, whatever they look like, delay neither its next
// command nor that of another one: commands that wait are merged.
func TestManySets(t *testing.T) {
	for name, what := range map[string]func(i int) (topic, payload string){
		"plain":       func(int) (string, string) { return "b/plug/set", `{"state":"ON"}` },
		"transaction": func(i int) (string, string) { return "b/plug/set", fmt.Sprintf(`{"state":"ON","transaction":%d}`, i) },
		"attribute":   func(int) (string, string) { return "b/plug/set/state", `ON` },
		"refused":     func(int) (string, string) { return "b/plug/set", `{"state":"X"}` },
		"get":         func(int) (string, string) { return "b/plug/get", `{"state":"","transaction":1}` },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.start()
				w.join(map[string]*fake.Node{"plug": fake.Plug(uuid(1)), "other": fake.Plug(uuid(2))})
				for i := range 10000 {
					topic, payload := what(i)
					w.svc.Handle(mqtt.Message{Topic: topic, Payload: []byte(payload)})
				}
				synctest.Wait()
				for _, to := range []string{"plug", "other"} {
					w.send("b/"+to+"/set", `{"state":"OFF","transaction":"last"}`)
				}
				pass(4 * fake.Latency)
				for _, to := range []string{"plug", "other"} {
					answered := slices.ContainsFunc(w.out.take("b/"+to+"/set/response"), func(r string) bool {
						return strings.Contains(r, `"last"`) && strings.Contains(r, `"ok"`)
					})
					if !answered {
						t.Errorf("the command to %s was not answered within %s", to, 4*fake.Latency)
					}
				}
			})
		})
	}
}

// Of thousands of messages to one device or group, few wait. The others are answered with
// busy at once. When those have ended, there is room again.
func TestManySendsAreBusy(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		plug := fake.Plug(uuid(1))
		w.join(map[string]*fake.Node{"plug": plug})
		refused := 0
		for _, dst := range []string{"plug", "0xc000"} {
			var flows sync.Map
			w.net.Asked = func(r node.Request) { flows.Store(r.Flow, true) }
			const all, room = 4000, 64
			for range all {
				w.svc.Handle(mqtt.Message{
					Topic: "b/bridge/request/mesh/send", Payload: []byte(`{"dst":"` + dst + `","message":"Generic OnOff Get"}`),
				})
			}
			synctest.Wait()
			busy := w.out.take("b/bridge/response/mesh/send")
			if len(busy) != all-room {
				t.Errorf("%s: %d were answered at once, want %d", dst, len(busy), all-room)
			}
			for _, r := range busy {
				if !strings.Contains(r, `"code":"busy"`) || !strings.Contains(r, "64 messages to "+dst+" wait already") {
					t.Fatalf("%s: %s", dst, r)
				}
			}
			pass(2 * room * fake.Latency)
			if got := w.out.take("b/bridge/response/mesh/send"); len(got) != room || !strings.Contains(got[0], `"ok"`) {
				t.Errorf("%s: %d were carried out: %v", dst, len(got), got[:min(1, len(got))])
			}
			pass(2 * time.Minute)
			refused += all - room
			if got := w.out.value("b/bridge/health"); !strings.Contains(got, fmt.Sprintf(`"refused":%d`, refused)) {
				t.Errorf("%d were refused, the health is %s", refused, got)
			}
			if _, send := flows.Load(node.Flow(1)); !send {
				t.Errorf("%s: the messages are in the flow of the commands", dst)
			}
		}
	})
}

// After a restart all devices are asked for their state in the background: first those
// that were there, and those that were offline with one attempt. Commands do not wait for
// it.
func TestRefreshAfterRestart(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		named := map[string]*fake.Node{}
		for i := range 12 {
			named[fmt.Sprint("plug", i)] = fake.Plug(uuid(byte(i + 1)))
		}
		w.join(named)
		gone := []string{"plug0", "plug3"}
		for _, name := range gone {
			named[name].SetSilent(true)
			w.send("b/"+name+"/set", `{"state":"ON"}`)
		}
		pass(3 * fake.Silence)
		for _, name := range gone {
			w.expect("b/"+name+"/availability", `{"state":"offline"}`)
		}

		var mu sync.Mutex
		var asked []node.Request
		inFlight := func() (n int) {
			mu.Lock()
			defer mu.Unlock()
			return len(asked)
		}
		w.net.Asked = func(r node.Request) {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, r)
		}
		w.restart()
		if n := inFlight(); n != 8 {
			t.Errorf("%d devices are asked at the same time, want 8", n)
		}
		w.send("b/plug11/set", `{"state":"ON","transaction":1}`)
		pass(2 * fake.Latency)
		if got := w.out.take("b/plug11/set/response"); len(got) != 1 || !strings.Contains(got[0], `"ok"`) {
			t.Errorf("a command during the refresh: %v", got)
		}
		pass(2 * fake.Silence)
		mu.Lock()
		defer mu.Unlock()
		at := map[mesh.Address]int{}
		for i, r := range asked {
			if r.Class == node.ClassCommand {
				continue // the command
			}
			if _, before := at[r.Dst]; !before {
				at[r.Dst] = i
			}
			offline := r.Dst == named["plug0"].Address() || r.Dst == named["plug3"].Address()
			wanted := 3
			if offline {
				wanted = 1
			}
			if r.Class != node.ClassProbe || r.Attempts != wanted || r.Offline != offline {
				t.Errorf("%s was asked as %s with %d attempts, offline %t", r.Dst, r.Class, r.Attempts, r.Offline)
			}
		}
		for _, name := range gone {
			// Requests of one moment have no order: those of the first eight, the command,
			// and those of the eight devices that follow.
			if i := at[named[name].Address()]; i <= 8 {
				t.Errorf("%s, which was offline, was asked as number %d", name, i)
			}
			w.expect("b/"+name+"/availability", `{"state":"offline"}`)
		}
		if len(at) != len(named) {
			t.Errorf("%d devices were asked", len(at))
		}
	})
}

// What waits is in bridge/health.
func TestQueueInHealth(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		plug := fake.Plug(uuid(1))
		w.join(map[string]*fake.Node{"plug": plug})
		w.net.SetRequests(node.RequestQueue{
			Waiting: [node.Classes]int{3, 0, 20, 0}, InFlight: 9, Silent: 4, Refused: 5, Busiest: plug.Address(), BusiestWaiting: 3,
		})
		pass(2 * time.Minute)
		want := `"requests":{"waiting":{"command":3,"configuration":0,"probe":20,"transfer":0},"in_flight":9,"silent_devices":4,"refused":5,` +
			`"busiest":{"address":"` + plug.Address().String() + `","name":"plug","waiting":3}},"refreshing":0`
		if got := w.out.value("b/bridge/health"); !strings.Contains(got, want) {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}
