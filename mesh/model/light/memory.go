package light

import (
	"encoding/json"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// savedLamp is the stored state: the targets of fades, not their present
// values.
type savedLamp struct {
	Lightness      uint16
	Last           uint16
	Default        uint16
	Darkest        uint16
	Brightest      uint16
	TransitionTime generic.TransitionTime
	PowerUp        generic.PowerUp
	White          *savedWhite `json:",omitempty"`
	Color          *savedColor `json:",omitempty"`
}

type savedWhite struct {
	Temperature, Default, Lowest, Highest uint16
	DeltaUV, DefaultDeltaUV               int16
}

type savedColor struct {
	Now, Default hueSaturation
	Limits       HSLRangeSet
}

// State implements server.Machine.
func (l *Lamp) State() []byte {
	s := savedLamp{
		Lightness: uint16(l.lightness.Target()), Last: l.last, Default: l.initial,
		Darkest: l.darkest, Brightest: l.brightest,
		TransitionTime: l.TransitionTime, PowerUp: l.PowerUp,
	}
	if w := l.white; w != nil {
		s.White = &savedWhite{
			Temperature: uint16(w.temperature.Target()), Default: w.initialTemperature, Lowest: w.lowest, Highest: w.highest,
			DeltaUV: int16(w.deltaUV.Target()), DefaultDeltaUV: w.initialUV,
		}
	}
	if c := l.color; c != nil {
		s.Color = &savedColor{
			Now:     hueSaturation{uint16(c.hue.Target()), uint16(c.saturation.Target())},
			Default: c.initialColor, Limits: c.limits,
		}
	}
	data, err := json.Marshal(s)
	if err != nil {
		return nil
	}
	return data
}

// Restore implements server.Machine: power-up. State stored by a light with
// other capabilities cannot set values outside this light's limits.
func (l *Lamp) Restore(data []byte) error {
	s := savedLamp{Darkest: 1, Brightest: full, Last: full}
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("light: expected a valid stored state of a light: %w", err)
	}
	if s.Darkest == 0 || s.Darkest > s.Brightest {
		return fmt.Errorf("light: expected a stored lightness range within 1 to 65535 in ascending order, got %d to %d", s.Darkest, s.Brightest)
	}
	l.Defaults = generic.Defaults{TransitionTime: s.TransitionTime, PowerUp: s.PowerUp}
	l.darkest, l.brightest, l.initial = s.Darkest, s.Brightest, s.Default
	l.last = l.limited(max(int(s.Last), 1))
	if w := l.white; w != nil && s.White != nil {
		w.restore(s.White, s.PowerUp)
	}
	if c := l.color; c != nil && s.Color != nil {
		c.restore(s.Color, s.PowerUp)
	}
	lightness := s.Lightness
	switch s.PowerUp {
	case generic.PowerUpOff:
		lightness = 0
	case generic.PowerUpDefault:
		lightness = l.bright()
	}
	l.lightness.Jump(int(l.limited(int(lightness))))
	return nil
}

func (w *white) restore(s *savedWhite, up generic.PowerUp) {
	if s.Lowest >= w.limits.Warmest && s.Lowest <= s.Highest && s.Highest <= w.limits.Coldest {
		w.lowest, w.highest = s.Lowest, s.Highest
	}
	w.initialTemperature, w.initialUV = w.limitedTemperature(s.Default), s.DefaultDeltaUV
	temperature, deltaUV := s.Temperature, s.DeltaUV
	if up == generic.PowerUpDefault {
		temperature, deltaUV = w.initialTemperature, w.initialUV
	}
	w.temperature.Jump(int(w.limitedTemperature(temperature)))
	w.deltaUV.Jump(int(deltaUV))
}

func (c *color) restore(s *savedColor, up generic.PowerUp) {
	if s.Limits.SaturationRangeMin <= s.Limits.SaturationRangeMax {
		c.limits = s.Limits
	}
	c.initialColor = s.Default
	now := s.Now
	if up == generic.PowerUpDefault {
		now = s.Default
	}
	c.hue.Jump(int(c.limitedHue(now.Hue)))
	c.saturation.Jump(int(c.limitedSaturation(now.Saturation)))
}
