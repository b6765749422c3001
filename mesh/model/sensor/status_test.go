package sensor_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
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

func TestMarshalledFormats(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 127)
	for _, c := range []struct {
		name     string
		data     []sensor.Data
		expected string
	}{
		{"format A", []sensor.Data{{PropertyID: 0x0059, RawValue: []byte{0x20, 0x03}}}, "220b2003"},
		{"format A, 16 octets", []sensor.Data{{PropertyID: 0x07FF, RawValue: long[:16]}}, "feff" + hex.EncodeToString(long[:16])},
		{"format B for 17 octets", []sensor.Data{{PropertyID: 0x0059, RawValue: long[:17]}}, "215900" + hex.EncodeToString(long[:17])},
		{"format B for 127 octets", []sensor.Data{{PropertyID: 0x0059, RawValue: long}}, "fd5900" + hex.EncodeToString(long)},
		{"format B for a large identifier", []sensor.Data{{PropertyID: 0x0800, RawValue: []byte{1}}}, "01000801"},
		{"format B for no octets", []sensor.Data{{PropertyID: 0x0059, RawValue: []byte{}}}, "ff5900"},
		{"two values", []sensor.Data{{PropertyID: 0x004F, RawValue: []byte{0x2B}}, {PropertyID: 0x0800, RawValue: []byte{1}}}, "e0092b01000801"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := access.Append(nil, &sensor.Status{SensorData: c.data})
			if err != nil || hex.EncodeToString(got[1:]) != c.expected {
				t.Fatalf("expected %s, got %x, %v", c.expected, got, err)
			}
			var m sensor.Status
			if err := access.Decode(got[1:], &m); err != nil || len(m.SensorData) != len(c.data) {
				t.Fatalf("%+v, %v", m, err)
			}
			for i, d := range m.SensorData {
				if d.PropertyID != c.data[i].PropertyID || !bytes.Equal(d.RawValue, c.data[i].RawValue) {
					t.Errorf("expected %+v, got %+v", c.data[i], d)
				}
			}
		})
	}
}

func TestMarshalledDataThatIsCutOff(t *testing.T) {
	for _, s := range []string{"22", "220b", "220b20", "01", "0100", "010008", "220b200301"} {
		var m sensor.Status
		if err := access.Decode(octets(t, s), &m); !errors.Is(err, access.ErrTruncated) {
			t.Errorf("%s: %+v, %v", s, m, err)
		}
	}
	if _, err := access.Append(nil, &sensor.Status{SensorData: []sensor.Data{{PropertyID: 1, RawValue: make([]byte, 128)}}}); !errors.Is(err, access.ErrProhibited) {
		t.Errorf("128 octets: %v", err)
	}
}

func TestLongerValueDoesNotShiftTheRest(t *testing.T) {
	// A one-octet temperature arrives with two octets, as in a possible later
	// version.
	payload, err := access.Append(nil, &sensor.Status{SensorData: []sensor.Data{
		{PropertyID: property.PresentAmbientTemperature, RawValue: []byte{0x2B, 0x01}},
		{PropertyID: property.PeopleCount, RawValue: []byte{3, 0}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var m sensor.Status
	if err := access.Decode(payload[1:], &m); err != nil {
		t.Fatal(err)
	}
	if _, err := property.Decode(m.SensorData[0].PropertyID, m.SensorData[0].RawValue); !errors.Is(err, property.ErrLength) {
		t.Errorf("longer value: %v", err)
	}
	if v, err := property.Decode(m.SensorData[1].PropertyID, m.SensorData[1].RawValue); err != nil || v[0].Number != 3 {
		t.Errorf("the next value: %+v, %v", v, err)
	}
}

func TestDescriptorOfAMissingSensor(t *testing.T) {
	var m sensor.DescriptorStatus
	if err := access.Decode(octets(t, "4f00"), &m); err != nil || m.Missing != property.PresentAmbientTemperature || len(m.Descriptors) != 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	if got, err := access.Append(nil, &m); err != nil || hex.EncodeToString(got) != "514f00" {
		t.Errorf("%x, %v", got, err)
	}
	text, err := access.ToJSON(&m)
	if err != nil || string(text) != `{"missing":79}` {
		t.Errorf("%s, %v", text, err)
	}
	var back sensor.DescriptorStatus
	if err := access.FromJSON(text, &back); err != nil || back.Missing != m.Missing {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestPeriod(t *testing.T) {
	for _, c := range []struct {
		p       sensor.Period
		seconds float64
		ok      bool
	}{{0, 0, false}, {64, 1, true}, {65, 1.1, true}, {40, 0.1015, true}, {255, 80538375.46, true}} {
		d, ok := c.p.Duration()
		if ok != c.ok || d.Seconds() < c.seconds*0.999 || d.Seconds() > c.seconds*1.001 {
			t.Errorf("%d: %s, %t", c.p, d, ok)
		}
	}
}

func TestCadenceTakesItsLengthsFromTheMessage(t *testing.T) {
	for _, c := range []struct{ name, params string }{
		{"values of one octet", "4f00" + "02" + "01" + "02" + "0a" + "10" + "20"},
		{"values of three octets", "4e00" + "02" + "010000" + "020000" + "0a" + "100000" + "200000"},
		{"percent trigger, values of one octet", "4f00" + "82" + "6400" + "c800" + "0a" + "10" + "20"},
		{"percent trigger, values of three octets", "4e00" + "82" + "6400" + "c800" + "0a" + "100000" + "200000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			params := octets(t, c.params)
			var m sensor.CadenceSet
			if err := access.Decode(params, &m); err != nil {
				t.Fatal(err)
			}
			if m.FastCadencePeriodDivisor != 2 || m.StatusMinInterval != 10 || m.FastCadenceLow[0] != 0x10 || m.FastCadenceHigh[0] != 0x20 {
				t.Errorf("%+v", m)
			}
			if got, err := access.Append(nil, &m); err != nil || !bytes.Equal(got[1:], params) {
				t.Errorf("%x, %v", got, err)
			}
			if err := access.Decode(params[:len(params)-1], new(sensor.CadenceSet)); err == nil {
				t.Error("a message one octet shorter is decoded")
			}
		})
	}
	for name, m := range map[string]*sensor.CadenceSet{
		"no octets":       {PropertyID: 1},
		"uneven lengths":  {PropertyID: 1, Cadence: sensor.Cadence{StatusTriggerDeltaDown: []byte{1}, StatusTriggerDeltaUp: []byte{1}, FastCadenceLow: []byte{1}, FastCadenceHigh: []byte{1, 2}}},
		"delta too short": {PropertyID: 1, Cadence: sensor.Cadence{PercentTrigger: true, StatusTriggerDeltaDown: []byte{1}, StatusTriggerDeltaUp: []byte{1}, FastCadenceLow: []byte{1}, FastCadenceHigh: []byte{1}}},
	} {
		if got, err := access.Append(nil, m); !errors.Is(err, access.ErrProhibited) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}

func TestStatusRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m, again sensor.Status
		for range rapid.IntRange(0, 4).Draw(t, "values") {
			m.SensorData = append(m.SensorData, sensor.Data{
				PropertyID: property.ID(rapid.Uint16().Draw(t, "property")),
				RawValue:   rapid.SliceOfN(rapid.Byte(), 1, 60).Draw(t, "raw"),
			})
		}
		payload, err := access.Append(nil, &m)
		if err != nil {
			t.Fatal(err)
		}
		if err := access.Decode(payload[1:], &again); err != nil || len(m.SensorData) > 0 && !reflect.DeepEqual(m, again) {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
	})
}

func FuzzStatus(f *testing.F) {
	for _, s := range []string{"220b2003", "099040a244ff0000", "ff5900", "e0092b01000801"} {
		f.Add(octets(f, s))
	}
	f.Fuzz(func(t *testing.T, params []byte) {
		var m, again sensor.Status
		if access.Decode(params, &m) != nil || len(params) > access.MaxPayload/2 {
			return
		}
		payload, err := access.Append(nil, &m)
		if err != nil {
			t.Fatalf("%x: %+v, %v", params, m, err)
		}
		if err := access.Decode(payload[1:], &again); err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("%x: %+v became %+v, %v", params, m, again, err)
		}
		for _, d := range m.SensorData {
			_, _ = property.Decode(d.PropertyID, d.RawValue)
		}
	})
}
