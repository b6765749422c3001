package sensor

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

// Opcodes of the Sensor Setting messages (sections 4.2.5 to 4.2.10).
const (
	OpSettingsGet              mesh.Opcode = 0x8235
	OpSettingsStatus           mesh.Opcode = 0x58
	OpSettingGet               mesh.Opcode = 0x8236
	OpSettingSet               mesh.Opcode = 0x59
	OpSettingSetUnacknowledged mesh.Opcode = 0x5A
	OpSettingStatus            mesh.Opcode = 0x5B
)

// Access is whether a setting can be changed (section 4.1.2.3).
type Access uint8

// The values of Access; others are prohibited.
const (
	ReadOnly  Access = 1
	ReadWrite Access = 3
)

var accessWords = []string{1: "read", 3: "read and write"}

// SettingsGet requests the settings of a sensor.
//
//	| Sensor Property ID 16 |
type SettingsGet struct {
	SensorPropertyID property.ID
}

// Opcode is 0x8235.
func (SettingsGet) Opcode() mesh.Opcode { return OpSettingsGet }

// Fields visits the parameters.
func (m *SettingsGet) Fields(c *access.Codec) {
	m.SensorPropertyID.VisitNonZero(c, "sensor_property_id")
}

// SettingsStatus lists the settings of a sensor.
//
//	| Sensor Property ID 16 | Sensor Setting Property IDs, 16 each |
type SettingsStatus struct {
	SensorPropertyID         property.ID
	SensorSettingPropertyIDs []property.ID
}

// Opcode is 0x58.
func (SettingsStatus) Opcode() mesh.Opcode { return OpSettingsStatus }

// Fields visits the parameters.
func (m *SettingsStatus) Fields(c *access.Codec) {
	m.SensorPropertyID.VisitNonZero(c, "sensor_property_id")
	access.List(c, "sensor_setting_property_ids", &m.SensorSettingPropertyIDs, func(id *property.ID, c *access.Codec) { id.Visit(c, "") })
}

// SettingGet requests a setting of a sensor.
//
//	| Sensor Property ID 16 | Sensor Setting Property ID 16 |
type SettingGet struct {
	SensorPropertyID        property.ID
	SensorSettingPropertyID property.ID
}

// Opcode is 0x8236.
func (SettingGet) Opcode() mesh.Opcode { return OpSettingGet }

// Fields visits the parameters.
func (m *SettingGet) Fields(c *access.Codec) {
	m.SensorPropertyID.VisitNonZero(c, "sensor_property_id")
	m.SensorSettingPropertyID.VisitNonZero(c, "sensor_setting_property_id")
}

// SettingSet sets a setting of a sensor (acknowledged).
//
//	| Sensor Property ID 16 | Sensor Setting Property ID 16 | Sensor Setting Raw |
type SettingSet struct {
	SensorPropertyID        property.ID
	SensorSettingPropertyID property.ID
	SensorSettingRaw        []byte
}

// Opcode is 0x59.
func (SettingSet) Opcode() mesh.Opcode { return OpSettingSet }

// Fields visits the parameters.
func (m *SettingSet) Fields(c *access.Codec) {
	m.SensorPropertyID.VisitNonZero(c, "sensor_property_id")
	m.SensorSettingPropertyID.VisitNonZero(c, "sensor_setting_property_id")
	c.Rest("sensor_setting_raw", &m.SensorSettingRaw)
}

// SettingSetUnacknowledged is the unacknowledged form of SettingSet.
type SettingSetUnacknowledged struct{ SettingSet }

// Opcode is 0x5A.
func (SettingSetUnacknowledged) Opcode() mesh.Opcode { return OpSettingSetUnacknowledged }

// SettingStatus reports a setting of a sensor; without a value if it does not
// exist or could not be set.
//
//	| Sensor Property ID 16 | Sensor Setting Property ID 16 |
//	| [ Sensor Setting Access 8 | Sensor Setting Raw ] |
type SettingStatus struct {
	SensorPropertyID        property.ID
	SensorSettingPropertyID property.ID
	HasSetting              bool // the following fields are present
	SensorSettingAccess     Access
	SensorSettingRaw        []byte
}

// Opcode is 0x5B.
func (SettingStatus) Opcode() mesh.Opcode { return OpSettingStatus }

// Fields visits the parameters.
func (m *SettingStatus) Fields(c *access.Codec) {
	m.SensorPropertyID.VisitNonZero(c, "sensor_property_id")
	m.SensorSettingPropertyID.VisitNonZero(c, "sensor_setting_property_id")
	if c.Optional("sensor_setting_access", &m.HasSetting) {
		c.Enum("sensor_setting_access", (*uint8)(&m.SensorSettingAccess), accessWords)
		c.Rest("sensor_setting_raw", &m.SensorSettingRaw)
	}
}
