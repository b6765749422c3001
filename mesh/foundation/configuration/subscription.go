package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// Opcodes of the messages about subscription lists (sections 4.3.2.19 to
// 4.3.2.30).
const (
	OpConfigModelSubscriptionAdd                     mesh.Opcode = 0x801B
	OpConfigModelSubscriptionDelete                  mesh.Opcode = 0x801C
	OpConfigModelSubscriptionOverwrite               mesh.Opcode = 0x801E
	OpConfigModelSubscriptionDeleteAll               mesh.Opcode = 0x801D
	OpConfigModelSubscriptionVirtualAddressAdd       mesh.Opcode = 0x8020
	OpConfigModelSubscriptionVirtualAddressDelete    mesh.Opcode = 0x8021
	OpConfigModelSubscriptionVirtualAddressOverwrite mesh.Opcode = 0x8022
	OpConfigModelSubscriptionStatus                  mesh.Opcode = 0x801F
	OpConfigSIGModelSubscriptionGet                  mesh.Opcode = 0x8029
	OpConfigSIGModelSubscriptionList                 mesh.Opcode = 0x802A
	OpConfigVendorModelSubscriptionGet               mesh.Opcode = 0x802B
	OpConfigVendorModelSubscriptionList              mesh.Opcode = 0x802C
)

// ConfigModelSubscriptionAdd adds an address to a subscription list.
//
//	| ElementAddress 16 | Address 16 | ModelIdentifier 16 or 32 |
type ConfigModelSubscriptionAdd struct {
	ElementAddress  mesh.Address
	Address         mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x801B.
func (ConfigModelSubscriptionAdd) Opcode() mesh.Opcode { return OpConfigModelSubscriptionAdd }

// Fields visits the parameters.
func (m *ConfigModelSubscriptionAdd) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.Address("address", &m.Address)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ConfigModelSubscriptionDelete takes an address from a subscription
// list. Parameters as ConfigModelSubscriptionAdd.
type ConfigModelSubscriptionDelete struct {
	ElementAddress  mesh.Address
	Address         mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x801C.
func (ConfigModelSubscriptionDelete) Opcode() mesh.Opcode { return OpConfigModelSubscriptionDelete }

// Fields visits the parameters.
func (m *ConfigModelSubscriptionDelete) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.Address("address", &m.Address)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ConfigModelSubscriptionOverwrite makes an address the only one of a
// subscription list. Parameters as ConfigModelSubscriptionAdd.
type ConfigModelSubscriptionOverwrite struct {
	ElementAddress  mesh.Address
	Address         mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x801E.
func (ConfigModelSubscriptionOverwrite) Opcode() mesh.Opcode {
	return OpConfigModelSubscriptionOverwrite
}

// Fields visits the parameters.
func (m *ConfigModelSubscriptionOverwrite) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.Address("address", &m.Address)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ConfigModelSubscriptionDeleteAll empties a subscription list.
//
//	| ElementAddress 16 | ModelIdentifier 16 or 32 |
type ConfigModelSubscriptionDeleteAll struct {
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x801D.
func (ConfigModelSubscriptionDeleteAll) Opcode() mesh.Opcode {
	return OpConfigModelSubscriptionDeleteAll
}

// Fields visits the parameters.
func (m *ConfigModelSubscriptionDeleteAll) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ConfigModelSubscriptionVirtualAddressAdd adds a virtual address to a
// subscription list.
//
//	| ElementAddress 16 | Label UUID 128 | ModelIdentifier 16 or 32 |
type ConfigModelSubscriptionVirtualAddressAdd struct {
	ElementAddress  mesh.Address
	Label           mesh.UUID
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x8020.
func (ConfigModelSubscriptionVirtualAddressAdd) Opcode() mesh.Opcode {
	return OpConfigModelSubscriptionVirtualAddressAdd
}

// Fields visits the parameters.
func (m *ConfigModelSubscriptionVirtualAddressAdd) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.UUID("label", &m.Label)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ConfigModelSubscriptionVirtualAddressDelete takes a virtual address from
// a subscription list. Parameters as ConfigModelSubscriptionVirtualAddressAdd.
type ConfigModelSubscriptionVirtualAddressDelete struct {
	ElementAddress  mesh.Address
	Label           mesh.UUID
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x8021.
func (ConfigModelSubscriptionVirtualAddressDelete) Opcode() mesh.Opcode {
	return OpConfigModelSubscriptionVirtualAddressDelete
}

// Fields visits the parameters.
func (m *ConfigModelSubscriptionVirtualAddressDelete) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.UUID("label", &m.Label)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ConfigModelSubscriptionVirtualAddressOverwrite makes a virtual address
// the only one of a subscription list. Parameters as
// ConfigModelSubscriptionVirtualAddressAdd.
type ConfigModelSubscriptionVirtualAddressOverwrite struct {
	ElementAddress  mesh.Address
	Label           mesh.UUID
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x8022.
func (ConfigModelSubscriptionVirtualAddressOverwrite) Opcode() mesh.Opcode {
	return OpConfigModelSubscriptionVirtualAddressOverwrite
}

// Fields visits the parameters.
func (m *ConfigModelSubscriptionVirtualAddressOverwrite) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.UUID("label", &m.Label)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ConfigModelSubscriptionStatus answers all of the above; Address of a label is
// its virtual address.
//
//	| Status 8 | ElementAddress 16 | Address 16 | ModelIdentifier 16 or 32 |
type ConfigModelSubscriptionStatus struct {
	Status          Status
	ElementAddress  mesh.Address
	Address         mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x801F.
func (ConfigModelSubscriptionStatus) Opcode() mesh.Opcode { return OpConfigModelSubscriptionStatus }

// Fields visits the parameters.
func (m *ConfigModelSubscriptionStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Unicast("element_address", &m.ElementAddress)
	c.Address("address", &m.Address)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ConfigSIGModelSubscriptionGet asks for the subscription list of a model of
// the specifications.
//
//	| ElementAddress 16 | ModelIdentifier 16 |
type ConfigSIGModelSubscriptionGet struct {
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x8029.
func (ConfigSIGModelSubscriptionGet) Opcode() mesh.Opcode { return OpConfigSIGModelSubscriptionGet }

// Fields visits the parameters.
func (m *ConfigSIGModelSubscriptionGet) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.SIGModel("model_identifier", &m.ModelIdentifier)
}

// ConfigSIGModelSubscriptionList answers ConfigSIGModelSubscriptionGet.
//
//	| Status 8 | ElementAddress 16 | ModelIdentifier 16 | Addresses 16 each |
type ConfigSIGModelSubscriptionList struct {
	Status          Status
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
	Addresses       []mesh.Address
}

// Opcode is 0x802A.
func (ConfigSIGModelSubscriptionList) Opcode() mesh.Opcode { return OpConfigSIGModelSubscriptionList }

// Fields visits the parameters.
func (m *ConfigSIGModelSubscriptionList) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Unicast("element_address", &m.ElementAddress)
	c.SIGModel("model_identifier", &m.ModelIdentifier)
	access.List(c, "addresses", &m.Addresses, address)
}

// ConfigVendorModelSubscriptionGet asks for the subscription list of a vendor
// model.
//
//	| ElementAddress 16 | ModelIdentifier 32 |
type ConfigVendorModelSubscriptionGet struct {
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x802B.
func (ConfigVendorModelSubscriptionGet) Opcode() mesh.Opcode {
	return OpConfigVendorModelSubscriptionGet
}

// Fields visits the parameters.
func (m *ConfigVendorModelSubscriptionGet) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.VendorModel("model_identifier", &m.ModelIdentifier)
}

// ConfigVendorModelSubscriptionList answers ConfigVendorModelSubscriptionGet.
//
//	| Status 8 | ElementAddress 16 | ModelIdentifier 32 | Addresses 16 each |
type ConfigVendorModelSubscriptionList struct {
	Status          Status
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
	Addresses       []mesh.Address
}

// Opcode is 0x802C.
func (ConfigVendorModelSubscriptionList) Opcode() mesh.Opcode {
	return OpConfigVendorModelSubscriptionList
}

// Fields visits the parameters.
func (m *ConfigVendorModelSubscriptionList) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Unicast("element_address", &m.ElementAddress)
	c.VendorModel("model_identifier", &m.ModelIdentifier)
	access.List(c, "addresses", &m.Addresses, address)
}
