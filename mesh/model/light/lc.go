package light

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

// Opcodes of the Light LC messages (section 6.3.5).
const (
	OpLCModeGet                     mesh.Opcode = 0x8291
	OpLCModeSet                     mesh.Opcode = 0x8292
	OpLCModeSetUnacknowledged       mesh.Opcode = 0x8293
	OpLCModeStatus                  mesh.Opcode = 0x8294
	OpLCOMGet                       mesh.Opcode = 0x8295
	OpLCOMSet                       mesh.Opcode = 0x8296
	OpLCOMSetUnacknowledged         mesh.Opcode = 0x8297
	OpLCOMStatus                    mesh.Opcode = 0x8298
	OpLCLightOnOffGet               mesh.Opcode = 0x8299
	OpLCLightOnOffSet               mesh.Opcode = 0x829A
	OpLCLightOnOffSetUnacknowledged mesh.Opcode = 0x829B
	OpLCLightOnOffStatus            mesh.Opcode = 0x829C
	OpLCPropertyGet                 mesh.Opcode = 0x829D
	OpLCPropertySet                 mesh.Opcode = 0x62
	OpLCPropertySetUnacknowledged   mesh.Opcode = 0x63
	OpLCPropertyStatus              mesh.Opcode = 0x64
)

// LCModeGet requests whether the light is controlled automatically.
type LCModeGet struct{ access.Empty }

// Opcode is 0x8291.
func (LCModeGet) Opcode() mesh.Opcode { return OpLCModeGet }

// LCModeSet enables or disables automatic control (acknowledged).
//
//	| Mode 8 |
type LCModeSet struct {
	Mode bool
}

// Opcode is 0x8292.
func (LCModeSet) Opcode() mesh.Opcode { return OpLCModeSet }

// Fields visits the parameters.
func (m *LCModeSet) Fields(c *access.Codec) {
	c.Bool("mode", &m.Mode)
}

// LCModeSetUnacknowledged is the unacknowledged form of LCModeSet.
type LCModeSetUnacknowledged struct{ LCModeSet }

// Opcode is 0x8293.
func (LCModeSetUnacknowledged) Opcode() mesh.Opcode { return OpLCModeSetUnacknowledged }

// LCModeStatus reports whether the light is controlled automatically.
//
//	| Mode 8 |
type LCModeStatus struct {
	Mode bool
}

// Opcode is 0x8294.
func (LCModeStatus) Opcode() mesh.Opcode { return OpLCModeStatus }

// Fields visits the parameters.
func (m *LCModeStatus) Fields(c *access.Codec) {
	c.Bool("mode", &m.Mode)
}

// LCOMGet requests the Light LC Occupancy Mode state.
type LCOMGet struct{ access.Empty }

// Opcode is 0x8295.
func (LCOMGet) Opcode() mesh.Opcode { return OpLCOMGet }

// LCOMSet sets whether occupancy turns the light on (acknowledged).
//
//	| Mode 8 |
type LCOMSet struct {
	Mode bool
}

// Opcode is 0x8296.
func (LCOMSet) Opcode() mesh.Opcode { return OpLCOMSet }

// Fields visits the parameters.
func (m *LCOMSet) Fields(c *access.Codec) {
	c.Bool("mode", &m.Mode)
}

// LCOMSetUnacknowledged is the unacknowledged form of LCOMSet.
type LCOMSetUnacknowledged struct{ LCOMSet }

// Opcode is 0x8297.
func (LCOMSetUnacknowledged) Opcode() mesh.Opcode { return OpLCOMSetUnacknowledged }

// LCOMStatus reports whether occupancy turns the light on.
//
//	| Mode 8 |
type LCOMStatus struct {
	Mode bool
}

// Opcode is 0x8298.
func (LCOMStatus) Opcode() mesh.Opcode { return OpLCOMStatus }

// Fields visits the parameters.
func (m *LCOMStatus) Fields(c *access.Codec) {
	c.Bool("mode", &m.Mode)
}

// LCLightOnOffGet requests the Light LC Light OnOff state.
type LCLightOnOffGet struct{ access.Empty }

// Opcode is 0x8299.
func (LCLightOnOffGet) Opcode() mesh.Opcode { return OpLCLightOnOffGet }

// LCLightOnOffSet sets the Light LC Light OnOff state (acknowledged).
//
//	| Light OnOff 8 | TID 8 | [ Transition Time 8 | Delay 8 ] |
type LCLightOnOffSet struct {
	LightOnOff bool
	TID        uint8
	Transition generic.Transition
}

// Opcode is 0x829A.
func (LCLightOnOffSet) Opcode() mesh.Opcode { return OpLCLightOnOffSet }

// Fields visits the parameters.
func (m *LCLightOnOffSet) Fields(c *access.Codec) {
	c.Bool("light_onoff", &m.LightOnOff)
	c.Uint8("tid", &m.TID)
	m.Transition.Fields(c)
}

// LCLightOnOffSetUnacknowledged is the unacknowledged form of LCLightOnOffSet.
type LCLightOnOffSetUnacknowledged struct{ LCLightOnOffSet }

// Opcode is 0x829B.
func (LCLightOnOffSetUnacknowledged) Opcode() mesh.Opcode { return OpLCLightOnOffSetUnacknowledged }

// LCLightOnOffStatus reports the Light LC Light OnOff state.
//
//	| Present Light OnOff 8 | [ Target Light OnOff 8 | Remaining Time 8 ] |
type LCLightOnOffStatus struct {
	PresentLightOnOff bool
	HasTarget         bool // the following fields are present
	TargetLightOnOff  bool
	RemainingTime     generic.TransitionTime
}

// Opcode is 0x829C.
func (LCLightOnOffStatus) Opcode() mesh.Opcode { return OpLCLightOnOffStatus }

// Fields visits the parameters.
func (m *LCLightOnOffStatus) Fields(c *access.Codec) {
	c.Bool("present_light_onoff", &m.PresentLightOnOff)
	if c.Optional("target_light_onoff", &m.HasTarget) {
		c.Bool("target_light_onoff", &m.TargetLightOnOff)
		m.RemainingTime.Visit(c, "remaining_time")
	}
}

// LCPropertyGet requests a property of the light control.
//
//	| Property ID 16 |
type LCPropertyGet struct {
	PropertyID property.ID
}

// Opcode is 0x829D.
func (LCPropertyGet) Opcode() mesh.Opcode { return OpLCPropertyGet }

// Fields visits the parameters.
func (m *LCPropertyGet) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
}

// LCPropertySet sets a property of the light control (acknowledged).
//
//	| Property ID 16 | Property Value |
type LCPropertySet struct {
	PropertyID    property.ID
	PropertyValue []byte
}

// Opcode is 0x62.
func (LCPropertySet) Opcode() mesh.Opcode { return OpLCPropertySet }

// Fields visits the parameters.
func (m *LCPropertySet) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
	c.Rest("property_value", &m.PropertyValue)
}

// LCPropertySetUnacknowledged is the unacknowledged form of LCPropertySet.
type LCPropertySetUnacknowledged struct{ LCPropertySet }

// Opcode is 0x63.
func (LCPropertySetUnacknowledged) Opcode() mesh.Opcode { return OpLCPropertySetUnacknowledged }

// LCPropertyStatus reports a property of the light control.
//
//	| Property ID 16 | Property Value |
type LCPropertyStatus struct {
	PropertyID    property.ID
	PropertyValue []byte
}

// Opcode is 0x64.
func (LCPropertyStatus) Opcode() mesh.Opcode { return OpLCPropertyStatus }

// Fields visits the parameters.
func (m *LCPropertyStatus) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
	c.Rest("property_value", &m.PropertyValue)
}
