package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// unanswered reports whether a request ended because the node was silent.
func unanswered(err error) bool {
	return errors.Is(err, node.ErrNoResponse) || errors.Is(err, node.ErrNotSent)
}

// setOnline notes whether a device can be reached, and tells when that
// changed.
func (s *Service) setOnline(m *managed, online bool) {
	if m.online != nil && *m.online == online {
		return
	}
	returned := m.online != nil && online
	m.online = &online
	s.publishAvailability(m)
	if !returned {
		return
	}
	s.log.Info().Str("device", m.record.Name).Msg("the device is back")
	switch {
	case m.busy:
	case m.translator == nil:
		s.interview(m, func(any, error) {}) // it was away in the middle of the first one
	default:
		s.refresh(m) // it may have been switched meanwhile
	}
}

// noAnswer notes that a device did not answer. One request that failed after
// all its repetitions may be bad luck; a probe tells.
func (s *Service) noAnswer(m *managed) {
	if m.sleeps() {
		return
	}
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
	m.lastAsked = time.Now()
	peer, to := m.peer(), s.requester(m)
	s.work(func(ctx context.Context) {
		err := commission.Probe(ctx, to, peer)
		s.post(func() {
			m.probing = false
			if s.asked == m {
				s.asked = nil
			}
			if unanswered(err) && s.has(m) {
				s.noAnswer(m)
			}
		})
	})
}

// checkAvailability probes the device that has been silent for longest, if that
// is too long. One after the other: the radio has other things to do.
func (s *Service) checkAvailability() {
	if s.asked != nil {
		return
	}
	now := time.Now()
	var silent *managed
	var since time.Time
	for _, m := range s.devices {
		last := m.lastSeen
		if m.lastAsked.After(last) {
			last = m.lastAsked
		}
		if m.probing || m.busy || m.sleeps() || now.Sub(last) < s.cfg.Silence {
			continue
		}
		if silent == nil || last.Before(since) {
			silent, since = m, last
		}
	}
	if silent == nil {
		return
	}
	s.asked = silent
	s.probe(silent)
}

// refresh asks a device for its whole state. One that has nothing to tell is
// asked whether it is there.
func (s *Service) refresh(m *managed) {
	if m.translator == nil {
		return
	}
	m.lastAsked = time.Now()
	if steps, err := m.translator.Query("", nil); err == nil && len(steps) == 0 {
		if !m.sleeps() {
			s.probe(m)
		}
		return
	}
	s.query(m, "", nil, nil)
}

// refreshAll asks all devices for their state after a start. The node sends to
// a few at a time. A device whose interview did not end, or that came with an
// imported network, gets one.
func (s *Service) refreshAll() {
	for _, m := range s.sorted() {
		if m.translator == nil || m.record.Interview == device.Pending {
			if !m.busy {
				s.interview(m, func(any, error) {})
			}
			continue
		}
		s.refresh(m)
	}
}
