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

func receiveSensors(t testing.TB, tr translate.Translator) {
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
func one(t testing.TB, id uint16, raw string) (translate.Translator, map[string]any) {
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
		id                                 uint16
		raw, attribute                     string
		value                              any
		kind                               translate.Kind
		deviceClass, unit, stateClass, nme string
		precision                          int
	}{
		{0x004F, "2b", "temperature", 21.5, translate.Sensor, "temperature", "°C", "measurement", "Temperature", 1},
		{0x004F, "7f", "temperature", nil, translate.Sensor, "temperature", "°C", "measurement", "Temperature", 1},
		{0x0075, "ffff", "temperature", -0.01, translate.Sensor, "temperature", "°C", "measurement", "Temperature", 2},
		{0x0075, "0080", "temperature", nil, translate.Sensor, "temperature", "°C", "measurement", "Temperature", 2},
		{0x0075, "340800", "temperature", nil, translate.Sensor, "temperature", "°C", "measurement", "Temperature", 2},
		{0x0076, "1027", "humidity", 100.0, translate.Sensor, "humidity", "%", "measurement", "Humidity", 2},
		{0x004E, "640000", "illuminance", 1.0, translate.Sensor, "illuminance", "lx", "measurement", "Illuminance", 2},
		{0x004D, "00", "occupancy", false, translate.BinarySensor, "occupancy", "", "", "Occupancy", -1},
		{0x004D, "02", "occupancy", nil, translate.BinarySensor, "occupancy", "", "", "Occupancy", -1},
		{0x0052, "e80300", "power", 100.0, translate.Sensor, "power", "W", "measurement", "Power", 1},
		{0x0072, "e8030000", "energy", 1.0, translate.Sensor, "energy", "kWh", "total_increasing", "Energy", 3},
		{0x0077, "9001", "co2", 400.0, translate.Sensor, "carbon_dioxide", "ppm", "measurement", "Carbon dioxide", 0},
		{0x0077, "feff", "co2", 65534.0, translate.Sensor, "carbon_dioxide", "ppm", "measurement", "Carbon dioxide", 0},
		{0x0082, "ca750f00", "air_pressure", 1013.194, translate.Sensor, "atmospheric_pressure", "hPa", "measurement", "Air pressure", 3},
		{0x0059, "8039", "voltage", 230.0, translate.Sensor, "voltage", "V", "measurement", "Voltage", 2},
		{0x00AF, "2823", "wind_direction", 90.0, translate.Sensor, "wind_direction", "°", "measurement_angle", "Wind direction", 2},
		{0x0068, "3c00", "time_since_motion", 60.0, translate.Sensor, "duration", "s", "measurement", "Time since motion", 0},
		{0x000E, "312e320000000000", "device_firmware_revision", "1.2", translate.Sensor, "", "", "", "Device firmware revision", -1},
		{0x000C, "010000", "device_date_of_manufacture", "1970-01-02", translate.Sensor, "", "", "", "Device date of manufacture", -1},
		{0x0050, "ffff0000", "present_cie_1931_chromaticity_coordinates_x", 1.0, translate.Sensor, "", "", "measurement", "Present CIE 1931 chromaticity coordinates x", 5},
		{0x0074, "0000803f", "sensor_gain", 1.0, translate.Sensor, "", "", "measurement", "Sensor gain", -1},
		{0x1234, "0102", "property_1234", "0102", translate.Sensor, "", "", "", "Property 1234", -1},
	} {
		tr, state := one(t, c.id, c.raw)
		if state[c.attribute] != c.value {
			t.Errorf("%04x %s: got %v, expected %v", c.id, c.raw, state[c.attribute], c.value)
		}
		thing := tr.Things()[0]
		if thing.Kind != c.kind || thing.DeviceClass != c.deviceClass || thing.Unit != c.unit || thing.StateClass != c.stateClass ||
			thing.Name != c.nme || thing.Key != c.attribute || thing.Attribute != c.attribute || thing.Precision != c.precision {
			t.Errorf("%04x: %+v", c.id, thing)
		}
	}
	_, state := one(t, 0x0002, "64004d") // 1 A over 1.1^13 s
	if state["average_input_current"] != 1.0 || math.Abs(state["average_input_current_sensing_duration"].(float64)-3.45) > 0.001 {
		t.Errorf("average: %v", state)
	}
}

// TestEveryProperty has things whose names are unique and that Home Assistant
// takes.
func TestEveryProperty(t *testing.T) {
	units := map[string][]string{
		"temperature": {"°C"}, "humidity": {"%"}, "illuminance": {"lx"}, "power": {"W"}, "energy": {"kWh"},
		"carbon_dioxide": {"ppm"}, "volatile_organic_compounds_parts": {"ppb"}, "sound_pressure": {"dB"},
		"atmospheric_pressure": {"hPa"}, "pressure": {"Pa"}, "precipitation": {"mm"}, "wind_speed": {"m/s"},
		"wind_direction": {"°"}, "apparent_power": {"VA"}, "power_factor": {""}, "current": {"A"}, "voltage": {"V"},
		"frequency": {"Hz"}, "duration": {"s", "min", "h"}, "battery": {"%"},
	}
	r := record(models{sensor.ServerID, generic.BatteryServerID}, models{sensor.ServerID, generic.BatteryServerID})
	r.Details.Sensors = map[int][]uint16{}
	for p := range property.All() {
		for i := range 2 {
			r.Details.Sensors[i] = append(r.Details.Sensors[i], uint16(p.ID))
		}
	}
	keys, attributes := map[string]bool{}, map[string]bool{}
	for _, thing := range translate.Describe(r).Things() {
		if keys[thing.Key] || attributes[thing.Attribute] {
			t.Errorf("%s (%s) is there twice", thing.Key, thing.Attribute)
		}
		keys[thing.Key], attributes[thing.Attribute] = true, true
		for _, c := range thing.Key {
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_') {
				t.Errorf("key %q", thing.Key)
			}
		}
		if thing.Kind == translate.Sensor && thing.DeviceClass != "" && !slices.Contains(units[thing.DeviceClass], thing.Unit) {
			t.Errorf("%s: class %s with unit %q", thing.Key, thing.DeviceClass, thing.Unit)
		}
		if thing.Name == "" {
			t.Errorf("%s has no name", thing.Key)
		}
	}
	if len(keys) < 300 {
		t.Errorf("%d things", len(keys))
	}
}

func TestThings(t *testing.T) {
	two := record(
		models{generic.OnOffServerID, light.LightnessServerID, light.CTLServerID, generic.OnOffClientID},
		models{generic.LevelServerID, light.CTLTemperatureServerID, generic.OnOffClientID},
		models{generic.OnOffServerID},
		models{generic.OnOffServerID, light.LightnessServerID, light.CTLServerID},
		models{generic.LevelServerID, light.CTLTemperatureServerID},
	)
	two.Details.Temperature = map[int]device.Range{0: {Min: 2000, Max: 5000}, 3: {Min: 7000, Max: 2000}}
	var got []string
	for _, thing := range translate.Describe(two).Things() {
		got = append(got, thing.Key+" "+thing.Attribute+" "+thing.Suffix)
		if thing.Key == "light" && (thing.MinKelvin != 2000 || thing.MaxKelvin != 5000 || !thing.ColorTemp || thing.Color || !thing.Brightness) {
			t.Errorf("light: %+v", thing)
		}
		if thing.Key == "light_3" && (thing.Element != 3 || thing.MinKelvin != 0) {
			t.Errorf("a range upside down is none: %+v", thing)
		}
	}
	expected := []string{"light state ", "switch_2 state_2 _2", "light_3 state_3 _3", "button  ", "button_2  _2"}
	if !slices.Equal(got, expected) {
		t.Errorf("\n got      %q\n expected %q", got, expected)
	}
	if things := translate.Describe(&device.Record{}).Things(); len(things) != 0 {
		t.Errorf("before the interview: %v", things)
	}
	tr := translate.Describe(two)
	tr.Things()[0].Key = "changed"
	if tr.Things()[0].Key != "light" {
		t.Error("the caller can change the things")
	}
}
