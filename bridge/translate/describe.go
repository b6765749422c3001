package translate

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// translator is the Translator of a device with a composition.
type translator struct {
	elements  int
	lamps     []*lamp
	meters    []*meter
	batteries []*battery
	buttons   []*button
	things    []Thing

	tid   uint8
	codec access.Codec
}

// Describe makes the translator of a device out of its record. A device that
// was not interviewed has no things.
func Describe(r *device.Record) Translator {
	t := &translator{
		elements: r.Elements(),
		// A device ignores a transaction that it has just seen. After a
		// restart the numbers go on somewhere else.
		tid: uint8(rand.Uint32()),
	}
	if r.Composition != nil {
		t.describe(r.Composition.Elements, &r.Details)
	}
	return t
}

func (t *translator) describe(elements []configuration.CompositionElement, d *device.Details) {
	claimed := map[int]bool{} // elements that carry a part of a light's colour
	names := namer{}
	for i := range elements {
		if claimed[i] {
			continue
		}
		if l := newLamp(elements, i, d, claimed); l != nil {
			names.lamp(&l.thing)
			t.lamps = append(t.lamps, l)
			t.things = append(t.things, l.thing)
		}
	}
	for i, e := range elements {
		if slices.Contains(e.Models, sensor.ServerID) {
			for _, id := range d.Sensors[i] {
				m := newMeter(property.ID(id), i)
				names.all(m.things)
				t.meters = append(t.meters, m)
				t.things = append(t.things, m.things...)
			}
		}
		if slices.Contains(e.Models, generic.BatteryServerID) {
			b := newBattery(i)
			names.all(b.things)
			t.batteries = append(t.batteries, b)
			t.things = append(t.things, b.things...)
		}
		if b := newButton(e.Models, i); b != nil {
			names.one(&b.thing)
			t.buttons = append(t.buttons, b)
			t.things = append(t.things, b.thing)
		}
	}
}

// namer counts things of one name; the second one is "_2".
type namer map[string]int

func (n namer) suffix(name string) string {
	n[name]++
	if n[name] == 1 {
		return ""
	}
	return fmt.Sprintf("_%d", n[name])
}

// lamp names a light or a switch. All of them have a state, so they are
// counted together.
func (n namer) lamp(t *Thing) {
	t.Suffix = n.suffix(attrState)
	t.Key = string(t.Kind) + t.Suffix
	t.Attribute = attrState + t.Suffix
}

func (n namer) one(t *Thing) {
	t.Suffix = n.suffix(t.Key)
	t.Key += t.Suffix
	if t.Attribute != "" {
		t.Attribute += t.Suffix
	}
	if t.Name != "" && t.Suffix != "" {
		t.Name += " " + t.Suffix[1:]
	}
}

func (n namer) all(things []Thing) {
	for i := range things {
		n.one(&things[i])
	}
}

// newLamp makes a light or a switch of the servers of an element, nil if there
// is nothing to switch.
func newLamp(elements []configuration.CompositionElement, index int, d *device.Details, claimed map[int]bool) *lamp {
	has := func(id mesh.ModelID) bool { return slices.Contains(elements[index].Models, id) }
	l := &lamp{
		thing:          Thing{Kind: Light, Element: index, Precision: -1},
		onOff:          has(generic.OnOffServerID),
		level:          has(generic.LevelServerID),
		lightness:      has(light.LightnessServerID),
		ctl:            has(light.CTLServerID),
		hsl:            has(light.HSLServerID),
		temperature:    -1,
		hue:            -1,
		saturation:     -1,
		lightnessRange: device.Range{Min: 1, Max: maxLightness},
		kelvinRange:    device.Range{Min: light.MinTemperature, Max: light.MaxTemperature},
	}
	l.thing.Brightness = l.level || l.lightness || l.ctl || l.hsl
	l.thing.ColorTemp, l.thing.Color = l.ctl, l.hsl
	if !l.onOff && !l.thing.Brightness {
		return nil
	}
	if !l.thing.Brightness {
		l.thing.Kind = Switch
	}
	if r, ok := d.Lightness[index]; ok && r.Min > 0 && r.Min <= r.Max {
		l.lightnessRange = r
	}
	if r, ok := d.Temperature[index]; ok && l.ctl && r.Min >= light.MinTemperature && r.Min <= r.Max && r.Max <= light.MaxTemperature {
		l.kelvinRange = r
		l.thing.MinKelvin, l.thing.MaxKelvin = int(r.Min), int(r.Max)
	}
	// The servers for a part of the colour have a Generic Level of their own,
	// so they are on elements behind (Mesh Model 1.1, sections 6.4.3 to 6.4.6).
	claim := func(wanted bool, part, whole mesh.ModelID) int {
		for i := index + 1; wanted && i < len(elements); i++ {
			switch models := elements[i].Models; {
			case slices.Contains(models, whole):
				return -1 // from here on they belong to the next light
			case slices.Contains(models, part):
				claimed[i] = true
				return i
			}
		}
		return -1
	}
	l.temperature = claim(l.ctl, light.CTLTemperatureServerID, light.CTLServerID)
	l.hue = claim(l.hsl, light.HSLHueServerID, light.HSLServerID)
	l.saturation = claim(l.hsl, light.HSLSaturationServerID, light.HSLServerID)
	return l
}

// Things lists the functions of the device in a lasting order.
func (t *translator) Things() []Thing { return slices.Clone(t.things) }

// State is all attributes with what was last reported; nil is unknown.
func (t *translator) State() map[string]any {
	state := map[string]any{}
	for _, l := range t.lamps {
		l.attributes(state)
	}
	for _, m := range t.meters {
		m.attributes(state)
	}
	for _, b := range t.batteries {
		b.attributes(state)
	}
	return state
}

// Restore sets attributes to what was stored. What cannot be is left out.
func (t *translator) Restore(state map[string]any) {
	for _, l := range t.lamps {
		l.restore(state)
	}
	for _, m := range t.meters {
		restore(m.things, m.values, state)
	}
	for _, b := range t.batteries {
		restore(b.things, b.values, state)
	}
}

// restore sets values of the right type.
func restore(things []Thing, values []any, state map[string]any) {
	for i, thing := range things {
		v := state[thing.Attribute]
		_, isBool := v.(bool)
		_, isText := v.(string)
		n, isNumber := number(v)
		switch {
		case thing.Kind == BinarySensor && isBool, thing.Kind == Sensor && isText:
			values[i] = v
		case thing.Kind == Sensor && isNumber:
			values[i] = n
		}
	}
}
