package translate

import (
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
)

func params(t *testing.T, m access.Message) []byte {
	t.Helper()
	payload, err := access.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	_, p, err := access.ParseOpcode(payload)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// accepts is what takes statuses for the answer to a step that is sent.
func accepts(t *testing.T, s Step) func(params []byte) bool {
	t.Helper()
	sending, err := (&Device{}).Send([]Step{s})
	if err != nil {
		t.Fatal(err)
	}
	return sending.Messages[0].Accept
}

func TestAnswerHasWhatWasAskedFor(t *testing.T) {
	second := generic.TransitionTime(10)
	for name, c := range map[string]struct {
		set      Step
		yes, not []access.Message
	}{
		"on": {
			setOnOff(0, true, generic.Transition{}),
			[]access.Message{
				&generic.OnOffStatus{PresentOnOff: true},
				&generic.OnOffStatus{HasTarget: true, TargetOnOff: true, RemainingTime: second},
			},
			[]access.Message{
				&generic.OnOffStatus{},
				&generic.OnOffStatus{PresentOnOff: true, HasTarget: true, RemainingTime: second},
			},
		},
		"level": {
			setLevel(0, -5, generic.Transition{}),
			[]access.Message{&generic.LevelStatus{PresentLevel: -5}, &generic.LevelStatus{HasTarget: true, TargetLevel: -5, RemainingTime: second}},
			[]access.Message{&generic.LevelStatus{PresentLevel: 5}, &generic.LevelStatus{PresentLevel: -5, HasTarget: true, RemainingTime: second}},
		},
		"lightness": {
			setLightness(0, 100, generic.Transition{}),
			[]access.Message{&light.LightnessStatus{PresentLightness: 100}, &light.LightnessStatus{HasTarget: true, TargetLightness: 100, RemainingTime: second}},
			[]access.Message{&light.LightnessStatus{PresentLightness: 99}},
		},
		"CTL": {
			setCTL(0, 100, 3000, generic.Transition{}),
			[]access.Message{
				&light.CTLStatus{PresentCTLLightness: 100, PresentCTLTemperature: 3000},
				&light.CTLStatus{PresentCTLTemperature: 4000, HasTarget: true, TargetCTLLightness: 100, TargetCTLTemperature: 3000, RemainingTime: second},
			},
			[]access.Message{
				&light.CTLStatus{PresentCTLLightness: 100, PresentCTLTemperature: 3001},
				&light.CTLStatus{PresentCTLLightness: 101, PresentCTLTemperature: 3000},
			},
		},
		"temperature": {
			setCTLTemperature(0, 3000, generic.Transition{}),
			[]access.Message{&light.CTLTemperatureStatus{PresentCTLTemperature: 3000}},
			[]access.Message{&light.CTLTemperatureStatus{PresentCTLTemperature: 3001}},
		},
		"HSL": {
			setHSL(0, 1, 2, 3, generic.Transition{}),
			[]access.Message{
				&light.HSLStatus{HSLLightness: 1, HSLHue: 2, HSLSaturation: 3},
				&light.HSLStatus{HasRemainingTime: true, RemainingTime: second},
			},
			[]access.Message{&light.HSLStatus{HSLLightness: 1, HSLHue: 2, HSLSaturation: 4}},
		},
	} {
		for _, status := range c.yes {
			if !accepts(t, c.set)(params(t, status)) {
				t.Errorf("%s: %+v was not taken for the answer", name, status)
			}
		}
		for _, status := range c.not {
			if accepts(t, c.set)(params(t, status)) {
				t.Errorf("%s: %+v was taken for the answer", name, status)
			}
		}
		if accepts(t, c.set)([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}) {
			t.Errorf("%s: octets that are no status were taken for the answer", name)
		}
	}
	if accepts(t, ask(0, &generic.OnOffGet{}, generic.OpOnOffStatus)) != nil {
		t.Error("a question asks for no certain answer")
	}
}

func TestDeviceThatRepeatsTheSameIsBelieved(t *testing.T) {
	accept := accepts(t, setLightness(0, 100, generic.Transition{}))
	limit := params(t, &light.LightnessStatus{PresentLightness: 200})
	other := params(t, &light.LightnessStatus{PresentLightness: 300})
	for i, step := range []struct {
		status []byte
		want   bool
	}{{limit, false}, {limit, false}, {other, false}, {limit, false}, {limit, false}, {limit, true}} {
		if got := accept(step.status); got != step.want {
			t.Fatalf("status %d: %t, expected %t", i+1, got, step.want)
		}
	}
}
