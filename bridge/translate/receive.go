package translate

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
)

// Receive translates a message from the device. Octets that are no message of
// their opcode are not known, like an opcode without translation.
func (t *translator) Receive(in Input) Update {
	switch in.Opcode {
	case sensor.OpStatus:
		return t.receiveSensor(in)
	case sensor.OpDescriptorStatus:
		return Update{Known: t.measures(in.Element) && t.decode(in, &sensor.DescriptorStatus{})}
	case generic.OpBatteryStatus:
		return t.receiveBattery(in)
	}
	if u := t.receiveLamp(in); u.Known {
		return u
	}
	return t.receiveButton(in)
}

func (t *translator) decode(in Input, m access.Message) bool {
	return t.codec.Decode(in.Params, m) == nil
}

// apply lets change loose and finds out what it changed.
func apply(attributes func(map[string]any), change func()) Update {
	before, after := map[string]any{}, map[string]any{}
	attributes(before)
	change()
	attributes(after)
	u := Update{Changed: map[string]any{}, Known: true}
	for k, v := range after {
		if old, had := before[k]; !had || old != v {
			u.Changed[k] = v
		}
	}
	return u
}

func (t *translator) receiveSensor(in Input) Update {
	var s sensor.Status
	if !t.decode(in, &s) {
		return Update{}
	}
	all := Update{Changed: map[string]any{}}
	for _, data := range s.SensorData {
		for _, m := range t.meters {
			if m.element != in.Element || m.property != data.PropertyID {
				continue
			}
			u := apply(m.attributes, func() { m.receive(data.RawValue) })
			for k, v := range u.Changed {
				all.Changed[k] = v
			}
			all.Known = true
		}
	}
	return all
}

// measures reports whether an element has a sensor server with properties.
// What that tells about them an interview asks for, not a user.
func (t *translator) measures(element int) bool {
	return slices.ContainsFunc(t.meters, func(m *meter) bool { return m.element == element })
}

func (t *translator) receiveBattery(in Input) Update {
	var s generic.BatteryStatus
	if !t.decode(in, &s) {
		return Update{}
	}
	for _, b := range t.batteries {
		if b.element == in.Element {
			return apply(b.attributes, func() { b.receive(&s) })
		}
	}
	return Update{}
}

// receiveLamp handles what servers of a light or a switch report. A status
// that has a target is on its way there; the target is what counts.
func (t *translator) receiveLamp(in Input) Update {
	l := t.lampOn(in.Element)
	if l == nil {
		return Update{}
	}
	here := in.Element == l.thing.Element
	change := func(ok bool, f func()) Update {
		if !ok {
			return Update{}
		}
		return apply(l.attributes, f)
	}
	nothing := func(m access.Message, ok bool) Update { return Update{Known: ok && t.decode(in, m)} }
	switch in.Opcode {
	case generic.OpOnOffStatus:
		var s generic.OnOffStatus
		return change(here && l.onOff && t.decode(in, &s), func() { l.setOn(pick(s.HasTarget, s.TargetOnOff, s.PresentOnOff)) })
	case generic.OpLevelStatus:
		var s generic.LevelStatus
		// A level that is bound to something else says it once more.
		ok := (l.level || !here) && t.decode(in, &s)
		return change(ok, func() {
			if here && l.levelOnly() {
				l.setLevel(pick(s.HasTarget, s.TargetLevel, s.PresentLevel))
			}
		})
	case light.OpLightnessStatus:
		var s light.LightnessStatus
		return change(here && l.lightness && t.decode(in, &s), func() {
			l.setLightness(pick(s.HasTarget, s.TargetLightness, s.PresentLightness))
		})
	case light.OpLightnessLinearStatus:
		return nothing(&light.LightnessLinearStatus{}, here && l.lightness)
	case light.OpLightnessLastStatus:
		return nothing(&light.LightnessLastStatus{}, here && l.lightness)
	case light.OpLightnessDefaultStatus:
		return nothing(&light.LightnessDefaultStatus{}, here && l.lightness)
	case light.OpLightnessRangeStatus:
		return nothing(&light.LightnessRangeStatus{}, here && l.lightness)
	case light.OpCTLStatus, light.OpCTLTemperatureStatus, light.OpCTLTemperatureRangeStatus, light.OpCTLDefaultStatus:
		return t.receiveCTL(in, l, change, nothing)
	default:
		return t.receiveHSL(in, l, change, nothing)
	}
}

func (t *translator) receiveCTL(in Input, l *lamp, change func(bool, func()) Update, nothing func(access.Message, bool) Update) Update {
	here := in.Element == l.thing.Element
	switch in.Opcode {
	case light.OpCTLStatus:
		var s light.CTLStatus
		return change(here && l.ctl && t.decode(in, &s), func() {
			l.setKelvin(pick(s.HasTarget, s.TargetCTLTemperature, s.PresentCTLTemperature))
			l.setLightness(pick(s.HasTarget, s.TargetCTLLightness, s.PresentCTLLightness))
		})
	case light.OpCTLTemperatureStatus:
		var s light.CTLTemperatureStatus
		return change(in.Element == l.temperature && t.decode(in, &s), func() {
			l.setKelvin(pick(s.HasTarget, s.TargetCTLTemperature, s.PresentCTLTemperature))
		})
	case light.OpCTLTemperatureRangeStatus:
		return nothing(&light.CTLTemperatureRangeStatus{}, here && l.ctl)
	case light.OpCTLDefaultStatus:
		return nothing(&light.CTLDefaultStatus{}, here && l.ctl)
	}
	return Update{}
}

func (t *translator) receiveHSL(in Input, l *lamp, change func(bool, func()) Update, nothing func(access.Message, bool) Update) Update {
	here := in.Element == l.thing.Element
	switch in.Opcode {
	case light.OpHSLStatus:
		var s light.HSLStatus
		return change(here && l.hsl && t.decode(in, &s), func() {
			// It has no target, only where the lamp is on its way. The target
			// or the end of the transition will be reported.
			if s.HasRemainingTime && s.RemainingTime != 0 {
				return
			}
			l.setHSL(s.HSLLightness, s.HSLHue, s.HSLSaturation)
		})
	case light.OpHSLTargetStatus:
		var s light.HSLTargetStatus
		return change(here && l.hsl && t.decode(in, &s), func() {
			l.setHSL(s.HSLLightnessTarget, s.HSLHueTarget, s.HSLSaturationTarget)
		})
	case light.OpHSLHueStatus:
		var s light.HSLHueStatus
		return change(in.Element == l.hue && t.decode(in, &s), func() {
			l.setHueSaturation(sure(pick(s.HasTarget, s.TargetHue, s.PresentHue)), maybe[uint16]{})
		})
	case light.OpHSLSaturationStatus:
		var s light.HSLSaturationStatus
		return change(in.Element == l.saturation && t.decode(in, &s), func() {
			l.setHueSaturation(maybe[uint16]{}, sure(pick(s.HasTarget, s.TargetSaturation, s.PresentSaturation)))
		})
	case light.OpHSLRangeStatus:
		return nothing(&light.HSLRangeStatus{}, here && l.hsl)
	case light.OpHSLDefaultStatus:
		return nothing(&light.HSLDefaultStatus{}, here && l.hsl)
	}
	return Update{}
}

// lampOn is the lamp that has a server on an element, nil if there is none.
func (t *translator) lampOn(element int) *lamp {
	for _, l := range t.lamps {
		if l.owns(element) {
			return l
		}
	}
	return nil
}

func pick[T any](hasTarget bool, target, present T) T {
	if hasTarget {
		return target
	}
	return present
}
