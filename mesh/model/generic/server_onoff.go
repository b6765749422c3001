package generic

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
)

// Timing returns when the change begins and how long it takes; otherwise is the
// Default Transition Time, for a message without these fields.
func (t Transition) Timing(otherwise TransitionTime) server.Timing {
	if !t.Present {
		return server.Timing{Duration: otherwise.Duration()}
	}
	return server.Timing{Delay: t.Delay.Duration(), Duration: t.Time.Duration()}
}

// RemainingTime returns the Remaining Time for a status. It is not zero before
// the change has ended.
func RemainingTime(left time.Duration) TransitionTime {
	t, err := TransitionTimeOf(max(left, 100*time.Millisecond))
	if err != nil {
		return UnknownTime
	}
	return t
}

// OnOffState is a state that can be represented as on or off.
type OnOffState interface {
	OnOff(now time.Time) OnOffStatus
	SetOnOff(now time.Time, on bool, t server.Timing)
	DefaultTransitionTime() TransitionTime
}

// AddOnOffServer adds a Generic OnOff Server (section 3.3.1).
func AddOnOffServer(g *server.Group, m OnOffState) *server.Server {
	status := func(now time.Time) access.Message {
		s := m.OnOff(now)
		return &s
	}
	s := g.Add(OnOffServerID, status)
	s.Get(&OnOffGet{}, status)
	var set OnOffSet
	s.Once(&set, &set.TID, OpOnOffSetUnacknowledged, func(now time.Time) bool {
		m.SetOnOff(now, set.OnOff, set.Transition.Timing(m.DefaultTransitionTime()))
		return true
	}, status)
	return s
}
