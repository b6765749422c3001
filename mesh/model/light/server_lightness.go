package light

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
)

// addLightness adds a Light Lightness Server and its Setup Server (sections
// 6.4.1 and 6.4.2).
func (l *Lamp) addLightness() []access.Model {
	s := l.group.Add(LightnessServerID, l.lightnessStatus)
	s.Get(&LightnessGet{}, l.lightnessStatus)
	var set LightnessSet
	s.Once(&set, &set.TID, OpLightnessSetUnacknowledged, func(now time.Time) bool {
		l.SetLightness(now, set.Lightness, set.Transition.Timing(l.TransitionTime))
		return true
	}, l.lightnessStatus)

	s.Get(&LightnessLinearGet{}, l.linearStatus)
	var linear LightnessLinearSet
	s.Once(&linear, &linear.TID, OpLightnessLinearSetUnacknowledged, func(now time.Time) bool {
		l.SetLightness(now, fromLinear(linear.Lightness), linear.Transition.Timing(l.TransitionTime))
		return true
	}, l.linearStatus)

	s.Get(&LightnessLastGet{}, func(time.Time) access.Message { return &LightnessLastStatus{Lightness: l.last} })
	s.Get(&LightnessDefaultGet{}, l.lightnessDefault)
	s.Get(&LightnessRangeGet{}, func(time.Time) access.Message { return l.lightnessRange(generic.RangeSuccess) })
	return []access.Model{s, l.addLightnessSetup()}
}

func (l *Lamp) addLightnessSetup() access.Model {
	s := l.group.Add(LightnessSetupServerID, nil)
	var initial LightnessDefaultSet
	s.Set(&initial, OpLightnessDefaultSetUnacknowledged, func(now time.Time) bool {
		l.initial = initial.Lightness
		l.group.Save(now)
		return true
	}, l.lightnessDefault)

	var limits LightnessRangeSet
	s.Set(&limits, OpLightnessRangeSetUnacknowledged, func(now time.Time) bool {
		if limits.RangeMin > limits.RangeMax {
			return false
		}
		l.setRange(now, limits.RangeMin, limits.RangeMax)
		return true
	}, func(time.Time) access.Message { return l.lightnessRange(generic.RangeSuccess) })
	return s
}

// setRange changes the range; a lightness outside of it is moved inside.
func (l *Lamp) setRange(now time.Time, darkest, brightest uint16) {
	l.darkest, l.brightest = darkest, brightest
	l.last = l.limited(int(l.last))
	l.group.Save(now)
	if target := int(l.limited(l.lightness.Target())); target != l.lightness.Target() {
		l.lightness.Jump(target)
		l.group.Changed(now)
	}
}

func (l *Lamp) lightnessStatus(now time.Time) access.Message {
	s := &LightnessStatus{PresentLightness: l.Lightness(now)}
	if left := l.lightness.Remaining(now); left > 0 {
		s.HasTarget, s.TargetLightness = true, uint16(l.lightness.Target())
		s.RemainingTime = generic.RemainingTime(left)
	}
	return s
}

func (l *Lamp) linearStatus(now time.Time) access.Message {
	s := &LightnessLinearStatus{PresentLightness: toLinear(l.Lightness(now))}
	if left := l.lightness.Remaining(now); left > 0 {
		s.HasTarget, s.TargetLightness = true, toLinear(uint16(l.lightness.Target()))
		s.RemainingTime = generic.RemainingTime(left)
	}
	return s
}

func (l *Lamp) lightnessDefault(time.Time) access.Message {
	return &LightnessDefaultStatus{Lightness: l.initial}
}

func (l *Lamp) lightnessRange(status generic.RangeStatus) access.Message {
	return &LightnessRangeStatus{Status: status, RangeMin: l.darkest, RangeMax: l.brightest}
}

// remaining is the longest remaining time of several states.
func remaining(now time.Time, fades ...*server.Fade) time.Duration {
	var left time.Duration
	for _, f := range fades {
		left = max(left, f.Remaining(now))
	}
	return left
}
