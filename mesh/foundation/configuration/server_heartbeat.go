package configuration

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/heartbeat"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// HeartbeatHost is a Host that sends and counts heartbeats. On any other Host
// both can only be switched off.
type HeartbeatHost interface {
	// PublishHeartbeats stores the state and begins to send heartbeats.
	PublishHeartbeats(p state.HeartbeatPublication)
	// HeartbeatsLeft returns the number of heartbeats left to send, as a
	// logarithm.
	HeartbeatsLeft() uint8
	// SubscribeHeartbeats begins to count heartbeats.
	SubscribeHeartbeats(source, destination mesh.Address, periodLog uint8)
	// HeartbeatsCounted returns the count so far.
	HeartbeatsCounted() heartbeat.Status
}

// handleHeartbeats registers the messages about heartbeats (sections 4.3.2.61
// to 4.3.2.66).
func (s *Server) handleHeartbeats() {
	foundation.On(s, func(*access.Incoming, *HeartbeatPublicationGet) access.Message { return s.heartbeatPublication() })
	foundation.On(s, func(_ *access.Incoming, m *HeartbeatPublicationSet) access.Message {
		if status := s.publishHeartbeats(m); status != foundation.Success {
			return &HeartbeatPublicationStatus{
				Status: status, Destination: m.Destination, CountLog: m.CountLog, PeriodLog: m.PeriodLog,
				TTL: m.TTL, Features: m.Features, NetKeyIndex: m.NetKeyIndex,
			}
		}
		return s.heartbeatPublication()
	})
	foundation.On(s, func(*access.Incoming, *HeartbeatSubscriptionGet) access.Message {
		return s.heartbeatSubscription()
	})
	foundation.On(s, func(_ *access.Incoming, m *HeartbeatSubscriptionSet) access.Message {
		if status := s.subscribeHeartbeats(m); status != foundation.Success {
			return &HeartbeatSubscriptionStatus{
				Status: status, Source: m.Source, Destination: m.Destination, PeriodLog: m.PeriodLog,
			}
		}
		return s.heartbeatSubscription()
	})
}

func (s *Server) publishHeartbeats(m *HeartbeatPublicationSet) foundation.Status {
	const known = FeatureRelay | FeatureProxy | FeatureFriend | FeatureLowPower
	host, ok := s.Host().(HeartbeatHost)
	switch {
	case m.Destination == mesh.Unassigned:
		if ok {
			host.PublishHeartbeats(state.HeartbeatPublication{})
		}
		return foundation.Success
	case m.Destination.IsVirtual():
		return foundation.InvalidAddress
	case s.Host().State().Subnet(m.NetKeyIndex) == nil:
		return foundation.InvalidNetKeyIndex
	case !ok:
		return foundation.CannotSet
	}
	host.PublishHeartbeats(state.HeartbeatPublication{
		Destination: m.Destination, CountLog: m.CountLog, PeriodLog: m.PeriodLog,
		TTL: m.TTL, Features: uint16(m.Features & known), NetKey: m.NetKeyIndex,
	})
	return foundation.Success
}

func (s *Server) heartbeatPublication() *HeartbeatPublicationStatus {
	host, ok := s.Host().(HeartbeatHost)
	if !ok {
		return &HeartbeatPublicationStatus{}
	}
	p := s.Host().State().HeartbeatPublication
	return &HeartbeatPublicationStatus{
		Destination: p.Destination, CountLog: host.HeartbeatsLeft(), PeriodLog: p.PeriodLog,
		TTL: p.TTL, Features: Features(p.Features), NetKeyIndex: p.NetKey,
	}
}

func (s *Server) subscribeHeartbeats(m *HeartbeatSubscriptionSet) foundation.Status {
	host, ok := s.Host().(HeartbeatHost)
	source := m.Source == mesh.Unassigned || m.Source.IsUnicast()
	destination := m.Destination == mesh.Unassigned || m.Destination.IsGroup() || m.Destination == s.Host().State().Address
	off := m.Source == mesh.Unassigned || m.Destination == mesh.Unassigned || m.PeriodLog == 0
	switch {
	case !source || !destination:
		return foundation.InvalidAddress
	case ok:
		host.SubscribeHeartbeats(m.Source, m.Destination, m.PeriodLog)
	case !off:
		return foundation.CannotSet
	}
	return foundation.Success
}

func (s *Server) heartbeatSubscription() *HeartbeatSubscriptionStatus {
	host, ok := s.Host().(HeartbeatHost)
	if !ok {
		return &HeartbeatSubscriptionStatus{}
	}
	c := host.HeartbeatsCounted()
	return &HeartbeatSubscriptionStatus{
		Source: c.Source, Destination: c.Destination, PeriodLog: c.PeriodLog,
		CountLog: c.CountLog, MinHops: c.MinHops, MaxHops: c.MaxHops,
	}
}
