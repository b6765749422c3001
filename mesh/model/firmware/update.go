package firmware

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// Opcodes of the Firmware Update messages (Mesh Device Firmware Update Model).
const (
	OpUpdateInformationGet         mesh.Opcode = 0x8308
	OpUpdateInformationStatus      mesh.Opcode = 0x8309
	OpUpdateFirmwareMetadataCheck  mesh.Opcode = 0x830A
	OpUpdateFirmwareMetadataStatus mesh.Opcode = 0x830B
	OpUpdateGet                    mesh.Opcode = 0x830C
	OpUpdateStart                  mesh.Opcode = 0x830D
	OpUpdateCancel                 mesh.Opcode = 0x830E
	OpUpdateApply                  mesh.Opcode = 0x830F
	OpUpdateStatus                 mesh.Opcode = 0x8310
)

// UpdateInformationGet requests the firmware that a node runs.
//
//	| FirstIndex 8 | EntriesLimit 8 |
type UpdateInformationGet struct {
	FirstIndex   uint8
	EntriesLimit uint8
}

// Opcode is 0x8308.
func (UpdateInformationGet) Opcode() mesh.Opcode { return OpUpdateInformationGet }

// Fields visits the parameters.
func (m *UpdateInformationGet) Fields(c *access.Codec) {
	c.Uint8("first_index", &m.FirstIndex)
	c.Uint8("entries_limit", &m.EntriesLimit)
	c.Require(m.EntriesLimit > 0, "entries_limit", "at least 1")
}

// UpdateInformationStatus reports the firmware that a node runs, as much as
// fits.
//
//	| FirmwareInformationListCount 8 | FirstIndex 8 | Information each |
type UpdateInformationStatus struct {
	FirmwareInformationListCount uint8
	FirstIndex                   uint8
	Entries                      []Information
}

// Opcode is 0x8309.
func (UpdateInformationStatus) Opcode() mesh.Opcode { return OpUpdateInformationStatus }

// Fields visits the parameters.
func (m *UpdateInformationStatus) Fields(c *access.Codec) {
	c.Uint8("firmware_information_list_count", &m.FirmwareInformationListCount)
	c.Uint8("first_index", &m.FirstIndex)
	access.List(c, "entries", &m.Entries, information)
}

// UpdateFirmwareMetadataCheck asks what an update would do to the node.
//
//	| UpdateFirmwareImageIndex 8 | IncomingFirmwareMetadata, 8 each |
type UpdateFirmwareMetadataCheck struct {
	ImageIndex uint8
	Metadata   []byte
}

// Opcode is 0x830A.
func (UpdateFirmwareMetadataCheck) Opcode() mesh.Opcode { return OpUpdateFirmwareMetadataCheck }

// Fields visits the parameters.
func (m *UpdateFirmwareMetadataCheck) Fields(c *access.Codec) {
	c.Uint8("update_firmware_image_index", &m.ImageIndex)
	c.Rest("incoming_firmware_metadata", &m.Metadata)
}

// UpdateFirmwareMetadataStatus reports what an update would do to the node.
//
//	| Status 3 | AdditionalInformation 5 | UpdateFirmwareImageIndex 8 |
type UpdateFirmwareMetadataStatus struct {
	Status     Status
	Effect     Effect
	ImageIndex uint8
}

// Opcode is 0x830B.
func (UpdateFirmwareMetadataStatus) Opcode() mesh.Opcode { return OpUpdateFirmwareMetadataStatus }

// Fields visits the parameters.
func (m *UpdateFirmwareMetadataStatus) Fields(c *access.Codec) {
	m.Status.visit(c)
	m.Effect.visit(c)
	c.Uint8("update_firmware_image_index", &m.ImageIndex)
}

// UpdateGet requests the state of an update.
type UpdateGet struct{ access.Empty }

// Opcode is 0x830C.
func (UpdateGet) Opcode() mesh.Opcode { return OpUpdateGet }

// UpdateStart starts an update (acknowledged). The firmware is transferred as
// the BLOB that it names.
//
//	| UpdateTTL 8 | UpdateTimeoutBase 16 | UpdateBLOBID 64 | UpdateFirmwareImageIndex 8 | IncomingFirmwareMetadata, 8 each |
type UpdateStart struct {
	TTL         mesh.TTL
	TimeoutBase uint16 // in units of 10 s, in addition to 10 s
	BLOBID      blob.ID
	ImageIndex  uint8
	Metadata    []byte
}

// Opcode is 0x830D.
func (UpdateStart) Opcode() mesh.Opcode { return OpUpdateStart }

// Fields visits the parameters.
func (m *UpdateStart) Fields(c *access.Codec) {
	c.Uint8("update_ttl", (*uint8)(&m.TTL))
	c.Require(isTTL(m.TTL), "update_ttl", "0, 2 to 127, or 255 for the default")
	c.Uint16("update_timeout_base", &m.TimeoutBase)
	blob.Visit(c, "update_blob_id", &m.BLOBID)
	c.Uint8("update_firmware_image_index", &m.ImageIndex)
	c.Rest("incoming_firmware_metadata", &m.Metadata)
}

// UpdateCancel cancels an update (acknowledged).
type UpdateCancel struct{ access.Empty }

// Opcode is 0x830E.
func (UpdateCancel) Opcode() mesh.Opcode { return OpUpdateCancel }

// UpdateApply makes the node apply the firmware that it has received
// (acknowledged).
type UpdateApply struct{ access.Empty }

// Opcode is 0x830F.
func (UpdateApply) Opcode() mesh.Opcode { return OpUpdateApply }

// UpdateStatus reports the state of an update.
//
//	| Status 3 | RFU 2 | UpdatePhase 3 |
//	| [ UpdateTTL 8 | AdditionalInformation 5 | RFU 3 | UpdateTimeoutBase 16 | UpdateBLOBID 64 | UpdateFirmwareImageIndex 8 ] |
type UpdateStatus struct {
	Status      Status
	Phase       Phase
	HasUpdate   bool
	TTL         mesh.TTL
	Effect      Effect
	TimeoutBase uint16 // in units of 10 s, in addition to 10 s
	BLOBID      blob.ID
	ImageIndex  uint8
}

// Opcode is 0x8310.
func (UpdateStatus) Opcode() mesh.Opcode { return OpUpdateStatus }

// Fields visits the parameters.
func (m *UpdateStatus) Fields(c *access.Codec) {
	m.Status.visit(c)
	c.Reserved(2)
	m.Phase.visit(c)
	if c.Optional("update_ttl", &m.HasUpdate) {
		c.Uint8("update_ttl", (*uint8)(&m.TTL))
		m.Effect.visit(c)
		c.Reserved(3)
		c.Uint16("update_timeout_base", &m.TimeoutBase)
		blob.Visit(c, "update_blob_id", &m.BLOBID)
		c.Uint8("update_firmware_image_index", &m.ImageIndex)
	}
}
