package access_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
)

// part is a part of a message, as a message of its own.
type part struct{ visit func(c *access.Codec) }

func (part) Opcode() mesh.Opcode      { return 0 }
func (p part) Fields(c *access.Codec) { p.visit(c) }

// numbers tests number fields; a string in the vectors is hexadecimal.
func numbers(t *testing.T, fields []field, got map[string]float64) {
	t.Helper()
	for _, f := range fields {
		expected := f.Value
		if text, ok := expected.(string); ok {
			var n uint64
			if _, err := fmt.Sscanf(text, "%x", &n); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
			expected = float64(n)
		}
		n, ok := got[f.Name]
		if !ok {
			t.Errorf("no field %s", f.Name)
		} else if n != expected {
			t.Errorf("%s: expected %v, got %v", f.Name, expected, n)
		}
	}
}

// testEncoding tests the entries that are one field of a message.
func testEncoding(t *testing.T, v *vector) {
	raw := []byte(v.Parameters)
	one := func(visit func(c *access.Codec)) {
		t.Helper()
		if err := access.Decode(raw, part{visit}); err != nil {
			t.Fatal(err)
		}
		same(t, "octets", part{visit}, append([]byte{0}, raw...))
	}
	switch name := v.Name; {
	case strings.Contains(name, "Page 1"):
		testRelations(t, v, raw)
	case strings.Contains(name, "Metadata"):
		testMetadata(t, v, raw)
	case strings.HasPrefix(name, "CompositionDataPage0Element"):
		testComposition(t, &configuration.CompositionDataStatus{Data: append(make([]byte, 10), raw...)}, v)
	case strings.HasPrefix(strings.ToLower(name), "compositiondata"), strings.HasPrefix(name, "Composition Data page 0"):
		testComposition(t, &configuration.CompositionDataStatus{Data: raw}, v)
	case strings.HasPrefix(name, "NetAndAppKeyIndex"):
		var net, app mesh.KeyIndex
		one(func(c *access.Codec) { c.KeyIndexPair("net", &net, "app", &app) })
		numbers(t, v.Fields, map[string]float64{"net_key_index": float64(net), "app_key_index": float64(app)})
	case strings.HasPrefix(name, "SingleKeyIndex"):
		var index mesh.KeyIndex
		one(func(c *access.Codec) { c.KeyIndex("index", &index) })
		numbers(t, v.Fields, map[string]float64{"key_index": float64(index)})
	case strings.HasPrefix(strings.ToLower(name), "publish"):
		var p configuration.PublishParameters
		before := []byte{0, 0, 0, 0, 0}
		at := 3
		if strings.Contains(strings.ToLower(name), "retransmit") {
			at = 4
		}
		before[at] = raw[0]
		raw = before
		one(p.Fields)
		numbers(t, v.Fields, map[string]float64{
			"number_of_steps": float64(p.PublishPeriod & 0x3F),
			"step_resolution": float64(p.PublishPeriod >> 6),
			"count":           float64(p.PublishRetransmit & 7),
			"interval_steps":  float64(p.PublishRetransmit >> 3),
			"interval":        float64(p.PublishRetransmit>>3+1) * 50,
		})
	case strings.Contains(name, "etransmit"):
		var m configuration.NetworkTransmitStatus
		one(m.Fields)
		numbers(t, v.Fields, map[string]float64{
			"count":          float64(m.NetworkTransmit.Count),
			"interval_steps": float64(m.NetworkTransmit.Steps),
			"interval":       float64(m.NetworkTransmit.Steps+1) * 10,
		})
	case strings.HasPrefix(name, "transition time octet"):
		var time generic.TransitionTime
		one(func(c *access.Codec) { time.Visit(c, "transition_time") })
		numbers(t, v.Fields, map[string]float64{
			"number_of_steps": float64(time & 0x3F), "step_resolution": float64(time >> 6), "time": float64(time.Duration().Milliseconds()),
		})
	case strings.HasPrefix(name, "global"):
		testCoordinate(t, v, raw)
	default:
		t.Errorf("no test for %q", name)
	}
}

func testCoordinate(t *testing.T, v *vector, raw []byte) {
	whole := make([]byte, 10)
	name := v.Fields[0].Name
	copy(whole[map[string]int{"global_latitude": 0, "global_longitude": 4, "global_altitude": 8}[name]:], raw)
	var m generic.LocationGlobalStatus
	if err := access.Decode(whole, &m); err != nil {
		t.Fatal(err)
	}
	if v.Fields[0].Value == "not configured" {
		text, err := access.ToJSON(&m)
		if err != nil || !strings.Contains(string(text), `"`+name+`":null`) {
			t.Errorf("%s, %v", text, err)
		}
		return
	}
	testLocation(t, &m, v.Fields)
}

func testLocation(t *testing.T, m *generic.LocationGlobalStatus, fields []field) []field {
	t.Helper()
	latitude, _ := generic.Degrees(m.GlobalLatitude, 90)
	longitude, _ := generic.Degrees(m.GlobalLongitude, 180)
	got := map[string]float64{
		"global_latitude": latitude, "global_longitude": longitude, "global_altitude": float64(m.GlobalAltitude),
		"global_latitude_raw": float64(m.GlobalLatitude), "global_longitude_raw": float64(m.GlobalLongitude),
	}
	for _, f := range fields {
		if math.Abs(got[f.Name]-f.Value.(float64)) > 0.0001 {
			t.Errorf("%s: expected %v, got %v", f.Name, f.Value, got[f.Name])
		}
	}
	return nil
}

func testDescriptors(t *testing.T, m *sensor.DescriptorStatus, fields []field) []field {
	t.Helper()
	got := map[string]float64{}
	for i, d := range m.Descriptors {
		name := fmt.Sprintf("descriptor[%d].sensor_", i)
		got[name+"property_id"] = float64(d.PropertyID)
		got[name+"positive_tolerance"] = float64(d.PositiveTolerance)
		got[name+"negative_tolerance"] = float64(d.NegativeTolerance)
		got[name+"sampling_function"] = float64(d.SamplingFunction)
		got[name+"measurement_period"] = float64(d.MeasurementPeriod)
		got[name+"update_interval"] = float64(d.UpdateInterval)
	}
	numbers(t, fields, got)
	return nil
}

func testSensors(t *testing.T, m *sensor.Status, fields []field) []field {
	t.Helper()
	for i, d := range m.SensorData {
		var parts []field
		for _, f := range fields {
			name, ok := strings.CutPrefix(f.Name, fmt.Sprintf("sensor[%d].", i))
			switch {
			case !ok:
			case name == "property_id":
				numbers(t, []field{{Name: name, Value: f.Value}}, map[string]float64{name: float64(d.PropertyID)})
			case name == "length":
				numbers(t, []field{{Name: name, Value: f.Value}}, map[string]float64{name: float64(len(d.RawValue))})
			case name == "format": // the comparison of the octets checks which one is sent
			case name == "raw_octets":
				if got := hex.EncodeToString(d.RawValue); got != f.Value {
					t.Errorf("expected %v, got %s", f.Value, got)
				}
			default:
				parts = append(parts, f)
			}
		}
		testParts(t, d.PropertyID, d.RawValue, parts)
	}
	return nil
}

func testComposition(t *testing.T, m *configuration.CompositionDataStatus, v *vector) {
	t.Helper()
	switch {
	case m.Page%configuration.NextPages == configuration.PageRelations:
		numbers(t, v.Fields[:1], map[string]float64{"page": float64(m.Page)})
		testRelations(t, &vector{Fields: trimPrefix(v.Fields[1:], "data.element[0].")}, m.Data)
		return
	case m.Page%configuration.NextPages > configuration.PageProfiles:
		// Pages of later specifications are octets.
		if left := takeFields(t, v.Fields, map[string]any{"page": m.Page, "two_hundred_and_fifty_fifth": hex.EncodeToString(m.Data)}); len(left) > 0 {
			t.Errorf("not compared: %v", left)
		}
		return
	}
	c, err := m.Composition()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Append(nil); err != nil || string(got) != string(m.Data) {
		t.Errorf("expected %x, got %x, %v", m.Data, got, err)
	}
	got := map[string]float64{
		"page": 0, "cid": float64(c.CompanyID), "pid": float64(c.ProductID), "vid": float64(c.VersionID),
		"crpl": float64(c.CRPL), "features": float64(c.Features),
	}
	for i, e := range c.Elements {
		specified, vendor := []any{}, []any{}
		for _, model := range e.Models {
			if model.IsVendor() {
				got[fmt.Sprintf("vendor_models[%d].model_id", len(vendor))] = float64(model.Number())
				got[fmt.Sprintf("vendor_models[%d].vendor_id", len(vendor))] = float64(model.Company())
				vendor = append(vendor, map[string]any{"company": fmt.Sprintf("%04x", uint16(model.Company())), "model": fmt.Sprintf("%04x", model.Number())})
			} else {
				got[fmt.Sprintf("sig_models[%d].model_id", len(specified))] = float64(model.Number())
				specified = append(specified, model.String())
			}
		}
		for _, prefix := range []string{"", fmt.Sprintf("element[%d].", i), fmt.Sprintf("elements[%d].", i)} {
			got[prefix+"location"] = float64(e.Location)
			got[prefix+"sig_number"] = float64(len(specified))
			got[prefix+"vendor_number"] = float64(len(vendor))
			for _, f := range v.Fields {
				if f.Name == prefix+"sig_models" && fmt.Sprint(f.Value) != fmt.Sprint(specified) ||
					f.Name == prefix+"vendor_models" && fmt.Sprint(f.Value) != fmt.Sprint(vendor) {
					t.Errorf("%s: expected %v, got %v and %v", f.Name, f.Value, specified, vendor)
				}
			}
		}
	}
	var plain []field
	for _, f := range v.Fields {
		if _, list := f.Value.([]any); !list {
			plain = append(plain, f)
		}
	}
	numbers(t, plain, got)
}
