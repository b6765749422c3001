package device_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

func full() *device.Record {
	return &device.Record{
		UUID: mesh.UUID{1}, Address: 0x0100, Count: 2, Name: "hall/lamp", Interview: device.Successful,
		Composition: &configuration.Composition{
			CompanyID: 0x05F1, ProductID: 1, VersionID: 2, CRPL: 10, Features: configuration.FeatureRelay,
			Elements: []configuration.CompositionElement{
				{Location: 1, Models: []mesh.ModelID{mesh.SIG | 0x1000, mesh.VendorModel(0x0059, 7)}},
				{Location: 2},
			},
		},
		Details: device.Details{
			Lightness:   map[int]device.Range{0: {Min: 1, Max: 2}},
			Temperature: map[int]device.Range{1: {Min: 800, Max: 20000}},
			Sensors:     map[int][]uint16{0: {0x4F}},
		},
		Skipped: []string{"bind: model 1000"},
		Joined:  time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	s := store.NewMemory()
	second := &device.Record{UUID: mesh.UUID{2}, Address: 0x0001, Count: 3, Name: "new", Interview: device.Pending}
	for _, r := range []*device.Record{full(), second} {
		change, err := r.Change()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(change); err != nil {
			t.Fatal(err)
		}
	}
	got, err := device.Load(s)
	if err != nil || !reflect.DeepEqual(got, []*device.Record{second, full()}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if second.Elements() != 3 || full().Elements() != 2 || (&device.Record{}).Elements() != 1 {
		t.Error("number of elements")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := device.Load(s); !errors.Is(err, store.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestRecordsThatCannotBe(t *testing.T) {
	key := mesh.UUID{1}.String()
	start := `{"uuid":"` + key + `","name":"x",`
	for data, says := range map[string]string{
		``:                                      "cannot be read",
		`{"uuid":7}`:                            "cannot be read",
		`{"uuid":"` + key[:30] + `02"}`:         "stored under",
		start + `"address":"0x0000"}`:           "unicast",
		start + `"address":"0xc000"}`:           "unicast",
		start + `"address":"0x7fff","count":2}`: "unicast",
		start + `"address":"0x0001","count":9223372036854775807}`:   "unicast",
		start + `"address":"0x0001","composition":{"Elements":[]}}`: "composition",
		`{"uuid":"` + key + `","address":"0x0001"}`:                 "name",
	} {
		r, err := device.Parse(key, []byte(data))
		if !errors.Is(err, device.ErrRecord) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %+v, %v", data, r, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	change, err := full().Change()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(change.Key, change.Value)
	f.Add("", []byte("null"))
	f.Fuzz(func(t *testing.T, key string, data []byte) {
		r, err := device.Parse(key, data)
		if err != nil {
			return
		}
		if n := r.Elements(); n < 1 || n > 255 || !r.Address.IsUnicast() || !(r.Address + mesh.Address(n-1)).IsUnicast() {
			t.Errorf("%d elements from %s on", n, r.Address)
		}
		change, err := r.Change()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := device.Parse(change.Key, change.Value); err != nil || again.Elements() != r.Elements() || again.Name != r.Name {
			t.Errorf("%+v comes back as %+v, %v", r, again, err)
		}
	})
}
