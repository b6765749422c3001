package translate

import (
	"encoding/json"
	"math"
	"slices"
)

// Feature describes one thing that a function reports or takes: its name, what
// its values are and how it may be used. Front ends derive what they show from
// it: the entities of Home Assistant, the exposes of bridge/devices, a control
// of a page.
type Feature struct {
	// Name says what the feature is, without a number: "light", "brightness",
	// "temperature". A front end looks up what it knows about it by the name.
	Name string
	// Label is the name for people: "Battery low". Empty: made of the key.
	Label string
	// Key names the feature within its device, in lower-case letters, digits
	// and underscores: "light_2". It never changes. The parts of a composite
	// have none.
	Key string
	// Property is the key of the value in the state document and in commands:
	// "state_2". A part of a value that is an object is a key of that object. A
	// composite whose parts have values of their own has no property, and
	// neither has an event.
	Property string
	// Suffix is what Key and Property end with when the device has several such
	// features: "", "_2".
	Suffix string
	// Element is the index of the element in the device.
	Element int

	Type     Type
	Access   Access
	Category Category
	// Hidden: of use to few, not shown unless a user asks for it.
	Hidden bool
	// Event: it happens and is over. It is published to B/N/event, where Values
	// are the event types, and is never part of the state.
	Event bool
	// OmitUnknown: while the value is not known the state document leaves it
	// out. Without it the value is null then.
	OmitUnknown bool

	Unit   string   // of a numeric: "°C", "%", "K"; "" for none
	Range  *Range   // of a numeric; nil when it is not known
	Step   float64  // of a numeric: the smallest difference, 0 when not known
	Values []string // of an enum: what the value can be; of an event its types
	Binary Binary   // of a binary: how its values are written

	Parts []Feature // of a composite

	// Read reads a value of a command if the description is not enough for it;
	// nil reads it by the type. name is how the command calls the attribute.
	Read func(name string, raw json.RawMessage) (any, error)
}

// Type is what the values of a feature are.
type Type uint8

// The types, with what a value is in a state document and what Command.Value
// returns.
const (
	TypeNumeric   Type = iota // number; float64
	TypeBinary                // one of the two values of Binary; that value, or Toggle
	TypeEnum                  // text, one of Values; string
	TypeText                  // text; string
	TypeList                  // array; json.RawMessage
	TypeComposite             // parts with values of their own, or an object; json.RawMessage
)

// Access says how a feature may be used. The bits are those of Zigbee2MQTT.
type Access uint8

// The bits of Access.
const (
	Published Access = 1 << iota // it is part of the state document
	Settable                     // a command may have it
	Gettable                     // the device can be asked for it
)

// Category tells what a feature is for.
type Category string

// The categories.
const (
	Main       Category = ""           // what the device is there for
	Diagnostic Category = "diagnostic" // how the device is
	Config     Category = "config"     // how the device is set up
)

// Range is the least and the greatest value of a numeric.
type Range struct{ Min, Max float64 }

// Binary is how the values of a binary are written: ON and OFF, or true and
// false. Toggle is the word of a command for the other value; "" for none.
type Binary struct {
	On, Off any
	Toggle  string
}

// Part finds a part of a composite by its name, nil for none.
func (f *Feature) Part(name string) *Feature {
	for i := range f.Parts {
		if f.Parts[i].Name == name {
			return &f.Parts[i]
		}
	}
	return nil
}

// Digits is how many digits behind the point tell neighbouring values apart, -1
// when Step does not say.
func (f *Feature) Digits() int {
	if f.Step <= 0 {
		return -1
	}
	// A little less, because 0.01 has no exact logarithm.
	return int(max(0, math.Ceil(-math.Log10(f.Step)-1e-9)))
}

// base is the property without its suffix.
func (f *Feature) base() string { return f.Property[:len(f.Property)-len(f.Suffix)] }

// clone copies a feature with all that a caller could change.
func (f Feature) clone() Feature {
	f.Values = slices.Clone(f.Values)
	f.Parts = cloneFeatures(f.Parts)
	return f
}

func cloneFeatures(features []Feature) []Feature {
	if features == nil {
		return nil
	}
	all := make([]Feature, len(features))
	for i, f := range features {
		all[i] = f.clone()
	}
	return all
}
