package bridge_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// FuzzRequest sends any payload to any request. There must be exactly one
// response, valid JSON, and the service continues.
func FuzzRequest(f *testing.F) {
	for _, what := range []string{"scan", "device/provision", "device/rename", "device/remove", "device/interview", "x", "a/b//"} {
		for _, payload := range []string{
			``, `{}`, `{"transaction":1}`, `{"id":"lamp","force":true}`, `{"from":"lamp","to":"x/y"}`, `{"time":1e3}`, `[`, "\xff",
			`{"uuid":"00000000000000000000000000000001","name":"n","oob":{"static":"00"},"attention":5}`,
		} {
			f.Add(what, []byte(payload))
		}
	}
	for _, payload := range []string{
		`{"dst":"device_00000002","message":"Generic OnOff Set","fields":{"onoff":true,"tid":1},"timeout":1}`,
		`{"dst":"0x0101","opcode":"c105f1","hex":"00","response":"c205f1","ttl":0,"attempts":1}`,
		`{"dst":"0xffff","key":"app","app_key":0,"message":"Light HSL Get"}`,
	} {
		f.Add("mesh/send", []byte(payload))
	}
	f.Fuzz(func(t *testing.T, what string, payload []byte) {
		if what == "" || !utf8.ValidString(what) || len(what) > 1000 {
			return // not a valid topic
		}
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.net.Join(fake.Lamp(uuid(2)))
			w.net.Place(fake.Plug(uuid(1)))
			w.start()
			defer w.stop()
			pass(10 * time.Second)
			w.out.take()
			w.send("b/bridge/request/"+what, string(payload))
			pass(5 * time.Minute)
			responses := w.out.take("b/bridge/response/" + what)
			if len(responses) != 1 || !json.Valid([]byte(responses[0])) {
				t.Errorf("responses %q", responses)
			}
			for _, list := range []string{"devices", "info", "unprovisioned"} {
				if !json.Valid([]byte(w.out.value("b/bridge/" + list))) {
					t.Errorf("bridge/%s is not valid JSON", list)
				}
			}
		})
	})
}

// FuzzCommand sends any payload to any topic below the base topic. The device
// gets messages or a refusal is reported; its state stays valid JSON.
func FuzzCommand(f *testing.F) {
	for _, topic := range []string{
		"device_00000002/set", "device_00000002/get", "device_00000002/set/state", "device_00000002/1/set", "0x0100/light/get",
		"device_00000002/set/brightness", "lump/set", "set", "", "/", "bridge/request/scan",
	} {
		for _, payload := range []string{
			`{"state":"ON"}`, `{"brightness":1e9}`, `{"color_temp":3000,"transition":2,"transaction":[1]}`, `TOGGLE`, `{"state":null}`,
			`{"state":"TOGGLE","brightness":0}`, ``, `{`, "\x00\xff",
		} {
			f.Add(topic, []byte(payload), false)
		}
	}
	f.Add("device_00000002/set", []byte(`{"state":"ON"}`), true)
	f.Fuzz(func(t *testing.T, topic string, payload []byte, retained bool) {
		if !utf8.ValidString(topic) || len(topic) > 1000 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			lamp := fake.Lamp(uuid(2))
			w.net.Join(lamp)
			w.start()
			defer w.stop()
			pass(10 * time.Second)
			w.out.take()
			before := len(lamp.Received())
			for range 3 { // one is sent, two are merged
				w.svc.Handle(mqtt.Message{Topic: "b/" + topic, Payload: payload, Retained: retained})
			}
			pass(time.Minute)
			if state := w.out.value("b/device_00000002"); !json.Valid([]byte(state)) {
				t.Errorf("state %q", state)
			}
			for _, e := range w.out.take("b/device_00000002/set/response", "b/bridge/logging") {
				if !json.Valid([]byte(e)) || len(e) > 4096 {
					t.Errorf("event %q", e)
				}
			}
			if sent := len(lamp.Received()) - before; retained && sent > 0 {
				t.Errorf("a retained command was sent to the device")
			}
		})
	})
}

// FuzzMessage reports any message from a node.
func FuzzMessage(f *testing.F) {
	f.Add(uint16(0x0100), uint32(0x8204), []byte{1}, false)
	f.Add(uint16(0x0101), uint32(0x8266), []byte{1, 2, 3, 4}, false)
	f.Add(uint16(0x0102), uint32(0x52), []byte{0x09, 0x4F, 42}, false)
	f.Add(uint16(0x0100), uint32(0xC105F1), []byte{}, true)
	f.Add(uint16(0x7000), uint32(0x02), []byte{0}, true)
	f.Fuzz(func(t *testing.T, src uint16, opcode uint32, params []byte, deviceKey bool) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.net.Join(fake.Lamp(uuid(2)), fake.Thermometer(uuid(3)), fake.Button(uuid(4)))
			w.start()
			defer w.stop()
			pass(20 * time.Second)
			w.svc.Report(node.MessageReceived{
				Src: mesh.Address(src), Dst: 1, DeviceKey: deviceKey, Opcode: mesh.Opcode(opcode & 0xFFFFFF), Params: params,
			})
			pass(time.Second)
			for _, topic := range w.out.standing("") {
				if !json.Valid([]byte(w.out.value(topic))) {
					t.Errorf("%s: %q", topic, w.out.value(topic))
				}
			}
			for _, e := range w.out.take() {
				if !json.Valid([]byte(e)) {
					t.Errorf("event %q", e)
				}
			}
		})
	})
}
