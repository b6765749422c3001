package vm

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/process"
)

// Topics and addresses of the service.
const (
	base      = "btmesh2mqtt/"
	brokerURL = "mqtt://127.0.0.1:1883"

	bridgeAddress mesh.Address = 0x0001 // of the service
)

// bridge is btmesh2mqtt on an adapter and a real Mosquitto, and somebody who
// watches.
type bridge struct {
	t       *testing.T
	o       *observer.Observer
	adapter string
	store   string
	args    []string
	running *process.Process // btmesh2mqtt
	orders  int              // transactions so far
	capture string           // of the HCI traffic
	user    rights           // that the service runs with
	broker  *process.Process
}

// newBridge starts a broker and the service, and returns when it takes commands.
// args are further flags of btmesh2mqtt run.
func newBridge(t *testing.T, adapter string, args ...string) *bridge {
	t.Helper()
	h := &bridge{t: t, adapter: adapter, store: filepath.Join(t.TempDir(), "store"), args: args}
	h.serve()
	h.start()
	return h
}

// serve starts the broker and who watches.
func (h *bridge) serve() {
	t := h.t
	t.Helper()
	config := filepath.Join(t.TempDir(), "mosquitto.conf")
	const content = "listener 1883 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stderr\nuser root\nmax_queued_messages 0\n"
	if err := os.WriteFile(config, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	h.broker = process.Start(t, exec.Command(guestMosquitto, "-c", config))
	h.o = observer.Start(t, brokerURL, nil)
	h.capture = filepath.Join(t.TempDir(), "air.btsnoop")
	handOver(t, h.capture, h.capture+".1")
}

// start starts the service, again after stop or kill.
func (h *bridge) start() {
	h.t.Helper()
	mark := h.o.Mark()
	h.launch()
	h.o.Next(mark, base+"bridge/state", `{"state":"online"}`)
	h.o.Next(mark, base+"bridge/info", `{}`)
}

// launch starts the service and does not wait for it.
func (h *bridge) launch() {
	h.t.Helper()
	args := append([]string{
		"run", "--hci.adapters", h.adapter, "--store.dir", h.store, "--mqtt.url", brokerURL, "--mqtt.key_export", "plain",
		"--log.level", "debug", "--log.format", "console", "--hci.capture", h.capture, "--hci.capture_size", "1",
	}, h.args...)
	cmd := exec.Command(guestService, args...)
	cmd.Env = process.Environment()
	h.user.give(cmd)
	h.running = process.Start(h.t, cmd)
}

// stop is Ctrl-C, kill is kill -9 on the service.
func (h *bridge) stop() { h.running.Stop() }
func (h *bridge) kill() { h.running.Kill() }

// quit makes room for another bridge, once the service has ended.
func (h *bridge) quit() { h.broker.Stop() }

// ask sends a request and returns the answer, which holds want.
func (h *bridge) ask(request, payload, want string) []byte {
	h.t.Helper()
	mark, began := h.o.Mark(), time.Now()
	h.o.Send(base+"bridge/request/"+request, payload)
	answer := h.o.Next(mark, base+"bridge/response/"+request, want)
	h.t.Logf("%s was answered after %s", request, time.Since(began).Round(time.Millisecond))
	return answer
}

// adopt takes in a lamp, and returns when it is configured and answers; more are
// further keys of the request, such as `,"oob":{"static":"..."}`.
func (h *bridge) adopt(l *lamp, name, more string) {
	h.t.Helper()
	began, mark := time.Now(), h.o.Mark()
	l.join(func() {
		h.found(l.uuid)
		h.o.Send(base+"bridge/request/device/provision", fmt.Sprintf(`{"uuid":%q,"name":%q%s}`, l.uuid, name, more))
	})
	h.t.Logf("%s until it was provisioned", time.Since(began).Round(time.Millisecond))
	h.o.Next(mark, base+"bridge/response/device/provision", `{"status":"ok"}`) // after the interview
	h.interviewed(mark, name)
	h.t.Logf("%s until it was configured", time.Since(began).Round(time.Millisecond))
}

// found waits until an unprovisioned device is listed.
func (h *bridge) found(uuid mesh.UUID) {
	h.t.Helper()
	h.o.AwaitLastMatch(base+"bridge/unprovisioned", "with "+uuid.String(), func(payload []byte) bool {
		var list []struct {
			UUID mesh.UUID `json:"uuid"`
		}
		_ = json.Unmarshal(payload, &list) // what is no list has no devices
		for _, d := range list {
			if d.UUID == uuid {
				return true
			}
		}
		return false
	})
}

// interviewed waits for the end of an interview after a mark.
func (h *bridge) interviewed(mark int, name string) {
	h.t.Helper()
	h.o.Next(mark, base+"bridge/event", fmt.Sprintf(`{"type":"device_interview","data":{"status":"successful","friendly_name":%q}}`, name))
}

// command sends a command and waits until the device has answered it. fields are
// those of the payload: `"state":"ON"`.
func (h *bridge) command(name, fields string) {
	h.t.Helper()
	h.orders++
	mark, transaction, began := h.o.Mark(), fmt.Sprintf(`"transaction":%d`, h.orders), time.Now()
	h.o.Send(base+name+"/set", "{"+fields+","+transaction+"}")
	h.o.Next(mark, base+name+"/set/response", `{"status":"ok",`+transaction+`}`)
	h.t.Logf("%s answered %s after %s", name, fields, time.Since(began).Round(time.Millisecond))
}

// until does something again and again until a message that holds want comes on
// a topic: BlueZ sends what it says by itself once, and it may be lost.
func (h *bridge) until(topic, want string, do func()) {
	h.t.Helper()
	const again, times = 5 * time.Second, int(patience / (5 * time.Second))
	mark := h.o.Mark()
	for range times {
		do()
		if h.o.Arrives(again, mark, topic, want) {
			return
		}
	}
	h.o.Next(mark, topic, want)
}

// hasten has a node of BlueZ's send each PDU twice, 30 ms apart, where it sends
// it once in 100 ms by default: then less of it is lost, and more goes out.
func (h *bridge) hasten(name string) {
	h.t.Helper()
	const setNetworkTransmit, twice = "8024", 1 | 2<<3
	h.ask("mesh/send", fmt.Sprintf(`{"dst":%q,"opcode":%q,"hex":"%02x","key":"device"}`, name, setNetworkTransmit, twice), `{"status":"ok"}`)
}
