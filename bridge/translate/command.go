package translate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
)

// How a command is carried out, beside its attributes.
const (
	optionTransition = "transition"
	optionDelay      = "delay"
)

// wish is what a command wants of one lamp.
type wish struct {
	state      maybe[string]
	brightness maybe[int]
	kelvin     maybe[int]
	color      maybe[Color]
}

// Command turns attributes into messages, in the order to send them.
func (t *translator) Command(element string, attributes map[string]json.RawMessage) ([]Action, error) {
	lamps, err := t.scope(element)
	if err != nil {
		return nil, err
	}
	wishes := make([]wish, len(lamps))
	var transition generic.Transition
	wanted := false
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		raw := attributes[name]
		switch name {
		case optionTransition:
			transition.Time, err = readTransition(name, raw)
			transition.Present = true
		case optionDelay:
			transition.Delay, err = readDelay(name, raw)
			transition.Present = true
		default:
			i, attribute := t.settable(lamps, element != "", name)
			if i < 0 {
				return nil, t.unknown(lamps, name)
			}
			err = wishes[i].read(lamps[i], attribute, name, raw)
			wanted = true
		}
		if err != nil {
			return nil, err
		}
	}
	if !wanted {
		return nil, fmt.Errorf("%w: expected at least one attribute: %s", ErrAttribute, settableNames(lamps))
	}
	var actions []Action
	for i, w := range wishes {
		if w == (wish{}) {
			continue
		}
		if w.kelvin.known && w.color.known {
			return nil, fmt.Errorf("%w: %s: expected only one of it and %s, got both", ErrAttribute,
				attrColor+lamps[i].thing.Suffix, attrColorTemp+lamps[i].thing.Suffix)
		}
		p := plan{translator: t, lamp: lamps[i], transition: transition}
		p.carryOut(w)
		actions = append(actions, p.actions...)
	}
	return actions, nil
}

// scope is the lamps that an element of a topic stands for.
func (t *translator) scope(element string) ([]*lamp, error) {
	if element == "" {
		return t.lamps, nil
	}
	keys := make([]string, 0, len(t.things))
	for _, thing := range t.things {
		keys = append(keys, thing.Key)
	}
	i, err := strconv.Atoi(element)
	isIndex := err == nil && i >= 0 && i < t.elements
	if !isIndex && !slices.Contains(keys, element) {
		expected := fmt.Sprintf("0 to %d", t.elements-1)
		if len(keys) > 0 {
			expected += " or " + clip(strings.Join(keys, ", "))
		}
		return nil, fmt.Errorf("%w: element: expected %s, got %q", ErrAttribute, expected, clip(element))
	}
	var lamps []*lamp
	for _, l := range t.lamps {
		if isIndex && l.owns(i) || !isIndex && l.thing.Key == element {
			lamps = append(lamps, l)
		}
	}
	return lamps, nil
}

// settable finds the lamp that an attribute belongs to; its suffix may be left
// out where the topic has named the element. It returns -1 for none.
func (t *translator) settable(lamps []*lamp, named bool, name string) (int, string) {
	for i, l := range lamps {
		for _, a := range l.settable() {
			if name == a+l.thing.Suffix || named && name == a {
				return i, a
			}
		}
	}
	return -1, ""
}

// settable lists the attributes of the lamp that a command may have.
func (l *lamp) settable() []string {
	names := []string{attrState}
	if l.thing.Brightness {
		names = append(names, attrBrightness)
	}
	if l.thing.ColorTemp {
		names = append(names, attrColorTemp)
	}
	if l.thing.Color {
		names = append(names, attrColor)
	}
	return names
}

func settableNames(lamps []*lamp) string {
	var names []string
	for _, l := range lamps {
		for _, a := range l.settable() {
			names = append(names, a+l.thing.Suffix)
		}
	}
	if len(names) == 0 {
		return "none, for there is nothing to set here"
	}
	return strings.Join(append(names, optionTransition, optionDelay), ", ")
}

// unknown is the error for an attribute that no lamp has.
func (t *translator) unknown(lamps []*lamp, name string) error {
	reported := slices.ContainsFunc(t.things, func(thing Thing) bool {
		return thing.Attribute == name && (thing.Kind == Sensor || thing.Kind == BinarySensor)
	})
	if reported {
		return fmt.Errorf("%w: %s: cannot be set, it is only reported; expected %s", ErrAttribute, name, settableNames(lamps))
	}
	return fmt.Errorf("%w: unknown attribute %q: expected %s", ErrAttribute, clip(name), settableNames(lamps))
}

func (w *wish) read(l *lamp, attribute, name string, raw json.RawMessage) error {
	var err error
	switch attribute {
	case attrState:
		w.state.known = true
		w.state.value, err = readState(name, raw)
	case attrBrightness:
		w.brightness.known = true
		w.brightness.value, err = readBrightness(name, raw)
	case attrColorTemp:
		w.kelvin.known = true
		w.kelvin.value, err = l.readKelvin(name, raw)
	case attrColor:
		w.color.known = true
		w.color.value, err = readColor(name, raw)
	}
	return err
}

// plan is the messages that a wish takes.
type plan struct {
	*translator
	lamp       *lamp
	transition generic.Transition
	actions    []Action
}

func (p *plan) add(element int, m access.Message, respond mesh.Opcode) {
	p.actions = append(p.actions, Action{Element: element, Message: m, Respond: respond, Accept: answerTo(m)})
}

// next is a transaction identifier of its own for each message.
func (p *plan) next() uint8 {
	p.tid++
	return p.tid
}

// carryOut chooses the fewest messages that do it.
func (p *plan) carryOut(w wish) {
	l := p.lamp
	word := w.state.value
	if word == wordToggle {
		word = wordOn
		if l.on.known && l.on.value {
			word = wordOff
		}
	}
	switch {
	case word == wordOff, w.brightness.known && w.brightness.value == 0:
		if w.kelvin.known && l.temperature >= 0 {
			p.setTemperature(w.kelvin.value) // for when it goes on again
		}
		p.setOff()
	case w.color.known:
		p.setColor(w.brightness.or(l.brightness.or(MaxBrightness)), w.color.value)
	case w.kelvin.known:
		p.setKelvin(w, word == wordOn)
	case w.brightness.known:
		p.setBrightness(w.brightness.value)
	default:
		p.setOn()
	}
}

func (p *plan) setOnOff(on bool) {
	p.add(p.lamp.thing.Element, &generic.OnOffSet{OnOff: on, TID: p.next(), Transition: p.transition}, generic.OpOnOffStatus)
}

// setOn leaves it to the lamp how bright it goes on, if that is up to it.
func (p *plan) setOn() {
	if p.lamp.onOff {
		p.setOnOff(true)
		return
	}
	p.setBrightness(p.lamp.brightness.or(MaxBrightness))
}

func (p *plan) setOff() {
	if p.lamp.onOff {
		p.setOnOff(false)
		return
	}
	p.setLightness(0)
}

func (p *plan) setLightness(lightness uint16) {
	element := p.lamp.thing.Element
	if p.lamp.levelOnly() {
		p.add(element, &generic.LevelSet{Level: toLevel(lightness), TID: p.next(), Transition: p.transition}, generic.OpLevelStatus)
		if p.lamp.onOff && lightness > 0 && !p.lamp.on.value {
			p.setOnOff(true)
		}
		return
	}
	p.add(element, &light.LightnessSet{Lightness: lightness, TID: p.next(), Transition: p.transition}, light.OpLightnessStatus)
}

// setBrightness keeps the colour: at another value a colour has another
// saturation of HSL, so the lightness alone would bleach it.
func (p *plan) setBrightness(brightness int) {
	if l := p.lamp; l.hsl && l.mode != modeColorTemp && l.color.known && l.color.value.S > 0 {
		p.setColor(brightness, l.color.value)
		return
	}
	p.setLightness(p.lamp.lightnessAt(brightness))
}

func (p *plan) setColor(brightness int, c Color) {
	l := p.lamp
	l.asked = modeHS
	l.patience = somePatience
	lightness, hue, saturation := toHSL(brightness, c, l.lightnessRange)
	p.add(l.thing.Element, &light.HSLSet{
		HSLLightness: lightness, HSLHue: hue, HSLSaturation: saturation, TID: p.next(), Transition: p.transition,
	}, light.OpHSLStatus)
	if p.transition.Present && p.transition.Time != 0 {
		// Its status has no target, so the target is asked for.
		p.add(l.thing.Element, &light.HSLTargetGet{}, light.OpHSLTargetStatus)
	}
}

func (p *plan) setKelvin(w wish, on bool) {
	l := p.lamp
	l.asked = modeColorTemp
	switch {
	case w.brightness.known:
		p.setCTL(l.lightnessAt(w.brightness.value), w.kelvin.value)
	case on && l.brightness.known:
		p.setCTL(l.lightnessAt(l.brightness.value), w.kelvin.value)
	case l.temperature >= 0:
		p.setTemperature(w.kelvin.value)
		if on {
			p.setOn()
		}
	case l.on.known && !l.on.value && !on:
		p.setCTL(0, w.kelvin.value)
	default:
		p.setCTL(l.lightnessAt(l.brightness.or(MaxBrightness)), w.kelvin.value)
	}
}

func (p *plan) setTemperature(kelvin int) {
	p.add(p.lamp.temperature, &light.CTLTemperatureSet{
		CTLTemperature: uint16(kelvin), TID: p.next(), Transition: p.transition,
	}, light.OpCTLTemperatureStatus)
}

func (p *plan) setCTL(lightness uint16, kelvin int) {
	p.add(p.lamp.thing.Element, &light.CTLSet{
		CTLLightness: lightness, CTLTemperature: uint16(kelvin), TID: p.next(), Transition: p.transition,
	}, light.OpCTLStatus)
}
