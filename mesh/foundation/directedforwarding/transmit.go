package directedforwarding

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/field"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Opcodes of the Directed Forwarding Configuration messages about
// transmissions and policies (section 4.3).
const (
	OpDirectedNetworkTransmitGet           mesh.Opcode = 0x8099
	OpDirectedNetworkTransmitSet           mesh.Opcode = 0x809A
	OpDirectedNetworkTransmitStatus        mesh.Opcode = 0x809B
	OpDirectedRelayRetransmitGet           mesh.Opcode = 0x809C
	OpDirectedRelayRetransmitSet           mesh.Opcode = 0x809D
	OpDirectedRelayRetransmitStatus        mesh.Opcode = 0x809E
	OpRSSIThresholdGet                     mesh.Opcode = 0x809F
	OpRSSIThresholdSet                     mesh.Opcode = 0x80A0
	OpRSSIThresholdStatus                  mesh.Opcode = 0x80A1
	OpDirectedPathsGet                     mesh.Opcode = 0x80A2
	OpDirectedPathsStatus                  mesh.Opcode = 0x80A3
	OpDirectedPublishPolicyGet             mesh.Opcode = 0x80A4
	OpDirectedPublishPolicySet             mesh.Opcode = 0x80A5
	OpDirectedPublishPolicyStatus          mesh.Opcode = 0x80A6
	OpPathDiscoveryTimingControlGet        mesh.Opcode = 0x80A7
	OpPathDiscoveryTimingControlSet        mesh.Opcode = 0x80A8
	OpPathDiscoveryTimingControlStatus     mesh.Opcode = 0x80A9
	OpDirectedControlNetworkTransmitGet    mesh.Opcode = 0x80AB
	OpDirectedControlNetworkTransmitSet    mesh.Opcode = 0x80AC
	OpDirectedControlNetworkTransmitStatus mesh.Opcode = 0x80AD
	OpDirectedControlRelayRetransmitGet    mesh.Opcode = 0x80AE
	OpDirectedControlRelayRetransmitSet    mesh.Opcode = 0x80AF
	OpDirectedControlRelayRetransmitStatus mesh.Opcode = 0x80B0
)

// DirectedNetworkTransmitGet asks how often PDUs with directed security
// credentials are sent.
type DirectedNetworkTransmitGet struct{ access.Empty }

// Opcode is 0x8099.
func (DirectedNetworkTransmitGet) Opcode() mesh.Opcode { return OpDirectedNetworkTransmitGet }

// DirectedNetworkTransmitSet sets how often PDUs with directed security
// credentials are sent. It is acknowledged.
//
//	| DirectedNetworkTransmitCount 3 | DirectedNetworkTransmitIntervalSteps 5 |
type DirectedNetworkTransmitSet struct {
	DirectedNetworkTransmit state.Retransmit
}

// Opcode is 0x809A.
func (DirectedNetworkTransmitSet) Opcode() mesh.Opcode { return OpDirectedNetworkTransmitSet }

// Fields visits the parameters.
func (m *DirectedNetworkTransmitSet) Fields(c *access.Codec) {
	field.Retransmit(c, "directed_network_transmit", &m.DirectedNetworkTransmit)
}

// DirectedNetworkTransmitStatus reports how often PDUs with directed security
// credentials are sent.
//
//	| DirectedNetworkTransmitCount 3 | DirectedNetworkTransmitIntervalSteps 5 |
type DirectedNetworkTransmitStatus struct {
	DirectedNetworkTransmit state.Retransmit
}

// Opcode is 0x809B.
func (DirectedNetworkTransmitStatus) Opcode() mesh.Opcode { return OpDirectedNetworkTransmitStatus }

// Fields visits the parameters.
func (m *DirectedNetworkTransmitStatus) Fields(c *access.Codec) {
	field.Retransmit(c, "directed_network_transmit", &m.DirectedNetworkTransmit)
}

// DirectedRelayRetransmitGet asks how often PDUs with directed security
// credentials are relayed.
type DirectedRelayRetransmitGet struct{ access.Empty }

// Opcode is 0x809C.
func (DirectedRelayRetransmitGet) Opcode() mesh.Opcode { return OpDirectedRelayRetransmitGet }

// DirectedRelayRetransmitSet sets how often PDUs with directed security
// credentials are relayed. It is acknowledged.
//
//	| DirectedRelayRetransmitCount 3 | DirectedRelayRetransmitIntervalSteps 5 |
type DirectedRelayRetransmitSet struct {
	DirectedRelayRetransmit state.Retransmit
}

// Opcode is 0x809D.
func (DirectedRelayRetransmitSet) Opcode() mesh.Opcode { return OpDirectedRelayRetransmitSet }

// Fields visits the parameters.
func (m *DirectedRelayRetransmitSet) Fields(c *access.Codec) {
	field.Retransmit(c, "directed_relay_retransmit", &m.DirectedRelayRetransmit)
}

// DirectedRelayRetransmitStatus reports how often PDUs with directed security
// credentials are relayed.
//
//	| DirectedRelayRetransmitCount 3 | DirectedRelayRetransmitIntervalSteps 5 |
type DirectedRelayRetransmitStatus struct {
	DirectedRelayRetransmit state.Retransmit
}

// Opcode is 0x809E.
func (DirectedRelayRetransmitStatus) Opcode() mesh.Opcode { return OpDirectedRelayRetransmitStatus }

// Fields visits the parameters.
func (m *DirectedRelayRetransmitStatus) Fields(c *access.Codec) {
	field.Retransmit(c, "directed_relay_retransmit", &m.DirectedRelayRetransmit)
}

// RSSIThresholdGet asks for the RSSI Threshold state: the minimum signal
// strength of a Path Request.
type RSSIThresholdGet struct{ access.Empty }

// Opcode is 0x809F.
func (RSSIThresholdGet) Opcode() mesh.Opcode { return OpRSSIThresholdGet }

// RSSIThresholdSet sets the margin of the RSSI threshold above its default. It
// is acknowledged.
//
//	| RSSIMargin 8 |
type RSSIThresholdSet struct {
	RSSIMargin uint8 // dB, 0 to 50
}

// Opcode is 0x80A0.
func (RSSIThresholdSet) Opcode() mesh.Opcode { return OpRSSIThresholdSet }

// Fields visits the parameters.
func (m *RSSIThresholdSet) Fields(c *access.Codec) {
	c.Uint8("rssi_margin", &m.RSSIMargin)
	c.Require(m.RSSIMargin <= maxRSSIMargin, "rssi_margin", "0 to 50")
}

// RSSIThresholdStatus reports the RSSI Threshold state.
//
//	| DefaultRSSIThreshold 8 | RSSIMargin 8 |
type RSSIThresholdStatus struct {
	DefaultRSSIThreshold int8  // dBm
	RSSIMargin           uint8 // dB
}

// Opcode is 0x80A1.
func (RSSIThresholdStatus) Opcode() mesh.Opcode { return OpRSSIThresholdStatus }

// Fields visits the parameters.
func (m *RSSIThresholdStatus) Fields(c *access.Codec) {
	c.Int8("default_rssi_threshold", &m.DefaultRSSIThreshold)
	c.Uint8("rssi_margin", &m.RSSIMargin)
}

// DirectedPathsGet asks for the node's limits of paths.
type DirectedPathsGet struct{ access.Empty }

// Opcode is 0x80A2.
func (DirectedPathsGet) Opcode() mesh.Opcode { return OpDirectedPathsGet }

// DirectedPathsStatus reports the node's limits of paths.
//
//	| DirectedNodePaths 16 | DirectedRelayPaths 16 | DirectedProxyPaths 16 | DirectedFriendPaths 16 |
type DirectedPathsStatus struct {
	DirectedNodePaths   uint16
	DirectedRelayPaths  uint16
	DirectedProxyPaths  uint16
	DirectedFriendPaths uint16
}

// Opcode is 0x80A3.
func (DirectedPathsStatus) Opcode() mesh.Opcode { return OpDirectedPathsStatus }

// Fields visits the parameters.
func (m *DirectedPathsStatus) Fields(c *access.Codec) {
	c.Uint16("directed_node_paths", &m.DirectedNodePaths)
	c.Uint16("directed_relay_paths", &m.DirectedRelayPaths)
	c.Uint16("directed_proxy_paths", &m.DirectedProxyPaths)
	c.Uint16("directed_friend_paths", &m.DirectedFriendPaths)
}

// DirectedPublishPolicyGet asks for the Directed Publish Policy state of a
// model.
//
//	| ElementAddress 16 | ModelIdentifier 16 or 32 |
type DirectedPublishPolicyGet struct {
	ElementAddress  mesh.Address
	ModelIdentifier mesh.ModelID
}

// Opcode is 0x80A4.
func (DirectedPublishPolicyGet) Opcode() mesh.Opcode { return OpDirectedPublishPolicyGet }

// Fields visits the parameters.
func (m *DirectedPublishPolicyGet) Fields(c *access.Codec) {
	c.Unicast("element_address", &m.ElementAddress)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// DirectedPublishPolicySet sets the Directed Publish Policy state of a model.
// It is acknowledged.
//
//	| DirectedPublishPolicy 8 | ElementAddress 16 | ModelIdentifier 16 or 32 |
type DirectedPublishPolicySet struct {
	DirectedPublishPolicy bool // directed forwarding instead of managed flooding
	ElementAddress        mesh.Address
	ModelIdentifier       mesh.ModelID
}

// Opcode is 0x80A5.
func (DirectedPublishPolicySet) Opcode() mesh.Opcode { return OpDirectedPublishPolicySet }

// Fields visits the parameters.
func (m *DirectedPublishPolicySet) Fields(c *access.Codec) {
	c.Bool("directed_publish_policy", &m.DirectedPublishPolicy)
	c.Unicast("element_address", &m.ElementAddress)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// DirectedPublishPolicyStatus reports the Directed Publish Policy state of a
// model.
//
//	| Status 8 | DirectedPublishPolicy 8 | ElementAddress 16 | ModelIdentifier 16 or 32 |
type DirectedPublishPolicyStatus struct {
	Status                foundation.Status
	DirectedPublishPolicy bool // directed forwarding instead of managed flooding
	ElementAddress        mesh.Address
	ModelIdentifier       mesh.ModelID
}

// Opcode is 0x80A6.
func (DirectedPublishPolicyStatus) Opcode() mesh.Opcode { return OpDirectedPublishPolicyStatus }

// Fields visits the parameters.
func (m *DirectedPublishPolicyStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Bool("directed_publish_policy", &m.DirectedPublishPolicy)
	c.Unicast("element_address", &m.ElementAddress)
	c.ModelID("model_identifier", &m.ModelIdentifier)
}

// PathDiscoveryTimingControlGet asks for the timing of path discovery.
type PathDiscoveryTimingControlGet struct{ access.Empty }

// Opcode is 0x80A7.
func (PathDiscoveryTimingControlGet) Opcode() mesh.Opcode { return OpPathDiscoveryTimingControlGet }

// PathDiscoveryTimingControlSet sets the timing of path discovery. It is
// acknowledged.
//
//	| as PathDiscoveryTiming |
type PathDiscoveryTimingControlSet struct {
	PathDiscoveryTiming
}

// Opcode is 0x80A8.
func (PathDiscoveryTimingControlSet) Opcode() mesh.Opcode { return OpPathDiscoveryTimingControlSet }

// Fields visits the parameters.
func (m *PathDiscoveryTimingControlSet) Fields(c *access.Codec) { m.PathDiscoveryTiming.visit(c) }

// PathDiscoveryTimingControlStatus reports the timing of path discovery.
//
//	| as PathDiscoveryTiming |
type PathDiscoveryTimingControlStatus struct {
	PathDiscoveryTiming
}

// Opcode is 0x80A9.
func (PathDiscoveryTimingControlStatus) Opcode() mesh.Opcode {
	return OpPathDiscoveryTimingControlStatus
}

// Fields visits the parameters.
func (m *PathDiscoveryTimingControlStatus) Fields(c *access.Codec) { m.PathDiscoveryTiming.visit(c) }

// DirectedControlNetworkTransmitGet asks how often control messages of directed
// forwarding are sent.
type DirectedControlNetworkTransmitGet struct{ access.Empty }

// Opcode is 0x80AB.
func (DirectedControlNetworkTransmitGet) Opcode() mesh.Opcode {
	return OpDirectedControlNetworkTransmitGet
}

// DirectedControlNetworkTransmitSet sets how often control messages of directed
// forwarding are sent. It is acknowledged.
//
//	| DirectedControlNetworkTransmitCount 3 | DirectedControlNetworkTransmitIntervalSteps 5 |
type DirectedControlNetworkTransmitSet struct {
	DirectedControlNetworkTransmit state.Retransmit
}

// Opcode is 0x80AC.
func (DirectedControlNetworkTransmitSet) Opcode() mesh.Opcode {
	return OpDirectedControlNetworkTransmitSet
}

// Fields visits the parameters.
func (m *DirectedControlNetworkTransmitSet) Fields(c *access.Codec) {
	field.Retransmit(c, "directed_control_network_transmit", &m.DirectedControlNetworkTransmit)
}

// DirectedControlNetworkTransmitStatus reports how often control messages of
// directed forwarding are sent.
//
//	| DirectedControlNetworkTransmitCount 3 | DirectedControlNetworkTransmitIntervalSteps 5 |
type DirectedControlNetworkTransmitStatus struct {
	DirectedControlNetworkTransmit state.Retransmit
}

// Opcode is 0x80AD.
func (DirectedControlNetworkTransmitStatus) Opcode() mesh.Opcode {
	return OpDirectedControlNetworkTransmitStatus
}

// Fields visits the parameters.
func (m *DirectedControlNetworkTransmitStatus) Fields(c *access.Codec) {
	field.Retransmit(c, "directed_control_network_transmit", &m.DirectedControlNetworkTransmit)
}

// DirectedControlRelayRetransmitGet asks how often control messages of directed
// forwarding are relayed.
type DirectedControlRelayRetransmitGet struct{ access.Empty }

// Opcode is 0x80AE.
func (DirectedControlRelayRetransmitGet) Opcode() mesh.Opcode {
	return OpDirectedControlRelayRetransmitGet
}

// DirectedControlRelayRetransmitSet sets how often control messages of directed
// forwarding are relayed. It is acknowledged.
//
//	| DirectedControlRelayRetransmitCount 3 | DirectedControlRelayRetransmitIntervalSteps 5 |
type DirectedControlRelayRetransmitSet struct {
	DirectedControlRelayRetransmit state.Retransmit
}

// Opcode is 0x80AF.
func (DirectedControlRelayRetransmitSet) Opcode() mesh.Opcode {
	return OpDirectedControlRelayRetransmitSet
}

// Fields visits the parameters.
func (m *DirectedControlRelayRetransmitSet) Fields(c *access.Codec) {
	field.Retransmit(c, "directed_control_relay_retransmit", &m.DirectedControlRelayRetransmit)
}

// DirectedControlRelayRetransmitStatus reports how often control messages of
// directed forwarding are relayed.
//
//	| DirectedControlRelayRetransmitCount 3 | DirectedControlRelayRetransmitIntervalSteps 5 |
type DirectedControlRelayRetransmitStatus struct {
	DirectedControlRelayRetransmit state.Retransmit
}

// Opcode is 0x80B0.
func (DirectedControlRelayRetransmitStatus) Opcode() mesh.Opcode {
	return OpDirectedControlRelayRetransmitStatus
}

// Fields visits the parameters.
func (m *DirectedControlRelayRetransmitStatus) Fields(c *access.Codec) {
	field.Retransmit(c, "directed_control_relay_retransmit", &m.DirectedControlRelayRetransmit)
}

const maxRSSIMargin = 50 // dB
