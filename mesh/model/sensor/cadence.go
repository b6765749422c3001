package sensor

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

// Opcodes of the Sensor Cadence messages (sections 4.2.1 to 4.2.4).
const (
	OpCadenceGet               mesh.Opcode = 0x8234
	OpCadenceSet               mesh.Opcode = 0x55
	OpCadenceSetUnacknowledged mesh.Opcode = 0x56
	OpCadenceStatus            mesh.Opcode = 0x57
)

// Cadence is when a sensor publishes in addition to its regular period (section
// 4.1.3). V is the length of a value of the property, D is V or, if the trigger
// is a percentage, two octets in 0.01 %.
//
//	| Fast Cadence Period Divisor 7 | Status Trigger Type 1 |
//	| Status Trigger Delta Down D | Status Trigger Delta Up D |
//	| Status Min Interval 8 | Fast Cadence Low V | Fast Cadence High V |
type Cadence struct {
	FastCadencePeriodDivisor uint8 // the period is divided by 2^n, 0 to 15
	PercentTrigger           bool
	StatusTriggerDeltaDown   []byte
	StatusTriggerDeltaUp     []byte
	StatusMinInterval        uint8 // 2^n ms, 0 to 26
	FastCadenceLow           []byte
	FastCadenceHigh          []byte
}

// Fields visits the cadence. All values of a property have the same length,
// which follows from the length of the message.
func (p *Cadence) Fields(c *access.Codec) {
	c.Bits("fast_cadence_period_divisor", &p.FastCadencePeriodDivisor, 7)
	c.Require(p.FastCadencePeriodDivisor <= 15, "fast_cadence_period_divisor", "0 to 15")
	c.Flag("status_trigger_type", &p.PercentTrigger)

	value := len(p.FastCadenceLow)
	delta := value
	switch {
	case p.PercentTrigger && c.Left() > 0:
		value, delta = (c.Left()-5)/2, 2
	case p.PercentTrigger:
		delta = 2
	case c.Left() > 0:
		value = (c.Left() - 1) / 4
		delta = value
	}
	c.Require(!c.Octets() || value > 0, "fast_cadence_low", "at least one octet")
	if c.Octets() && !c.Reading() {
		c.Require(len(p.FastCadenceHigh) == value, "fast_cadence_high", "as many octets as fast_cadence_low")
		c.Require(len(p.StatusTriggerDeltaDown) == delta, "status_trigger_delta_down", "two octets for a percentage, otherwise as many as fast_cadence_low")
		c.Require(len(p.StatusTriggerDeltaUp) == delta, "status_trigger_delta_up", "as many octets as status_trigger_delta_down")
	}
	c.Bytes("status_trigger_delta_down", &p.StatusTriggerDeltaDown, delta)
	c.Bytes("status_trigger_delta_up", &p.StatusTriggerDeltaUp, delta)
	c.Uint8("status_min_interval", &p.StatusMinInterval)
	c.Require(p.StatusMinInterval <= 26, "status_min_interval", "0 to 26")
	c.Bytes("fast_cadence_low", &p.FastCadenceLow, value)
	c.Bytes("fast_cadence_high", &p.FastCadenceHigh, value)
}

// CadenceGet requests the cadence of a sensor.
//
//	| Property ID 16 |
type CadenceGet struct {
	PropertyID property.ID
}

// Opcode is 0x8234.
func (CadenceGet) Opcode() mesh.Opcode { return OpCadenceGet }

// Fields visits the parameters.
func (m *CadenceGet) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
}

// CadenceSet sets the cadence of a sensor (acknowledged).
//
//	| Property ID 16 | Cadence |
type CadenceSet struct {
	PropertyID property.ID
	Cadence
}

// Opcode is 0x55.
func (CadenceSet) Opcode() mesh.Opcode { return OpCadenceSet }

// Fields visits the parameters.
func (m *CadenceSet) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
	m.Cadence.Fields(c)
}

// CadenceSetUnacknowledged is the unacknowledged form of CadenceSet.
type CadenceSetUnacknowledged struct{ CadenceSet }

// Opcode is 0x56.
func (CadenceSetUnacknowledged) Opcode() mesh.Opcode { return OpCadenceSetUnacknowledged }

// CadenceStatus reports the cadence of a sensor; empty for a sensor that does
// not exist.
//
//	| Property ID 16 | [ Cadence ] |
type CadenceStatus struct {
	PropertyID property.ID
	HasCadence bool // the following fields are present
	Cadence
}

// Opcode is 0x57.
func (CadenceStatus) Opcode() mesh.Opcode { return OpCadenceStatus }

// Fields visits the parameters.
func (m *CadenceStatus) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
	if c.Optional("fast_cadence_period_divisor", &m.HasCadence) {
		m.Cadence.Fields(c)
	}
}
