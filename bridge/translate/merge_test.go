package translate_test

import (
	"encoding/json"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

func TestMerge(t *testing.T) {
	for _, c := range []struct{ older, newer, expected string }{
		{`{"brightness":1}`, `{"brightness":2}`, `{"brightness":2}`},
		{`{"state":"ON"}`, `{"brightness":2}`, `{"brightness":2,"state":"ON"}`},
		{`{"state":"OFF"}`, `{"brightness":2}`, `{"brightness":2}`},
		{`{"brightness":2}`, `{"state":"OFF"}`, `{"state":"OFF"}`},
		{`{"brightness":2}`, `{"state":false}`, `{"state":false}`},
		{`{"brightness":2,"state":"ON"}`, `{"brightness":0}`, `{"brightness":0}`},
		{`{"brightness":0}`, `{"state":"ON"}`, `{"state":"ON"}`},
		{`{"brightness":0}`, `{"color":{"h":1,"s":2}}`, `{"color":{"h":1,"s":2}}`},
		{`{"color":{"h":1,"s":2},"brightness":2}`, `{"state":"OFF"}`, `{"state":"OFF"}`},
		{`{"color_temp":3000}`, `{"state":"OFF"}`, `{"color_temp":3000,"state":"OFF"}`},
		{`{"state":"OFF"}`, `{"color_temp":3000}`, `{"color_temp":3000,"state":"OFF"}`},
		{`{"state":"OFF"}`, `{"color":{"h":1,"s":2}}`, `{"color":{"h":1,"s":2}}`},
		{`{"color_temp":3000}`, `{"color":{"h":1,"s":2}}`, `{"color":{"h":1,"s":2}}`},
		{`{"color":{"h":1,"s":2}}`, `{"color_temp":3000}`, `{"color_temp":3000,"state":"ON"}`},
		{`{"color":{"h":1,"s":2},"brightness":9}`, `{"color_temp":3000}`, `{"brightness":9,"color_temp":3000,"state":"ON"}`},
		{`{"brightness":9}`, `{"color_temp":3000}`, `{"brightness":9,"color_temp":3000}`},

		{`{"state":"ON"}`, `{"state":"TOGGLE"}`, `{"state":"OFF"}`},
		{`{"state":"OFF"}`, `{"state":"toggle"}`, `{"state":"ON"}`},
		{`{"brightness":9}`, `{"state":"TOGGLE"}`, `{"state":"OFF"}`},
		{`{"brightness":0}`, `{"state":"TOGGLE"}`, `{"state":"ON"}`},
		{`{"state":"TOGGLE"}`, `{"state":"TOGGLE"}`, `{}`},
		{`{"state":"TOGGLE","transition":1}`, `{"state":"TOGGLE","transition":2}`, `{}`},
		{`{"color_temp":3000}`, `{"state":"TOGGLE"}`, `{"color_temp":3000,"state":"TOGGLE"}`},
		{`{"state":"TOGGLE"}`, `{"state":"ON"}`, `{"state":"ON"}`},
		{`{"state":"TOGGLE"}`, `{"brightness":9}`, `{"brightness":9}`},

		{`{"brightness":1,"transition":5}`, `{"brightness":2}`, `{"brightness":2}`},
		{`{"brightness":1,"transition":5,"delay":1}`, `{"state":"OFF"}`, `{"state":"OFF"}`},
		{`{"brightness":1,"transition":5}`, `{"color_temp":3000}`, `{"brightness":1,"color_temp":3000,"transition":5}`},
		{`{"brightness":1,"transition":5}`, `{"brightness":2,"transition":1}`, `{"brightness":2,"transition":1}`},

		{`{"state":"ON","brightness_2":4}`, `{"state_2":"OFF"}`, `{"state":"ON","state_2":"OFF"}`},
		{`{"state_2":"TOGGLE"}`, `{"state_2":"TOGGLE","state":"ON"}`, `{"state":"ON"}`},
		{`{"brightness":4}`, `{"state_2":"OFF"}`, `{"brightness":4,"state_2":"OFF"}`},
		{`{"other":4}`, `{"other":5}`, `{"other":5}`},
	} {
		got, err := json.Marshal(translate.Merge(command(t, c.older), command(t, c.newer)))
		if err != nil || string(got) != c.expected {
			t.Errorf("%s and %s: got %s, expected %s (%v)", c.older, c.newer, got, c.expected, err)
		}
	}
	newer := command(t, `{"state":"ON"}`)
	merged := translate.Merge(nil, newer)
	merged["brightness"] = json.RawMessage("1")
	if len(newer) != 1 || len(merged) != 2 {
		t.Error("the newer command was changed")
	}
}

// anyCommand is a command that the lamp with CTL and HSL takes.
func anyCommand(t *rapid.T, label string) map[string]json.RawMessage {
	c := map[string]json.RawMessage{}
	pick := func(name string, values ...string) {
		if rapid.Bool().Draw(t, label+name) {
			c[name] = json.RawMessage(rapid.SampledFrom(values).Draw(t, label+name+" value"))
		}
	}
	pick("state", `"ON"`, `"OFF"`, `"TOGGLE"`, `"on"`, `true`, `false`)
	pick("brightness", "0", "1", "128", "255", `"7"`)
	if rapid.Bool().Draw(t, label+"white") {
		pick("color_temp", "2700", "3000", "20000", "800")
	} else {
		pick("color", `{"h":240,"s":100}`, `{"h":0,"s":0}`, `"#123456"`, `{"x":0.3,"y":0.3}`)
	}
	if len(c) == 0 {
		c["state"] = json.RawMessage(`"TOGGLE"`)
	}
	pick("transition", "0", "1.5", "37200")
	pick("delay", "0", "1")
	return c
}

func toggles(c map[string]json.RawMessage) bool {
	return string(c["state"]) == `"TOGGLE"` && string(c["brightness"]) != "0"
}

// TestMergedCommandDoesTheSame: two commands in one go leave an obedient lamp
// as the two after the other do: on or off, and where it is on as bright and of
// the colour that the last one asked for.
func TestMergedCommandDoesTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		one, other := translate.Describe(bothLamp()), translate.Describe(bothLamp())
		for _, tr := range []*translate.Device{one, other} {
			receive(t, tr, 0, &light.CTLStatus{PresentCTLLightness: 65535, PresentCTLTemperature: 4000})
			receive(t, tr, 0, &light.HSLStatus{HSLLightness: 65535})
		}
		if rapid.Bool().Draw(rt, "off at first") {
			do(t, one, device.Range{}, `{"state":"OFF"}`)
			do(t, other, device.Range{}, `{"state":"OFF"}`)
		}
		older, newer := anyCommand(rt, "older "), anyCommand(rt, "newer ")
		if toggles(older) && toggles(newer) && len(newer) > 1 {
			rt.Skip("what that comes to depends on the lamp")
		}
		merged := translate.Merge(maps.Clone(older), newer)
		run := func(tr *translate.Device, c map[string]json.RawMessage) {
			if len(c) == 0 {
				return
			}
			steps, err := tr.Plan("", c)
			if err != nil {
				rt.Fatalf("%s: %v", c, err)
			}
			send(t, tr, steps)
			for _, a := range steps {
				if status := obey(a.Message, device.Range{}); status != nil {
					receive(t, tr, a.Element, status)
				}
			}
		}
		run(one, older)
		run(one, newer)
		run(other, merged)
		a, b := one.State(), other.State()
		if a["state"] != b["state"] {
			rt.Fatalf("%s and %s: one after the other %v, merged (%s) %v", older, newer, a, merged, b)
		}
		for _, name := range []string{"brightness", "color", "color_temp"} {
			if _, asked := newer[name]; asked && a["state"] == "ON" && a[name] != b[name] {
				rt.Fatalf("%s and %s: %s is %v one after the other, %v merged (%s)", older, newer, name, a[name], b[name], merged)
			}
		}
	})
}

// TestLastWins: of any number of commands the last value of each attribute
// stands, unless it became meaningless.
func TestLastWins(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var merged map[string]json.RawMessage
		var last map[string]json.RawMessage
		for range rapid.IntRange(1, 8).Draw(rt, "commands") {
			last = anyCommand(rt, "")
			merged = translate.Merge(merged, maps.Clone(last))
		}
		toggle := len(merged) == 0 || string(last["state"]) == `"TOGGLE"`
		for name, value := range last {
			if !toggle && string(merged[name]) != string(value) {
				rt.Fatalf("%s: last %s, merged %s", name, value, merged[name])
			}
		}
		if len(merged) > 0 {
			if _, err := translate.Describe(bothLamp()).Plan("", merged); err != nil {
				rt.Fatalf("%s: %v", merged, err)
			}
		}
	})
}
