package directedforwarding

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
)

// Opcodes of the Directed Forwarding Configuration messages about states
// (section 4.3).
const (
	OpDirectedControlGet               mesh.Opcode = 0x807B
	OpDirectedControlSet               mesh.Opcode = 0x807C
	OpDirectedControlStatus            mesh.Opcode = 0x807D
	OpPathMetricGet                    mesh.Opcode = 0x807E
	OpPathMetricSet                    mesh.Opcode = 0x807F
	OpPathMetricStatus                 mesh.Opcode = 0x8080
	OpDiscoveryTableCapabilitiesGet    mesh.Opcode = 0x8081
	OpDiscoveryTableCapabilitiesSet    mesh.Opcode = 0x8082
	OpDiscoveryTableCapabilitiesStatus mesh.Opcode = 0x8083
	OpWantedLanesGet                   mesh.Opcode = 0x8090
	OpWantedLanesSet                   mesh.Opcode = 0x8091
	OpWantedLanesStatus                mesh.Opcode = 0x8092
	OpTwoWayPathGet                    mesh.Opcode = 0x8093
	OpTwoWayPathSet                    mesh.Opcode = 0x8094
	OpTwoWayPathStatus                 mesh.Opcode = 0x8095
	OpPathEchoIntervalGet              mesh.Opcode = 0x8096
	OpPathEchoIntervalSet              mesh.Opcode = 0x8097
	OpPathEchoIntervalStatus           mesh.Opcode = 0x8098
)

// DirectedControl holds the directed forwarding features of a node in a subnet.
//
//	| DirectedForwarding 8 | DirectedRelay 8 | DirectedProxy 8 |
//	| DirectedProxyUseDirectedDefault 8 | DirectedFriend 8 |
type DirectedControl struct {
	DirectedForwarding              DirectedSwitch
	DirectedRelay                   DirectedSwitch
	DirectedProxy                   DirectedSwitch
	DirectedProxyUseDirectedDefault DirectedSwitch
	DirectedFriend                  DirectedSwitch
}

// DirectedSwitch is a feature of directed forwarding: off, on or unsupported. A
// request can leave it unchanged.
type DirectedSwitch uint8

// The values. DirectedUnchanged leaves the state unchanged in a request; in a
// status it means that the state does not apply.
const (
	DirectedDisabled    DirectedSwitch = 0x00
	DirectedEnabled     DirectedSwitch = 0x01
	DirectedUnsupported DirectedSwitch = 0x02
	DirectedUnchanged   DirectedSwitch = 0xFF
)

func (d *DirectedControl) visit(c *access.Codec) {
	c.Uint8("directed_forwarding", (*uint8)(&d.DirectedForwarding))
	c.Uint8("directed_relay", (*uint8)(&d.DirectedRelay))
	c.Uint8("directed_proxy", (*uint8)(&d.DirectedProxy))
	c.Uint8("directed_proxy_use_directed_default", (*uint8)(&d.DirectedProxyUseDirectedDefault))
	c.Uint8("directed_friend", (*uint8)(&d.DirectedFriend))
}

// PathMetric says how paths are compared and how long they live.
//
//	| PathMetricType 3 | PathLifetime 2 | RFU 3 |
type PathMetric struct {
	PathMetricType uint8 // 0: node count
	PathLifetime   uint8 // 0: 12 minutes, 1: 2 hours, 2: 24 hours, 3: 10 days
}

func (p *PathMetric) visit(c *access.Codec) {
	c.Bits("path_metric_type", &p.PathMetricType, 3)
	c.Bits("path_lifetime", &p.PathLifetime, 2)
	c.Reserved(3)
}

// PathEchoInterval says how often a path is tested with Path Echo messages, in
// percent of its lifetime; 0 for never.
//
//	| UnicastEchoInterval 8 | MulticastEchoInterval 8 |
type PathEchoInterval struct {
	UnicastEchoInterval   uint8 // 0 to 99; 255 in a request: unchanged
	MulticastEchoInterval uint8 // as UnicastEchoInterval
}

func (p *PathEchoInterval) visit(c *access.Codec) {
	c.Uint8("unicast_echo_interval", &p.UnicastEchoInterval)
	c.Uint8("multicast_echo_interval", &p.MulticastEchoInterval)
}

// PathDiscoveryTiming holds the timing of path discovery.
//
//	| PathMonitoringInterval 16 | PathDiscoveryRetryInterval 16 |
//	| PathDiscoveryInterval 1 | LaneDiscoveryGuardInterval 1 | RFU 6 |
type PathDiscoveryTiming struct {
	PathMonitoringInterval     uint16 // in seconds
	PathDiscoveryRetryInterval uint16 // in seconds
	PathDiscoveryInterval      uint8  // 0: 5 s, 1: 30 s
	LaneDiscoveryGuardInterval uint8  // 0: 2 s, 1: 10 s
}

func (p *PathDiscoveryTiming) visit(c *access.Codec) {
	c.Uint16("path_monitoring_interval", &p.PathMonitoringInterval)
	c.Uint16("path_discovery_retry_interval", &p.PathDiscoveryRetryInterval)
	c.Bits("path_discovery_interval", &p.PathDiscoveryInterval, 1)
	c.Bits("lane_discovery_guard_interval", &p.LaneDiscoveryGuardInterval, 1)
	c.Reserved(6)
}

func (s DirectedSwitch) isRequest() bool { return s <= DirectedEnabled || s == DirectedUnchanged }

func isEchoInterval(v uint8) bool { return v <= maxEchoInterval || v == keepEchoInterval }

const (
	maxEchoInterval  = 99
	keepEchoInterval = 0xFF
)

// DirectedControlGet asks for the Directed Control state of a subnet.
//
//	| NetKeyIndex 12 | RFU 4 |
type DirectedControlGet struct {
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x807B.
func (DirectedControlGet) Opcode() mesh.Opcode { return OpDirectedControlGet }

// Fields visits the parameters.
func (m *DirectedControlGet) Fields(c *access.Codec) { c.KeyIndex("net_key_index", &m.NetKeyIndex) }

// DirectedControlSet sets the Directed Control state of a subnet. It is
// acknowledged.
//
//	| NetKeyIndex 12 | RFU 4 | as DirectedControl |
type DirectedControlSet struct {
	NetKeyIndex mesh.KeyIndex
	DirectedControl
}

// Opcode is 0x807C.
func (DirectedControlSet) Opcode() mesh.Opcode { return OpDirectedControlSet }

// Fields visits the parameters.
func (m *DirectedControlSet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	m.DirectedControl.visit(c)
	c.Require(m.DirectedForwarding <= DirectedEnabled, "directed_forwarding", "0 or 1")
	c.Require(m.DirectedRelay <= DirectedEnabled, "directed_relay", "0 or 1")
	c.Require(m.DirectedProxy.isRequest(), "directed_proxy", "0, 1 or 255")
	c.Require(m.DirectedProxyUseDirectedDefault.isRequest(), "directed_proxy_use_directed_default", "0, 1 or 255")
	c.Require(m.DirectedFriend.isRequest(), "directed_friend", "0, 1 or 255")
}

// DirectedControlStatus reports the Directed Control state of a subnet.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | as DirectedControl |
type DirectedControlStatus struct {
	Status      foundation.Status
	NetKeyIndex mesh.KeyIndex
	DirectedControl
}

// Opcode is 0x807D.
func (DirectedControlStatus) Opcode() mesh.Opcode { return OpDirectedControlStatus }

// Fields visits the parameters.
func (m *DirectedControlStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	m.DirectedControl.visit(c)
}

// PathMetricGet asks for the Path Metric state of a subnet.
//
//	| NetKeyIndex 12 | RFU 4 |
type PathMetricGet struct {
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x807E.
func (PathMetricGet) Opcode() mesh.Opcode { return OpPathMetricGet }

// Fields visits the parameters.
func (m *PathMetricGet) Fields(c *access.Codec) { c.KeyIndex("net_key_index", &m.NetKeyIndex) }

// PathMetricSet sets the Path Metric state of a subnet. It is acknowledged.
//
//	| NetKeyIndex 12 | RFU 4 | PathMetricType 3 | PathLifetime 2 | RFU 3 |
type PathMetricSet struct {
	NetKeyIndex mesh.KeyIndex
	PathMetric
}

// Opcode is 0x807F.
func (PathMetricSet) Opcode() mesh.Opcode { return OpPathMetricSet }

// Fields visits the parameters.
func (m *PathMetricSet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	m.PathMetric.visit(c)
}

// PathMetricStatus reports the Path Metric state of a subnet.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | PathMetricType 3 | PathLifetime 2 | RFU 3 |
type PathMetricStatus struct {
	Status      foundation.Status
	NetKeyIndex mesh.KeyIndex
	PathMetric
}

// Opcode is 0x8080.
func (PathMetricStatus) Opcode() mesh.Opcode { return OpPathMetricStatus }

// Fields visits the parameters.
func (m *PathMetricStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	m.PathMetric.visit(c)
}

// DiscoveryTableCapabilitiesGet asks how many path discoveries may run at once
// in a subnet.
//
//	| NetKeyIndex 12 | RFU 4 |
type DiscoveryTableCapabilitiesGet struct {
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x8081.
func (DiscoveryTableCapabilitiesGet) Opcode() mesh.Opcode { return OpDiscoveryTableCapabilitiesGet }

// Fields visits the parameters.
func (m *DiscoveryTableCapabilitiesGet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
}

// DiscoveryTableCapabilitiesSet sets how many path discoveries may run at once
// in a subnet. It is acknowledged.
//
//	| NetKeyIndex 12 | RFU 4 | MaxConcurrentInit 8 |
type DiscoveryTableCapabilitiesSet struct {
	NetKeyIndex       mesh.KeyIndex
	MaxConcurrentInit uint8
}

// Opcode is 0x8082.
func (DiscoveryTableCapabilitiesSet) Opcode() mesh.Opcode { return OpDiscoveryTableCapabilitiesSet }

// Fields visits the parameters.
func (m *DiscoveryTableCapabilitiesSet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("max_concurrent_init", &m.MaxConcurrentInit)
}

// DiscoveryTableCapabilitiesStatus reports how many path discoveries may run at
// once in a subnet.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | MaxConcurrentInit 8 | MaxDiscoveryTableEntriesCount 8 |
type DiscoveryTableCapabilitiesStatus struct {
	Status                        foundation.Status
	NetKeyIndex                   mesh.KeyIndex
	MaxConcurrentInit             uint8
	MaxDiscoveryTableEntriesCount uint8 // at least 2
}

// Opcode is 0x8083.
func (DiscoveryTableCapabilitiesStatus) Opcode() mesh.Opcode {
	return OpDiscoveryTableCapabilitiesStatus
}

// Fields visits the parameters.
func (m *DiscoveryTableCapabilitiesStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("max_concurrent_init", &m.MaxConcurrentInit)
	c.Uint8("max_discovery_table_entries_count", &m.MaxDiscoveryTableEntriesCount)
}

// WantedLanesGet asks for the Wanted Lanes state of a subnet: how many lanes a
// path should have.
//
//	| NetKeyIndex 12 | RFU 4 |
type WantedLanesGet struct {
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x8090.
func (WantedLanesGet) Opcode() mesh.Opcode { return OpWantedLanesGet }

// Fields visits the parameters.
func (m *WantedLanesGet) Fields(c *access.Codec) { c.KeyIndex("net_key_index", &m.NetKeyIndex) }

// WantedLanesSet sets the Wanted Lanes state of a subnet. It is acknowledged.
//
//	| NetKeyIndex 12 | RFU 4 | WantedLanes 8 |
type WantedLanesSet struct {
	NetKeyIndex mesh.KeyIndex
	WantedLanes uint8
}

// Opcode is 0x8091.
func (WantedLanesSet) Opcode() mesh.Opcode { return OpWantedLanesSet }

// Fields visits the parameters.
func (m *WantedLanesSet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("wanted_lanes", &m.WantedLanes)
	c.Require(m.WantedLanes > 0, "wanted_lanes", "1 to 255")
}

// WantedLanesStatus reports the Wanted Lanes state of a subnet.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | WantedLanes 8 |
type WantedLanesStatus struct {
	Status      foundation.Status
	NetKeyIndex mesh.KeyIndex
	WantedLanes uint8
}

// Opcode is 0x8092.
func (WantedLanesStatus) Opcode() mesh.Opcode { return OpWantedLanesStatus }

// Fields visits the parameters.
func (m *WantedLanesStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Uint8("wanted_lanes", &m.WantedLanes)
}

// TwoWayPathGet asks for the Two Way Path state of a subnet: whether paths are
// used in both directions.
//
//	| NetKeyIndex 12 | RFU 4 |
type TwoWayPathGet struct {
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x8093.
func (TwoWayPathGet) Opcode() mesh.Opcode { return OpTwoWayPathGet }

// Fields visits the parameters.
func (m *TwoWayPathGet) Fields(c *access.Codec) { c.KeyIndex("net_key_index", &m.NetKeyIndex) }

// TwoWayPathSet sets the Two Way Path state of a subnet. It is acknowledged.
//
//	| NetKeyIndex 12 | RFU 4 | TwoWayPath 1 | RFU 7 |
type TwoWayPathSet struct {
	NetKeyIndex mesh.KeyIndex
	TwoWayPath  uint8
}

// Opcode is 0x8094.
func (TwoWayPathSet) Opcode() mesh.Opcode { return OpTwoWayPathSet }

// Fields visits the parameters.
func (m *TwoWayPathSet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Bits("two_way_path", &m.TwoWayPath, 1)
	c.Reserved(7)
}

// TwoWayPathStatus reports the Two Way Path state of a subnet.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | TwoWayPath 1 | RFU 7 |
type TwoWayPathStatus struct {
	Status      foundation.Status
	NetKeyIndex mesh.KeyIndex
	TwoWayPath  uint8
}

// Opcode is 0x8095.
func (TwoWayPathStatus) Opcode() mesh.Opcode { return OpTwoWayPathStatus }

// Fields visits the parameters.
func (m *TwoWayPathStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	c.Bits("two_way_path", &m.TwoWayPath, 1)
	c.Reserved(7)
}

// PathEchoIntervalGet asks for the Path Echo Interval state of a subnet.
//
//	| NetKeyIndex 12 | RFU 4 |
type PathEchoIntervalGet struct {
	NetKeyIndex mesh.KeyIndex
}

// Opcode is 0x8096.
func (PathEchoIntervalGet) Opcode() mesh.Opcode { return OpPathEchoIntervalGet }

// Fields visits the parameters.
func (m *PathEchoIntervalGet) Fields(c *access.Codec) { c.KeyIndex("net_key_index", &m.NetKeyIndex) }

// PathEchoIntervalSet sets the Path Echo Interval state of a subnet. It is
// acknowledged.
//
//	| NetKeyIndex 12 | RFU 4 | UnicastEchoInterval 8 | MulticastEchoInterval 8 |
type PathEchoIntervalSet struct {
	NetKeyIndex mesh.KeyIndex
	PathEchoInterval
}

// Opcode is 0x8097.
func (PathEchoIntervalSet) Opcode() mesh.Opcode { return OpPathEchoIntervalSet }

// Fields visits the parameters.
func (m *PathEchoIntervalSet) Fields(c *access.Codec) {
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	m.PathEchoInterval.visit(c)
	c.Require(isEchoInterval(m.UnicastEchoInterval), "unicast_echo_interval", "0 to 99, or 255")
	c.Require(isEchoInterval(m.MulticastEchoInterval), "multicast_echo_interval", "0 to 99, or 255")
}

// PathEchoIntervalStatus reports the Path Echo Interval state of a subnet.
//
//	| Status 8 | NetKeyIndex 12 | RFU 4 | UnicastEchoInterval 8 | MulticastEchoInterval 8 |
type PathEchoIntervalStatus struct {
	Status      foundation.Status
	NetKeyIndex mesh.KeyIndex
	PathEchoInterval
}

// Opcode is 0x8098.
func (PathEchoIntervalStatus) Opcode() mesh.Opcode { return OpPathEchoIntervalStatus }

// Fields visits the parameters.
func (m *PathEchoIntervalStatus) Fields(c *access.Codec) {
	m.Status.Fields(c)
	c.KeyIndex("net_key_index", &m.NetKeyIndex)
	m.PathEchoInterval.visit(c)
}
