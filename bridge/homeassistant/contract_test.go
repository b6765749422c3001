package homeassistant_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What Home Assistant documents for each platform. It drops an unknown key of
// a component silently, which is worse than an error, and refuses a document
// with an unknown key above the components.
func words(s string) []string { return strings.Fields(s) }

func deviceLevel() []string {
	return words(`device origin components availability availability_mode availability_template availability_topic
		payload_available payload_not_available state_topic command_topic qos encoding`)
}

func deviceBlock() []string {
	return words(`identifiers connections name manufacturer model model_id serial_number sw_version hw_version
		via_device suggested_area configuration_url`)
}

func everyPlatform() []string {
	return words(`platform unique_id name default_entity_id enabled_by_default entity_category icon entity_picture
		json_attributes_topic json_attributes_template qos encoding group availability availability_topic
		availability_template availability_mode payload_available payload_not_available`)
}

// platform is the keys of one platform: those that must be there, and others.
type platform struct{ required, optional []string }

func platforms() map[string]platform {
	return map[string]platform{
		"light json": {words("schema command_topic"), words(`state_topic brightness brightness_scale supported_color_modes
			color_temp_kelvin min_kelvin max_kelvin min_mireds max_mireds effect effect_list transition flash
			flash_time_short flash_time_long white_scale optimistic retain`)},
		"light template": {words("schema command_topic command_on_template command_off_template"), words(`state_topic state_template
			brightness_template color_temp_template color_temp_kelvin min_kelvin max_kelvin min_mireds max_mireds
			red_template green_template blue_template effect_template effect_list optimistic retain`)},
		"switch": {words("command_topic"), words(`state_topic payload_on payload_off state_on state_off value_template
			command_template device_class optimistic retain`)},
		"sensor": {words("state_topic"), words(`device_class unit_of_measurement state_class suggested_display_precision
			options last_reset_value_template expire_after force_update value_template`)},
		"binary_sensor": {words("state_topic"), words("payload_on payload_off value_template device_class off_delay expire_after force_update")},
		"event":         {words("state_topic event_types"), words("value_template device_class")},
		"number": {words("command_topic"), words(`state_topic command_template value_template device_class min max step mode
			unit_of_measurement optimistic retain`)},
		"select": {words("command_topic options"), words("state_topic command_template value_template optimistic retain")},
		"text":   {words("command_topic"), words("state_topic command_template value_template min max mode pattern retain")},
	}
}

func sensorClasses() []string {
	return words(`apparent_power atmospheric_pressure battery carbon_dioxide current distance duration energy frequency
		humidity illuminance power power_factor precipitation pressure sound_pressure temperature voltage
		volatile_organic_compounds_parts wind_direction wind_speed`)
}

func binaryClasses() []string { return words("battery battery_charging motion occupancy problem") }

func TestContract(t *testing.T) {
	id := regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	for name, r := range devices() {
		t.Run(name, func(t *testing.T) {
			data := discover(t, r)
			var d map[string]any
			if err := json.Unmarshal(data, &d); err != nil {
				t.Fatal(err)
			}
			check(t, "document", d, words("device origin components"), deviceLevel())
			check(t, "device", d["device"].(map[string]any), words("identifiers name"), deviceBlock())
			check(t, "origin", d["origin"].(map[string]any), words("name"), words("sw_version support_url"))
			for _, a := range d["availability"].([]any) {
				check(t, "availability", a.(map[string]any), words("topic"), words("payload_available payload_not_available value_template"))
			}
			if d["availability_mode"] != "all" {
				t.Errorf("availability_mode %v", d["availability_mode"])
			}
			mains := 0
			for key, c := range components(t, data) {
				if !id.MatchString(key) || !id.MatchString(c["unique_id"].(string)) {
					t.Errorf("%s: identifiers take letters, digits, underscore and hyphen: %v", key, c["unique_id"])
				}
				kind := c["platform"].(string)
				if kind == "light" {
					kind += " " + c["schema"].(string)
				}
				p, known := platforms()[kind]
				if !known {
					t.Errorf("%s: platform %q", key, kind)
				}
				check(t, key, c, append(words("platform unique_id name"), p.required...), append(everyPlatform(), p.optional...))
				checkValues(t, key, c)
				if c["name"] == nil {
					mains++
				}
			}
			if mains > 1 {
				t.Errorf("%d components have the name of the device", mains)
			}
		})
	}
}

func check(t *testing.T, what string, keys map[string]any, required, allowed []string) {
	t.Helper()
	for _, k := range required {
		if _, there := keys[k]; !there {
			t.Errorf("%s: %s is missing", what, k)
		}
	}
	for k := range keys {
		if !slices.Contains(required, k) && !slices.Contains(allowed, k) {
			t.Errorf("%s: Home Assistant knows no %s", what, k)
		}
	}
}

// checkValues holds values against what their keys take.
func checkValues(t *testing.T, key string, c map[string]any) {
	t.Helper()
	in := func(k string, allowed ...string) {
		if v, there := c[k]; there && !slices.Contains(allowed, v.(string)) {
			t.Errorf("%s: %s is %v", key, k, v)
		}
	}
	in("entity_category", "diagnostic", "config")
	in("state_class", "measurement", "measurement_angle", "total", "total_increasing")
	switch c["platform"] {
	case "sensor":
		in("device_class", sensorClasses()...)
		checkUnit(t, key, c)
		if c["state_class"] == "measurement_angle" && c["unit_of_measurement"] != "°" {
			t.Errorf("%s: an angle in %v", key, c["unit_of_measurement"])
		}
		if c["device_class"] == "energy" && c["state_class"] == "measurement" {
			t.Errorf("%s: energy is a total", key)
		}
	case "binary_sensor":
		in("device_class", binaryClasses()...)
	case "event":
		in("device_class", "button")
		if len(c["event_types"].([]any)) == 0 {
			t.Errorf("%s: no event types", key)
		}
	case "light":
		if c["schema"] == "json" {
			checkModes(t, key, c)
		}
	}
	if id, there := c["default_entity_id"]; there && !regexp.MustCompile(`^`+c["platform"].(string)+`\.[a-z0-9_]+$`).MatchString(id.(string)) {
		t.Errorf("%s: default_entity_id %v", key, id)
	}
	for k, v := range c {
		if text, ok := v.(string); ok && strings.HasSuffix(k, "_template") {
			checkTemplate(t, key+" "+k, text)
		}
	}
}

// checkUnit: Home Assistant refuses a measurement whose unit is not one of its
// class.
func checkUnit(t *testing.T, key string, c map[string]any) {
	t.Helper()
	class, _ := c["device_class"].(string)
	unit, _ := c["unit_of_measurement"].(string)
	units := map[string][]string{
		"temperature": {"°C"}, "humidity": {"%"}, "illuminance": {"lx"}, "power": {"W"}, "energy": {"kWh"},
		"carbon_dioxide": {"ppm"}, "volatile_organic_compounds_parts": {"ppb"}, "sound_pressure": {"dB"},
		"atmospheric_pressure": {"hPa"}, "pressure": {"Pa"}, "precipitation": {"mm"}, "wind_speed": {"m/s"},
		"wind_direction": {"°"}, "apparent_power": {"VA"}, "power_factor": {""}, "current": {"A"}, "voltage": {"V"},
		"frequency": {"Hz"}, "duration": {"s", "min", "h"}, "battery": {"%"},
	}
	if class != "" && !slices.Contains(units[class], unit) {
		t.Errorf("%s: class %s with unit %q", key, class, unit)
	}
}

// checkTemplate: what remains without expressions and statements has no
// brackets of either, and as many ifs end as begin.
func checkTemplate(t *testing.T, what, text string) {
	t.Helper()
	rest := regexp.MustCompile(`\{\{.*?\}\}|\{%.*?%\}`).ReplaceAllString(text, "")
	if strings.Contains(rest, "{{") || strings.Contains(rest, "{%") || strings.Contains(rest, "%}") ||
		strings.Count(text, "{% if ") != strings.Count(text, "{% endif %}") {
		t.Errorf("%s is not closed: %s", what, text)
	}
}

// checkModes: onoff and brightness stand only alone.
func checkModes(t *testing.T, key string, c map[string]any) {
	t.Helper()
	modes := c["supported_color_modes"].([]any)
	for _, m := range modes {
		if !slices.Contains(words("onoff brightness color_temp hs"), m.(string)) || (m == "onoff" || m == "brightness") && len(modes) > 1 {
			t.Errorf("%s: modes %v", key, modes)
		}
	}
	if len(modes) == 0 {
		t.Errorf("%s: no modes", key)
	}
	if slices.Contains(modes, any("color_temp")) && c["color_temp_kelvin"] != true {
		t.Errorf("%s: colour temperatures are in kelvin", key)
	}
	low, hasLow := c["min_kelvin"].(float64)
	high, hasHigh := c["max_kelvin"].(float64)
	if hasLow != hasHigh || low > high {
		t.Errorf("%s: %v to %v kelvin", key, c["min_kelvin"], c["max_kelvin"])
	}
}
