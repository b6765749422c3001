package translate_test

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// report is a message from an element.
type report struct {
	element int
	message access.Message
}

const tenSeconds generic.TransitionTime = 1<<6 | 10

func TestStateIsWhatIsReported(t *testing.T) {
	for _, c := range []struct {
		name     string
		device   *device.Record
		reports  []report
		expected string
	}{
		{"plug, nothing heard", plug(), nil, `{"state":null}`},
		{"plug on", plug(), []report{{0, &generic.OnOffStatus{PresentOnOff: true}}}, `{"state":"ON"}`},
		{"plug on its way off", plug(), []report{{0, &generic.OnOffStatus{PresentOnOff: true, HasTarget: true, RemainingTime: tenSeconds}}}, `{"state":"OFF"}`},
		{"dimmer, nothing heard", dimmer(), nil, `{"brightness":null,"state":null}`},
		{"dimmer at 128", dimmer(), []report{{0, &light.LightnessStatus{PresentLightness: 128 * 257}}}, `{"brightness":128,"state":"ON"}`},
		{"dimmer just shining", dimmer(), []report{{0, &light.LightnessStatus{PresentLightness: 1}}}, `{"brightness":1,"state":"ON"}`},
		{"dimmer full", dimmer(), []report{{0, &light.LightnessStatus{PresentLightness: 65535}}}, `{"brightness":255,"state":"ON"}`},
		{"dimmer on its way up", dimmer(), []report{{0, &light.LightnessStatus{PresentLightness: 0, HasTarget: true, TargetLightness: 200 * 257, RemainingTime: tenSeconds}}}, `{"brightness":200,"state":"ON"}`},
		{"dimmer off keeps what was reported", dimmer(), []report{{0, &light.LightnessStatus{PresentLightness: 257 * 10}}, {0, &light.LightnessStatus{}}}, `{"brightness":10,"state":"OFF"}`},
		{"dimmer off and never on", dimmer(), []report{{0, &light.LightnessStatus{}}}, `{"brightness":null,"state":"OFF"}`},
		{"dimmer ignores linear and its bound level", dimmer(), []report{
			{0, &light.LightnessLinearStatus{PresentLightness: 5}}, {0, &generic.LevelStatus{PresentLevel: 5}},
		}, `{"brightness":null,"state":null}`},
		{
			"white lamp", whiteLamp(),
			[]report{{0, &light.CTLStatus{PresentCTLLightness: 128 * 257, PresentCTLTemperature: 3000}}},
			`{"brightness":128,"color_mode":"color_temp","color_temp":3000,"state":"ON"}`,
		},
		{
			"white lamp on its way", whiteLamp(),
			[]report{{0, &light.CTLStatus{PresentCTLTemperature: 6500, HasTarget: true, TargetCTLLightness: 65535, TargetCTLTemperature: 2700}}},
			`{"brightness":255,"color_mode":"color_temp","color_temp":2700,"state":"ON"}`,
		},
		{
			"white lamp, temperature from its own element", whiteLamp(),
			[]report{{1, &light.CTLTemperatureStatus{PresentCTLTemperature: 4000}}},
			`{"brightness":null,"color_mode":"color_temp","color_temp":4000,"state":null}`,
		},
		{
			"white lamp, 0 kelvin is not known", whiteLamp(),
			[]report{{0, &light.CTLStatus{PresentCTLLightness: 257}}},
			`{"brightness":1,"color_temp":null,"state":"ON"}`,
		},
		{
			"colour lamp, full blue", colorLamp(),
			[]report{{0, &light.HSLStatus{HSLLightness: 0x7FFF, HSLHue: 43691, HSLSaturation: 65535}}},
			`{"brightness":255,"color":{"h":240,"s":100},"color_mode":"hs","state":"ON"}`,
		},
		{
			"colour lamp, white", colorLamp(),
			[]report{{0, &light.HSLStatus{HSLLightness: 65535, HSLHue: 0, HSLSaturation: 0}}},
			`{"brightness":255,"color":{"h":0,"s":0},"color_mode":"hs","state":"ON"}`,
		},
		{
			"colour lamp, lightness alone is not enough", colorLamp(),
			[]report{{0, &light.LightnessStatus{PresentLightness: 0x7FFF}}},
			`{"brightness":null,"color":null,"state":"ON"}`,
		},
		{"colour lamp on its way holds what it had", colorLamp(), []report{
			{0, &light.HSLStatus{HSLLightness: 0x7FFF, HSLHue: 43691, HSLSaturation: 65535}},
			{0, &light.HSLStatus{HSLLightness: 0x7000, HSLHue: 40000, HSLSaturation: 65535, HasRemainingTime: true, RemainingTime: tenSeconds}},
		}, `{"brightness":255,"color":{"h":240,"s":100},"color_mode":"hs","state":"ON"}`},
		{"colour lamp, where it is going", colorLamp(), []report{
			{0, &light.HSLTargetStatus{HSLLightnessTarget: 0x7FFF, HSLHueTarget: 0, HSLSaturationTarget: 65535, HasRemainingTime: true, RemainingTime: tenSeconds}},
		}, `{"brightness":255,"color":{"h":0,"s":100},"color_mode":"hs","state":"ON"}`},
		{"colour lamp from its three elements", colorLamp(), []report{
			{1, &light.HSLHueStatus{PresentHue: 0, HasTarget: true, TargetHue: 21845}},
			{2, &light.HSLSaturationStatus{PresentSaturation: 65535}},
			{0, &light.LightnessStatus{PresentLightness: 0x7FFF}},
		}, `{"brightness":255,"color":{"h":120,"s":100},"color_mode":"hs","state":"ON"}`},
		{"colour lamp off keeps its colour", colorLamp(), []report{
			{0, &light.HSLStatus{HSLLightness: 49151, HSLHue: 0, HSLSaturation: 65535}},
			{0, &light.HSLStatus{HSLLightness: 0, HSLHue: 0, HSLSaturation: 65535}},
		}, `{"brightness":255,"color":{"h":0,"s":50},"color_mode":"hs","state":"OFF"}`},
		{"lamp with both shows what changed last", bothLamp(), []report{
			{0, &light.CTLStatus{PresentCTLLightness: 65535, PresentCTLTemperature: 3000}},
			{0, &light.HSLStatus{HSLLightness: 0x7FFF, HSLHue: 0, HSLSaturation: 65535}},
			{0, &light.CTLStatus{PresentCTLLightness: 0x7FFF, PresentCTLTemperature: 3000}},
		}, `{"brightness":255,"color":{"h":0,"s":100},"color_mode":"hs","color_temp":3000,"state":"ON"}`},
		{"lamp with both, white, asked for all", bothLamp(), []report{
			{0, &light.CTLStatus{PresentCTLLightness: 65535, PresentCTLTemperature: 3000}},
			{0, &light.HSLStatus{HSLLightness: 65535}},
		}, `{"brightness":255,"color":{"h":0,"s":0},"color_mode":"color_temp","color_temp":3000,"state":"ON"}`},
		{"lamp with both, coloured, then the temperature changes", bothLamp(), []report{
			{0, &light.HSLStatus{HSLLightness: 0x7FFF, HSLHue: 0, HSLSaturation: 65535}},
			{0, &light.CTLStatus{PresentCTLLightness: 0x7FFF, PresentCTLTemperature: 3000}},
			{1, &light.CTLTemperatureStatus{PresentCTLTemperature: 4000}},
			{0, &light.CTLStatus{PresentCTLLightness: 65535, PresentCTLTemperature: 4000}},
		}, `{"brightness":255,"color":{"h":0,"s":100},"color_mode":"color_temp","color_temp":4000,"state":"ON"}`},
		{"level alone is a light", levelOnly(), []report{{0, &generic.LevelStatus{PresentLevel: 0x7FFF}}}, `{"brightness":255,"state":"ON"}`},
		{"level alone at its lowest is off", levelOnly(), []report{{0, &generic.LevelStatus{PresentLevel: -0x8000}}}, `{"brightness":null,"state":"OFF"}`},
		{"level beside an OnOff that is off", record(models{generic.OnOffServerID, generic.LevelServerID}), []report{
			{0, &generic.OnOffStatus{}}, {0, &generic.LevelStatus{PresentLevel: 0x7FFF}},
		}, `{"brightness":255,"state":"OFF"}`},
		{"three switches", strip(), []report{{1, &generic.OnOffStatus{PresentOnOff: true}}, {2, &generic.OnOffStatus{}}}, `{"state":null,"state_2":"ON","state_3":"OFF"}`},
		{"a button has no state", remote(), nil, `{}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := translate.Describe(c.device)
			for _, s := range c.reports {
				if u := receive(t, tr, s.element, s.message); !u.Known {
					t.Errorf("%T is not known", s.message)
				}
			}
			expectState(t, tr, c.expected)
		})
	}
}

func TestChangedIsOnlyWhatChanged(t *testing.T) {
	tr := translate.Describe(whiteLamp())
	u := receive(t, tr, 0, &light.CTLStatus{PresentCTLLightness: 65535, PresentCTLTemperature: 3000})
	if len(u.Changed) != 4 || u.Changed["brightness"] != 255 || u.Changed["state"] != "ON" {
		t.Errorf("first report: %v", u.Changed)
	}
	u = receive(t, tr, 0, &light.CTLStatus{PresentCTLLightness: 65535, PresentCTLTemperature: 3000})
	if len(u.Changed) != 0 || !u.Known {
		t.Errorf("the same again: %v", u)
	}
	u = receive(t, tr, 1, &light.CTLTemperatureStatus{PresentCTLTemperature: 3500})
	if len(u.Changed) != 1 || u.Changed["color_temp"] != 3500 {
		t.Errorf("temperature: %v", u.Changed)
	}
}

func TestWithoutTranslation(t *testing.T) {
	for _, c := range []struct {
		name    string
		element int
		opcode  mesh.Opcode
		params  []byte
	}{
		{"vendor", 0, 0xC15D00, []byte{1}},
		{"octets missing", 0, generic.OpOnOffStatus, nil},
		{"octets left over", 0, generic.OpOnOffStatus, []byte{0, 0, 0, 0, 0}},
		{"prohibited value", 0, generic.OpOnOffStatus, []byte{2}},
		{"element without such a server", 1, generic.OpOnOffStatus, []byte{1}},
		{"level of a lamp that has none", 0, generic.OpLevelStatus, []byte{1, 2}},
		{"element that is not there", 9, generic.OpOnOffStatus, []byte{1}},
		{"battery that is not there", 0, generic.OpBatteryStatus, []byte{1, 0, 0, 0, 0, 0, 0, 0xFF}},
		{"sensor that is not there", 0, 0x52, []byte{0x22, 0x0b, 1, 2}},
		{"descriptors of an element without sensors", 0, 0x51, nil},
		{"client that is not there", 0, generic.OpOnOffSet, []byte{1, 1}},
		{"get", 0, generic.OpOnOffGet, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			lamp := record(models{generic.OnOffServerID, light.LightnessServerID, light.CTLServerID}, models{light.CTLTemperatureServerID})
			tr := translate.Describe(lamp)
			u := tr.Receive(translate.Input{Time: start(), Element: c.element, Opcode: c.opcode, Params: c.params})
			if u.Known || len(u.Changed) > 0 || len(u.Events) > 0 {
				t.Errorf("got %+v", u)
			}
			expectState(t, tr, `{"brightness":null,"color_temp":null,"state":null}`)
		})
	}
}
