package homeassistant_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

var update = flag.Bool("update", false, "write the golden files anew")

type models = []mesh.ModelID

func record(name string, elements ...models) *device.Record {
	c := &configuration.Composition{CompanyID: 0x0059, ProductID: 0x001A, VersionID: 1}
	for _, m := range elements {
		c.Elements = append(c.Elements, configuration.CompositionElement{Models: m})
	}
	return &device.Record{
		UUID: mesh.UUID{0x70, 0xcf, 0x7c, 0x97, 0x32, 0xa3, 0x45, 0xb6, 0x91, 0x49, 0x48, 0x10, 0xd2, 0xe9, 0xcb, 0xf4},
		Name: name, Address: 0x0100, Interview: device.Successful, Composition: c,
	}
}

// devices are what the golden files are of.
func devices() map[string]*device.Record {
	ctl := []models{
		{generic.OnOffServerID, generic.LevelServerID, light.LightnessServerID, light.CTLServerID},
		{generic.LevelServerID, light.CTLTemperatureServerID},
	}
	hsl := []models{
		{generic.OnOffServerID, generic.LevelServerID, light.LightnessServerID, light.HSLServerID},
		{generic.LevelServerID, light.HSLHueServerID},
		{generic.LevelServerID, light.HSLSaturationServerID},
	}
	all := map[string]*device.Record{
		"plug":       record("demo_plug", models{generic.OnOffServerID}),
		"lamp":       record("demo_lamp", ctl...),
		"color_lamp": record("demo_color_lamp", hsl...),
		"dimmer":     record("Küche/Decke", models{generic.OnOffServerID, light.LightnessServerID}),
		"sensor":     record("demo_sensor", models{sensor.ServerID, generic.BatteryServerID}),
		"button":     record("demo_button", models{generic.OnOffClientID, generic.LevelClientID}),
		"remote":     record("remote", models{generic.OnOffClientID}, models{generic.OnOffClientID, light.HSLClientID}, models{generic.BatteryServerID}),
		"strip":      record("strip", models{generic.OnOffServerID}, models{generic.OnOffServerID}),
		"two_lamps":  record("two lamps", slices.Concat(ctl, hsl)...),
	}
	all["lamp"].Details.Temperature = map[int]device.Range{0: {Min: 2700, Max: 6500}}
	all["sensor"].Details.Sensors = map[int][]uint16{0: {0x0042, 0x0055, 0x0075, 0x0076}}
	every := record("every", models{sensor.ServerID})
	every.Details.Sensors = map[int][]uint16{}
	for p := range property.All() {
		every.Details.Sensors[0] = append(every.Details.Sensors[0], uint16(p.ID))
	}
	all["every property"] = every
	return all
}

func options() homeassistant.Options {
	return homeassistant.Options{Enabled: true, Prefix: "homeassistant", StatusTopic: "homeassistant/status", Version: "1.2.3"}
}

func topics(t testing.TB) topic.Topics {
	t.Helper()
	all, err := topic.New("btmesh2mqtt")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func discover(t testing.TB, r *device.Record, gone ...translate.Feature) []byte {
	t.Helper()
	where, data, err := homeassistant.Discovery(options(), topics(t), r, translate.Describe(r).Features(), gone...)
	if err != nil {
		t.Fatal(err)
	}
	if where != "homeassistant/device/btmesh_70cf7c9732a345b691494810d2e9cbf4/config" {
		t.Errorf("topic %s", where)
	}
	return data
}

// TestGolden holds the documents against files. After a change that is meant
// run it with -update and read what has changed: entities of users hang on it.
func TestGolden(t *testing.T) {
	for name, r := range devices() {
		if strings.Contains(name, " ") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			encoder := json.NewEncoder(&got)
			encoder.SetEscapeHTML(false)
			encoder.SetIndent("", "  ")
			if err := encoder.Encode(json.RawMessage(discover(t, r))); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".json")
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

func components(t testing.TB, data []byte) map[string]map[string]any {
	t.Helper()
	var d struct {
		Components map[string]map[string]any `json:"components"`
	}
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	return d.Components
}

func TestGoneComponentsAreOnlyAPlatform(t *testing.T) {
	before := translate.Describe(devices()["lamp"]).Features()
	before = append(before, translate.Feature{Type: translate.TypeNumeric, Key: "temperature"})
	r := devices()["plug"]
	got := components(t, discover(t, r, before...))
	if len(got) != 3 || len(got["switch"]) < 5 {
		t.Errorf("components %v", got)
	}
	for key, platform := range map[string]string{"light": "light", "temperature": "sensor"} {
		if c := got[key]; len(c) != 1 || c["platform"] != platform {
			t.Errorf("%s: %v", key, c)
		}
	}
	again := components(t, discover(t, r, translate.Describe(r).Features()...))
	if len(again) != 1 || len(again["switch"]) < 5 {
		t.Errorf("what is still there: %v", again)
	}
}

// TestRenameKeepsIdentity: names are in topics and proposals, never in what an
// entity is known by.
func TestRenameKeepsIdentity(t *testing.T) {
	for name, r := range devices() {
		before := components(t, discover(t, r))
		r.Name, r.Address = "quite another", 0x0777
		after := components(t, discover(t, r))
		for key, c := range before {
			if c["unique_id"] == nil || c["unique_id"] != after[key]["unique_id"] {
				t.Errorf("%s %s: %v became %v", name, key, c["unique_id"], after[key]["unique_id"])
			}
		}
	}
}

func TestUniqueIDsAreUnique(t *testing.T) {
	for name, r := range devices() {
		seen, entities := map[any]bool{}, map[any]bool{}
		for key, c := range components(t, discover(t, r)) {
			if seen[c["unique_id"]] || entities[c["default_entity_id"]] {
				t.Errorf("%s %s: %v and %v are there twice", name, key, c["unique_id"], c["default_entity_id"])
			}
			seen[c["unique_id"]], entities[c["default_entity_id"]] = true, true
		}
	}
}

func TestUnknownKind(t *testing.T) {
	_, _, err := homeassistant.Discovery(options(), topics(t), devices()["plug"], []translate.Feature{{Name: "siren", Type: translate.TypeComposite, Key: "siren"}})
	if err == nil || !strings.Contains(err.Error(), `siren: expected a feature that a platform can show, got "siren"`) {
		t.Errorf("got %v", err)
	}
}

func TestNamesWithoutLatinLetters(t *testing.T) {
	r := devices()["plug"]
	r.Name = "電灯"
	c := components(t, discover(t, r))["switch"]
	if _, there := c["default_entity_id"]; there {
		t.Errorf("got %v", c["default_entity_id"])
	}
}
