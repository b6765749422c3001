package light

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// Opcodes of the Light Lightness messages about the lightness itself (section
// 6.3.1).
const (
	OpLightnessGet                     mesh.Opcode = 0x824B
	OpLightnessSet                     mesh.Opcode = 0x824C
	OpLightnessSetUnacknowledged       mesh.Opcode = 0x824D
	OpLightnessStatus                  mesh.Opcode = 0x824E
	OpLightnessLinearGet               mesh.Opcode = 0x824F
	OpLightnessLinearSet               mesh.Opcode = 0x8250
	OpLightnessLinearSetUnacknowledged mesh.Opcode = 0x8251
	OpLightnessLinearStatus            mesh.Opcode = 0x8252
)

// LightnessGet requests the Light Lightness Actual state.
type LightnessGet struct{ access.Empty }

// Opcode is 0x824B.
func (LightnessGet) Opcode() mesh.Opcode { return OpLightnessGet }

// LightnessSet sets the Light Lightness Actual state (acknowledged).
//
//	| Lightness 16 | TID 8 | [ Transition Time 8 | Delay 8 ] |
type LightnessSet struct {
	Lightness  uint16
	TID        uint8
	Transition generic.Transition
}

// Opcode is 0x824C.
func (LightnessSet) Opcode() mesh.Opcode { return OpLightnessSet }

// Fields visits the parameters.
func (m *LightnessSet) Fields(c *access.Codec) {
	c.Uint16("lightness", &m.Lightness)
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// LightnessSetUnacknowledged is the unacknowledged form of LightnessSet.
type LightnessSetUnacknowledged struct{ LightnessSet }

// Opcode is 0x824D.
func (LightnessSetUnacknowledged) Opcode() mesh.Opcode { return OpLightnessSetUnacknowledged }

// LightnessStatus reports the Light Lightness Actual state, which is
// perceptually linear.
//
//	| Present Lightness 16 | [ Target Lightness 16 | Remaining Time 8 ] |
type LightnessStatus struct {
	PresentLightness uint16
	HasTarget        bool // the following fields are present
	TargetLightness  uint16
	RemainingTime    generic.TransitionTime
}

// Opcode is 0x824E.
func (LightnessStatus) Opcode() mesh.Opcode { return OpLightnessStatus }

// Fields visits the parameters.
func (m *LightnessStatus) Fields(c *access.Codec) {
	c.Uint16("present_lightness", &m.PresentLightness)
	if c.Optional("target_lightness", &m.HasTarget) {
		c.Uint16("target_lightness", &m.TargetLightness)
		m.RemainingTime.Visit(c, "remaining_time")
	}
}

// LightnessLinearGet requests the Light Lightness Linear state.
type LightnessLinearGet struct{ access.Empty }

// Opcode is 0x824F.
func (LightnessLinearGet) Opcode() mesh.Opcode { return OpLightnessLinearGet }

// LightnessLinearSet sets the Light Lightness Linear state (acknowledged).
//
//	| Lightness 16 | TID 8 | [ Transition Time 8 | Delay 8 ] |
type LightnessLinearSet struct {
	Lightness  uint16
	TID        uint8
	Transition generic.Transition
}

// Opcode is 0x8250.
func (LightnessLinearSet) Opcode() mesh.Opcode { return OpLightnessLinearSet }

// Fields visits the parameters.
func (m *LightnessLinearSet) Fields(c *access.Codec) {
	c.Uint16("lightness", &m.Lightness)
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// LightnessLinearSetUnacknowledged is the unacknowledged form of
// LightnessLinearSet.
type LightnessLinearSetUnacknowledged struct{ LightnessLinearSet }

// Opcode is 0x8251.
func (LightnessLinearSetUnacknowledged) Opcode() mesh.Opcode {
	return OpLightnessLinearSetUnacknowledged
}

// LightnessLinearStatus reports the Light Lightness Linear state, which is
// linear in light intensity.
//
//	| Present Lightness 16 | [ Target Lightness 16 | Remaining Time 8 ] |
type LightnessLinearStatus struct {
	PresentLightness uint16
	HasTarget        bool // the following fields are present
	TargetLightness  uint16
	RemainingTime    generic.TransitionTime
}

// Opcode is 0x8252.
func (LightnessLinearStatus) Opcode() mesh.Opcode { return OpLightnessLinearStatus }

// Fields visits the parameters.
func (m *LightnessLinearStatus) Fields(c *access.Codec) {
	c.Uint16("present_lightness", &m.PresentLightness)
	if c.Optional("target_lightness", &m.HasTarget) {
		c.Uint16("target_lightness", &m.TargetLightness)
		m.RemainingTime.Visit(c, "remaining_time")
	}
}
