package light

import (
	"math"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server"
)

// Lamp is the machine behind all servers of a light: one lightness, and a
// colour temperature or a colour if the light has one (section 6.1). The
// servers are views of it. The bindings between their states define how each
// view reads and sets the machine:
//
//	OnOff         on = lightness > 0; switching on: the default, or the last one
//	Level         lightness - 32768
//	Linear        lightness² / 65535
//	CTL, HSL      the same lightness
//	Level of the temperature element    its place within the range
//	Level of the hue and saturation elements    hue, saturation - 32768
type Lamp struct {
	generic.Defaults
	group    *server.Group
	elements [][]access.Model

	lightness server.Fade
	last      uint16 // the lightness before it was switched off; never 0
	initial   uint16 // Light Lightness Default; 0: the last one
	darkest   uint16 // Light Lightness Range
	brightest uint16

	white *white // of a CTL light
	color *color // of an HSL light
}

const full = math.MaxUint16

func newLamp() *Lamp {
	l := &Lamp{
		Defaults:  generic.Defaults{PowerUp: generic.PowerUpRestore},
		last:      full,
		darkest:   1,
		brightest: full,
	}
	l.group = server.NewGroup(l)
	return l
}

// NewLightness makes a dimmable light.
func NewLightness() *Lamp {
	l := newLamp()
	l.elements = [][]access.Model{l.primary()}
	return l
}

// Elements returns the models of the light by element.
func (l *Lamp) Elements() [][]access.Model { return l.elements }

// primary returns the models of the first element of every light, in the order
// of the composition.
func (l *Lamp) primary() []access.Model {
	models := []access.Model{
		generic.AddOnOffServer(l.group, l),
		generic.AddLevelServer(l.group, l, false),
		generic.AddDefaultTransitionTimeServer(l.group, &l.Defaults),
	}
	models = append(models, generic.AddPowerOnOffServers(l.group, &l.Defaults)...)
	return append(models, l.addLightness()...)
}

// Lightness returns the Light Lightness Actual state: the perceived lightness,
// 0 to 65535.
func (l *Lamp) Lightness(now time.Time) uint16 { return l.limited(l.lightness.At(now)) }

// limited limits a lightness to the range; 0 is off and always allowed (section
// 6.1.2.2).
func (l *Lamp) limited(v int) uint16 {
	if v <= 0 {
		return 0
	}
	return uint16(min(max(v, int(l.darkest)), int(l.brightest)))
}

// SetLightness changes the lightness.
func (l *Lamp) SetLightness(now time.Time, lightness uint16, t server.Timing) {
	if l.fadeLightness(now, lightness, t) {
		l.group.Changed(now)
	}
}

// fadeLightness changes the lightness without informing the servers, and
// reports whether there is a change to report.
func (l *Lamp) fadeLightness(now time.Time, lightness uint16, t server.Timing) bool {
	target := l.limited(int(lightness))
	if target != 0 {
		l.last = target
	}
	return l.lightness.Start(now, int(target), t)
}

// bright is the lightness that the light is switched on with (section
// 6.1.2.2.3).
func (l *Lamp) bright() uint16 {
	if l.initial != 0 {
		return l.initial
	}
	return l.last
}

// OnOff implements generic.OnOffState: on as soon as there is light, off when
// there is none left.
func (l *Lamp) OnOff(now time.Time) generic.OnOffStatus {
	target := l.lightness.Target() > 0
	status := generic.OnOffStatus{PresentOnOff: l.Lightness(now) > 0 || target && l.lightness.IsMoving()}
	if left := l.lightness.Remaining(now); left > 0 {
		status.HasTarget, status.TargetOnOff = true, target
		status.RemainingTime = generic.RemainingTime(left)
	}
	return status
}

// SetOnOff implements generic.OnOffState. On means the default lightness, even
// if the light is already on (section 6.1.2.2.3).
func (l *Lamp) SetOnOff(now time.Time, on bool, t server.Timing) {
	if on {
		l.SetLightness(now, l.bright(), t)
	} else {
		l.SetLightness(now, 0, t)
	}
}

// Level implements generic.LevelState.
func (l *Lamp) Level(now time.Time) generic.LevelStatus {
	return levelStatus(now, &l.lightness, func(v int) int16 { return toLevel(l.limited(v)) })
}

// SetLevel implements generic.LevelState.
func (l *Lamp) SetLevel(now time.Time, level int16, t server.Timing) {
	l.SetLightness(now, fromLevel(level), t)
}

// StopLevel implements generic.LevelState.
func (l *Lamp) StopLevel(now time.Time) {
	present := l.Lightness(now)
	if l.lightness.Stop(now) {
		l.lightness.Jump(int(present))
		if present != 0 {
			l.last = present
		}
		l.group.Changed(now)
	}
}

// Deadline implements server.Machine.
func (l *Lamp) Deadline() time.Time {
	var next time.Time
	for _, f := range l.fades() {
		if d := f.Deadline(); !d.IsZero() && (next.IsZero() || d.Before(next)) {
			next = d
		}
	}
	return next
}

// Advance implements server.Machine.
func (l *Lamp) Advance(now time.Time) {
	changed := false
	for _, f := range l.fades() {
		if f.Advance(now) {
			changed = true
		}
	}
	if changed {
		l.group.Changed(now)
	}
}

// fades lists the values that can change over time.
func (l *Lamp) fades() []*server.Fade {
	fades := []*server.Fade{&l.lightness}
	if l.white != nil {
		fades = append(fades, &l.white.temperature, &l.white.deltaUV)
	}
	if l.color != nil {
		fades = append(fades, &l.color.hue, &l.color.saturation)
	}
	return fades
}

// toLevel and fromLevel are the binding of a 16-bit state to Generic Level.
func toLevel(v uint16) int16 { return int16(int(v) + math.MinInt16) }

func fromLevel(level int16) uint16 { return uint16(int(level) - math.MinInt16) }

func levelStatus(now time.Time, f *server.Fade, level func(int) int16) generic.LevelStatus {
	status := generic.LevelStatus{PresentLevel: level(f.At(now))}
	if left := f.Remaining(now); left > 0 {
		status.HasTarget, status.TargetLevel = true, level(f.Target())
		status.RemainingTime = generic.RemainingTime(left)
	}
	return status
}

// toLinear is the lightness as measured light (section 6.1.2.1.1).
func toLinear(actual uint16) uint16 {
	return uint16((uint64(actual)*uint64(actual) + full - 1) / full)
}

// fromLinear is the reverse of toLinear. toLinear rounds up and fromLinear
// rounds down, so that most values are restored exactly and the others change
// by one.
func fromLinear(linear uint16) uint16 {
	return uint16(math.Sqrt(float64(linear) * full))
}
