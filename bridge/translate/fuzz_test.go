package translate_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// everything is a device that has one of all there is.
func everything() *device.Record {
	r := record(
		models{
			generic.OnOffServerID, generic.LevelServerID, light.LightnessServerID, light.CTLServerID, light.HSLServerID,
			generic.OnOffClientID, generic.LevelClientID, light.LightnessClientID, light.CTLClientID, light.HSLClientID,
		},
		models{generic.LevelServerID, light.CTLTemperatureServerID, sensor.ServerID},
		models{generic.LevelServerID, light.HSLHueServerID},
		models{generic.LevelServerID, light.HSLSaturationServerID},
		models{generic.OnOffServerID, generic.BatteryServerID},
		models{generic.LevelServerID},
	)
	// One property of each shape, and one that nobody knows.
	r.Details.Sensors = map[int][]uint16{1: {0x0001, 0x0002, 0x000C, 0x000E, 0x0014, 0x0042, 0x004D, 0x0068, 0x0074, 0x0075, 0x0082, 0x00A3, 0xFFFF}}
	return r
}

// seedOpcodes is all opcodes that mean something to a translator.
func seedOpcodes() []mesh.Opcode {
	var all []mesh.Opcode
	for _, table := range [][]access.Kind{generic.Messages(), light.Messages(), sensor.Messages()} {
		for _, k := range table {
			all = append(all, k.Opcode)
		}
	}
	return all
}

func FuzzReceive(f *testing.F) {
	for i, op := range seedOpcodes() {
		f.Add(uint8(i%6), uint32(op), []byte{1, 0xFF, 0x7F, 0x80, 0, 1, 2, 3}[:i%9])
	}
	f.Add(uint8(1), uint32(sensor.OpStatus), []byte{0x22, 0x0b, 0x20, 0x03, 0xFF, 0x59, 0x00})
	f.Add(uint8(4), uint32(generic.OpBatteryStatus), []byte{50, 0, 0, 0, 0, 0, 0, 0x75})
	r := everything()
	f.Fuzz(func(t *testing.T, element uint8, opcode uint32, octets []byte) {
		tr := translate.Describe(r)
		before := tr.State()
		in := translate.Input{Time: time.Unix(0, 0), Element: int(element) - 1, Opcode: mesh.Opcode(opcode), Params: octets}
		u := tr.Receive(in)
		after := tr.State()
		checkState(t, after)
		if !u.Known && (len(u.Changed) > 0 || len(u.Events) > 0) {
			t.Fatalf("not known, and yet %+v", u)
		}
		for k, v := range after {
			if _, told := u.Changed[k]; !told && before[k] != v {
				t.Fatalf("%s became %v without a word", k, v)
			}
		}
		if len(after) > 60 {
			t.Fatalf("%d attributes", len(after))
		}
		types := map[string]bool{}
		for _, f := range tr.Features() {
			for _, e := range f.Values {
				types[e] = f.Event
			}
		}
		for _, e := range u.Events {
			if !types[e.Type] {
				t.Fatalf("event %q is not announced", e.Type)
			}
			if _, err := json.Marshal(e.Attributes); err != nil {
				t.Fatal(err)
			}
		}
		// Heard twice, it is the same: nothing changes, nothing happens.
		if again := tr.Receive(in); len(again.Changed) > 0 || len(again.Events) > 0 || again.Known != u.Known {
			t.Fatalf("again: %+v", again)
		}
	})
}

func FuzzCommand(f *testing.F) {
	for _, seed := range []string{
		`{"state":"ON","brightness":128,"color_temp":3000}`, `{"color":{"h":240,"s":100},"transition":1.5,"delay":0.1}`,
		`{"state_2":"TOGGLE","state_3":false}`, `{"color":{"r":1,"g":2,"b":3}}`, `{"color":{"x":0.1,"y":0.9}}`, `{"color":"#ff00ff"}`,
		`{"brightness":1e400}`, `{"brightness":"0x10"}`, `{"brightness":null}`, `{"color":{"h":-0,"s":"NaN"}}`, `{"transition":37200}`,
		`{"color":{"x":1e-300,"y":1e-300}}`, `{"":1}`,
	} {
		f.Add("", seed)
		f.Add("0", seed)
		f.Add("switch_2", seed)
	}
	r := everything()
	f.Fuzz(func(t *testing.T, element, text string) {
		var c map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &c) != nil {
			return
		}
		tr := translate.Describe(r)
		steps, err := tr.Plan(element, c)
		if err != nil {
			if len(steps) > 0 {
				t.Fatalf("%d messages and %v", len(steps), err)
			}
			if len(err.Error()) > 400 {
				t.Fatalf("an error of %d octets", len(err.Error()))
			}
			return
		}
		if len(steps) == 0 || len(steps) > 9 {
			t.Fatalf("%s: %d messages", text, len(steps))
		}
		send(t, tr, steps)
		for _, a := range steps {
			payload, err := access.Append(nil, a.Message)
			if err != nil {
				t.Fatalf("%s: %T: %v", text, a.Message, err)
			}
			if len(payload) > 15 || a.Element < 0 || a.Element > 5 || a.Respond == 0 {
				t.Fatalf("%s: %+v", text, a)
			}
			if status := obey(a.Message, device.Range{}); status != nil {
				if u := receive(t, tr, a.Element, status); !u.Known {
					t.Fatalf("%s: the answer %T is not known", text, status)
				}
			}
		}
		checkState(t, tr.State())
		// What could be carried out can be, merged with itself.
		if merged := translate.Merge(translate.Merge(nil, c), c); len(merged) > 0 {
			if _, err := tr.Plan(element, merged); err != nil {
				t.Fatalf("%s merged to %s: %v", text, merged, err)
			}
		}
	})
}

func FuzzRestore(f *testing.F) {
	f.Add(`{"state":"ON","brightness":128,"color":{"h":240,"s":100},"color_temp":3000,"color_mode":"hs"}`)
	f.Add(`{"state":1,"brightness":1e300,"color":{"h":-1,"s":1e9},"color_temp":-1,"color_mode":[]}`)
	f.Add(`{"temperature":21.5,"motion":true,"device_firmware_revision":"x","battery":null}`)
	r := everything()
	f.Fuzz(func(t *testing.T, text string) {
		var state map[string]any
		if json.Unmarshal([]byte(text), &state) != nil {
			return
		}
		tr := translate.Describe(r)
		keys := len(tr.State())
		tr.Restore(state)
		checkState(t, tr.State())
		if n := len(tr.State()); n > keys+2 { // the colour modes
			t.Fatalf("%d attributes of %d", n, keys)
		}
		stored := document(t, tr)
		var again map[string]any
		if err := json.Unmarshal([]byte(stored), &again); err != nil {
			t.Fatal(err)
		}
		second := translate.Describe(r)
		second.Restore(again)
		expectState(t, second, stored)
		receive(t, tr, 2, &light.HSLHueStatus{PresentHue: 1})
		receive(t, tr, 0, &light.LightnessStatus{PresentLightness: 1})
		checkState(t, tr.State())
		if _, err := tr.Plan("", map[string]json.RawMessage{"brightness": json.RawMessage("9")}); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzMerge(f *testing.F) {
	f.Add(`{"state":"ON","brightness":1}`, `{"state":"TOGGLE"}`)
	f.Add(`{"state":[],"brightness":{}}`, `{"state_":"OFF","color_2":null,"transition":1}`)
	f.Fuzz(func(t *testing.T, olderText, newerText string) {
		var older, newer map[string]json.RawMessage
		if json.Unmarshal([]byte(olderText), &older) != nil || json.Unmarshal([]byte(newerText), &newer) != nil {
			return
		}
		most := len(older) + 2*len(newer)
		for name, value := range translate.Merge(older, newer) {
			if !json.Valid(value) {
				t.Fatalf("%s is %s", name, value)
			}
			most--
		}
		if most < 0 {
			t.Fatal("there is more than there was")
		}
	})
}
