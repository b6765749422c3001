package foundation

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/heartbeat"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Beater is a Host that sends and counts heartbeats. With another both can be
// switched off only.
type Beater interface {
	// PublishHeartbeats begins to send heartbeats by a state, and keeps it.
	PublishHeartbeats(p state.HeartbeatPublication)
	// HeartbeatsLeft is how many are left to be sent, as a logarithm.
	HeartbeatsLeft() uint8
	// SubscribeHeartbeats begins to count heartbeats.
	SubscribeHeartbeats(source, destination mesh.Address, periodLog uint8)
	// HeartbeatsCounted is what was counted.
	HeartbeatsCounted() heartbeat.Status
}

// handleHeartbeats registers the messages about heartbeats (sections 4.3.2.61
// to 4.3.2.66).
func (s *ConfigServer) handleHeartbeats() {
	on(s, func(*access.Incoming, *ConfigHeartbeatPublicationGet) access.Message { return s.heartbeatPublication() })
	on(s, func(_ *access.Incoming, m *ConfigHeartbeatPublicationSet) access.Message {
		if status := s.publishHeartbeats(m); status != Success {
			return &ConfigHeartbeatPublicationStatus{
				Status: status, Destination: m.Destination, CountLog: m.CountLog, PeriodLog: m.PeriodLog,
				TTL: m.TTL, Features: m.Features, NetKeyIndex: m.NetKeyIndex,
			}
		}
		return s.heartbeatPublication()
	})
	on(s, func(*access.Incoming, *ConfigHeartbeatSubscriptionGet) access.Message {
		return s.heartbeatSubscription()
	})
	on(s, func(_ *access.Incoming, m *ConfigHeartbeatSubscriptionSet) access.Message {
		if status := s.subscribeHeartbeats(m); status != Success {
			return &ConfigHeartbeatSubscriptionStatus{
				Status: status, Source: m.Source, Destination: m.Destination, PeriodLog: m.PeriodLog,
			}
		}
		return s.heartbeatSubscription()
	})
}

func (s *ConfigServer) publishHeartbeats(m *ConfigHeartbeatPublicationSet) Status {
	const known = FeatureRelay | FeatureProxy | FeatureFriend | FeatureLowPower
	host, ok := s.Host().(Beater)
	switch {
	case m.Destination == mesh.Unassigned:
		if ok {
			host.PublishHeartbeats(state.HeartbeatPublication{})
		}
		return Success
	case m.Destination.IsVirtual():
		return InvalidAddress
	case s.Host().State().Subnet(m.NetKeyIndex) == nil:
		return InvalidNetKeyIndex
	case !ok:
		return CannotSet
	}
	host.PublishHeartbeats(state.HeartbeatPublication{
		Destination: m.Destination, CountLog: m.CountLog, PeriodLog: m.PeriodLog,
		TTL: m.TTL, Features: uint16(m.Features & known), NetKey: m.NetKeyIndex,
	})
	return Success
}

func (s *ConfigServer) heartbeatPublication() *ConfigHeartbeatPublicationStatus {
	host, ok := s.Host().(Beater)
	if !ok {
		return &ConfigHeartbeatPublicationStatus{}
	}
	p := s.Host().State().HeartbeatPublication
	return &ConfigHeartbeatPublicationStatus{
		Destination: p.Destination, CountLog: host.HeartbeatsLeft(), PeriodLog: p.PeriodLog,
		TTL: p.TTL, Features: Features(p.Features), NetKeyIndex: p.NetKey,
	}
}

func (s *ConfigServer) subscribeHeartbeats(m *ConfigHeartbeatSubscriptionSet) Status {
	host, ok := s.Host().(Beater)
	source := m.Source == mesh.Unassigned || m.Source.IsUnicast()
	destination := m.Destination == mesh.Unassigned || m.Destination.IsGroup() || m.Destination == s.Host().State().Address
	off := m.Source == mesh.Unassigned || m.Destination == mesh.Unassigned || m.PeriodLog == 0
	switch {
	case !source || !destination:
		return InvalidAddress
	case ok:
		host.SubscribeHeartbeats(m.Source, m.Destination, m.PeriodLog)
	case !off:
		return CannotSet
	}
	return Success
}

func (s *ConfigServer) heartbeatSubscription() *ConfigHeartbeatSubscriptionStatus {
	host, ok := s.Host().(Beater)
	if !ok {
		return &ConfigHeartbeatSubscriptionStatus{}
	}
	c := host.HeartbeatsCounted()
	return &ConfigHeartbeatSubscriptionStatus{
		Source: c.Source, Destination: c.Destination, PeriodLog: c.PeriodLog,
		CountLog: c.CountLog, MinHops: c.MinHops, MaxHops: c.MaxHops,
	}
}
