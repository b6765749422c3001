package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// handleNode registers the messages about states of the whole node (sections
// 4.3.2.1 to 4.3.2.14 and 4.3.2.53 to 4.3.2.60).
func (s *ConfigServer) handleNode() {
	on(s, func(_ *access.Incoming, m *ConfigCompositionDataGet) access.Message {
		const header = 2 // octets of opcode and page number
		number, data := s.Page(m.Page)
		// What does not fit comes by the Large Composition Data Server.
		return &ConfigCompositionDataStatus{Page: number, Data: data[:min(len(data), access.MaxPayload-header)]}
	})

	beacon := func() access.Message { return &ConfigBeaconStatus{Beacon: s.Host().State().Beacon} }
	on(s, func(*access.Incoming, *ConfigBeaconGet) access.Message { return beacon() })
	on(s, func(_ *access.Incoming, m *ConfigBeaconSet) access.Message {
		s.Change(func(n *state.Node) { n.Beacon = m.Beacon })
		return beacon()
	})

	ttl := func() access.Message { return &ConfigDefaultTTLStatus{TTL: s.Host().State().DefaultTTL} }
	on(s, func(*access.Incoming, *ConfigDefaultTTLGet) access.Message { return ttl() })
	on(s, func(_ *access.Incoming, m *ConfigDefaultTTLSet) access.Message {
		s.Change(func(n *state.Node) { n.DefaultTTL = m.TTL })
		return ttl()
	})

	transmit := func() access.Message {
		return &ConfigNetworkTransmitStatus{NetworkTransmit: s.Host().State().NetworkTransmit}
	}
	on(s, func(*access.Incoming, *ConfigNetworkTransmitGet) access.Message { return transmit() })
	on(s, func(_ *access.Incoming, m *ConfigNetworkTransmitSet) access.Message {
		s.Change(func(n *state.Node) { n.NetworkTransmit = m.NetworkTransmit })
		return transmit()
	})

	s.handleFeatures()
	s.handleIdentity()

	on(s, func(_ *access.Incoming, m *ConfigLowPowerNodePollTimeoutGet) access.Message {
		return s.pollTimeout(m.LPNAddress)
	})
	on(s, func(*access.Incoming, *ConfigNodeReset) access.Message { return &ConfigNodeResetStatus{} })
}

// handleFeatures registers Relay, GATT Proxy and Friend. A feature that the
// node does not have stays so.
func (s *ConfigServer) handleFeatures() {
	set := func(f *state.Feature, v state.Feature) {
		if *f != state.Unsupported {
			*f = v
		}
	}

	relay := func() access.Message {
		n := s.Host().State()
		if n.Relay == state.Unsupported {
			return &ConfigRelayStatus{Relay: n.Relay}
		}
		return &ConfigRelayStatus{Relay: n.Relay, RelayRetransmit: n.RelayRetransmit}
	}
	on(s, func(*access.Incoming, *ConfigRelayGet) access.Message { return relay() })
	on(s, func(_ *access.Incoming, m *ConfigRelaySet) access.Message {
		s.Change(func(n *state.Node) {
			if n.Relay != state.Unsupported {
				n.Relay, n.RelayRetransmit = m.Relay, m.RelayRetransmit
			}
		})
		return relay()
	})

	proxy := func() access.Message { return &ConfigGATTProxyStatus{GATTProxy: s.Host().State().Proxy} }
	on(s, func(*access.Incoming, *ConfigGATTProxyGet) access.Message { return proxy() })
	on(s, func(_ *access.Incoming, m *ConfigGATTProxySet) access.Message {
		s.Change(func(n *state.Node) { set(&n.Proxy, m.GATTProxy) })
		return proxy()
	})

	friend := func() access.Message { return &ConfigFriendStatus{Friend: s.Host().State().Friend} }
	on(s, func(*access.Incoming, *ConfigFriendGet) access.Message { return friend() })
	on(s, func(_ *access.Incoming, m *ConfigFriendSet) access.Message {
		s.Change(func(n *state.Node) { set(&n.Friend, m.Friend) })
		return friend()
	})
}

// Identifier is a Host that can advertise who it is (Node Identity state,
// section 4.2.13), as a proxy does.
type Identifier interface {
	// NodeIdentity is the state of a subnet.
	NodeIdentity(index mesh.KeyIndex) state.Feature
	// SetNodeIdentity begins to advertise it, or ends it.
	SetNodeIdentity(index mesh.KeyIndex, on bool)
}

// handleIdentity registers Node Identity, which only a node has that can be a
// proxy.
func (s *ConfigServer) handleIdentity() {
	identity := func(index mesh.KeyIndex) *ConfigNodeIdentityStatus {
		status := &ConfigNodeIdentityStatus{NetKeyIndex: index, Identity: state.Unsupported}
		if s.Host().State().Subnet(index) == nil {
			return &ConfigNodeIdentityStatus{Status: InvalidNetKeyIndex, NetKeyIndex: index}
		}
		if host, ok := s.Host().(Identifier); ok {
			status.Identity = host.NodeIdentity(index)
		}
		return status
	}
	on(s, func(_ *access.Incoming, m *ConfigNodeIdentityGet) access.Message { return identity(m.NetKeyIndex) })
	on(s, func(_ *access.Incoming, m *ConfigNodeIdentitySet) access.Message {
		status := identity(m.NetKeyIndex)
		switch {
		case status.Status != Success:
		case status.Identity != state.Unsupported:
			s.Host().(Identifier).SetNodeIdentity(m.NetKeyIndex, m.Identity == state.Enabled)
			status = identity(m.NetKeyIndex)
		case m.Identity == state.Enabled:
			status.Status = FeatureNotSupported
		}
		return status
	})
}
