package translate

import (
	"encoding/hex"
	"math"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

// sensorFunction is a Sensor server: each of its device properties is one or
// more features.
type sensorFunction struct {
	ReadOnly
	features []Feature
	readings []reading // of the same index
}

// reading is how the value of a feature comes from that of a property.
type reading struct {
	property property.ID
	part     int // of the value
	factor   float64
	digits   int // behind the point, -1 for all
}

// measurement is how a property of measurements is shown.
type measurement struct {
	name, label string
	unit        string // "" for that of the property
	visible     visibility
	factor      float64 // 0 is 1
	motion      bool    // also a binary: more than nothing
}

type visibility uint8

const (
	mainly     visibility = iota
	diagnostic            // among the diagnostics
	hidden                // a diagnostic, and only if the user asks for it
)

func newSensor(p *Place) Function {
	s := &sensorFunction{}
	for _, id := range p.Details().Sensors[p.Element] {
		s.addProperty(property.ID(id))
	}
	if len(s.features) == 0 {
		return nil
	}
	p.Name(s.features...)
	return s
}

func (s *sensorFunction) addProperty(id property.ID) {
	p, ok := property.Lookup(id)
	if !ok {
		s.add(reading{property: id, digits: -1}, Feature{
			Name: "property_" + id.String(), Label: "Property " + id.String(), Type: TypeText, Category: Diagnostic, Hidden: true,
		})
		return
	}
	known, ok := measurements[id]
	for i, part := range p.Forms[0] {
		m := known
		if !ok || i > 0 {
			m = measurement{name: p.Key(), label: sentence(p.Name), visible: hidden}
			if part.Name != "" {
				m.name += "_" + part.Name
				m.label += " " + strings.ReplaceAll(part.Name, "_", " ")
			}
		}
		s.addPart(reading{property: id, part: i, factor: 1, digits: -1}, part, m)
	}
}

// sentence writes a name of the specification as a label.
func sentence(name string) string {
	words := strings.Fields(name)
	for i, w := range words {
		if i > 0 && strings.ToUpper(w) != w {
			words[i] = strings.ToLower(w)
		}
	}
	return strings.Join(words, " ")
}

func (s *sensorFunction) addPart(r reading, part property.Part, m measurement) {
	motion := r
	if m.factor != 0 {
		r.factor = m.factor
	}
	f := Feature{Name: m.name, Label: m.label, Hidden: m.visible == hidden}
	if m.visible != mainly {
		f.Category = Diagnostic
	}
	switch part.Kind {
	case property.Boolean:
		f.Type = TypeBinary
	case property.Text, property.Date:
		f.Type = TypeText
	default:
		f.Unit = m.unit
		if f.Unit == "" {
			f.Unit = part.Unit
		}
		f.Step = part.Resolution() * r.factor
		f.Range = rangeOf(part, f.Step)
		r.digits = f.Digits()
	}
	s.add(r, f)
	if m.motion {
		s.add(motion, Feature{Name: "motion", Label: "Motion", Type: TypeBinary})
	}
}

// rangeOf is the range of a number in steps of its property, nil when the
// specification has none. The value that stands for "or more" is part of it.
func rangeOf(part property.Part, step float64) *Range {
	if step <= 0 || part.Highest <= part.Lowest {
		return nil
	}
	highest := part.Highest
	for _, special := range part.Specials {
		if special.Meaning == property.OrMore {
			highest = max(highest, special.Raw)
		}
	}
	return &Range{float64(part.Lowest) * step, float64(highest) * step}
}

func (s *sensorFunction) add(r reading, f Feature) {
	f.Key, f.Property, f.Access = f.Name, f.Name, Published|Gettable
	if f.Type == TypeBinary {
		f.Binary = trueOrFalse()
	}
	s.features = append(s.features, f)
	s.readings = append(s.readings, r)
}

// Features implements Function.
func (s *sensorFunction) Features() []Feature { return s.features }

// Report implements Function.
func (s *sensorFunction) Report(r *Report) bool {
	switch r.Opcode {
	case sensor.OpStatus:
		return s.takeStatus(r)
	case sensor.OpDescriptorStatus:
		// An interview asks for them, not a user.
		return r.Decode(&sensor.DescriptorStatus{})
	default:
		return false
	}
}

func (s *sensorFunction) takeStatus(r *Report) bool {
	var status sensor.Status
	if !r.Decode(&status) {
		return false
	}
	known := false
	for _, data := range status.SensorData {
		values := decodeProperty(data)
		for i, reading := range s.readings {
			if reading.property != data.PropertyID {
				continue
			}
			known = true
			r.Set(s.features[i].Property, reading.value(s.features[i].Type, data.RawValue, values))
		}
	}
	return known
}

// decodeProperty decodes the parts of a value; nil for octets whose layout is
// not known, and for no octets: a sensor that is not there.
func decodeProperty(data sensor.Data) []property.Value {
	p, ok := property.Lookup(data.PropertyID)
	if !ok || len(data.RawValue) == 0 {
		return nil
	}
	values, err := p.Decode(data.RawValue)
	if err != nil {
		return nil
	}
	return values
}

// value is the value in the state document, nil when it is not known. raw is
// the value of the property and values are its parts. A property that is not in
// the specification has no factor: it is shown as its octets.
func (r *reading) value(t Type, raw []byte, values []property.Value) any {
	if r.factor == 0 && len(raw) > 0 {
		return hex.EncodeToString(raw)
	}
	if r.part >= len(values) || !values[r.part].Known {
		return nil
	}
	v := values[r.part]
	switch {
	case t == TypeBinary:
		return v.Number > 0
	case v.Kind == property.Text:
		return v.Text
	case v.Kind == property.Date:
		const day = 24 * time.Hour
		return time.Unix(0, 0).UTC().Add(time.Duration(v.Number) * day).Format(time.DateOnly)
	}
	n := v.Number * r.factor
	switch {
	case v.Kind == property.TimeExponential:
		return significant(n)
	case r.digits >= 0:
		return places(n, r.digits)
	default:
		return n
	}
}

// significant keeps three digits; the steps of an exponential are 10 % apart.
func significant(v float64) float64 {
	if v <= 0 {
		return 0
	}
	return places(v, 2-int(math.Floor(math.Log10(v))))
}

// Restore implements Function.
func (s *sensorFunction) Restore(stored map[string]any, state *State) {
	RestoreValues(s.features, stored, state)
}

// Query implements Function. The server is asked for one property if only that
// is wanted, and for all it has otherwise.
func (s *sensorFunction) Query(w *Wanted) []Step {
	var wanted []property.ID
	for i, f := range s.features {
		id := s.readings[i].property
		if w.Wants(f.Property) && (len(wanted) == 0 || wanted[len(wanted)-1] != id) {
			wanted = append(wanted, id)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	get := &sensor.Get{}
	if w.Named && len(wanted) == 1 {
		get = &sensor.Get{HasPropertyID: true, PropertyID: wanted[0]}
	}
	return []Step{ask(s.features[0].Element, get, sensor.OpStatus)}
}
