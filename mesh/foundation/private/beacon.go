package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Opcodes of the Mesh Private Beacon messages (section 4.3).
const (
	OpPrivateBeaconGet          mesh.Opcode = 0x8060
	OpPrivateBeaconSet          mesh.Opcode = 0x8061
	OpPrivateBeaconStatus       mesh.Opcode = 0x8062
	OpPrivateGATTProxyGet       mesh.Opcode = 0x8063
	OpPrivateGATTProxySet       mesh.Opcode = 0x8064
	OpPrivateGATTProxyStatus    mesh.Opcode = 0x8065
	OpPrivateNodeIdentityGet    mesh.Opcode = 0x8066
	OpPrivateNodeIdentitySet    mesh.Opcode = 0x8067
	OpPrivateNodeIdentityStatus mesh.Opcode = 0x8068
)

// PrivateBeaconGet asks whether the node sends Mesh Private beacons.
type PrivateBeaconGet struct{ access.Empty }

// Opcode is 0x8060.
func (PrivateBeaconGet) Opcode() mesh.Opcode { return OpPrivateBeaconGet }

// PrivateBeaconSet makes the node send Mesh Private beacons or not and is
// answered.
//
//	| PrivateBeacon 8 | [ RandomUpdateIntervalSteps 8 ] |
type PrivateBeaconSet struct {
	PrivateBeacon             bool
	HasRandomUpdateInterval   bool
	RandomUpdateIntervalSteps uint8 // of 10 s; 0: a new Random field for each beacon
}

// Opcode is 0x8061.
func (PrivateBeaconSet) Opcode() mesh.Opcode { return OpPrivateBeaconSet }

// Fields visits the parameters.
func (m *PrivateBeaconSet) Fields(c *access.Codec) {
	c.Bool("private_beacon", &m.PrivateBeacon)
	if c.Optional("random_update_interval_steps", &m.HasRandomUpdateInterval) {
		c.Uint8("random_update_interval_steps", &m.RandomUpdateIntervalSteps)
	}
}

// PrivateBeaconStatus reports whether the node sends Mesh Private beacons.
//
//	| PrivateBeacon 8 | RandomUpdateIntervalSteps 8 |
type PrivateBeaconStatus struct {
	PrivateBeacon             bool
	RandomUpdateIntervalSteps uint8 // of 10 s
}

// Opcode is 0x8062.
func (PrivateBeaconStatus) Opcode() mesh.Opcode { return OpPrivateBeaconStatus }

// Fields visits the parameters.
func (m *PrivateBeaconStatus) Fields(c *access.Codec) {
	c.Bool("private_beacon", &m.PrivateBeacon)
	c.Uint8("random_update_interval_steps", &m.RandomUpdateIntervalSteps)
}

// PrivateGATTProxyGet asks for the Private GATT Proxy state.
type PrivateGATTProxyGet struct{ access.Empty }

// Opcode is 0x8063.
func (PrivateGATTProxyGet) Opcode() mesh.Opcode { return OpPrivateGATTProxyGet }

// PrivateGATTProxySet sets the Private GATT Proxy state and is answered.
//
//	| PrivateGATTProxy 8 |
type PrivateGATTProxySet struct {
	PrivateGATTProxy state.Feature
}

// Opcode is 0x8064.
func (PrivateGATTProxySet) Opcode() mesh.Opcode { return OpPrivateGATTProxySet }

// Fields visits the parameters.
func (m *PrivateGATTProxySet) Fields(c *access.Codec) {
	c.Uint8("private_gatt_proxy", (*uint8)(&m.PrivateGATTProxy))
	c.Require(m.PrivateGATTProxy <= state.Enabled, "private_gatt_proxy", "0 or 1")
}

// PrivateGATTProxyStatus reports the Private GATT Proxy state.
//
//	| PrivateGATTProxy 8 |
type PrivateGATTProxyStatus struct {
	PrivateGATTProxy state.Feature
}

// Opcode is 0x8065.
func (PrivateGATTProxyStatus) Opcode() mesh.Opcode { return OpPrivateGATTProxyStatus }

// Fields visits the parameters.
func (m *PrivateGATTProxyStatus) Fields(c *access.Codec) {
	c.Uint8("private_gatt_proxy", (*uint8)(&m.PrivateGATTProxy))
	c.Require(m.PrivateGATTProxy <= state.Unsupported, "private_gatt_proxy", "0 to 2")
}

// PrivateNodeIdentityGet asks for the Private Node Identity state of a subnet.
//
//	| NetKeyIndex 12 | RFU 4 |
type PrivateNodeIdentityGet struct {
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x8066.
func (PrivateNodeIdentityGet) Opcode() mesh.Opcode { return OpPrivateNodeIdentityGet }

// Fields visits the parameters.
func (m *PrivateNodeIdentityGet) Fields(c *access.Codec) { c.KeyIndex("net_key_index", &m.NetKeyIndex) }

// PrivateNodeIdentitySet sets the Private Node Identity state of a subnet and
// is answered.
//
//	| NetKeyIndex 12 | RFU 4 | PrivateNodeIdentity 8 |
type PrivateNodeIdentitySet struct {
	NetKeyIndex         mesh.KeyIndex
	PrivateNodeIdentity state.Feature
}

// Opcode is 0x8067.
func (PrivateNodeIdentitySet) Opcode() mesh.Opcode { return OpPrivateNodeIdentitySet }

// Fields visits the parameters.
func (m *PrivateNodeIdentitySet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("private_node_identity", (*uint8)(&m.PrivateNodeIdentity))
	c.Require(m.PrivateNodeIdentity <= state.Enabled, "private_node_identity", "0 or 1")
}

// PrivateNodeIdentityStatus reports the Private Node Identity state of a
// subnet.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | PrivateNodeIdentity 8 |
type PrivateNodeIdentityStatus struct {
	Status              Status
	NetKeyIndex         mesh.KeyIndex
	PrivateNodeIdentity state.Feature
}

// Opcode is 0x8068.
func (PrivateNodeIdentityStatus) Opcode() mesh.Opcode { return OpPrivateNodeIdentityStatus }

// Fields visits the parameters.
func (m *PrivateNodeIdentityStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("private_node_identity", (*uint8)(&m.PrivateNodeIdentity))
	c.Require(m.PrivateNodeIdentity <= state.Unsupported, "private_node_identity", "0 to 2")
}
