package directedforwarding

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/internal/field"
)

// Opcodes of the Directed Forwarding Configuration messages about the
// forwarding table (section 4.3).
const (
	OpForwardingTableAdd                 mesh.Opcode = 0x8084
	OpForwardingTableDelete              mesh.Opcode = 0x8085
	OpForwardingTableStatus              mesh.Opcode = 0x8086
	OpForwardingTableDependentsAdd       mesh.Opcode = 0x8087
	OpForwardingTableDependentsDelete    mesh.Opcode = 0x8088
	OpForwardingTableDependentsStatus    mesh.Opcode = 0x8089
	OpForwardingTableDependentsGet       mesh.Opcode = 0x808A
	OpForwardingTableDependentsGetStatus mesh.Opcode = 0x808B
	OpForwardingTableEntriesCountGet     mesh.Opcode = 0x808C
	OpForwardingTableEntriesCountStatus  mesh.Opcode = 0x808D
	OpForwardingTableEntriesGet          mesh.Opcode = 0x808E
	OpForwardingTableEntriesStatus       mesh.Opcode = 0x808F
)

// PathTarget is the target of a path: a node, or a group or virtual address.
type PathTarget struct {
	UnicastDestination   bool
	PathTargetRange      foundation.AddressRange // with UnicastDestination
	MulticastDestination mesh.Address            // without UnicastDestination
}

func (p *PathTarget) visit(c *access.Codec) {
	if p.UnicastDestination {
		c.Object("path_target_range", &p.PathTargetRange)
		return
	}
	c.Address("multicast_destination", &p.MulticastDestination)
	c.Require(p.MulticastDestination.IsGroup() || p.MulticastDestination.IsVirtual(), "multicast_destination", "a group or virtual address")
}

// PathKey identifies the fixed paths of a forwarding table between two nodes.
//
//	| PathOrigin 16 | Destination 16 |
type PathKey struct {
	PathOrigin  mesh.Address
	Destination mesh.Address
}

func (p *PathKey) visit(c *access.Codec) {
	c.Unicast("path_origin", &p.PathOrigin)
	c.Address("destination", &p.Destination)
	c.Require(p.Destination != mesh.Unassigned, "destination", "an address")
}

// Dependents holds the dependent nodes of the two ends of a path.
type Dependents struct {
	DependentOriginRanges []foundation.AddressRange
	DependentTargetRanges []foundation.AddressRange
}

// visit visits the lengths of both lists, then the lists.
func (d *Dependents) visit(c *access.Codec) {
	origins, targets := field.ListSize(len(d.DependentOriginRanges)), field.ListSize(len(d.DependentTargetRanges))
	if c.Octets() {
		c.Uint8("dependent_origin_range_list_size", &origins)
		c.Uint8("dependent_target_range_list_size", &targets)
	}
	access.ListOf(c, "dependent_origin_ranges", &d.DependentOriginRanges, int(origins), (*foundation.AddressRange).Fields)
	access.ListOf(c, "dependent_target_ranges", &d.DependentTargetRanges, int(targets), (*foundation.AddressRange).Fields)
	field.RequireListSizes(c, len(d.DependentOriginRanges), len(d.DependentTargetRanges))
}

// DependentsFilter selects the dependent nodes of a path.
//
//	| NetKeyIndex 12 | DependentsListMask 2 | FixedPathFlag 1 | RFU 1 |
//	| StartIndex 16 | PathOrigin 16 | Destination 16 |
type DependentsFilter struct {
	NetKeyIndex        mesh.KeyIndex
	DependentsListMask uint8 // 1: of the origin, 2: of the target, 3: both
	FixedPathFlag      uint8
	StartIndex         uint16 // of the first range
	PathKey
}

func (d *DependentsFilter) visit(c *access.Codec) {
	c.Bits16("net_key_index", (*uint16)(&d.NetKeyIndex), 12)
	c.Bits("dependents_list_mask", &d.DependentsListMask, 2)
	c.Bits("fixed_path_flag", &d.FixedPathFlag, 1)
	c.Reserved(1)
	c.Uint16("start_index", &d.StartIndex)
	d.PathKey.visit(c)
}

// EntriesFilter selects entries of a forwarding table. Each address is present
// only if the mask has its filter.
//
//	| NetKeyIndex 12 | FilterMask 4 | StartIndex 16 | [ PathOrigin 16 ] | [ Destination 16 ] |
type EntriesFilter struct {
	NetKeyIndex mesh.KeyIndex
	FilterMask  EntriesMask
	StartIndex  uint16
	PathOrigin  mesh.Address
	Destination mesh.Address
}

// EntriesMask is a set of filters.
type EntriesMask uint8

// The filters in a mask.
const (
	EntriesFixed       EntriesMask = 1 << 0 // fixed paths
	EntriesNonFixed    EntriesMask = 1 << 1 // paths that were discovered
	EntriesOrigin      EntriesMask = 1 << 2 // from one origin
	EntriesDestination EntriesMask = 1 << 3 // to one destination
)

func (e *EntriesFilter) visit(c *access.Codec) {
	c.Bits16("net_key_index", (*uint16)(&e.NetKeyIndex), 12)
	c.Bits("filter_mask", (*uint8)(&e.FilterMask), 4)
	c.Uint16("start_index", &e.StartIndex)
	if e.FilterMask&EntriesOrigin != 0 {
		c.Unicast("path_origin", &e.PathOrigin)
	}
	if e.FilterMask&EntriesDestination != 0 {
		c.Address("destination", &e.Destination)
	}
}

// ForwardingTableAdd adds a fixed path. It is acknowledged.
//
//	| NetKeyIndex 12 | RFU 2 | UnicastDestination 1 | BackwardPathValidated 1 | PathOriginRange 16 or 24 |
//	| PathTargetRange 16 or 24, or MulticastDestination 16 |
//	| BearerTowardPathOrigin 16 | BearerTowardPathTarget 16 |
type ForwardingTableAdd struct {
	NetKeyIndex           mesh.KeyIndex
	BackwardPathValidated bool
	PathOriginRange       foundation.AddressRange
	PathTarget
	BearerTowardPathOrigin uint16 // bit 0: advertising, bit 1: GATT
	BearerTowardPathTarget uint16
}

// Opcode is 0x8084.
func (ForwardingTableAdd) Opcode() mesh.Opcode { return OpForwardingTableAdd }

// Fields visits the parameters.
func (m *ForwardingTableAdd) Fields(c *access.Codec) {
	c.Bits16("net_key_index", (*uint16)(&m.NetKeyIndex), 12)
	c.Reserved(2)
	c.Flag("unicast_destination", &m.UnicastDestination)
	c.Flag("backward_path_validated", &m.BackwardPathValidated)
	c.Object("path_origin_range", &m.PathOriginRange)
	m.PathTarget.visit(c)
	c.Uint16("bearer_toward_path_origin", &m.BearerTowardPathOrigin)
	c.Uint16("bearer_toward_path_target", &m.BearerTowardPathTarget)
}

// ForwardingTableDelete deletes the fixed paths between two nodes. It is
// acknowledged.
//
//	| NetKeyIndex 12 | RFU 4 | PathOrigin 16 | Destination 16 |
type ForwardingTableDelete struct {
	NetKeyIndex mesh.KeyIndex
	PathKey
}

// Opcode is 0x8085.
func (ForwardingTableDelete) Opcode() mesh.Opcode { return OpForwardingTableDelete }

// Fields visits the parameters.
func (m *ForwardingTableDelete) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	m.PathKey.visit(c)
}

// ForwardingTableStatus answers Forwarding Table Add and Delete.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | PathOrigin 16 | Destination 16 |
type ForwardingTableStatus struct {
	Status      foundation.Status
	NetKeyIndex mesh.KeyIndex
	PathKey
}

// Opcode is 0x8086.
func (ForwardingTableStatus) Opcode() mesh.Opcode { return OpForwardingTableStatus }

// Fields visits the parameters.
func (m *ForwardingTableStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	m.PathKey.visit(c)
}

// ForwardingTableDependentsAdd adds dependent nodes to the fixed paths between
// two nodes. It is acknowledged.
//
//	| NetKeyIndex 12 | RFU 4 | PathOrigin 16 | Destination 16 |
//	| DependentOriginListSize 8 | DependentTargetListSize 8 | address ranges of both |
type ForwardingTableDependentsAdd struct {
	NetKeyIndex mesh.KeyIndex
	PathKey
	Dependents
}

// Opcode is 0x8087.
func (ForwardingTableDependentsAdd) Opcode() mesh.Opcode { return OpForwardingTableDependentsAdd }

// Fields visits the parameters.
func (m *ForwardingTableDependentsAdd) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	m.PathKey.visit(c)
	m.Dependents.visit(c)
}

// ForwardingTableDependentsDelete removes dependent nodes from the fixed paths
// between two nodes. It is acknowledged.
//
//	| NetKeyIndex 12 | RFU 4 | PathOrigin 16 | Destination 16 |
//	| DependentOriginListSize 8 | DependentTargetListSize 8 | addresses of both, 16 each |
type ForwardingTableDependentsDelete struct {
	NetKeyIndex mesh.KeyIndex
	PathKey
	DependentOrigins []mesh.Address
	DependentTargets []mesh.Address
}

// Opcode is 0x8088.
func (ForwardingTableDependentsDelete) Opcode() mesh.Opcode {
	return OpForwardingTableDependentsDelete
}

// Fields visits the parameters.
func (m *ForwardingTableDependentsDelete) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	m.PathKey.visit(c)
	origins, targets := field.ListSize(len(m.DependentOrigins)), field.ListSize(len(m.DependentTargets))
	if c.Octets() {
		c.Uint8("dependent_origin_list_size", &origins)
		c.Uint8("dependent_target_list_size", &targets)
	}
	access.ListOf(c, "dependent_origins", &m.DependentOrigins, int(origins), field.Address)
	access.ListOf(c, "dependent_targets", &m.DependentTargets, int(targets), field.Address)
	field.RequireListSizes(c, len(m.DependentOrigins), len(m.DependentTargets))
}

// ForwardingTableDependentsStatus answers Forwarding Table Dependents Add and
// Delete.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | PathOrigin 16 | Destination 16 |
type ForwardingTableDependentsStatus struct {
	Status      foundation.Status
	NetKeyIndex mesh.KeyIndex
	PathKey
}

// Opcode is 0x8089.
func (ForwardingTableDependentsStatus) Opcode() mesh.Opcode {
	return OpForwardingTableDependentsStatus
}

// Fields visits the parameters.
func (m *ForwardingTableDependentsStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	m.PathKey.visit(c)
}

// ForwardingTableDependentsGet asks for the dependent nodes of a path. If it
// has an update identifier and the table has changed since, the answer has no
// list.
//
//	| NetKeyIndex 12 | DependentsListMask 2 | FixedPathFlag 1 | RFU 1 | StartIndex 16 | PathOrigin 16 | Destination 16 |
//	| [ ForwardingTableUpdateIdentifier 16 ] |
type ForwardingTableDependentsGet struct {
	DependentsFilter
	HasUpdateIdentifier bool
	UpdateIdentifier    uint16 // of the forwarding table, changes on every update
}

// Opcode is 0x808A.
func (ForwardingTableDependentsGet) Opcode() mesh.Opcode { return OpForwardingTableDependentsGet }

// Fields visits the parameters.
func (m *ForwardingTableDependentsGet) Fields(c *access.Codec) {
	m.DependentsFilter.visit(c)
	if c.Optional("forwarding_table_update_identifier", &m.HasUpdateIdentifier) {
		c.Uint16("forwarding_table_update_identifier", &m.UpdateIdentifier)
	}
}

// ForwardingTableDependentsGetStatus answers Forwarding Table Dependents Get.
//
//	| Status 8 | NetKeyIndex 12 | DependentsListMask 2 | FixedPathFlag 1 | RFU 1 | StartIndex 16 | PathOrigin 16 | Destination 16 |
//	| [ ForwardingTableUpdateIdentifier 16 ]
//	| [ DependentOriginListSize 8 | DependentTargetListSize 8 | address ranges of both ] |
type ForwardingTableDependentsGetStatus struct {
	Status foundation.Status
	DependentsFilter
	HasUpdateIdentifier bool
	UpdateIdentifier    uint16 // of the forwarding table, changes on every update
	HasDependents       bool
	Dependents
}

// Opcode is 0x808B.
func (ForwardingTableDependentsGetStatus) Opcode() mesh.Opcode {
	return OpForwardingTableDependentsGetStatus
}

// Fields visits the parameters.
func (m *ForwardingTableDependentsGetStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	m.DependentsFilter.visit(c)
	if c.Optional("forwarding_table_update_identifier", &m.HasUpdateIdentifier) {
		c.Uint16("forwarding_table_update_identifier", &m.UpdateIdentifier)
	}
	if c.Optional("dependent_origin_ranges", &m.HasDependents) {
		m.Dependents.visit(c)
	}
}

// ForwardingTableEntriesCountGet asks how many paths the forwarding table of a
// subnet has.
//
//	| NetKeyIndex 12 | RFU 4 |
type ForwardingTableEntriesCountGet struct {
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x808C.
func (ForwardingTableEntriesCountGet) Opcode() mesh.Opcode {
	return OpForwardingTableEntriesCountGet
}

// Fields visits the parameters.
func (m *ForwardingTableEntriesCountGet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
}

// ForwardingTableEntriesCountStatus reports how many paths the forwarding
// table of a subnet has.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 |
//	| [ ForwardingTableUpdateIdentifier 16 | FixedPathEntriesCount 16 | NonFixedPathEntriesCount 16 ] |
type ForwardingTableEntriesCountStatus struct {
	Status                   foundation.Status
	NetKeyIndex              mesh.KeyIndex
	HasUpdateIdentifier      bool
	FixedPathEntriesCount    uint16
	NonFixedPathEntriesCount uint16
	UpdateIdentifier         uint16 // of the forwarding table, changes on every update
}

// Opcode is 0x808D.
func (ForwardingTableEntriesCountStatus) Opcode() mesh.Opcode {
	return OpForwardingTableEntriesCountStatus
}

// Fields visits the parameters.
func (m *ForwardingTableEntriesCountStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	if c.Optional("forwarding_table_update_identifier", &m.HasUpdateIdentifier) {
		c.Uint16("forwarding_table_update_identifier", &m.UpdateIdentifier)
		c.Uint16("fixed_path_entries_count", &m.FixedPathEntriesCount)
		c.Uint16("non_fixed_path_entries_count", &m.NonFixedPathEntriesCount)
	}
}

// ForwardingTableEntriesGet asks for the paths of a forwarding table. If it has
// an update identifier and the table has changed since, the answer has no list.
//
//	| NetKeyIndex 12 | FilterMask 4 | StartIndex 16 | [ PathOrigin 16 ] | [ Destination 16 ] |
//	| [ ForwardingTableUpdateIdentifier 16 ] |
type ForwardingTableEntriesGet struct {
	EntriesFilter
	HasUpdateIdentifier bool
	UpdateIdentifier    uint16 // of the forwarding table, changes on every update
}

// Opcode is 0x808E.
func (ForwardingTableEntriesGet) Opcode() mesh.Opcode { return OpForwardingTableEntriesGet }

// Fields visits the parameters.
func (m *ForwardingTableEntriesGet) Fields(c *access.Codec) {
	m.EntriesFilter.visit(c)
	if c.Optional("forwarding_table_update_identifier", &m.HasUpdateIdentifier) {
		c.Uint16("forwarding_table_update_identifier", &m.UpdateIdentifier)
	}
}

// ForwardingTableEntriesStatus answers Forwarding Table Entries Get.
//
//	| Status 8 | NetKeyIndex 12 | FilterMask 4 | StartIndex 16 | [ PathOrigin 16 ] | [ Destination 16 ] |
//	| [ ForwardingTableUpdateIdentifier 16 ] | entries |
type ForwardingTableEntriesStatus struct {
	Status foundation.Status
	EntriesFilter
	HasUpdateIdentifier bool
	UpdateIdentifier    uint16 // of the forwarding table, changes on every update
	Entries             []PathEntry
}

// Opcode is 0x808F.
func (ForwardingTableEntriesStatus) Opcode() mesh.Opcode { return OpForwardingTableEntriesStatus }

// Fields visits the parameters.
func (m *ForwardingTableEntriesStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	m.EntriesFilter.visit(c)
	if c.Optional("forwarding_table_update_identifier", &m.HasUpdateIdentifier) {
		c.Uint16("forwarding_table_update_identifier", &m.UpdateIdentifier)
	}
	access.List(c, "entries", &m.Entries, pathEntry)
}
