package heartbeat

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Subscription counts the heartbeats of one source for some time (section
// 3.6.7.3). The zero value counts none.
type Subscription struct {
	source, destination mesh.Address
	count               int
	min, max            uint8
	end                 time.Time
}

const maxCount = 0xFFFF

// Set starts counting for 2^(periodLog-1) seconds. Without a source or
// destination everything is reset. Without a period counting stops, and the
// counts are kept.
func (s *Subscription) Set(now time.Time, source, destination mesh.Address, periodLog uint8) {
	switch {
	case source == mesh.Unassigned || destination == mesh.Unassigned:
		*s = Subscription{}
	case periodLog == 0:
		s.end = now
	default:
		*s = Subscription{source: source, destination: destination, min: uint8(mesh.MaxTTL), end: now.Add(Period(periodLog))}
	}
}

// Receive counts a heartbeat if it is subscribed to, and reports whether it
// was.
func (s *Subscription) Receive(now time.Time, src, dst mesh.Address, hops uint8) bool {
	if src != s.source || dst != s.destination || !now.Before(s.end) {
		return false
	}
	s.count = min(s.count+1, maxCount)
	s.min, s.max = min(s.min, hops), max(s.max, hops)
	return true
}

// Listens reports whether heartbeats to a group are subscribed to.
func (s *Subscription) Listens(now time.Time, dst mesh.Address) bool {
	return dst == s.destination && dst != mesh.Unassigned && now.Before(s.end)
}

// Status is the result of a subscription, in the form of a Config Heartbeat
// Subscription Status (section 4.3.2.66).
type Status struct {
	Source, Destination mesh.Address
	PeriodLog           uint8 // remaining period
	CountLog            uint8 // 0xFF for 0xFFFF or more
	MinHops, MaxHops    uint8
}

// Status returns the counts.
func (s *Subscription) Status(now time.Time) Status {
	status := Status{
		Source: s.source, Destination: s.destination, CountLog: logOf(s.count), MinHops: s.min, MaxHops: s.max,
	}
	if s.count >= maxCount {
		status.CountLog = endless
	}
	if left := s.end.Sub(now); s.source != mesh.Unassigned && left > 0 {
		status.PeriodLog = logOf(int((left + time.Second - 1) / time.Second))
	}
	return status
}
