package state

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Directed is the configuration of a node for directed forwarding (section
// 4.2).
type Directed struct {
	NetworkTransmit        Retransmit
	RelayRetransmit        Retransmit
	ControlNetworkTransmit Retransmit
	ControlRelayRetransmit Retransmit
	RSSIMargin             uint8 // dB, 0 to 50
	Timing                 PathDiscoveryTiming
	Subnets                []DirectedSubnet
}

// PathDiscoveryTiming holds the times of path discovery.
type PathDiscoveryTiming struct {
	PathMonitoringInterval     uint16 // in seconds
	PathDiscoveryRetryInterval uint16 // in seconds
	PathDiscoveryInterval      uint8  // 0: 5 s, 1: 30 s
	LaneDiscoveryGuardInterval uint8  // 0: 2 s, 1: 10 s
}

// DirectedSubnet is the configuration of a node for directed forwarding in one
// subnet.
type DirectedSubnet struct {
	NetKey                mesh.KeyIndex
	Forwarding            bool
	Relay                 bool
	Proxy                 bool
	ProxyUsesDirected     bool
	Friend                bool
	MetricType            uint8
	Lifetime              uint8
	MaxConcurrentInit     uint8
	WantedLanes           uint8
	TwoWay                bool
	UnicastEchoInterval   uint8 // percent of the lifetime
	MulticastEchoInterval uint8
	UpdateIdentifier      uint16 // changes with Paths
	Paths                 []FixedPath
}

// AddressRange is a range of unicast addresses.
type AddressRange struct {
	RangeStart  mesh.Address
	RangeLength uint8
}

// FixedPath is an entry of a forwarding table that a Configuration Client
// created.
type FixedPath struct {
	Origin             AddressRange
	Target             AddressRange // if RangeLength is 0, RangeStart is a group or virtual address
	BackwardValidated  bool
	BearerTowardOrigin uint16
	BearerTowardTarget uint16
	DependentOrigins   []AddressRange
	DependentTargets   []AddressRange
}

// Limits and defaults of directed forwarding (section 4.2).
const (
	minConcurrentInit = 2
	defaultLifetime   = 2 // 24 hours
)

// DefaultDirected is the default configuration.
func DefaultDirected() Directed {
	transmit := Retransmit{Count: 1, Steps: 9}
	return Directed{
		NetworkTransmit: transmit, RelayRetransmit: transmit, ControlNetworkTransmit: transmit, ControlRelayRetransmit: transmit,
		Timing: PathDiscoveryTiming{PathMonitoringInterval: 120, PathDiscoveryRetryInterval: 300, PathDiscoveryInterval: 1},
	}
}

// Find returns the configuration of a subnet, nil if there is none.
func (d *Directed) Find(index mesh.KeyIndex) *DirectedSubnet {
	i := slices.IndexFunc(d.Subnets, func(s DirectedSubnet) bool { return s.NetKey == index })
	if i < 0 {
		return nil
	}
	return &d.Subnets[i]
}

// Subnet is Find that creates a missing configuration. The pointer is valid
// until the next call.
func (d *Directed) Subnet(index mesh.KeyIndex) *DirectedSubnet {
	if s := d.Find(index); s != nil {
		return s
	}
	d.Subnets = append(d.Subnets, DefaultDirectedSubnet(index))
	return &d.Subnets[len(d.Subnets)-1]
}

// DefaultDirectedSubnet is the default configuration of a subnet.
func DefaultDirectedSubnet(index mesh.KeyIndex) DirectedSubnet {
	return DirectedSubnet{
		NetKey: index, Lifetime: defaultLifetime, MaxConcurrentInit: minConcurrentInit, WantedLanes: 1, TwoWay: true,
	}
}

func (d *Directed) dropSubnet(index mesh.KeyIndex) {
	d.Subnets = slices.DeleteFunc(d.Subnets, func(s DirectedSubnet) bool { return s.NetKey == index })
}

// DropSubnet removes the configuration of a subnet that the node has left.
func (n *Node) DropSubnet(index mesh.KeyIndex) {
	n.Bridge.dropSubnet(index)
	if n.Directed != nil {
		n.Directed.dropSubnet(index)
	}
}
