package configuration

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
)

// Opcodes of the messages that bind AppKeys to models (sections 4.3.2.46 to
// 4.3.2.52).
const (
	OpModelAppBind       mesh.Opcode = 0x803D
	OpModelAppUnbind     mesh.Opcode = 0x803F
	OpModelAppStatus     mesh.Opcode = 0x803E
	OpSIGModelAppGet     mesh.Opcode = 0x804B
	OpSIGModelAppList    mesh.Opcode = 0x804C
	OpVendorModelAppGet  mesh.Opcode = 0x804D
	OpVendorModelAppList mesh.Opcode = 0x804E
)

// ModelAppBind binds an AppKey to a model.
//
//	| ElementAddress 16 | AppKeyIndex 12 | RFU 4 | ModelIdentifier 16 or 32 |
type ModelAppBind struct {
	ElementAddress  mesh.Address
	AppKeyIndex     mesh.KeyIndex
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x803D.
func (ModelAppBind) Opcode() mesh.Opcode { return OpModelAppBind }

// Fields visits the parameters.
func (m *ModelAppBind) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.KeyIndex("app_key_index", &m.AppKeyIndex)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ModelAppUnbind unbinds an AppKey from a model. It has the parameters of
// ModelAppBind.
type ModelAppUnbind struct {
	ElementAddress  mesh.Address
	AppKeyIndex     mesh.KeyIndex
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x803F.
func (ModelAppUnbind) Opcode() mesh.Opcode { return OpModelAppUnbind }

// Fields visits the parameters.
func (m *ModelAppUnbind) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.KeyIndex("app_key_index", &m.AppKeyIndex)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ModelAppStatus answers ModelAppBind and ModelAppUnbind.
//
//	| Status 8 | ElementAddress 16 | AppKeyIndex 12 | RFU 4 | ModelIdentifier 16 or 32 |
type ModelAppStatus struct {
	Status          foundation.Status
	ElementAddress  mesh.Address
	AppKeyIndex     mesh.KeyIndex
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x803E.
func (ModelAppStatus) Opcode() mesh.Opcode { return OpModelAppStatus }

// Fields visits the parameters.
func (m *ModelAppStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Unicast("element_address", &m.ElementAddress)
	c.KeyIndex("app_key_index", &m.AppKeyIndex)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// SIGModelAppGet asks for the AppKeys bound to a SIG model.
//
//	| ElementAddress 16 | ModelIdentifier 16 |
type SIGModelAppGet struct {
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x804B.
func (SIGModelAppGet) Opcode() mesh.Opcode { return OpSIGModelAppGet }

// Fields visits the parameters.
func (m *SIGModelAppGet) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.SIGModel("model_identifier", &m.ModelIdentifier)
}

// SIGModelAppList answers SIGModelAppGet.
//
//	| Status 8 | ElementAddress 16 | ModelIdentifier 16 | AppKeyIndexes, in pairs |
type SIGModelAppList struct {
	Status          foundation.Status
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
	AppKeyIndexes   []mesh.KeyIndex
}

// Opcode is 0x804C.
func (SIGModelAppList) Opcode() mesh.Opcode { return OpSIGModelAppList }

// Fields visits the parameters.
func (m *SIGModelAppList) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Unicast("element_address", &m.ElementAddress)
	c.SIGModel("model_identifier", &m.ModelIdentifier)
	c.KeyIndexes("app_key_indexes", &m.AppKeyIndexes)
}

// VendorModelAppGet asks for the AppKeys bound to a vendor model.
//
//	| ElementAddress 16 | ModelIdentifier 32 |
type VendorModelAppGet struct {
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x804D.
func (VendorModelAppGet) Opcode() mesh.Opcode { return OpVendorModelAppGet }

// Fields visits the parameters.
func (m *VendorModelAppGet) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.VendorModel("model_identifier", &m.ModelIdentifier)
}

// VendorModelAppList answers VendorModelAppGet.
//
//	| Status 8 | ElementAddress 16 | ModelIdentifier 32 | AppKeyIndexes, in pairs |
type VendorModelAppList struct {
	Status          foundation.Status
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
	AppKeyIndexes   []mesh.KeyIndex
}

// Opcode is 0x804E.
func (VendorModelAppList) Opcode() mesh.Opcode { return OpVendorModelAppList }

// Fields visits the parameters.
func (m *VendorModelAppList) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Unicast("element_address", &m.ElementAddress)
	c.VendorModel("model_identifier", &m.ModelIdentifier)
	c.KeyIndexes("app_key_indexes", &m.AppKeyIndexes)
}
