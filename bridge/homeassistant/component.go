package homeassistant

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// entity is the keys that every platform has.
type entity struct {
	DefaultEntityID  string             `json:"default_entity_id,omitempty"`
	EnabledByDefault *bool              `json:"enabled_by_default,omitempty"`
	EntityCategory   translate.Category `json:"entity_category,omitempty"`
	Name             *string            `json:"name"` // null: the name of the device
	Platform         string             `json:"platform"`
	QoS              int                `json:"qos"`
	StateTopic       string             `json:"state_topic"`
	UniqueID         string             `json:"unique_id"`
}

// gone is a component that the device has no longer.
type gone struct {
	Platform string `json:"platform"`
}

type sensor struct {
	entity
	DeviceClass       string   `json:"device_class,omitempty"`
	Options           []string `json:"options,omitempty"`
	StateClass        string   `json:"state_class,omitempty"`
	Precision         *int     `json:"suggested_display_precision,omitempty"`
	UnitOfMeasurement string   `json:"unit_of_measurement,omitempty"`
	ValueTemplate     string   `json:"value_template"`
}

type binarySensor struct {
	entity
	DeviceClass   string `json:"device_class,omitempty"`
	ValueTemplate string `json:"value_template"`
}

type event struct {
	entity
	DeviceClass   string   `json:"device_class"`
	EventTypes    []string `json:"event_types"`
	ValueTemplate string   `json:"value_template,omitempty"`
}

// setting is a number, a select, a switch or a text: a value that a command
// sets as it is.
type setting struct {
	entity
	CommandTemplate   string   `json:"command_template"`
	CommandTopic      string   `json:"command_topic"`
	Max               *float64 `json:"max,omitempty"`
	Min               *float64 `json:"min,omitempty"`
	Options           []string `json:"options,omitempty"`
	Step              float64  `json:"step,omitempty"`
	UnitOfMeasurement string   `json:"unit_of_measurement,omitempty"`
	ValueTemplate     string   `json:"value_template"`
}

// kelvin is the colour temperatures of a light.
type kelvin struct {
	ColorTempKelvin bool `json:"color_temp_kelvin,omitempty"`
	MaxKelvin       int  `json:"max_kelvin,omitempty"`
	MinKelvin       int  `json:"min_kelvin,omitempty"`
}

// jsonLight is a light of the schema "json".
type jsonLight struct {
	entity
	kelvin
	Brightness          bool     `json:"brightness"`
	CommandTopic        string   `json:"command_topic"`
	Flash               bool     `json:"flash"`
	Schema              string   `json:"schema"`
	SupportedColorModes []string `json:"supported_color_modes"`
}

// templateLight is a light of the schema "template".
type templateLight struct {
	entity
	kelvin
	BlueTemplate       string `json:"blue_template,omitempty"`
	BrightnessTemplate string `json:"brightness_template,omitempty"`
	ColorTempTemplate  string `json:"color_temp_template,omitempty"`
	CommandOffTemplate string `json:"command_off_template"`
	CommandOnTemplate  string `json:"command_on_template"`
	CommandTopic       string `json:"command_topic"`
	GreenTemplate      string `json:"green_template,omitempty"`
	RedTemplate        string `json:"red_template,omitempty"`
	Schema             string `json:"schema"`
	StateTemplate      string `json:"state_template"`
}

// encode writes a component with its keys in alphabetical order, as earlier
// versions did, so that a document with the same content has the same octets.
func encode(component any) (json.RawMessage, error) {
	data, err := json.Marshal(component)
	if err != nil {
		return nil, err
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, err
	}
	return json.Marshal(keys)
}

// builder makes the components of one device.
type builder struct {
	topics topic.Topics
	record *device.Record
	main   string // key of the main feature
	events int    // features with events
}

// component describes a feature. The error is for a feature that no platform
// can show.
func (b *builder) component(f *translate.Feature) (any, error) {
	switch Platform(f) {
	case platformLight:
		return b.light(f), nil
	case platformSwitch:
		state := f
		if len(f.Parts) > 0 {
			state = &f.Parts[0]
		}
		return b.setting(f, state), nil
	case platformNumber, platformSelect, platformText:
		return b.setting(f, f), nil
	case platformSensor:
		return b.sensor(f), nil
	case platformBinarySensor:
		return binarySensor{
			entity:        b.entity(f),
			DeviceClass:   binaryClass(f.Name),
			ValueTemplate: onOff(f),
		}, nil
	case platformEvent:
		c := event{entity: b.entity(f), DeviceClass: "button", EventTypes: f.Values}
		c.StateTopic = b.topics.Event(b.record.Name)
		if b.events > 1 {
			// Home Assistant ignores an empty payload: an event of another element.
			c.ValueTemplate = fmt.Sprintf("{{ value if value_json.element == %d else '' }}", f.Element)
		}
		return c, nil
	default:
		return nil, fmt.Errorf("homeassistant: %s: %s: expected a feature that a platform can show, got %q", b.record.Name, f.Key, f.Name)
	}
}

// entity describes what all platforms have in common.
func (b *builder) entity(f *translate.Feature) entity {
	e := entity{
		DefaultEntityID: b.entityID(f),
		EntityCategory:  f.Category,
		Name:            b.name(f),
		Platform:        Platform(f),
		QoS:             1,
		StateTopic:      b.topics.State(b.record.Name),
		UniqueID:        fmt.Sprintf("%s_%d_%s", identifier(b.record), f.Element, f.Key),
	}
	if f.Hidden {
		e.EnabledByDefault = new(bool)
	}
	return e
}

// name is nil for the main feature, which takes the name of the device.
func (b *builder) name(f *translate.Feature) *string {
	name := f.Label
	switch {
	case f.Key == b.main:
		return nil
	case name == "":
		words := strings.ReplaceAll(f.Key, "_", " ")
		name = strings.ToUpper(words[:1]) + words[1:]
	}
	return &name
}

// entityID proposes the identifier of the entity. If the name of the device has
// no Latin letters or digits, Home Assistant chooses one.
func (b *builder) entityID(f *translate.Feature) string {
	id := slug(b.record.Name)
	if id == "" {
		return ""
	}
	if f.Key != b.main {
		id += "_" + f.Key
	}
	return Platform(f) + "." + id
}

// set is where commands for a feature go. With its element in the topic the
// attributes need no suffix.
func (b *builder) set(f *translate.Feature) string {
	if f.Suffix == "" {
		return b.topics.Set(b.record.Name)
	}
	return b.topics.SetElement(b.record.Name, strconv.Itoa(f.Element))
}

// onOff reads true or false out of the document of the device, as Home Assistant
// writes it. Home Assistant reads None as unknown.
func onOff(f *translate.Feature) string {
	return fmt.Sprintf("{%% set v = value_json.%s %%}{{ None if v is none else 'ON' if v else 'OFF' }}", f.Property)
}

// value reads the value of a feature out of the document of the device.
func value(f *translate.Feature) string { return "{{ value_json." + f.Property + " }}" }

func (b *builder) sensor(f *translate.Feature) sensor {
	c := sensor{
		entity:            b.entity(f),
		DeviceClass:       sensorClass(f.Name),
		UnitOfMeasurement: f.Unit,
		ValueTemplate:     value(f),
	}
	switch f.Type {
	case translate.TypeNumeric:
		c.StateClass = stateClass(f.Name)
		if digits := f.Digits(); digits >= 0 {
			c.Precision = &digits
		}
	case translate.TypeEnum:
		c.DeviceClass, c.Options = "enum", f.Values
	}
	return c
}

// setting describes a feature whose value a command sets. v is the feature
// itself, or the part that has the value.
func (b *builder) setting(f, v *translate.Feature) setting {
	c := setting{
		entity:            b.entity(f),
		CommandTemplate:   fmt.Sprintf(`{%q:"{{ value }}"}`, strings.TrimSuffix(v.Property, v.Suffix)),
		CommandTopic:      b.set(f),
		Options:           v.Values,
		Step:              v.Step,
		UnitOfMeasurement: v.Unit,
		ValueTemplate:     value(v),
	}
	if v.Binary.On == true {
		c.ValueTemplate = onOff(v)
	}
	if v.Range != nil {
		c.Min, c.Max = &v.Range.Min, &v.Range.Max
	}
	return c
}

// light describes a light. For the first one Home Assistant reads the state
// document of the device as it is: the schema "json" takes no templates. Further
// lights use the schema "template", which has a template for each value.
func (b *builder) light(f *translate.Feature) any {
	if f.Suffix != "" {
		return b.templateLight(f)
	}
	c := jsonLight{
		entity:              b.entity(f),
		kelvin:              kelvinOf(f),
		Brightness:          f.Part("brightness") != nil,
		CommandTopic:        b.set(f),
		Schema:              "json",
		SupportedColorModes: []string{},
	}
	for _, part := range f.Parts {
		switch part.Name {
		case "color_temp":
			c.SupportedColorModes = append(c.SupportedColorModes, "color_temp")
		case "color_hs":
			c.SupportedColorModes = append(c.SupportedColorModes, "hs")
		}
	}
	switch {
	case len(c.SupportedColorModes) > 0:
	case c.Brightness:
		c.SupportedColorModes = append(c.SupportedColorModes, "brightness")
	default:
		c.SupportedColorModes = append(c.SupportedColorModes, "onoff")
	}
	return c
}

// kelvinOf is the range of colour temperatures of a light.
func kelvinOf(f *translate.Feature) kelvin {
	part := f.Part("color_temp")
	switch {
	case part == nil:
		return kelvin{}
	case part.Range == nil:
		return kelvin{ColorTempKelvin: true}
	default:
		return kelvin{ColorTempKelvin: true, MinKelvin: int(part.Range.Min), MaxKelvin: int(part.Range.Max)}
	}
}

func (b *builder) templateLight(f *translate.Feature) templateLight {
	const transition = `{% if transition is defined %},"transition":{{ transition }}{% endif %}`
	c := templateLight{
		entity:             b.entity(f),
		kelvin:             kelvinOf(f),
		CommandOffTemplate: `{"state":"OFF"` + transition + "}",
		CommandTopic:       b.set(f),
		Schema:             "template",
	}
	on := `"state":"ON"`
	part := func(variable, json string) {
		on += fmt.Sprintf("{%% if %s is defined %%},%s{%% endif %%}", variable, json)
	}
	for i := range f.Parts {
		attribute := "value_json." + f.Parts[i].Property
		switch f.Parts[i].Name {
		case "state":
			c.StateTemplate = fmt.Sprintf("{%% set v = %s %%}{{ None if v is none else v | lower }}", attribute)
		case "brightness":
			c.BrightnessTemplate = orNothing(attribute, attribute)
			part("brightness", `"brightness":{{ brightness }}`)
		case "color_temp":
			c.ColorTempTemplate = orNothing(attribute, attribute)
			part("color_temp", `"color_temp":{{ color_temp }}`)
		case "color_hs":
			// In this schema a state has red, green and blue, and no hue.
			c.RedTemplate, c.GreenTemplate, c.BlueTemplate = primary(attribute, 5), primary(attribute, 3), primary(attribute, 1)
			part("hue", `"color":{"h":{{ hue }},"s":{{ sat }}}`)
		}
	}
	c.CommandOnTemplate = "{" + on + transition + "}"
	return c
}

// primary is a template for red, green or blue of a colour, 0 to 255; offset is
// where on the circle of hues it is greatest, in sixths of the circle.
func primary(color string, offset int) string {
	return orNothing(color, fmt.Sprintf(
		"(255 * (1 - %[1]s.s / 100 * [0, [k, 4 - k, 1] | min] | max)) | round | int", color),
		fmt.Sprintf("{%% set k = (%d + %s.h / 60) %% 6 %%}", offset, color))
}

// orNothing is a template that is empty while the attribute is unknown.
func orNothing(attribute, expression string, before ...string) string {
	return fmt.Sprintf("{%% if %s is not none %%}%s{{ %s }}{%% endif %%}", attribute, strings.Join(before, ""), expression)
}
