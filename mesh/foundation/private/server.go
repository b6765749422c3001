package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// PrivateAdvertiser is a Host that can advertise with its private identity
// (Private Node Identity state). A Host that is none answers that the feature
// is not supported.
type PrivateAdvertiser interface {
	PrivateNodeIdentity(subnet mesh.KeyIndex) state.Feature
	SetPrivateNodeIdentity(subnet mesh.KeyIndex, running bool)
}

// PrivateBeaconServer is the Mesh Private Beacon Server model (section 4.4).
type PrivateBeaconServer struct{ responder }

// NewPrivateBeaconServer makes the model for the primary element of a node.
func NewPrivateBeaconServer() *PrivateBeaconServer {
	s := &PrivateBeaconServer{newResponder(PrivateBeaconServerID)}
	beacon := func() access.Message {
		b := s.Host().State().PrivateBeacon
		return &PrivateBeaconStatus{PrivateBeacon: b.Enabled, RandomUpdateIntervalSteps: b.Steps}
	}
	on(s, func(*access.Incoming, *PrivateBeaconGet) access.Message { return beacon() })
	on(s, func(_ *access.Incoming, m *PrivateBeaconSet) access.Message {
		s.Change(func(n *state.Node) {
			n.PrivateBeacon.Enabled = m.PrivateBeacon
			if m.HasRandomUpdateInterval {
				n.PrivateBeacon.Steps = m.RandomUpdateIntervalSteps
			}
		})
		return beacon()
	})
	on(s, func(*access.Incoming, *PrivateGATTProxyGet) access.Message { return s.proxy() })
	on(s, func(_ *access.Incoming, m *PrivateGATTProxySet) access.Message {
		if s.Host().State().Proxy != state.Unsupported {
			s.Change(func(n *state.Node) { n.PrivateProxy = m.PrivateGATTProxy })
		}
		return s.proxy()
	})
	on(s, func(_ *access.Incoming, m *PrivateNodeIdentityGet) access.Message {
		return s.identity(m.NetKeyIndex, Success)
	})
	on(s, func(_ *access.Incoming, m *PrivateNodeIdentitySet) access.Message {
		status := s.identity(m.NetKeyIndex, Success)
		switch {
		case status.Status != Success:
		case status.PrivateNodeIdentity != state.Unsupported:
			s.Host().(PrivateAdvertiser).SetPrivateNodeIdentity(m.NetKeyIndex, m.PrivateNodeIdentity == state.Enabled)
			status = s.identity(m.NetKeyIndex, Success)
		case m.PrivateNodeIdentity == state.Enabled:
			status.Status = FeatureNotSupported
		}
		return status
	})
	return s
}

func (s *PrivateBeaconServer) proxy() access.Message {
	n := s.Host().State()
	if n.Proxy == state.Unsupported {
		return &PrivateGATTProxyStatus{PrivateGATTProxy: state.Unsupported}
	}
	return &PrivateGATTProxyStatus{PrivateGATTProxy: n.PrivateProxy}
}

func (s *PrivateBeaconServer) identity(index mesh.KeyIndex, status Status) *PrivateNodeIdentityStatus {
	m := &PrivateNodeIdentityStatus{Status: status, NetKeyIndex: index, PrivateNodeIdentity: state.Unsupported}
	advertiser, ok := s.Host().(PrivateAdvertiser)
	switch {
	case s.Host().State().Subnet(index) == nil:
		m.Status = InvalidNetKeyIndex
	case ok:
		m.PrivateNodeIdentity = advertiser.PrivateNodeIdentity(index)
	}
	return m
}

// OnDemandProxyServer is the On-Demand Private Proxy Server model (section
// 4.4).
type OnDemandProxyServer struct{ responder }

// NewOnDemandProxyServer makes the model for the primary element of a node.
func NewOnDemandProxyServer() *OnDemandProxyServer {
	s := &OnDemandProxyServer{newResponder(OnDemandPrivateProxyServerID)}
	status := func() access.Message { return &OnDemandPrivateProxyStatus{Duration: s.Host().State().OnDemandProxy} }
	on(s, func(*access.Incoming, *OnDemandPrivateProxyGet) access.Message { return status() })
	on(s, func(_ *access.Incoming, m *OnDemandPrivateProxySet) access.Message {
		if s.Host().State().Proxy != state.Unsupported {
			s.Change(func(n *state.Node) { n.OnDemandProxy = m.Duration })
		}
		return status()
	})
	return s
}

// Solicited is a Host that keeps whose solicitations it has seen (the replay
// protection list of Solicitation PDUs), and forgets those of count sources
// from first on.
type Solicited interface {
	ClearSolicitations(first mesh.Address, count int)
}

// SolicitationServer is the Solicitation PDU RPL Configuration Server model
// (section 4.4). A Host that is not Solicited has nothing to forget.
type SolicitationServer struct{ responder }

// NewSolicitationServer makes the model for the primary element of a node.
func NewSolicitationServer() *SolicitationServer {
	s := &SolicitationServer{newResponder(SolicitationPDURPLServerID)}
	forget := func(r AddressRange) {
		if h, ok := s.Host().(Solicited); ok {
			h.ClearSolicitations(r.RangeStart, int(r.RangeLength))
		}
	}
	on(s, func(_ *access.Incoming, m *SolicitationPDURPLItemsClear) access.Message {
		forget(m.AddressRange)
		return &SolicitationPDURPLItemsStatus{AddressRange: m.AddressRange}
	})
	on(s, func(_ *access.Incoming, m *SolicitationPDURPLItemsClearUnacknowledged) access.Message {
		forget(m.AddressRange)
		return nil
	})
	return s
}
