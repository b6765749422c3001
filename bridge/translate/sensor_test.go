package translate_test

import (
	"encoding/hex"
	"math"
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

func receiveSensors(t testing.TB, tr *translate.Device) {
	t.Helper()
	receive(t, tr, 0, &sensor.Status{SensorData: []sensor.Data{
		{PropertyID: 0x0042, RawValue: []byte{100}},
		{PropertyID: 0x004D, RawValue: []byte{1}},
		{PropertyID: 0x0055, RawValue: []byte{0x10, 0x27, 0}},
		{PropertyID: 0x0075, RawValue: []byte{0x34, 0x08}},
		{PropertyID: 0x0076, RawValue: []byte{0xFF, 0xFF}},
	}})
	receive(t, tr, 0, &generic.BatteryStatus{
		BatteryLevel: 87, TimeToDischarge: 1440, TimeToCharge: generic.UnknownBatteryTime,
		Presence: generic.BatteryRemovable, Indicator: generic.BatteryGood,
		Charging: generic.BatteryChargingUnknown, Serviceability: generic.BatteryServiceRequired,
	})
}

func TestSensorState(t *testing.T) {
	tr := translate.Describe(weather())
	receiveSensors(t, tr)
	expectState(t, tr, `{"battery":87,"battery_charging":null,"battery_low":false,"battery_service":true,`+
		`"battery_time_left":1440,"battery_time_to_full":null,"humidity":null,"illuminance":100,"motion":true,`+
		`"motion_sensed":50,"occupancy":true,"temperature":21}`)
	u := receive(t, tr, 0, &sensor.Status{SensorData: []sensor.Data{
		{PropertyID: 0x0075, RawValue: nil}, // the sensor is not there any more
		{PropertyID: 0x0042, RawValue: []byte{0}},
	}})
	if len(u.Changed) != 3 || u.Changed["motion"] != false || u.Changed["motion_sensed"] != 0.0 {
		t.Errorf("changed %v", u.Changed)
	}
	if v, there := u.Changed["temperature"]; !there || v != nil {
		t.Errorf("temperature: %v", v)
	}
	if u := receive(t, tr, 0, &sensor.DescriptorStatus{Descriptors: []sensor.Descriptor{{PropertyID: 0x0075}}}); !u.Known || len(u.Changed) > 0 {
		t.Errorf("descriptors: %+v", u)
	}
	receive(t, tr, 0, &generic.BatteryStatus{Presence: generic.BatteryNotPresent, Serviceability: 1})
	if state := tr.State(); state["battery"] != nil || state["battery_low"] != nil {
		t.Errorf("no battery: %v", state)
	}
}

// one is a device with one property, and what is said about it.
func one(t testing.TB, id uint16, raw string) (*translate.Device, map[string]any) {
	t.Helper()
	r := record(models{sensor.ServerID})
	r.Details.Sensors = map[int][]uint16{0: {id}}
	tr := translate.Describe(r)
	octets, err := hex.DecodeString(raw)
	if err != nil {
		t.Fatal(err)
	}
	u := receive(t, tr, 0, &sensor.Status{SensorData: []sensor.Data{{PropertyID: property.ID(id), RawValue: octets}}})
	if !u.Known {
		t.Errorf("%04x is not known", id)
	}
	return tr, tr.State()
}

func TestSensorValues(t *testing.T) {
	for _, c := range []struct {
		id             uint16
		raw, attribute string
		value          any
		kind           translate.Type
		unit, label    string
		digits         int
	}{
		{0x004F, "2b", "temperature", 21.5, translate.TypeNumeric, "°C", "Temperature", 1},
		{0x004F, "7f", "temperature", nil, translate.TypeNumeric, "°C", "Temperature", 1},
		{0x0075, "ffff", "temperature", -0.01, translate.TypeNumeric, "°C", "Temperature", 2},
		{0x0075, "0080", "temperature", nil, translate.TypeNumeric, "°C", "Temperature", 2},
		{0x0075, "340800", "temperature", nil, translate.TypeNumeric, "°C", "Temperature", 2},
		{0x0076, "1027", "humidity", 100.0, translate.TypeNumeric, "%", "Humidity", 2},
		{0x004E, "640000", "illuminance", 1.0, translate.TypeNumeric, "lx", "Illuminance", 2},
		{0x004D, "00", "occupancy", false, translate.TypeBinary, "", "Occupancy", -1},
		{0x004D, "02", "occupancy", nil, translate.TypeBinary, "", "Occupancy", -1},
		{0x0052, "e80300", "power", 100.0, translate.TypeNumeric, "W", "Power", 1},
		{0x0072, "e8030000", "energy", 1.0, translate.TypeNumeric, "kWh", "Energy", 3},
		{0x0077, "9001", "co2", 400.0, translate.TypeNumeric, "ppm", "Carbon dioxide", 0},
		{0x0077, "feff", "co2", 65534.0, translate.TypeNumeric, "ppm", "Carbon dioxide", 0},
		{0x0082, "ca750f00", "air_pressure", 1013.194, translate.TypeNumeric, "hPa", "Air pressure", 3},
		{0x0059, "8039", "voltage", 230.0, translate.TypeNumeric, "V", "Voltage", 2},
		{0x00AF, "2823", "wind_direction", 90.0, translate.TypeNumeric, "°", "Wind direction", 2},
		{0x0068, "3c00", "time_since_motion", 60.0, translate.TypeNumeric, "s", "Time since motion", 0},
		{0x000E, "312e320000000000", "device_firmware_revision", "1.2", translate.TypeText, "", "Device firmware revision", -1},
		{0x000C, "010000", "device_date_of_manufacture", "1970-01-02", translate.TypeText, "", "Device date of manufacture", -1},
		{0x0050, "ffff0000", "present_cie_1931_chromaticity_coordinates_x", 1.0, translate.TypeNumeric, "", "Present CIE 1931 chromaticity coordinates x", 5},
		{0x0074, "0000803f", "sensor_gain", 1.0, translate.TypeNumeric, "", "Sensor gain", -1},
		{0x1234, "0102", "property_1234", "0102", translate.TypeText, "", "Property 1234", -1},
	} {
		tr, state := one(t, c.id, c.raw)
		if state[c.attribute] != c.value {
			t.Errorf("%04x %s: got %v, expected %v", c.id, c.raw, state[c.attribute], c.value)
		}
		f := tr.Features()[0]
		if f.Type != c.kind || f.Unit != c.unit || f.Label != c.label || f.Digits() != c.digits ||
			f.Name != c.attribute || f.Key != c.attribute || f.Property != c.attribute {
			t.Errorf("%04x: %+v", c.id, f)
		}
		if n, ok := c.value.(float64); ok && f.Range != nil && (n < f.Range.Min || n > f.Range.Max) {
			t.Errorf("%04x: %v is not within %v", c.id, n, *f.Range)
		}
	}
	_, state := one(t, 0x0002, "64004d") // 1 A over 1.1^13 s
	if state["average_input_current"] != 1.0 || math.Abs(state["average_input_current_sensing_duration"].(float64)-3.45) > 0.001 {
		t.Errorf("average: %v", state)
	}
}

// TestEveryProperty has features whose names are unique and of the right
// letters.
func TestEveryProperty(t *testing.T) {
	r := record(models{sensor.ServerID, generic.BatteryServerID}, models{sensor.ServerID, generic.BatteryServerID})
	r.Details.Sensors = map[int][]uint16{}
	for p := range property.All() {
		for i := range 2 {
			r.Details.Sensors[i] = append(r.Details.Sensors[i], uint16(p.ID))
		}
	}
	keys, properties := map[string]bool{}, map[string]bool{}
	for _, f := range translate.Describe(r).Features() {
		if keys[f.Key] || properties[f.Property] {
			t.Errorf("%s (%s) is there twice", f.Key, f.Property)
		}
		keys[f.Key], properties[f.Property] = true, true
		for _, c := range f.Key {
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_') {
				t.Errorf("key %q", f.Key)
			}
		}
		if f.Label == "" {
			t.Errorf("%s has no label", f.Key)
		}
		if f.Range != nil && !(f.Range.Min < f.Range.Max) {
			t.Errorf("%s: range %v", f.Key, *f.Range)
		}
		if f.Access != translate.Published|translate.Gettable {
			t.Errorf("%s: access %b", f.Key, f.Access)
		}
	}
	if len(keys) < 300 {
		t.Errorf("%d features", len(keys))
	}
}

func TestFeatures(t *testing.T) {
	two := record(
		models{generic.OnOffServerID, light.LightnessServerID, light.CTLServerID, generic.OnOffClientID},
		models{generic.LevelServerID, light.CTLTemperatureServerID, generic.OnOffClientID},
		models{generic.OnOffServerID},
		models{generic.OnOffServerID, light.LightnessServerID, light.CTLServerID},
		models{generic.LevelServerID, light.CTLTemperatureServerID},
	)
	two.Details.Temperature = map[int]device.Range{0: {Min: 2000, Max: 5000}, 3: {Min: 7000, Max: 2000}}
	var got []string
	for _, f := range translate.Describe(two).Features() {
		line := f.Key + " " + f.Suffix + ":"
		for _, part := range f.Parts {
			line += " " + part.Property
		}
		got = append(got, line)
		if f.Key == "light" && *f.Part("color_temp").Range != (translate.Range{Min: 2000, Max: 5000}) {
			t.Errorf("light: %+v", f)
		}
		if f.Key == "light_3" && (f.Element != 3 || f.Part("color_temp").Range != nil) {
			t.Errorf("a range upside down is none: %+v", f)
		}
	}
	expected := []string{
		"light : state brightness color_temp color_mode", "switch_2 _2: state_2",
		"light_3 _3: state_3 brightness_3 color_temp_3 color_mode_3", "button :", "button_2 _2:",
	}
	if !slices.Equal(got, expected) {
		t.Errorf("\n got      %q\n expected %q", got, expected)
	}
	if features := translate.Describe(&device.Record{}).Features(); len(features) != 0 {
		t.Errorf("before the interview: %v", features)
	}
	tr := translate.Describe(two)
	tr.Features()[0].Key = "changed"
	tr.Features()[0].Parts[0].Property = "changed"
	if f := tr.Features()[0]; f.Key != "light" || f.Parts[0].Property != "state" {
		t.Error("the caller can change the features")
	}
}
