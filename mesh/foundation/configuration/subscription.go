package configuration

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/field"
)

// Opcodes of the messages about subscription lists (sections 4.3.2.19 to
// 4.3.2.30).
const (
	OpModelSubscriptionAdd                     mesh.Opcode = 0x801B
	OpModelSubscriptionDelete                  mesh.Opcode = 0x801C
	OpModelSubscriptionOverwrite               mesh.Opcode = 0x801E
	OpModelSubscriptionDeleteAll               mesh.Opcode = 0x801D
	OpModelSubscriptionVirtualAddressAdd       mesh.Opcode = 0x8020
	OpModelSubscriptionVirtualAddressDelete    mesh.Opcode = 0x8021
	OpModelSubscriptionVirtualAddressOverwrite mesh.Opcode = 0x8022
	OpModelSubscriptionStatus                  mesh.Opcode = 0x801F
	OpSIGModelSubscriptionGet                  mesh.Opcode = 0x8029
	OpSIGModelSubscriptionList                 mesh.Opcode = 0x802A
	OpVendorModelSubscriptionGet               mesh.Opcode = 0x802B
	OpVendorModelSubscriptionList              mesh.Opcode = 0x802C
)

// ModelSubscriptionAdd adds an address to a subscription list.
//
//	| ElementAddress 16 | Address 16 | ModelIdentifier 16 or 32 |
type ModelSubscriptionAdd struct {
	ElementAddress  mesh.Address
	Address         mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x801B.
func (ModelSubscriptionAdd) Opcode() mesh.Opcode { return OpModelSubscriptionAdd }

// Fields visits the parameters.
func (m *ModelSubscriptionAdd) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.Address("address", &m.Address)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ModelSubscriptionDelete removes an address from a subscription list. It has
// the parameters of ModelSubscriptionAdd.
type ModelSubscriptionDelete struct {
	ElementAddress  mesh.Address
	Address         mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x801C.
func (ModelSubscriptionDelete) Opcode() mesh.Opcode { return OpModelSubscriptionDelete }

// Fields visits the parameters.
func (m *ModelSubscriptionDelete) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.Address("address", &m.Address)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ModelSubscriptionOverwrite replaces a subscription list with one address. It
// has the parameters of ModelSubscriptionAdd.
type ModelSubscriptionOverwrite struct {
	ElementAddress  mesh.Address
	Address         mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x801E.
func (ModelSubscriptionOverwrite) Opcode() mesh.Opcode {
	return OpModelSubscriptionOverwrite
}

// Fields visits the parameters.
func (m *ModelSubscriptionOverwrite) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.Address("address", &m.Address)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ModelSubscriptionDeleteAll clears a subscription list.
//
//	| ElementAddress 16 | ModelIdentifier 16 or 32 |
type ModelSubscriptionDeleteAll struct {
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x801D.
func (ModelSubscriptionDeleteAll) Opcode() mesh.Opcode {
	return OpModelSubscriptionDeleteAll
}

// Fields visits the parameters.
func (m *ModelSubscriptionDeleteAll) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ModelSubscriptionVirtualAddressAdd adds a virtual address to a
// subscription list.
//
//	| ElementAddress 16 | Label UUID 128 | ModelIdentifier 16 or 32 |
type ModelSubscriptionVirtualAddressAdd struct {
	ElementAddress  mesh.Address
	Label           mesh.UUID
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x8020.
func (ModelSubscriptionVirtualAddressAdd) Opcode() mesh.Opcode {
	return OpModelSubscriptionVirtualAddressAdd
}

// Fields visits the parameters.
func (m *ModelSubscriptionVirtualAddressAdd) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.UUID("label", &m.Label)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ModelSubscriptionVirtualAddressDelete removes a virtual address from a
// subscription list. It has the parameters of
// ModelSubscriptionVirtualAddressAdd.
type ModelSubscriptionVirtualAddressDelete struct {
	ElementAddress  mesh.Address
	Label           mesh.UUID
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x8021.
func (ModelSubscriptionVirtualAddressDelete) Opcode() mesh.Opcode {
	return OpModelSubscriptionVirtualAddressDelete
}

// Fields visits the parameters.
func (m *ModelSubscriptionVirtualAddressDelete) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.UUID("label", &m.Label)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ModelSubscriptionVirtualAddressOverwrite replaces a subscription list with
// one virtual address. It has the parameters of
// ModelSubscriptionVirtualAddressAdd.
type ModelSubscriptionVirtualAddressOverwrite struct {
	ElementAddress  mesh.Address
	Label           mesh.UUID
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x8022.
func (ModelSubscriptionVirtualAddressOverwrite) Opcode() mesh.Opcode {
	return OpModelSubscriptionVirtualAddressOverwrite
}

// Fields visits the parameters.
func (m *ModelSubscriptionVirtualAddressOverwrite) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.UUID("label", &m.Label)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ModelSubscriptionStatus answers all messages above. For a label, Address is
// its virtual address.
//
//	| Status 8 | ElementAddress 16 | Address 16 | ModelIdentifier 16 or 32 |
type ModelSubscriptionStatus struct {
	Status          foundation.Status
	ElementAddress  mesh.Address
	Address         mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x801F.
func (ModelSubscriptionStatus) Opcode() mesh.Opcode { return OpModelSubscriptionStatus }

// Fields visits the parameters.
func (m *ModelSubscriptionStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Unicast("element_address", &m.ElementAddress)
	c.Address("address", &m.Address)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// SIGModelSubscriptionGet asks for the subscription list of a SIG model.
//
//	| ElementAddress 16 | ModelIdentifier 16 |
type SIGModelSubscriptionGet struct {
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x8029.
func (SIGModelSubscriptionGet) Opcode() mesh.Opcode { return OpSIGModelSubscriptionGet }

// Fields visits the parameters.
func (m *SIGModelSubscriptionGet) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.SIGModel("model_identifier", &m.ModelIdentifier)
}

// SIGModelSubscriptionList answers SIGModelSubscriptionGet.
//
//	| Status 8 | ElementAddress 16 | ModelIdentifier 16 | Addresses 16 each |
type SIGModelSubscriptionList struct {
	Status          foundation.Status
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
	Addresses       []mesh.Address
}

// Opcode is 0x802A.
func (SIGModelSubscriptionList) Opcode() mesh.Opcode { return OpSIGModelSubscriptionList }

// Fields visits the parameters.
func (m *SIGModelSubscriptionList) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Unicast("element_address", &m.ElementAddress)
	c.SIGModel("model_identifier", &m.ModelIdentifier)
	access.List(c, "addresses", &m.Addresses, field.Address)
}

// VendorModelSubscriptionGet asks for the subscription list of a vendor
// model.
//
//	| ElementAddress 16 | ModelIdentifier 32 |
type VendorModelSubscriptionGet struct {
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x802B.
func (VendorModelSubscriptionGet) Opcode() mesh.Opcode {
	return OpVendorModelSubscriptionGet
}

// Fields visits the parameters.
func (m *VendorModelSubscriptionGet) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.VendorModel("model_identifier", &m.ModelIdentifier)
}

// VendorModelSubscriptionList answers VendorModelSubscriptionGet.
//
//	| Status 8 | ElementAddress 16 | ModelIdentifier 32 | Addresses 16 each |
type VendorModelSubscriptionList struct {
	Status          foundation.Status
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
	Addresses       []mesh.Address
}

// Opcode is 0x802C.
func (VendorModelSubscriptionList) Opcode() mesh.Opcode {
	return OpVendorModelSubscriptionList
}

// Fields visits the parameters.
func (m *VendorModelSubscriptionList) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Unicast("element_address", &m.ElementAddress)
	c.VendorModel("model_identifier", &m.ModelIdentifier)
	access.List(c, "addresses", &m.Addresses, field.Address)
}
