package access_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/catalog"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/clock"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/scene"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/scheduler"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

type (
	vector = vectors.ModelEntry // of models.json
	field  = vectors.Field
)

func registry(t testing.TB) *access.Registry {
	t.Helper()
	r, err := access.NewRegistry(catalog.Messages(), generic.Messages(), light.Messages(), sensor.Messages(), scene.Messages(), scheduler.Messages(), clock.Messages(), blob.Messages(), firmware.Messages())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestVectors checks every message of the vectors with the codec. Its octets
// are decoded and encoded again, also through JSON. In addition, each field of
// the vector, put into that JSON under our name, must give the same octets once
// more, which no other value would. mesh/property tests the values of
// properties.
func TestVectors(t *testing.T) {
	r := registry(t)
	for i, v := range vectors.Models(t) {
		if v.Kind == "property_value" {
			continue // mesh/property tests them
		}
		t.Run(fmt.Sprintf("%03d %s %s%s", i, v.Model, v.Message, v.Name), func(t *testing.T) {
			switch {
			case v.Model == "Encoding: access opcode":
				testOpcode(t, &v)
			case v.Kind == "field_encoding":
				testEncoding(t, &v)
			default:
				testMessage(t, r, &v)
			}
		})
	}
}

func testOpcode(t *testing.T, v *vector) {
	op, params, err := access.ParseOpcode(v.Payload())
	if err != nil || op.String() != v.Opcode.String() || !bytes.Equal(params, v.Parameters) {
		t.Errorf("got %s with %x, %v", op, params, err)
	}
	if company, ok := v.Field("company_id").(string); ok && company != fmt.Sprintf("%04x", uint16(op.Company())) {
		t.Errorf("company %04x", uint16(op.Company()))
	}
}

func testMessage(t *testing.T, r *access.Registry, v *vector) {
	payload := v.Payload()
	op, _, err := access.ParseOpcode(payload)
	if err != nil {
		t.Fatal(err)
	}
	kind, ok := r.ByOpcode(op)
	if !ok {
		t.Fatalf("%s: no message of %s has opcode %s", v.Message, v.Model, op)
	}
	if plain(kind.Name) != plain(v.Message) {
		t.Errorf("%s is called %s", v.Message, kind.Name)
	}
	m, err := r.Decode(payload)
	if v.Field("valid") == false {
		if err == nil {
			t.Errorf("expected an error, got %+v", m)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	same(t, "octets", m, payload)
	if v.Field("remaining_time") == "unknown" {
		// 0x3F steps mean unknown in all resolutions; JSON uses the lowest.
		payload[len(payload)-1] = uint8(generic.UnknownTime)
	}
	if set, ok := m.(*scheduler.ActionSet); ok {
		// Several resolutions can express one time; JSON uses the finest.
		finest, err := generic.TransitionTimeOf(set.TransitionTime.Duration())
		if err != nil {
			t.Fatal(err)
		}
		payload[8] = uint8(finest)
	}
	text, err := access.ToJSON(m)
	if err != nil {
		t.Fatal(err)
	}
	text = reveal(m, text)
	back := kind.New()
	if err := access.FromJSON(text, back); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	same(t, "octets through JSON", back, payload)

	fields := v.Fields
	if status, ok := m.(*configuration.CompositionDataStatus); ok {
		testComposition(t, status, v)
		fields = nil
	}
	fields = testFoundation(t, m, testRaw(t, m, fields))
	for _, f := range fields {
		testField(t, kind, text, payload, v, f)
	}
}

func same(t *testing.T, what string, m access.Message, payload []byte) {
	t.Helper()
	if got, err := access.Append(nil, m); err != nil || !bytes.Equal(got, payload) {
		t.Errorf("%s: expected %x, got %x, %v", what, payload, got, err)
	}
}

// plain makes the names of different sources comparable.
func plain(name string) string {
	name = strings.NewReplacer("_", "", " ", "", "-", "", "setup", "").Replace(strings.ToLower(name))
	return strings.Replace(name, "ctltemperaturedefault", "ctldefault", 1)
}

// reveal puts the key into JSON, which does not contain it.
func reveal(m access.Message, text []byte) []byte {
	switch m := m.(type) {
	case *configuration.AppKeyAdd:
		return bytes.Replace(text, []byte(m.AppKey.String()), fmt.Appendf(nil, "%x", m.AppKey.Reveal()), 1)
	case *configuration.NetKeyAdd:
		return bytes.Replace(text, []byte(m.NetKey.String()), fmt.Appendf(nil, "%x", m.NetKey.Reveal()), 1)
	}
	return text
}

// aliases maps names in the vectors to the names in the specification; the
// first one that the message has counts.
var aliases = map[string][]string{
	"flags.battery_presence_flags":       {"presence"},
	"flags.battery_indicator_flags":      {"indicator"},
	"flags.battery_charging_flags":       {"charging"},
	"flags.battery_serviceability_flags": {"serviceability"},
	"status_code":                        {"status"},
	"GATT_proxy":                         {"gatt_proxy"},
	"ctl_lightness":                      {"lightness"},
	"ctl_temperature":                    {"temperature"},
	"ctl_delta_uv":                       {"delta_uv"},
	"ttl":                                {"publish_ttl"},
	"count":                              {"network_transmit_count", "count_log"},
	"retransmit.count":                   {"relay_retransmit_count", "publish_retransmit_count"},
	"interval":                           {"network_transmit_interval_steps"},
	"retransmit.interval":                {"relay_retransmit_interval_steps", "publish_retransmit_interval_steps"},
	"publish_period.step_resolution":     {"publish_period_step_resolution"},
	"publish_period.number_of_steps":     {"publish_period_number_of_steps"},
	"model.model_id":                     {"model_identifier"},
	"model_id":                           {"model_identifier"},
	"key_indexes_in_wire_order":          {"app_key_indexes", "net_key_indexes"},
	"period":                             {"period_log"},
	"access":                             {"admin_access", "manufacturer_access", "user_access"},
}

func testField(t *testing.T, kind access.Kind, text, payload []byte, v *vector, f field) {
	t.Helper()
	if f.Name == "model.vendor_id" || v.Field(strings.TrimSuffix(f.Name, "_raw")) != nil && strings.HasSuffix(f.Name, "_raw") {
		return // part of another field, or a repeated field
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	name := f.Name
	for _, alias := range aliases[f.Name] {
		if _, ok := members[name]; !ok {
			name = alias
		}
	}
	if _, ok := members[name]; !ok {
		t.Errorf("%s has no field %s", text, f.Name)
		return
	}
	members[name] = value(v, f, members[name])
	changed, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	m := kind.New()
	if err := access.FromJSON(changed, m); err != nil {
		t.Errorf("%s of %v: %v", f.Name, f.Value, err)
		return
	}
	same(t, fmt.Sprintf("%s of %v", f.Name, f.Value), m, payload)
}

// value converts a value of the vectors to its form in JSON.
func value(v *vector, f field, ours any) any {
	switch f.Name {
	case "model.model_id", "model_id":
		if vendor, ok := v.Field("model.vendor_id").(string); ok {
			return vendor + ":" + f.Value.(string)
		}
		return f.Value
	case "interval":
		return f.Value.(float64)/10 - 1
	case "retransmit.interval":
		if v.Field("relay") != nil {
			return f.Value.(float64)/10 - 1
		}
		return f.Value.(float64)/50 - 1
	case "period":
		return math.Log2(f.Value.(float64)) + 1
	}
	switch theirs := f.Value.(type) {
	case string:
		if n, err := strconv.ParseUint(theirs, 16, 8); err == nil && f.Name == "transition_time" {
			return generic.TransitionTime(n).Duration().Seconds()
		}
		if theirs == "unknown" {
			return nil
		}
		if theirs == "infinite" {
			return 0xFF
		}
		if _, ok := ours.(float64); ok {
			n, err := strconv.ParseUint(theirs, 16, 64)
			if err == nil {
				return n
			}
		}
		if text, ok := ours.(string); ok && strings.HasPrefix(text, "0x") {
			return "0x" + theirs
		}
	case []any:
		list := make([]any, len(theirs))
		for i := range theirs {
			list[i] = value(v, field{Value: theirs[i]}, ours.([]any)[i])
		}
		return list
	}
	return f.Value
}

// testRaw tests the fields whose form in JSON differs, mostly values of
// properties, and returns the others.
func testRaw(t *testing.T, m access.Message, fields []field) []field {
	t.Helper()
	switch m := m.(type) {
	case *sensor.SettingSet:
		return testParts(t, m.SensorSettingPropertyID, m.SensorSettingRaw, fields)
	case *sensor.SettingStatus:
		return testParts(t, m.SensorSettingPropertyID, m.SensorSettingRaw, fields)
	case *generic.UserPropertySetUnacknowledged:
		return testParts(t, m.PropertyID, m.PropertyValue, fields)
	case *generic.AdminPropertySetUnacknowledged:
		return testParts(t, m.PropertyID, m.PropertyValue, fields)
	case *generic.ManufacturerPropertyStatus:
		return testParts(t, m.PropertyID, m.PropertyValue, fields)
	case *generic.LocationGlobalStatus:
		return testLocation(t, m, fields)
	case *generic.LocationGlobalSet:
		return testLocation(t, (*generic.LocationGlobalStatus)(m), fields)
	case *generic.LocationGlobalSetUnacknowledged:
		return testLocation(t, (*generic.LocationGlobalStatus)(&m.LocationGlobalSet), fields)
	case *sensor.DescriptorStatus:
		return testDescriptors(t, m, fields)
	case *sensor.Status:
		return testSensors(t, m, fields)
	}
	return fields
}

// testParts tests the parts of a property's value, which the vectors list after
// the fields of the message.
func testParts(t *testing.T, id property.ID, raw []byte, fields []field) []field {
	t.Helper()
	n := len(fields)
	for n > 0 && (strings.Contains(fields[n-1].Name, ".") || strings.HasPrefix(fields[n-1].Name, "device_") || strings.HasPrefix(fields[n-1].Name, "luminaire_")) {
		n--
	}
	if n == len(fields) {
		return fields
	}
	parts, err := property.Decode(id, raw)
	if err != nil {
		t.Errorf("%v", err)
		return fields[:n]
	}
	if len(parts) != len(fields[n:]) {
		t.Errorf("%s: expected %d parts, got %+v", id, len(fields[n:]), parts)
		return fields[:n]
	}
	for i, f := range fields[n:] {
		testPart(t, f, parts[i])
	}
	return fields[:n]
}

func testPart(t *testing.T, f field, got property.Value) {
	t.Helper()
	switch expected := f.Value.(type) {
	case float64:
		if !got.Known || math.Abs(got.Number-expected) > 0.0001*max(1, math.Abs(expected)) {
			t.Errorf("%s: expected %v, got %+v", f.Name, expected, got)
		}
	case string:
		if expected == "unknown" && got.Known || expected != "unknown" && got.Text != expected {
			t.Errorf("%s: expected %v, got %+v", f.Name, expected, got)
		}
	default:
		t.Errorf("%s: no test for %v", f.Name, expected)
	}
}
