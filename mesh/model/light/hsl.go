package light

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// Opcodes of the Light HSL messages about the colour itself (section 6.3.3).
// 65536 steps of hue are one turn around the colour circle.
const (
	OpHSLGet                         mesh.Opcode = 0x826D
	OpHSLSet                         mesh.Opcode = 0x8276
	OpHSLSetUnacknowledged           mesh.Opcode = 0x8277
	OpHSLStatus                      mesh.Opcode = 0x8278
	OpHSLTargetGet                   mesh.Opcode = 0x8279
	OpHSLTargetStatus                mesh.Opcode = 0x827A
	OpHSLHueGet                      mesh.Opcode = 0x826E
	OpHSLHueSet                      mesh.Opcode = 0x826F
	OpHSLHueSetUnacknowledged        mesh.Opcode = 0x8270
	OpHSLHueStatus                   mesh.Opcode = 0x8271
	OpHSLSaturationGet               mesh.Opcode = 0x8272
	OpHSLSaturationSet               mesh.Opcode = 0x8273
	OpHSLSaturationSetUnacknowledged mesh.Opcode = 0x8274
	OpHSLSaturationStatus            mesh.Opcode = 0x8275
)

// HSLGet requests the Light HSL state.
type HSLGet struct{ access.Empty }

// Opcode is 0x826D.
func (HSLGet) Opcode() mesh.Opcode { return OpHSLGet }

// HSLSet sets the Light HSL state (acknowledged).
//
//	| HSL Lightness 16 | HSL Hue 16 | HSL Saturation 16 |
//	| TID 8 | [ Transition Time 8 | Delay 8 ] |
type HSLSet struct {
	HSLLightness  uint16
	HSLHue        uint16
	HSLSaturation uint16
	TID           uint8
	Transition    generic.Transition
}

// Opcode is 0x8276.
func (HSLSet) Opcode() mesh.Opcode { return OpHSLSet }

// Fields visits the parameters.
func (m *HSLSet) Fields(c *access.Codec) {
	c.Uint16("hsl_lightness", &m.HSLLightness)
	c.Uint16("hsl_hue", &m.HSLHue)
	c.Uint16("hsl_saturation", &m.HSLSaturation)
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// HSLSetUnacknowledged is the unacknowledged form of HSLSet.
type HSLSetUnacknowledged struct{ HSLSet }

// Opcode is 0x8277.
func (HSLSetUnacknowledged) Opcode() mesh.Opcode { return OpHSLSetUnacknowledged }

// HSLStatus reports the present Light HSL state.
//
//	| HSL Lightness 16 | HSL Hue 16 | HSL Saturation 16 | [ Remaining Time 8 ] |
type HSLStatus struct {
	HSLLightness     uint16
	HSLHue           uint16
	HSLSaturation    uint16
	HasRemainingTime bool // the following field is present
	RemainingTime    generic.TransitionTime
}

// Opcode is 0x8278.
func (HSLStatus) Opcode() mesh.Opcode { return OpHSLStatus }

// Fields visits the parameters.
func (m *HSLStatus) Fields(c *access.Codec) {
	c.Uint16("hsl_lightness", &m.HSLLightness)
	c.Uint16("hsl_hue", &m.HSLHue)
	c.Uint16("hsl_saturation", &m.HSLSaturation)
	if c.Optional("remaining_time", &m.HasRemainingTime) {
		m.RemainingTime.Visit(c, "remaining_time")
	}
}

// HSLTargetGet requests the Light HSL Target state.
type HSLTargetGet struct{ access.Empty }

// Opcode is 0x8279.
func (HSLTargetGet) Opcode() mesh.Opcode { return OpHSLTargetGet }

// HSLTargetStatus reports the Light HSL Target state.
//
//	| HSL Lightness Target 16 | HSL Hue Target 16 | HSL Saturation Target 16 |
//	| [ Remaining Time 8 ] |
type HSLTargetStatus struct {
	HSLLightnessTarget  uint16
	HSLHueTarget        uint16
	HSLSaturationTarget uint16
	HasRemainingTime    bool // the following field is present
	RemainingTime       generic.TransitionTime
}

// Opcode is 0x827A.
func (HSLTargetStatus) Opcode() mesh.Opcode { return OpHSLTargetStatus }

// Fields visits the parameters.
func (m *HSLTargetStatus) Fields(c *access.Codec) {
	c.Uint16("hsl_lightness_target", &m.HSLLightnessTarget)
	c.Uint16("hsl_hue_target", &m.HSLHueTarget)
	c.Uint16("hsl_saturation_target", &m.HSLSaturationTarget)
	if c.Optional("remaining_time", &m.HasRemainingTime) {
		m.RemainingTime.Visit(c, "remaining_time")
	}
}

// HSLHueGet requests the Light HSL Hue state.
type HSLHueGet struct{ access.Empty }

// Opcode is 0x826E.
func (HSLHueGet) Opcode() mesh.Opcode { return OpHSLHueGet }

// HSLHueSet sets the Light HSL Hue state (acknowledged).
//
//	| Hue 16 | TID 8 | [ Transition Time 8 | Delay 8 ] |
type HSLHueSet struct {
	Hue        uint16
	TID        uint8
	Transition generic.Transition
}

// Opcode is 0x826F.
func (HSLHueSet) Opcode() mesh.Opcode { return OpHSLHueSet }

// Fields visits the parameters.
func (m *HSLHueSet) Fields(c *access.Codec) {
	c.Uint16("hue", &m.Hue)
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// HSLHueSetUnacknowledged is the unacknowledged form of HSLHueSet.
type HSLHueSetUnacknowledged struct{ HSLHueSet }

// Opcode is 0x8270.
func (HSLHueSetUnacknowledged) Opcode() mesh.Opcode { return OpHSLHueSetUnacknowledged }

// HSLHueStatus reports the Light HSL Hue state.
//
//	| Present Hue 16 | [ Target Hue 16 | Remaining Time 8 ] |
type HSLHueStatus struct {
	PresentHue    uint16
	HasTarget     bool // the following fields are present
	TargetHue     uint16
	RemainingTime generic.TransitionTime
}

// Opcode is 0x8271.
func (HSLHueStatus) Opcode() mesh.Opcode { return OpHSLHueStatus }

// Fields visits the parameters.
func (m *HSLHueStatus) Fields(c *access.Codec) {
	c.Uint16("present_hue", &m.PresentHue)
	if c.Optional("target_hue", &m.HasTarget) {
		c.Uint16("target_hue", &m.TargetHue)
		m.RemainingTime.Visit(c, "remaining_time")
	}
}

// HSLSaturationGet requests the Light HSL Saturation state.
type HSLSaturationGet struct{ access.Empty }

// Opcode is 0x8272.
func (HSLSaturationGet) Opcode() mesh.Opcode { return OpHSLSaturationGet }

// HSLSaturationSet sets the Light HSL Saturation state (acknowledged).
//
//	| Saturation 16 | TID 8 | [ Transition Time 8 | Delay 8 ] |
type HSLSaturationSet struct {
	Saturation uint16
	TID        uint8
	Transition generic.Transition
}

// Opcode is 0x8273.
func (HSLSaturationSet) Opcode() mesh.Opcode { return OpHSLSaturationSet }

// Fields visits the parameters.
func (m *HSLSaturationSet) Fields(c *access.Codec) {
	c.Uint16("saturation", &m.Saturation)
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// HSLSaturationSetUnacknowledged is the unacknowledged form of
// HSLSaturationSet.
type HSLSaturationSetUnacknowledged struct{ HSLSaturationSet }

// Opcode is 0x8274.
func (HSLSaturationSetUnacknowledged) Opcode() mesh.Opcode { return OpHSLSaturationSetUnacknowledged }

// HSLSaturationStatus reports the Light HSL Saturation state.
//
//	| Present Saturation 16 | [ Target Saturation 16 | Remaining Time 8 ] |
type HSLSaturationStatus struct {
	PresentSaturation uint16
	HasTarget         bool // the following fields are present
	TargetSaturation  uint16
	RemainingTime     generic.TransitionTime
}

// Opcode is 0x8275.
func (HSLSaturationStatus) Opcode() mesh.Opcode { return OpHSLSaturationStatus }

// Fields visits the parameters.
func (m *HSLSaturationStatus) Fields(c *access.Codec) {
	c.Uint16("present_saturation", &m.PresentSaturation)
	if c.Optional("target_saturation", &m.HasTarget) {
		c.Uint16("target_saturation", &m.TargetSaturation)
		m.RemainingTime.Visit(c, "remaining_time")
	}
}
