package bridgeconfig

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
)

// Opcodes of the Bridge Configuration messages (section 4.3).
const (
	OpSubnetBridgeGet         mesh.Opcode = 0x80B1
	OpSubnetBridgeSet         mesh.Opcode = 0x80B2
	OpSubnetBridgeStatus      mesh.Opcode = 0x80B3
	OpBridgingTableAdd        mesh.Opcode = 0x80B4
	OpBridgingTableRemove     mesh.Opcode = 0x80B5
	OpBridgingTableStatus     mesh.Opcode = 0x80B6
	OpBridgedSubnetsGet       mesh.Opcode = 0x80B7
	OpBridgedSubnetsList      mesh.Opcode = 0x80B8
	OpBridgingTableGet        mesh.Opcode = 0x80B9
	OpBridgingTableList       mesh.Opcode = 0x80BA
	OpBridgingTableSizeGet    mesh.Opcode = 0x80BB
	OpBridgingTableSizeStatus mesh.Opcode = 0x80BC
)

// Directions says in which direction an entry of the bridging table allows
// messages.
type Directions uint8

// The directions: from the first address to the second, or both.
const (
	OneWay  Directions = 0x01
	BothWay Directions = 0x02
)

func (d *Directions) visit(c *access.Codec) {
	c.Uint8("directions", (*uint8)(d))
	c.Require(*d == OneWay || *d == BothWay, "directions", "1 or 2")
}

// Filter selects entries of the bridging table for a list of subnets.
type Filter uint8

// The filters.
const (
	FilterAll    Filter = 0x00
	FilterFirst  Filter = 0x01 // entries with the given first NetKey index
	FilterSecond Filter = 0x02
	FilterEither Filter = 0x03
)

// BridgedAddresses is an entry of the bridging table between two subnets.
//
//	| Address1 16 | Address2 16 | Directions 8 |
type BridgedAddresses struct {
	Address1   mesh.Address
	Address2   mesh.Address
	Directions Directions
}

func bridgedAddresses(a *BridgedAddresses, c *access.Codec) {
	c.Address("address_1", &a.Address1)
	c.Address("address_2", &a.Address2)
	a.Directions.visit(c)
}

// BridgedSubnets is a pair of bridged subnets.
//
//	| NetKeyIndex1 12 | NetKeyIndex2 12 |
type BridgedSubnets struct {
	NetKeyIndex1 mesh.KeyIndex
	NetKeyIndex2 mesh.KeyIndex
}

// Fields visits the two indexes.
func (s *BridgedSubnets) Fields(c *access.Codec) {
	c.KeyIndexPair("net_key_index_1", &s.NetKeyIndex1, "net_key_index_2", &s.NetKeyIndex2)
}

func bridgedSubnets(s *BridgedSubnets, c *access.Codec) { s.Fields(c) }

// SubnetBridgeGet asks for the Subnet Bridge state.
type SubnetBridgeGet struct{ access.Empty }

// Opcode is 0x80B1.
func (SubnetBridgeGet) Opcode() mesh.Opcode { return OpSubnetBridgeGet }

// SubnetBridgeSet sets the Subnet Bridge state. It is acknowledged.
//
//	| SubnetBridge 8 |
type SubnetBridgeSet struct {
	SubnetBridge bool
}

// Opcode is 0x80B2.
func (SubnetBridgeSet) Opcode() mesh.Opcode { return OpSubnetBridgeSet }

// Fields visits the parameters.
func (m *SubnetBridgeSet) Fields(c *access.Codec) { c.Bool("subnet_bridge", &m.SubnetBridge) }

// SubnetBridgeStatus reports the Subnet Bridge state.
//
//	| SubnetBridge 8 |
type SubnetBridgeStatus struct {
	SubnetBridge bool
}

// Opcode is 0x80B3.
func (SubnetBridgeStatus) Opcode() mesh.Opcode { return OpSubnetBridgeStatus }

// Fields visits the parameters.
func (m *SubnetBridgeStatus) Fields(c *access.Codec) { c.Bool("subnet_bridge", &m.SubnetBridge) }

// BridgingTableAdd adds an entry to the bridging table. It is acknowledged.
//
//	| Directions 8 | NetKeyIndex1 12 | NetKeyIndex2 12 | Address1 16 | Address2 16 |
type BridgingTableAdd struct {
	Directions Directions
	BridgedSubnets
	Address1 mesh.Address
	Address2 mesh.Address
}

// Opcode is 0x80B4.
func (BridgingTableAdd) Opcode() mesh.Opcode { return OpBridgingTableAdd }

// Fields visits the parameters.
func (m *BridgingTableAdd) Fields(c *access.Codec) {
	m.Directions.visit(c)
	m.BridgedSubnets.Fields(c)
	c.Unicast("address_1", &m.Address1)
	c.Address("address_2", &m.Address2)
	c.Require(m.Address2 != mesh.Unassigned && m.Address2 != mesh.AllNodes && m.Address2 != m.Address1, "address_2", "an address other than address_1, not unassigned and not all nodes")
	c.Require(m.Directions == OneWay || m.Address2.IsUnicast(), "address_2", "a unicast address for both directions")
	c.Require(m.NetKeyIndex1 != m.NetKeyIndex2, "net_key_index_2", "another subnet")
}

// BridgingTableRemove removes entries from the bridging table. It is
// acknowledged. An unassigned address matches every address.
//
//	| NetKeyIndex1 12 | NetKeyIndex2 12 | Address1 16 | Address2 16 |
type BridgingTableRemove struct {
	BridgedSubnets
	Address1 mesh.Address
	Address2 mesh.Address
}

// Opcode is 0x80B5.
func (BridgingTableRemove) Opcode() mesh.Opcode { return OpBridgingTableRemove }

// Fields visits the parameters.
func (m *BridgingTableRemove) Fields(c *access.Codec) {
	m.BridgedSubnets.Fields(c)
	c.Address("address_1", &m.Address1)
	c.Address("address_2", &m.Address2)
	c.Require(m.Address1 == mesh.Unassigned || m.Address1.IsUnicast(), "address_1", "a unicast address or the unassigned address")
	c.Require(m.Address2 != mesh.AllNodes, "address_2", "an address other than all nodes")
	c.Require(m.NetKeyIndex1 != m.NetKeyIndex2, "net_key_index_2", "another subnet")
}

// BridgingTableStatus answers Bridging Table Add and Remove. The directions are
// 0 after a removal.
//
//	| Status 8 | CurrentDirections 8 | NetKeyIndex1 12 | NetKeyIndex2 12 | Address1 16 | Address2 16 |
type BridgingTableStatus struct {
	Status     foundation.Status
	Directions Directions // 0 after a removal
	BridgedSubnets
	Address1 mesh.Address
	Address2 mesh.Address
}

// Opcode is 0x80B6.
func (BridgingTableStatus) Opcode() mesh.Opcode { return OpBridgingTableStatus }

// Fields visits the parameters.
func (m *BridgingTableStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.Uint8("current_directions", (*uint8)(&m.Directions))
	m.BridgedSubnets.Fields(c)
	c.Address("address_1", &m.Address1)
	c.Address("address_2", &m.Address2)
}

// BridgedSubnetsGet asks for the bridged subnets, starting at an index of the
// list.
//
//	| Filter 2 | RFU 2 | NetKeyIndex 12 | StartIndex 8 |
type BridgedSubnetsGet struct {
	Filter      Filter
	NetKeyIndex mesh.KeyIndex
	StartIndex  uint8
}

// Opcode is 0x80B7.
func (BridgedSubnetsGet) Opcode() mesh.Opcode { return OpBridgedSubnetsGet }

// Fields visits the parameters.
func (m *BridgedSubnetsGet) Fields(c *access.Codec) {
	c.Bits("filter", (*uint8)(&m.Filter), 2)
	c.Reserved(2)
	c.Bits16("net_key_index", (*uint16)(&m.NetKeyIndex), 12)
	c.Uint8("start_index", &m.StartIndex)
}

// BridgedSubnetsList answers Bridged Subnets Get.
//
//	| Filter 2 | RFU 2 | NetKeyIndex 12 | StartIndex 8 | BridgedSubnets 24 each |
type BridgedSubnetsList struct {
	Filter         Filter
	NetKeyIndex    mesh.KeyIndex
	StartIndex     uint8
	BridgedSubnets []BridgedSubnets
}

// Opcode is 0x80B8.
func (BridgedSubnetsList) Opcode() mesh.Opcode { return OpBridgedSubnetsList }

// Fields visits the parameters.
func (m *BridgedSubnetsList) Fields(c *access.Codec) {
	c.Bits("filter", (*uint8)(&m.Filter), 2)
	c.Reserved(2)
	c.Bits16("net_key_index", (*uint16)(&m.NetKeyIndex), 12)
	c.Uint8("start_index", &m.StartIndex)
	access.List(c, "bridged_subnets", &m.BridgedSubnets, bridgedSubnets)
}

// BridgingTableGet asks for the entries of two subnets, starting at an index.
//
//	| NetKeyIndex1 12 | NetKeyIndex2 12 | StartIndex 16 |
type BridgingTableGet struct {
	BridgedSubnets
	StartIndex uint16
}

// Opcode is 0x80B9.
func (BridgingTableGet) Opcode() mesh.Opcode { return OpBridgingTableGet }

// Fields visits the parameters.
func (m *BridgingTableGet) Fields(c *access.Codec) {
	m.BridgedSubnets.Fields(c)
	c.Uint16("start_index", &m.StartIndex)
}

// BridgingTableList answers Bridging Table Get.
//
//	| Status 8 | NetKeyIndex1 12 | NetKeyIndex2 12 | StartIndex 16 | BridgedAddresses 40 each |
type BridgingTableList struct {
	Status foundation.Status
	BridgedSubnets
	StartIndex       uint16
	BridgedAddresses []BridgedAddresses
}

// Opcode is 0x80BA.
func (BridgingTableList) Opcode() mesh.Opcode { return OpBridgingTableList }

// Fields visits the parameters.
func (m *BridgingTableList) Fields(c *access.Codec) {
	m.Status.Fields(c)
	m.BridgedSubnets.Fields(c)
	c.Uint16("start_index", &m.StartIndex)
	access.List(c, "bridged_addresses", &m.BridgedAddresses, bridgedAddresses)
}

// BridgingTableSizeGet asks for the capacity of the bridging table.
type BridgingTableSizeGet struct{ access.Empty }

// Opcode is 0x80BB.
func (BridgingTableSizeGet) Opcode() mesh.Opcode { return OpBridgingTableSizeGet }

// BridgingTableSizeStatus reports the capacity of the bridging table in
// entries.
//
//	| BridgingTableSize 16 |
type BridgingTableSizeStatus struct {
	BridgingTableSize uint16
}

// Opcode is 0x80BC.
func (BridgingTableSizeStatus) Opcode() mesh.Opcode { return OpBridgingTableSizeStatus }

// Fields visits the parameters.
func (m *BridgingTableSizeStatus) Fields(c *access.Codec) {
	c.Uint16("bridging_table_size", &m.BridgingTableSize)
}
