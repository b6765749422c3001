package property_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

// TestVectors checks the values of properties in the vectors against the table;
// mesh/access tests the messages among them.
func TestVectors(t *testing.T) {
	tested := 0
	for _, v := range vectors.Models(t) {
		if v.Kind != "property_value" {
			continue
		}
		tested++
		t.Run(v.Name, func(t *testing.T) {
			raw := []byte(v.Parameters)
			ids := v.Fields[0].Value.([]any)
			if len(ids) == 0 { // a part of other values: take one that has it
				values, err := property.Decode(0x0002, append([]byte{0, 0}, raw...))
				if err != nil {
					t.Fatal(err)
				}
				compare(t, values[1], v.Fields[1].Value)
			}
			for _, text := range ids {
				id, err := strconv.ParseUint(text.(string), 16, 16)
				if err != nil {
					t.Fatal(err)
				}
				values, err := property.Decode(property.ID(id), raw)
				if err != nil {
					t.Fatal(err)
				}
				if parts, ok := v.Fields[1].Value.(map[string]any); ok {
					compareParts(t, values, raw, parts)
					continue
				}
				compare(t, values[0], v.Fields[1].Value)
			}
		})
	}
	if tested != 40 {
		t.Errorf("expected the 40 values that mesh/access leaves to this package, got %d", tested)
	}
}

func compare(t *testing.T, got property.Value, expected any) {
	t.Helper()
	ok := false
	switch expected := expected.(type) {
	case float64:
		ok = got.Known && math.Abs(got.Number-expected) <= 1e-6*max(1, math.Abs(expected))
	case string:
		switch expected {
		case "unknown":
			ok = !got.Known
		case "NaN":
			ok = !got.Known && math.IsNaN(got.Number)
		case "+infinity":
			ok = !got.Known && math.IsInf(got.Number, 1)
		}
	}
	if !ok {
		t.Errorf("expected %v, got %+v", expected, got)
	}
}

func compareParts(t *testing.T, values []property.Value, raw []byte, expected map[string]any) {
	t.Helper()
	for _, v := range values {
		if number, ok := expected[v.Name]; ok {
			compare(t, v, number)
			delete(expected, v.Name)
		}
	}
	for i, name := range []string{"time_elapsed_since_last_event", "sensing_duration"} {
		n := raw[4+i]
		if expected[name+"_raw"] == fmt.Sprintf("%02x", n) {
			compare(t, values[2+i], math.Pow(1.1, float64(n)-64))
			delete(expected, name+"_raw")
		}
	}
	if len(expected) > 0 {
		t.Errorf("not compared: %v", expected)
	}
}
