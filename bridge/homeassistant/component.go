package homeassistant

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// builder makes the components of one device.
type builder struct {
	topics  topic.Topics
	record  *device.Record
	main    string // key of the thing that has the device's name
	buttons int
}

// component describes a thing. The error is for a kind that has no platform
// yet.
func (b *builder) component(t translate.Thing) (component, error) {
	c := component{
		"platform":  string(t.Kind),
		"unique_id": fmt.Sprintf("%s_%d_%s", identifier(b.record), t.Element, t.Key),
		"name":      b.name(t),
		"qos":       1,
	}
	b.entityID(c, t)
	if t.Diagnostic {
		c["entity_category"] = "diagnostic"
	}
	if t.Disabled {
		c["enabled_by_default"] = false
	}
	switch t.Kind {
	case translate.Light:
		b.light(c, t)
	case translate.Switch:
		c["state_topic"] = b.topics.State(b.record.Name)
		c["value_template"] = template(t, "%s")
		c["command_topic"] = b.set(t)
		c["command_template"] = `{"state":"{{ value }}"}`
	case translate.Sensor:
		b.sensor(c, t)
	case translate.BinarySensor:
		c["state_topic"] = b.topics.State(b.record.Name)
		// Home Assistant reads None as unknown.
		c["value_template"] = fmt.Sprintf("{%% set v = value_json.%s %%}{{ None if v is none else 'ON' if v else 'OFF' }}", t.Attribute)
		if t.DeviceClass != "" {
			c["device_class"] = t.DeviceClass
		}
	case translate.Button:
		c["state_topic"] = b.topics.Event(b.record.Name)
		c["event_types"] = t.EventTypes
		c["device_class"] = "button"
		if b.buttons > 1 {
			// Events of the others are left out: an empty payload is ignored.
			c["value_template"] = fmt.Sprintf("{{ value if value_json.element == %d else '' }}", t.Element)
		}
	default:
		return nil, fmt.Errorf("homeassistant: %s: %s: expected a kind of thing that has a platform, got %q", b.record.Name, t.Key, t.Kind)
	}
	return c, nil
}

// name is nil for the thing that the device is, so that it takes the name of
// the device.
func (b *builder) name(t translate.Thing) any {
	switch {
	case t.Key == b.main:
		return nil
	case t.Name != "":
		return t.Name
	}
	words := strings.ReplaceAll(t.Key, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// entityID proposes what the entity is called in automations. Where the name
// has no letter of the alphabet Home Assistant finds one by itself.
func (b *builder) entityID(c component, t translate.Thing) {
	id := slug(b.record.Name)
	if id == "" {
		return
	}
	if t.Key != b.main {
		id += "_" + t.Key
	}
	c["default_entity_id"] = string(t.Kind) + "." + id
}

// set is where commands for a thing go. With its element in the topic the
// attributes need no suffix.
func (b *builder) set(t translate.Thing) string {
	if t.Suffix == "" {
		return b.topics.Set(b.record.Name)
	}
	return b.topics.SetElement(b.record.Name, strconv.Itoa(t.Element))
}

// template reads the attribute of a thing out of the document of the device.
func template(t translate.Thing, format string) string {
	return "{{ " + fmt.Sprintf(format, "value_json."+t.Attribute) + " }}"
}

func (b *builder) sensor(c component, t translate.Thing) {
	c["state_topic"] = b.topics.State(b.record.Name)
	c["value_template"] = template(t, "%s")
	for key, value := range map[string]string{
		"device_class":        t.DeviceClass,
		"unit_of_measurement": t.Unit,
		"state_class":         t.StateClass,
	} {
		if value != "" {
			c[key] = value
		}
	}
	if t.Precision >= 0 {
		c["suggested_display_precision"] = t.Precision
	}
}

// light describes a light. The first one has the document of the device to
// itself; Home Assistant reads that as it is and takes no template, so further
// ones are of the other schema, with a template for everything.
func (b *builder) light(c component, t translate.Thing) {
	c["state_topic"] = b.topics.State(b.record.Name)
	c["command_topic"] = b.set(t)
	if t.Suffix != "" {
		b.templateLight(c, t)
		return
	}
	c["schema"] = "json"
	c["flash"] = false
	c["brightness"] = t.Brightness
	modes := []string{}
	if t.ColorTemp {
		modes = append(modes, "color_temp")
		kelvin(c, t)
	}
	if t.Color {
		modes = append(modes, "hs")
	}
	switch {
	case len(modes) > 0:
	case t.Brightness:
		modes = append(modes, "brightness")
	default:
		modes = append(modes, "onoff")
	}
	c["supported_color_modes"] = modes
}

func kelvin(c component, t translate.Thing) {
	c["color_temp_kelvin"] = true
	if t.MinKelvin > 0 && t.MaxKelvin >= t.MinKelvin {
		c["min_kelvin"], c["max_kelvin"] = t.MinKelvin, t.MaxKelvin
	}
}

func (b *builder) templateLight(c component, t translate.Thing) {
	attribute := func(name string) string { return "value_json." + name + t.Suffix }
	c["schema"] = "template"
	c["state_template"] = fmt.Sprintf("{%% set v = %s %%}{{ None if v is none else v | lower }}", attribute("state"))
	parts := []string{`"state":"ON"`}
	part := func(variable, json string) {
		parts = append(parts, fmt.Sprintf("{%% if %s is defined %%},%s{%% endif %%}", variable, json))
	}
	if t.Brightness {
		c["brightness_template"] = orNothing(attribute("brightness"), attribute("brightness"))
		part("brightness", `"brightness":{{ brightness }}`)
	}
	if t.ColorTemp {
		c["color_temp_template"] = orNothing(attribute("color_temp"), attribute("color_temp"))
		kelvin(c, t)
		part("color_temp", `"color_temp":{{ color_temp }}`)
	}
	if t.Color {
		// This schema knows no hue in a state, only red, green and blue.
		for i, name := range []string{"red", "green", "blue"} {
			color := attribute("color")
			c[name+"_template"] = orNothing(color, fmt.Sprintf(
				"(255 * (1 - %[1]s.s / 100 * [0, [k, 4 - k, 1] | min] | max)) | round | int", color),
				fmt.Sprintf("{%% set k = (%d + %s.h / 60) %% 6 %%}", []int{5, 3, 1}[i], color))
		}
		part("hue", `"color":{"h":{{ hue }},"s":{{ sat }}}`)
	}
	const transition = `{% if transition is defined %},"transition":{{ transition }}{% endif %}`
	c["command_on_template"] = "{" + strings.Join(parts, "") + transition + "}"
	c["command_off_template"] = `{"state":"OFF"` + transition + "}"
}

// orNothing is a template that yields nothing while the attribute is unknown.
func orNothing(attribute, expression string, before ...string) string {
	return fmt.Sprintf("{%% if %s is not none %%}%s{{ %s }}{%% endif %%}", attribute, strings.Join(before, ""), expression)
}
