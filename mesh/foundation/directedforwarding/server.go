package directedforwarding

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Limits of directed forwarding that the server reports.
const (
	MaxDiscoveryTable = 8  // path discoveries at once
	MaxFixedPaths     = 20 // per subnet
	MaxDependents     = 32 // per path end

	defaultRSSIThreshold = -80 // dBm: receiver sensitivity + 10 dB
)

// Server is the Directed Forwarding Configuration Server model (section 4.4).
// It stores the configuration; the node does not discover paths.
type Server struct{ foundation.Responder }

// NewServer makes the model for the primary element of a node.
func NewServer() *Server {
	s := &Server{foundation.NewResponder(foundation.DirectedForwardingServerID)}
	s.handleControl()
	s.handlePaths()
	s.handleTransmissions()
	s.handlePolicy()
	s.handleTable()
	s.handleDependents()
	return s
}

// directed returns the configuration, to be read only.
func (s *Server) directed() state.Directed {
	if d := s.Host().State().Directed; d != nil {
		return *d
	}
	return state.DefaultDirected()
}

// stored returns the configuration, to be changed.
func (s *Server) stored() *state.Directed {
	n := s.Host().State()
	if n.Directed == nil {
		d := state.DefaultDirected()
		n.Directed = &d
	}
	return n.Directed
}

// subnet returns the configuration of a subnet, nil if the node does not know
// the subnet. It must only be read, except the table of a stored configuration,
// which may be changed.
func (s *Server) subnet(index mesh.KeyIndex) *state.DirectedSubnet {
	n := s.Host().State()
	if n.Subnet(index) == nil {
		return nil
	}
	if n.Directed != nil {
		if d := n.Directed.Find(index); d != nil {
			return d
		}
	}
	d := state.DefaultDirectedSubnet(index)
	return &d
}

// inSubnet changes the configuration of a subnet if the node knows the subnet.
func (s *Server) inSubnet(index mesh.KeyIndex, change func(d *state.DirectedSubnet)) {
	if s.Host().State().Subnet(index) != nil {
		s.Change(func(*state.Node) { change(s.stored().Subnet(index)) })
	}
}

// handleControl registers Directed Control.
func (s *Server) handleControl() {
	status := func(index mesh.KeyIndex, outcome foundation.Status) access.Message {
		m := &DirectedControlStatus{Status: outcome, NetKeyIndex: index}
		d := s.subnet(index)
		if d == nil {
			m.Status = foundation.InvalidNetKeyIndex
			return m
		}
		n := s.Host().State()
		m.DirectedForwarding = switched(d.Forwarding)
		m.DirectedRelay = switched(d.Relay)
		m.DirectedProxy = where(n.Proxy != state.Unsupported, d.Proxy)
		m.DirectedProxyUseDirectedDefault = where(n.Proxy != state.Unsupported, d.ProxyUsesDirected)
		m.DirectedFriend = where(n.Friend != state.Unsupported, d.Friend)
		return m
	}
	foundation.On(s, func(_ *access.Incoming, m *DirectedControlGet) access.Message {
		return status(m.NetKeyIndex, foundation.Success)
	})
	foundation.On(s, func(_ *access.Incoming, m *DirectedControlSet) access.Message {
		n := s.Host().State()
		if m.DirectedProxy == DirectedEnabled && n.Proxy == state.Unsupported ||
			m.DirectedFriend == DirectedEnabled && n.Friend == state.Unsupported {
			return status(m.NetKeyIndex, foundation.FeatureNotSupported)
		}
		s.inSubnet(m.NetKeyIndex, func(d *state.DirectedSubnet) {
			d.Forwarding = m.DirectedForwarding == DirectedEnabled
			// Without directed forwarding the features that depend on it are
			// off.
			d.Relay = d.Forwarding && m.DirectedRelay == DirectedEnabled
			d.Proxy = d.Forwarding && m.DirectedProxy.apply(d.Proxy)
			d.ProxyUsesDirected = d.Proxy && m.DirectedProxyUseDirectedDefault.apply(d.ProxyUsesDirected)
			d.Friend = d.Forwarding && m.DirectedFriend.apply(d.Friend)
		})
		return status(m.NetKeyIndex, foundation.Success)
	})
}

// apply returns the state after a request.
func (s DirectedSwitch) apply(before bool) bool {
	if s == DirectedUnchanged {
		return before
	}
	return s == DirectedEnabled
}

func switched(enabled bool) DirectedSwitch {
	if enabled {
		return DirectedEnabled
	}
	return DirectedDisabled
}

func where(supported, enabled bool) DirectedSwitch {
	if !supported {
		return DirectedUnsupported
	}
	return switched(enabled)
}

// handlePaths registers the path states of a subnet.
func (s *Server) handlePaths() {
	metric := func(index mesh.KeyIndex) access.Message {
		m := &PathMetricStatus{NetKeyIndex: index, Status: foundation.InvalidNetKeyIndex}
		if d := s.subnet(index); d != nil {
			m.Status, m.PathMetric = foundation.Success, PathMetric{d.MetricType, d.Lifetime}
		}
		return m
	}
	foundation.On(s, func(_ *access.Incoming, m *PathMetricGet) access.Message { return metric(m.NetKeyIndex) })
	foundation.On(s, func(_ *access.Incoming, m *PathMetricSet) access.Message {
		s.inSubnet(m.NetKeyIndex, func(d *state.DirectedSubnet) { d.MetricType, d.Lifetime = m.PathMetricType, m.PathLifetime })
		return metric(m.NetKeyIndex)
	})

	capabilities := func(index mesh.KeyIndex, outcome foundation.Status) access.Message {
		m := &DiscoveryTableCapabilitiesStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: index, MaxDiscoveryTableEntriesCount: MaxDiscoveryTable}
		if d := s.subnet(index); d != nil {
			m.Status, m.MaxConcurrentInit = outcome, d.MaxConcurrentInit
		}
		return m
	}
	foundation.On(s, func(_ *access.Incoming, m *DiscoveryTableCapabilitiesGet) access.Message {
		return capabilities(m.NetKeyIndex, foundation.Success)
	})
	foundation.On(s, func(_ *access.Incoming, m *DiscoveryTableCapabilitiesSet) access.Message {
		if m.MaxConcurrentInit > MaxDiscoveryTable {
			return capabilities(m.NetKeyIndex, foundation.CannotSet)
		}
		s.inSubnet(m.NetKeyIndex, func(d *state.DirectedSubnet) { d.MaxConcurrentInit = m.MaxConcurrentInit })
		return capabilities(m.NetKeyIndex, foundation.Success)
	})

	lanes := func(index mesh.KeyIndex) access.Message {
		m := &WantedLanesStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: index}
		if d := s.subnet(index); d != nil {
			m.Status, m.WantedLanes = foundation.Success, d.WantedLanes
		}
		return m
	}
	foundation.On(s, func(_ *access.Incoming, m *WantedLanesGet) access.Message { return lanes(m.NetKeyIndex) })
	foundation.On(s, func(_ *access.Incoming, m *WantedLanesSet) access.Message {
		s.inSubnet(m.NetKeyIndex, func(d *state.DirectedSubnet) { d.WantedLanes = m.WantedLanes })
		return lanes(m.NetKeyIndex)
	})

	twoWay := func(index mesh.KeyIndex) access.Message {
		m := &TwoWayPathStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: index}
		if d := s.subnet(index); d != nil {
			m.Status, m.TwoWayPath = foundation.Success, uint8(switched(d.TwoWay))
		}
		return m
	}
	foundation.On(s, func(_ *access.Incoming, m *TwoWayPathGet) access.Message { return twoWay(m.NetKeyIndex) })
	foundation.On(s, func(_ *access.Incoming, m *TwoWayPathSet) access.Message {
		s.inSubnet(m.NetKeyIndex, func(d *state.DirectedSubnet) { d.TwoWay = m.TwoWayPath == 1 })
		return twoWay(m.NetKeyIndex)
	})

	echo := func(index mesh.KeyIndex) access.Message {
		m := &PathEchoIntervalStatus{Status: foundation.InvalidNetKeyIndex, NetKeyIndex: index}
		if d := s.subnet(index); d != nil {
			m.Status, m.PathEchoInterval = foundation.Success, PathEchoInterval{d.UnicastEchoInterval, d.MulticastEchoInterval}
		}
		return m
	}
	foundation.On(s, func(_ *access.Incoming, m *PathEchoIntervalGet) access.Message { return echo(m.NetKeyIndex) })
	foundation.On(s, func(_ *access.Incoming, m *PathEchoIntervalSet) access.Message {
		s.inSubnet(m.NetKeyIndex, func(d *state.DirectedSubnet) {
			if m.UnicastEchoInterval != keepEchoInterval {
				d.UnicastEchoInterval = m.UnicastEchoInterval
			}
			if m.MulticastEchoInterval != keepEchoInterval {
				d.MulticastEchoInterval = m.MulticastEchoInterval
			}
		})
		return echo(m.NetKeyIndex)
	})
}

// handleTransmissions registers the transmission states of the node: how often
// and when PDUs are sent.
func (s *Server) handleTransmissions() {
	set := func(f func(d *state.Directed)) {
		s.Change(func(*state.Node) { f(s.stored()) })
	}
	network := func() access.Message { return &DirectedNetworkTransmitStatus{s.directed().NetworkTransmit} }
	foundation.On(s, func(*access.Incoming, *DirectedNetworkTransmitGet) access.Message { return network() })
	foundation.On(s, func(_ *access.Incoming, m *DirectedNetworkTransmitSet) access.Message {
		set(func(d *state.Directed) { d.NetworkTransmit = m.DirectedNetworkTransmit })
		return network()
	})
	relay := func() access.Message { return &DirectedRelayRetransmitStatus{s.directed().RelayRetransmit} }
	foundation.On(s, func(*access.Incoming, *DirectedRelayRetransmitGet) access.Message { return relay() })
	foundation.On(s, func(_ *access.Incoming, m *DirectedRelayRetransmitSet) access.Message {
		set(func(d *state.Directed) { d.RelayRetransmit = m.DirectedRelayRetransmit })
		return relay()
	})
	control := func() access.Message {
		return &DirectedControlNetworkTransmitStatus{s.directed().ControlNetworkTransmit}
	}
	foundation.On(s, func(*access.Incoming, *DirectedControlNetworkTransmitGet) access.Message { return control() })
	foundation.On(s, func(_ *access.Incoming, m *DirectedControlNetworkTransmitSet) access.Message {
		set(func(d *state.Directed) { d.ControlNetworkTransmit = m.DirectedControlNetworkTransmit })
		return control()
	})
	controlRelay := func() access.Message {
		return &DirectedControlRelayRetransmitStatus{s.directed().ControlRelayRetransmit}
	}
	foundation.On(s, func(*access.Incoming, *DirectedControlRelayRetransmitGet) access.Message { return controlRelay() })
	foundation.On(s, func(_ *access.Incoming, m *DirectedControlRelayRetransmitSet) access.Message {
		set(func(d *state.Directed) { d.ControlRelayRetransmit = m.DirectedControlRelayRetransmit })
		return controlRelay()
	})

	rssi := func() access.Message {
		return &RSSIThresholdStatus{DefaultRSSIThreshold: defaultRSSIThreshold, RSSIMargin: s.directed().RSSIMargin}
	}
	foundation.On(s, func(*access.Incoming, *RSSIThresholdGet) access.Message { return rssi() })
	foundation.On(s, func(_ *access.Incoming, m *RSSIThresholdSet) access.Message {
		set(func(d *state.Directed) { d.RSSIMargin = m.RSSIMargin })
		return rssi()
	})
	timing := func() access.Message {
		return &PathDiscoveryTimingControlStatus{PathDiscoveryTiming(s.directed().Timing)}
	}
	foundation.On(s, func(*access.Incoming, *PathDiscoveryTimingControlGet) access.Message { return timing() })
	foundation.On(s, func(_ *access.Incoming, m *PathDiscoveryTimingControlSet) access.Message {
		set(func(d *state.Directed) { d.Timing = state.PathDiscoveryTiming(m.PathDiscoveryTiming) })
		return timing()
	})
	foundation.On(s, func(*access.Incoming, *DirectedPathsGet) access.Message {
		return &DirectedPathsStatus{MaxFixedPaths, MaxFixedPaths, MaxFixedPaths, MaxFixedPaths}
	})
}

// handlePolicy registers Directed Publish Policy.
func (s *Server) handlePolicy() {
	find := func(element mesh.Address, id mesh.ModelID) (*state.Model, foundation.Status) {
		e := s.Host().State().Element(element)
		if e == nil {
			return nil, foundation.InvalidAddress
		}
		if m := e.Model(id); m != nil {
			return m, foundation.Success
		}
		return nil, foundation.InvalidModel
	}
	foundation.On(s, func(_ *access.Incoming, m *DirectedPublishPolicyGet) access.Message {
		status := &DirectedPublishPolicyStatus{ElementAddress: m.ElementAddress, ModelIdentifier: m.ModelIdentifier}
		model, outcome := find(m.ElementAddress, m.ModelIdentifier)
		if status.Status = outcome; model != nil {
			status.DirectedPublishPolicy = model.Directed
		}
		return status
	})
	foundation.On(s, func(_ *access.Incoming, m *DirectedPublishPolicySet) access.Message {
		model, outcome := find(m.ElementAddress, m.ModelIdentifier)
		if model != nil {
			s.Change(func(*state.Node) { model.Directed = m.DirectedPublishPolicy })
		}
		return &DirectedPublishPolicyStatus{
			Status: outcome, DirectedPublishPolicy: m.DirectedPublishPolicy, ElementAddress: m.ElementAddress, ModelIdentifier: m.ModelIdentifier,
		}
	})
}
