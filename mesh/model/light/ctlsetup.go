package light

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// Opcodes of the Light CTL messages about default and range (section 6.3.2).
const (
	OpCTLTemperatureRangeGet               mesh.Opcode = 0x8262
	OpCTLTemperatureRangeSet               mesh.Opcode = 0x826B
	OpCTLTemperatureRangeSetUnacknowledged mesh.Opcode = 0x826C
	OpCTLTemperatureRangeStatus            mesh.Opcode = 0x8263
	OpCTLDefaultGet                        mesh.Opcode = 0x8267
	OpCTLDefaultSet                        mesh.Opcode = 0x8269
	OpCTLDefaultSetUnacknowledged          mesh.Opcode = 0x826A
	OpCTLDefaultStatus                     mesh.Opcode = 0x8268
)

// CTLTemperatureRangeGet requests the Light CTL Temperature Range state.
type CTLTemperatureRangeGet struct{ access.Empty }

// Opcode is 0x8262.
func (CTLTemperatureRangeGet) Opcode() mesh.Opcode { return OpCTLTemperatureRangeGet }

// CTLTemperatureRangeSet sets the range in kelvin (acknowledged). A server
// ignores a range whose maximum is below its minimum.
//
//	| Range Min 16 | Range Max 16 |
type CTLTemperatureRangeSet struct {
	RangeMin uint16
	RangeMax uint16
}

// Opcode is 0x826B.
func (CTLTemperatureRangeSet) Opcode() mesh.Opcode { return OpCTLTemperatureRangeSet }

// Fields visits the parameters.
func (m *CTLTemperatureRangeSet) Fields(c *access.Codec) {
	c.Uint16("range_min", &m.RangeMin)
	c.Uint16("range_max", &m.RangeMax)
}

// CTLTemperatureRangeSetUnacknowledged is the unacknowledged form of
// CTLTemperatureRangeSet.
type CTLTemperatureRangeSetUnacknowledged struct{ CTLTemperatureRangeSet }

// Opcode is 0x826C.
func (CTLTemperatureRangeSetUnacknowledged) Opcode() mesh.Opcode {
	return OpCTLTemperatureRangeSetUnacknowledged
}

// CTLTemperatureRangeStatus reports the range in kelvin, UnknownTemperature if
// it is unknown.
//
//	| Status 8 | Range Min 16 | Range Max 16 |
type CTLTemperatureRangeStatus struct {
	Status   generic.RangeStatus
	RangeMin uint16
	RangeMax uint16
}

// Opcode is 0x8263.
func (CTLTemperatureRangeStatus) Opcode() mesh.Opcode { return OpCTLTemperatureRangeStatus }

// Fields visits the parameters.
func (m *CTLTemperatureRangeStatus) Fields(c *access.Codec) {
	m.Status.Visit(c)
	c.Uint16("range_min", &m.RangeMin)
	c.Uint16("range_max", &m.RangeMax)
}

// CTLDefaultGet requests the Light CTL Default state: lightness and temperature
// for switching on.
type CTLDefaultGet struct{ access.Empty }

// Opcode is 0x8267.
func (CTLDefaultGet) Opcode() mesh.Opcode { return OpCTLDefaultGet }

// CTLDefaultSet sets the lightness and temperature for switching on
// (acknowledged).
//
//	| Lightness 16 | Temperature 16 | Delta UV 16 |
type CTLDefaultSet struct {
	Lightness   uint16
	Temperature uint16
	DeltaUV     int16
}

// Opcode is 0x8269.
func (CTLDefaultSet) Opcode() mesh.Opcode { return OpCTLDefaultSet }

// Fields visits the parameters.
func (m *CTLDefaultSet) Fields(c *access.Codec) {
	c.Uint16("lightness", &m.Lightness)
	c.Uint16("temperature", &m.Temperature)
	c.Int16("delta_uv", &m.DeltaUV)
}

// CTLDefaultSetUnacknowledged is the unacknowledged form of CTLDefaultSet.
type CTLDefaultSetUnacknowledged struct{ CTLDefaultSet }

// Opcode is 0x826A.
func (CTLDefaultSetUnacknowledged) Opcode() mesh.Opcode { return OpCTLDefaultSetUnacknowledged }

// CTLDefaultStatus reports the lightness and temperature for switching on.
//
//	| Lightness 16 | Temperature 16 | Delta UV 16 |
type CTLDefaultStatus struct {
	Lightness   uint16
	Temperature uint16
	DeltaUV     int16
}

// Opcode is 0x8268.
func (CTLDefaultStatus) Opcode() mesh.Opcode { return OpCTLDefaultStatus }

// Fields visits the parameters.
func (m *CTLDefaultStatus) Fields(c *access.Codec) {
	c.Uint16("lightness", &m.Lightness)
	c.Uint16("temperature", &m.Temperature)
	c.Int16("delta_uv", &m.DeltaUV)
}
