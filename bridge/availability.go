package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
)

// setOnline notes whether a device can be reached, and tells when that
// changed.
func (s *Service) setOnline(m *managed, online bool) {
	if m.online != nil && *m.online == online {
		return
	}
	returned := m.online != nil && online
	m.online = &online
	s.publishAvailability(m)
	if returned {
		s.log.Info().Str("device", m.record.Name).Msg("the device is back")
		s.refresh(m) // it may have been switched meanwhile
	}
}

// noAnswer notes that a device did not answer. One request that failed after
// all its repetitions may be bad luck; a probe tells.
func (s *Service) noAnswer(m *managed) {
	m.failures++
	const enough = 2
	if m.failures < enough {
		s.probe(m)
		return
	}
	if m.online == nil || *m.online {
		s.log.Warn().Str("device", m.record.Name).Msg("the device does not answer")
	}
	s.setOnline(m, false)
}

// probe asks a device for its default TTL, which every node answers.
func (s *Service) probe(m *managed) {
	if m.probing || m.busy {
		return
	}
	m.probing = true
	peer := m.peer()
	s.work(func(ctx context.Context) {
		err := commission.Probe(ctx, s.cfg.Mesh, peer)
		s.post(func() {
			m.probing = false
			if errors.Is(err, node.ErrNoResponse) && s.devices[m.record.UUID] == m {
				s.noAnswer(m)
			}
		})
	})
}

// checkAvailability probes one device that has been silent for too long: the
// one that has been so for longest. The radio has other things to do.
func (s *Service) checkAvailability() {
	var silent *managed
	for _, m := range s.devices {
		if m.probing || m.busy || time.Since(m.lastSeen) < s.cfg.Silence {
			continue
		}
		if silent == nil || m.lastSeen.Before(silent.lastSeen) {
			silent = m
		}
	}
	if silent == nil {
		return
	}
	// Whatever comes of it, the next one has its turn.
	silent.lastSeen = time.Now()
	s.probe(silent)
}

// refresh asks a device for its whole state.
func (s *Service) refresh(m *managed) {
	if m.translator == nil {
		return
	}
	s.query(m, "", nil, nil)
}

// refreshAll asks all devices for their state after a start. The node sends to
// a few at a time. A device whose interview did not end gets another.
func (s *Service) refreshAll() {
	for _, m := range s.sorted() {
		if m.translator == nil {
			s.interview(m, func(any, error) {})
			continue
		}
		s.refresh(m)
	}
}
