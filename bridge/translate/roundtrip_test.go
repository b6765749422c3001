package translate_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// obey is a device that does as it is told, within its lightness range: what
// it answers to a message.
func obey(m access.Message, r device.Range) access.Message {
	within := func(lightness uint16) uint16 {
		if lightness == 0 || r.Max == 0 {
			return lightness
		}
		return min(max(lightness, r.Min), r.Max)
	}
	switch m := m.(type) {
	case *generic.OnOffSet:
		return &generic.OnOffStatus{PresentOnOff: m.OnOff}
	case *generic.LevelSet:
		return &generic.LevelStatus{PresentLevel: m.Level}
	case *light.LightnessSet:
		return &light.LightnessStatus{PresentLightness: within(m.Lightness)}
	case *light.CTLSet:
		return &light.CTLStatus{PresentCTLLightness: within(m.CTLLightness), PresentCTLTemperature: m.CTLTemperature}
	case *light.CTLTemperatureSet:
		return &light.CTLTemperatureStatus{PresentCTLTemperature: m.CTLTemperature}
	case *light.HSLSet:
		return &light.HSLStatus{HSLLightness: within(m.HSLLightness), HSLHue: m.HSLHue, HSLSaturation: m.HSLSaturation}
	}
	return nil
}

// do sends a command to a device that obeys, and hears what it reports.
func do(t testing.TB, tr *translate.Device, r device.Range, text string) map[string]any {
	t.Helper()
	steps := mustPlan(t, tr, "", text)
	sending := send(t, tr, steps)
	for _, a := range steps {
		status := obey(a.Message, r)
		if status == nil || status.Opcode() != a.Respond {
			t.Fatalf("%s: %T is to be answered with %s, the device answers %T", text, a.Message, a.Respond, status)
		}
		if u := receive(t, tr, a.Element, status); !u.Known {
			t.Fatalf("%s: the answer %T is not known", text, status)
		}
	}
	if sending.End(true) {
		t.Errorf("%s: the end of the command changed the state", text)
	}
	return tr.State()
}

// wide is a lightness range with room for every step of brightness.
func wide(t *rapid.T) device.Range {
	low := rapid.Uint16Range(1, 30000).Draw(t, "min")
	return device.Range{Min: low, Max: rapid.Uint16Range(low+10000, 65535).Draw(t, "max")}
}

func TestBrightnessComesBackAsItWasSet(t *testing.T) {
	for name, describe := range map[string]func() *device.Record{"dimmer": dimmer, "white lamp": whiteLamp, "level": levelOnly, "colour lamp": colorLamp} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				d := describe()
				r := wide(rt)
				if name == "level" {
					r = device.Range{}
				}
				d.Details.Lightness = map[int]device.Range{0: r}
				tr := translate.Describe(d)
				if name == "colour lamp" {
					receive(t, tr, 0, &light.HSLStatus{HSLLightness: 65535})
				}
				b := rapid.IntRange(1, 255).Draw(rt, "brightness")
				state := do(t, tr, r, fmt.Sprintf(`{"brightness":%d}`, b))
				if state["brightness"] != b || state["state"] != "ON" {
					rt.Fatalf("set %d, reported %v %v (range %v)", b, state["brightness"], state["state"], r)
				}
			})
		})
	}
}

func TestColorComesBackAsItWasSet(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := colorLamp()
		r := device.Range{Min: 1, Max: 65535}
		if rapid.Bool().Draw(rt, "limited") {
			r.Min = rapid.Uint16Range(1, 20000).Draw(rt, "min")
		}
		d.Details.Lightness = map[int]device.Range{0: r}
		tr := translate.Describe(d)
		h := float64(rapid.IntRange(0, 35999).Draw(rt, "hue")) / 100
		s := float64(rapid.IntRange(1, 1000).Draw(rt, "saturation")) / 10
		b := rapid.IntRange(1, 255).Draw(rt, "brightness")
		state := do(t, tr, r, fmt.Sprintf(`{"color":{"h":%g,"s":%g},"brightness":%d}`, h, s, b))
		if state["color"] != (translate.Color{H: h, S: s}) || state["brightness"] != b || state["color_mode"] != "hs" {
			rt.Fatalf("set %g %g %d, reported %v %v (range %v)", h, s, b, state["color"], state["brightness"], r)
		}
		// Another brightness keeps the colour, and the way back is the same.
		other := rapid.IntRange(1, 255).Draw(rt, "other brightness")
		state = do(t, tr, r, fmt.Sprintf(`{"brightness":%d}`, other))
		if state["color"] != (translate.Color{H: h, S: s}) || state["brightness"] != other {
			rt.Fatalf("dimmed %g %g to %d, reported %v %v (range %v)", h, s, other, state["color"], state["brightness"], r)
		}
	})
}

func TestColorTemperatureComesBackAsItWasSet(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tr := translate.Describe(whiteLamp())
		k := rapid.IntRange(2700, 6500).Draw(rt, "kelvin")
		text := fmt.Sprintf(`{"color_temp":%d}`, k)
		if rapid.Bool().Draw(rt, "with brightness") {
			text = fmt.Sprintf(`{"color_temp":%d,"brightness":77}`, k)
		}
		if state := do(t, tr, device.Range{}, text); state["color_temp"] != k || state["color_mode"] != "color_temp" {
			rt.Fatalf("set %d, reported %v", k, state)
		}
	})
}

// TestLampWithBothFollowsTheCommand: asked for the colour temperature that it
// has had all the time, a coloured lamp goes back to it.
func TestLampWithBothFollowsTheCommand(t *testing.T) {
	tr := translate.Describe(bothLamp())
	do(t, tr, device.Range{}, `{"color_temp":3000,"brightness":200}`)
	if state := do(t, tr, device.Range{}, `{"color":{"h":120,"s":100}}`); state["color_mode"] != "hs" || state["brightness"] != 200 {
		t.Errorf("colour: %v", state)
	}
	if state := do(t, tr, device.Range{}, `{"color_temp":3000}`); state["color_mode"] != "color_temp" {
		t.Errorf("the same temperature: %v", state)
	}
	if state := do(t, tr, device.Range{}, `{"brightness":50}`); state["brightness"] != 50 || state["color_mode"] != "color_temp" {
		t.Errorf("dimmed: %v", state)
	}
}

// TestPartsWaitForTheWhole: while a colour is on its way, reports of one part
// change nothing. Without an answer they count again, those that came in the
// meantime included.
func TestPartsWaitForTheWhole(t *testing.T) {
	tr := translate.Describe(colorLamp())
	do(t, tr, device.Range{}, `{"color":{"h":0,"s":0},"brightness":100}`)
	before := document(t, tr)
	sending := send(t, tr, mustPlan(t, tr, "", `{"color":{"h":0,"s":100},"brightness":200}`))
	for range 5 {
		receive(t, tr, 0, &light.LightnessStatus{PresentLightness: 50 * 257})
		expectState(t, tr, before)
	}
	if !sending.End(false) {
		t.Error("the end without an answer changed nothing")
	}
	expectState(t, tr, `{"brightness":50,"color":{"h":0,"s":0},"color_mode":"hs","state":"ON"}`)
	receive(t, tr, 0, &light.LightnessStatus{PresentLightness: 60 * 257})
	expectState(t, tr, `{"brightness":60,"color":{"h":0,"s":0},"color_mode":"hs","state":"ON"}`)

	// The answer is the whole: what comes after it counts at once.
	do(t, tr, device.Range{}, `{"color":{"h":0,"s":0},"brightness":70}`)
	if u := receive(t, tr, 0, &light.LightnessStatus{PresentLightness: 80 * 257}); u.Changed["brightness"] != 80 {
		t.Errorf("after the answer: %v", u.Changed)
	}
}

// TestPartsCountAfterTheTransition: a light that takes its time by its own
// default answers without a target. If the report at the end of the transition
// is lost, the reports after it count.
func TestPartsCountAfterTheTransition(t *testing.T) {
	tr := translate.Describe(colorLamp())
	do(t, tr, device.Range{}, `{"color":{"h":0,"s":0},"brightness":100}`)
	before := document(t, tr)
	steps := mustPlan(t, tr, "", `{"color":{"h":0,"s":100},"brightness":200}`)
	sending := send(t, tr, steps)
	receive(t, tr, 0, &light.HSLStatus{HSLLightness: 100 * 257, HasRemainingTime: true, RemainingTime: tenSeconds})
	sending.End(true)
	part := &light.LightnessStatus{PresentLightness: 50 * 257}
	at := func(after time.Duration) {
		t.Helper()
		tr.Receive(translate.Input{Time: start().Add(after), Opcode: part.Opcode(), Params: params(t, part)})
	}
	at(5 * time.Second)
	at(10 * time.Second)
	expectState(t, tr, before)
	at(time.Minute)
	expectState(t, tr, `{"brightness":50,"color":{"h":0,"s":0},"color_mode":"hs","state":"ON"}`)
}

// TestFailedColorModeIsNotExpected: the report after a command without an answer
// is no answer to it.
func TestFailedColorModeIsNotExpected(t *testing.T) {
	for _, c := range []struct {
		name, first, failed string
		report              access.Message
		expected            string
	}{
		{"colour", `{"color_temp":3000,"brightness":255}`, `{"color":{"h":0,"s":0}}`, &light.HSLStatus{HSLLightness: 65535}, "color_temp"},
		{
			"colour temperature", `{"color":{"h":120,"s":100},"brightness":255}`, `{"color_temp":3000,"brightness":255}`,
			&light.CTLStatus{PresentCTLLightness: 0x7FFF, PresentCTLTemperature: 3000}, "hs",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := translate.Describe(bothLamp())
			receive(t, tr, 0, &light.CTLStatus{PresentCTLLightness: 65535, PresentCTLTemperature: 3000})
			receive(t, tr, 0, &light.HSLStatus{HSLLightness: 65535})
			do(t, tr, device.Range{}, c.first)
			sending := send(t, tr, mustPlan(t, tr, "", c.failed))
			sending.End(false)
			receive(t, tr, 0, c.report)
			if mode := tr.State()["color_mode"]; mode != c.expected {
				t.Errorf("the colour mode is %v, expected %s", mode, c.expected)
			}
		})
	}
}

// TestReportsAreInRange: whatever a lamp reports, the state stays within what
// Home Assistant takes.
func TestReportsAreInRange(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := bothLamp()
		d.Details.Lightness = map[int]device.Range{0: {Min: rapid.Uint16().Draw(rt, "min"), Max: rapid.Uint16().Draw(rt, "max")}}
		tr := translate.Describe(d)
		for range rapid.IntRange(1, 6).Draw(rt, "reports") {
			l, h, s := rapid.Uint16().Draw(rt, "l"), rapid.Uint16().Draw(rt, "h"), rapid.Uint16().Draw(rt, "s")
			switch rapid.IntRange(0, 3).Draw(rt, "kind") {
			case 0:
				receive(t, tr, 0, &light.HSLStatus{HSLLightness: l, HSLHue: h, HSLSaturation: s})
			case 1:
				receive(t, tr, 0, &light.CTLStatus{PresentCTLLightness: l, PresentCTLTemperature: h})
			case 2:
				receive(t, tr, 0, &light.LightnessStatus{PresentLightness: l})
			case 3:
				receive(t, tr, 3, &light.HSLSaturationStatus{PresentSaturation: s})
			}
			checkState(rt, tr.State())
		}
	})
}

// checkState fails for what Home Assistant would stumble over.
func checkState(t interface{ Fatalf(string, ...any) }, state map[string]any) {
	if b, ok := state["brightness"].(int); ok && (b < 1 || b > 255) {
		t.Fatalf("brightness %d", b)
	}
	if k, ok := state["color_temp"].(int); ok && (k < 800 || k > 20000) {
		t.Fatalf("color_temp %d", k)
	}
	if c, ok := state["color"].(translate.Color); ok && !(c.H >= 0 && c.H < 360 && c.S >= 0 && c.S <= 100) {
		t.Fatalf("color %v", c)
	}
	switch mode := state["color_mode"]; {
	case mode == "hs" && state["color"] == nil, mode == "color_temp" && state["color_temp"] == nil:
		t.Fatalf("color_mode %v without its value: %v", mode, state)
	}
	if mode, there := state["color_mode"]; there && mode == nil {
		t.Fatalf("color_mode is null")
	}
	if _, err := json.Marshal(state); err != nil {
		t.Fatalf("cannot be published: %v", err)
	}
}

// TestRestore: what was published and stored is the same after a restart.
func TestRestore(t *testing.T) {
	for name, d := range map[string]*device.Record{"both": bothLamp(), "colour": colorLamp(), "switches": strip(), "weather": weather()} {
		t.Run(name, func(t *testing.T) {
			tr := translate.Describe(d)
			switch name {
			case "both", "colour":
				do(t, tr, device.Range{}, `{"color":{"h":240.5,"s":33.3},"brightness":99}`)
			case "switches":
				do(t, tr, device.Range{}, `{"state":"ON","state_3":"OFF"}`)
			case "weather":
				receiveSensors(t, tr)
			}
			stored := document(t, tr)
			var state map[string]any
			if err := json.Unmarshal([]byte(stored), &state); err != nil {
				t.Fatal(err)
			}
			again := translate.Describe(d)
			again.Restore(state)
			expectState(t, again, stored)
			direct := translate.Describe(d)
			direct.Restore(tr.State())
			expectState(t, direct, stored)
			if name == "colour" {
				// It can be gone on from: the saturation is known.
				receive(t, again, 0, &light.LightnessStatus{PresentLightness: 65535})
				checkState(t, again.State())
			}
		})
	}
}

// TestRestoredWhiteLight: in white light the lightness is that of white, also
// when a colour is known from before.
func TestRestoredWhiteLight(t *testing.T) {
	tr := translate.Describe(bothLamp())
	tr.Restore(map[string]any{
		"state": "ON", "brightness": 200.0, "color_mode": "color_temp", "color_temp": 3000.0, "color": map[string]any{"h": 0.0, "s": 100.0},
	})
	receive(t, tr, 3, &light.HSLSaturationStatus{PresentSaturation: 0})
	expectState(t, tr, `{"brightness":200,"color":{"h":0,"s":0},"color_mode":"hs","color_temp":3000,"state":"ON"}`)
}

func TestRestoreLeavesOutWhatCannotBe(t *testing.T) {
	tr := translate.Describe(bothLamp())
	tr.Restore(map[string]any{
		"state": "MAYBE", "brightness": 0.0, "color_temp": 1e300, "color": map[string]any{"h": "x", "s": 1.0},
		"color_mode": "hs", "other": true,
	})
	expectState(t, tr, `{"brightness":null,"color":null,"color_temp":null,"state":null}`)
	w := translate.Describe(weather())
	w.Restore(map[string]any{"temperature": true, "motion": 3.0, "battery": []any{}})
	for k, v := range w.State() {
		if v != nil {
			t.Errorf("%s is %v", k, v)
		}
	}
}
