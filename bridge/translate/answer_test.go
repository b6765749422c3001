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

func TestAnswerHasWhatWasAskedFor(t *testing.T) {
	second := generic.TransitionTime(10)
	for name, c := range map[string]struct {
		set      access.Message
		yes, not []access.Message
	}{
		"on": {
			&generic.OnOffSet{OnOff: true},
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
			&generic.LevelSet{Level: -5},
			[]access.Message{&generic.LevelStatus{PresentLevel: -5}, &generic.LevelStatus{HasTarget: true, TargetLevel: -5, RemainingTime: second}},
			[]access.Message{&generic.LevelStatus{PresentLevel: 5}, &generic.LevelStatus{PresentLevel: -5, HasTarget: true, RemainingTime: second}},
		},
		"lightness": {
			&light.LightnessSet{Lightness: 100},
			[]access.Message{&light.LightnessStatus{PresentLightness: 100}, &light.LightnessStatus{HasTarget: true, TargetLightness: 100, RemainingTime: second}},
			[]access.Message{&light.LightnessStatus{PresentLightness: 99}},
		},
		"CTL": {
			&light.CTLSet{CTLLightness: 100, CTLTemperature: 3000},
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
			&light.CTLTemperatureSet{CTLTemperature: 3000},
			[]access.Message{&light.CTLTemperatureStatus{PresentCTLTemperature: 3000}},
			[]access.Message{&light.CTLTemperatureStatus{PresentCTLTemperature: 3001}},
		},
		"HSL": {
			&light.HSLSet{HSLLightness: 1, HSLHue: 2, HSLSaturation: 3},
			[]access.Message{
				&light.HSLStatus{HSLLightness: 1, HSLHue: 2, HSLSaturation: 3},
				&light.HSLStatus{HasRemainingTime: true, RemainingTime: second},
			},
			[]access.Message{&light.HSLStatus{HSLLightness: 1, HSLHue: 2, HSLSaturation: 4}},
		},
	} {
		for _, status := range c.yes {
			if !answerTo(c.set)(params(t, status)) {
				t.Errorf("%s: %+v was not taken for the answer", name, status)
			}
		}
		for _, status := range c.not {
			if answerTo(c.set)(params(t, status)) {
				t.Errorf("%s: %+v was taken for the answer", name, status)
			}
		}
		if answerTo(c.set)([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}) {
			t.Errorf("%s: octets that are no status were taken for the answer", name)
		}
	}
	if answerTo(&generic.OnOffGet{}) != nil {
		t.Error("a question asks for no certain answer")
	}
}

func TestDeviceThatKeepsSayingTheSameIsBelieved(t *testing.T) {
	accept := answerTo(&light.LightnessSet{Lightness: 100})
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
