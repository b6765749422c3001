package firmware

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
)

// Opcodes of the Firmware Distribution messages about uploads and firmware
// images (Mesh Device Firmware Update Model).
const (
	OpDistributionUploadGet          mesh.Opcode = 0x831E
	OpDistributionUploadStart        mesh.Opcode = 0x831F
	OpDistributionUploadOOBStart     mesh.Opcode = 0x8320
	OpDistributionUploadCancel       mesh.Opcode = 0x8321
	OpDistributionUploadStatus       mesh.Opcode = 0x8322
	OpDistributionFirmwareGet        mesh.Opcode = 0x8323
	OpDistributionFirmwareGetByIndex mesh.Opcode = 0x8324
	OpDistributionFirmwareDelete     mesh.Opcode = 0x8325
	OpDistributionFirmwareDeleteAll  mesh.Opcode = 0x8326
	OpDistributionFirmwareStatus     mesh.Opcode = 0x8327
)

// DistributionUploadGet requests the state of an upload.
type DistributionUploadGet struct{ access.Empty }

// Opcode is 0x831E.
func (DistributionUploadGet) Opcode() mesh.Opcode { return OpDistributionUploadGet }

// DistributionUploadStart starts an upload to the distributor (acknowledged).
//
//	| UploadTTL 8 | UploadTimeoutBase 16 | UploadBLOBID 64 | UploadFirmwareSize 32 |
//	| UploadFirmwareMetadataLength 8 | UploadFirmwareMetadata, 8 each | UploadFirmwareID |
type DistributionUploadStart struct {
	TTL          mesh.TTL
	TimeoutBase  uint16 // in units of 10 s
	BLOBID       blob.ID
	FirmwareSize uint32 // in octets
	Metadata     []byte
	FirmwareID   ID
}

// Opcode is 0x831F.
func (DistributionUploadStart) Opcode() mesh.Opcode { return OpDistributionUploadStart }

// Fields visits the parameters.
func (m *DistributionUploadStart) Fields(c *access.Codec) {
	c.Uint8("upload_ttl", (*uint8)(&m.TTL))
	c.Require(isTTL(m.TTL), "upload_ttl", "0, 2 to 127, or 255 for the default")
	c.Uint16("upload_timeout_base", &m.TimeoutBase)
	blob.Visit(c, "upload_blob_id", &m.BLOBID)
	c.Uint32("upload_firmware_size", &m.FirmwareSize)
	sizedBytes(c, "upload_firmware_metadata", &m.Metadata)
	m.FirmwareID.visit(c)
}

// DistributionUploadOOBStart makes the distributor fetch firmware from a URI
// (acknowledged).
//
//	| UploadURILength 8 | UploadURI, 8 each | UploadFirmwareID |
type DistributionUploadOOBStart struct {
	URI        string
	FirmwareID ID
}

// Opcode is 0x8320.
func (DistributionUploadOOBStart) Opcode() mesh.Opcode { return OpDistributionUploadOOBStart }

// Fields visits the parameters.
func (m *DistributionUploadOOBStart) Fields(c *access.Codec) {
	sizedText(c, "upload_uri", &m.URI)
	c.Require(m.URI != "", "upload_uri", "a URI")
	m.FirmwareID.visit(c)
}

// DistributionUploadCancel cancels an upload (acknowledged).
type DistributionUploadCancel struct{ access.Empty }

// Opcode is 0x8321.
func (DistributionUploadCancel) Opcode() mesh.Opcode { return OpDistributionUploadCancel }

// DistributionUploadStatus reports the state of an upload.
//
//	| Status 8 | UploadPhase 8 | [ UploadProgress 7 | UploadType 1 | UploadFirmwareID ] |
type DistributionUploadStatus struct {
	Status     DistributionStatusCode
	Phase      UploadPhase
	HasUpload  bool
	Progress   uint8 // in percent
	OutOfBand  bool  // fetched from a URI
	FirmwareID ID
}

// Opcode is 0x8322.
func (DistributionUploadStatus) Opcode() mesh.Opcode { return OpDistributionUploadStatus }

// Fields visits the parameters.
func (m *DistributionUploadStatus) Fields(c *access.Codec) {
	m.Status.visit(c)
	m.Phase.visit(c)
	if c.Optional("upload_progress", &m.HasUpload) {
		c.Bits("upload_progress", &m.Progress, 7)
		c.Flag("upload_type", &m.OutOfBand)
		m.FirmwareID.visit(c)
	}
}

// DistributionFirmwareGet requests a firmware image of the distributor.
//
//	| FirmwareID |
type DistributionFirmwareGet struct {
	FirmwareID ID
}

// Opcode is 0x8323.
func (DistributionFirmwareGet) Opcode() mesh.Opcode { return OpDistributionFirmwareGet }

// Fields visits the parameters.
func (m *DistributionFirmwareGet) Fields(c *access.Codec) { m.FirmwareID.visit(c) }

// DistributionFirmwareGetByIndex requests the firmware image with an index.
//
//	| FirmwareImageIndex 16 |
type DistributionFirmwareGetByIndex struct {
	FirmwareImageIndex uint16
}

// Opcode is 0x8324.
func (DistributionFirmwareGetByIndex) Opcode() mesh.Opcode {
	return OpDistributionFirmwareGetByIndex
}

// Fields visits the parameters.
func (m *DistributionFirmwareGetByIndex) Fields(c *access.Codec) {
	c.Uint16("firmware_image_index", &m.FirmwareImageIndex)
}

// DistributionFirmwareDelete deletes a firmware image of the distributor
// (acknowledged).
//
//	| FirmwareID |
type DistributionFirmwareDelete struct {
	FirmwareID ID
}

// Opcode is 0x8325.
func (DistributionFirmwareDelete) Opcode() mesh.Opcode { return OpDistributionFirmwareDelete }

// Fields visits the parameters.
func (m *DistributionFirmwareDelete) Fields(c *access.Codec) { m.FirmwareID.visit(c) }

// DistributionFirmwareDeleteAll deletes all firmware images of the distributor
// (acknowledged).
type DistributionFirmwareDeleteAll struct{ access.Empty }

// Opcode is 0x8326.
func (DistributionFirmwareDeleteAll) Opcode() mesh.Opcode { return OpDistributionFirmwareDeleteAll }

// DistributionFirmwareStatus reports a firmware image of the distributor.
//
//	| Status 8 | FirmwareImagesListCount 16 | FirmwareImageIndex 16 | [ FirmwareID ] |
type DistributionFirmwareStatus struct {
	Status                  DistributionStatusCode
	FirmwareImagesListCount uint16
	FirmwareImageIndex      uint16 // 0xFFFF: not found
	HasFirmware             bool
	FirmwareID              ID
}

// Opcode is 0x8327.
func (DistributionFirmwareStatus) Opcode() mesh.Opcode { return OpDistributionFirmwareStatus }

// Fields visits the parameters.
func (m *DistributionFirmwareStatus) Fields(c *access.Codec) {
	m.Status.visit(c)
	c.Uint16("firmware_images_list_count", &m.FirmwareImagesListCount)
	c.Uint16("firmware_image_index", &m.FirmwareImageIndex)
	if c.Optional("company_id", &m.HasFirmware) {
		m.FirmwareID.visit(c)
	}
}
