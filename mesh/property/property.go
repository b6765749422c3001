package property

import (
	"iter"
	"slices"
	"strings"
)

// Property is an entry of the table of device properties.
type Property struct {
	ID   ID
	Name string // name in the specification: "Present Ambient Temperature"
	// Forms are the possible layouts of a value, distinguished by their length.
	// The first one is used for sending.
	Forms []Form
}

// Form is the layout of a value: its parts one after the other.
type Form []Part

// Part is a number or a text within a value.
//
//	value = raw · Multiplier / Divisor, in Unit
type Part struct {
	Name       string // "" if the value has only one part
	Kind       Kind
	Size       int // octets; for a text the maximum
	Multiplier float64
	Divisor    float64
	Unit       string
	// Lowest and Highest are the raw limits of a number; the special values are
	// beyond them. Any other raw value is prohibited and reported as not known.
	Lowest, Highest int64
	Specials        []Special
}

// Kind is the encoding of a part.
type Kind uint8

// The kinds of parts.
const (
	Unsigned Kind = iota
	Signed
	Boolean         // 0 or 1
	Float           // IEEE 754 single
	TimeExponential // 1.1^(n-64) seconds; 0 is 0, 0xFE is the lifetime of the device
	Text            // UTF-8, padded with zeros or spaces
	Date            // days since 1970-01-01; 0 is not known
)

// Special is a raw value with a special meaning.
type Special struct {
	Raw     int64
	Meaning Meaning
}

// Meaning is what a special value means instead of a number.
type Meaning uint8

// The meanings.
const (
	NotKnown Meaning = iota
	NotValid
	OrMore // the number or more
)

// Resolution is the smallest difference between two values, in Unit; 0 if there
// is none.
func (p Part) Resolution() float64 {
	if p.Divisor == 0 {
		return 0
	}
	return p.Multiplier / p.Divisor
}

// Size is the number of octets of the form.
func (f Form) Size() int {
	n := 0
	for _, part := range f {
		n += part.Size
	}
	return n
}

// Key is the name in snake_case.
func (p Property) Key() string {
	return strings.ReplaceAll(strings.ToLower(p.Name), " ", "_")
}

// Lookup finds a property.
func Lookup(id ID) (Property, bool) {
	i, found := slices.BinarySearchFunc(table, id, func(p Property, id ID) int { return int(p.ID) - int(id) })
	if !found {
		return Property{}, false
	}
	return table[i], true
}

// All lists the properties in the order of their identifiers.
func All() iter.Seq[Property] { return slices.Values(table) }
