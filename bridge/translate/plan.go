package translate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// Step is one message of a plan.
type Step struct {
	Element int // index of the element to send to
	Message access.Message
	// Respond is the opcode of the status that acknowledges the message.
	Respond mesh.Opcode
	// Transaction points at the transaction identifier in Message, which it
	// gets when it is sent; nil for a message that has none.
	Transaction *uint8
	// Confirms tells whether a status has what the message asks for; nil for a
	// message that sets nothing.
	Confirms func(params []byte) bool
	// Expect is told when the message is sent and when the exchange is over;
	// nil if nothing depends on it.
	Expect Expectation
}

// Expectation is what a function expects of the device after a message.
type Expectation interface {
	// Sent says that the message is about to be sent.
	Sent()
	// Failed says that there will be no answer: what was expected since Sent
	// is not expected any more.
	Failed(s *State)
}

// Command is what a command asks of one function.
type Command struct {
	// Transition is how fast and after what delay; without Present that is up
	// to the device. A function without transitions ignores it.
	Transition generic.Transition

	settings []setting // of all functions
	function int
}

// setting is an attribute of a command.
type setting struct {
	value *value
	to    any
}

// Value returns what the command wants a feature to be, by the name of the
// feature; see Type for what it is. It returns false if the command does not
// have the feature.
func (c *Command) Value(name string) (any, bool) {
	for i := len(c.settings) - 1; i >= 0; i-- { // the last one counts
		if s := &c.settings[i]; s.value.function == c.function && s.value.Name == name {
			return s.to, true
		}
	}
	return nil, false
}

// empty reports whether the command wants nothing of the function.
func (c *Command) empty() bool {
	return !slices.ContainsFunc(c.settings, func(s setting) bool { return s.value.function == c.function })
}

// How a command is carried out, beside its attributes.
const (
	optionTransition = "transition"
	optionDelay      = "delay"
)

// Plan turns the attributes of a command into messages, in the order to send
// them. It changes nothing: a plan that is not sent leaves no trace. An error
// is ErrAttribute and names the attribute, what was expected and what came.
// element is "" or the element of the topic: its index, or the key of a
// feature.
func (d *Device) Plan(element string, attributes map[string]json.RawMessage) ([]Step, error) {
	at, err := d.scope(element)
	if err != nil {
		return nil, err
	}
	c := Command{settings: make([]setting, 0, len(attributes))}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		raw := attributes[name]
		switch name {
		case optionTransition:
			c.Transition.Time, err = readTransition(name, raw)
			c.Transition.Present = true
		case optionDelay:
			c.Transition.Delay, err = readDelay(name, raw)
			c.Transition.Present = true
		default:
			v := d.settable(at, name)
			if v == nil {
				return nil, d.unknown(at, name)
			}
			var to any
			to, err = v.read(name, raw)
			c.settings = append(c.settings, setting{v, to})
		}
		if err != nil {
			return nil, err
		}
	}
	if len(c.settings) == 0 {
		return nil, wrongf("no attribute was given: %s", d.settableNames(at))
	}
	var steps []Step
	for i := range d.functions {
		if c.function = i; c.empty() {
			continue
		}
		more, err := d.functions[i].Plan(c)
		if err != nil {
			return nil, err
		}
		if steps == nil {
			steps = more
		} else {
			steps = append(steps, more...)
		}
	}
	return steps, nil
}

// scope is what an element of a topic stands for.
type scope struct {
	all   bool // no element was named
	index int  // of an element, -1 for a key
	key   string
}

// scope reads the element of a topic.
func (d *Device) scope(element string) (scope, error) {
	if element == "" {
		return scope{all: true, index: -1}, nil
	}
	if i, err := strconv.Atoi(element); err == nil && i >= 0 && i < d.elements {
		return scope{index: i}, nil
	}
	var keys []string
	for _, f := range d.functions {
		for _, feature := range f.Features() {
			if feature.Key == element {
				return scope{index: -1, key: element}, nil
			}
			keys = append(keys, feature.Key)
		}
	}
	expected := fmt.Sprintf("0 to %d", d.elements-1)
	if len(keys) > 0 {
		expected += " or " + clip(strings.Join(keys, ", "))
	}
	return scope{}, wrongf("element: expected %s, got %q", expected, clip(element))
}

// has reports whether a value is within a scope.
func (d *Device) has(at scope, v *value) bool {
	switch {
	case at.all:
		return true
	case at.index < 0:
		return v.whole.Key == at.key
	default:
		return slices.Contains(d.functions[v.function].listens, at.index)
	}
}

// names reports whether name means a value; its suffix may be left out where
// the topic has named the element.
func (at scope) names(v *value, name string) bool {
	return name == v.Property || !at.all && name == v.base()
}

// settable finds the value that an attribute sets, nil for none.
func (d *Device) settable(at scope, name string) *value {
	for i := range d.values {
		if v := &d.values[i]; v.Access&Settable != 0 && at.names(v, name) && d.has(at, v) {
			return v
		}
	}
	return nil
}

func (d *Device) settableNames(at scope) string {
	var names []string
	for i := range d.values {
		if v := &d.values[i]; v.Access&Settable != 0 && d.has(at, v) {
			names = append(names, v.Property)
		}
	}
	if len(names) == 0 {
		return "nothing can be set here"
	}
	return "expected " + strings.Join(append(names, optionTransition, optionDelay), ", ")
}

// unknown is the error for an attribute that cannot be set.
func (d *Device) unknown(at scope, name string) error {
	reported := slices.ContainsFunc(d.values, func(v value) bool {
		return v.Property == name && v.Access&Settable == 0
	})
	if reported {
		return wrongf("%s: cannot be set, it is only reported; %s", name, d.settableNames(at))
	}
	return wrongf("unknown attribute %q: %s", clip(name), d.settableNames(at))
}

// readTransition reads a time in seconds.
func readTransition(name string, raw json.RawMessage) (generic.TransitionTime, error) {
	n, err := readNumber(name, raw, Range{0, generic.MaxTransition.Seconds()}, "s")
	if err != nil {
		return 0, err
	}
	return transitionTime(seconds(n))
}

// transitionTime is a time in the coarsest steps that hold it exactly, or the
// nearest one if none does.
func transitionTime(d time.Duration) (generic.TransitionTime, error) {
	const mostSteps = 62
	for i, step := range []time.Duration{10 * time.Minute, 10 * time.Second, time.Second, 100 * time.Millisecond} {
		if n := d / step; n > 0 && n <= mostSteps && d%step == 0 {
			return generic.TransitionTime(3-i)<<6 | generic.TransitionTime(n), nil
		}
	}
	t, err := generic.TransitionTimeOf(d)
	if err == nil && t == 0 && d > 0 {
		t = 1 // 0 would be at once
	}
	return t, err
}

func readDelay(name string, raw json.RawMessage) (generic.Delay, error) {
	n, err := readNumber(name, raw, Range{0, generic.MaxDelay.Seconds()}, "s")
	if err != nil {
		return 0, err
	}
	return generic.DelayOf(seconds(n))
}
