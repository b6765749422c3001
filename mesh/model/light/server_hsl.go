package light

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
)

// color is the part of a Lamp that an HSL light adds (section 6.1.4). 65536
// steps of hue are one turn around the colour circle. During a fade the Fade
// may be beyond the ends, so that the hue takes the short way.
type color struct {
	*Lamp
	hue          server.Fade
	saturation   server.Fade
	initialColor hueSaturation // Light HSL Hue Default and Saturation Default
	limits       HSLRangeSet   // Light HSL Hue Range and Saturation Range
}

type hueSaturation struct{ Hue, Saturation uint16 }

// NewHSL makes a light with a colour: the servers of a dimmable light and HSL
// on its first element, HSL Hue on the second and HSL Saturation on the third.
func NewHSL() *Lamp {
	l := newLamp()
	c := &color{Lamp: l, limits: HSLRangeSet{HueRangeMax: full, SaturationRangeMax: full}}
	l.color = c
	l.elements = [][]access.Model{
		append(l.primary(), c.addHSL()...),
		{generic.AddLevelServer(l.group, hueLevel{c}, true), c.addHue()},
		{generic.AddLevelServer(l.group, saturationLevel{c}, false), c.addSaturation()},
	}
	return l
}

// Color returns the hue and the saturation; 0 if the light has none.
func (l *Lamp) Color(now time.Time) (hue, saturation uint16) {
	if l.color == nil {
		return 0, 0
	}
	return uint16(l.color.hue.At(now)), uint16(l.color.saturation.At(now))
}

// addHSL adds a Light HSL Server and its Setup Server (sections 6.4.6 and
// 6.4.7).
func (c *color) addHSL() []access.Model {
	s := c.group.Add(HSLServerID, c.status)
	s.Get(&HSLGet{}, c.status)
	s.Get(&HSLTargetGet{}, c.targetStatus)
	var set HSLSet
	s.Once(&set, &set.TID, OpHSLSetUnacknowledged, func(now time.Time) bool {
		t := set.Transition.Timing(c.TransitionTime)
		changed := c.fadeLightness(now, set.HSLLightness, t)
		changed = c.fadeHue(now, set.HSLHue, t) || changed
		if c.fadeSaturation(now, set.HSLSaturation, t) || changed {
			c.group.Changed(now)
		}
		return true
	}, c.status)
	s.Get(&HSLDefaultGet{}, c.defaultStatus)
	s.Get(&HSLRangeGet{}, c.rangeStatus)

	setup := c.group.Add(HSLSetupServerID, nil)
	var initial HSLDefaultSet
	setup.Set(&initial, OpHSLDefaultSetUnacknowledged, func(now time.Time) bool {
		c.initial = initial.Lightness
		c.initialColor = hueSaturation{c.limitedHue(initial.Hue), c.limitedSaturation(initial.Saturation)}
		c.group.Save(now)
		return true
	}, c.defaultStatus)
	var limits HSLRangeSet
	setup.Set(&limits, OpHSLRangeSetUnacknowledged, func(now time.Time) bool {
		if limits.SaturationRangeMin > limits.SaturationRangeMax {
			return false
		}
		c.setRange(now, limits)
		return true
	}, c.rangeStatus)
	return []access.Model{s, setup}
}

// addHue adds a Light HSL Hue Server (section 6.4.8).
func (c *color) addHue() access.Model {
	status := func(now time.Time) access.Message {
		s := &HSLHueStatus{PresentHue: uint16(c.hue.At(now))}
		if left := c.hue.Remaining(now); left > 0 {
			s.HasTarget, s.TargetHue, s.RemainingTime = true, uint16(c.hue.Target()), generic.RemainingTime(left)
		}
		return s
	}
	s := c.group.Add(HSLHueServerID, status)
	s.Get(&HSLHueGet{}, status)
	var set HSLHueSet
	s.Once(&set, &set.TID, OpHSLHueSetUnacknowledged, func(now time.Time) bool {
		if c.fadeHue(now, set.Hue, set.Transition.Timing(c.TransitionTime)) {
			c.group.Changed(now)
		}
		return true
	}, status)
	return s
}

// addSaturation adds a Light HSL Saturation Server (section 6.4.9).
func (c *color) addSaturation() access.Model {
	status := func(now time.Time) access.Message {
		s := &HSLSaturationStatus{PresentSaturation: uint16(c.saturation.At(now))}
		if left := c.saturation.Remaining(now); left > 0 {
			s.HasTarget, s.TargetSaturation = true, uint16(c.saturation.Target())
			s.RemainingTime = generic.RemainingTime(left)
		}
		return s
	}
	s := c.group.Add(HSLSaturationServerID, status)
	s.Get(&HSLSaturationGet{}, status)
	var set HSLSaturationSet
	s.Once(&set, &set.TID, OpHSLSaturationSetUnacknowledged, func(now time.Time) bool {
		if c.fadeSaturation(now, set.Saturation, set.Transition.Timing(c.TransitionTime)) {
			c.group.Changed(now)
		}
		return true
	}, status)
	return s
}

// limitedHue limits a hue to its range: outside it, the nearer end. A range
// whose maximum is below its minimum includes 0.
func (c *color) limitedHue(hue uint16) uint16 {
	low, high := c.limits.HueRangeMin, c.limits.HueRangeMax
	// Distances on the circle wrap like uint16.
	if hue-low <= high-low {
		return hue
	}
	if low-hue < hue-high {
		return low
	}
	return high
}

func (c *color) limitedSaturation(saturation uint16) uint16 {
	return min(max(saturation, c.limits.SaturationRangeMin), c.limits.SaturationRangeMax)
}

// fadeHue takes the short way around the circle if the whole circle is allowed.
func (c *color) fadeHue(now time.Time, hue uint16, t server.Timing) bool {
	if c.hue.Remaining(now) == 0 {
		c.hue.Jump(int(uint16(c.hue.Target())))
	}
	from, to := c.hue.At(now), int(c.limitedHue(hue))
	if c.limits.HueRangeMin == 0 && c.limits.HueRangeMax == full || c.limits.HueRangeMin > c.limits.HueRangeMax {
		to = from + int(int16(uint16(to)-uint16(from)))
	}
	return c.hue.Start(now, to, t)
}

func (c *color) fadeSaturation(now time.Time, saturation uint16, t server.Timing) bool {
	return c.saturation.Start(now, int(c.limitedSaturation(saturation)), t)
}

// setRange changes the ranges; values outside are moved inside.
func (c *color) setRange(now time.Time, limits HSLRangeSet) {
	c.limits = limits
	c.initialColor = hueSaturation{c.limitedHue(c.initialColor.Hue), c.limitedSaturation(c.initialColor.Saturation)}
	c.group.Save(now)
	hue := int(c.limitedHue(uint16(c.hue.Target())))
	saturation := int(c.limitedSaturation(uint16(c.saturation.Target())))
	if hue != int(uint16(c.hue.Target())) || saturation != c.saturation.Target() {
		c.hue.Jump(hue)
		c.saturation.Jump(saturation)
		c.group.Changed(now)
	}
}

func (c *color) status(now time.Time) access.Message {
	s := &HSLStatus{
		HSLLightness:  c.Lightness(now),
		HSLHue:        uint16(c.hue.At(now)),
		HSLSaturation: uint16(c.saturation.At(now)),
	}
	if left := c.left(now); left > 0 {
		s.HasRemainingTime, s.RemainingTime = true, generic.RemainingTime(left)
	}
	return s
}

func (c *color) targetStatus(now time.Time) access.Message {
	s := &HSLTargetStatus{
		HSLLightnessTarget:  uint16(c.lightness.Target()),
		HSLHueTarget:        uint16(c.hue.Target()),
		HSLSaturationTarget: uint16(c.saturation.Target()),
	}
	if left := c.left(now); left > 0 {
		s.HasRemainingTime, s.RemainingTime = true, generic.RemainingTime(left)
	}
	return s
}

func (c *color) left(now time.Time) time.Duration {
	return remaining(now, &c.lightness, &c.hue, &c.saturation)
}

func (c *color) defaultStatus(time.Time) access.Message {
	return &HSLDefaultStatus{Lightness: c.initial, Hue: c.initialColor.Hue, Saturation: c.initialColor.Saturation}
}

func (c *color) rangeStatus(time.Time) access.Message {
	return &HSLRangeStatus{
		HueRangeMin: c.limits.HueRangeMin, HueRangeMax: c.limits.HueRangeMax,
		SaturationRangeMin: c.limits.SaturationRangeMin, SaturationRangeMax: c.limits.SaturationRangeMax,
	}
}

// hueLevel is the hue as the level of its element (section 6.1.4.1.1).
type hueLevel struct{ *color }

// Level implements generic.LevelState.
func (h hueLevel) Level(now time.Time) generic.LevelStatus {
	return levelStatus(now, &h.hue, func(v int) int16 { return toLevel(uint16(v)) })
}

// SetLevel implements generic.LevelState.
func (h hueLevel) SetLevel(now time.Time, level int16, t server.Timing) {
	if h.fadeHue(now, fromLevel(level), t) {
		h.group.Changed(now)
	}
}

// StopLevel implements generic.LevelState.
func (h hueLevel) StopLevel(now time.Time) {
	if h.hue.Stop(now) {
		h.group.Changed(now)
	}
}

// saturationLevel is the saturation as the level of its element (section
// 6.1.4.2.1).
type saturationLevel struct{ *color }

// Level implements generic.LevelState.
func (s saturationLevel) Level(now time.Time) generic.LevelStatus {
	return levelStatus(now, &s.saturation, func(v int) int16 { return toLevel(uint16(v)) })
}

// SetLevel implements generic.LevelState.
func (s saturationLevel) SetLevel(now time.Time, level int16, t server.Timing) {
	if s.fadeSaturation(now, fromLevel(level), t) {
		s.group.Changed(now)
	}
}

// StopLevel implements generic.LevelState.
func (s saturationLevel) StopLevel(now time.Time) {
	if s.saturation.Stop(now) {
		s.group.Changed(now)
	}
}
