package translate

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
)

// This file is the messages to lights and switches, each with the status that
// confirms it.

// ask is a message that sets nothing.
func ask(element int, m access.Message, respond mesh.Opcode) Step {
	return Step{Element: element, Message: m, Respond: respond}
}

// setOnOff is a Generic OnOff Set.
func setOnOff(element int, on bool, t generic.Transition) Step {
	m := &generic.OnOffSet{OnOff: on, Transition: t}
	return Step{
		Element: element, Message: m, Respond: generic.OpOnOffStatus, Transaction: &m.TID,
		Confirms: Confirm(func(s *generic.OnOffStatus) bool {
			return m.OnOff == goal(s.HasTarget, s.TargetOnOff, s.PresentOnOff)
		}),
	}
}

// setLevel is a Generic Level Set.
func setLevel(element int, level int16, t generic.Transition) Step {
	m := &generic.LevelSet{Level: level, Transition: t}
	return Step{
		Element: element, Message: m, Respond: generic.OpLevelStatus, Transaction: &m.TID,
		Confirms: Confirm(func(s *generic.LevelStatus) bool {
			return m.Level == goal(s.HasTarget, s.TargetLevel, s.PresentLevel)
		}),
	}
}

// setLightness is a Light Lightness Set.
func setLightness(element int, lightness uint16, t generic.Transition) Step {
	m := &light.LightnessSet{Lightness: lightness, Transition: t}
	return Step{
		Element: element, Message: m, Respond: light.OpLightnessStatus, Transaction: &m.TID,
		Confirms: Confirm(func(s *light.LightnessStatus) bool {
			return m.Lightness == goal(s.HasTarget, s.TargetLightness, s.PresentLightness)
		}),
	}
}

// setCTLTemperature is a Light CTL Temperature Set.
func setCTLTemperature(element int, kelvin uint16, t generic.Transition) Step {
	m := &light.CTLTemperatureSet{CTLTemperature: kelvin, Transition: t}
	return Step{
		Element: element, Message: m, Respond: light.OpCTLTemperatureStatus, Transaction: &m.TID,
		Confirms: Confirm(func(s *light.CTLTemperatureStatus) bool {
			return m.CTLTemperature == goal(s.HasTarget, s.TargetCTLTemperature, s.PresentCTLTemperature)
		}),
	}
}

// setCTL is a Light CTL Set.
func setCTL(element int, lightness, kelvin uint16, t generic.Transition) Step {
	m := &light.CTLSet{CTLLightness: lightness, CTLTemperature: kelvin, Transition: t}
	return Step{
		Element: element, Message: m, Respond: light.OpCTLStatus, Transaction: &m.TID,
		Confirms: Confirm(func(s *light.CTLStatus) bool {
			return m.CTLLightness == goal(s.HasTarget, s.TargetCTLLightness, s.PresentCTLLightness) &&
				m.CTLTemperature == goal(s.HasTarget, s.TargetCTLTemperature, s.PresentCTLTemperature)
		}),
	}
}

// setHSL is a Light HSL Set. The status has no target, but during a transition
// it has the remaining time.
func setHSL(element int, lightness, hue, saturation uint16, t generic.Transition) Step {
	m := &light.HSLSet{HSLLightness: lightness, HSLHue: hue, HSLSaturation: saturation, Transition: t}
	return Step{
		Element: element, Message: m, Respond: light.OpHSLStatus, Transaction: &m.TID,
		Confirms: Confirm(func(s *light.HSLStatus) bool {
			return s.HasRemainingTime ||
				m.HSLLightness == s.HSLLightness && m.HSLHue == s.HSLHue && m.HSLSaturation == s.HSLSaturation
		}),
	}
}
