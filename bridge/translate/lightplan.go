package translate

import (
	"math"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
)

// lightCommand is what a command asks of a light.
type lightCommand struct {
	state      string // "" for nothing
	brightness maybe[int]
	kelvin     maybe[int]
	color      maybe[Color]
}

// read reads a command. A brightness above 0 is at least 1, and a colour
// temperature is limited to the range of the light.
func (l *lightFunction) read(c *Command) lightCommand {
	w := lightCommand{state: wantedState(c, l.shown.on)}
	if v, ok := c.Value(propBrightness); ok {
		n, _ := v.(float64)
		b := int(math.Round(n))
		if n > 0 {
			b = max(1, b)
		}
		w.brightness = sure(b)
	}
	if v, ok := c.Value(propColorTemp); ok {
		n, _ := v.(float64)
		limits := l.limits.kelvin
		w.kelvin = sure(min(max(int(math.Round(n)), int(limits.Min)), int(limits.Max)))
	}
	if v, ok := c.Value(nameColor); ok {
		color, _ := v.(Color)
		w.color = sure(color)
	}
	return w
}

// lightPlan is the messages that a command takes.
type lightPlan struct {
	*lightFunction
	transition generic.Transition
	steps      []Step
}

// Plan implements Function. It chooses the fewest messages.
func (l *lightFunction) Plan(c Command) ([]Step, error) {
	w := l.read(&c)
	if w.kelvin.known && w.color.known {
		return nil, wrongf("%s: expected only one of it and %s, got both", l.property(nameColor), l.property(propColorTemp))
	}
	p := lightPlan{lightFunction: l, transition: c.Transition}
	switch {
	case w.state == wordOff, w.brightness.known && w.brightness.value == 0:
		if w.kelvin.known && l.servers.temperature >= 0 {
			p.setTemperature(w.kelvin.value) // for when it is switched on again
		}
		p.setOff()
	case w.color.known:
		p.setColor(w.brightness.or(l.shown.brightness.or(MaxBrightness)), w.color.value)
	case w.kelvin.known:
		p.setKelvin(w, w.state == wordOn)
	case w.brightness.known:
		p.setBrightness(w.brightness.value)
	default:
		p.setOn()
	}
	return p.steps, nil
}

func (p *lightPlan) add(s Step) { p.steps = append(p.steps, s) }

// expect lets the light expect a report after the last step.
func (p *lightPlan) expect(e expected) {
	p.steps[len(p.steps)-1].Expect = &expectation{light: p.lightFunction, expected: e}
}

// setOn leaves the brightness to the light if it has a Generic OnOff server.
func (p *lightPlan) setOn() {
	if p.servers.onOff {
		p.add(setOnOff(p.servers.element, true, p.transition))
		return
	}
	p.setBrightness(p.shown.brightness.or(MaxBrightness))
}

func (p *lightPlan) setOff() {
	if p.servers.onOff {
		p.add(setOnOff(p.servers.element, false, p.transition))
		return
	}
	p.setLightness(0)
}

func (p *lightPlan) setLightness(lightness uint16) {
	if p.levelOnly() {
		p.add(setLevel(p.servers.element, toLevel(lightness), p.transition))
		if p.servers.onOff && lightness > 0 && !p.shown.on.value {
			p.add(setOnOff(p.servers.element, true, p.transition))
		}
		return
	}
	p.add(setLightness(p.servers.element, lightness, p.transition))
}

// setBrightness keeps the colour: at another value a colour has another
// saturation of HSL, so the lightness alone would change the colour.
func (p *lightPlan) setBrightness(brightness int) {
	if shown := p.shown; p.servers.hsl && shown.mode != modeColorTemp && shown.color.known && shown.color.value.S > 0 {
		p.setColor(brightness, shown.color.value)
		return
	}
	p.setLightness(p.lightnessAt(brightness))
}

func (p *lightPlan) setColor(brightness int, c Color) {
	lightness, hue, saturation := toHSL(brightness, c, p.limits.lightness)
	p.add(setHSL(p.servers.element, lightness, hue, saturation, p.transition))
	p.expect(expected{mode: modeHS, parts: partsBesideAnswer})
	if p.transition.Present && p.transition.Time != 0 {
		// The status has no target, so the target is asked for.
		p.add(ask(p.servers.element, &light.HSLTargetGet{}, light.OpHSLTargetStatus))
	}
}

func (p *lightPlan) setKelvin(w lightCommand, on bool) {
	kelvin, shown := w.kelvin.value, p.shown
	switch {
	case w.brightness.known:
		p.setCTL(p.lightnessAt(w.brightness.value), kelvin)
	case on && shown.brightness.known:
		p.setCTL(p.lightnessAt(shown.brightness.value), kelvin)
	case p.servers.temperature >= 0:
		p.setTemperature(kelvin)
		p.expect(expected{mode: modeColorTemp})
		if on {
			p.setOn()
		}
	case shown.on.known && !shown.on.value && !on:
		p.setCTL(0, kelvin)
	default:
		p.setCTL(p.lightnessAt(shown.brightness.or(MaxBrightness)), kelvin)
	}
}

func (p *lightPlan) setTemperature(kelvin int) {
	p.add(setCTLTemperature(p.servers.temperature, uint16(kelvin), p.transition))
}

func (p *lightPlan) setCTL(lightness uint16, kelvin int) {
	p.add(setCTL(p.servers.element, lightness, uint16(kelvin), p.transition))
	p.expect(expected{mode: modeColorTemp})
}

// partsBesideAnswer is enough for what a light publishes beside its answer to a
// Light HSL Set, repetitions included: OnOff, lightness, hue and saturation.
const partsBesideAnswer = 8

// expectation is what a light expects after a message.
type expectation struct {
	light    *lightFunction
	expected expected
}

// Sent implements Expectation.
func (e *expectation) Sent() {
	e.light.expected.mode = e.expected.mode
	if e.expected.parts > 0 {
		e.light.expected.parts, e.light.expected.until = e.expected.parts, time.Time{}
	}
}

// Failed implements Expectation. Reports that were only noted count now.
func (e *expectation) Failed(s *State) {
	l := e.light
	if l.expected.mode == e.expected.mode {
		l.expected.mode = ""
	}
	if e.expected.parts > 0 && l.expected.parts > 0 {
		l.expected.parts, l.expected.until = 0, time.Time{}
		l.derive()
		l.publish(s)
	}
}

// Query implements Function. It asks the server that answers most: the
// lightness tells whether a light is on, and CTL and HSL have the lightness.
func (l *lightFunction) Query(w *Wanted) []Step {
	state, brightness := w.Wants(l.property(propState)), w.Wants(l.property(propBrightness))
	kelvin, color := w.Wants(l.property(propColorTemp)), w.Wants(l.property(nameColor))
	mode := w.Wants(l.property(propColorMode))
	at, has := l.servers.element, l.servers
	var steps []Step
	if has.ctl && (kelvin || mode) {
		steps = append(steps, ask(at, &light.CTLGet{}, light.OpCTLStatus))
		state, brightness = false, brightness && has.hsl
	}
	if has.hsl && (color || mode || brightness) {
		steps = append(steps, ask(at, &light.HSLGet{}, light.OpHSLStatus))
		state, brightness = false, false
	}
	switch {
	case !state && !brightness:
	case has.lightness:
		steps = append(steps, ask(at, &light.LightnessGet{}, light.OpLightnessStatus))
	case has.ctl:
		steps = append(steps, ask(at, &light.CTLGet{}, light.OpCTLStatus))
	case has.hsl:
		steps = append(steps, ask(at, &light.HSLGet{}, light.OpHSLStatus))
	default:
		if has.level {
			steps = append(steps, ask(at, &generic.LevelGet{}, generic.OpLevelStatus))
		}
		if has.onOff {
			steps = append(steps, ask(at, &generic.OnOffGet{}, generic.OpOnOffStatus))
		}
	}
	return steps
}
