package light_test

import (
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
)

// bench is a light with all its elements on one bench.
type bench struct {
	*servertest.Bench
	*light.Lamp
}

func on(t testing.TB, l *light.Lamp) bench {
	return bench{servertest.New(t, slices.Concat(l.Elements()...)...), l}
}

func newCTL(t testing.TB) bench {
	return on(t, light.NewCTL(light.CTLOptions{Warmest: 2000, Coldest: 6000}))
}

// level returns the Level Server of an element.
func (b bench) level(element int) access.Model {
	for _, m := range b.Elements()[element] {
		if m.ID() == generic.LevelServerID {
			return m
		}
	}
	b.Fatalf("element %d has no Level Server", element)
	return nil
}

func (b bench) expect(what string, got, want access.Message) {
	b.Helper()
	if !reflect.DeepEqual(got, want) {
		b.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func fade(seconds uint8) generic.Transition {
	return generic.Transition{Present: true, Time: generic.TransitionTime(1<<6 | seconds)}
}

// Section 6.1.2: the views of a lightness.
func TestBindingsOfLightness(t *testing.T) {
	for _, test := range []struct {
		lightness uint16
		on        bool
		level     int16
		linear    uint16
	}{
		{0, false, -32768, 0},
		{1, true, -32767, 1},
		{255, true, -32513, 1},
		{32768, true, 0, 16385},
		{46341, true, 13573, 32769},
		{65535, true, 32767, 65535},
	} {
		b := on(t, light.NewLightness())
		b.expect("set", b.Send(&light.LightnessSet{Lightness: test.lightness, TID: 1}), &light.LightnessStatus{PresentLightness: test.lightness})
		b.expect("OnOff", b.Send(&generic.OnOffGet{}), &generic.OnOffStatus{PresentOnOff: test.on})
		b.expect("Level", b.Send(&generic.LevelGet{}), &generic.LevelStatus{PresentLevel: test.level})
		b.expect("Linear", b.Send(&light.LightnessLinearGet{}), &light.LightnessLinearStatus{PresentLightness: test.linear})

		b = on(t, light.NewLightness())
		b.expect("Level Set", b.Send(&generic.LevelSet{Level: test.level, TID: 1}), &generic.LevelStatus{PresentLevel: test.level})
		b.expect("lightness", b.Send(&light.LightnessGet{}), &light.LightnessStatus{PresentLightness: test.lightness})
	}
}

func TestLinearSet(t *testing.T) {
	b := on(t, light.NewLightness())
	b.expect("set", b.Send(&light.LightnessLinearSet{Lightness: 16384, TID: 1}), &light.LightnessLinearStatus{PresentLightness: 16384})
	b.expect("lightness", b.Send(&light.LightnessGet{}), &light.LightnessStatus{PresentLightness: 32767})
	answer := b.Send(&light.LightnessLinearSet{Lightness: 65535, TID: 2, Transition: fade(2)})
	b.expect("fade", answer, &light.LightnessLinearStatus{PresentLightness: 16384, HasTarget: true, TargetLightness: 65535, RemainingTime: 20})
}

// Section 6.1.2.2: last, default and range.
func TestLastDefaultAndRange(t *testing.T) {
	b := on(t, light.NewLightness())
	lightness := func(what string, want uint16) {
		t.Helper()
		b.expect(what, b.Send(&light.LightnessGet{}), &light.LightnessStatus{PresentLightness: want})
	}
	tid := uint8(0)
	switchTo := func(on bool) {
		tid++
		b.Send(&generic.OnOffSet{OnOff: on, TID: tid})
	}
	b.expect("new", b.Send(&light.LightnessLastGet{}), &light.LightnessLastStatus{Lightness: 65535})
	switchTo(true)
	lightness("on for the first time", 65535)

	b.Send(&light.LightnessSet{Lightness: 500, TID: 1})
	switchTo(false)
	lightness("off", 0)
	b.expect("last", b.Send(&light.LightnessLastGet{}), &light.LightnessLastStatus{Lightness: 500})
	switchTo(true)
	lightness("on again", 500)

	b.expect("default", b.Send(&light.LightnessDefaultSet{Lightness: 1000}), &light.LightnessDefaultStatus{Lightness: 1000})
	b.expect("default", b.Send(&light.LightnessDefaultGet{}), &light.LightnessDefaultStatus{Lightness: 1000})
	switchTo(false)
	switchTo(true)
	lightness("on with the default", 1000)

	limits := &light.LightnessRangeStatus{RangeMin: 2000, RangeMax: 3000}
	b.expect("range", b.Send(&light.LightnessRangeSet{RangeMin: 2000, RangeMax: 3000}), limits)
	lightness("raised by the range", 2000)
	b.expect("last raised too", b.Send(&light.LightnessLastGet{}), &light.LightnessLastStatus{Lightness: 2000})
	for _, test := range []struct{ set, want uint16 }{{1, 2000}, {2500, 2500}, {65535, 3000}, {0, 0}} {
		tid++
		b.expect("within the range", b.Send(&light.LightnessSet{Lightness: test.set, TID: tid}), &light.LightnessStatus{PresentLightness: test.want})
	}
	if answer := b.Send(&light.LightnessRangeSet{RangeMin: 3001, RangeMax: 3000}); answer != nil {
		t.Errorf("a range with the maximum below the minimum was answered: %+v", answer)
	}
	if answer := b.Raw(b.Models[6], light.OpLightnessRangeSet, []byte{0, 0, 1, 0}); answer != nil {
		t.Errorf("a range from 0 was answered: %+v", answer)
	}
	b.expect("range", b.Send(&light.LightnessRangeGet{}), limits)
	b.expect("last within the range", b.Send(&light.LightnessLastGet{}), &light.LightnessLastStatus{Lightness: 3000})
}

func TestLightnessFades(t *testing.T) {
	b := newCTL(t)
	answer := b.Send(&light.LightnessSet{Lightness: 10000, TID: 1, Transition: fade(10)})
	b.expect("begins", answer, &light.LightnessStatus{HasTarget: true, TargetLightness: 10000, RemainingTime: 1<<6 | 10})
	b.expect("on", b.Send(&generic.OnOffGet{}), &generic.OnOffStatus{PresentOnOff: true, HasTarget: true, TargetOnOff: true, RemainingTime: 1<<6 | 10})
	b.Pass(4 * time.Second)
	b.expect("switches on", b.Send(&light.LightnessGet{}), &light.LightnessStatus{PresentLightness: 4000, HasTarget: true, TargetLightness: 10000, RemainingTime: 60})
	b.expect("level", b.Send(&generic.LevelGet{}), &generic.LevelStatus{PresentLevel: -28768, HasTarget: true, TargetLevel: -22768, RemainingTime: 60})
	b.Send(&generic.MoveSet{TID: 1}) // stop
	b.expect("stopped", b.Send(&light.LightnessGet{}), &light.LightnessStatus{PresentLightness: 4000})
	b.expect("last", b.Send(&light.LightnessLastGet{}), &light.LightnessLastStatus{Lightness: 4000})

	b.Send(&generic.OnOffSet{TID: 1, Transition: fade(4)})
	b.Pass(3 * time.Second)
	b.expect("switching off", b.Send(&generic.OnOffGet{}), &generic.OnOffStatus{PresentOnOff: true, HasTarget: true, RemainingTime: 10})
	b.Pass(time.Second)
	b.expect("off", b.Send(&generic.OnOffGet{}), &generic.OnOffStatus{})

	// A fade of hours wakes the lamp twice: at its beginning and at its end.
	b.Publications()
	b.Wakes = 0
	b.Send(&light.LightnessSet{Lightness: 20000, TID: 2, Transition: generic.Transition{Present: true, Time: 0xC0 | 12}})
	b.Pass(3 * time.Hour)
	if b.Wakes > 2*len(b.Models) {
		t.Errorf("woken %d times in a fade of two hours", b.Wakes)
	}
	times := map[mesh.ModelID]int{}
	for _, p := range b.Publications() {
		times[p.Model]++
	}
	for id, want := range map[mesh.ModelID]int{
		generic.OnOffServerID: 2, light.LightnessServerID: 2, light.CTLServerID: 2,
	} {
		if times[id] != want {
			t.Errorf("model %s published %d times, want at begin and end", id, times[id])
		}
	}
}

func TestCTL(t *testing.T) {
	b := newCTL(t)
	set := &light.CTLSet{CTLLightness: 30000, CTLTemperature: 3000, CTLDeltaUV: -5, TID: 1}
	b.expect("set", b.Send(set), &light.CTLStatus{PresentCTLLightness: 30000, PresentCTLTemperature: 3000})
	b.expect("repeated", b.Send(set), &light.CTLStatus{PresentCTLLightness: 30000, PresentCTLTemperature: 3000})
	b.expect("lightness", b.Send(&light.LightnessGet{}), &light.LightnessStatus{PresentLightness: 30000})
	b.expect("temperature", b.Send(&light.CTLTemperatureGet{}), &light.CTLTemperatureStatus{PresentCTLTemperature: 3000, PresentCTLDeltaUV: -5})
	b.expect("its level", b.To(b.level(1), servertest.Source, &generic.LevelGet{}), &generic.LevelStatus{PresentLevel: -16384})

	// Values beyond the light's capabilities are limited; prohibited values are
	// ignored.
	b.expect("too warm", b.Send(&light.CTLTemperatureSet{CTLTemperature: 800, TID: 1}), &light.CTLTemperatureStatus{PresentCTLTemperature: 2000})
	b.expect("too cold", b.Send(&light.CTLTemperatureSet{CTLTemperature: 20000, TID: 2}), &light.CTLTemperatureStatus{PresentCTLTemperature: 6000})
	for i, prohibited := range []uint16{0, 799, 20001, 65535} {
		if answer := b.Send(&light.CTLTemperatureSet{CTLTemperature: prohibited, TID: uint8(10 + i)}); answer != nil {
			t.Errorf("%d K was answered: %+v", prohibited, answer)
		}
		if answer := b.Send(&light.CTLSet{CTLTemperature: prohibited, TID: uint8(10 + i)}); answer != nil {
			t.Errorf("%d K was answered: %+v", prohibited, answer)
		}
	}
	b.expect("unchanged", b.Send(&light.CTLGet{}), &light.CTLStatus{PresentCTLLightness: 30000, PresentCTLTemperature: 6000})

	answer := b.Send(&light.CTLSet{CTLLightness: 10000, CTLTemperature: 2000, TID: 20, Transition: fade(10)})
	b.expect("fade", answer, &light.CTLStatus{
		PresentCTLLightness: 30000, PresentCTLTemperature: 6000,
		HasTarget: true, TargetCTLLightness: 10000, TargetCTLTemperature: 2000, RemainingTime: 1<<6 | 10,
	})
	b.Pass(5 * time.Second)
	b.expect("half way", b.Send(&light.CTLGet{}), &light.CTLStatus{
		PresentCTLLightness: 20000, PresentCTLTemperature: 4000,
		HasTarget: true, TargetCTLLightness: 10000, TargetCTLTemperature: 2000, RemainingTime: 50,
	})
	b.Pass(5 * time.Second)
	b.expect("off by another server", b.Send(&generic.OnOffSet{TID: 1}), &generic.OnOffStatus{})
	b.expect("CTL is off", b.Send(&light.CTLGet{}), &light.CTLStatus{PresentCTLTemperature: 2000})
}

// A view publishes when its own status has changed, not whenever the lamp has.
func TestFacesPublishWhatTheyShow(t *testing.T) {
	b := newCTL(t)
	b.Send(&light.LightnessSet{Lightness: 1, TID: 1})
	b.Publications()
	b.Send(&light.LightnessSet{Lightness: 2, TID: 2})
	published := map[mesh.ModelID]int{}
	for _, p := range b.Publications() {
		published[p.Model]++
	}
	want := map[mesh.ModelID]int{generic.LevelServerID: 1, light.LightnessServerID: 1, light.CTLServerID: 1}
	if !maps.Equal(published, want) {
		t.Errorf("published %v, want %v", published, want)
	}
}

func TestLevelOfTemperature(t *testing.T) {
	b := newCTL(t)
	for i, test := range []struct {
		level  int16
		kelvin uint16
	}{{math.MinInt16, 2000}, {math.MaxInt16, 6000}, {0, 4000}, {-16384, 3000}} {
		answer := b.To(b.level(1), servertest.Source, &generic.LevelSet{Level: test.level, TID: uint8(i)})
		b.expect("set", answer, &generic.LevelStatus{PresentLevel: test.level})
		b.expect("temperature", b.Send(&light.CTLTemperatureGet{}), &light.CTLTemperatureStatus{PresentCTLTemperature: test.kelvin})
	}
	if b.Lightness(b.Time) != 0 {
		t.Error("the temperature's level changed the lightness")
	}
}

func TestCTLRangeAndDefault(t *testing.T) {
	b := newCTL(t)
	b.Send(&light.CTLTemperatureSet{CTLTemperature: 2500, TID: 1})
	for _, test := range []struct {
		low, high uint16
		want      access.Message
	}{
		{1999, 6000, &light.CTLTemperatureRangeStatus{Status: generic.CannotSetRangeMin, RangeMin: 2000, RangeMax: 6000}},
		{2000, 6001, &light.CTLTemperatureRangeStatus{Status: generic.CannotSetRangeMax, RangeMin: 2000, RangeMax: 6000}},
		{700, 6000, nil},
		{2000, 65535, nil},
		{5000, 4000, nil},
		{3000, 4000, &light.CTLTemperatureRangeStatus{RangeMin: 3000, RangeMax: 4000}},
	} {
		answer := b.Send(&light.CTLTemperatureRangeSet{RangeMin: test.low, RangeMax: test.high})
		if test.want == nil && answer == nil {
			continue
		}
		b.expect("range", answer, test.want)
	}
	b.expect("now", b.Send(&light.CTLTemperatureRangeGet{}), &light.CTLTemperatureRangeStatus{RangeMin: 3000, RangeMax: 4000})
	b.expect("raised", b.Send(&light.CTLTemperatureGet{}), &light.CTLTemperatureStatus{PresentCTLTemperature: 3000})
	b.expect("default", b.Send(&light.CTLDefaultSet{Lightness: 7, Temperature: 2000, DeltaUV: 1}),
		&light.CTLDefaultStatus{Lightness: 7, Temperature: 3000, DeltaUV: 1})
	b.expect("default", b.Send(&light.CTLDefaultGet{}), &light.CTLDefaultStatus{Lightness: 7, Temperature: 3000, DeltaUV: 1})
	b.expect("of the lightness too", b.Send(&light.LightnessDefaultGet{}), &light.LightnessDefaultStatus{Lightness: 7})
	if answer := b.Send(&light.CTLDefaultSet{Temperature: 1}); answer != nil {
		t.Errorf("a prohibited default was answered: %+v", answer)
	}
	// A range of one temperature must not cause a division by zero.
	b.Send(&light.CTLTemperatureRangeSet{RangeMin: 3500, RangeMax: 3500})
	b.expect("level", b.To(b.level(1), servertest.Source, &generic.LevelGet{}), &generic.LevelStatus{PresentLevel: math.MinInt16})
}

func TestHSL(t *testing.T) {
	b := on(t, light.NewHSL())
	set := &light.HSLSet{HSLLightness: 30000, HSLHue: 40000, HSLSaturation: 50000, TID: 1}
	status := &light.HSLStatus{HSLLightness: 30000, HSLHue: 40000, HSLSaturation: 50000}
	b.expect("set", b.Send(set), status)
	b.expect("repeated", b.Send(set), status)
	b.expect("target", b.Send(&light.HSLTargetGet{}), &light.HSLTargetStatus{HSLLightnessTarget: 30000, HSLHueTarget: 40000, HSLSaturationTarget: 50000})
	b.expect("hue", b.Send(&light.HSLHueGet{}), &light.HSLHueStatus{PresentHue: 40000})
	b.expect("saturation", b.Send(&light.HSLSaturationGet{}), &light.HSLSaturationStatus{PresentSaturation: 50000})
	b.expect("hue level", b.To(b.level(1), servertest.Source, &generic.LevelGet{}), &generic.LevelStatus{PresentLevel: 7232})
	b.expect("saturation level", b.To(b.level(2), servertest.Source, &generic.LevelGet{}), &generic.LevelStatus{PresentLevel: 17232})
	b.expect("lightness", b.Send(&light.LightnessGet{}), &light.LightnessStatus{PresentLightness: 30000})

	b.expect("hue set", b.Send(&light.HSLHueSet{Hue: 1000, TID: 1}), &light.HSLHueStatus{PresentHue: 1000})
	b.expect("saturation set", b.Send(&light.HSLSaturationSet{Saturation: 1, TID: 1}), &light.HSLSaturationStatus{PresentSaturation: 1})
	b.expect("all", b.Send(&light.HSLGet{}), &light.HSLStatus{HSLLightness: 30000, HSLHue: 1000, HSLSaturation: 1})

	// From 1000 to 65000 the short way passes 0.
	answer := b.Send(&light.HSLHueSet{Hue: 65000, TID: 2, Transition: fade(10)})
	b.expect("fade", answer, &light.HSLHueStatus{PresentHue: 1000, HasTarget: true, TargetHue: 65000, RemainingTime: 1<<6 | 10})
	b.Pass(8 * time.Second)
	if hue, _ := b.Color(b.Time); hue < 65000 && hue > 1000 {
		t.Errorf("on the way from 1000 to 65000 the hue is %d, want it to go through 0", hue)
	}
	b.Pass(2 * time.Second)
	b.expect("there", b.Send(&light.HSLHueGet{}), &light.HSLHueStatus{PresentHue: 65000})
	b.expect("level around the circle", b.To(b.level(1), servertest.Source, &generic.DeltaSet{DeltaLevel: 636, TID: 1}),
		&generic.LevelStatus{PresentLevel: -32668})
	b.expect("hue", b.Send(&light.HSLHueGet{}), &light.HSLHueStatus{PresentHue: 100})
	b.expect("saturation level", b.To(b.level(2), servertest.Source, &generic.LevelSet{Level: math.MaxInt16, TID: 1}),
		&generic.LevelStatus{PresentLevel: math.MaxInt16})
	b.expect("saturation", b.Send(&light.HSLSaturationGet{}), &light.HSLSaturationStatus{PresentSaturation: 65535})
}

func TestHSLRangeAndDefault(t *testing.T) {
	b := on(t, light.NewHSL())
	b.expect("default", b.Send(&light.HSLDefaultSet{Lightness: 1, Hue: 2, Saturation: 3}), &light.HSLDefaultStatus{Lightness: 1, Hue: 2, Saturation: 3})
	b.expect("default", b.Send(&light.HSLDefaultGet{}), &light.HSLDefaultStatus{Lightness: 1, Hue: 2, Saturation: 3})
	limits := light.HSLRangeSet{HueRangeMin: 60000, HueRangeMax: 5000, SaturationRangeMin: 10, SaturationRangeMax: 1000}
	b.expect("range through 0", b.Send(&limits), &light.HSLRangeStatus{
		HueRangeMin: 60000, HueRangeMax: 5000, SaturationRangeMin: 10, SaturationRangeMax: 1000,
	})
	tid := uint8(0)
	for set, want := range map[uint16]uint16{61000: 61000, 100: 100, 6000: 5000, 59000: 60000} {
		tid++
		b.expect("hue", b.Send(&light.HSLHueSet{Hue: set, TID: tid}), &light.HSLHueStatus{PresentHue: want})
	}
	b.expect("saturation", b.Send(&light.HSLSaturationSet{Saturation: 5000, TID: 1}), &light.HSLSaturationStatus{PresentSaturation: 1000})
	b.expect("saturation", b.Send(&light.HSLSaturationSet{Saturation: 0, TID: 2}), &light.HSLSaturationStatus{PresentSaturation: 10})
	limits.SaturationRangeMin = 1001
	if answer := b.Send(&limits); answer != nil {
		t.Errorf("a range with the maximum below the minimum was answered: %+v", answer)
	}
	b.expect("range", b.Send(&light.HSLRangeGet{}), &light.HSLRangeStatus{
		HueRangeMin: 60000, HueRangeMax: 5000, SaturationRangeMin: 10, SaturationRangeMax: 1000,
	})
}

// lead is the model that stores the state of a light.
func (b bench) lead() access.Persistent { return b.Models[0].(access.Persistent) }

func TestLampRemembers(t *testing.T) {
	b := newCTL(t)
	b.Send(&light.CTLTemperatureRangeSet{RangeMin: 2500, RangeMax: 5000})
	b.Send(&light.LightnessRangeSet{RangeMin: 100, RangeMax: 60000})
	b.Send(&light.CTLDefaultSet{Lightness: 700, Temperature: 4500, DeltaUV: 3})
	b.Send(&light.CTLSet{CTLLightness: 5000, CTLTemperature: 3000, CTLDeltaUV: 7, TID: 1, Transition: fade(10)})
	state := b.lead().State()
	b.Pass(3 * time.Second)
	if string(b.lead().State()) != string(state) {
		t.Error("the stored state changes during a fade")
	}
	for up, want := range map[generic.PowerUp]access.Message{
		generic.PowerUpOff:     &light.CTLStatus{PresentCTLTemperature: 3000},
		generic.PowerUpDefault: &light.CTLStatus{PresentCTLLightness: 700, PresentCTLTemperature: 4500},
		generic.PowerUpRestore: &light.CTLStatus{PresentCTLLightness: 5000, PresentCTLTemperature: 3000},
	} {
		b.Send(&generic.OnPowerUpSet{OnPowerUp: up})
		again := newCTL(t)
		if err := again.lead().Restore(b.lead().State()); err != nil {
			t.Fatal(err)
		}
		again.expect(up.String(), again.Send(&light.CTLGet{}), want)
		again.expect(up.String(), again.Send(&generic.OnPowerUpGet{}), &generic.OnPowerUpStatus{OnPowerUp: up})
		again.expect("range", again.Send(&light.CTLTemperatureRangeGet{}), &light.CTLTemperatureRangeStatus{RangeMin: 2500, RangeMax: 5000})
		again.expect("range", again.Send(&light.LightnessRangeGet{}), &light.LightnessRangeStatus{RangeMin: 100, RangeMax: 60000})
		again.expect("last", again.Send(&light.LightnessLastGet{}), &light.LightnessLastStatus{Lightness: 5000})
	}

	h := on(t, light.NewHSL())
	h.Send(&light.HSLSet{HSLLightness: 1, HSLHue: 2, HSLSaturation: 3, TID: 1})
	again := on(t, light.NewHSL())
	if err := again.lead().Restore(h.lead().State()); err != nil {
		t.Fatal(err)
	}
	again.expect("color", again.Send(&light.HSLGet{}), &light.HSLStatus{HSLLightness: 1, HSLHue: 2, HSLSaturation: 3})

	for _, damaged := range []string{"", "{", `{"Darkest":5,"Brightest":4}`, `{"Darkest":0}`} {
		if on(t, light.NewLightness()).lead().Restore([]byte(damaged)) == nil {
			t.Errorf("%q was restored without an error", damaged)
		}
	}
}

// Whatever is sent, the views of a light agree, and no value leaves its range.
func TestFacesAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newCTL(t)
		for tid := range uint8(rapid.IntRange(1, 12).Draw(rt, "messages")) {
			transition := generic.Transition{
				Present: rapid.Bool().Draw(rt, "timed"),
				Time:    generic.TransitionTime(rapid.IntRange(0, 20).Draw(rt, "tenths")),
			}
			v := rapid.Uint16().Draw(rt, "value")
			switch rapid.IntRange(0, 6).Draw(rt, "kind") {
			case 0:
				b.Send(&generic.OnOffSet{OnOff: v%2 == 0, TID: tid, Transition: transition})
			case 1:
				b.Send(&generic.LevelSet{Level: int16(v), TID: tid, Transition: transition})
			case 2:
				b.Send(&light.LightnessSet{Lightness: v, TID: tid, Transition: transition})
			case 3:
				b.Send(&light.CTLSet{CTLLightness: v, CTLTemperature: 800 + v%19200, TID: tid, Transition: transition})
			case 4:
				b.Send(&light.LightnessRangeSet{RangeMin: max(v/2, 1), RangeMax: max(v, 1)})
			case 5:
				b.Send(&generic.DeltaSet{DeltaLevel: int32(int16(v)), TID: tid, Transition: transition})
			case 6:
				b.Send(&generic.MoveSet{DeltaLevel: int16(v), TID: tid, Transition: transition})
			}
			b.Pass(time.Duration(rapid.IntRange(0, 3000).Draw(rt, "ms")) * time.Millisecond)

			lightness := b.Send(&light.LightnessGet{}).(*light.LightnessStatus)
			level := b.Send(&generic.LevelGet{}).(*generic.LevelStatus)
			ctl := b.Send(&light.CTLGet{}).(*light.CTLStatus)
			onOff := b.Send(&generic.OnOffGet{}).(*generic.OnOffStatus)
			limits := b.Send(&light.LightnessRangeGet{}).(*light.LightnessRangeStatus)
			present := lightness.PresentLightness
			if int(level.PresentLevel) != int(present)-32768 || ctl.PresentCTLLightness != present {
				rt.Fatalf("%+v, %+v, %+v", lightness, level, ctl)
			}
			if onOff.PresentOnOff != (present > 0) && !lightness.HasTarget {
				rt.Fatalf("%+v and %+v", lightness, onOff)
			}
			if present != 0 && (present < limits.RangeMin || present > limits.RangeMax) {
				rt.Fatalf("%+v is outside %+v", lightness, limits)
			}
			if ctl.PresentCTLTemperature < 2000 || ctl.PresentCTLTemperature > 6000 {
				rt.Fatalf("%+v", ctl)
			}
		}
	})
}
