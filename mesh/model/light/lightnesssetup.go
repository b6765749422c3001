package light

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// Opcodes of the Light Lightness messages about last, default and range (section
// 6.3.1).
const (
	OpLightnessLastGet                  mesh.Opcode = 0x8253
	OpLightnessLastStatus               mesh.Opcode = 0x8254
	OpLightnessDefaultGet               mesh.Opcode = 0x8255
	OpLightnessDefaultSet               mesh.Opcode = 0x8259
	OpLightnessDefaultSetUnacknowledged mesh.Opcode = 0x825A
	OpLightnessDefaultStatus            mesh.Opcode = 0x8256
	OpLightnessRangeGet                 mesh.Opcode = 0x8257
	OpLightnessRangeSet                 mesh.Opcode = 0x825B
	OpLightnessRangeSetUnacknowledged   mesh.Opcode = 0x825C
	OpLightnessRangeStatus              mesh.Opcode = 0x8258
)

// LightnessLastGet requests the Light Lightness Last state.
type LightnessLastGet struct{ access.Empty }

// Opcode is 0x8253.
func (LightnessLastGet) Opcode() mesh.Opcode { return OpLightnessLastGet }

// LightnessLastStatus reports the last lightness that was not 0.
//
//	| Lightness 16 |
type LightnessLastStatus struct {
	Lightness uint16
}

// Opcode is 0x8254.
func (LightnessLastStatus) Opcode() mesh.Opcode { return OpLightnessLastStatus }

// Fields visits the parameters.
func (m *LightnessLastStatus) Fields(c *access.Codec) {
	c.Uint16("lightness", &m.Lightness)
}

// LightnessDefaultGet requests the Light Lightness Default state.
type LightnessDefaultGet struct{ access.Empty }

// Opcode is 0x8255.
func (LightnessDefaultGet) Opcode() mesh.Opcode { return OpLightnessDefaultGet }

// LightnessDefaultSet sets the lightness for switching on, 0 for the last one
// (acknowledged).
//
//	| Lightness 16 |
type LightnessDefaultSet struct {
	Lightness uint16
}

// Opcode is 0x8259.
func (LightnessDefaultSet) Opcode() mesh.Opcode { return OpLightnessDefaultSet }

// Fields visits the parameters.
func (m *LightnessDefaultSet) Fields(c *access.Codec) {
	c.Uint16("lightness", &m.Lightness)
}

// LightnessDefaultSetUnacknowledged is the unacknowledged form of
// LightnessDefaultSet.
type LightnessDefaultSetUnacknowledged struct{ LightnessDefaultSet }

// Opcode is 0x825A.
func (LightnessDefaultSetUnacknowledged) Opcode() mesh.Opcode {
	return OpLightnessDefaultSetUnacknowledged
}

// LightnessDefaultStatus reports the Light Lightness Default state.
//
//	| Lightness 16 |
type LightnessDefaultStatus struct {
	Lightness uint16
}

// Opcode is 0x8256.
func (LightnessDefaultStatus) Opcode() mesh.Opcode { return OpLightnessDefaultStatus }

// Fields visits the parameters.
func (m *LightnessDefaultStatus) Fields(c *access.Codec) {
	c.Uint16("lightness", &m.Lightness)
}

// LightnessRangeGet requests the Light Lightness Range state.
type LightnessRangeGet struct{ access.Empty }

// Opcode is 0x8257.
func (LightnessRangeGet) Opcode() mesh.Opcode { return OpLightnessRangeGet }

// LightnessRangeSet sets the range (acknowledged). A server ignores a range
// whose maximum is below its minimum.
//
//	| Range Min 16 | Range Max 16 |
type LightnessRangeSet struct {
	RangeMin uint16
	RangeMax uint16
}

// Opcode is 0x825B.
func (LightnessRangeSet) Opcode() mesh.Opcode { return OpLightnessRangeSet }

// Fields visits the parameters.
func (m *LightnessRangeSet) Fields(c *access.Codec) {
	c.Uint16("range_min", &m.RangeMin)
	c.Require(m.RangeMin != 0, "range_min", "at least 1")
	c.Uint16("range_max", &m.RangeMax)
}

// LightnessRangeSetUnacknowledged is the unacknowledged form of
// LightnessRangeSet.
type LightnessRangeSetUnacknowledged struct{ LightnessRangeSet }

// Opcode is 0x825C.
func (LightnessRangeSetUnacknowledged) Opcode() mesh.Opcode { return OpLightnessRangeSetUnacknowledged }

// LightnessRangeStatus reports the Light Lightness Range state.
//
//	| Status 8 | Range Min 16 | Range Max 16 |
type LightnessRangeStatus struct {
	Status   generic.RangeStatus
	RangeMin uint16
	RangeMax uint16
}

// Opcode is 0x8258.
func (LightnessRangeStatus) Opcode() mesh.Opcode { return OpLightnessRangeStatus }

// Fields visits the parameters.
func (m *LightnessRangeStatus) Fields(c *access.Codec) {
	m.Status.Visit(c)
	c.Uint16("range_min", &m.RangeMin)
	c.Uint16("range_max", &m.RangeMax)
}
