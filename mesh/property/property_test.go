package property_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func only(t testing.TB, id property.ID, raw string) property.Value {
	t.Helper()
	values, err := property.Decode(id, octets(t, raw))
	if err != nil || len(values) != 1 {
		t.Fatalf("%s %s: %+v, %v", id, raw, values, err)
	}
	return values[0]
}

func TestTableIsInOrder(t *testing.T) {
	var before property.ID
	keys := map[string]property.ID{}
	n := 0
	for p := range property.All() {
		if p.ID <= before {
			t.Errorf("%s comes after %s", p.ID, before)
		}
		if other, ok := keys[p.Key()]; ok {
			t.Errorf("%s and %s have the same name %s", other, p.ID, p.Key())
		}
		keys[p.Key()], before = p.ID, p.ID
		n++
		if found, ok := property.Lookup(p.ID); !ok || found.Name != p.Name {
			t.Errorf("%s is not found", p.ID)
		}
	}
	if n < 170 {
		t.Errorf("%d properties", n)
	}
	for _, id := range []property.ID{0, 0x007A, 0x00B8, 0xFFFF} {
		if p, ok := property.Lookup(id); ok {
			t.Errorf("%s is %s", id, p.Name)
		}
	}
}

func TestSpecialValues(t *testing.T) {
	for _, c := range []struct {
		name   string
		id     property.ID
		raw    string
		known  bool
		number float64
		orMore bool
	}{
		{"percentage", property.MotionSensed, "c8", true, 100, false},
		{"percentage not known", property.MotionSensed, "ff", false, 0, false},
		{"percentage prohibited", property.MotionSensed, "c9", false, 0, false},
		{"temperature 8 lowest", property.PresentAmbientTemperature, "80", true, -64, false},
		{"temperature 8 below zero", property.PresentAmbientTemperature, "ff", true, -0.5, false},
		{"temperature 8 not known", property.PresentAmbientTemperature, "7f", false, 0, false},
		{"temperature", property.PrecisePresentAmbientTemperature, "ffff", true, -0.01, false},
		{"temperature not known", property.PrecisePresentAmbientTemperature, "0080", false, 0, false},
		{"temperature below absolute zero", property.PrecisePresentAmbientTemperature, "4c95", false, 0, false},
		{"light source temperature", 0x0094, "0100", true, 0.5, false},
		{"light source temperature not known", 0x0094, "0080", false, 0, false},
		{"carbon dioxide", property.PresentAmbientCarbonDioxideConcentration, "fdff", true, 65533, false},
		{"carbon dioxide or more", property.PresentAmbientCarbonDioxideConcentration, "feff", true, 65534, true},
		{"carbon dioxide not known", property.PresentAmbientCarbonDioxideConcentration, "ffff", false, 0, false},
		{"noise or more", property.PresentAmbientNoise, "fe", true, 254, true},
		{"noise not known", property.PresentAmbientNoise, "ff", false, 0, false},
		{"presence", property.PresenceDetected, "01", true, 1, false},
		{"presence prohibited", property.PresenceDetected, "02", false, 0, false},
		{"power factor", 0x0073, "9c", true, -1, false},
		{"power factor not known", 0x0073, "7f", false, 0, false},
		{"power factor prohibited", 0x0073, "9b", false, 0, false},
		{"planckian distance not known", 0x005E, "ff7f", false, 0, false},
		{"planckian distance not valid", 0x005E, "fe7f", false, 0, false},
		{"energy not known", property.PreciseTotalDeviceEnergyUse, "ffffffff", false, 0, false},
		{"energy not valid", property.PreciseTotalDeviceEnergyUse, "feffffff", false, 0, false},
		{"dew point has no special value", 0x0087, "7f", true, 127, false},
		{"motion seconds", property.TimeSinceMotionSensed, "0500", true, 5, false},
		{"motion seconds not known", property.TimeSinceMotionSensed, "ffff", false, 0, false},
		{"motion milliseconds", property.TimeSinceMotionSensed, "050000", true, 0.005, false},
		{"motion milliseconds not known", property.TimeSinceMotionSensed, "ffffff", false, 0, false},
		{"wind direction prohibited", 0x0085, "a08c", false, 0, false},
		{"date not known", 0x000C, "000000", false, 0, false},
		{"frequency", 0x0089, "0032", true, 50, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := only(t, c.id, c.raw)
			if v.Known != c.known || v.OrMore != c.orMore || math.Abs(v.Number-c.number) > 1e-12 {
				t.Errorf("%+v", v)
			}
		})
	}
}

func TestLengthComesFromTheMessage(t *testing.T) {
	for _, raw := range []string{"", "0102", "010203"} {
		if v, err := property.Decode(property.PresentAmbientTemperature, octets(t, raw)); !errors.Is(err, property.ErrLength) {
			t.Errorf("%q: %+v, %v", raw, v, err)
		}
	}
	if _, err := property.Decode(0x1234, []byte{1}); !errors.Is(err, property.ErrUnknown) {
		t.Errorf("unknown property: %v", err)
	}
}

func TestText(t *testing.T) {
	for raw, expected := range map[string]string{
		"6162636465666768": "abcdefgh",
		"6162630000000000": "abc",
		"6162632020202020": "abc",
		"616263":           "abc",
		"":                 "",
	} {
		if v := only(t, property.DeviceFirmwareRevision, raw); !v.Known || v.Text != expected {
			t.Errorf("%s: %+v", raw, v)
		}
	}
	if v := only(t, property.DeviceFirmwareRevision, "61ff"); v.Known || v.Text != "a\uFFFD" {
		t.Errorf("not UTF-8: %+v", v)
	}
	if _, err := property.Decode(property.DeviceFirmwareRevision, make([]byte, 9)); !errors.Is(err, property.ErrLength) {
		t.Errorf("too long: %v", err)
	}
	raw, err := property.Encode(property.DeviceFirmwareRevision, property.Value{Known: true, Text: "1.2"})
	if err != nil || !bytes.Equal(raw, []byte("1.2\x00\x00\x00\x00\x00")) {
		t.Errorf("%x, %v", raw, err)
	}
	if _, err := property.Encode(property.DeviceFirmwareRevision, property.Value{Known: true, Text: "123456789"}); !errors.Is(err, property.ErrValue) {
		t.Errorf("too long: %v", err)
	}
}

func TestEncode(t *testing.T) {
	for _, c := range []struct {
		id       property.ID
		value    property.Value
		expected string
	}{
		{property.PresentAmbientTemperature, property.Number(21.5), "2b"},
		{property.PresentAmbientTemperature, property.Number(-64), "80"},
		{property.PresentAmbientTemperature, property.Value{}, "7f"},
		{property.PrecisePresentAmbientTemperature, property.Number(21.37), "5908"},
		{property.PresentAmbientRelativeHumidity, property.Number(45.5), "c611"},
		{property.PresentIlluminance, property.Number(100.1), "1a2700"},
		{property.PresentAmbientCarbonDioxideConcentration, property.Value{Known: true, OrMore: true, Number: 65534}, "feff"},
		{property.PresenceDetected, property.Number(1), "01"},
		{property.TimeSinceMotionSensed, property.Number(90), "5a00"},
		{property.LightControlRegulatorKid, property.Number(1), "0000803f"},
	} {
		got, err := property.Encode(c.id, c.value)
		if err != nil || !bytes.Equal(got, octets(t, c.expected)) {
			t.Errorf("%s %+v: %x, %v", c.id, c.value, got, err)
		}
	}
	for _, c := range []struct {
		name  string
		id    property.ID
		value []property.Value
	}{
		{"the octet of not known", property.PresentAmbientTemperature, []property.Value{property.Number(63.5)}},
		{"below the lowest", property.PresentAmbientTemperature, []property.Value{property.Number(-65)}},
		{"above the highest", property.PresentAmbientRelativeHumidity, []property.Value{property.Number(100.5)}},
		{"negative", property.PeopleCount, []property.Value{property.Number(-1)}},
		{"NaN", property.PeopleCount, []property.Value{property.Number(math.NaN())}},
		{"no form for not known", 0x0082, []property.Value{{}}},
		{"too few parts", 0x0002, []property.Value{property.Number(1)}},
		{"unknown property", 0x1234, nil},
	} {
		if got, err := property.Encode(c.id, c.value...); err == nil {
			t.Errorf("%s: %x", c.name, got)
		}
	}
}

// TestRoundTrip decodes random octets in each form that is also sent; all known
// values must be encoded again to the same octets.
func TestRoundTrip(t *testing.T) {
	for p := range property.All() {
		t.Run(p.Key(), func(t *testing.T) {
			size := p.Forms[0].Size()
			rapid.Check(t, func(t *rapid.T) {
				octet := rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte{0, 0x7F, 0x80, 0xFE, 0xFF}))
				raw := rapid.SliceOfN(octet, size, size).Draw(t, "raw")
				values, err := p.Decode(raw)
				if err != nil {
					t.Fatal(err)
				}
				if slices.ContainsFunc(values, func(v property.Value) bool { return !v.Known }) {
					return
				}
				sent, err := p.Append(nil, values...)
				if err != nil {
					t.Fatalf("%x decodes as %+v but does not encode: %v", raw, values, err)
				}
				again, err := p.Decode(sent)
				if err != nil || !slices.Equal(values, again) {
					t.Fatalf("%x: %+v became %x, which is %+v, %v", raw, values, sent, again, err)
				}
			})
		})
	}
}

func FuzzDecode(f *testing.F) {
	for p := range property.All() {
		f.Add(uint16(p.ID), make([]byte, p.Forms[0].Size()))
		f.Add(uint16(p.ID), bytes.Repeat([]byte{0xFF}, p.Forms[0].Size()))
	}
	f.Fuzz(func(t *testing.T, id uint16, raw []byte) {
		values, err := property.Decode(property.ID(id), raw)
		if err != nil {
			return
		}
		for _, v := range values {
			if v.Known && (math.IsNaN(v.Number) || math.IsInf(v.Number, 0)) {
				t.Errorf("%x: known to be %v", raw, v.Number)
			}
		}
	})
}
