package private

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Advertiser is a Host that can advertise with Private Node Identity. On any
// other Host the answer is that the feature is not supported.
type Advertiser interface {
	PrivateNodeIdentity(subnet mesh.KeyIndex) state.Feature
	SetPrivateNodeIdentity(subnet mesh.KeyIndex, running bool)
}

// BeaconServer is the Mesh Private Beacon Server model (section 4.4).
type BeaconServer struct{ foundation.Responder }

// NewBeaconServer makes the model for the primary element of a node.
func NewBeaconServer() *BeaconServer {
	s := &BeaconServer{foundation.NewResponder(foundation.PrivateBeaconServerID)}
	beacon := func() access.Message {
		b := s.Host().State().PrivateBeacon
		return &BeaconStatus{PrivateBeacon: b.Enabled, RandomUpdateIntervalSteps: b.Steps}
	}
	foundation.On(s, func(*access.Incoming, *BeaconGet) access.Message { return beacon() })
	foundation.On(s, func(_ *access.Incoming, m *BeaconSet) access.Message {
		s.Change(func(n *state.Node) {
			n.PrivateBeacon.Enabled = m.PrivateBeacon
			if m.HasRandomUpdateInterval {
				n.PrivateBeacon.Steps = m.RandomUpdateIntervalSteps
			}
		})
		return beacon()
	})
	foundation.On(s, func(*access.Incoming, *GATTProxyGet) access.Message { return s.proxy() })
	foundation.On(s, func(_ *access.Incoming, m *GATTProxySet) access.Message {
		if s.Host().State().Proxy != state.Unsupported {
			s.Change(func(n *state.Node) { n.PrivateProxy = m.PrivateGATTProxy })
		}
		return s.proxy()
	})
	foundation.On(s, func(_ *access.Incoming, m *NodeIdentityGet) access.Message {
		return s.identity(m.NetKeyIndex, foundation.Success)
	})
	foundation.On(s, func(_ *access.Incoming, m *NodeIdentitySet) access.Message {
		status := s.identity(m.NetKeyIndex, foundation.Success)
		switch {
		case status.Status != foundation.Success:
		case status.PrivateNodeIdentity != state.Unsupported:
			s.Host().(Advertiser).SetPrivateNodeIdentity(m.NetKeyIndex, m.PrivateNodeIdentity == state.Enabled)
			status = s.identity(m.NetKeyIndex, foundation.Success)
		case m.PrivateNodeIdentity == state.Enabled:
			status.Status = foundation.FeatureNotSupported
		}
		return status
	})
	return s
}

func (s *BeaconServer) proxy() access.Message {
	n := s.Host().State()
	if n.Proxy == state.Unsupported {
		return &GATTProxyStatus{PrivateGATTProxy: state.Unsupported}
	}
	return &GATTProxyStatus{PrivateGATTProxy: n.PrivateProxy}
}

func (s *BeaconServer) identity(index mesh.KeyIndex, status foundation.Status) *NodeIdentityStatus {
	m := &NodeIdentityStatus{Status: status, NetKeyIndex: index, PrivateNodeIdentity: state.Unsupported}
	advertiser, ok := s.Host().(Advertiser)
	switch {
	case s.Host().State().Subnet(index) == nil:
		m.Status = foundation.InvalidNetKeyIndex
	case ok:
		m.PrivateNodeIdentity = advertiser.PrivateNodeIdentity(index)
	}
	return m
}

// OnDemandProxyServer is the On-Demand Private Proxy Server model (section
// 4.4).
type OnDemandProxyServer struct{ foundation.Responder }

// NewOnDemandProxyServer makes the model for the primary element of a node.
func NewOnDemandProxyServer() *OnDemandProxyServer {
	s := &OnDemandProxyServer{foundation.NewResponder(foundation.OnDemandPrivateProxyServerID)}
	status := func() access.Message { return &OnDemandPrivateProxyStatus{Duration: s.Host().State().OnDemandProxy} }
	foundation.On(s, func(*access.Incoming, *OnDemandPrivateProxyGet) access.Message { return status() })
	foundation.On(s, func(_ *access.Incoming, m *OnDemandPrivateProxySet) access.Message {
		if s.Host().State().Proxy != state.Unsupported {
			s.Change(func(n *state.Node) { n.OnDemandProxy = m.Duration })
		}
		return status()
	})
	return s
}

// Solicited is a Host with a solicitation replay protection list.
// ClearSolicitations deletes the entries of count sources, starting at first.
type Solicited interface {
	ClearSolicitations(first mesh.Address, count int)
}

// SolicitationServer is the Solicitation PDU RPL Configuration Server model
// (section 4.4). On a Host that is not Solicited it has nothing to clear.
type SolicitationServer struct{ foundation.Responder }

// NewSolicitationServer makes the model for the primary element of a node.
func NewSolicitationServer() *SolicitationServer {
	s := &SolicitationServer{foundation.NewResponder(foundation.SolicitationPDURPLServerID)}
	forget := func(r foundation.AddressRange) {
		if h, ok := s.Host().(Solicited); ok {
			h.ClearSolicitations(r.RangeStart, int(r.RangeLength))
		}
	}
	foundation.On(s, func(_ *access.Incoming, m *SolicitationPDURPLItemsClear) access.Message {
		forget(m.AddressRange)
		return &SolicitationPDURPLItemsStatus{AddressRange: m.AddressRange}
	})
	foundation.On(s, func(_ *access.Incoming, m *SolicitationPDURPLItemsClearUnacknowledged) access.Message {
		forget(m.AddressRange)
		return nil
	})
	return s
}
