package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the messages about AppKeys bound to models (sections 4.3.2.46 to
// 4.3.2.52).
const (
	OpConfigModelAppBind       mesh.Opcode = 0x803D
	OpConfigModelAppUnbind     mesh.Opcode = 0x803F
	OpConfigModelAppStatus     mesh.Opcode = 0x803E
	OpConfigSIGModelAppGet     mesh.Opcode = 0x804B
	OpConfigSIGModelAppList    mesh.Opcode = 0x804C
	OpConfigVendorModelAppGet  mesh.Opcode = 0x804D
	OpConfigVendorModelAppList mesh.Opcode = 0x804E
)

// ConfigModelAppBind lets a model use an AppKey.
//
//	| ElementAddress 16 | AppKeyIndex 12 | RFU 4 | ModelIdentifier 16 or 32 |
type ConfigModelAppBind struct {
	ElementAddress  mesh.Address
	AppKeyIndex     mesh.KeyIndex
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x803D.
func (ConfigModelAppBind) Opcode() mesh.Opcode { return OpConfigModelAppBind }

// Fields visits the parameters.
func (m *ConfigModelAppBind) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.KeyIndex("app_key_index", &m.AppKeyIndex)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ConfigModelAppUnbind takes an AppKey from a model.
// Parameters as ConfigModelAppBind.
type ConfigModelAppUnbind struct {
	ElementAddress  mesh.Address
	AppKeyIndex     mesh.KeyIndex
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x803F.
func (ConfigModelAppUnbind) Opcode() mesh.Opcode { return OpConfigModelAppUnbind }

// Fields visits the parameters.
func (m *ConfigModelAppUnbind) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.KeyIndex("app_key_index", &m.AppKeyIndex)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ConfigModelAppStatus answers ConfigModelAppBind and Unbind.
//
//	| Status 8 | ElementAddress 16 | AppKeyIndex 12 | RFU 4 | ModelIdentifier 16 or 32 |
type ConfigModelAppStatus struct {
	Status          Status
	ElementAddress  mesh.Address
	AppKeyIndex     mesh.KeyIndex
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x803E.
func (ConfigModelAppStatus) Opcode() mesh.Opcode { return OpConfigModelAppStatus }

// Fields visits the parameters.
func (m *ConfigModelAppStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Unicast("element_address", &m.ElementAddress)
	c.KeyIndex("app_key_index", &m.AppKeyIndex)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ConfigSIGModelAppGet asks which AppKeys a model of the specifications may use.
//
//	| ElementAddress 16 | ModelIdentifier 16 |
type ConfigSIGModelAppGet struct {
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x804B.
func (ConfigSIGModelAppGet) Opcode() mesh.Opcode { return OpConfigSIGModelAppGet }

// Fields visits the parameters.
func (m *ConfigSIGModelAppGet) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.SIGModel("model_identifier", &m.ModelIdentifier)
}

// ConfigSIGModelAppList answers ConfigSIGModelAppGet.
//
//	| Status 8 | ElementAddress 16 | ModelIdentifier 16 | AppKeyIndexes, in pairs |
type ConfigSIGModelAppList struct {
	Status          Status
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
	AppKeyIndexes   []mesh.KeyIndex
}

// Opcode is 0x804C.
func (ConfigSIGModelAppList) Opcode() mesh.Opcode { return OpConfigSIGModelAppList }

// Fields visits the parameters.
func (m *ConfigSIGModelAppList) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Unicast("element_address", &m.ElementAddress)
	c.SIGModel("model_identifier", &m.ModelIdentifier)
	c.KeyIndexes("app_key_indexes", &m.AppKeyIndexes)
}

// ConfigVendorModelAppGet asks which AppKeys a vendor model may use.
//
//	| ElementAddress 16 | ModelIdentifier 32 |
type ConfigVendorModelAppGet struct {
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x804D.
func (ConfigVendorModelAppGet) Opcode() mesh.Opcode { return OpConfigVendorModelAppGet }

// Fields visits the parameters.
func (m *ConfigVendorModelAppGet) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.VendorModel("model_identifier", &m.ModelIdentifier)
}

// ConfigVendorModelAppList answers ConfigVendorModelAppGet.
//
//	| Status 8 | ElementAddress 16 | ModelIdentifier 32 | AppKeyIndexes, in pairs |
type ConfigVendorModelAppList struct {
	Status          Status
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
	AppKeyIndexes   []mesh.KeyIndex
}

// Opcode is 0x804E.
func (ConfigVendorModelAppList) Opcode() mesh.Opcode { return OpConfigVendorModelAppList }

// Fields visits the parameters.
func (m *ConfigVendorModelAppList) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Unicast("element_address", &m.ElementAddress)
	c.VendorModel("model_identifier", &m.ModelIdentifier)
	c.KeyIndexes("app_key_indexes", &m.AppKeyIndexes)
}
