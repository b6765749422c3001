package translate_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

func TestEvents(t *testing.T) {
	two := generic.Transition{Present: true, Time: 1<<6 | 2}
	for _, c := range []struct {
		message    access.Message
		event      string
		attributes map[string]any
	}{
		{&generic.OnOffSet{OnOff: true}, "on", map[string]any{}},
		{&generic.OnOffSetUnacknowledged{}, "off", map[string]any{}},
		{&generic.OnOffSet{OnOff: true, Transition: two}, "on", map[string]any{"transition": 2.0}},
		{&generic.LevelSet{Level: 0x7FFF}, "brightness_set", map[string]any{"brightness": 255, "level": 0x7FFF}},
		{&generic.LevelSetUnacknowledged{LevelSet: generic.LevelSet{Level: -0x8000}}, "brightness_set", map[string]any{"brightness": 0, "level": -0x8000}},
		{&generic.DeltaSet{DeltaLevel: 2570}, "brightness_up", map[string]any{"delta": int64(2570), "brightness_step": 10.0}},
		{&generic.DeltaSetUnacknowledged{DeltaSet: generic.DeltaSet{DeltaLevel: -257}}, "brightness_down", map[string]any{"delta": int64(-257), "brightness_step": -1.0}},
		{&generic.DeltaSet{}, "", nil},
		{&generic.MoveSet{DeltaLevel: 100, Transition: two}, "brightness_move_up", map[string]any{"delta": 100, "transition": 2.0}},
		{&generic.MoveSetUnacknowledged{MoveSet: generic.MoveSet{DeltaLevel: -100}}, "brightness_move_down", map[string]any{"delta": -100}},
		{&generic.MoveSet{}, "brightness_stop", map[string]any{}},
		{&light.LightnessSet{Lightness: 128 * 257}, "brightness_set", map[string]any{"brightness": 128}},
		{&light.LightnessSetUnacknowledged{}, "brightness_set", map[string]any{"brightness": 0}},
		{&light.CTLSet{CTLLightness: 65535, CTLTemperature: 3000}, "color_temp_set", map[string]any{"brightness": 255, "color_temp": 3000}},
		{&light.CTLSetUnacknowledged{CTLSet: light.CTLSet{CTLTemperature: 3000}}, "color_temp_set", map[string]any{"brightness": 0, "color_temp": 3000}},
		{&light.CTLTemperatureSet{CTLTemperature: 4000}, "color_temp_set", map[string]any{"color_temp": 4000}},
		{&light.CTLTemperatureSetUnacknowledged{CTLTemperatureSet: light.CTLTemperatureSet{CTLTemperature: 1}}, "color_temp_set", map[string]any{"color_temp": 1}},
		{&light.HSLSet{HSLLightness: 0x7FFF, HSLHue: 43691, HSLSaturation: 65535}, "color_set", map[string]any{"brightness": 255, "color": translate.Color{H: 240, S: 100}}},
		{&light.HSLSetUnacknowledged{}, "color_set", map[string]any{"brightness": 0, "color": translate.Color{}}},
		{&light.HSLHueSet{Hue: 0x8000}, "hue_set", map[string]any{"hue": 180.0}},
		{&light.HSLHueSetUnacknowledged{}, "hue_set", map[string]any{"hue": 0.0}},
		{&light.HSLSaturationSet{Saturation: 65535}, "saturation_set", map[string]any{"saturation": 100.0}},
		{&light.HSLSaturationSetUnacknowledged{}, "saturation_set", map[string]any{"saturation": 0.0}},
	} {
		t.Run(fmt.Sprintf("%T", c.message), func(t *testing.T) {
			tr := translate.Describe(remote())
			types := map[string]bool{"": true}
			for _, e := range tr.Features()[0].Values {
				types[e] = true
			}
			if !types[c.event] {
				t.Errorf("%s is not among the types of the thing", c.event)
			}
			u := receive(t, tr, 0, c.message)
			if !u.Known || len(u.Changed) > 0 {
				t.Errorf("got %+v", u)
			}
			if c.event == "" {
				if len(u.Events) > 0 {
					t.Errorf("events %+v", u.Events)
				}
				return
			}
			expected := []translate.Event{{Type: c.event, Attributes: c.attributes}}
			if !reflect.DeepEqual(u.Events, expected) {
				t.Errorf("\n got      %+v\n expected %+v", u.Events, expected)
			}
		})
	}
}

func TestEventNeedsItsClientModel(t *testing.T) {
	tr := translate.Describe(record(models{generic.OnOffClientID}, models{generic.LevelClientID}))
	if u := receive(t, tr, 0, &generic.LevelSet{Level: 1}); u.Known {
		t.Error("a level from an element without a level client")
	}
	u := receive(t, tr, 1, &generic.LevelSet{Level: 1})
	if !u.Known || len(u.Events) != 1 || u.Events[0].Element != 1 {
		t.Errorf("got %+v", u)
	}
}

// TestRepeatsCountOnce is about transactions (Mesh Model, section 3.4.1.2.2).
func TestRepeatsCountOnce(t *testing.T) {
	tr := translate.Describe(record(models{generic.OnOffClientID, generic.LevelClientID}, models{generic.OnOffClientID}))
	now := start()
	for _, c := range []struct {
		after   time.Duration
		element int
		dst     mesh.Address
		message access.Message
		events  string
	}{
		{0, 0, 1, &generic.OnOffSet{OnOff: true, TID: 7}, "on"},
		{time.Second, 0, 1, &generic.OnOffSet{OnOff: true, TID: 7}, ""},
		{time.Second, 0, 0xC000, &generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{OnOff: true, TID: 7}}, ""},
		{0, 0, 1, &generic.OnOffSet{OnOff: true, TID: 7, Transition: generic.Transition{Present: true, Delay: 3}}, ""},
		{0, 1, 1, &generic.OnOffSet{OnOff: true, TID: 7}, "on"},
		{0, 0, 1, &generic.LevelSet{Level: 1, TID: 7}, "brightness_set"},
		{0, 0, 1, &generic.OnOffSet{OnOff: true, TID: 8}, "on"},
		{0, 0, 1, &generic.OnOffSet{OnOff: false, TID: 8}, "off"}, // a button that does not count
		{6 * time.Second, 0, 1, &generic.OnOffSet{OnOff: false, TID: 8}, "off"},
		{6*time.Second - 1, 0, 1, &generic.OnOffSet{OnOff: false, TID: 8}, ""},
		{-time.Hour, 0, 1, &generic.OnOffSet{OnOff: false, TID: 8}, "off"}, // the clock was set
	} {
		now = now.Add(c.after)
		u := tr.Receive(translate.Input{Time: now, Element: c.element, Dst: c.dst, Opcode: c.message.Opcode(), Params: params(t, c.message)})
		got := ""
		for _, e := range u.Events {
			got += e.Type
		}
		if got != c.events || !u.Known {
			t.Errorf("%s %+v: got %q, expected %q", now.Format(time.TimeOnly), c.message, got, c.events)
		}
	}
}

// TestKnobTurnsWithinOneTransaction: the delta of a transaction grows; each
// event is about what it has grown by.
func TestKnobTurnsWithinOneTransaction(t *testing.T) {
	tr := translate.Describe(remote())
	now := start()
	total := int64(0)
	for i, c := range []struct {
		delta int32
		event string
	}{{1000, "brightness_up"}, {1000, ""}, {2500, "brightness_up"}, {2000, "brightness_down"}, {-2147483648, "brightness_down"}, {2147483647, "brightness_up"}} {
		now = now.Add(time.Second)
		m := &generic.DeltaSet{DeltaLevel: c.delta, TID: 1}
		u := tr.Receive(translate.Input{Time: now, Opcode: m.Opcode(), Params: params(t, m)})
		if c.event == "" {
			if len(u.Events) > 0 {
				t.Errorf("%d: %+v", i, u.Events)
			}
			continue
		}
		if len(u.Events) != 1 || u.Events[0].Type != c.event {
			t.Fatalf("%d: %+v", i, u.Events)
		}
		if total += u.Events[0].Attributes["delta"].(int64); total != int64(c.delta) {
			t.Errorf("%d: the steps are %d together, expected %d", i, total, c.delta)
		}
	}
}
