package translate

import (
	"bytes"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
)

// sameAnswers is how often a device has to say the same until it is believed
// that it will not do exactly what it was told: a lamp may have limits of its
// own. A publication from before the command comes twice at most.
const sameAnswers = 3

// answerTo tells whether a status answers a Set. A status does not say which
// message it belongs to: the late answer to a repeat of the command before, or
// what the device published meanwhile, look alike. So an answer is a status
// with what was asked for, as the value now or as the one it is going to; any
// other must come sameAnswers times. The function keeps count, so each message
// has one of its own; it is nil for messages that set nothing.
func answerTo(m access.Message) func(params []byte) bool {
	asked := asks(m)
	if asked == nil {
		return nil
	}
	var last []byte
	times := 0
	return func(params []byte) bool {
		if asked(params) {
			return true
		}
		if !bytes.Equal(params, last) {
			last, times = slices.Clone(params), 0
		}
		times++
		return times >= sameAnswers
	}
}

// asks is whether a status has what a Set asks for.
func asks(m access.Message) func(params []byte) bool {
	switch m := m.(type) {
	case *generic.OnOffSet:
		return func(params []byte) bool {
			var s generic.OnOffStatus
			return access.Decode(params, &s) == nil && m.OnOff == either(s.HasTarget, s.TargetOnOff, s.PresentOnOff)
		}
	case *generic.LevelSet:
		return func(params []byte) bool {
			var s generic.LevelStatus
			return access.Decode(params, &s) == nil && m.Level == either(s.HasTarget, s.TargetLevel, s.PresentLevel)
		}
	case *light.LightnessSet:
		return func(params []byte) bool {
			var s light.LightnessStatus
			return access.Decode(params, &s) == nil && m.Lightness == either(s.HasTarget, s.TargetLightness, s.PresentLightness)
		}
	case *light.CTLSet:
		return func(params []byte) bool {
			var s light.CTLStatus
			return access.Decode(params, &s) == nil &&
				m.CTLLightness == either(s.HasTarget, s.TargetCTLLightness, s.PresentCTLLightness) &&
				m.CTLTemperature == either(s.HasTarget, s.TargetCTLTemperature, s.PresentCTLTemperature)
		}
	case *light.CTLTemperatureSet:
		return func(params []byte) bool {
			var s light.CTLTemperatureStatus
			return access.Decode(params, &s) == nil &&
				m.CTLTemperature == either(s.HasTarget, s.TargetCTLTemperature, s.PresentCTLTemperature)
		}
	case *light.HSLSet:
		// Its status has no target; a lamp on its way says how long it takes.
		return func(params []byte) bool {
			var s light.HSLStatus
			return access.Decode(params, &s) == nil && (s.HasRemainingTime ||
				m.HSLLightness == s.HSLLightness && m.HSLHue == s.HSLHue && m.HSLSaturation == s.HSLSaturation)
		}
	default:
		return nil
	}
}

// either is the target where there is one, else the present value.
func either[T any](hasTarget bool, target, present T) T {
	if hasTarget {
		return target
	}
	return present
}
