package generic

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

// Opcodes of the Generic Property messages (section 3.2.8).
const (
	OpManufacturerPropertiesGet             mesh.Opcode = 0x822A
	OpManufacturerPropertiesStatus          mesh.Opcode = 0x43
	OpManufacturerPropertyGet               mesh.Opcode = 0x822B
	OpManufacturerPropertySet               mesh.Opcode = 0x44
	OpManufacturerPropertySetUnacknowledged mesh.Opcode = 0x45
	OpManufacturerPropertyStatus            mesh.Opcode = 0x46
	OpAdminPropertiesGet                    mesh.Opcode = 0x822C
	OpAdminPropertiesStatus                 mesh.Opcode = 0x47
	OpAdminPropertyGet                      mesh.Opcode = 0x822D
	OpAdminPropertySet                      mesh.Opcode = 0x48
	OpAdminPropertySetUnacknowledged        mesh.Opcode = 0x49
	OpAdminPropertyStatus                   mesh.Opcode = 0x4A
	OpUserPropertiesGet                     mesh.Opcode = 0x822E
	OpUserPropertiesStatus                  mesh.Opcode = 0x4B
	OpUserPropertyGet                       mesh.Opcode = 0x822F
	OpUserPropertySet                       mesh.Opcode = 0x4C
	OpUserPropertySetUnacknowledged         mesh.Opcode = 0x4D
	OpUserPropertyStatus                    mesh.Opcode = 0x4E
	OpClientPropertiesGet                   mesh.Opcode = 0x4F
	OpClientPropertiesStatus                mesh.Opcode = 0x50
)

// Access is the user's access to a property (section 3.1.8). A user cannot see
// a Hidden property; a user property must not be Hidden.
type Access uint8

// The values of Access.
const (
	Hidden    Access = 0
	Read      Access = 1
	Write     Access = 2
	ReadWrite Access = 3
)

var accessWords = []string{"hidden", "read", "write", "read and write"}

func (a *Access) visit(c *access.Codec, name string) {
	c.Enum(name, (*uint8)(a), accessWords)
	c.Require(*a <= ReadWrite, name, "0 to 3")
}

func listedID(id *property.ID, c *access.Codec) { id.Visit(c, "") }

// ManufacturerPropertiesGet requests the list of manufacturer properties.
type ManufacturerPropertiesGet struct{ access.Empty }

// Opcode is 0x822A.
func (ManufacturerPropertiesGet) Opcode() mesh.Opcode { return OpManufacturerPropertiesGet }

// ManufacturerPropertiesStatus lists the manufacturer properties.
//
//	| Property IDs, 16 each |
type ManufacturerPropertiesStatus struct {
	PropertyIDs []property.ID
}

// Opcode is 0x43.
func (ManufacturerPropertiesStatus) Opcode() mesh.Opcode { return OpManufacturerPropertiesStatus }

// Fields visits the parameters.
func (m *ManufacturerPropertiesStatus) Fields(c *access.Codec) {
	access.List(c, "property_ids", &m.PropertyIDs, listedID)
}

// ManufacturerPropertyGet requests a manufacturer property.
//
//	| Property ID 16 |
type ManufacturerPropertyGet struct {
	PropertyID property.ID
}

// Opcode is 0x822B.
func (ManufacturerPropertyGet) Opcode() mesh.Opcode { return OpManufacturerPropertyGet }

// Fields visits the parameters.
func (m *ManufacturerPropertyGet) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
}

// ManufacturerPropertySet sets a manufacturer property (acknowledged).
//
//	| Property ID 16 | Access 8 |
type ManufacturerPropertySet struct {
	PropertyID property.ID
	Access     Access
}

// Opcode is 0x44.
func (ManufacturerPropertySet) Opcode() mesh.Opcode { return OpManufacturerPropertySet }

// Fields visits the parameters.
func (m *ManufacturerPropertySet) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
	m.Access.visit(c, "manufacturer_access")
}

// ManufacturerPropertySetUnacknowledged is the unacknowledged form of
// ManufacturerPropertySet.
type ManufacturerPropertySetUnacknowledged struct{ ManufacturerPropertySet }

// Opcode is 0x45.
func (ManufacturerPropertySetUnacknowledged) Opcode() mesh.Opcode {
	return OpManufacturerPropertySetUnacknowledged
}

// ManufacturerPropertyStatus reports a manufacturer property; without a value
// if it does not exist.
//
//	| Property ID 16 | [ Access 8 | Property Value ] |
type ManufacturerPropertyStatus struct {
	PropertyID    property.ID
	HasValue      bool // the following fields are present
	Access        Access
	PropertyValue []byte
}

// Opcode is 0x46.
func (ManufacturerPropertyStatus) Opcode() mesh.Opcode { return OpManufacturerPropertyStatus }

// Fields visits the parameters.
func (m *ManufacturerPropertyStatus) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
	if c.Optional("manufacturer_access", &m.HasValue) {
		m.Access.visit(c, "manufacturer_access")
		c.Rest("property_value", &m.PropertyValue)
	}
}

// AdminPropertiesGet requests the list of admin properties.
type AdminPropertiesGet struct{ access.Empty }

// Opcode is 0x822C.
func (AdminPropertiesGet) Opcode() mesh.Opcode { return OpAdminPropertiesGet }

// AdminPropertiesStatus lists the admin properties.
//
//	| Property IDs, 16 each |
type AdminPropertiesStatus struct {
	PropertyIDs []property.ID
}

// Opcode is 0x47.
func (AdminPropertiesStatus) Opcode() mesh.Opcode { return OpAdminPropertiesStatus }

// Fields visits the parameters.
func (m *AdminPropertiesStatus) Fields(c *access.Codec) {
	access.List(c, "property_ids", &m.PropertyIDs, listedID)
}

// AdminPropertyGet requests an admin property.
//
//	| Property ID 16 |
type AdminPropertyGet struct {
	PropertyID property.ID
}

// Opcode is 0x822D.
func (AdminPropertyGet) Opcode() mesh.Opcode { return OpAdminPropertyGet }

// Fields visits the parameters.
func (m *AdminPropertyGet) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
}

// AdminPropertySet sets an admin property (acknowledged).
//
//	| Property ID 16 | Access 8 | Property Value |
type AdminPropertySet struct {
	PropertyID    property.ID
	Access        Access
	PropertyValue []byte
}

// Opcode is 0x48.
func (AdminPropertySet) Opcode() mesh.Opcode { return OpAdminPropertySet }

// Fields visits the parameters.
func (m *AdminPropertySet) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
	m.Access.visit(c, "admin_access")
	c.Rest("property_value", &m.PropertyValue)
}

// AdminPropertySetUnacknowledged is the unacknowledged form of
// AdminPropertySet.
type AdminPropertySetUnacknowledged struct{ AdminPropertySet }

// Opcode is 0x49.
func (AdminPropertySetUnacknowledged) Opcode() mesh.Opcode { return OpAdminPropertySetUnacknowledged }

// AdminPropertyStatus reports an admin property; without a value if it does not
// exist.
//
//	| Property ID 16 | [ Access 8 | Property Value ] |
type AdminPropertyStatus struct {
	PropertyID    property.ID
	HasValue      bool // the following fields are present
	Access        Access
	PropertyValue []byte
}

// Opcode is 0x4A.
func (AdminPropertyStatus) Opcode() mesh.Opcode { return OpAdminPropertyStatus }

// Fields visits the parameters.
func (m *AdminPropertyStatus) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
	if c.Optional("admin_access", &m.HasValue) {
		m.Access.visit(c, "admin_access")
		c.Rest("property_value", &m.PropertyValue)
	}
}

// UserPropertiesGet requests the list of user properties.
type UserPropertiesGet struct{ access.Empty }

// Opcode is 0x822E.
func (UserPropertiesGet) Opcode() mesh.Opcode { return OpUserPropertiesGet }

// UserPropertiesStatus lists the user properties.
//
//	| Property IDs, 16 each |
type UserPropertiesStatus struct {
	PropertyIDs []property.ID
}

// Opcode is 0x4B.
func (UserPropertiesStatus) Opcode() mesh.Opcode { return OpUserPropertiesStatus }

// Fields visits the parameters.
func (m *UserPropertiesStatus) Fields(c *access.Codec) {
	access.List(c, "property_ids", &m.PropertyIDs, listedID)
}

// UserPropertyGet requests a user property.
//
//	| Property ID 16 |
type UserPropertyGet struct {
	PropertyID property.ID
}

// Opcode is 0x822F.
func (UserPropertyGet) Opcode() mesh.Opcode { return OpUserPropertyGet }

// Fields visits the parameters.
func (m *UserPropertyGet) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
}

// UserPropertySet sets a user property (acknowledged).
//
//	| Property ID 16 | Property Value |
type UserPropertySet struct {
	PropertyID    property.ID
	PropertyValue []byte
}

// Opcode is 0x4C.
func (UserPropertySet) Opcode() mesh.Opcode { return OpUserPropertySet }

// Fields visits the parameters.
func (m *UserPropertySet) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
	c.Rest("property_value", &m.PropertyValue)
}

// UserPropertySetUnacknowledged is the unacknowledged form of UserPropertySet.
type UserPropertySetUnacknowledged struct{ UserPropertySet }

// Opcode is 0x4D.
func (UserPropertySetUnacknowledged) Opcode() mesh.Opcode { return OpUserPropertySetUnacknowledged }

// UserPropertyStatus reports a user property; without a value if it does not
// exist.
//
//	| Property ID 16 | [ Access 8 | Property Value ] |
type UserPropertyStatus struct {
	PropertyID    property.ID
	HasValue      bool // the following fields are present
	Access        Access
	PropertyValue []byte
}

// Opcode is 0x4E.
func (UserPropertyStatus) Opcode() mesh.Opcode { return OpUserPropertyStatus }

// Fields visits the parameters.
func (m *UserPropertyStatus) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
	if c.Optional("user_access", &m.HasValue) {
		m.Access.visit(c, "user_access")
		c.Rest("property_value", &m.PropertyValue)
	}
}

// ClientPropertiesGet requests the properties that a client uses, starting at
// an identifier.
//
//	| Property ID 16 |
type ClientPropertiesGet struct {
	PropertyID property.ID
}

// Opcode is 0x4F.
func (ClientPropertiesGet) Opcode() mesh.Opcode { return OpClientPropertiesGet }

// Fields visits the parameters.
func (m *ClientPropertiesGet) Fields(c *access.Codec) {
	m.PropertyID.VisitNonZero(c, "property_id")
}

// ClientPropertiesStatus lists the properties that a client uses.
//
//	| Property IDs, 16 each |
type ClientPropertiesStatus struct {
	PropertyIDs []property.ID
}

// Opcode is 0x50.
func (ClientPropertiesStatus) Opcode() mesh.Opcode { return OpClientPropertiesStatus }

// Fields visits the parameters.
func (m *ClientPropertiesStatus) Fields(c *access.Codec) {
	access.List(c, "property_ids", &m.PropertyIDs, listedID)
}
