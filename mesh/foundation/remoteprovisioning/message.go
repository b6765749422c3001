package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
)

// Opcodes of the remote provisioning messages (section 4.3.4).
const (
	OpRemoteProvisioningScanCapabilitiesGet    mesh.Opcode = 0x804F
	OpRemoteProvisioningScanCapabilitiesStatus mesh.Opcode = 0x8050
	OpRemoteProvisioningScanGet                mesh.Opcode = 0x8051
	OpRemoteProvisioningScanStart              mesh.Opcode = 0x8052
	OpRemoteProvisioningScanStop               mesh.Opcode = 0x8053
	OpRemoteProvisioningScanStatus             mesh.Opcode = 0x8054
	OpRemoteProvisioningScanReport             mesh.Opcode = 0x8055
	OpRemoteProvisioningExtendedScanStart      mesh.Opcode = 0x8056
	OpRemoteProvisioningExtendedScanReport     mesh.Opcode = 0x8057
	OpRemoteProvisioningLinkGet                mesh.Opcode = 0x8058
	OpRemoteProvisioningLinkOpen               mesh.Opcode = 0x8059
	OpRemoteProvisioningLinkClose              mesh.Opcode = 0x805A
	OpRemoteProvisioningLinkStatus             mesh.Opcode = 0x805B
	OpRemoteProvisioningLinkReport             mesh.Opcode = 0x805C
	OpRemoteProvisioningPDUSend                mesh.Opcode = 0x805D
	OpRemoteProvisioningPDUOutboundReport      mesh.Opcode = 0x805E
	OpRemoteProvisioningPDUReport              mesh.Opcode = 0x805F
)

// RemoteStatus is the outcome of a remote provisioning request (section 4.3.4,
// the table of status codes).
type RemoteStatus uint8

// The status codes.
const (
	RemoteSuccess                                 RemoteStatus = 0x00
	RemoteScanningCannotStart                     RemoteStatus = 0x01
	RemoteInvalidState                            RemoteStatus = 0x02
	RemoteLimitedResources                        RemoteStatus = 0x03
	RemoteLinkCannotOpen                          RemoteStatus = 0x04
	RemoteLinkOpenFailed                          RemoteStatus = 0x05
	RemoteLinkClosedByDevice                      RemoteStatus = 0x06
	RemoteLinkClosedByServer                      RemoteStatus = 0x07
	RemoteLinkClosedByClient                      RemoteStatus = 0x08
	RemoteLinkClosedAsCannotReceivePDU            RemoteStatus = 0x09
	RemoteLinkClosedAsCannotSendPDU               RemoteStatus = 0x0A
	RemoteLinkClosedAsCannotDeliverPDUReport      RemoteStatus = 0x0B
	RemoteLinkClosedAsCannotDeliverOutboundReport RemoteStatus = 0x0C
)

var remoteStatusWords = []string{
	RemoteSuccess:                                 "success",
	RemoteScanningCannotStart:                     "scanning cannot start",
	RemoteInvalidState:                            "invalid state",
	RemoteLimitedResources:                        "limited resources",
	RemoteLinkCannotOpen:                          "link cannot open",
	RemoteLinkOpenFailed:                          "link open failed",
	RemoteLinkClosedByDevice:                      "link closed by device",
	RemoteLinkClosedByServer:                      "link closed by server",
	RemoteLinkClosedByClient:                      "link closed by client",
	RemoteLinkClosedAsCannotReceivePDU:            "link closed as cannot receive PDU",
	RemoteLinkClosedAsCannotSendPDU:               "link closed as cannot send PDU",
	RemoteLinkClosedAsCannotDeliverPDUReport:      "link closed as cannot deliver PDU report",
	RemoteLinkClosedAsCannotDeliverOutboundReport: "link closed as cannot deliver PDU outbound report",
}

// String is the status in words.
func (s RemoteStatus) String() string { return inWords(uint8(s), remoteStatusWords) }

func (s *RemoteStatus) visit(c *access.Codec) { c.Enum("status", (*uint8)(s), remoteStatusWords) }

// RemoteScan is what a server scans for (Remote Provisioning Scan state).
type RemoteScan uint8

// The kinds of scan.
const (
	RemoteScanIdle     RemoteScan = 0x00
	RemoteScanMultiple RemoteScan = 0x01 // any device
	RemoteScanSingle   RemoteScan = 0x02 // the device with one UUID
)

var remoteScanWords = []string{"idle", "multiple devices", "single device"}

// RemoteLink is the state of a server's link (Remote Provisioning Link state).
type RemoteLink uint8

// The states of a link.
const (
	RemoteLinkIdle         RemoteLink = 0x00
	RemoteLinkOpening      RemoteLink = 0x01
	RemoteLinkActive       RemoteLink = 0x02
	RemoteLinkOutboundSend RemoteLink = 0x03 // a PDU is on its way to the device
	RemoteLinkClosing      RemoteLink = 0x04
)

var remoteLinkWords = []string{"idle", "link opening", "link active", "outbound packet transfer", "link closing"}

// String is the state in words.
func (l RemoteLink) String() string { return inWords(uint8(l), remoteLinkWords) }

func (l *RemoteLink) visit(c *access.Codec) { c.Enum("rp_state", (*uint8)(l), remoteLinkWords) }

// RemoteLinkReason is why a link is closed; the numbers are those of a PB-ADV
// Link Close (section 5.3.1.4).
type RemoteLinkReason uint8

// The reasons; the client closes with RemoteReasonSuccess or RemoteReasonFail.
const (
	RemoteReasonSuccess RemoteLinkReason = 0x00
	RemoteReasonTimeout RemoteLinkReason = 0x01
	RemoteReasonFail    RemoteLinkReason = 0x02
)

var remoteReasonWords = []string{"success", "timeout", "fail"}

// RefreshProcedure is a procedure of the node provisioning protocol interface:
// what a node has changed on itself (section 3.11.8).
type RefreshProcedure uint8

// The procedures.
const (
	RefreshDeviceKey   RefreshProcedure = 0x00
	RefreshNodeAddress RefreshProcedure = 0x01
	RefreshComposition RefreshProcedure = 0x02
)

var refreshWords = []string{"device key refresh", "node address refresh", "node composition refresh"}

// RemoteProvisioningScanCapabilitiesGet asks what the server can scan.
type RemoteProvisioningScanCapabilitiesGet struct{ access.Empty }

// Opcode is 0x804F.
func (RemoteProvisioningScanCapabilitiesGet) Opcode() mesh.Opcode {
	return OpRemoteProvisioningScanCapabilitiesGet
}

// RemoteProvisioningScanCapabilitiesStatus says how many devices the server
// can remember while it scans, and whether it can scan actively.
//
//	| MaxScannedItems 8 | ActiveScan 8 |
type RemoteProvisioningScanCapabilitiesStatus struct {
	MaxScannedItems uint8 // at least 4
	ActiveScan      bool
}

// Opcode is 0x8050.
func (RemoteProvisioningScanCapabilitiesStatus) Opcode() mesh.Opcode {
	return OpRemoteProvisioningScanCapabilitiesStatus
}

// Fields visits the parameters.
func (m *RemoteProvisioningScanCapabilitiesStatus) Fields(c *access.Codec) {
	c.Uint8("max_scanned_items", &m.MaxScannedItems)
	c.Bool("active_scan", &m.ActiveScan)
}

// RemoteProvisioningScanGet asks for the state of the scan.
type RemoteProvisioningScanGet struct{ access.Empty }

// Opcode is 0x8051.
func (RemoteProvisioningScanGet) Opcode() mesh.Opcode { return OpRemoteProvisioningScanGet }

// RemoteProvisioningScanStart looks for unprovisioned devices, or for the one
// with a UUID. A limit of 0 is as many as the server can.
//
//	| ScannedItemsLimit 8 | Timeout 8 | [ UUID 128 ] |
type RemoteProvisioningScanStart struct {
	ScannedItemsLimit uint8
	Timeout           uint8 // in seconds, not 0
	HasUUID           bool
	UUID              mesh.UUID
}

// Opcode is 0x8052.
func (RemoteProvisioningScanStart) Opcode() mesh.Opcode { return OpRemoteProvisioningScanStart }

// Fields visits the parameters.
func (m *RemoteProvisioningScanStart) Fields(c *access.Codec) {
	c.Uint8("scanned_items_limit", &m.ScannedItemsLimit)
	c.Uint8("timeout", &m.Timeout)
	c.Require(m.Timeout != 0, "timeout", "1 to 255 seconds")
	if c.Optional("uuid", &m.HasUUID) {
		c.UUID("uuid", &m.UUID)
	}
}

// RemoteProvisioningScanStop ends the scan.
type RemoteProvisioningScanStop struct{ access.Empty }

// Opcode is 0x8053.
func (RemoteProvisioningScanStop) Opcode() mesh.Opcode { return OpRemoteProvisioningScanStop }

// RemoteProvisioningScanStatus reports the state of the scan.
//
//	| Status 8 | RPScanningState 8 | ScannedItemsLimit 8 | Timeout 8 |
type RemoteProvisioningScanStatus struct {
	Status            RemoteStatus
	ScanningState     RemoteScan
	ScannedItemsLimit uint8
	Timeout           uint8 // seconds left
}

// Opcode is 0x8054.
func (RemoteProvisioningScanStatus) Opcode() mesh.Opcode { return OpRemoteProvisioningScanStatus }

// Fields visits the parameters.
func (m *RemoteProvisioningScanStatus) Fields(c *access.Codec) {
	m.Status.visit(c)
	c.Enum("rp_scanning_state", (*uint8)(&m.ScanningState), remoteScanWords)
	c.Uint8("scanned_items_limit", &m.ScannedItemsLimit)
	c.Uint8("timeout", &m.Timeout)
}

// RemoteProvisioningScanReport reports a device that was found. OOBInformation
// is little endian here, as all numbers of the access layer, where the beacon
// that it comes from has it in big endian; URIHash has the octets of the
// beacon.
//
//	| RSSI 8 | UUID 128 | OOBInformation 16 | [ URIHash 32 ] |
type RemoteProvisioningScanReport struct {
	RSSI           int8 // dBm, at the server
	UUID           mesh.UUID
	OOBInformation beacon.OOB
	HasURIHash     bool
	URIHash        [4]byte
}

// Opcode is 0x8055.
func (RemoteProvisioningScanReport) Opcode() mesh.Opcode { return OpRemoteProvisioningScanReport }

// Fields visits the parameters.
func (m *RemoteProvisioningScanReport) Fields(c *access.Codec) {
	c.Int8("rssi", &m.RSSI)
	c.UUID("uuid", &m.UUID)
	c.Uint16("oob_information", (*uint16)(&m.OOBInformation))
	if c.Optional("uri_hash", &m.HasURIHash) {
		c.Fixed("uri_hash", m.URIHash[:])
	}
}

// RemoteProvisioningExtendedScanStart asks for more about the device with a
// UUID, or, without one, about the server itself: AD structures of the given
// types.
//
//	| ADTypeFilterCount 8 | ADTypeFilter 8 each | [ UUID 128 | Timeout 8 ] |
type RemoteProvisioningExtendedScanStart struct {
	ADTypeFilter []uint8 // AD types, 1 to 16, each once
	HasUUID      bool
	UUID         mesh.UUID
	Timeout      uint8 // in seconds, 1 to 21
}

// Opcode is 0x8056.
func (RemoteProvisioningExtendedScanStart) Opcode() mesh.Opcode {
	return OpRemoteProvisioningExtendedScanStart
}

// Fields visits the parameters.
func (m *RemoteProvisioningExtendedScanStart) Fields(c *access.Codec) {
	count := uint8(min(len(m.ADTypeFilter), 0xFF))
	if c.Octets() {
		c.Uint8("ad_type_filter_count", &count)
	}
	access.ListOf(c, "ad_type_filter", &m.ADTypeFilter, int(count), octet)
	c.Require(len(m.ADTypeFilter) >= 1 && len(m.ADTypeFilter) <= maxADTypes, "ad_type_filter", "1 to 16 AD types")
	if c.Optional("uuid", &m.HasUUID) {
		c.UUID("uuid", &m.UUID)
		c.Uint8("timeout", &m.Timeout)
		c.Require(m.Timeout >= 1 && m.Timeout <= maxExtendedScan, "timeout", "1 to 21 seconds")
	}
}

// RemoteProvisioningExtendedScanReport reports the AD structures that were
// asked for. Without OOB information the device was not heard, or the status
// says why there was no scan.
//
//	| Status 8 | UUID 128 | [ OOBInformation 16 | AD structures ] |
type RemoteProvisioningExtendedScanReport struct {
	Status            RemoteStatus
	UUID              mesh.UUID
	HasOOBInformation bool
	OOBInformation    beacon.OOB
	ADStructures      []byte // each with its length in front
}

// Opcode is 0x8057.
func (RemoteProvisioningExtendedScanReport) Opcode() mesh.Opcode {
	return OpRemoteProvisioningExtendedScanReport
}

// Fields visits the parameters.
func (m *RemoteProvisioningExtendedScanReport) Fields(c *access.Codec) {
	m.Status.visit(c)
	c.UUID("uuid", &m.UUID)
	if c.Optional("oob_information", &m.HasOOBInformation) {
		c.Uint16("oob_information", (*uint16)(&m.OOBInformation))
		c.Rest("ad_structures", &m.ADStructures)
	}
}

// RemoteProvisioningLinkGet asks for the state of the link.
type RemoteProvisioningLinkGet struct{ access.Empty }

// Opcode is 0x8058.
func (RemoteProvisioningLinkGet) Opcode() mesh.Opcode { return OpRemoteProvisioningLinkGet }

// RemoteProvisioningLinkOpen opens a link to the device with a UUID, or, with
// a procedure instead, to the server itself.
//
//	| UUID 128 | [ Timeout 8 ] |
//	| Procedure 8 |
type RemoteProvisioningLinkOpen struct {
	HasUUID    bool // else Procedure
	UUID       mesh.UUID
	HasTimeout bool
	Timeout    uint8 // in seconds, 1 to 60
	Procedure  RefreshProcedure
}

// Opcode is 0x8059.
func (RemoteProvisioningLinkOpen) Opcode() mesh.Opcode { return OpRemoteProvisioningLinkOpen }

// Fields visits the parameters.
func (m *RemoteProvisioningLinkOpen) Fields(c *access.Codec) {
	switch {
	case c.Octets() && c.Reading():
		m.HasUUID = c.Left() != 1
	case c.Reading():
		m.HasUUID = c.Has("uuid")
	}
	if !m.HasUUID {
		c.Enum("procedure", (*uint8)(&m.Procedure), refreshWords)
		c.Require(m.Procedure <= RefreshComposition, "procedure", "0 to 2")
		return
	}
	c.UUID("uuid", &m.UUID)
	if c.Optional("timeout", &m.HasTimeout) {
		c.Uint8("timeout", &m.Timeout)
		c.Require(m.Timeout >= 1 && m.Timeout <= maxLinkOpen, "timeout", "1 to 60 seconds")
	}
}

// RemoteProvisioningLinkClose closes the link.
//
//	| Reason 8 |
type RemoteProvisioningLinkClose struct {
	Reason RemoteLinkReason
}

// Opcode is 0x805A.
func (RemoteProvisioningLinkClose) Opcode() mesh.Opcode { return OpRemoteProvisioningLinkClose }

// Fields visits the parameters.
func (m *RemoteProvisioningLinkClose) Fields(c *access.Codec) {
	c.Enum("reason", (*uint8)(&m.Reason), remoteReasonWords)
	c.Require(m.Reason == RemoteReasonSuccess || m.Reason == RemoteReasonFail, "reason", "0 or 2")
}

// RemoteProvisioningLinkStatus reports the state of the link.
//
//	| Status 8 | RPState 8 |
type RemoteProvisioningLinkStatus struct {
	Status RemoteStatus
	State  RemoteLink
}

// Opcode is 0x805B.
func (RemoteProvisioningLinkStatus) Opcode() mesh.Opcode { return OpRemoteProvisioningLinkStatus }

// Fields visits the parameters.
func (m *RemoteProvisioningLinkStatus) Fields(c *access.Codec) {
	m.Status.visit(c)
	m.State.visit(c)
}

// RemoteProvisioningLinkReport reports that the state of the link changed;
// with the reason when the device or the server closed it.
//
//	| Status 8 | RPState 8 | [ Reason 8 ] |
type RemoteProvisioningLinkReport struct {
	Status    RemoteStatus
	State     RemoteLink
	HasReason bool
	Reason    RemoteLinkReason
}

// Opcode is 0x805C.
func (RemoteProvisioningLinkReport) Opcode() mesh.Opcode { return OpRemoteProvisioningLinkReport }

// Fields visits the parameters.
func (m *RemoteProvisioningLinkReport) Fields(c *access.Codec) {
	m.Status.visit(c)
	m.State.visit(c)
	if c.Optional("reason", &m.HasReason) {
		c.Enum("reason", (*uint8)(&m.Reason), remoteReasonWords)
	}
}

// RemoteProvisioningPDUSend sends a provisioning PDU to the device.
//
//	| OutboundPDUNumber 8 | ProvisioningPDU |
type RemoteProvisioningPDUSend struct {
	OutboundPDUNumber uint8  // counts up from 1 with each PDU
	ProvisioningPDU   []byte // type and parameters, 1 octet at least
}

// Opcode is 0x805D.
func (RemoteProvisioningPDUSend) Opcode() mesh.Opcode { return OpRemoteProvisioningPDUSend }

// Fields visits the parameters.
func (m *RemoteProvisioningPDUSend) Fields(c *access.Codec) {
	c.Uint8("outbound_pdu_number", &m.OutboundPDUNumber)
	c.Rest("provisioning_pdu", &m.ProvisioningPDU)
	c.Require(len(m.ProvisioningPDU) > 0, "provisioning_pdu", "a provisioning PDU")
}

// RemoteProvisioningPDUOutboundReport says that the device has acknowledged a
// provisioning PDU.
//
//	| OutboundPDUNumber 8 |
type RemoteProvisioningPDUOutboundReport struct {
	OutboundPDUNumber uint8
}

// Opcode is 0x805E.
func (RemoteProvisioningPDUOutboundReport) Opcode() mesh.Opcode {
	return OpRemoteProvisioningPDUOutboundReport
}

// Fields visits the parameters.
func (m *RemoteProvisioningPDUOutboundReport) Fields(c *access.Codec) {
	c.Uint8("outbound_pdu_number", &m.OutboundPDUNumber)
}

// RemoteProvisioningPDUReport carries a provisioning PDU of the device.
//
//	| InboundPDUNumber 8 | ProvisioningPDU |
type RemoteProvisioningPDUReport struct {
	InboundPDUNumber uint8  // counts up from 1 with each PDU
	ProvisioningPDU  []byte // type and parameters, 1 octet at least
}

// Opcode is 0x805F.
func (RemoteProvisioningPDUReport) Opcode() mesh.Opcode { return OpRemoteProvisioningPDUReport }

// Fields visits the parameters.
func (m *RemoteProvisioningPDUReport) Fields(c *access.Codec) {
	c.Uint8("inbound_pdu_number", &m.InboundPDUNumber)
	c.Rest("provisioning_pdu", &m.ProvisioningPDU)
	c.Require(len(m.ProvisioningPDU) > 0, "provisioning_pdu", "a provisioning PDU")
}

func remoteMessages() []access.Kind {
	return []access.Kind{
		access.Describe[RemoteProvisioningScanCapabilitiesGet]("Remote Provisioning Scan Capabilities Get"),
		access.Describe[RemoteProvisioningScanCapabilitiesStatus]("Remote Provisioning Scan Capabilities Status"),
		access.Describe[RemoteProvisioningScanGet]("Remote Provisioning Scan Get"),
		access.Describe[RemoteProvisioningScanStart]("Remote Provisioning Scan Start"),
		access.Describe[RemoteProvisioningScanStop]("Remote Provisioning Scan Stop"),
		access.Describe[RemoteProvisioningScanStatus]("Remote Provisioning Scan Status"),
		access.Describe[RemoteProvisioningScanReport]("Remote Provisioning Scan Report"),
		access.Describe[RemoteProvisioningExtendedScanStart]("Remote Provisioning Extended Scan Start"),
		access.Describe[RemoteProvisioningExtendedScanReport]("Remote Provisioning Extended Scan Report"),
		access.Describe[RemoteProvisioningLinkGet]("Remote Provisioning Link Get"),
		access.Describe[RemoteProvisioningLinkOpen]("Remote Provisioning Link Open"),
		access.Describe[RemoteProvisioningLinkClose]("Remote Provisioning Link Close"),
		access.Describe[RemoteProvisioningLinkStatus]("Remote Provisioning Link Status"),
		access.Describe[RemoteProvisioningLinkReport]("Remote Provisioning Link Report"),
		access.Describe[RemoteProvisioningPDUSend]("Remote Provisioning PDU Send"),
		access.Describe[RemoteProvisioningPDUOutboundReport]("Remote Provisioning PDU Outbound Report"),
		access.Describe[RemoteProvisioningPDUReport]("Remote Provisioning PDU Report"),
	}
}

// Limits of the parameters.
const (
	maxADTypes      = 16
	maxExtendedScan = 21
	maxLinkOpen     = 60
)
