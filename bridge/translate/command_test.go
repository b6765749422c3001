package translate_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// tidAt is where the transaction identifier stands in the parameters, -1 for
// messages without one.
func tidAt(m access.Message) int {
	switch m.(type) {
	case *generic.OnOffSet:
		return 1
	case *generic.LevelSet, *light.LightnessSet:
		return 2
	case *light.CTLTemperatureSet:
		return 4
	case *light.CTLSet, *light.HSLSet:
		return 6
	}
	return -1
}

// inWords writes steps as "element opcode params>respond", with two dots for
// the transaction identifier.
func inWords(t testing.TB, steps []translate.Step) string {
	t.Helper()
	var all []string
	for _, a := range steps {
		p := hex.EncodeToString(params(t, a.Message))
		if i := tidAt(a.Message); i >= 0 {
			p = p[:2*i] + ".." + p[2*i+2:]
		}
		all = append(all, fmt.Sprintf("%d %s %s>%s", a.Element, a.Message.Opcode(), p, a.Respond))
	}
	return strings.Join(all, ", ")
}

func TestCommand(t *testing.T) {
	on := report{0, &generic.OnOffStatus{PresentOnOff: true}}
	dim := report{0, &light.CTLStatus{PresentCTLLightness: 100 * 257, PresentCTLTemperature: 3000}}
	off := report{0, &light.CTLStatus{PresentCTLTemperature: 3000}}
	blue := report{0, &light.HSLStatus{HSLLightness: 0x7FFF, HSLHue: 43691, HSLSaturation: 65535}}
	white1 := models{generic.OnOffServerID, light.LightnessServerID, light.CTLServerID}
	twoWhite := record(white1, white1, models{generic.LevelServerID, light.CTLTemperatureServerID})
	white := report{0, &light.HSLStatus{HSLLightness: 65535}}
	for _, c := range []struct {
		name     string
		device   *device.Record
		reports  []report
		element  string
		command  string
		expected string
	}{
		{"on", plug(), nil, "", `{"state":"ON"}`, "0 8202 01..>8204"},
		{"off", plug(), nil, "", `{"state":"off"}`, "0 8202 00..>8204"},
		{"true", plug(), nil, "", `{"state":true}`, "0 8202 01..>8204"},
		{"false in quotes", plug(), nil, "", `{"state":"False"}`, "0 8202 00..>8204"},
		{"toggle what is on", plug(), []report{on}, "", `{"state":"toggle"}`, "0 8202 00..>8204"},
		{"toggle what is not known", plug(), nil, "", `{"state":"TOGGLE"}`, "0 8202 01..>8204"},
		{"transition", plug(), nil, "", `{"state":"ON","transition":2}`, "0 8202 01..4200>8204"},
		{"transition 0 is at once", plug(), nil, "", `{"state":"ON","transition":0}`, "0 8202 01..0000>8204"},
		{"delay", plug(), nil, "", `{"state":"ON","delay":0.5}`, "0 8202 01..0064>8204"},

		{"second switch by suffix", strip(), nil, "", `{"state_2":"ON"}`, "1 8202 01..>8204"},
		{"second switch by index", strip(), nil, "1", `{"state":"ON"}`, "1 8202 01..>8204"},
		{"second switch by index and suffix", strip(), nil, "1", `{"state_2":"ON"}`, "1 8202 01..>8204"},
		{"second switch by key", strip(), nil, "switch_2", `{"state":"ON"}`, "1 8202 01..>8204"},
		{"several switches", strip(), nil, "", `{"state_3":"OFF","state":"ON"}`, "0 8202 01..>8204, 2 8202 00..>8204"},

		{"brightness", dimmer(), nil, "", `{"brightness":128}`, "0 824c 8080..>824e"},
		{"brightness in quotes", dimmer(), nil, "", `{"brightness":"128"}`, "0 824c 8080..>824e"},
		{"least brightness", dimmer(), nil, "", `{"brightness":1}`, "0 824c 0101..>824e"},
		{"a little is not nothing", dimmer(), nil, "", `{"brightness":0.2}`, "0 824c 0101..>824e"},
		{"full brightness", dimmer(), nil, "", `{"brightness":255,"state":"ON"}`, "0 824c ffff..>824e"},
		{"brightness 0 is off", dimmer(), nil, "", `{"brightness":0}`, "0 8202 00..>8204"},
		{"off wins over brightness", dimmer(), nil, "", `{"brightness":9,"state":"OFF"}`, "0 8202 00..>8204"},
		{"dimmer on", dimmer(), nil, "", `{"state":"ON"}`, "0 8202 01..>8204"},

		{"brightness and colour temperature", whiteLamp(), nil, "", `{"state":"ON","brightness":128,"color_temp":3000}`, "0 825e 8080b80b0000..>8260"},
		{"with transition", whiteLamp(), nil, "", `{"brightness":128,"color_temp":3000,"transition":1.5}`, "0 825e 8080b80b0000..0f00>8260"},
		{"colour temperature", whiteLamp(), nil, "", `{"color_temp":3000}`, "1 8264 b80b0000..>8266"},
		{"colour temperature on its element", whiteLamp(), nil, "1", `{"color_temp":3000}`, "1 8264 b80b0000..>8266"},
		{"clipped to the least", whiteLamp(), nil, "", `{"color_temp":800}`, "1 8264 8c0a0000..>8266"},
		{"clipped to the most", whiteLamp(), nil, "", `{"color_temp":20000}`, "1 8264 64190000..>8266"},
		{"on with a temperature, brightness known", whiteLamp(), []report{dim}, "", `{"state":"ON","color_temp":3000}`, "0 825e 6464b80b0000..>8260"},
		{"on with a temperature, brightness not known", whiteLamp(), []report{off}, "", `{"state":"ON","color_temp":3000}`, "1 8264 b80b0000..>8266, 0 8202 01..>8204"},
		{"off with a temperature", whiteLamp(), []report{dim}, "", `{"state":"OFF","color_temp":3000}`, "1 8264 b80b0000..>8266, 0 8202 00..>8204"},
		{"brightness of a white lamp", whiteLamp(), []report{dim}, "", `{"brightness":255}`, "0 824c ffff..>824e"},
		{"no temperature element", record(models{generic.OnOffServerID, light.LightnessServerID, light.CTLServerID}), []report{off}, "", `{"color_temp":3000}`, "0 825e 0000b80b0000..>8260"},

		{"the temperature element is the second light's", twoWhite, nil, "", `{"color_temp":3000}`, "0 825e ffffb80b0000..>8260"},
		{"the second light's own temperature", twoWhite, nil, "", `{"color_temp_2":3000}`, "2 8264 b80b0000..>8266"},
		{"the second light by its temperature element", twoWhite, nil, "2", `{"state":"OFF"}`, "1 8202 00..>8204"},

		{"colour, nothing known", colorLamp(), nil, "", `{"color":{"h":240,"s":100}}`, "0 8276 0080abaaffff..>8278"},
		{"colour and brightness", colorLamp(), nil, "", `{"color":{"h":240,"s":100},"brightness":128}`, "0 8276 4040abaaffff..>8278"},
		{"colour at the last brightness", colorLamp(), []report{{0, &light.HSLStatus{HSLLightness: 10 * 257}}}, "", `{"color":{"hue":0,"saturation":100}}`, "0 8276 05050000ffff..>8278"},
		{"red in RGB", colorLamp(), nil, "", `{"color":{"r":255,"g":0,"b":0}}`, "0 8276 00800000ffff..>8278"},
		{"red in hex", colorLamp(), nil, "", `{"color":"#FF0000"}`, "0 8276 00800000ffff..>8278"},
		{"red in hex in an object", colorLamp(), nil, "", `{"color":{"hex":"#ff0000"}}`, "0 8276 00800000ffff..>8278"},
		{"white in RGB", colorLamp(), nil, "", `{"color":{"r":255,"g":255,"b":255}}`, "0 8276 ffff00000000..>8278"},
		{"hue 360 is 0", colorLamp(), nil, "", `{"color":{"h":360,"s":100}}`, "0 8276 00800000ffff..>8278"},
		{"brightness keeps the colour", colorLamp(), []report{blue}, "", `{"brightness":128}`, "0 8276 4040abaaffff..>8278"},
		{"brightness of white", colorLamp(), []report{white}, "", `{"brightness":128}`, "0 824c 8080..>824e"},
		{"colour over a time asks for the target", colorLamp(), nil, "", `{"color":{"h":0,"s":100},"transition":1}`, "0 8276 00800000ffff..4100>8278, 0 8279 >827a"},
		{"on and colour", colorLamp(), nil, "", `{"state":"ON","color":{"h":0,"s":100}}`, "0 8276 00800000ffff..>8278"},

		{"level alone", levelOnly(), nil, "", `{"brightness":255}`, "0 8206 ff7f..>8208"},
		{"level alone off", levelOnly(), nil, "", `{"state":"OFF"}`, "0 8206 0080..>8208"},
		{"level alone on", levelOnly(), nil, "", `{"state":"ON"}`, "0 8206 ff7f..>8208"},
		{"level beside an OnOff", record(models{generic.OnOffServerID, generic.LevelServerID}), nil, "", `{"brightness":128}`, "0 8206 8000..>8208, 0 8202 01..>8204"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := translate.Describe(c.device)
			for _, s := range c.reports {
				receive(t, tr, s.element, s.message)
			}
			if got := inWords(t, mustPlan(t, tr, c.element, c.command)); got != c.expected {
				t.Errorf("\n got      %s\n expected %s", got, c.expected)
			}
		})
	}
}

func TestCommandRefuses(t *testing.T) {
	for _, c := range []struct {
		device   *device.Record
		element  string
		command  string
		expected string
	}{
		{dimmer(), "", `{"brightness":"x"}`, `brightness: expected 0 to 255, got "x"`},
		{dimmer(), "", `{"brightness":-1}`, `brightness: expected 0 to 255, got -1`},
		{dimmer(), "", `{"brightness":255.5}`, `brightness: expected 0 to 255, got 255.5`},
		{dimmer(), "", `{"brightness":1e999}`, `brightness: expected 0 to 255, got 1e999`},
		{dimmer(), "", `{"brightness":"NaN"}`, `brightness: expected 0 to 255, got "NaN"`},
		{dimmer(), "", `{"brightness":"Inf"}`, `brightness: expected 0 to 255, got "Inf"`},
		{dimmer(), "", `{"brightness":null}`, `brightness: expected 0 to 255, got null`},
		{dimmer(), "", `{"brightness":true}`, `brightness: expected 0 to 255, got true`},
		{dimmer(), "", `{"brightness":[1]}`, `brightness: expected 0 to 255, got [1]`},
		{plug(), "", `{"state":"maybe"}`, `state: expected ON, OFF or TOGGLE, got "maybe"`},
		{plug(), "", `{"state":1}`, `state: expected ON, OFF or TOGGLE, got 1`},
		{plug(), "", `{"brightness":1}`, `unknown attribute "brightness": expected state, transition, delay`},
		{dimmer(), "", `{"colour":1}`, `unknown attribute "colour": expected state, brightness, transition, delay`},
		{whiteLamp(), "", `{"color_temp":250}`, `color_temp: expected 800 to 20000 kelvin, got 250`},
		{whiteLamp(), "", `{"color_temp":20001}`, `color_temp: expected 800 to 20000 kelvin, got 20001`},
		{colorLamp(), "", `{"color":{"h":361,"s":100}}`, `color.h: expected 0 to 360, got 361`},
		{colorLamp(), "", `{"color":{"h":1,"s":101}}`, `color.s: expected 0 to 100, got 101`},
		{colorLamp(), "", `{"color":{"h":1}}`, `color: expected {"h":0 to 360,"s":0 to 100} (or {"r","g","b"}, {"x","y"}, "#rrggbb"), got {"h":1}`},
		{colorLamp(), "", `{"color":{"h":1,"s":1,"x":1}}`, `got {"h":1,"s":1,"x":1}`},
		{colorLamp(), "", `{"color":{"r":0,"g":0,"b":0}}`, `got {"r":0,"g":0,"b":0}`},
		{colorLamp(), "", `{"color":{"x":0.3,"y":0}}`, `got {"x":0.3,"y":0}`},
		{colorLamp(), "", `{"color":"blue"}`, `got "blue"`},
		{colorLamp(), "", `{"color":"#12345"}`, `got "#12345"`},
		{colorLamp(), "", `{"color":null}`, `got null`},
		{colorLamp(), "", `{"color":{}}`, `got {}`},
		{bothLamp(), "", `{"color":{"h":1,"s":1},"color_temp":3000}`, `color: expected only one of it and color_temp, got both`},
		{dimmer(), "", `{"state":"ON","transition":37201}`, `transition: expected 0 to 37200 seconds, got 37201`},
		{dimmer(), "", `{"state":"ON","transition":-1}`, `transition: expected 0 to 37200 seconds, got -1`},
		{dimmer(), "", `{"state":"ON","transition":"soon"}`, `transition: expected 0 to 37200 seconds, got "soon"`},
		{dimmer(), "", `{"state":"ON","delay":2}`, `delay: expected 0 to 1.275 seconds, got 2`},
		{dimmer(), "", `{}`, `no attribute was given: expected state, brightness, transition, delay`},
		{dimmer(), "", `{"transition":1}`, `no attribute was given: expected state, brightness, transition, delay`},
		{dimmer(), "1", `{"state":"ON"}`, `element: expected 0 to 0 or light, got "1"`},
		{dimmer(), "lamp", `{"state":"ON"}`, `element: expected 0 to 0 or light, got "lamp"`},
		{strip(), "1", `{"state_3":"ON"}`, `unknown attribute "state_3": expected state_2, transition, delay`},
		{strip(), "1", `{"brightness":1}`, `unknown attribute "brightness": expected state_2`},
		{weather(), "", `{"temperature":20}`, `temperature: cannot be set, it is only reported; nothing can be set here`},
		{remote(), "", `{"state":"ON"}`, `unknown attribute "state": nothing can be set here`},
		{&device.Record{}, "", `{"state":"ON"}`, `unknown attribute "state": nothing can be set here`},
		{plug(), "", `{"` + strings.Repeat("x", 5000) + `":1}`, `unknown attribute "` + strings.Repeat("x", 60) + `..."`},
		{plug(), "", `{"state":"` + strings.Repeat("x", 5000) + `"}`, `got "` + strings.Repeat("x", 59) + `...`},
	} {
		t.Run(c.command[:min(len(c.command), 50)], func(t *testing.T) {
			steps, err := translate.Describe(c.device).Plan(c.element, command(t, c.command))
			if err == nil || !strings.Contains(err.Error(), c.expected) {
				t.Errorf("\n got      %v\n expected %s", err, c.expected)
			}
			if steps != nil {
				t.Errorf("%d steps all the same", len(steps))
			}
			if err != nil && len(err.Error()) > 300 {
				t.Errorf("the error has %d octets", len(err.Error()))
			}
		})
	}
}

func TestTransitionIsTheCoarsestExactStep(t *testing.T) {
	for _, c := range []struct {
		seconds  string
		expected generic.TransitionTime
	}{
		{"0", 0},
		{"0.1", 0x01},
		{"0.9", 0x09},
		{"1", 0x41},
		{"1.5", 0x0F},
		{"6.2", 0x3E},
		{"10", 0x81},
		{"15", 0x4F},
		{"62", 0x7E},
		{"70", 0x87},
		{"600", 0xC1},
		{"610", 0x80 | 61},
		{"620", 0x80 | 62},
		{"1200", 0xC2},
		{"37200", 0xFE},
		{"0.01", 0x01},
		{"6.3", 0x3E},
		{"65", 0x7E},
		{"67", 0x87},
		{"0.25", 0x03},
	} {
		steps := mustPlan(t, translate.Describe(plug()), "", `{"state":"ON","transition":`+c.seconds+`}`)
		got := steps[0].Message.(*generic.OnOffSet).Transition
		if !got.Present || got.Time != c.expected {
			t.Errorf("%s s: got %02x (%s), expected %02x (%s)", c.seconds, uint8(got.Time), got.Time, uint8(c.expected), c.expected)
		}
	}
}

// TestTransactions: every message has the next transaction identifier, also
// those of one command.
func TestTransactions(t *testing.T) {
	tr := translate.Describe(whiteLamp())
	var before *uint8
	for range 300 {
		steps := mustPlan(t, tr, "", `{"state":"OFF","color_temp":3000}`)
		send(t, tr, steps)
		for _, a := range steps {
			tid := params(t, a.Message)[tidAt(a.Message)]
			if before != nil && tid != *before+1 {
				t.Fatalf("%d follows %d", tid, *before)
			}
			before = &tid
		}
	}
}

func TestQuery(t *testing.T) {
	multi := record(models{generic.OnOffServerID}, models{sensorServer, generic.BatteryServerID})
	multi.Details.Sensors = map[int][]uint16{1: {0x0075, 0x0076}}
	single := record(models{sensorServer})
	single.Details.Sensors = map[int][]uint16{0: {0x0075}}
	for _, c := range []struct {
		name     string
		device   *device.Record
		element  string
		names    []string
		expected string
	}{
		{"plug", plug(), "", nil, "0 8201 >8204"},
		{"dimmer", dimmer(), "", nil, "0 824b >824e"},
		{"dimmer, state", dimmer(), "", []string{"state"}, "0 824b >824e"},
		{"white lamp", whiteLamp(), "", nil, "0 825d >8260"},
		{"white lamp, brightness", whiteLamp(), "", []string{"brightness"}, "0 824b >824e"},
		{"white lamp on its second element", whiteLamp(), "1", []string{"color_temp"}, "0 825d >8260"},
		{"colour lamp", colorLamp(), "", nil, "0 826d >8278"},
		{"colour lamp, state", colorLamp(), "", []string{"state", "state"}, "0 824b >824e"},
		{"lamp with both", bothLamp(), "", nil, "0 825d >8260, 0 826d >8278"},
		{"level", levelOnly(), "", nil, "0 8205 >8208"},
		{"switches", strip(), "", nil, "0 8201 >8204, 1 8201 >8204, 2 8201 >8204"},
		{"one switch", strip(), "", []string{"state_2"}, "1 8201 >8204"},
		{"one switch by key", strip(), "switch_3", nil, "2 8201 >8204"},
		{"everything, each server once", multi, "", nil, "0 8201 >8204, 1 8231 >52, 1 8223 >8224"},
		{"one property", multi, "", []string{"humidity"}, "1 8231 7600>52"},
		{"two properties", multi, "", []string{"humidity", "temperature"}, "1 8231 >52"},
		{"one element", multi, "1", nil, "1 8231 >52, 1 8223 >8224"},
		{"by key of a thing", multi, "battery", nil, "1 8223 >8224"},
		{"the only sensor, not by name", single, "", nil, "0 8231 >52"},
		{"the only sensor by name", single, "", []string{"temperature"}, "0 8231 7500>52"},
		{"buttons know nothing", remote(), "", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			steps, err := translate.Describe(c.device).Query(c.element, c.names)
			if got := inWords(t, steps); err != nil || got != c.expected {
				t.Errorf("%v\n got      %s\n expected %s", err, got, c.expected)
			}
		})
	}
	for _, c := range []struct {
		element, name, expected string
	}{
		{"", "wind", `unknown attribute "wind"`},
		{"0", "humidity", `unknown attribute "humidity"`},
		{"7", "state", `element: expected 0 to 1 or switch, temperature`},
	} {
		if _, err := translate.Describe(multi).Query(c.element, []string{c.name}); err == nil || !strings.Contains(err.Error(), c.expected) {
			t.Errorf("%q %q: got %v, expected %s", c.element, c.name, err, c.expected)
		}
	}
}

const sensorServer = mesh.ModelID(0xFFFF1100)
