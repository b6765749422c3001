package translate

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

// Query is the messages that ask the device for attributes: one to each server
// that knows some of them.
func (t *translator) Query(element string, names []string) ([]Action, error) {
	if _, err := t.scope(element); err != nil {
		return nil, err
	}
	index, err := strconv.Atoi(element)
	within := func(thing Thing, at ...int) bool {
		if element == "" || err != nil {
			return element == "" || thing.Key == element
		}
		return thing.Element == index || slices.Contains(at, index)
	}
	left := slices.Clone(names)
	slices.Sort(left)
	left = slices.Compact(left)
	// asked reports whether an attribute is wanted, and crosses it off.
	asked := func(thing Thing, attribute string) bool {
		if len(names) == 0 {
			return true
		}
		wanted := false
		for _, name := range names {
			if name == attribute+thing.Suffix || element != "" && name == attribute {
				left = slices.DeleteFunc(left, func(s string) bool { return s == name })
				wanted = true
			}
		}
		return wanted
	}

	var q query
	for _, l := range t.lamps {
		if within(l.thing, l.temperature, l.hue, l.saturation) {
			q.lamp(l, func(attribute string) bool { return asked(l.thing, attribute) })
		}
	}
	for _, m := range t.meters {
		for _, thing := range m.things {
			if within(thing) && asked(thing, base(thing)) {
				q.sensor(m.element, m.property)
			}
		}
	}
	for _, b := range t.batteries {
		for _, thing := range b.things {
			if within(thing) && asked(thing, base(thing)) {
				q.add(b.element, &generic.BatteryGet{}, generic.OpBatteryStatus)
			}
		}
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("%w: unknown attribute %q: expected names of bridge/devices such as %s",
			ErrAttribute, clip(left[0]), clip(t.example()))
	}
	return q.messages(len(names) > 0), nil
}

// base is the attribute of a thing without its suffix.
func base(t Thing) string { return t.Attribute[:len(t.Attribute)-len(t.Suffix)] }

// example is an attribute that there is.
func (t *translator) example() string {
	for _, thing := range t.things {
		if thing.Attribute != "" {
			return thing.Attribute
		}
	}
	return "none, for this device has none"
}

// query gathers what is asked for, each message once.
type query struct {
	actions []Action
	sensors []sensorQuery
}

type sensorQuery struct {
	element    int
	properties []sensor.Get
}

func (q *query) add(element int, m access.Message, respond mesh.Opcode) {
	for _, a := range q.actions {
		if a.Element == element && a.Message.Opcode() == m.Opcode() {
			return
		}
	}
	q.actions = append(q.actions, Action{Element: element, Message: m, Respond: respond})
}

// lamp asks the server that answers most: whether a lamp shines is to be seen
// from its lightness, and CTL and HSL have that, too.
func (q *query) lamp(l *lamp, asked func(string) bool) {
	state, brightness := asked(attrState), l.thing.Brightness && asked(attrBrightness)
	kelvin, color := l.thing.ColorTemp && asked(attrColorTemp), l.thing.Color && asked(attrColor)
	mode := (l.thing.ColorTemp || l.thing.Color) && asked(attrColorMode)
	at := l.thing.Element
	if l.ctl && (kelvin || mode) {
		q.add(at, &light.CTLGet{}, light.OpCTLStatus)
		state, brightness = false, brightness && l.hsl
	}
	if l.hsl && (color || mode || brightness) {
		q.add(at, &light.HSLGet{}, light.OpHSLStatus)
		state, brightness = false, false
	}
	switch {
	case !state && !brightness:
	case l.lightness:
		q.add(at, &light.LightnessGet{}, light.OpLightnessStatus)
	case l.ctl:
		q.add(at, &light.CTLGet{}, light.OpCTLStatus)
	case l.hsl:
		q.add(at, &light.HSLGet{}, light.OpHSLStatus)
	default:
		if l.level {
			q.add(at, &generic.LevelGet{}, generic.OpLevelStatus)
		}
		if l.onOff {
			q.add(at, &generic.OnOffGet{}, generic.OpOnOffStatus)
		}
	}
}

func (q *query) sensor(element int, id property.ID) {
	i := slices.IndexFunc(q.sensors, func(s sensorQuery) bool { return s.element == element })
	if i < 0 {
		i = len(q.sensors)
		q.sensors = append(q.sensors, sensorQuery{element: element})
	}
	get := sensor.Get{HasPropertyID: true, PropertyID: id}
	if !slices.Contains(q.sensors[i].properties, get) {
		q.sensors[i].properties = append(q.sensors[i].properties, get)
	}
}

// messages lists the actions. A sensor server is asked for one property if
// only that is wanted, and for all it has otherwise.
func (q *query) messages(named bool) []Action {
	for _, s := range q.sensors {
		get := &sensor.Get{}
		if named && len(s.properties) == 1 {
			get = &s.properties[0]
		}
		q.add(s.element, get, sensor.OpStatus)
	}
	return q.actions
}
