package configuration

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/field"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Opcodes of the messages about states of the whole node (sections 4.3.2.1 to
// 4.3.2.14 and 4.3.2.53 to 4.3.2.60).
const (
	OpBeaconGet                     mesh.Opcode = 0x8009
	OpBeaconSet                     mesh.Opcode = 0x800A
	OpBeaconStatus                  mesh.Opcode = 0x800B
	OpDefaultTTLGet                 mesh.Opcode = 0x800C
	OpDefaultTTLSet                 mesh.Opcode = 0x800D
	OpDefaultTTLStatus              mesh.Opcode = 0x800E
	OpFriendGet                     mesh.Opcode = 0x800F
	OpFriendSet                     mesh.Opcode = 0x8010
	OpFriendStatus                  mesh.Opcode = 0x8011
	OpGATTProxyGet                  mesh.Opcode = 0x8012
	OpGATTProxySet                  mesh.Opcode = 0x8013
	OpGATTProxyStatus               mesh.Opcode = 0x8014
	OpRelayGet                      mesh.Opcode = 0x8026
	OpRelaySet                      mesh.Opcode = 0x8027
	OpRelayStatus                   mesh.Opcode = 0x8028
	OpNetworkTransmitGet            mesh.Opcode = 0x8023
	OpNetworkTransmitSet            mesh.Opcode = 0x8024
	OpNetworkTransmitStatus         mesh.Opcode = 0x8025
	OpNodeIdentityGet               mesh.Opcode = 0x8046
	OpNodeIdentitySet               mesh.Opcode = 0x8047
	OpNodeIdentityStatus            mesh.Opcode = 0x8048
	OpNodeReset                     mesh.Opcode = 0x8049
	OpNodeResetStatus               mesh.Opcode = 0x804A
	OpLowPowerNodePollTimeoutGet    mesh.Opcode = 0x802D
	OpLowPowerNodePollTimeoutStatus mesh.Opcode = 0x802E
)

// BeaconGet asks for the Secure Network Beacon state.
type BeaconGet struct{ access.Empty }

// Opcode is 0x8009.
func (BeaconGet) Opcode() mesh.Opcode { return OpBeaconGet }

// BeaconSet sets the Secure Network Beacon state.
//
//	| Beacon 8 |
type BeaconSet struct {
	Beacon bool
}

// Opcode is 0x800A.
func (BeaconSet) Opcode() mesh.Opcode { return OpBeaconSet }

// Fields visits the parameters.
func (m *BeaconSet) Fields(c *access.Codec) {
	c.Bool("beacon", &m.Beacon)
}

// BeaconStatus reports the Secure Network Beacon state.
//
//	| Beacon 8 |
type BeaconStatus struct {
	Beacon bool
}

// Opcode is 0x800B.
func (BeaconStatus) Opcode() mesh.Opcode { return OpBeaconStatus }

// Fields visits the parameters.
func (m *BeaconStatus) Fields(c *access.Codec) {
	c.Bool("beacon", &m.Beacon)
}

// DefaultTTLGet asks for the Default TTL state.
type DefaultTTLGet struct{ access.Empty }

// Opcode is 0x800C.
func (DefaultTTLGet) Opcode() mesh.Opcode { return OpDefaultTTLGet }

// DefaultTTLSet sets the Default TTL state.
//
//	| TTL 8 |
type DefaultTTLSet struct {
	TTL mesh.TTL
}

// Opcode is 0x800D.
func (DefaultTTLSet) Opcode() mesh.Opcode { return OpDefaultTTLSet }

// Fields visits the parameters.
func (m *DefaultTTLSet) Fields(c *access.Codec) {
	c.Uint8("ttl", (*uint8)(&m.TTL))
	c.Require(m.TTL <= mesh.MaxTTL && m.TTL != 1, "ttl", "0 or 2 to 127")
}

// DefaultTTLStatus reports the Default TTL state.
//
//	| TTL 8 |
type DefaultTTLStatus struct {
	TTL mesh.TTL
}

// Opcode is 0x800E.
func (DefaultTTLStatus) Opcode() mesh.Opcode { return OpDefaultTTLStatus }

// Fields visits the parameters.
func (m *DefaultTTLStatus) Fields(c *access.Codec) {
	c.Uint8("ttl", (*uint8)(&m.TTL))
	c.Require(m.TTL <= mesh.MaxTTL && m.TTL != 1, "ttl", "0 or 2 to 127")
}

// FriendGet asks for the Friend state.
type FriendGet struct{ access.Empty }

// Opcode is 0x800F.
func (FriendGet) Opcode() mesh.Opcode { return OpFriendGet }

// FriendSet sets the Friend state.
//
//	| Friend 8 |
type FriendSet struct {
	Friend state.Feature
}

// Opcode is 0x8010.
func (FriendSet) Opcode() mesh.Opcode { return OpFriendSet }

// Fields visits the parameters.
func (m *FriendSet) Fields(c *access.Codec) {
	c.Uint8("friend", (*uint8)(&m.Friend))
	c.Require(m.Friend <= state.Enabled, "friend", "0 or 1")
}

// FriendStatus reports the Friend state.
//
//	| Friend 8 |
type FriendStatus struct {
	Friend state.Feature
}

// Opcode is 0x8011.
func (FriendStatus) Opcode() mesh.Opcode { return OpFriendStatus }

// Fields visits the parameters.
func (m *FriendStatus) Fields(c *access.Codec) {
	c.Uint8("friend", (*uint8)(&m.Friend))
	c.Require(m.Friend <= state.Unsupported, "friend", "0, 1 or 2")
}

// GATTProxyGet asks for the GATT Proxy state.
type GATTProxyGet struct{ access.Empty }

// Opcode is 0x8012.
func (GATTProxyGet) Opcode() mesh.Opcode { return OpGATTProxyGet }

// GATTProxySet sets the GATT Proxy state.
//
//	| GATTProxy 8 |
type GATTProxySet struct {
	GATTProxy state.Feature
}

// Opcode is 0x8013.
func (GATTProxySet) Opcode() mesh.Opcode { return OpGATTProxySet }

// Fields visits the parameters.
func (m *GATTProxySet) Fields(c *access.Codec) {
	c.Uint8("gatt_proxy", (*uint8)(&m.GATTProxy))
	c.Require(m.GATTProxy <= state.Enabled, "gatt_proxy", "0 or 1")
}

// GATTProxyStatus reports the GATT Proxy state.
//
//	| GATTProxy 8 |
type GATTProxyStatus struct {
	GATTProxy state.Feature
}

// Opcode is 0x8014.
func (GATTProxyStatus) Opcode() mesh.Opcode { return OpGATTProxyStatus }

// Fields visits the parameters.
func (m *GATTProxyStatus) Fields(c *access.Codec) {
	c.Uint8("gatt_proxy", (*uint8)(&m.GATTProxy))
	c.Require(m.GATTProxy <= state.Unsupported, "gatt_proxy", "0, 1 or 2")
}

// RelayGet asks for the Relay and Relay Retransmit states.
type RelayGet struct{ access.Empty }

// Opcode is 0x8026.
func (RelayGet) Opcode() mesh.Opcode { return OpRelayGet }

// RelaySet sets the Relay and Relay Retransmit states.
//
//	| Relay 8 | RelayRetransmitCount 3 | RelayRetransmitIntervalSteps 5 |
type RelaySet struct {
	Relay           state.Feature
	RelayRetransmit state.Retransmit
}

// Opcode is 0x8027.
func (RelaySet) Opcode() mesh.Opcode { return OpRelaySet }

// Fields visits the parameters.
func (m *RelaySet) Fields(c *access.Codec) {
	c.Uint8("relay", (*uint8)(&m.Relay))
	c.Require(m.Relay <= state.Enabled, "relay", "0 or 1")
	field.Retransmit(c, "relay_retransmit", &m.RelayRetransmit)
}

// RelayStatus reports the Relay and Relay Retransmit states.
//
//	| Relay 8 | RelayRetransmitCount 3 | RelayRetransmitIntervalSteps 5 |
type RelayStatus struct {
	Relay           state.Feature
	RelayRetransmit state.Retransmit
}

// Opcode is 0x8028.
func (RelayStatus) Opcode() mesh.Opcode { return OpRelayStatus }

// Fields visits the parameters.
func (m *RelayStatus) Fields(c *access.Codec) {
	c.Uint8("relay", (*uint8)(&m.Relay))
	c.Require(m.Relay <= state.Unsupported, "relay", "0, 1 or 2")
	field.Retransmit(c, "relay_retransmit", &m.RelayRetransmit)
}

// NetworkTransmitGet asks for the Network Transmit state.
type NetworkTransmitGet struct{ access.Empty }

// Opcode is 0x8023.
func (NetworkTransmitGet) Opcode() mesh.Opcode { return OpNetworkTransmitGet }

// NetworkTransmitSet sets the Network Transmit state: how often the node sends
// each of its Network PDUs.
//
//	| NetworkTransmitCount 3 | NetworkTransmitIntervalSteps 5 |
type NetworkTransmitSet struct {
	NetworkTransmit state.Retransmit
}

// Opcode is 0x8024.
func (NetworkTransmitSet) Opcode() mesh.Opcode { return OpNetworkTransmitSet }

// Fields visits the parameters.
func (m *NetworkTransmitSet) Fields(c *access.Codec) {
	field.Retransmit(c, "network_transmit", &m.NetworkTransmit)
}

// NetworkTransmitStatus reports the Network Transmit state.
//
//	| NetworkTransmitCount 3 | NetworkTransmitIntervalSteps 5 |
type NetworkTransmitStatus struct {
	NetworkTransmit state.Retransmit
}

// Opcode is 0x8025.
func (NetworkTransmitStatus) Opcode() mesh.Opcode { return OpNetworkTransmitStatus }

// Fields visits the parameters.
func (m *NetworkTransmitStatus) Fields(c *access.Codec) {
	field.Retransmit(c, "network_transmit", &m.NetworkTransmit)
}

// NodeIdentityGet asks for the Node Identity state of a subnet.
//
//	| NetKeyIndex 12 | RFU 4 |
type NodeIdentityGet struct {
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x8046.
func (NodeIdentityGet) Opcode() mesh.Opcode { return OpNodeIdentityGet }

// Fields visits the parameters.
func (m *NodeIdentityGet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
}

// NodeIdentitySet switches advertising with Node Identity in a subnet on or
// off.
//
//	| NetKeyIndex 12 | RFU 4 | Identity 8 |
type NodeIdentitySet struct {
	NetKeyIndex mesh.KeyIndex
	Identity    state.Feature
}

// Opcode is 0x8047.
func (NodeIdentitySet) Opcode() mesh.Opcode { return OpNodeIdentitySet }

// Fields visits the parameters.
func (m *NodeIdentitySet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("identity", (*uint8)(&m.Identity))
	c.Require(m.Identity <= state.Enabled, "identity", "0 or 1")
}

// NodeIdentityStatus reports the Node Identity state of a subnet.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | Identity 8 |
type NodeIdentityStatus struct {
	Status      foundation.Status
	NetKeyIndex mesh.KeyIndex
	Identity    state.Feature
}

// Opcode is 0x8048.
func (NodeIdentityStatus) Opcode() mesh.Opcode { return OpNodeIdentityStatus }

// Fields visits the parameters.
func (m *NodeIdentityStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("identity", (*uint8)(&m.Identity))
	c.Require(m.Identity <= state.Unsupported, "identity", "0, 1 or 2")
}

// NodeReset removes the node from the network.
type NodeReset struct{ access.Empty }

// Opcode is 0x8049.
func (NodeReset) Opcode() mesh.Opcode { return OpNodeReset }

// NodeResetStatus is the answer to NodeReset. The node sends it before it
// deletes its keys.
type NodeResetStatus struct{ access.Empty }

// Opcode is 0x804A.
func (NodeResetStatus) Opcode() mesh.Opcode { return OpNodeResetStatus }

// LowPowerNodePollTimeoutGet asks a Friend node for the PollTimeout of a Low
// Power node.
//
//	| LPNAddress 16 |
type LowPowerNodePollTimeoutGet struct {
	LPNAddress mesh.Address
}

// Opcode is 0x802D.
func (LowPowerNodePollTimeoutGet) Opcode() mesh.Opcode {
	return OpLowPowerNodePollTimeoutGet
}

// Fields visits the parameters.
func (m *LowPowerNodePollTimeoutGet) Fields(c *access.Codec) {
	c.Unicast("lpn_address", &m.LPNAddress)
}

// LowPowerNodePollTimeoutStatus reports the PollTimeout in steps of 100 ms; 0
// without a friendship.
//
//	| LPNAddress 16 | PollTimeout 24 |
type LowPowerNodePollTimeoutStatus struct {
	LPNAddress  mesh.Address
	PollTimeout uint32
}

// Opcode is 0x802E.
func (LowPowerNodePollTimeoutStatus) Opcode() mesh.Opcode {
	return OpLowPowerNodePollTimeoutStatus
}

// Fields visits the parameters.
func (m *LowPowerNodePollTimeoutStatus) Fields(c *access.Codec) {
	c.Unicast("lpn_address", &m.LPNAddress)
	c.Uint24("poll_timeout", &m.PollTimeout)
}
