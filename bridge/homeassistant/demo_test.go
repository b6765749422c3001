package homeassistant_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	virtual "github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// demoDevices are the devices of the demo, as their interview finds them.
func demoDevices() map[string]*device.Record {
	all := map[string]*device.Record{}
	for name, elements := range map[string][]access.Element{
		"demo_plug":       virtual.NewDistributor().Elements(),
		"demo_lamp":       virtual.NewLamp().Elements(),
		"demo_color_lamp": virtual.NewColorLamp().Elements(),
		"demo_sensor":     virtual.NewSensor().Elements(),
		"demo_button":     virtual.NewButton().Elements(),
	} {
		var composition []models
		for _, e := range elements {
			var ids []mesh.ModelID
			for _, m := range e.Models {
				ids = append(ids, m.ID())
			}
			composition = append(composition, ids)
		}
		r := record(name, composition...)
		r.Details = device.Details{
			Lightness:   map[int]device.Range{0: {Min: 1, Max: 65535}},
			Temperature: map[int]device.Range{0: {Min: 800, Max: 20000}},
			Sensors:     map[int][]uint16{0: {0x004F, 0x0076, 0x004E, 0x0042}},
		}
		all[name] = r
	}
	return all
}

// TestGoldenDemo compares the documents of the demo's devices, and of a device
// that has every property of the specification, with files that an earlier
// version wrote. They hold one component per line. Users have automations that
// depend on them.
func TestGoldenDemo(t *testing.T) {
	records := demoDevices()
	records["every_property"] = devices()["every property"]
	for name, r := range records {
		t.Run(name, func(t *testing.T) {
			var document map[string]json.RawMessage
			if err := json.Unmarshal(discover(t, r), &document); err != nil {
				t.Fatal(err)
			}
			var parts map[string]json.RawMessage
			if err := json.Unmarshal(document["components"], &parts); err != nil {
				t.Fatal(err)
			}
			delete(document, "components")
			var got bytes.Buffer
			for _, list := range []map[string]json.RawMessage{document, parts} {
				for _, key := range slices.Sorted(maps.Keys(list)) {
					got.WriteString(key + " " + string(list[key]) + "\n")
				}
			}
			file := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			expected, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), expected) {
				t.Errorf("%s differs from what is described:\n%s", file, got.Bytes())
			}
		})
	}
}
