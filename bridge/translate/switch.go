package translate

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// The property of lights and switches, and its values.
const (
	propState  = "state"
	wordOn     = "ON"
	wordOff    = "OFF"
	wordToggle = "TOGGLE"
)

// stateFeature is whether a light or a switch is on.
func stateFeature() Feature {
	return Feature{
		Name: propState, Property: propState, Type: TypeBinary, Access: Published | Settable | Gettable,
		Binary: onOrOff(),
	}
}

func onOrOff() Binary { return Binary{On: wordOn, Off: wordOff, Toggle: wordToggle} }

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

// onWord is how the state is published.
func onWord(on bool) string {
	if on {
		return wordOn
	}
	return wordOff
}

// wantedState is the state that a command asks for, "" for none. on is what was
// last reported; a TOGGLE depends on it.
func wantedState(c *Command, on maybe[bool]) string {
	v, _ := c.Value(propState)
	word, _ := v.(string)
	if word == wordToggle {
		return onWord(!on.known || !on.value)
	}
	return word
}

// switchFunction is a Generic OnOff server without a light: a switch.
type switchFunction struct {
	features []Feature
	on       maybe[bool]
}

func newSwitch(p *Place) Function {
	return &switchFunction{features: p.Name(Feature{Name: "switch", Key: "switch", Type: TypeComposite, Parts: []Feature{stateFeature()}})}
}

// Features implements Function.
func (o *switchFunction) Features() []Feature { return o.features }

func (o *switchFunction) property() string { return o.features[0].Parts[0].Property }

// Report implements Function. During a transition the target counts.
func (o *switchFunction) Report(r *Report) bool {
	var s generic.OnOffStatus
	if r.Opcode != generic.OpOnOffStatus || !r.Decode(&s) {
		return false
	}
	o.on = sure(goal(s.HasTarget, s.TargetOnOff, s.PresentOnOff))
	r.Set(o.property(), onWord(o.on.value))
	return true
}

// Restore implements Function.
func (o *switchFunction) Restore(stored map[string]any, s *State) {
	if on, ok := storedState(stored[o.property()]); ok {
		o.on = sure(on)
		s.Set(o.property(), onWord(on))
	}
}

// storedState is ON or OFF of a stored state.
func storedState(v any) (on, ok bool) { return v == wordOn, v == wordOn || v == wordOff }

// Plan implements Function.
func (o *switchFunction) Plan(c Command) ([]Step, error) {
	return []Step{setOnOff(o.features[0].Element, wantedState(&c, o.on) == wordOn, c.Transition)}, nil
}

// Query implements Function.
func (o *switchFunction) Query(w *Wanted) []Step {
	if !w.Wants(o.property()) {
		return nil
	}
	return []Step{{Element: o.features[0].Element, Message: &generic.OnOffGet{}, Respond: generic.OpOnOffStatus}}
}
