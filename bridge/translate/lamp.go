package translate

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// The attributes of lights and switches, without suffix.
const (
	attrState      = "state"
	attrBrightness = "brightness"
	attrColorMode  = "color_mode"
	attrColorTemp  = "color_temp"
	attrColor      = "color"
)

// The colour modes, in Home Assistant's words.
const (
	modeHS        = "hs"
	modeColorTemp = "color_temp"
)

const (
	wordOn     = "ON"
	wordOff    = "OFF"
	wordToggle = "TOGGLE"
)

// maybe is a value that may not be known.
type maybe[T any] struct {
	value T
	known bool
}

func sure[T any](v T) maybe[T] { return maybe[T]{v, true} }

func (m maybe[T]) or(other T) T {
	if m.known {
		return m.value
	}
	return other
}

// lamp is a light or a switch: what can be switched on and off. Its servers
// may be spread over several elements.
type lamp struct {
	thing Thing

	onOff, level, lightness, ctl, hsl bool // servers on its own element
	// Elements of the servers for one part of its colour, -1 for none.
	temperature, hue, saturation int

	lightnessRange device.Range
	kelvinRange    device.Range

	// What was last reported.
	on         maybe[bool]
	brightness maybe[int]
	kelvin     maybe[int]
	color      maybe[Color]
	mode       string // of the colour, "" unknown
	// On the air; the lightness is the last that was not 0.
	rawLightness, rawHue, rawSaturation maybe[uint16]
	// asked is the colour mode that a command asked for: a report of that kind
	// counts as its answer even when no value has changed.
	asked string
	// patience is how many reports of a part of the colour are only noted,
	// since the whole is to be reported soon.
	patience int
}

// somePatience is enough for what a lamp publishes besides its answer to a
// Light HSL Set, repetitions included: OnOff, lightness, hue and saturation.
const somePatience = 8

// owns reports whether an element carries a server of the lamp.
func (l *lamp) owns(element int) bool {
	return element == l.thing.Element || element >= 0 &&
		(element == l.temperature || element == l.hue || element == l.saturation)
}

// attributes puts what was last reported into state.
func (l *lamp) attributes(state map[string]any) {
	put := func(attribute string, known bool, value any) {
		if !known {
			value = nil
		}
		state[attribute+l.thing.Suffix] = value
	}
	word := wordOff
	if l.on.value {
		word = wordOn
	}
	put(attrState, l.on.known, word)
	if l.thing.Brightness {
		put(attrBrightness, l.brightness.known, l.brightness.value)
	}
	if l.thing.ColorTemp {
		put(attrColorTemp, l.kelvin.known, l.kelvin.value)
	}
	if l.thing.Color {
		put(attrColor, l.color.known, l.color.value)
	}
	// Home Assistant warns about a mode of null, and does without.
	if l.mode != "" {
		put(attrColorMode, true, l.mode)
	}
}

// restore sets what was stored.
func (l *lamp) restore(state map[string]any) {
	get := func(attribute string) any { return state[attribute+l.thing.Suffix] }
	switch get(attrState) {
	case wordOn:
		l.on = sure(true)
	case wordOff:
		l.on = sure(false)
	}
	if k, ok := number(get(attrColorTemp)); ok && l.thing.ColorTemp && k >= float64(light.MinTemperature) && k <= float64(light.MaxTemperature) {
		l.kelvin = sure(int(k))
	}
	if c, ok := storedColor(get(attrColor)); ok && l.thing.Color {
		l.color = sure(c)
	}
	switch mode := get(attrColorMode); {
	case mode == modeHS && l.color.known:
		l.mode = modeHS
	case mode == modeColorTemp && l.kelvin.known:
		l.mode = modeColorTemp
	}
	if b, ok := number(get(attrBrightness)); ok && l.thing.Brightness && b >= 1 && b <= MaxBrightness {
		l.brightness = sure(int(b))
		l.rawLightness = sure(l.lightnessAt(int(b)))
	}
	if l.color.known {
		lightness, hue, saturation := toHSL(l.brightness.or(MaxBrightness), l.color.value, l.lightnessRange)
		l.rawHue, l.rawSaturation = sure(hue), sure(saturation)
		if l.brightness.known && l.mode != modeColorTemp {
			l.rawLightness = sure(lightness)
		}
	}
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	}
	return 0, false
}

func storedColor(v any) (Color, bool) {
	switch v := v.(type) {
	case Color:
		return v, true
	case map[string]any:
		h, okH := number(v["h"])
		s, okS := number(v["s"])
		return Color{h, s}, okH && okS && h >= 0 && h < 360 && s >= 0 && s <= 100
	}
	return Color{}, false
}

// lightnessAt is the lightness for a brightness of white light.
func (l *lamp) lightnessAt(brightness int) uint16 {
	return sixteen(scaleOf(l.lightnessRange, 1).lightness(brightness))
}

// setOn takes over whether the lamp shines.
func (l *lamp) setOn(on bool) { l.on = sure(on) }

// setLightness takes over a lightness. Off, the lamp keeps the brightness that
// it had: Home Assistant has no use for a brightness of 0.
func (l *lamp) setLightness(lightness uint16) {
	l.on = sure(lightness > 0)
	if lightness > 0 {
		l.rawLightness = sure(lightness)
		l.derive()
	}
}

// setKelvin takes over a colour temperature; one beyond the limits of the
// specification says nothing.
func (l *lamp) setKelvin(kelvin uint16) {
	if kelvin < light.MinTemperature || kelvin > light.MaxTemperature {
		return
	}
	changed := l.kelvin.known && l.kelvin.value != int(kelvin)
	l.kelvin = sure(int(kelvin))
	l.enter(modeColorTemp, changed)
}

// setHueSaturation takes over a colour.
func (l *lamp) setHueSaturation(hue, saturation maybe[uint16]) {
	beforeHue, beforeSaturation := l.rawHue, l.rawSaturation
	if hue.known {
		l.rawHue = hue
	}
	if saturation.known {
		l.rawSaturation = saturation
	}
	if l.rawHue.known && l.rawSaturation.known {
		changed := l.rawHue != beforeHue || l.rawSaturation != beforeSaturation
		if !beforeHue.known || !beforeSaturation.known {
			// Heard of for the first time: a lamp that has a colour shows it.
			changed = l.rawSaturation.value > 0
		}
		l.enter(modeHS, changed)
	}
	l.derive()
}

// enter notes which part of the colour was reported. A lamp with both shows
// the one that changed last, or that a command asked for.
func (l *lamp) enter(mode string, changed bool) {
	both := l.thing.ColorTemp && l.thing.Color
	if !both || l.mode == "" || changed || l.asked == mode {
		l.mode = mode
	}
	if l.asked == mode {
		l.asked = ""
	}
}

// derive finds brightness and colour of what is known on the air.
func (l *lamp) derive() {
	if l.patience > 0 {
		l.patience-- // a new lightness with an old saturation is no colour
		return
	}
	white := !l.thing.Color || l.mode == modeColorTemp
	if white && l.rawLightness.known {
		l.brightness = sure(scaleOf(l.lightnessRange, 1).brightness(float64(l.rawLightness.value)))
	}
	// Without the saturation a lightness tells neither colour nor brightness,
	// and white light says nothing new about the colour.
	if !l.rawHue.known || !l.rawSaturation.known || white && l.color.known {
		return
	}
	// Without a lightness it is the colour of the lamp when it is dim.
	brightness, color := fromHSL(l.rawLightness.or(1), l.rawHue.value, l.rawSaturation.value, l.lightnessRange)
	l.color = sure(color)
	if l.rawLightness.known {
		l.brightness = sure(brightness)
	}
}

// levelOnly reports whether Generic Level is what dims the lamp; otherwise it
// is bound to a state that is reported by itself.
func (l *lamp) levelOnly() bool { return l.level && !l.lightness && !l.ctl && !l.hsl }

// setLevel takes over a Generic Level. Where there is a Generic OnOff that
// one says whether the lamp shines.
func (l *lamp) setLevel(level int16) {
	on, lightness := l.on, fromLevel(level)
	l.setLightness(lightness)
	if l.onOff && lightness > 0 {
		l.on = on
	}
}

// setHSL takes over a whole Light HSL state.
func (l *lamp) setHSL(lightness, hue, saturation uint16) {
	l.patience = 0
	if lightness > 0 {
		l.rawLightness = sure(lightness)
	}
	l.setHueSaturation(sure(hue), sure(saturation))
	l.setLightness(lightness)
}
