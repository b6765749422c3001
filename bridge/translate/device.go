package translate

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// Function is one function of a device. It knows the models that it was built
// from and what they last reported. It belongs to the goroutine of its Device.
type Function interface {
	// Features describes what the function reports and takes, as Place.Name
	// returned it. The description does not change.
	Features() []Feature
	// Report updates the function from a message and sets the values that it
	// changes in the state of the device. It returns false for a message that
	// the function does not know, and changes nothing then. It is called for
	// messages from the elements whose models the function has.
	Report(r *Report) bool
	// Restore takes over stored values, by property. It ignores values that
	// the feature cannot have.
	Restore(stored map[string]any, s *State)
	// Plan returns the messages that carry out a command, in the order to send
	// them. It changes nothing. It is called with at least one value. Errors
	// are ErrAttribute.
	Plan(c Command) ([]Step, error)
	// Query returns the messages that ask the device for the features that w
	// wants.
	Query(w *Wanted) []Step
}

// Input is a message from the device.
type Input struct {
	Time    time.Time
	Element int          // index of the element that sent it
	Dst     mesh.Address // the bridge, a group
	Opcode  mesh.Opcode
	Params  []byte
}

// Report is a message from the device on its way to a function.
type Report struct {
	Input
	*State // of the device
	codec  access.Codec
	events []Event
}

// Decode reads the message into m. It returns false for parameters that are not
// those of m.
func (r *Report) Decode(m access.Message) bool { return r.codec.Decode(r.Params, m) == nil }

// Publish publishes an event.
func (r *Report) Publish(e Event) { r.events = append(r.events, e) }

// Event is something that happened at the device: a button was pressed.
type Event struct {
	Type       string         // one of Values of the feature: "on", "brightness_up"
	Element    int            // index
	Attributes map[string]any // further facts, such as "brightness"
}

// Update is what a message from the device means.
type Update struct {
	// Changed is the attributes that the message gave another value than they
	// had. A value of nil means unknown.
	Changed map[string]any
	Events  []Event
	// Known is false for a message that has no translation.
	Known bool
}

// Device is the functions of one device. It belongs to one goroutine.
type Device struct {
	elements  int
	functions []placed
	values    []value // all that a command or a query can name
	at        [][]int // by element: the functions that get its messages
	state     State
	report    Report // the one under way; kept to allocate nothing
	tid       uint8  // transaction identifier that was used last
}

// placed is a function in its device.
type placed struct {
	Function
	element int
	listens []int // elements whose messages it gets
}

// value is a feature with a value of its own: a feature without parts, or a
// part.
type value struct {
	function int
	whole    *Feature // the feature that it is a part of, or itself
	*Feature
}

// Describe builds the functions of a device from its record, with the families
// of Families. A device that was not interviewed has none.
func Describe(r *device.Record) *Device { return Compose(Families(), r) }

// Compose is Describe with other families.
func Compose(families []Family, r *device.Record) *Device {
	d := &Device{
		elements: r.Elements(),
		state:    State{values: map[string]any{}},
		// A device ignores a transaction that it has just seen. After a
		// restart the numbers go on somewhere else.
		tid: uint8(rand.Uint32()),
	}
	d.report.State = &d.state
	if r.Composition != nil {
		d.compose(families, r.Composition.Elements, &r.Details)
	}
	return d
}

func (d *Device) compose(families []Family, elements []configuration.CompositionElement, details *device.Details) {
	c := &composer{elements: elements, details: details, names: map[string]int{}}
	for range elements {
		c.taken = append(c.taken, map[mesh.ModelID]bool{})
	}
	for i := range elements {
		d.functions = append(d.functions, c.place(i, families)...)
	}
	// Functions that take commands come first in all lists.
	slices.SortStableFunc(d.functions, func(a, b placed) int { return cmp.Compare(a.order(), b.order()) })
	d.at = make([][]int, len(elements))
	for i, f := range d.functions {
		for _, element := range f.listens {
			d.at[element] = append(d.at[element], i)
		}
		d.index(i, f.Features())
	}
	for _, v := range d.values {
		if v.Access&Published != 0 && !v.OmitUnknown {
			d.state.values[v.Property] = nil
		}
	}
}

// order is 0 for a function that takes commands and 1 for others.
func (p placed) order() int {
	for _, f := range p.Features() {
		if f.Access&Settable != 0 || slices.ContainsFunc(f.Parts, func(part Feature) bool { return part.Access&Settable != 0 }) {
			return 0
		}
	}
	return 1
}

// index lists the features of a function that have a value.
func (d *Device) index(function int, features []Feature) {
	for i := range features {
		whole := &features[i]
		switch {
		case whole.Property != "":
			d.values = append(d.values, value{function, whole, whole})
		case whole.Type == TypeComposite:
			for j := range whole.Parts {
				d.values = append(d.values, value{function, whole, &whole.Parts[j]})
			}
		}
	}
}

// Features lists the features of all functions, in an order that does not
// change.
func (d *Device) Features() []Feature {
	var all []Feature
	for _, f := range d.functions {
		all = append(all, cloneFeatures(f.Features())...)
	}
	return all
}

// State returns all attributes with what was last reported; nil is unknown.
func (d *Device) State() map[string]any { return maps.Clone(d.state.values) }

// Restore sets attributes to what was stored. It ignores values that a feature
// cannot have.
func (d *Device) Restore(stored map[string]any) {
	for _, f := range d.functions {
		f.Restore(stored, &d.state)
	}
	d.state.takeChanges()
}

// RestoreValues is Function.Restore for features whose values are published as
// they are reported.
func RestoreValues(features []Feature, stored map[string]any, s *State) {
	for _, f := range features {
		v := stored[f.Property]
		switch f.Type {
		case TypeNumeric:
			if n, ok := number(v); ok {
				s.Set(f.Property, n)
			}
		case TypeBinary:
			if v != nil && (v == f.Binary.On || v == f.Binary.Off) {
				s.Set(f.Property, v)
			}
		case TypeEnum:
			if text, ok := v.(string); ok && slices.Contains(f.Values, text) {
				s.Set(f.Property, text)
			}
		case TypeText:
			if text, ok := v.(string); ok {
				s.Set(f.Property, text)
			}
		case TypeList, TypeComposite:
			// Only the function knows what they are.
		}
	}
}

// number returns a stored number; JSON has them as float64.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	}
	return 0, false
}

// Receive translates a message from the device. Parameters that are not those of
// their opcode are not known, like an opcode without translation.
func (d *Device) Receive(in Input) Update {
	if in.Element < 0 || in.Element >= len(d.at) {
		return Update{}
	}
	r := &d.report
	r.Input, r.events = in, nil
	for _, i := range d.at[in.Element] {
		if d.functions[i].Report(r) {
			return Update{Changed: d.state.takeChanges(), Events: r.events, Known: true}
		}
	}
	return Update{}
}

// ReadOnly is the Plan of a function without settable features.
type ReadOnly struct{}

// Plan implements Function. It is never called.
func (ReadOnly) Plan(Command) ([]Step, error) { return nil, nil }
