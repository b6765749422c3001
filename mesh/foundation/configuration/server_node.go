package configuration

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// handleNode registers the messages about states of the whole node (sections
// 4.3.2.1 to 4.3.2.14 and 4.3.2.53 to 4.3.2.60).
func (s *Server) handleNode() {
	foundation.On(s, func(_ *access.Incoming, m *CompositionDataGet) access.Message {
		const header = 2 // octets of opcode and page number
		number, data := s.Page(m.Page)
		// The Large Composition Data Server sends what does not fit here.
		return &CompositionDataStatus{Page: number, Data: data[:min(len(data), access.MaxPayload-header)]}
	})

	beacon := func() access.Message { return &BeaconStatus{Beacon: s.Host().State().Beacon} }
	foundation.On(s, func(*access.Incoming, *BeaconGet) access.Message { return beacon() })
	foundation.On(s, func(_ *access.Incoming, m *BeaconSet) access.Message {
		s.Change(func(n *state.Node) { n.Beacon = m.Beacon })
		return beacon()
	})

	ttl := func() access.Message { return &DefaultTTLStatus{TTL: s.Host().State().DefaultTTL} }
	foundation.On(s, func(*access.Incoming, *DefaultTTLGet) access.Message { return ttl() })
	foundation.On(s, func(_ *access.Incoming, m *DefaultTTLSet) access.Message {
		s.Change(func(n *state.Node) { n.DefaultTTL = m.TTL })
		return ttl()
	})

	transmit := func() access.Message {
		return &NetworkTransmitStatus{NetworkTransmit: s.Host().State().NetworkTransmit}
	}
	foundation.On(s, func(*access.Incoming, *NetworkTransmitGet) access.Message { return transmit() })
	foundation.On(s, func(_ *access.Incoming, m *NetworkTransmitSet) access.Message {
		s.Change(func(n *state.Node) { n.NetworkTransmit = m.NetworkTransmit })
		return transmit()
	})

	s.handleFeatures()
	s.handleIdentity()

	foundation.On(s, func(_ *access.Incoming, m *LowPowerNodePollTimeoutGet) access.Message {
		return s.pollTimeout(m.LPNAddress)
	})
	foundation.On(s, func(*access.Incoming, *NodeReset) access.Message { return &NodeResetStatus{} })
}

// handleFeatures registers Relay, GATT Proxy and Friend. A feature that the
// node does not support stays unsupported.
func (s *Server) handleFeatures() {
	set := func(f *state.Feature, v state.Feature) {
		if *f != state.Unsupported {
			*f = v
		}
	}

	relay := func() access.Message {
		n := s.Host().State()
		if n.Relay == state.Unsupported {
			return &RelayStatus{Relay: n.Relay}
		}
		return &RelayStatus{Relay: n.Relay, RelayRetransmit: n.RelayRetransmit}
	}
	foundation.On(s, func(*access.Incoming, *RelayGet) access.Message { return relay() })
	foundation.On(s, func(_ *access.Incoming, m *RelaySet) access.Message {
		s.Change(func(n *state.Node) {
			if n.Relay != state.Unsupported {
				n.Relay, n.RelayRetransmit = m.Relay, m.RelayRetransmit
			}
		})
		return relay()
	})

	proxy := func() access.Message { return &GATTProxyStatus{GATTProxy: s.Host().State().Proxy} }
	foundation.On(s, func(*access.Incoming, *GATTProxyGet) access.Message { return proxy() })
	foundation.On(s, func(_ *access.Incoming, m *GATTProxySet) access.Message {
		s.Change(func(n *state.Node) { set(&n.Proxy, m.GATTProxy) })
		return proxy()
	})

	friend := func() access.Message { return &FriendStatus{Friend: s.Host().State().Friend} }
	foundation.On(s, func(*access.Incoming, *FriendGet) access.Message { return friend() })
	foundation.On(s, func(_ *access.Incoming, m *FriendSet) access.Message {
		s.Change(func(n *state.Node) { set(&n.Friend, m.Friend) })
		return friend()
	})
}

// NodeIdentityHost is a Host that can advertise with Node Identity (section
// 4.2.13), as a proxy can.
type NodeIdentityHost interface {
	// NodeIdentity returns the state of a subnet.
	NodeIdentity(index mesh.KeyIndex) state.Feature
	// SetNodeIdentity begins or ends advertising with Node Identity.
	SetNodeIdentity(index mesh.KeyIndex, on bool)
}

// handleIdentity registers Node Identity, which only a node with the Proxy
// feature supports.
func (s *Server) handleIdentity() {
	identity := func(index mesh.KeyIndex) *NodeIdentityStatus {
		status := &NodeIdentityStatus{NetKeyIndex: index, Identity: state.Unsupported}
		if s.Host().State().Subnet(index) == nil {
			return &NodeIdentityStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: index}
		}
		if host, ok := s.Host().(NodeIdentityHost); ok {
			status.Identity = host.NodeIdentity(index)
		}
		return status
	}
	foundation.On(s, func(_ *access.Incoming, m *NodeIdentityGet) access.Message { return identity(m.NetKeyIndex) })
	foundation.On(s, func(_ *access.Incoming, m *NodeIdentitySet) access.Message {
		status := identity(m.NetKeyIndex)
		switch {
		case status.Status != foundation.Success:
		case status.Identity != state.Unsupported:
			s.Host().(NodeIdentityHost).SetNodeIdentity(m.NetKeyIndex, m.Identity == state.Enabled)
			status = identity(m.NetKeyIndex)
		case m.Identity == state.Enabled:
			status.Status = foundation.FeatureNotSupported
		}
		return status
	})
}
