package remoteprovisioning

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/field"
)

// Opcodes of the remote provisioning messages (section 4.3.4).
const (
	OpScanCapabilitiesGet    mesh.Opcode = 0x804F
	OpScanCapabilitiesStatus mesh.Opcode = 0x8050
	OpScanGet                mesh.Opcode = 0x8051
	OpScanStart              mesh.Opcode = 0x8052
	OpScanStop               mesh.Opcode = 0x8053
	OpScanStatus             mesh.Opcode = 0x8054
	OpScanReport             mesh.Opcode = 0x8055
	OpExtendedScanStart      mesh.Opcode = 0x8056
	OpExtendedScanReport     mesh.Opcode = 0x8057
	OpLinkGet                mesh.Opcode = 0x8058
	OpLinkOpen               mesh.Opcode = 0x8059
	OpLinkClose              mesh.Opcode = 0x805A
	OpLinkStatus             mesh.Opcode = 0x805B
	OpLinkReport             mesh.Opcode = 0x805C
	OpPDUSend                mesh.Opcode = 0x805D
	OpPDUOutboundReport      mesh.Opcode = 0x805E
	OpPDUReport              mesh.Opcode = 0x805F
)

// Status is the result of a remote provisioning request (section 4.3.4, the
// table of status codes).
type Status uint8

// The status codes.
const (
	Success                                 Status = 0x00
	ScanningCannotStart                     Status = 0x01
	InvalidState                            Status = 0x02
	LimitedResources                        Status = 0x03
	LinkCannotOpen                          Status = 0x04
	LinkOpenFailed                          Status = 0x05
	LinkClosedByDevice                      Status = 0x06
	LinkClosedByServer                      Status = 0x07
	LinkClosedByClient                      Status = 0x08
	LinkClosedAsCannotReceivePDU            Status = 0x09
	LinkClosedAsCannotSendPDU               Status = 0x0A
	LinkClosedAsCannotDeliverPDUReport      Status = 0x0B
	LinkClosedAsCannotDeliverOutboundReport Status = 0x0C
)

var statusWords = []string{
	Success:                                 "success",
	ScanningCannotStart:                     "scanning cannot start",
	InvalidState:                            "invalid state",
	LimitedResources:                        "limited resources",
	LinkCannotOpen:                          "link cannot open",
	LinkOpenFailed:                          "link open failed",
	LinkClosedByDevice:                      "link closed by device",
	LinkClosedByServer:                      "link closed by server",
	LinkClosedByClient:                      "link closed by client",
	LinkClosedAsCannotReceivePDU:            "link closed as cannot receive PDU",
	LinkClosedAsCannotSendPDU:               "link closed as cannot send PDU",
	LinkClosedAsCannotDeliverPDUReport:      "link closed as cannot deliver PDU report",
	LinkClosedAsCannotDeliverOutboundReport: "link closed as cannot deliver PDU outbound report",
}

// String returns the name of the status.
func (s Status) String() string { return access.InWords(uint8(s), statusWords) }

func (s *Status) visit(c *access.Codec) { c.Enum("status", (*uint8)(s), statusWords) }

// ScanState is the Remote Provisioning Scan state of a server.
type ScanState uint8

// The states of a scan.
const (
	ScanIdle     ScanState = 0x00
	ScanMultiple ScanState = 0x01 // any device
	ScanSingle   ScanState = 0x02 // the device with one UUID
)

var scanWords = []string{"idle", "multiple devices", "single device"}

// LinkState is the state of a server's link (Remote Provisioning Link state).
type LinkState uint8

// The states of a link.
const (
	LinkIdle         LinkState = 0x00
	LinkOpening      LinkState = 0x01
	LinkActive       LinkState = 0x02
	LinkOutboundSend LinkState = 0x03 // a PDU is being sent to the device
	LinkClosing      LinkState = 0x04
)

var linkWords = []string{"idle", "link opening", "link active", "outbound packet transfer", "link closing"}

// String returns the name of the state.
func (l LinkState) String() string { return access.InWords(uint8(l), linkWords) }

func (l *LinkState) visit(c *access.Codec) { c.Enum("rp_state", (*uint8)(l), linkWords) }

// LinkCloseReason is the reason for closing a link, with the numbers of a
// PB-ADV Link Close (section 5.3.1.4).
type LinkCloseReason uint8

// The reasons; the client closes with ReasonSuccess or ReasonFail.
const (
	ReasonSuccess LinkCloseReason = 0x00
	ReasonTimeout LinkCloseReason = 0x01
	ReasonFail    LinkCloseReason = 0x02
)

var reasonWords = []string{"success", "timeout", "fail"}

// RefreshProcedure is a procedure of the Node Provisioning Protocol Interface:
// what it changes on a node (section 3.11.8).
type RefreshProcedure uint8

// The procedures.
const (
	RefreshDeviceKey   RefreshProcedure = 0x00
	RefreshNodeAddress RefreshProcedure = 0x01
	RefreshComposition RefreshProcedure = 0x02
)

var refreshWords = []string{"device key refresh", "node address refresh", "node composition refresh"}

// ScanCapabilitiesGet asks for the scan capabilities of the server.
type ScanCapabilitiesGet struct{ access.Empty }

// Opcode is 0x804F.
func (ScanCapabilitiesGet) Opcode() mesh.Opcode {
	return OpScanCapabilitiesGet
}

// ScanCapabilitiesStatus reports how many devices one scan can report, and
// whether the server supports active scanning.
//
//	| MaxScannedItems 8 | ActiveScan 8 |
type ScanCapabilitiesStatus struct {
	MaxScannedItems uint8 // at least 4
	ActiveScan      bool
}

// Opcode is 0x8050.
func (ScanCapabilitiesStatus) Opcode() mesh.Opcode {
	return OpScanCapabilitiesStatus
}

// Fields visits the parameters.
func (m *ScanCapabilitiesStatus) Fields(c *access.Codec) {
	c.Uint8("max_scanned_items", &m.MaxScannedItems)
	c.Bool("active_scan", &m.ActiveScan)
}

// ScanGet asks for the state of the scan.
type ScanGet struct{ access.Empty }

// Opcode is 0x8051.
func (ScanGet) Opcode() mesh.Opcode { return OpScanGet }

// ScanStart scans for all unprovisioned devices, or for the one with a UUID. A
// limit of 0 means as many as the server supports.
//
//	| ScannedItemsLimit 8 | Timeout 8 | [ UUID 128 ] |
type ScanStart struct {
	ScannedItemsLimit uint8
	Timeout           uint8 // in seconds, not 0
	HasUUID           bool
	UUID              mesh.UUID
}

// Opcode is 0x8052.
func (ScanStart) Opcode() mesh.Opcode { return OpScanStart }

// Fields visits the parameters.
func (m *ScanStart) Fields(c *access.Codec) {
	c.Uint8("scanned_items_limit", &m.ScannedItemsLimit)
	c.Uint8("timeout", &m.Timeout)
	c.Require(m.Timeout != 0, "timeout", "1 to 255 seconds")
	if c.Optional("uuid", &m.HasUUID) {
		c.UUID("uuid", &m.UUID)
	}
}

// ScanStop ends the scan.
type ScanStop struct{ access.Empty }

// Opcode is 0x8053.
func (ScanStop) Opcode() mesh.Opcode { return OpScanStop }

// ScanStatus reports the state of the scan.
//
//	| Status 8 | RPScanningState 8 | ScannedItemsLimit 8 | Timeout 8 |
type ScanStatus struct {
	Status            Status
	ScanningState     ScanState
	ScannedItemsLimit uint8
	Timeout           uint8 // remaining seconds
}

// Opcode is 0x8054.
func (ScanStatus) Opcode() mesh.Opcode { return OpScanStatus }

// Fields visits the parameters.
func (m *ScanStatus) Fields(c *access.Codec) {
	m.Status.visit(c)
	c.Enum("rp_scanning_state", (*uint8)(&m.ScanningState), scanWords)
	c.Uint8("scanned_items_limit", &m.ScannedItemsLimit)
	c.Uint8("timeout", &m.Timeout)
}

// ScanReport reports a device found. OOBInformation is little endian, like all
// numbers of the access layer; in the Unprovisioned Device beacon it is big
// endian. URIHash has the octets of the beacon.
//
//	| RSSI 8 | UUID 128 | OOBInformation 16 | [ URIHash 32 ] |
type ScanReport struct {
	RSSI           int8 // dBm, at the server
	UUID           mesh.UUID
	OOBInformation beacon.OOB
	HasURIHash     bool
	URIHash        [4]byte
}

// Opcode is 0x8055.
func (ScanReport) Opcode() mesh.Opcode { return OpScanReport }

// Fields visits the parameters.
func (m *ScanReport) Fields(c *access.Codec) {
	c.Int8("rssi", &m.RSSI)
	c.UUID("uuid", &m.UUID)
	c.Uint16("oob_information", (*uint16)(&m.OOBInformation))
	if c.Optional("uri_hash", &m.HasURIHash) {
		c.Fixed("uri_hash", m.URIHash[:])
	}
}

// ExtendedScanStart asks for AD structures of the given types: of the device
// with a UUID, or, without a UUID, of the server itself.
//
//	| ADTypeFilterCount 8 | ADTypeFilter 8 each | [ UUID 128 | Timeout 8 ] |
type ExtendedScanStart struct {
	ADTypeFilter []uint8 // AD types, 1 to 16, each once
	HasUUID      bool
	UUID         mesh.UUID
	Timeout      uint8 // in seconds, 1 to 21
}

// Opcode is 0x8056.
func (ExtendedScanStart) Opcode() mesh.Opcode {
	return OpExtendedScanStart
}

// Fields visits the parameters.
func (m *ExtendedScanStart) Fields(c *access.Codec) {
	count := uint8(min(len(m.ADTypeFilter), 0xFF))
	if c.Octets() {
		c.Uint8("ad_type_filter_count", &count)
	}
	access.ListOf(c, "ad_type_filter", &m.ADTypeFilter, int(count), field.Octet)
	c.Require(len(m.ADTypeFilter) >= 1 && len(m.ADTypeFilter) <= maxADTypes, "ad_type_filter", "1 to 16 AD types")
	if c.Optional("uuid", &m.HasUUID) {
		c.UUID("uuid", &m.UUID)
		c.Uint8("timeout", &m.Timeout)
		c.Require(m.Timeout >= 1 && m.Timeout <= maxExtendedScan, "timeout", "1 to 21 seconds")
	}
}

// ExtendedScanReport reports the requested AD structures. Without OOB
// information the device was not received, or the status says why there was no
// scan.
//
//	| Status 8 | UUID 128 | [ OOBInformation 16 | AD structures ] |
type ExtendedScanReport struct {
	Status            Status
	UUID              mesh.UUID
	HasOOBInformation bool
	OOBInformation    beacon.OOB
	ADStructures      []byte // each after its length
}

// Opcode is 0x8057.
func (ExtendedScanReport) Opcode() mesh.Opcode {
	return OpExtendedScanReport
}

// Fields visits the parameters.
func (m *ExtendedScanReport) Fields(c *access.Codec) {
	m.Status.visit(c)
	c.UUID("uuid", &m.UUID)
	if c.Optional("oob_information", &m.HasOOBInformation) {
		c.Uint16("oob_information", (*uint16)(&m.OOBInformation))
		c.Rest("ad_structures", &m.ADStructures)
	}
}

// LinkGet asks for the state of the link.
type LinkGet struct{ access.Empty }

// Opcode is 0x8058.
func (LinkGet) Opcode() mesh.Opcode { return OpLinkGet }

// LinkOpen opens a link to the device with a UUID, or, with a procedure
// instead, to the server's own node.
//
//	| UUID 128 | [ Timeout 8 ] |
//	| Procedure 8 |
type LinkOpen struct {
	HasUUID    bool // else Procedure
	UUID       mesh.UUID
	HasTimeout bool
	Timeout    uint8 // in seconds, 1 to 60
	Procedure  RefreshProcedure
}

// Opcode is 0x8059.
func (LinkOpen) Opcode() mesh.Opcode { return OpLinkOpen }

// Fields visits the parameters.
func (m *LinkOpen) Fields(c *access.Codec) {
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

// LinkClose closes the link.
//
//	| Reason 8 |
type LinkClose struct {
	Reason LinkCloseReason
}

// Opcode is 0x805A.
func (LinkClose) Opcode() mesh.Opcode { return OpLinkClose }

// Fields visits the parameters.
func (m *LinkClose) Fields(c *access.Codec) {
	c.Enum("reason", (*uint8)(&m.Reason), reasonWords)
	c.Require(m.Reason == ReasonSuccess || m.Reason == ReasonFail, "reason", "0 or 2")
}

// LinkStatus reports the state of the link.
//
//	| Status 8 | RPState 8 |
type LinkStatus struct {
	Status Status
	State  LinkState
}

// Opcode is 0x805B.
func (LinkStatus) Opcode() mesh.Opcode { return OpLinkStatus }

// Fields visits the parameters.
func (m *LinkStatus) Fields(c *access.Codec) {
	m.Status.visit(c)
	m.State.visit(c)
}

// LinkReport reports a change of the link state, with the reason if the device
// or the server closed the link.
//
//	| Status 8 | RPState 8 | [ Reason 8 ] |
type LinkReport struct {
	Status    Status
	State     LinkState
	HasReason bool
	Reason    LinkCloseReason
}

// Opcode is 0x805C.
func (LinkReport) Opcode() mesh.Opcode { return OpLinkReport }

// Fields visits the parameters.
func (m *LinkReport) Fields(c *access.Codec) {
	m.Status.visit(c)
	m.State.visit(c)
	if c.Optional("reason", &m.HasReason) {
		c.Enum("reason", (*uint8)(&m.Reason), reasonWords)
	}
}

// PDUSend sends a provisioning PDU to the device.
//
//	| OutboundPDUNumber 8 | ProvisioningPDU |
type PDUSend struct {
	OutboundPDUNumber uint8  // increases by 1 with each PDU, from 1
	ProvisioningPDU   []byte // type and parameters, at least 1 octet
}

// Opcode is 0x805D.
func (PDUSend) Opcode() mesh.Opcode { return OpPDUSend }

// Fields visits the parameters.
func (m *PDUSend) Fields(c *access.Codec) {
	c.Uint8("outbound_pdu_number", &m.OutboundPDUNumber)
	c.Rest("provisioning_pdu", &m.ProvisioningPDU)
	c.Require(len(m.ProvisioningPDU) > 0, "provisioning_pdu", "a provisioning PDU")
}

// PDUOutboundReport reports that the device has acknowledged a provisioning
// PDU.
//
//	| OutboundPDUNumber 8 |
type PDUOutboundReport struct {
	OutboundPDUNumber uint8
}

// Opcode is 0x805E.
func (PDUOutboundReport) Opcode() mesh.Opcode {
	return OpPDUOutboundReport
}

// Fields visits the parameters.
func (m *PDUOutboundReport) Fields(c *access.Codec) {
	c.Uint8("outbound_pdu_number", &m.OutboundPDUNumber)
}

// PDUReport carries a provisioning PDU from the device.
//
//	| InboundPDUNumber 8 | ProvisioningPDU |
type PDUReport struct {
	InboundPDUNumber uint8  // increases by 1 with each PDU, from 1
	ProvisioningPDU  []byte // type and parameters, at least 1 octet
}

// Opcode is 0x805F.
func (PDUReport) Opcode() mesh.Opcode { return OpPDUReport }

// Fields visits the parameters.
func (m *PDUReport) Fields(c *access.Codec) {
	c.Uint8("inbound_pdu_number", &m.InboundPDUNumber)
	c.Rest("provisioning_pdu", &m.ProvisioningPDU)
	c.Require(len(m.ProvisioningPDU) > 0, "provisioning_pdu", "a provisioning PDU")
}

// Limits of the parameters.
const (
	maxADTypes      = 16
	maxExtendedScan = 21
	maxLinkOpen     = 60
)
