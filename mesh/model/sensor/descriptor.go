package sensor

import (
	"math"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

// Opcodes of the Sensor Descriptor messages (section 4.2.11 and 4.2.12).
const (
	OpDescriptorGet    mesh.Opcode = 0x8230
	OpDescriptorStatus mesh.Opcode = 0x51
)

// Descriptor describes what a sensor measures, how precisely and how often
// (section 4.1.1).
//
//	| Property ID 16 | Positive Tolerance 12 | Negative Tolerance 12 |
//	| Sampling Function 8 | Measurement Period 8 | Update Interval 8 |
type Descriptor struct {
	PropertyID        property.ID
	PositiveTolerance uint16 // in units of 1/4095, 0 for not specified
	NegativeTolerance uint16
	SamplingFunction  SamplingFunction
	MeasurementPeriod Period
	UpdateInterval    Period
}

// Fields visits the descriptor.
func (d *Descriptor) Fields(c *access.Codec) {
	d.PropertyID.Visit(c, "sensor_property_id")
	c.Bits16("sensor_positive_tolerance", &d.PositiveTolerance, 12)
	c.Bits16("sensor_negative_tolerance", &d.NegativeTolerance, 12)
	c.Enum("sensor_sampling_function", (*uint8)(&d.SamplingFunction), samplingWords)
	c.Uint8("sensor_measurement_period", (*uint8)(&d.MeasurementPeriod))
	c.Uint8("sensor_update_interval", (*uint8)(&d.UpdateInterval))
}

// SamplingFunction is how a sensor determines its value.
type SamplingFunction uint8

// The values of SamplingFunction.
const (
	Unspecified    SamplingFunction = 0
	Instantaneous  SamplingFunction = 1
	ArithmeticMean SamplingFunction = 2
	RMS            SamplingFunction = 3
	Maximum        SamplingFunction = 4
	Minimum        SamplingFunction = 5
	Accumulated    SamplingFunction = 6
	Count          SamplingFunction = 7
)

var samplingWords = []string{
	"unspecified", "instantaneous", "arithmetic mean", "rms", "maximum", "minimum", "accumulated", "count",
}

// Period is a time of 1.1^(n-64) seconds; 0 if it does not apply.
type Period uint8

// Duration returns the time, and false if there is none or it is longer than a
// Duration can hold.
func (p Period) Duration() (time.Duration, bool) {
	if p == 0 {
		return 0, false
	}
	nanoseconds := math.Pow(1.1, float64(p)-64) * float64(time.Second)
	if nanoseconds >= math.MaxInt64 {
		return 0, false
	}
	return time.Duration(nanoseconds), true
}

// DescriptorGet requests the descriptor of one sensor, or of all.
//
//	| [ Property ID 16 ] |
type DescriptorGet struct {
	HasPropertyID bool // false requests all of them
	PropertyID    property.ID
}

// Opcode is 0x8230.
func (DescriptorGet) Opcode() mesh.Opcode { return OpDescriptorGet }

// Fields visits the parameters.
func (m *DescriptorGet) Fields(c *access.Codec) {
	if c.Optional("property_id", &m.HasPropertyID) {
		m.PropertyID.VisitNonZero(c, "property_id")
	}
}

// DescriptorStatus reports descriptors. For a requested sensor that does not
// exist it contains only the identifier.
//
//	| descriptors, 64 each | or | Property ID 16 |
type DescriptorStatus struct {
	Descriptors []Descriptor
	Missing     property.ID // the sensor that does not exist, 0 if there are descriptors
}

// Opcode is 0x51.
func (DescriptorStatus) Opcode() mesh.Opcode { return OpDescriptorStatus }

// Fields visits the parameters.
func (m *DescriptorStatus) Fields(c *access.Codec) {
	if m.visitMissing(c) {
		return
	}
	access.List(c, "descriptors", &m.Descriptors, (*Descriptor).Fields)
}

// visitMissing visits the short form and reports whether it was present.
func (m *DescriptorStatus) visitMissing(c *access.Codec) bool {
	short := m.Missing != 0
	switch {
	case c.Octets() && c.Reading():
		short = c.Left() == 2
	case c.Reading():
		short = c.Has("missing")
	}
	if c.Reading() {
		m.Missing = 0
		m.Descriptors = m.Descriptors[:0]
	}
	if short {
		m.Missing.VisitNonZero(c, "missing")
	}
	return short
}
