package light

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// Opcodes of the Light HSL messages about default and range (section 6.3.3).
const (
	OpHSLDefaultGet               mesh.Opcode = 0x827B
	OpHSLDefaultSet               mesh.Opcode = 0x827F
	OpHSLDefaultSetUnacknowledged mesh.Opcode = 0x8280
	OpHSLDefaultStatus            mesh.Opcode = 0x827C
	OpHSLRangeGet                 mesh.Opcode = 0x827D
	OpHSLRangeSet                 mesh.Opcode = 0x8281
	OpHSLRangeSetUnacknowledged   mesh.Opcode = 0x8282
	OpHSLRangeStatus              mesh.Opcode = 0x827E
)

// HSLDefaultGet requests the Light HSL Default state: the colour for switching
// on.
type HSLDefaultGet struct{ access.Empty }

// Opcode is 0x827B.
func (HSLDefaultGet) Opcode() mesh.Opcode { return OpHSLDefaultGet }

// HSLDefaultSet sets the colour for switching on (acknowledged).
//
//	| Lightness 16 | Hue 16 | Saturation 16 |
type HSLDefaultSet struct {
	Lightness  uint16
	Hue        uint16
	Saturation uint16
}

// Opcode is 0x827F.
func (HSLDefaultSet) Opcode() mesh.Opcode { return OpHSLDefaultSet }

// Fields visits the parameters.
func (m *HSLDefaultSet) Fields(c *access.Codec) {
	c.Uint16("lightness", &m.Lightness)
	c.Uint16("hue", &m.Hue)
	c.Uint16("saturation", &m.Saturation)
}

// HSLDefaultSetUnacknowledged is the unacknowledged form of HSLDefaultSet.
type HSLDefaultSetUnacknowledged struct{ HSLDefaultSet }

// Opcode is 0x8280.
func (HSLDefaultSetUnacknowledged) Opcode() mesh.Opcode { return OpHSLDefaultSetUnacknowledged }

// HSLDefaultStatus reports the colour for switching on.
//
//	| Lightness 16 | Hue 16 | Saturation 16 |
type HSLDefaultStatus struct {
	Lightness  uint16
	Hue        uint16
	Saturation uint16
}

// Opcode is 0x827C.
func (HSLDefaultStatus) Opcode() mesh.Opcode { return OpHSLDefaultStatus }

// Fields visits the parameters.
func (m *HSLDefaultStatus) Fields(c *access.Codec) {
	c.Uint16("lightness", &m.Lightness)
	c.Uint16("hue", &m.Hue)
	c.Uint16("saturation", &m.Saturation)
}

// HSLRangeGet requests the ranges of hue and saturation.
type HSLRangeGet struct{ access.Empty }

// Opcode is 0x827D.
func (HSLRangeGet) Opcode() mesh.Opcode { return OpHSLRangeGet }

// HSLRangeSet sets the ranges of hue and saturation (acknowledged). A hue range
// whose maximum is below its minimum includes 0.
//
//	| Hue Range Min 16 | Hue Range Max 16 | Saturation Range Min 16 | Saturation Range Max 16 |
type HSLRangeSet struct {
	HueRangeMin        uint16
	HueRangeMax        uint16
	SaturationRangeMin uint16
	SaturationRangeMax uint16
}

// Opcode is 0x8281.
func (HSLRangeSet) Opcode() mesh.Opcode { return OpHSLRangeSet }

// Fields visits the parameters.
func (m *HSLRangeSet) Fields(c *access.Codec) {
	c.Uint16("hue_range_min", &m.HueRangeMin)
	c.Uint16("hue_range_max", &m.HueRangeMax)
	c.Uint16("saturation_range_min", &m.SaturationRangeMin)
	c.Uint16("saturation_range_max", &m.SaturationRangeMax)
}

// HSLRangeSetUnacknowledged is the unacknowledged form of HSLRangeSet.
type HSLRangeSetUnacknowledged struct{ HSLRangeSet }

// Opcode is 0x8282.
func (HSLRangeSetUnacknowledged) Opcode() mesh.Opcode { return OpHSLRangeSetUnacknowledged }

// HSLRangeStatus reports the ranges of hue and saturation.
//
//	| Status 8 | as HSLRangeSet |
type HSLRangeStatus struct {
	Status             generic.RangeStatus
	HueRangeMin        uint16
	HueRangeMax        uint16
	SaturationRangeMin uint16
	SaturationRangeMax uint16
}

// Opcode is 0x827E.
func (HSLRangeStatus) Opcode() mesh.Opcode { return OpHSLRangeStatus }

// Fields visits the parameters.
func (m *HSLRangeStatus) Fields(c *access.Codec) {
	m.Status.Visit(c)
	c.Uint16("hue_range_min", &m.HueRangeMin)
	c.Uint16("hue_range_max", &m.HueRangeMax)
	c.Uint16("saturation_range_min", &m.SaturationRangeMin)
	c.Uint16("saturation_range_max", &m.SaturationRangeMax)
}
