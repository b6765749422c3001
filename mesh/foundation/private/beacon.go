package private

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Opcodes of the Mesh Private Beacon messages (section 4.3).
const (
	OpBeaconGet          mesh.Opcode = 0x8060
	OpBeaconSet          mesh.Opcode = 0x8061
	OpBeaconStatus       mesh.Opcode = 0x8062
	OpGATTProxyGet       mesh.Opcode = 0x8063
	OpGATTProxySet       mesh.Opcode = 0x8064
	OpGATTProxyStatus    mesh.Opcode = 0x8065
	OpNodeIdentityGet    mesh.Opcode = 0x8066
	OpNodeIdentitySet    mesh.Opcode = 0x8067
	OpNodeIdentityStatus mesh.Opcode = 0x8068
)

// BeaconGet asks for the Mesh Private Beacon state.
type BeaconGet struct{ access.Empty }

// Opcode is 0x8060.
func (BeaconGet) Opcode() mesh.Opcode { return OpBeaconGet }

// BeaconSet sets the Mesh Private Beacon state. It is acknowledged.
//
//	| PrivateBeacon 8 | [ RandomUpdateIntervalSteps 8 ] |
type BeaconSet struct {
	PrivateBeacon             bool
	HasRandomUpdateInterval   bool
	RandomUpdateIntervalSteps uint8 // steps of 10 s; 0: a new Random field for each beacon
}

// Opcode is 0x8061.
func (BeaconSet) Opcode() mesh.Opcode { return OpBeaconSet }

// Fields visits the parameters.
func (m *BeaconSet) Fields(c *access.Codec) {
	c.Bool("private_beacon", &m.PrivateBeacon)
	if c.Optional("random_update_interval_steps", &m.HasRandomUpdateInterval) {
		c.Uint8("random_update_interval_steps", &m.RandomUpdateIntervalSteps)
	}
}

// BeaconStatus reports the Mesh Private Beacon state.
//
//	| PrivateBeacon 8 | RandomUpdateIntervalSteps 8 |
type BeaconStatus struct {
	PrivateBeacon             bool
	RandomUpdateIntervalSteps uint8 // steps of 10 s
}

// Opcode is 0x8062.
func (BeaconStatus) Opcode() mesh.Opcode { return OpBeaconStatus }

// Fields visits the parameters.
func (m *BeaconStatus) Fields(c *access.Codec) {
	c.Bool("private_beacon", &m.PrivateBeacon)
	c.Uint8("random_update_interval_steps", &m.RandomUpdateIntervalSteps)
}

// GATTProxyGet asks for the Private GATT Proxy state.
type GATTProxyGet struct{ access.Empty }

// Opcode is 0x8063.
func (GATTProxyGet) Opcode() mesh.Opcode { return OpGATTProxyGet }

// GATTProxySet sets the Private GATT Proxy state. It is acknowledged.
//
//	| PrivateGATTProxy 8 |
type GATTProxySet struct {
	PrivateGATTProxy state.Feature
}

// Opcode is 0x8064.
func (GATTProxySet) Opcode() mesh.Opcode { return OpGATTProxySet }

// Fields visits the parameters.
func (m *GATTProxySet) Fields(c *access.Codec) {
	c.Uint8("private_gatt_proxy", (*uint8)(&m.PrivateGATTProxy))
	c.Require(m.PrivateGATTProxy <= state.Enabled, "private_gatt_proxy", "0 or 1")
}

// GATTProxyStatus reports the Private GATT Proxy state.
//
//	| PrivateGATTProxy 8 |
type GATTProxyStatus struct {
	PrivateGATTProxy state.Feature
}

// Opcode is 0x8065.
func (GATTProxyStatus) Opcode() mesh.Opcode { return OpGATTProxyStatus }

// Fields visits the parameters.
func (m *GATTProxyStatus) Fields(c *access.Codec) {
	c.Uint8("private_gatt_proxy", (*uint8)(&m.PrivateGATTProxy))
	c.Require(m.PrivateGATTProxy <= state.Unsupported, "private_gatt_proxy", "0 to 2")
}

// NodeIdentityGet asks for the Private Node Identity state of a subnet.
//
//	| NetKeyIndex 12 | RFU 4 |
type NodeIdentityGet struct {
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x8066.
func (NodeIdentityGet) Opcode() mesh.Opcode { return OpNodeIdentityGet }

// Fields visits the parameters.
func (m *NodeIdentityGet) Fields(c *access.Codec) { c.KeyIndex("net_key_index", &m.NetKeyIndex) }

// NodeIdentitySet sets the Private Node Identity state of a subnet. It is
// acknowledged.
//
//	| NetKeyIndex 12 | RFU 4 | PrivateNodeIdentity 8 |
type NodeIdentitySet struct {
	NetKeyIndex         mesh.KeyIndex
	PrivateNodeIdentity state.Feature
}

// Opcode is 0x8067.
func (NodeIdentitySet) Opcode() mesh.Opcode { return OpNodeIdentitySet }

// Fields visits the parameters.
func (m *NodeIdentitySet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("private_node_identity", (*uint8)(&m.PrivateNodeIdentity))
	c.Require(m.PrivateNodeIdentity <= state.Enabled, "private_node_identity", "0 or 1")
}

// NodeIdentityStatus reports the Private Node Identity state of a
// subnet.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | PrivateNodeIdentity 8 |
type NodeIdentityStatus struct {
	Status              foundation.Status
	NetKeyIndex         mesh.KeyIndex
	PrivateNodeIdentity state.Feature
}

// Opcode is 0x8068.
func (NodeIdentityStatus) Opcode() mesh.Opcode { return OpNodeIdentityStatus }

// Fields visits the parameters.
func (m *NodeIdentityStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("private_node_identity", (*uint8)(&m.PrivateNodeIdentity))
	c.Require(m.PrivateNodeIdentity <= state.Unsupported, "private_node_identity", "0 to 2")
}
