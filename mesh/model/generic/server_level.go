package generic

import (
	"math"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
)

// LevelState is a state that can be represented as a level.
type LevelState interface {
	Level(now time.Time) LevelStatus
	SetLevel(now time.Time, level int16, t server.Timing)
	// StopLevel stops a change of the level at its present value.
	StopLevel(now time.Time)
	DefaultTransitionTime() TransitionTime
}

// levelServer is the state of a Generic Level Server for transactions of Delta
// Set messages.
type levelServer struct {
	LevelState
	wraps   bool
	initial int   // level when the transaction began
	delta   int32 // of the last message
}

// AddLevelServer adds a Generic Level Server (section 3.3.2). If the level
// wraps, a delta beyond its limits continues at the other end.
func AddLevelServer(g *server.Group, m LevelState, wraps bool) *server.Server {
	l := &levelServer{LevelState: m, wraps: wraps}
	status := func(now time.Time) access.Message {
		s := m.Level(now)
		return &s
	}
	s := g.Add(LevelServerID, status)
	s.Get(&LevelGet{}, status)

	var set LevelSet
	s.Once(&set, &set.TID, OpLevelSetUnacknowledged, func(now time.Time) bool {
		m.SetLevel(now, set.Level, set.Transition.Timing(m.DefaultTransitionTime()))
		return true
	}, status)

	var delta DeltaSet
	s.Within(&delta, &delta.TID, OpDeltaSetUnacknowledged, func(now time.Time, again bool) bool {
		l.add(now, delta.DeltaLevel, again, delta.Transition)
		return true
	}, status)

	var move MoveSet
	s.Once(&move, &move.TID, OpMoveSetUnacknowledged, func(now time.Time) bool {
		l.move(now, move.DeltaLevel, move.Transition)
		return true
	}, status)
	return s
}

// add changes the level by a delta from its value when the transaction began: a
// dial that is turned sends increasing deltas in one transaction (section
// 3.3.2.2.3).
func (l *levelServer) add(now time.Time, delta int32, again bool, t Transition) {
	if again && delta == l.delta {
		return // a repetition
	}
	if !again {
		l.initial = int(l.Level(now).PresentLevel)
	}
	l.delta = delta
	to := l.initial + int(delta)
	if !l.wraps {
		to = min(max(to, math.MinInt16), math.MaxInt16)
	}
	l.SetLevel(now, int16(to), t.Timing(l.DefaultTransitionTime()))
}

// move lets the level rise or fall with a speed, a delta per transition time,
// until it is stopped or has reached its limit (section 3.3.2.2.4). Without a
// transition time there is no speed, and nothing moves.
func (l *levelServer) move(now time.Time, delta int16, t Transition) {
	timing := t.Timing(l.DefaultTransitionTime())
	if delta == 0 || timing.Duration <= 0 {
		l.StopLevel(now)
		return
	}
	limit := math.MaxInt16
	if delta < 0 {
		limit = math.MinInt16
	}
	distance := limit - int(l.Level(now).PresentLevel)
	timing.Duration = time.Duration(float64(timing.Duration) * float64(distance) / float64(delta))
	l.SetLevel(now, int16(limit), timing)
}
