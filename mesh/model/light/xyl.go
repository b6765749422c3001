package light

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// Opcodes of the Light xyL messages (section 6.3.4). 0 to 65535 mean 0 to 1 of
// the CIE 1931 coordinates.
const (
	OpXYLGet                      mesh.Opcode = 0x8283
	OpXYLSet                      mesh.Opcode = 0x8284
	OpXYLSetUnacknowledged        mesh.Opcode = 0x8285
	OpXYLStatus                   mesh.Opcode = 0x8286
	OpXYLTargetGet                mesh.Opcode = 0x8287
	OpXYLTargetStatus             mesh.Opcode = 0x8288
	OpXYLDefaultGet               mesh.Opcode = 0x8289
	OpXYLDefaultSet               mesh.Opcode = 0x828D
	OpXYLDefaultSetUnacknowledged mesh.Opcode = 0x828E
	OpXYLDefaultStatus            mesh.Opcode = 0x828A
	OpXYLRangeGet                 mesh.Opcode = 0x828B
	OpXYLRangeSet                 mesh.Opcode = 0x828F
	OpXYLRangeSetUnacknowledged   mesh.Opcode = 0x8290
	OpXYLRangeStatus              mesh.Opcode = 0x828C
)

// XYLGet requests the Light xyL state.
type XYLGet struct{ access.Empty }

// Opcode is 0x8283.
func (XYLGet) Opcode() mesh.Opcode { return OpXYLGet }

// XYLSet sets the Light xyL state (acknowledged).
//
//	| xyL Lightness 16 | xyL x 16 | xyL y 16 |
//	| TID 8 | [ Transition Time 8 | Delay 8 ] |
type XYLSet struct {
	XYLLightness uint16
	XYLX         uint16
	XYLY         uint16
	TID          uint8
	Transition   generic.Transition
}

// Opcode is 0x8284.
func (XYLSet) Opcode() mesh.Opcode { return OpXYLSet }

// Fields visits the parameters.
func (m *XYLSet) Fields(c *access.Codec) {
	c.Uint16("xyl_lightness", &m.XYLLightness)
	c.Uint16("xyl_x", &m.XYLX)
	c.Uint16("xyl_y", &m.XYLY)
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// XYLSetUnacknowledged is the unacknowledged form of XYLSet.
type XYLSetUnacknowledged struct{ XYLSet }

// Opcode is 0x8285.
func (XYLSetUnacknowledged) Opcode() mesh.Opcode { return OpXYLSetUnacknowledged }

// XYLStatus reports the present Light xyL state.
//
//	| xyL Lightness 16 | xyL x 16 | xyL y 16 | [ Remaining Time 8 ] |
type XYLStatus struct {
	XYLLightness     uint16
	XYLX             uint16
	XYLY             uint16
	HasRemainingTime bool // the following field is present
	RemainingTime    generic.TransitionTime
}

// Opcode is 0x8286.
func (XYLStatus) Opcode() mesh.Opcode { return OpXYLStatus }

// Fields visits the parameters.
func (m *XYLStatus) Fields(c *access.Codec) {
	c.Uint16("xyl_lightness", &m.XYLLightness)
	c.Uint16("xyl_x", &m.XYLX)
	c.Uint16("xyl_y", &m.XYLY)
	if c.Optional("remaining_time", &m.HasRemainingTime) {
		m.RemainingTime.Visit(c, "remaining_time")
	}
}

// XYLTargetGet requests the Light xyL Target state.
type XYLTargetGet struct{ access.Empty }

// Opcode is 0x8287.
func (XYLTargetGet) Opcode() mesh.Opcode { return OpXYLTargetGet }

// XYLTargetStatus reports the Light xyL Target state.
//
//	| Target xyL Lightness 16 | Target xyL x 16 | Target xyL y 16 | [ Remaining Time 8 ] |
type XYLTargetStatus struct {
	TargetXYLLightness uint16
	TargetXYLX         uint16
	TargetXYLY         uint16
	HasRemainingTime   bool // the following field is present
	RemainingTime      generic.TransitionTime
}

// Opcode is 0x8288.
func (XYLTargetStatus) Opcode() mesh.Opcode { return OpXYLTargetStatus }

// Fields visits the parameters.
func (m *XYLTargetStatus) Fields(c *access.Codec) {
	c.Uint16("target_xyl_lightness", &m.TargetXYLLightness)
	c.Uint16("target_xyl_x", &m.TargetXYLX)
	c.Uint16("target_xyl_y", &m.TargetXYLY)
	if c.Optional("remaining_time", &m.HasRemainingTime) {
		m.RemainingTime.Visit(c, "remaining_time")
	}
}

// XYLDefaultGet requests the Light xyL Default state: the colour for switching
// on.
type XYLDefaultGet struct{ access.Empty }

// Opcode is 0x8289.
func (XYLDefaultGet) Opcode() mesh.Opcode { return OpXYLDefaultGet }

// XYLDefaultSet sets the colour for switching on (acknowledged).
//
//	| Lightness 16 | xyL x 16 | xyL y 16 |
type XYLDefaultSet struct {
	Lightness uint16
	X         uint16
	Y         uint16
}

// Opcode is 0x828D.
func (XYLDefaultSet) Opcode() mesh.Opcode { return OpXYLDefaultSet }

// Fields visits the parameters.
func (m *XYLDefaultSet) Fields(c *access.Codec) {
	c.Uint16("lightness", &m.Lightness)
	c.Uint16("xyl_x", &m.X)
	c.Uint16("xyl_y", &m.Y)
}

// XYLDefaultSetUnacknowledged is the unacknowledged form of XYLDefaultSet.
type XYLDefaultSetUnacknowledged struct{ XYLDefaultSet }

// Opcode is 0x828E.
func (XYLDefaultSetUnacknowledged) Opcode() mesh.Opcode { return OpXYLDefaultSetUnacknowledged }

// XYLDefaultStatus reports the colour for switching on.
//
//	| Lightness 16 | xyL x 16 | xyL y 16 |
type XYLDefaultStatus struct {
	Lightness uint16
	X         uint16
	Y         uint16
}

// Opcode is 0x828A.
func (XYLDefaultStatus) Opcode() mesh.Opcode { return OpXYLDefaultStatus }

// Fields visits the parameters.
func (m *XYLDefaultStatus) Fields(c *access.Codec) {
	c.Uint16("lightness", &m.Lightness)
	c.Uint16("xyl_x", &m.X)
	c.Uint16("xyl_y", &m.Y)
}

// XYLRangeGet requests the ranges of x and y.
type XYLRangeGet struct{ access.Empty }

// Opcode is 0x828B.
func (XYLRangeGet) Opcode() mesh.Opcode { return OpXYLRangeGet }

// XYLRangeSet sets the ranges of x and y (acknowledged).
//
//	| xyL x Range Min 16 | xyL x Range Max 16 | xyL y Range Min 16 | xyL y Range Max 16 |
type XYLRangeSet struct {
	XRangeMin uint16
	XRangeMax uint16
	YRangeMin uint16
	YRangeMax uint16
}

// Opcode is 0x828F.
func (XYLRangeSet) Opcode() mesh.Opcode { return OpXYLRangeSet }

// Fields visits the parameters.
func (m *XYLRangeSet) Fields(c *access.Codec) {
	c.Uint16("xyl_x_range_min", &m.XRangeMin)
	c.Uint16("xyl_x_range_max", &m.XRangeMax)
	c.Uint16("xyl_y_range_min", &m.YRangeMin)
	c.Uint16("xyl_y_range_max", &m.YRangeMax)
}

// XYLRangeSetUnacknowledged is the unacknowledged form of XYLRangeSet.
type XYLRangeSetUnacknowledged struct{ XYLRangeSet }

// Opcode is 0x8290.
func (XYLRangeSetUnacknowledged) Opcode() mesh.Opcode { return OpXYLRangeSetUnacknowledged }

// XYLRangeStatus reports the ranges of x and y.
//
//	| Status 8 | as XYLRangeSet |
type XYLRangeStatus struct {
	Status    generic.RangeStatus
	XRangeMin uint16
	XRangeMax uint16
	YRangeMin uint16
	YRangeMax uint16
}

// Opcode is 0x828C.
func (XYLRangeStatus) Opcode() mesh.Opcode { return OpXYLRangeStatus }

// Fields visits the parameters.
func (m *XYLRangeStatus) Fields(c *access.Codec) {
	m.Status.Visit(c)
	c.Uint16("xyl_x_range_min", &m.XRangeMin)
	c.Uint16("xyl_x_range_max", &m.XRangeMax)
	c.Uint16("xyl_y_range_min", &m.YRangeMin)
	c.Uint16("xyl_y_range_max", &m.YRangeMax)
}
