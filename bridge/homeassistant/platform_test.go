package homeassistant_test

import (
	"encoding/json"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// TestPlatform: a feature of any family has a platform by its type and access.
func TestPlatform(t *testing.T) {
	const settable = translate.Published | translate.Settable
	for _, c := range []struct {
		feature   translate.Feature
		platform  string
		component string // beside what all have
	}{
		{
			translate.Feature{Type: translate.TypeNumeric, Access: translate.Published, Unit: "W", Step: 0.1},
			"sensor",
			`{"state_class":"measurement","suggested_display_precision":1,"unit_of_measurement":"W","value_template":"{{ value_json.f_2 }}"}`,
		},
		{
			translate.Feature{Type: translate.TypeNumeric, Access: settable, Unit: "s", Step: 0.5, Range: &translate.Range{Min: 0, Max: 60}},
			"number",
			`{"command_template":"{\"f\":\"{{ value }}\"}","command_topic":"btmesh2mqtt/demo_plug/3/set","max":60,"min":0,"step":0.5,` +
				`"unit_of_measurement":"s","value_template":"{{ value_json.f_2 }}"}`,
		},
		{
			translate.Feature{Type: translate.TypeBinary, Access: translate.Published},
			"binary_sensor",
			`{"value_template":"{% set v = value_json.f_2 %}{{ None if v is none else 'ON' if v else 'OFF' }}"}`,
		},
		{
			translate.Feature{Type: translate.TypeBinary, Access: settable, Binary: translate.Binary{On: "ON", Off: "OFF"}},
			"switch",
			`{"command_template":"{\"f\":\"{{ value }}\"}","command_topic":"btmesh2mqtt/demo_plug/3/set","value_template":"{{ value_json.f_2 }}"}`,
		},
		{
			translate.Feature{Type: translate.TypeBinary, Access: settable, Binary: translate.Binary{On: true, Off: false}},
			"switch",
			`{"command_template":"{\"f\":\"{{ value }}\"}","command_topic":"btmesh2mqtt/demo_plug/3/set",` +
				`"value_template":"{% set v = value_json.f_2 %}{{ None if v is none else 'ON' if v else 'OFF' }}"}`,
		},
		{
			translate.Feature{Type: translate.TypeEnum, Access: translate.Published, Values: []string{"a", "b"}},
			"sensor",
			`{"device_class":"enum","options":["a","b"],"value_template":"{{ value_json.f_2 }}"}`,
		},
		{
			translate.Feature{Type: translate.TypeEnum, Access: settable, Values: []string{"a", "b"}},
			"select",
			`{"command_template":"{\"f\":\"{{ value }}\"}","command_topic":"btmesh2mqtt/demo_plug/3/set","options":["a","b"],"value_template":"{{ value_json.f_2 }}"}`,
		},
		{translate.Feature{Type: translate.TypeText, Access: translate.Published}, "sensor", `{"value_template":"{{ value_json.f_2 }}"}`},
		{
			translate.Feature{Type: translate.TypeText, Access: settable},
			"text",
			`{"command_template":"{\"f\":\"{{ value }}\"}","command_topic":"btmesh2mqtt/demo_plug/3/set","value_template":"{{ value_json.f_2 }}"}`,
		},
		{translate.Feature{Type: translate.TypeList, Access: settable}, "", ""},
		{translate.Feature{Type: translate.TypeComposite, Access: settable}, "", ""},
	} {
		f := c.feature
		f.Name, f.Key, f.Property, f.Suffix, f.Element, f.Category = "f", "f_2", "f_2", "_2", 3, translate.Config
		if got := homeassistant.Platform(&f); got != c.platform {
			t.Errorf("%+v: platform %q, expected %q", f, got, c.platform)
		}
		_, data, err := homeassistant.Discovery(options(), topics(t), devices()["plug"], []translate.Feature{f})
		if c.platform == "" {
			if err == nil {
				t.Errorf("%+v: no error", f)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		component := components(t, data)["f_2"]
		p := platforms()[c.platform]
		check(t, c.platform, component, append(words("platform unique_id name"), p.required...), append(everyPlatform(), append(p.optional, "state_topic")...))
		for _, key := range append(everyPlatform(), "state_topic") {
			delete(component, key)
		}
		if got := marshal(t, component); got != c.component {
			t.Errorf("%s:\n got      %s\n expected %s", c.platform, got, c.component)
		}
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
