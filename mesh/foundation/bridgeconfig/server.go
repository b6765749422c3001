package bridgeconfig

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// MaxBridgingTable is the capacity of the bridging table in entries: at least
// 16 (section 4.2, Bridging Table Size).
const MaxBridgingTable = 64

// Server is the Bridge Configuration Server model (section 4.4). It holds the
// Subnet Bridge state and the bridging table.
type Server struct{ foundation.Responder }

// NewServer makes the model for the primary element of a node.
func NewServer() *Server {
	s := &Server{foundation.NewResponder(foundation.BridgeConfigurationServerID)}
	status := func() access.Message { return &SubnetBridgeStatus{SubnetBridge: s.Host().State().Bridge.Enabled} }
	foundation.On(s, func(*access.Incoming, *SubnetBridgeGet) access.Message { return status() })
	foundation.On(s, func(_ *access.Incoming, m *SubnetBridgeSet) access.Message {
		s.Change(func(n *state.Node) { n.Bridge.Enabled = m.SubnetBridge })
		return status()
	})
	foundation.On(s, func(_ *access.Incoming, m *BridgingTableAdd) access.Message {
		return &BridgingTableStatus{
			Status: s.add(m), Directions: m.Directions, BridgedSubnets: m.BridgedSubnets, Address1: m.Address1, Address2: m.Address2,
		}
	})
	foundation.On(s, func(_ *access.Incoming, m *BridgingTableRemove) access.Message {
		return &BridgingTableStatus{
			Status: s.remove(m), BridgedSubnets: m.BridgedSubnets, Address1: m.Address1, Address2: m.Address2,
		}
	})
	foundation.On(s, func(_ *access.Incoming, m *BridgedSubnetsGet) access.Message { return s.subnets(m) })
	foundation.On(s, func(_ *access.Incoming, m *BridgingTableGet) access.Message { return s.table(m) })
	foundation.On(s, func(*access.Incoming, *BridgingTableSizeGet) access.Message {
		return &BridgingTableSizeStatus{BridgingTableSize: MaxBridgingTable}
	})
	return s
}

// known reports whether the node knows both subnets.
func (s *Server) known(b BridgedSubnets) bool {
	n := s.Host().State()
	return n.Subnet(b.NetKeyIndex1) != nil && n.Subnet(b.NetKeyIndex2) != nil
}

func (s *Server) add(m *BridgingTableAdd) foundation.Status {
	if !s.known(m.BridgedSubnets) {
		return foundation.InvalidNetKeyIndex
	}
	b := &s.Host().State().Bridge
	i := b.Find(m.NetKeyIndex1, m.NetKeyIndex2, m.Address1, m.Address2)
	if i < 0 && len(b.Table) >= MaxBridgingTable {
		return foundation.InsufficientResources
	}
	entry := state.BridgeEntry{
		NetKey1: m.NetKeyIndex1, NetKey2: m.NetKeyIndex2, Address1: m.Address1, Address2: m.Address2, BothWays: m.Directions == BothWay,
	}
	s.Change(func(*state.Node) {
		if i < 0 {
			b.Table = append(b.Table, entry)
		} else {
			b.Table[i] = entry
		}
	})
	return foundation.Success
}

func (s *Server) remove(m *BridgingTableRemove) foundation.Status {
	if !s.known(m.BridgedSubnets) {
		return foundation.InvalidNetKeyIndex
	}
	s.Change(func(n *state.Node) {
		n.Bridge.Table = slices.DeleteFunc(n.Bridge.Table, func(e state.BridgeEntry) bool {
			return e.NetKey1 == m.NetKeyIndex1 && e.NetKey2 == m.NetKeyIndex2 &&
				(m.Address1 == mesh.Unassigned || m.Address1 == e.Address1) &&
				(m.Address2 == mesh.Unassigned || m.Address2 == e.Address2)
		})
	})
	return foundation.Success
}

// subnets lists the pairs that match the filter, each once.
func (s *Server) subnets(m *BridgedSubnetsGet) access.Message {
	const pair = 3 // octets
	const most = (access.MaxPayload - 5) / pair
	list := &BridgedSubnetsList{Filter: m.Filter, NetKeyIndex: m.NetKeyIndex, StartIndex: m.StartIndex}
	var pairs []BridgedSubnets
	for _, e := range s.Host().State().Bridge.Table {
		p := BridgedSubnets{e.NetKey1, e.NetKey2}
		first, second := p.NetKeyIndex1 == m.NetKeyIndex, p.NetKeyIndex2 == m.NetKeyIndex
		switch m.Filter {
		case FilterFirst:
			second = false
		case FilterSecond:
			first = false
		case FilterAll:
			first = true
		}
		if (first || second) && !slices.Contains(pairs, p) {
			pairs = append(pairs, p)
		}
	}
	if from := int(m.StartIndex); from < len(pairs) {
		list.BridgedSubnets = pairs[from:min(len(pairs), from+most)]
	}
	return list
}

func (s *Server) table(m *BridgingTableGet) access.Message {
	const entry = 5 // octets
	const most = (access.MaxPayload - 8) / entry
	list := &BridgingTableList{BridgedSubnets: m.BridgedSubnets, StartIndex: m.StartIndex}
	if !s.known(m.BridgedSubnets) {
		list.Status = foundation.InvalidNetKeyIndex
		return list
	}
	left := int(m.StartIndex)
	for _, e := range s.Host().State().Bridge.Table {
		if e.NetKey1 != m.NetKeyIndex1 || e.NetKey2 != m.NetKeyIndex2 {
			continue
		}
		if left--; left >= 0 {
			continue
		}
		if len(list.BridgedAddresses) == most {
			break
		}
		directions := OneWay
		if e.BothWays {
			directions = BothWay
		}
		list.BridgedAddresses = append(list.BridgedAddresses, BridgedAddresses{e.Address1, e.Address2, directions})
	}
	return list
}
