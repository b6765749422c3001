package translate

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
)

// This file is what a light reports. During a transition the target counts.

// reportsAtEnd is enough for the reports at the end of a transition to arrive.
const reportsAtEnd = 2 * time.Second

// Report implements Function.
func (l *lightFunction) Report(r *Report) bool {
	if until := l.expected.until; !until.IsZero() && r.Time.After(until) {
		l.expected.parts, l.expected.until = 0, time.Time{}
	}
	if !l.take(r) {
		return false
	}
	l.publish(r.State)
	return true
}

// take updates the light from a message.
func (l *lightFunction) take(r *Report) bool {
	here := r.Element == l.servers.element
	switch r.Opcode {
	case generic.OpOnOffStatus:
		var s generic.OnOffStatus
		if !(here && l.servers.onOff && r.Decode(&s)) {
			return false
		}
		l.shown.on = sure(goal(s.HasTarget, s.TargetOnOff, s.PresentOnOff))
		return true
	case generic.OpLevelStatus:
		var s generic.LevelStatus
		if !((l.servers.level || !here) && r.Decode(&s)) {
			return false
		}
		// A level that is bound to another state adds nothing to its status.
		if here && l.levelOnly() {
			l.setLevel(goal(s.HasTarget, s.TargetLevel, s.PresentLevel))
		}
		return true
	case light.OpLightnessStatus:
		var s light.LightnessStatus
		if !(here && l.servers.lightness && r.Decode(&s)) {
			return false
		}
		l.setLightness(goal(s.HasTarget, s.TargetLightness, s.PresentLightness))
		return true
	case light.OpLightnessLinearStatus:
		return here && l.servers.lightness && r.Decode(&light.LightnessLinearStatus{})
	case light.OpLightnessLastStatus:
		return here && l.servers.lightness && r.Decode(&light.LightnessLastStatus{})
	case light.OpLightnessDefaultStatus:
		return here && l.servers.lightness && r.Decode(&light.LightnessDefaultStatus{})
	case light.OpLightnessRangeStatus:
		return here && l.servers.lightness && r.Decode(&light.LightnessRangeStatus{})
	default:
		return l.takeCTL(r, here && l.servers.ctl) || l.takeHSL(r, here && l.servers.hsl)
	}
}

func (l *lightFunction) takeCTL(r *Report, here bool) bool {
	switch r.Opcode {
	case light.OpCTLStatus:
		var s light.CTLStatus
		if !(here && r.Decode(&s)) {
			return false
		}
		l.setKelvin(goal(s.HasTarget, s.TargetCTLTemperature, s.PresentCTLTemperature))
		l.setLightness(goal(s.HasTarget, s.TargetCTLLightness, s.PresentCTLLightness))
		return true
	case light.OpCTLTemperatureStatus:
		var s light.CTLTemperatureStatus
		if !(r.Element == l.servers.temperature && r.Decode(&s)) {
			return false
		}
		l.setKelvin(goal(s.HasTarget, s.TargetCTLTemperature, s.PresentCTLTemperature))
		return true
	case light.OpCTLTemperatureRangeStatus:
		return here && r.Decode(&light.CTLTemperatureRangeStatus{})
	case light.OpCTLDefaultStatus:
		return here && r.Decode(&light.CTLDefaultStatus{})
	default:
		return false
	}
}

func (l *lightFunction) takeHSL(r *Report, here bool) bool {
	switch r.Opcode {
	case light.OpHSLStatus:
		var s light.HSLStatus
		if !(here && r.Decode(&s)) {
			return false
		}
		// During a transition it has the present values and no target. The
		// target or the end of the transition will be reported.
		if !s.HasRemainingTime || s.RemainingTime == 0 {
			l.setHSL(s.HSLLightness, s.HSLHue, s.HSLSaturation)
		} else if l.expected.parts > 0 && s.RemainingTime.IsKnown() {
			l.expected.until = r.Time.Add(s.RemainingTime.Duration() + reportsAtEnd)
		}
		return true
	case light.OpHSLTargetStatus:
		var s light.HSLTargetStatus
		if !(here && r.Decode(&s)) {
			return false
		}
		l.setHSL(s.HSLLightnessTarget, s.HSLHueTarget, s.HSLSaturationTarget)
		return true
	case light.OpHSLHueStatus:
		var s light.HSLHueStatus
		if !(r.Element == l.servers.hue && r.Decode(&s)) {
			return false
		}
		l.setHueSaturation(sure(goal(s.HasTarget, s.TargetHue, s.PresentHue)), maybe[uint16]{})
		return true
	case light.OpHSLSaturationStatus:
		var s light.HSLSaturationStatus
		if !(r.Element == l.servers.saturation && r.Decode(&s)) {
			return false
		}
		l.setHueSaturation(maybe[uint16]{}, sure(goal(s.HasTarget, s.TargetSaturation, s.PresentSaturation)))
		return true
	case light.OpHSLRangeStatus:
		return here && r.Decode(&light.HSLRangeStatus{})
	case light.OpHSLDefaultStatus:
		return here && r.Decode(&light.HSLDefaultStatus{})
	default:
		return false
	}
}

// setLightness takes over a lightness. While it is off, the light keeps its last
// brightness: Home Assistant has no use for a brightness of 0.
func (l *lightFunction) setLightness(lightness uint16) {
	l.shown.on = sure(lightness > 0)
	if lightness > 0 {
		l.raw.lightness = sure(lightness)
		l.derive()
	}
}

// setLevel takes over a Generic Level. Where there is a Generic OnOff that one
// tells whether the light is on.
func (l *lightFunction) setLevel(level int16) {
	on, lightness := l.shown.on, fromLevel(level)
	l.setLightness(lightness)
	if l.servers.onOff && lightness > 0 {
		l.shown.on = on
	}
}

// setKelvin takes over a colour temperature. One outside the range of the
// specification is ignored.
func (l *lightFunction) setKelvin(kelvin uint16) {
	if kelvin < light.MinTemperature || kelvin > light.MaxTemperature {
		return
	}
	changed := l.shown.kelvin.known && l.shown.kelvin.value != int(kelvin)
	l.shown.kelvin = sure(int(kelvin))
	l.enter(modeColorTemp, changed)
}

// setHueSaturation takes over one part of a colour, or both.
func (l *lightFunction) setHueSaturation(hue, saturation maybe[uint16]) {
	before := l.raw
	if hue.known {
		l.raw.hue = hue
	}
	if saturation.known {
		l.raw.saturation = saturation
	}
	if l.raw.hue.known && l.raw.saturation.known {
		changed := l.raw.hue != before.hue || l.raw.saturation != before.saturation
		if !before.hue.known || !before.saturation.known {
			// Reported for the first time: a light that has a colour shows it.
			changed = l.raw.saturation.value > 0
		}
		l.enter(modeHS, changed)
	}
	l.derive()
}

// setHSL takes over a whole Light HSL state.
func (l *lightFunction) setHSL(lightness, hue, saturation uint16) {
	l.expected.parts, l.expected.until = 0, time.Time{}
	if lightness > 0 {
		l.raw.lightness = sure(lightness)
	}
	l.setHueSaturation(sure(hue), sure(saturation))
	l.setLightness(lightness)
}

// enter notes which kind of colour was reported. A light with both shows the
// one that changed last, or that a command asked for.
func (l *lightFunction) enter(mode string, changed bool) {
	both := l.servers.ctl && l.servers.hsl
	if !both || l.shown.mode == "" || changed || l.expected.mode == mode {
		l.shown.mode = mode
	}
	if l.expected.mode == mode {
		l.expected.mode = ""
	}
}

// derive finds brightness and colour of what was reported.
func (l *lightFunction) derive() {
	if l.expected.parts > 0 {
		l.expected.parts-- // a new lightness with an old saturation is no colour
		return
	}
	white := !l.servers.hsl || l.shown.mode == modeColorTemp
	if white && l.raw.lightness.known {
		l.shown.brightness = sure(scaleOf(l.limits.lightness, 1).brightness(float64(l.raw.lightness.value)))
	}
	// Neither colour nor brightness follows from a lightness without the
	// saturation, and white light leaves the colour as it was.
	if !l.raw.hue.known || !l.raw.saturation.known || white && l.shown.color.known {
		return
	}
	// Without a lightness take the colour of the light when it is dim.
	brightness, color := fromHSL(l.raw.lightness.or(1), l.raw.hue.value, l.raw.saturation.value, l.limits.lightness)
	l.shown.color = sure(color)
	if l.raw.lightness.known {
		l.shown.brightness = sure(brightness)
	}
}
