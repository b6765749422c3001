package service

import (
	"fmt"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/mosquitto"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
)

// home is a demo on a Mosquitto with an observer.
type home struct {
	*instance
	o       *observer.Observer
	server  *mosquitto.Server
	monitor monitor
}

func newHome(t *testing.T, args ...string) *home {
	t.Helper()
	h := emptyHome(t)
	h.begin(t, args...)
	return h
}

// emptyHome has no demo yet. Its broker stores every message for slow clients,
// like that of docker-compose.yml.
func emptyHome(t *testing.T) *home {
	t.Helper()
	h := &home{
		server:  mosquitto.Start(t, mosquitto.Options{Config: "max_queued_messages 0"}),
		monitor: monitor{t, freeAddr(t)},
	}
	h.o = observer.Start(t, h.server.URL(), nil)
	return h
}

func (h *home) begin(t *testing.T, args ...string) {
	t.Helper()
	h.instance = start(t, append([]string{"demo", "--mqtt.url", h.server.URL(), "--http.listen", h.monitor.addr}, args...)...)
	h.ready()
	listens(h.o, 0)
}

// Every attribute of every device: the device reports what was commanded.
func TestCommandsAndStates(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	for i, tt := range []struct{ topic, payload, device, state string }{
		{"demo_plug/set", `{"state":"ON"}`, "demo_plug", `{"state":"ON"}`},
		{"demo_plug/set", `{"state":"TOGGLE"}`, "demo_plug", `{"state":"OFF"}`},
		{"demo_plug/set/state", `ON`, "demo_plug", `{"state":"ON"}`},
		{"demo_plug/0/set", `{"state":"OFF"}`, "demo_plug", `{"state":"OFF"}`},
		{"demo_lamp/set", `{"brightness":200}`, "demo_lamp", `{"state":"ON","brightness":200}`},
		{"demo_lamp/set", `{"color_temp":5000}`, "demo_lamp", `{"state":"ON","brightness":200,"color_temp":5000,"color_mode":"color_temp"}`},
		{"demo_lamp/set/brightness", `77`, "demo_lamp", `{"brightness":77,"color_temp":5000}`},
		{"demo_lamp/set", `{"brightness":20,"transition":0.5}`, "demo_lamp", `{"brightness":20}`},
		{"demo_lamp/set", `{"state":"OFF"}`, "demo_lamp", `{"state":"OFF"}`},
		{"demo_lamp/set", `{"state":"ON","brightness":128,"color_temp":3000}`, "demo_lamp", `{"state":"ON","brightness":128,"color_temp":3000}`},
		{"demo_color_lamp/set", `{"brightness":100,"color":{"h":120,"s":50}}`, "demo_color_lamp", `{"state":"ON","brightness":100,"color":{"h":120,"s":50}}`},
		{"demo_color_lamp/set", `{"color":{"h":240,"s":100}}`, "demo_color_lamp", `{"color":{"h":240,"s":100},"color_mode":"hs"}`},
		{"demo_color_lamp/set", `{"state":"OFF"}`, "demo_color_lamp", `{"state":"OFF"}`},
	} {
		mark := h.o.Mark()
		h.o.Send(base+tt.topic, tt.payload)
		h.o.AwaitLast(base+tt.device, tt.state)
		// A following command with a transaction: its result arrives when
		// everything is done.
		h.o.Send(base+tt.device+"/get", fmt.Sprintf(`{"state":"","transaction":%d}`, i))
		h.o.Next(mark, base+tt.device+"/set/response", fmt.Sprintf(`{"status":"ok","transaction":%d}`, i))
		h.o.AwaitLast(base+tt.device, tt.state)
	}
	mark := h.o.Mark()
	h.o.Send(base+"demo_sensor/get", `{"temperature":"","transaction":"asked"}`)
	h.o.Next(mark, base+"demo_sensor/set/response", `{"status":"ok","transaction":"asked"}`)
	h.o.AwaitLastMatch(base+"demo_sensor", "with measurements", func(payload []byte) bool {
		return numbers(payload, "temperature", "humidity", "illuminance", "battery")
	})
}

// Invalid commands are answered with the reason and change nothing.
func TestBadCommands(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	before, _ := h.o.Last(base + "demo_lamp")
	for _, tt := range []struct{ topic, payload, answer, response string }{
		{"demo_lamp/set", `{"state":`, "demo_lamp", `{"status":"error","code":"bad_json"}`},
		{"demo_lamp/set", ``, "demo_lamp", `{"status":"error","code":"bad_json"}`},
		{"demo_lamp/set", "\xff\xfe\x00", "demo_lamp", `{"status":"error","code":"bad_json"}`},
		{"demo_lamp/set", `[1]`, "demo_lamp", `{"status":"error","code":"bad_json"}`},
		{"demo_lamp/set", `{"state":"PURPLE","transaction":{"a":1}}`, "demo_lamp", `{"status":"error","code":"bad_attribute","transaction":{"a":1}}`},
		{"demo_lamp/set", `{"brightness":1e99,"transaction":2}`, "demo_lamp", `{"status":"error","code":"bad_attribute","transaction":2}`},
		{"demo_lamp/set", `{"colour":"red","transaction":3}`, "demo_lamp", `{"status":"error","code":"bad_attribute","transaction":3}`},
		{"demo_lamp/7/set", `{"state":"ON","transaction":4}`, "demo_lamp", `{"status":"error","code":"bad_attribute","transaction":4}`},
		{"demo_lump/set", `{"state":"ON","transaction":5}`, "demo_lump", `{"status":"error","code":"unknown_device","transaction":5}`},
	} {
		mark := h.o.Mark()
		h.o.Send(base+tt.topic, tt.payload)
		answer := h.o.Next(mark, base+tt.answer+"/set/response", tt.response)
		if !hasText(answer, "error") {
			t.Errorf("%s %q is answered without a reason: %s", tt.topic, tt.payload, answer)
		}
		h.o.Next(mark, base+"bridge/logging", `{"level":"warning"}`)
	}
	if after, _ := h.o.Last(base + "demo_lamp"); string(after) != string(before) {
		t.Errorf("the lamp changed from %s to %s", before, after)
	}
}

// A slider that is moved quickly: the lamp gets as many commands as it can
// process, ends at the last position, and other devices are not delayed.
func TestFlood(t *testing.T) {
	t.Parallel()
	const commands = 10_000
	h := newHome(t)
	sent := `adapter_sent_total{adapter="virtual"}`
	before := h.monitor.value(sent)
	for i := range commands {
		h.o.Send(base+"demo_lamp/set", fmt.Sprintf(`{"brightness":%d}`, 1+i%200))
		if i == commands/2 {
			h.o.Send(base+"demo_plug/set", `{"state":"ON","transaction":"meanwhile"}`)
		}
	}
	h.o.Send(base+"demo_lamp/set", `{"brightness":222,"transaction":"last"}`)
	h.o.Next(0, base+"demo_plug/set/response", `{"status":"ok","transaction":"meanwhile"}`)
	h.o.Next(0, base+"demo_lamp/set/response", `{"status":"ok","transaction":"last"}`)
	h.o.AwaitLast(base+"demo_lamp", `{"brightness":222,"state":"ON"}`)
	pdus := h.monitor.value(sent) - before
	t.Logf("%d commands became %.0f PDUs", commands, pdus)
	if pdus > commands/10 {
		t.Errorf("%d commands became %.0f PDUs, expected far less", commands, pdus)
	}
	if n := h.monitor.value("mqtt_received_total"); n < commands {
		t.Errorf("%.0f messages were received, expected all %d commands", n, commands)
	}
	if n := h.monitor.value("mqtt_dropped_total"); n != 0 {
		t.Errorf("%.0f messages were dropped", n)
	}
}

// A retained command is from the past, whether it was there before the program
// or is received again after an outage.
func TestRetainedCommands(t *testing.T) {
	t.Parallel()
	h := emptyHome(t)
	h.o.Retain(base+"demo_plug/set", `{"state":"ON","transaction":"old"}`)
	h.o.Retain(base+"bridge/request/device/remove", `{"id":"demo_plug","force":true,"transaction":"old"}`)
	h.o.Flush()
	h.begin(t, "--log.level", "info", "--log.format", "json")
	h.Await(&h.Stderr, "a retained command was ignored")
	// What is sent now arrives after it.
	h.o.Send(base+"demo_plug/get", `{"transaction":"now"}`)
	h.o.Next(0, base+"demo_plug/set/response", `{"status":"ok","transaction":"now"}`)
	h.o.AwaitLast(base+"demo_plug", `{"state":"OFF"}`)
	for _, topic := range []string{"demo_plug/set/response", "bridge/response/device/remove"} {
		for _, m := range h.o.Since(0, base+topic) {
			if observer.Contains(m.Payload, `{"transaction":"old"}`) {
				t.Errorf("a retained command was executed: %s %s", m.Topic, m.Payload)
			}
		}
	}
}
