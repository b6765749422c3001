package configuration

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
)

// Opcodes of the messages about publication (sections 4.3.2.15 to 4.3.2.18).
const (
	OpModelPublicationGet               mesh.Opcode = 0x8018
	OpModelPublicationSet               mesh.Opcode = 0x03
	OpModelPublicationVirtualAddressSet mesh.Opcode = 0x801A
	OpModelPublicationStatus            mesh.Opcode = 0x8019
)

// PublishParameters holds the publication parameters of a model (section
// 4.2.3).
//
//	| AppKeyIndex 12 | CredentialFlag 1 | RFU 3 | PublishTTL 8 |
//	| NumberOfSteps 6 | StepResolution 2 | RetransmitCount 3 | RetransmitIntervalSteps 5 |
type PublishParameters struct {
	AppKeyIndex    mesh.KeyIndex
	CredentialFlag bool     // use friendship credentials
	PublishTTL     mesh.TTL // mesh.DefaultTTL: use the Default TTL state
	// PublishPeriod has the number of steps in the low six bits and the step
	// resolution in the high two: 100 ms, 1 s, 10 s, 10 min. 0 steps mean no
	// periodic publication.
	PublishPeriod uint8
	// PublishRetransmit has the number of retransmissions in the low three
	// bits. The high five bits hold the interval: steps of 50 ms, minus one.
	PublishRetransmit uint8
}

// Fields visits the parameters.
func (p *PublishParameters) Fields(c *access.Codec) {
	c.Bits16("app_key_index", (*uint16)(&p.AppKeyIndex), 12)
	c.Flag("credential_flag", &p.CredentialFlag)
	c.Reserved(3)
	c.Uint8("publish_ttl", (*uint8)(&p.PublishTTL))
	c.Require(p.PublishTTL <= mesh.MaxTTL || p.PublishTTL == mesh.DefaultTTL, "publish_ttl", "0 to 127, or 255")

	steps, resolution := p.PublishPeriod&0x3F, p.PublishPeriod>>6
	c.Bits("publish_period_number_of_steps", &steps, 6)
	c.Bits("publish_period_step_resolution", &resolution, 2)
	count, interval := p.PublishRetransmit&0x07, p.PublishRetransmit>>3
	c.Bits("publish_retransmit_count", &count, 3)
	c.Bits("publish_retransmit_interval_steps", &interval, 5)
	if c.Reading() {
		p.PublishPeriod = resolution<<6 | steps&0x3F
		p.PublishRetransmit = interval<<3 | count&0x07
	}
}

// ModelPublicationGet asks for the publication of a model.
//
//	| ElementAddress 16 | ModelIdentifier 16 or 32 |
type ModelPublicationGet struct {
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x8018.
func (ModelPublicationGet) Opcode() mesh.Opcode { return OpModelPublicationGet }

// Fields visits the parameters.
func (m *ModelPublicationGet) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ModelPublicationSet sets the publication of a model. The unassigned address
// disables it.
//
//	| ElementAddress 16 | PublishAddress 16 | PublishParameters 40 | ModelIdentifier 16 or 32 |
type ModelPublicationSet struct {
	ElementAddress mesh.Address
	PublishAddress mesh.Address
	PublishParameters
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x03.
func (ModelPublicationSet) Opcode() mesh.Opcode { return OpModelPublicationSet }

// Fields visits the parameters.
func (m *ModelPublicationSet) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.Address("publish_address", &m.PublishAddress)
	m.PublishParameters.Fields(c)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ModelPublicationVirtualAddressSet is ModelPublicationSet for a
// virtual address.
//
//	| ElementAddress 16 | Label UUID 128 | PublishParameters 40 | ModelIdentifier 16 or 32 |
type ModelPublicationVirtualAddressSet struct {
	ElementAddress mesh.Address
	PublishAddress mesh.UUID
	PublishParameters
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x801A.
func (ModelPublicationVirtualAddressSet) Opcode() mesh.Opcode {
	return OpModelPublicationVirtualAddressSet
}

// Fields visits the parameters.
func (m *ModelPublicationVirtualAddressSet) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.UUID("publish_address", &m.PublishAddress)
	m.PublishParameters.Fields(c)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// ModelPublicationStatus reports the publication of a model.
//
//	| Status 8 | ElementAddress 16 | PublishAddress 16 | PublishParameters 40 | ModelIdentifier 16 or 32 |
type ModelPublicationStatus struct {
	Status         foundation.Status
	ElementAddress mesh.Address
	PublishAddress mesh.Address
	PublishParameters
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x8019.
func (ModelPublicationStatus) Opcode() mesh.Opcode { return OpModelPublicationStatus }

// Fields visits the parameters.
func (m *ModelPublicationStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Unicast("element_address", &m.ElementAddress)
	c.Address("publish_address", &m.PublishAddress)
	m.PublishParameters.Fields(c)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}
