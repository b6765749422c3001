package firmware

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// Opcodes of the Firmware Distribution messages (Mesh Device Firmware Update
// Model).
const (
	OpDistributionReceiversAdd       mesh.Opcode = 0x8311
	OpDistributionReceiversDeleteAll mesh.Opcode = 0x8312
	OpDistributionReceiversStatus    mesh.Opcode = 0x8313
	OpDistributionReceiversGet       mesh.Opcode = 0x8314
	OpDistributionReceiversList      mesh.Opcode = 0x8315
	OpDistributionCapabilitiesGet    mesh.Opcode = 0x8316
	OpDistributionCapabilitiesStatus mesh.Opcode = 0x8317
	OpDistributionGet                mesh.Opcode = 0x8318
	OpDistributionStart              mesh.Opcode = 0x8319
	OpDistributionSuspend            mesh.Opcode = 0x831A
	OpDistributionCancel             mesh.Opcode = 0x831B
	OpDistributionApply              mesh.Opcode = 0x831C
	OpDistributionStatus             mesh.Opcode = 0x831D
)

// Receiver is a node to update.
//
//	| Address 16 | UpdateFirmwareImageIndex 8 |
type Receiver struct {
	Address    mesh.Address
	ImageIndex uint8
}

func receiver(r *Receiver, c *access.Codec) {
	c.Unicast("address", &r.Address)
	c.Uint8("update_firmware_image_index", &r.ImageIndex)
}

// ReceiverEntry is a node with the progress of its update.
//
//	| Address 15 | RetrievedUpdatePhase 4 | UpdateStatus 3 | TransferStatus 4 |
//	| TransferProgress 6 | UpdateFirmwareImageIndex 8 |
type ReceiverEntry struct {
	Address          mesh.Address
	Phase            RetrievedPhase
	UpdateStatus     Status
	TransferStatus   blob.Status
	TransferProgress uint8 // in steps of two percent, 0 to 50
	ImageIndex       uint8
}

func receiverEntry(r *ReceiverEntry, c *access.Codec) {
	if !c.Octets() {
		c.Unicast("address", &r.Address)
	} else {
		c.Bits16("address", (*uint16)(&r.Address), 15)
		c.Require(r.Address.IsUnicast(), "address", "a unicast address")
	}
	c.EnumBits("retrieved_update_phase", (*uint8)(&r.Phase), 4, retrievedPhaseWords)
	c.EnumBits("update_status", (*uint8)(&r.UpdateStatus), 3, statusWords)
	c.Bits("transfer_status", (*uint8)(&r.TransferStatus), 4)
	c.Bits("transfer_progress", &r.TransferProgress, 6)
	c.Uint8("update_firmware_image_index", &r.ImageIndex)
}

// DistributionReceiversAdd adds nodes to the receivers (acknowledged).
//
//	| Receivers, 24 each |
type DistributionReceiversAdd struct {
	Receivers []Receiver // at least 1
}

// Opcode is 0x8311.
func (DistributionReceiversAdd) Opcode() mesh.Opcode { return OpDistributionReceiversAdd }

// Fields visits the parameters.
func (m *DistributionReceiversAdd) Fields(c *access.Codec) {
	access.List(c, "receivers", &m.Receivers, receiver)
	c.Require(len(m.Receivers) > 0, "receivers", "at least 1")
}

// DistributionReceiversDeleteAll removes all receivers (acknowledged).
type DistributionReceiversDeleteAll struct{ access.Empty }

// Opcode is 0x8312.
func (DistributionReceiversDeleteAll) Opcode() mesh.Opcode {
	return OpDistributionReceiversDeleteAll
}

// DistributionReceiversStatus reports the number of receivers.
//
//	| Status 8 | ReceiversListCount 16 |
type DistributionReceiversStatus struct {
	Status             DistributionStatusCode
	ReceiversListCount uint16
}

// Opcode is 0x8313.
func (DistributionReceiversStatus) Opcode() mesh.Opcode { return OpDistributionReceiversStatus }

// Fields visits the parameters.
func (m *DistributionReceiversStatus) Fields(c *access.Codec) {
	m.Status.visit(c)
	c.Uint16("receivers_list_count", &m.ReceiversListCount)
}

// DistributionReceiversGet requests the receivers.
//
//	| FirstIndex 16 | EntriesLimit 16 |
type DistributionReceiversGet struct {
	FirstIndex   uint16
	EntriesLimit uint16
}

// Opcode is 0x8314.
func (DistributionReceiversGet) Opcode() mesh.Opcode { return OpDistributionReceiversGet }

// Fields visits the parameters.
func (m *DistributionReceiversGet) Fields(c *access.Codec) {
	c.Uint16("first_index", &m.FirstIndex)
	c.Uint16("entries_limit", &m.EntriesLimit)
	c.Require(m.EntriesLimit > 0, "entries_limit", "at least 1")
}

// DistributionReceiversList reports receivers, as many as fit.
//
//	| ReceiversListCount 16 | FirstIndex 16 | ReceiverEntry, 40 each |
type DistributionReceiversList struct {
	ReceiversListCount uint16
	FirstIndex         uint16
	Receivers          []ReceiverEntry
}

// Opcode is 0x8315.
func (DistributionReceiversList) Opcode() mesh.Opcode { return OpDistributionReceiversList }

// Fields visits the parameters.
func (m *DistributionReceiversList) Fields(c *access.Codec) {
	c.Uint16("receivers_list_count", &m.ReceiversListCount)
	c.Uint16("first_index", &m.FirstIndex)
	access.List(c, "receivers", &m.Receivers, receiverEntry)
}

// DistributionCapabilitiesGet requests the capabilities of a distributor.
type DistributionCapabilitiesGet struct{ access.Empty }

// Opcode is 0x8316.
func (DistributionCapabilitiesGet) Opcode() mesh.Opcode { return OpDistributionCapabilitiesGet }

// DistributionCapabilitiesStatus reports the capabilities of a distributor.
//
//	| MaxReceiversListSize 16 | MaxFirmwareImagesListSize 16 | MaxFirmwareImageSize 32 |
//	| MaxUploadSpace 32 | RemainingUploadSpace 32 | OutOfBandRetrievalSupported 8 | [ SupportedURISchemeNames, 8 each ] |
type DistributionCapabilitiesStatus struct {
	MaxReceiversListSize        uint16
	MaxFirmwareImagesListSize   uint16
	MaxFirmwareImageSize        uint32 // in octets
	MaxUploadSpace              uint32 // in octets
	RemainingUploadSpace        uint32 // in octets
	OutOfBandRetrievalSupported bool
	SupportedURISchemeNames     []byte // from the Assigned Numbers
}

// Opcode is 0x8317.
func (DistributionCapabilitiesStatus) Opcode() mesh.Opcode {
	return OpDistributionCapabilitiesStatus
}

// Fields visits the parameters.
func (m *DistributionCapabilitiesStatus) Fields(c *access.Codec) {
	c.Uint16("max_receivers_list_size", &m.MaxReceiversListSize)
	c.Uint16("max_firmware_images_list_size", &m.MaxFirmwareImagesListSize)
	c.Uint32("max_firmware_image_size", &m.MaxFirmwareImageSize)
	c.Uint32("max_upload_space", &m.MaxUploadSpace)
	c.Uint32("remaining_upload_space", &m.RemainingUploadSpace)
	c.Bool("out_of_band_retrieval_supported", &m.OutOfBandRetrievalSupported)
	if m.OutOfBandRetrievalSupported {
		c.Rest("supported_uri_scheme_names", &m.SupportedURISchemeNames)
	}
}

// DistributionGet requests the state of a distribution.
type DistributionGet struct{ access.Empty }

// Opcode is 0x8318.
func (DistributionGet) Opcode() mesh.Opcode { return OpDistributionGet }

// DistributionStart starts a distribution, or continues it (acknowledged).
//
//	| AppKeyIndex 12 | RFU 4 | DistributionTTL 8 | TimeoutBase 16 | TransferMode 2 | UpdatePolicy 1 | RFU 5 |
//	| FirmwareImageIndex 16 | MulticastAddress 16, or Label UUID 128 |
type DistributionStart struct {
	AppKeyIndex        mesh.KeyIndex
	TTL                mesh.TTL
	TimeoutBase        uint16 // of 10 s
	Mode               blob.Mode
	ApplyUpdate        bool // apply the firmware once it is verified
	FirmwareImageIndex uint16
	MulticastAddress   mesh.Address // unassigned: send to each node separately
	HasLabel           bool
	Label              mesh.UUID // of a virtual address, instead of MulticastAddress
}

// Opcode is 0x8319.
func (DistributionStart) Opcode() mesh.Opcode { return OpDistributionStart }

// Fields visits the parameters.
func (m *DistributionStart) Fields(c *access.Codec) {
	c.KeyIndex("app_key_index", &m.AppKeyIndex)
	c.Uint8("distribution_ttl", (*uint8)(&m.TTL))
	c.Require(isTTL(m.TTL), "distribution_ttl", "0, 2 to 127, or 255 for the default")
	c.Uint16("distribution_timeout_base", &m.TimeoutBase)
	c.Bits("distribution_transfer_mode", (*uint8)(&m.Mode), 2)
	c.Require(m.Mode == blob.Push || m.Mode == blob.Pull, "distribution_transfer_mode", "1 or 2")
	c.Flag("update_policy", &m.ApplyUpdate)
	c.Reserved(5)
	c.Uint16("distribution_firmware_image_index", &m.FirmwareImageIndex)
	switch {
	case c.Octets() && c.Reading():
		m.HasLabel = c.Left() > 2
	case c.Reading():
		m.HasLabel = c.Has("label")
	}
	if m.HasLabel {
		c.UUID("label", &m.Label)
		return
	}
	c.Address("distribution_multicast_address", &m.MulticastAddress)
	c.Require(m.MulticastAddress == mesh.Unassigned || m.MulticastAddress.IsGroup(), "distribution_multicast_address", "a group address or none")
}

// DistributionSuspend suspends a distribution (acknowledged).
type DistributionSuspend struct{ access.Empty }

// Opcode is 0x831A.
func (DistributionSuspend) Opcode() mesh.Opcode { return OpDistributionSuspend }

// DistributionCancel cancels a distribution (acknowledged).
type DistributionCancel struct{ access.Empty }

// Opcode is 0x831B.
func (DistributionCancel) Opcode() mesh.Opcode { return OpDistributionCancel }

// DistributionApply makes the nodes apply the firmware that they have received
// (acknowledged).
type DistributionApply struct{ access.Empty }

// Opcode is 0x831C.
func (DistributionApply) Opcode() mesh.Opcode { return OpDistributionApply }

// DistributionStatus reports the state of a distribution.
//
//	| Status 8 | DistributionPhase 8 |
//	| [ MulticastAddress 16 | AppKeyIndex 12 | RFU 4 | DistributionTTL 8 | TimeoutBase 16 |
//	TransferMode 2 | UpdatePolicy 1 | RFU 5 | FirmwareImageIndex 16 ] |
type DistributionStatus struct {
	Status             DistributionStatusCode
	Phase              DistributionPhase
	HasDistribution    bool
	MulticastAddress   mesh.Address
	AppKeyIndex        mesh.KeyIndex
	TTL                mesh.TTL
	TimeoutBase        uint16
	Mode               blob.Mode
	ApplyUpdate        bool
	FirmwareImageIndex uint16
}

// Opcode is 0x831D.
func (DistributionStatus) Opcode() mesh.Opcode { return OpDistributionStatus }

// Fields visits the parameters.
func (m *DistributionStatus) Fields(c *access.Codec) {
	m.Status.visit(c)
	m.Phase.visit(c)
	if c.Optional("distribution_multicast_address", &m.HasDistribution) {
		c.Address("distribution_multicast_address", &m.MulticastAddress)
		c.KeyIndex("app_key_index", &m.AppKeyIndex)
		c.Uint8("distribution_ttl", (*uint8)(&m.TTL))
		c.Uint16("distribution_timeout_base", &m.TimeoutBase)
		c.Bits("distribution_transfer_mode", (*uint8)(&m.Mode), 2)
		c.Flag("update_policy", &m.ApplyUpdate)
		c.Reserved(5)
		c.Uint16("distribution_firmware_image_index", &m.FirmwareImageIndex)
	}
}
