package light

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// Opcodes of the Light CTL messages about lightness and temperature (section
// 6.3.2).
const (
	OpCTLGet                          mesh.Opcode = 0x825D
	OpCTLSet                          mesh.Opcode = 0x825E
	OpCTLSetUnacknowledged            mesh.Opcode = 0x825F
	OpCTLStatus                       mesh.Opcode = 0x8260
	OpCTLTemperatureGet               mesh.Opcode = 0x8261
	OpCTLTemperatureSet               mesh.Opcode = 0x8264
	OpCTLTemperatureSetUnacknowledged mesh.Opcode = 0x8265
	OpCTLTemperatureStatus            mesh.Opcode = 0x8266
)

// Limits of a colour temperature in kelvin (section 6.1.3.1). Values beyond
// them are prohibited; they are decoded nevertheless, and the server ignores
// them.
const (
	MinTemperature     uint16 = 800
	MaxTemperature     uint16 = 20000
	UnknownTemperature uint16 = 0xFFFF // in a range
)

// CTLGet requests the Light CTL state.
type CTLGet struct{ access.Empty }

// Opcode is 0x825D.
func (CTLGet) Opcode() mesh.Opcode { return OpCTLGet }

// CTLSet sets the Light CTL state (acknowledged).
//
//	| CTL Lightness 16 | CTL Temperature 16 | CTL Delta UV 16 |
//	| TID 8 | [ Transition Time 8 | Delay 8 ] |
type CTLSet struct {
	CTLLightness   uint16
	CTLTemperature uint16
	CTLDeltaUV     int16
	TID            uint8
	Transition     generic.Transition
}

// Opcode is 0x825E.
func (CTLSet) Opcode() mesh.Opcode { return OpCTLSet }

// Fields visits the parameters.
func (m *CTLSet) Fields(c *access.Codec) {
	c.Uint16("ctl_lightness", &m.CTLLightness)
	c.Uint16("ctl_temperature", &m.CTLTemperature)
	c.Int16("ctl_delta_uv", &m.CTLDeltaUV)
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// CTLSetUnacknowledged is the unacknowledged form of CTLSet.
type CTLSetUnacknowledged struct{ CTLSet }

// Opcode is 0x825F.
func (CTLSetUnacknowledged) Opcode() mesh.Opcode { return OpCTLSetUnacknowledged }

// CTLStatus reports the Light CTL state.
//
//	| Present CTL Lightness 16 | Present CTL Temperature 16 |
//	| [ Target CTL Lightness 16 | Target CTL Temperature 16 | Remaining Time 8 ] |
type CTLStatus struct {
	PresentCTLLightness   uint16
	PresentCTLTemperature uint16
	HasTarget             bool // the following fields are present
	TargetCTLLightness    uint16
	TargetCTLTemperature  uint16
	RemainingTime         generic.TransitionTime
}

// Opcode is 0x8260.
func (CTLStatus) Opcode() mesh.Opcode { return OpCTLStatus }

// Fields visits the parameters.
func (m *CTLStatus) Fields(c *access.Codec) {
	c.Uint16("present_ctl_lightness", &m.PresentCTLLightness)
	c.Uint16("present_ctl_temperature", &m.PresentCTLTemperature)
	if c.Optional("target_ctl_lightness", &m.HasTarget) {
		c.Uint16("target_ctl_lightness", &m.TargetCTLLightness)
		c.Uint16("target_ctl_temperature", &m.TargetCTLTemperature)
		m.RemainingTime.Visit(c, "remaining_time")
	}
}

// CTLTemperatureGet requests the Light CTL Temperature state.
type CTLTemperatureGet struct{ access.Empty }

// Opcode is 0x8261.
func (CTLTemperatureGet) Opcode() mesh.Opcode { return OpCTLTemperatureGet }

// CTLTemperatureSet sets the Light CTL Temperature state (acknowledged).
//
//	| CTL Temperature 16 | CTL Delta UV 16 | TID 8 | [ Transition Time 8 | Delay 8 ] |
type CTLTemperatureSet struct {
	CTLTemperature uint16
	CTLDeltaUV     int16
	TID            uint8
	Transition     generic.Transition
}

// Opcode is 0x8264.
func (CTLTemperatureSet) Opcode() mesh.Opcode { return OpCTLTemperatureSet }

// Fields visits the parameters.
func (m *CTLTemperatureSet) Fields(c *access.Codec) {
	c.Uint16("ctl_temperature", &m.CTLTemperature)
	c.Int16("ctl_delta_uv", &m.CTLDeltaUV)
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// CTLTemperatureSetUnacknowledged is the unacknowledged form of
// CTLTemperatureSet.
type CTLTemperatureSetUnacknowledged struct{ CTLTemperatureSet }

// Opcode is 0x8265.
func (CTLTemperatureSetUnacknowledged) Opcode() mesh.Opcode { return OpCTLTemperatureSetUnacknowledged }

// CTLTemperatureStatus reports the Light CTL Temperature state.
//
//	| Present CTL Temperature 16 | Present CTL Delta UV 16 |
//	| [ Target CTL Temperature 16 | Target CTL Delta UV 16 | Remaining Time 8 ] |
type CTLTemperatureStatus struct {
	PresentCTLTemperature uint16
	PresentCTLDeltaUV     int16
	HasTarget             bool // the following fields are present
	TargetCTLTemperature  uint16
	TargetCTLDeltaUV      int16
	RemainingTime         generic.TransitionTime
}

// Opcode is 0x8266.
func (CTLTemperatureStatus) Opcode() mesh.Opcode { return OpCTLTemperatureStatus }

// Fields visits the parameters.
func (m *CTLTemperatureStatus) Fields(c *access.Codec) {
	c.Uint16("present_ctl_temperature", &m.PresentCTLTemperature)
	c.Int16("present_ctl_delta_uv", &m.PresentCTLDeltaUV)
	if c.Optional("target_ctl_temperature", &m.HasTarget) {
		c.Uint16("target_ctl_temperature", &m.TargetCTLTemperature)
		c.Int16("target_ctl_delta_uv", &m.TargetCTLDeltaUV)
		m.RemainingTime.Visit(c, "remaining_time")
	}
}
