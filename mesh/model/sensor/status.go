package sensor

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

// Opcodes of the Sensor messages about values (section 4.2.13 and 4.2.14).
const (
	OpGet    mesh.Opcode = 0x8231
	OpStatus mesh.Opcode = 0x52
)

// Data is the value of a sensor with its marshalled property identifier
// (section 4.2.14). Package property explains the octets.
//
//	format A  | 0, 1 bit | Length-1 4 | Property ID 11 | Raw Value, 1 to 16 octets |
//	format B  | 1, 1 bit | Length-1 7 | Property ID 16 | Raw Value, 0 to 127 octets |
//
// A Length-1 of 0x7F in format B means no octets.
type Data struct {
	PropertyID property.ID
	RawValue   []byte
}

const (
	maxLengthA = 16
	maxLengthB = 127
	maxIDOfA   = 0x7FF
	noOctets   = 0x7F
)

// Fields visits the value; it is sent in format A if possible.
func (d *Data) Fields(c *access.Codec) {
	if !c.Octets() {
		d.PropertyID.Visit(c, "property_id")
		c.Bytes("raw_value", &d.RawValue, 0)
		return
	}
	c.Require(c.Reading() || len(d.RawValue) <= maxLengthB, "raw_value", "at most 127 octets")
	length := uint8(len(d.RawValue) - 1)
	formatB := d.PropertyID > maxIDOfA || len(d.RawValue) == 0 || len(d.RawValue) > maxLengthA
	c.Flag("format", &formatB)
	if formatB {
		length &= noOctets
		c.Bits("length", &length, 7)
		d.PropertyID.Visit(c, "property_id")
		length = (length + 1) & noOctets
	} else {
		c.Bits("length", &length, 4)
		c.Bits16("property_id", (*uint16)(&d.PropertyID), 11)
		length++
	}
	c.Bytes("raw_value", &d.RawValue, int(length))
}

// Get requests the values of one sensor, or of all.
//
//	| [ Property ID 16 ] |
type Get struct {
	HasPropertyID bool // false requests all of them
	PropertyID    property.ID
}

// Opcode is 0x8231.
func (Get) Opcode() mesh.Opcode { return OpGet }

// Fields visits the parameters.
func (m *Get) Fields(c *access.Codec) {
	if c.Optional("property_id", &m.HasPropertyID) {
		m.PropertyID.VisitNonZero(c, "property_id")
	}
}

// Status reports values of sensors. A requested sensor that does not exist has
// no octets.
//
//	| marshalled sensor data: header and Raw Value, several times |
type Status struct {
	SensorData []Data
}

// Opcode is 0x52.
func (Status) Opcode() mesh.Opcode { return OpStatus }

// Fields visits the parameters.
func (m *Status) Fields(c *access.Codec) {
	access.List(c, "sensor_data", &m.SensorData, (*Data).Fields)
}
