package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Opcodes of the messages about states of the whole node (sections 4.3.2.1 to
// 4.3.2.14 and 4.3.2.53 to 4.3.2.60).
const (
	OpConfigBeaconGet                     mesh.Opcode = 0x8009
	OpConfigBeaconSet                     mesh.Opcode = 0x800A
	OpConfigBeaconStatus                  mesh.Opcode = 0x800B
	OpConfigDefaultTTLGet                 mesh.Opcode = 0x800C
	OpConfigDefaultTTLSet                 mesh.Opcode = 0x800D
	OpConfigDefaultTTLStatus              mesh.Opcode = 0x800E
	OpConfigFriendGet                     mesh.Opcode = 0x800F
	OpConfigFriendSet                     mesh.Opcode = 0x8010
	OpConfigFriendStatus                  mesh.Opcode = 0x8011
	OpConfigGATTProxyGet                  mesh.Opcode = 0x8012
	OpConfigGATTProxySet                  mesh.Opcode = 0x8013
	OpConfigGATTProxyStatus               mesh.Opcode = 0x8014
	OpConfigRelayGet                      mesh.Opcode = 0x8026
	OpConfigRelaySet                      mesh.Opcode = 0x8027
	OpConfigRelayStatus                   mesh.Opcode = 0x8028
	OpConfigNetworkTransmitGet            mesh.Opcode = 0x8023
	OpConfigNetworkTransmitSet            mesh.Opcode = 0x8024
	OpConfigNetworkTransmitStatus         mesh.Opcode = 0x8025
	OpConfigNodeIdentityGet               mesh.Opcode = 0x8046
	OpConfigNodeIdentitySet               mesh.Opcode = 0x8047
	OpConfigNodeIdentityStatus            mesh.Opcode = 0x8048
	OpConfigNodeReset                     mesh.Opcode = 0x8049
	OpConfigNodeResetStatus               mesh.Opcode = 0x804A
	OpConfigLowPowerNodePollTimeoutGet    mesh.Opcode = 0x802D
	OpConfigLowPowerNodePollTimeoutStatus mesh.Opcode = 0x802E
)

// ConfigBeaconGet asks for the Secure Network Beacon state.
type ConfigBeaconGet struct{ access.Empty }

// Opcode is 0x8009.
func (ConfigBeaconGet) Opcode() mesh.Opcode { return OpConfigBeaconGet }

// ConfigBeaconSet sets the Secure Network Beacon state.
//
//	| Beacon 8 |
type ConfigBeaconSet struct {
	Beacon bool
}

// Opcode is 0x800A.
func (ConfigBeaconSet) Opcode() mesh.Opcode { return OpConfigBeaconSet }

// Fields visits the parameters.
func (m *ConfigBeaconSet) Fields(c *access.Codec) {
	c.Bool("beacon", &m.Beacon)
}

// ConfigBeaconStatus reports the Secure Network Beacon state.
//
//	| Beacon 8 |
type ConfigBeaconStatus struct {
	Beacon bool
}

// Opcode is 0x800B.
func (ConfigBeaconStatus) Opcode() mesh.Opcode { return OpConfigBeaconStatus }

// Fields visits the parameters.
func (m *ConfigBeaconStatus) Fields(c *access.Codec) {
	c.Bool("beacon", &m.Beacon)
}

// ConfigDefaultTTLGet asks for the TTL that a node sends with when nothing else is said.
type ConfigDefaultTTLGet struct{ access.Empty }

// Opcode is 0x800C.
func (ConfigDefaultTTLGet) Opcode() mesh.Opcode { return OpConfigDefaultTTLGet }

// ConfigDefaultTTLSet sets the TTL that a node sends with when nothing else is said.
//
//	| TTL 8 |
type ConfigDefaultTTLSet struct {
	TTL mesh.TTL
}

// Opcode is 0x800D.
func (ConfigDefaultTTLSet) Opcode() mesh.Opcode { return OpConfigDefaultTTLSet }

// Fields visits the parameters.
func (m *ConfigDefaultTTLSet) Fields(c *access.Codec) {
	c.Uint8("ttl", (*uint8)(&m.TTL))
	c.Require(m.TTL <= mesh.MaxTTL && m.TTL != 1, "ttl", "0 or 2 to 127")
}

// ConfigDefaultTTLStatus reports the TTL that a node sends with when nothing else is said.
//
//	| TTL 8 |
type ConfigDefaultTTLStatus struct {
	TTL mesh.TTL
}

// Opcode is 0x800E.
func (ConfigDefaultTTLStatus) Opcode() mesh.Opcode { return OpConfigDefaultTTLStatus }

// Fields visits the parameters.
func (m *ConfigDefaultTTLStatus) Fields(c *access.Codec) {
	c.Uint8("ttl", (*uint8)(&m.TTL))
	c.Require(m.TTL <= mesh.MaxTTL && m.TTL != 1, "ttl", "0 or 2 to 127")
}

// ConfigFriendGet asks for the Friend feature.
type ConfigFriendGet struct{ access.Empty }

// Opcode is 0x800F.
func (ConfigFriendGet) Opcode() mesh.Opcode { return OpConfigFriendGet }

// ConfigFriendSet sets the Friend feature.
//
//	| Friend 8 |
type ConfigFriendSet struct {
	Friend state.Feature
}

// Opcode is 0x8010.
func (ConfigFriendSet) Opcode() mesh.Opcode { return OpConfigFriendSet }

// Fields visits the parameters.
func (m *ConfigFriendSet) Fields(c *access.Codec) {
	c.Uint8("friend", (*uint8)(&m.Friend))
	c.Require(m.Friend <= state.Enabled, "friend", "0 or 1")
}

// ConfigFriendStatus reports the Friend feature.
//
//	| Friend 8 |
type ConfigFriendStatus struct {
	Friend state.Feature
}

// Opcode is 0x8011.
func (ConfigFriendStatus) Opcode() mesh.Opcode { return OpConfigFriendStatus }

// Fields visits the parameters.
func (m *ConfigFriendStatus) Fields(c *access.Codec) {
	c.Uint8("friend", (*uint8)(&m.Friend))
	c.Require(m.Friend <= state.Unsupported, "friend", "0, 1 or 2")
}

// ConfigGATTProxyGet asks for the GATT Proxy feature.
type ConfigGATTProxyGet struct{ access.Empty }

// Opcode is 0x8012.
func (ConfigGATTProxyGet) Opcode() mesh.Opcode { return OpConfigGATTProxyGet }

// ConfigGATTProxySet sets the GATT Proxy feature.
//
//	| GATTProxy 8 |
type ConfigGATTProxySet struct {
	GATTProxy state.Feature
}

// Opcode is 0x8013.
func (ConfigGATTProxySet) Opcode() mesh.Opcode { return OpConfigGATTProxySet }

// Fields visits the parameters.
func (m *ConfigGATTProxySet) Fields(c *access.Codec) {
	c.Uint8("gatt_proxy", (*uint8)(&m.GATTProxy))
	c.Require(m.GATTProxy <= state.Enabled, "gatt_proxy", "0 or 1")
}

// ConfigGATTProxyStatus reports the GATT Proxy feature.
//
//	| GATTProxy 8 |
type ConfigGATTProxyStatus struct {
	GATTProxy state.Feature
}

// Opcode is 0x8014.
func (ConfigGATTProxyStatus) Opcode() mesh.Opcode { return OpConfigGATTProxyStatus }

// Fields visits the parameters.
func (m *ConfigGATTProxyStatus) Fields(c *access.Codec) {
	c.Uint8("gatt_proxy", (*uint8)(&m.GATTProxy))
	c.Require(m.GATTProxy <= state.Unsupported, "gatt_proxy", "0, 1 or 2")
}

// ConfigRelayGet asks for the Relay feature and its retransmissions.
type ConfigRelayGet struct{ access.Empty }

// Opcode is 0x8026.
func (ConfigRelayGet) Opcode() mesh.Opcode { return OpConfigRelayGet }

// ConfigRelaySet sets the Relay feature and its retransmissions.
//
//	| Relay 8 | RelayRetransmitCount 3 | RelayRetransmitIntervalSteps 5 |
type ConfigRelaySet struct {
	Relay           state.Feature
	RelayRetransmit state.Retransmit
}

// Opcode is 0x8027.
func (ConfigRelaySet) Opcode() mesh.Opcode { return OpConfigRelaySet }

// Fields visits the parameters.
func (m *ConfigRelaySet) Fields(c *access.Codec) {
	c.Uint8("relay", (*uint8)(&m.Relay))
	c.Require(m.Relay <= state.Enabled, "relay", "0 or 1")
	retransmit(c, "relay_retransmit", &m.RelayRetransmit)
}

// ConfigRelayStatus reports the Relay feature and its retransmissions.
//
//	| Relay 8 | RelayRetransmitCount 3 | RelayRetransmitIntervalSteps 5 |
type ConfigRelayStatus struct {
	Relay           state.Feature
	RelayRetransmit state.Retransmit
}

// Opcode is 0x8028.
func (ConfigRelayStatus) Opcode() mesh.Opcode { return OpConfigRelayStatus }

// Fields visits the parameters.
func (m *ConfigRelayStatus) Fields(c *access.Codec) {
	c.Uint8("relay", (*uint8)(&m.Relay))
	c.Require(m.Relay <= state.Unsupported, "relay", "0, 1 or 2")
	retransmit(c, "relay_retransmit", &m.RelayRetransmit)
}

// ConfigNetworkTransmitGet asks how often the node sends each of its PDUs.
type ConfigNetworkTransmitGet struct{ access.Empty }

// Opcode is 0x8023.
func (ConfigNetworkTransmitGet) Opcode() mesh.Opcode { return OpConfigNetworkTransmitGet }

// ConfigNetworkTransmitSet sets how often the node sends each of its PDUs.
//
//	| NetworkTransmitCount 3 | NetworkTransmitIntervalSteps 5 |
type ConfigNetworkTransmitSet struct {
	NetworkTransmit state.Retransmit
}

// Opcode is 0x8024.
func (ConfigNetworkTransmitSet) Opcode() mesh.Opcode { return OpConfigNetworkTransmitSet }

// Fields visits the parameters.
func (m *ConfigNetworkTransmitSet) Fields(c *access.Codec) {
	retransmit(c, "network_transmit", &m.NetworkTransmit)
}

// ConfigNetworkTransmitStatus reports how often the node sends each of its PDUs.
//
//	| NetworkTransmitCount 3 | NetworkTransmitIntervalSteps 5 |
type ConfigNetworkTransmitStatus struct {
	NetworkTransmit state.Retransmit
}

// Opcode is 0x8025.
func (ConfigNetworkTransmitStatus) Opcode() mesh.Opcode { return OpConfigNetworkTransmitStatus }

// Fields visits the parameters.
func (m *ConfigNetworkTransmitStatus) Fields(c *access.Codec) {
	retransmit(c, "network_transmit", &m.NetworkTransmit)
}

// ConfigNodeIdentityGet asks whether the node advertises with its identity
// in a subnet.
//
//	| NetKeyIndex 12 | RFU 4 |
type ConfigNodeIdentityGet struct {
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x8046.
func (ConfigNodeIdentityGet) Opcode() mesh.Opcode { return OpConfigNodeIdentityGet }

// Fields visits the parameters.
func (m *ConfigNodeIdentityGet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
}

// ConfigNodeIdentitySet lets the node advertise with its identity in a
// subnet.
//
//	| NetKeyIndex 12 | RFU 4 | Identity 8 |
type ConfigNodeIdentitySet struct {
	NetKeyIndex mesh.KeyIndex
	Identity    state.Feature
}

// Opcode is 0x8047.
func (ConfigNodeIdentitySet) Opcode() mesh.Opcode { return OpConfigNodeIdentitySet }

// Fields visits the parameters.
func (m *ConfigNodeIdentitySet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("identity", (*uint8)(&m.Identity))
	c.Require(m.Identity <= state.Enabled, "identity", "0 or 1")
}

// ConfigNodeIdentityStatus reports whether the node advertises with its
// identity in a subnet.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | Identity 8 |
type ConfigNodeIdentityStatus struct {
	Status      Status
	NetKeyIndex mesh.KeyIndex
	Identity    state.Feature
}

// Opcode is 0x8048.
func (ConfigNodeIdentityStatus) Opcode() mesh.Opcode { return OpConfigNodeIdentityStatus }

// Fields visits the parameters.
func (m *ConfigNodeIdentityStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("identity", (*uint8)(&m.Identity))
	c.Require(m.Identity <= state.Unsupported, "identity", "0, 1 or 2")
}

// ConfigNodeReset takes the node out of the network.
type ConfigNodeReset struct{ access.Empty }

// Opcode is 0x8049.
func (ConfigNodeReset) Opcode() mesh.Opcode { return OpConfigNodeReset }

// ConfigNodeResetStatus is what the node says before it forgets the network.
type ConfigNodeResetStatus struct{ access.Empty }

// Opcode is 0x804A.
func (ConfigNodeResetStatus) Opcode() mesh.Opcode { return OpConfigNodeResetStatus }

// ConfigLowPowerNodePollTimeoutGet asks a Friend node for the poll timeout of
// a Low Power node.
//
//	| LPNAddress 16 |
type ConfigLowPowerNodePollTimeoutGet struct {
	LPNAddress mesh.Address
}

// Opcode is 0x802D.
func (ConfigLowPowerNodePollTimeoutGet) Opcode() mesh.Opcode {
	return OpConfigLowPowerNodePollTimeoutGet
}

// Fields visits the parameters.
func (m *ConfigLowPowerNodePollTimeoutGet) Fields(c *access.Codec) {
	c.Unicast("lpn_address", &m.LPNAddress)
}

// ConfigLowPowerNodePollTimeoutStatus reports a poll timeout in steps of
// 100 ms; 0 when there is no friendship.
//
//	| LPNAddress 16 | PollTimeout 24 |
type ConfigLowPowerNodePollTimeoutStatus struct {
	LPNAddress  mesh.Address
	PollTimeout uint32
}

// Opcode is 0x802E.
func (ConfigLowPowerNodePollTimeoutStatus) Opcode() mesh.Opcode {
	return OpConfigLowPowerNodePollTimeoutStatus
}

// Fields visits the parameters.
func (m *ConfigLowPowerNodePollTimeoutStatus) Fields(c *access.Codec) {
	c.Unicast("lpn_address", &m.LPNAddress)
	c.Uint24("poll_timeout", &m.PollTimeout)
}
