package translate

import (
	"encoding/hex"
	"math"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

// meter is one property of a sensor server. A property with several parts, or
// with two ways to look at it, is several things.
type meter struct {
	property property.ID
	element  int
	things   []Thing
	parts    []int // that the value of a thing comes from
	factors  []float64
	values   []any // nil is unknown
}

// measurement is what Home Assistant calls a property.
type measurement struct {
	key, name   string
	class       string
	unit        string // "" for that of the property
	state       string // state class
	visible     visibility
	factor      float64 // 0 is 1
	motionAbove bool    // also a binary sensor: more than nothing
}

type visibility uint8

const (
	shown      visibility = iota
	diagnostic            // shown among the diagnostics
	hidden                // diagnostic, and only if the user asks for it
)

// State classes.
const (
	measured = "measurement"
	total    = "total_increasing"
	angle    = "measurement_angle"
)

func newMeter(id property.ID, element int) *meter {
	m := &meter{property: id, element: element}
	p, ok := property.Lookup(id)
	if !ok {
		m.add(0, 1, Thing{
			Kind: Sensor, Element: element, Key: "property_" + id.String(),
			Name: "Property " + id.String(), Diagnostic: true, Disabled: true, Precision: -1,
		})
		return m
	}
	known, ok := measurements[id]
	for i, part := range p.Forms[0] {
		what := known
		if !ok || i > 0 {
			what = measurement{key: p.Key(), name: sentence(p.Name), state: measured, visible: hidden}
			if part.Name != "" {
				what.key += "_" + part.Name
				what.name += " " + strings.ReplaceAll(part.Name, "_", " ")
			}
		}
		m.addPart(i, part, what)
	}
	return m
}

// sentence writes a name of the specification as Home Assistant writes names.
func sentence(name string) string {
	words := strings.Fields(name)
	for i, w := range words {
		if i > 0 && strings.ToUpper(w) != w {
			words[i] = strings.ToLower(w)
		}
	}
	return strings.Join(words, " ")
}

func (m *meter) addPart(index int, part property.Part, what measurement) {
	factor := what.factor
	if factor == 0 {
		factor = 1
	}
	t := Thing{
		Kind:        Sensor,
		Element:     m.element,
		Key:         what.key,
		Name:        what.name,
		DeviceClass: what.class,
		Diagnostic:  what.visible != shown,
		Disabled:    what.visible == hidden,
		Precision:   -1,
	}
	switch part.Kind {
	case property.Boolean:
		t.Kind = BinarySensor
	case property.Text, property.Date:
	default:
		t.Unit, t.StateClass = what.unit, what.state
		if t.Unit == "" {
			t.Unit = part.Unit
		}
		t.Precision = digits(part.Resolution() * factor)
	}
	m.add(index, factor, t)
	if what.motionAbove {
		m.add(index, 1, Thing{
			Kind: BinarySensor, Element: m.element, Key: "motion", Name: "Motion",
			DeviceClass: "motion", Precision: -1,
		})
	}
}

func (m *meter) add(part int, factor float64, t Thing) {
	t.Attribute = t.Key
	m.things = append(m.things, t)
	m.parts = append(m.parts, part)
	m.factors = append(m.factors, factor)
	m.values = append(m.values, nil)
}

// digits is how many digits behind the point tell neighbouring values apart,
// -1 when there is no step between them.
func digits(resolution float64) int {
	if resolution <= 0 {
		return -1
	}
	// A little less, because 0.01 has no exact logarithm.
	return int(max(0, math.Ceil(-math.Log10(resolution)-1e-9)))
}

func (m *meter) attributes(state map[string]any) {
	for i, t := range m.things {
		state[t.Attribute] = m.values[i]
	}
}

// receive takes over a value. Octets that the table does not know the layout
// of say nothing, and no octets are a sensor that is not there.
func (m *meter) receive(raw []byte) {
	clear(m.values)
	p, ok := property.Lookup(m.property)
	if !ok {
		if len(raw) > 0 {
			m.values[0] = hex.EncodeToString(raw)
		}
		return
	}
	parts, err := p.Decode(raw)
	if err != nil || len(raw) == 0 {
		return
	}
	for i, t := range m.things {
		if v := parts[m.parts[i]]; v.Known {
			m.values[i] = value(t, v, m.factors[i])
		}
	}
}

// value is what stands in the state document.
func value(t Thing, v property.Value, factor float64) any {
	switch {
	case t.Kind == BinarySensor:
		return v.Number > 0
	case v.Kind == property.Text:
		return v.Text
	case v.Kind == property.Date:
		const day = 24 * time.Hour
		return time.Unix(0, 0).UTC().Add(time.Duration(v.Number) * day).Format(time.DateOnly)
	}
	n := v.Number * factor
	if v.Kind == property.TimeExponential {
		return significant(n)
	}
	if t.Precision >= 0 {
		return places(n, t.Precision)
	}
	return n
}

// significant keeps three digits; the steps of an exponential are 10 % apart.
func significant(v float64) float64 {
	if v <= 0 {
		return 0
	}
	return places(v, 2-int(math.Floor(math.Log10(v))))
}
