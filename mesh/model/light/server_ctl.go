package light

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
)

// CTLOptions are the capabilities of a CTL light.
type CTLOptions struct {
	// Warmest and Coldest are its limits in kelvin, 800 to 20000; the warmest
	// is the lower number.
	Warmest, Coldest uint16
}

// white is the part of a Lamp that a CTL light adds (section 6.1.3).
type white struct {
	*Lamp
	limits             CTLOptions
	temperature        server.Fade // kelvin
	deltaUV            server.Fade // signed, 1/32768
	lowest             uint16      // Light CTL Temperature Range
	highest            uint16
	initialTemperature uint16 // Light CTL Temperature Default
	initialUV          int16
}

// NewCTL makes a light with a colour temperature: the servers of a dimmable
// light and CTL on its first element, CTL Temperature on the second.
func NewCTL(o CTLOptions) *Lamp {
	l := newLamp()
	middle := uint16((int(o.Warmest) + int(o.Coldest)) / 2)
	w := &white{Lamp: l, limits: o, lowest: o.Warmest, highest: o.Coldest, initialTemperature: middle}
	w.temperature.Jump(int(middle))
	l.white = w
	l.elements = [][]access.Model{
		append(l.primary(), w.addCTL()...),
		{generic.AddLevelServer(l.group, w, false), w.addTemperature()},
	}
	return l
}

// Temperature returns the colour temperature in kelvin; 0 if the light has
// none.
func (l *Lamp) Temperature(now time.Time) uint16 {
	if l.white == nil {
		return 0
	}
	return uint16(l.white.temperature.At(now))
}

// addCTL adds a Light CTL Server and its Setup Server (sections 6.4.3 and
// 6.4.4).
func (w *white) addCTL() []access.Model {
	s := w.group.Add(CTLServerID, w.status)
	s.Get(&CTLGet{}, w.status)
	var set CTLSet
	s.Once(&set, &set.TID, OpCTLSetUnacknowledged, func(now time.Time) bool {
		if !isTemperature(set.CTLTemperature) {
			return false
		}
		t := set.Transition.Timing(w.TransitionTime)
		changed := w.fadeLightness(now, set.CTLLightness, t)
		if w.fade(now, set.CTLTemperature, set.CTLDeltaUV, t) || changed {
			w.group.Changed(now)
		}
		return true
	}, w.status)
	s.Get(&CTLDefaultGet{}, w.defaultStatus)
	s.Get(&CTLTemperatureRangeGet{}, func(time.Time) access.Message { return w.rangeStatus(generic.RangeSuccess) })

	setup := w.group.Add(CTLSetupServerID, nil)
	var initial CTLDefaultSet
	setup.Set(&initial, OpCTLDefaultSetUnacknowledged, func(now time.Time) bool {
		if !isTemperature(initial.Temperature) {
			return false
		}
		w.initial = initial.Lightness
		w.initialTemperature, w.initialUV = w.limitedTemperature(initial.Temperature), initial.DeltaUV
		w.group.Save(now)
		return true
	}, w.defaultStatus)
	var limits CTLTemperatureRangeSet
	var outcome generic.RangeStatus
	setup.Set(&limits, OpCTLTemperatureRangeSetUnacknowledged, func(now time.Time) bool {
		if !isTemperature(limits.RangeMin) || !isTemperature(limits.RangeMax) || limits.RangeMin > limits.RangeMax {
			return false
		}
		outcome = w.setRange(now, limits.RangeMin, limits.RangeMax)
		return true
	}, func(time.Time) access.Message { return w.rangeStatus(outcome) })
	return []access.Model{s, setup}
}

// addTemperature adds a Light CTL Temperature Server (section 6.4.5).
func (w *white) addTemperature() access.Model {
	s := w.group.Add(CTLTemperatureServerID, w.temperatureStatus)
	s.Get(&CTLTemperatureGet{}, w.temperatureStatus)
	var set CTLTemperatureSet
	s.Once(&set, &set.TID, OpCTLTemperatureSetUnacknowledged, func(now time.Time) bool {
		if !isTemperature(set.CTLTemperature) {
			return false
		}
		if w.fade(now, set.CTLTemperature, set.CTLDeltaUV, set.Transition.Timing(w.TransitionTime)) {
			w.group.Changed(now)
		}
		return true
	}, w.temperatureStatus)
	return s
}

// isTemperature reports whether a temperature is not prohibited.
func isTemperature(kelvin uint16) bool { return kelvin >= MinTemperature && kelvin <= MaxTemperature }

func (w *white) limitedTemperature(kelvin uint16) uint16 {
	return min(max(kelvin, w.lowest), w.highest)
}

// fade changes temperature and Delta UV without informing the servers, and
// reports whether there is a change to report.
func (w *white) fade(now time.Time, kelvin uint16, deltaUV int16, t server.Timing) bool {
	changed := w.temperature.Start(now, int(w.limitedTemperature(kelvin)), t)
	return w.deltaUV.Start(now, int(deltaUV), t) || changed
}

// setRange changes the range within the limits of the light; a temperature
// outside of it is moved inside (section 6.1.3.4).
func (w *white) setRange(now time.Time, lowest, highest uint16) generic.RangeStatus {
	switch {
	case lowest < w.limits.Warmest:
		return generic.CannotSetRangeMin
	case highest > w.limits.Coldest:
		return generic.CannotSetRangeMax
	}
	w.lowest, w.highest = lowest, highest
	w.initialTemperature = w.limitedTemperature(w.initialTemperature)
	w.group.Save(now)
	if target := int(w.limitedTemperature(uint16(w.temperature.Target()))); target != w.temperature.Target() {
		w.temperature.Jump(target)
		w.group.Changed(now)
	}
	return generic.RangeSuccess
}

// Level implements generic.LevelState for the temperature's element: the position
// of the temperature within its range (section 6.1.3.1.1).
func (w *white) Level(now time.Time) generic.LevelStatus {
	return levelStatus(now, &w.temperature, func(kelvin int) int16 {
		width := int(w.highest) - int(w.lowest)
		if width == 0 {
			return toLevel(0)
		}
		place := ((min(max(kelvin, int(w.lowest)), int(w.highest))-int(w.lowest))*full + width/2) / width
		return toLevel(uint16(place))
	})
}

// SetLevel implements generic.LevelState for the temperature's element.
func (w *white) SetLevel(now time.Time, level int16, t server.Timing) {
	width := int(w.highest) - int(w.lowest)
	kelvin := uint16(int(w.lowest) + (int(fromLevel(level))*width+full/2)/full)
	if w.fade(now, kelvin, int16(w.deltaUV.Target()), t) {
		w.group.Changed(now)
	}
}

// StopLevel implements generic.LevelState for the temperature's element.
func (w *white) StopLevel(now time.Time) {
	changed := w.temperature.Stop(now)
	if w.deltaUV.Stop(now) || changed {
		w.group.Changed(now)
	}
}

func (w *white) status(now time.Time) access.Message {
	s := &CTLStatus{PresentCTLLightness: w.Lightness(now), PresentCTLTemperature: uint16(w.temperature.At(now))}
	if left := remaining(now, &w.lightness, &w.temperature, &w.deltaUV); left > 0 {
		s.HasTarget = true
		s.TargetCTLLightness, s.TargetCTLTemperature = uint16(w.lightness.Target()), uint16(w.temperature.Target())
		s.RemainingTime = generic.RemainingTime(left)
	}
	return s
}

func (w *white) temperatureStatus(now time.Time) access.Message {
	s := &CTLTemperatureStatus{
		PresentCTLTemperature: uint16(w.temperature.At(now)),
		PresentCTLDeltaUV:     int16(w.deltaUV.At(now)),
	}
	if left := remaining(now, &w.temperature, &w.deltaUV); left > 0 {
		s.HasTarget = true
		s.TargetCTLTemperature, s.TargetCTLDeltaUV = uint16(w.temperature.Target()), int16(w.deltaUV.Target())
		s.RemainingTime = generic.RemainingTime(left)
	}
	return s
}

func (w *white) defaultStatus(time.Time) access.Message {
	return &CTLDefaultStatus{Lightness: w.initial, Temperature: w.initialTemperature, DeltaUV: w.initialUV}
}

func (w *white) rangeStatus(status generic.RangeStatus) access.Message {
	return &CTLTemperatureRangeStatus{Status: status, RangeMin: w.lowest, RangeMax: w.highest}
}
