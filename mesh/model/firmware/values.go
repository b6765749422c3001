package firmware

import (
	"encoding/hex"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
)

// MaxVersion is the largest version of a firmware identifier in octets.
const MaxVersion = 106

// ID identifies firmware: a company, and a version in that company's format.
//
//	| CompanyID 16 | Version, 8 each |
type ID struct {
	CompanyID mesh.CompanyID
	Version   []byte // at most MaxVersion octets
}

// Equal reports whether two identifiers are the same.
func (i ID) Equal(other ID) bool {
	return i.CompanyID == other.CompanyID && slices.Equal(i.Version, other.Version)
}

// String returns company and version in hexadecimal.
func (i ID) String() string {
	return fmt.Sprintf("%04x:%s", uint16(i.CompanyID), hex.EncodeToString(i.Version))
}

// visit visits an identifier at the end of the message.
func (i *ID) visit(c *access.Codec) {
	c.Uint16("company_id", (*uint16)(&i.CompanyID))
	c.Rest("firmware_version", &i.Version)
	c.Require(len(i.Version) <= MaxVersion, "firmware_version", "at most 106 octets")
}

// Information is a firmware image of a node, with the location of its updates.
//
//	| CurrentFirmwareIDLength 8 | CurrentFirmwareID | UpdateURILength 8 | UpdateURI, 8 each |
type Information struct {
	FirmwareID ID
	UpdateURI  string
}

func information(i *Information, c *access.Codec) {
	size := uint8(2 + len(i.FirmwareID.Version))
	if c.Octets() {
		c.Uint8("current_firmware_id_length", &size)
		c.Require(size >= 2 && size <= 2+MaxVersion, "current_firmware_id_length", "2 to 108")
	}
	c.Uint16("company_id", (*uint16)(&i.FirmwareID.CompanyID))
	c.Bytes("firmware_version", &i.FirmwareID.Version, int(size)-2)
	c.Require(len(i.FirmwareID.Version) <= MaxVersion, "firmware_version", "at most 106 octets")
	sizedText(c, "update_uri", &i.UpdateURI)
}

// sizedBytes visits octets preceded by their number.
func sizedBytes(c *access.Codec, name string, v *[]byte) {
	size := uint8(min(len(*v), 0xFF))
	if c.Octets() {
		c.Uint8(name+"_length", &size)
	}
	c.Bytes(name, v, int(size))
	c.Require(len(*v) <= 0xFF, name, "at most 255 octets")
}

// sizedText visits a text preceded by its number of octets.
func sizedText(c *access.Codec, name string, v *string) {
	if !c.Octets() {
		c.String(name, v)
		return
	}
	raw := []byte(*v)
	sizedBytes(c, name, &raw)
	c.Require(utf8.Valid(raw), name, "a text in UTF-8")
	if c.Reading() {
		*v = string(raw)
	}
}

// isTTL reports whether a procedure can use the TTL.
func isTTL(t mesh.TTL) bool { return t <= mesh.MaxTTL && t != 1 || t == mesh.DefaultTTL }

// Status is the result of a Firmware Update request.
type Status uint8

// The status codes.
const (
	Success                Status = 0x0
	InsufficientResources  Status = 0x1
	WrongPhase             Status = 0x2
	InternalError          Status = 0x3
	WrongFirmwareIndex     Status = 0x4
	MetadataCheckFailed    Status = 0x5
	TemporarilyUnavailable Status = 0x6
	BLOBTransferBusy       Status = 0x7
)

var statusWords = []string{
	Success:                "success",
	InsufficientResources:  "insufficient resources",
	WrongPhase:             "wrong phase",
	InternalError:          "internal error",
	WrongFirmwareIndex:     "wrong firmware index",
	MetadataCheckFailed:    "metadata check failed",
	TemporarilyUnavailable: "temporarily unavailable",
	BLOBTransferBusy:       "BLOB transfer busy",
}

// String returns the name of the status.
func (s Status) String() string { return access.InWords(uint8(s), statusWords) }

func (s *Status) visit(c *access.Codec) { c.EnumBits("status", (*uint8)(s), 3, statusWords) }

// Phase is the phase of a node's update.
type Phase uint8

// The phases.
const (
	Idle                  Phase = 0x0
	TransferError         Phase = 0x1
	TransferActive        Phase = 0x2
	VerifyingUpdate       Phase = 0x3
	VerificationSucceeded Phase = 0x4
	VerificationFailed    Phase = 0x5
	ApplyingUpdate        Phase = 0x6
)

// String returns the name of the phase.
func (p Phase) String() string { return access.InWords(uint8(p), retrievedPhaseWords) }

func (p *Phase) visit(c *access.Codec) {
	c.EnumBits("update_phase", (*uint8)(p), 3, retrievedPhaseWords[:ApplyingUpdate+1])
}

// RetrievedPhase is a distributor's knowledge of a node's phase: a Phase or one
// of these.
type RetrievedPhase uint8

// The phases that only a distributor has.
const (
	TransferCanceled RetrievedPhase = 0x7
	ApplySuccess     RetrievedPhase = 0x8
	ApplyFailed      RetrievedPhase = 0x9
	PhaseUnknown     RetrievedPhase = 0xA
)

var retrievedPhaseWords = []string{
	"idle", "transfer error", "transfer active", "verifying update", "verification succeeded", "verification failed",
	"applying update", "transfer canceled", "apply success", "apply failed", "phase unknown",
}

// String returns the name of the phase.
func (p RetrievedPhase) String() string { return access.InWords(uint8(p), retrievedPhaseWords) }

// Effect is what an update does to the node (Firmware Update Additional
// Information).
type Effect uint8

// The effects.
const (
	CompositionUnchanged       Effect = 0x0
	CompositionChanged         Effect = 0x1 // the node cannot be provisioned remotely
	CompositionChangedRemotely Effect = 0x2 // remote provisioning makes the change take effect
	Unprovisioned              Effect = 0x3 // the node leaves the network
)

var effectWords = []string{"composition data unchanged", "composition data changed", "composition data changed, remote provisioning supported", "device unprovisioned"}

// String returns the name of the effect.
func (e Effect) String() string { return access.InWords(uint8(e), effectWords) }

func (e *Effect) visit(c *access.Codec) {
	c.EnumBits("additional_information", (*uint8)(e), 5, effectWords)
}

// DistributionStatusCode is the result of a Firmware Distribution request.
type DistributionStatusCode uint8

// The status codes.
const (
	DistributionSuccess           DistributionStatusCode = 0x00
	DistributionNoResources       DistributionStatusCode = 0x01
	DistributionWrongPhase        DistributionStatusCode = 0x02
	DistributionInternalError     DistributionStatusCode = 0x03
	DistributionFirmwareNotFound  DistributionStatusCode = 0x04
	DistributionInvalidAppKey     DistributionStatusCode = 0x05
	DistributionNoReceivers       DistributionStatusCode = 0x06
	DistributionBusy              DistributionStatusCode = 0x07
	DistributionBusyWithUpload    DistributionStatusCode = 0x08
	DistributionURINotSupported   DistributionStatusCode = 0x09
	DistributionURIMalformed      DistributionStatusCode = 0x0A
	DistributionURIUnreachable    DistributionStatusCode = 0x0B
	DistributionNoNewFirmware     DistributionStatusCode = 0x0C
	DistributionSuspensionFailure DistributionStatusCode = 0x0D
)

var distributionStatusWords = []string{
	DistributionSuccess:           "success",
	DistributionNoResources:       "insufficient resources",
	DistributionWrongPhase:        "wrong phase",
	DistributionInternalError:     "internal error",
	DistributionFirmwareNotFound:  "firmware not found",
	DistributionInvalidAppKey:     "invalid AppKey index",
	DistributionNoReceivers:       "receivers list empty",
	DistributionBusy:              "busy with distribution",
	DistributionBusyWithUpload:    "busy with upload",
	DistributionURINotSupported:   "URI not supported",
	DistributionURIMalformed:      "URI malformed",
	DistributionURIUnreachable:    "URI unreachable",
	DistributionNoNewFirmware:     "new firmware not available",
	DistributionSuspensionFailure: "suspend failed",
}

// String returns the name of the status.
func (s DistributionStatusCode) String() string {
	return access.InWords(uint8(s), distributionStatusWords)
}

func (s *DistributionStatusCode) visit(c *access.Codec) {
	c.Enum("status", (*uint8)(s), distributionStatusWords)
}

// DistributionPhase is the phase of a distribution.
type DistributionPhase uint8

// The phases.
const (
	DistributionIdle        DistributionPhase = 0x00
	DistributionActive      DistributionPhase = 0x01 // the firmware is being transferred
	DistributionTransferred DistributionPhase = 0x02 // at least one node has it and has verified it
	DistributionApplying    DistributionPhase = 0x03
	DistributionCompleted   DistributionPhase = 0x04
	DistributionFailed      DistributionPhase = 0x05 // no node has it
	DistributionCanceling   DistributionPhase = 0x06
	DistributionSuspended   DistributionPhase = 0x07
)

var distributionPhaseWords = []string{
	DistributionIdle:        "idle",
	DistributionActive:      "transfer active",
	DistributionTransferred: "transfer success",
	DistributionApplying:    "applying update",
	DistributionCompleted:   "completed",
	DistributionFailed:      "failed",
	DistributionCanceling:   "canceling update",
	DistributionSuspended:   "transfer suspended",
}

// String returns the name of the phase.
func (p DistributionPhase) String() string { return access.InWords(uint8(p), distributionPhaseWords) }

func (p *DistributionPhase) visit(c *access.Codec) {
	c.Enum("distribution_phase", (*uint8)(p), distributionPhaseWords)
}

// UploadPhase is the phase of an upload.
type UploadPhase uint8

// The phases.
const (
	UploadIdle     UploadPhase = 0x00
	UploadActive   UploadPhase = 0x01
	UploadError    UploadPhase = 0x02
	UploadComplete UploadPhase = 0x03
)

var uploadPhaseWords = []string{
	UploadIdle:     "idle",
	UploadActive:   "transfer active",
	UploadError:    "transfer error",
	UploadComplete: "transfer success",
}

// String returns the name of the phase.
func (p UploadPhase) String() string { return access.InWords(uint8(p), uploadPhaseWords) }

func (p *UploadPhase) visit(c *access.Codec) { c.Enum("upload_phase", (*uint8)(p), uploadPhaseWords) }
