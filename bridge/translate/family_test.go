package translate_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/homeassistant"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// This file adds a family, as a file of the package would do it: what a device
// does when it gets power. The row in newFamilies is all that makes it known.

func newFamilies() []translate.Family {
	return append(translate.Families(),
		translate.Family{Name: "power_on", Models: []mesh.ModelID{generic.PowerOnOffServerID}, New: newPowerOn})
}

// powerOn is a Generic Power OnOff server.
type powerOn struct{ features []translate.Feature }

var _ translate.Function = (*powerOn)(nil)

func newPowerOn(p *translate.Place) translate.Function {
	access := translate.Published | translate.Gettable
	if p.Has(generic.PowerOnOffSetupServerID) {
		access |= translate.Settable
	}
	return &powerOn{p.Name(translate.Feature{
		Name: "power_on_behavior", Key: "power_on_behavior", Property: "power_on_behavior", Label: "Power-on behaviour",
		Type: translate.TypeEnum, Access: access, Category: translate.Config, Values: powerUps(),
	})}
}

func powerUps() []string { return []string{"off", "default", "restore"} }

func (p *powerOn) Features() []translate.Feature { return p.features }

func (p *powerOn) Report(r *translate.Report) bool {
	var s generic.OnPowerUpStatus
	if r.Opcode != generic.OpOnPowerUpStatus || !r.Decode(&s) {
		return false
	}
	r.Set(p.features[0].Property, s.OnPowerUp.String())
	return true
}

func (p *powerOn) Restore(stored map[string]any, s *translate.State) {
	translate.RestoreValues(p.features, stored, s)
}

func (p *powerOn) Plan(c translate.Command) ([]translate.Step, error) {
	v, _ := c.Value("power_on_behavior")
	word, _ := v.(string)
	m := &generic.OnPowerUpSet{OnPowerUp: generic.PowerUp(slices.Index(powerUps(), word))}
	return []translate.Step{{
		Element: p.features[0].Element, Message: m, Respond: generic.OpOnPowerUpStatus,
		Confirms: translate.Confirm(func(s *generic.OnPowerUpStatus) bool { return s.OnPowerUp == m.OnPowerUp }),
	}}, nil
}

func (p *powerOn) Query(w *translate.Wanted) []translate.Step {
	if !w.Wants(p.features[0].Property) {
		return nil
	}
	return []translate.Step{{Element: p.features[0].Element, Message: &generic.OnPowerUpGet{}, Respond: generic.OpOnPowerUpStatus}}
}

func TestNewFamily(t *testing.T) {
	r := record(
		models{generic.OnOffServerID, generic.PowerOnOffServerID, generic.PowerOnOffSetupServerID},
		models{generic.OnOffServerID, light.LightnessServerID, generic.PowerOnOffServerID},
	)
	r.Name = "lamps"
	if features := translate.Describe(r).Features(); len(features) != 2 {
		t.Fatalf("without the family: %+v", features)
	}
	d := translate.Compose(newFamilies(), r)

	var keys []string
	for _, f := range d.Features() {
		keys = append(keys, f.Key)
	}
	if expected := []string{"switch", "power_on_behavior", "light_2", "power_on_behavior_2"}; !slices.Equal(keys, expected) {
		t.Errorf("features %q, expected %q", keys, expected)
	}
	expectState(t, d, `{"brightness_2":null,"power_on_behavior":null,"power_on_behavior_2":null,"state":null,"state_2":null}`)
	u := receive(t, d, 1, &generic.OnPowerUpStatus{OnPowerUp: generic.PowerUpRestore})
	if !u.Known || u.Changed["power_on_behavior_2"] != "restore" {
		t.Errorf("report: %+v", u)
	}
	receive(t, d, 0, &generic.OnOffStatus{PresentOnOff: true})
	const state = `{"brightness_2":null,"power_on_behavior":null,"power_on_behavior_2":"restore","state":"ON","state_2":null}`
	expectState(t, d, state)
	again := translate.Compose(newFamilies(), r)
	again.Restore(d.State())
	expectState(t, again, state)

	if got := inWords(t, mustPlan(t, d, "", `{"power_on_behavior":"default","state":"OFF"}`)); got != "0 8202 00..>8204, 0 8213 01>8212" {
		t.Errorf("plan: %s", got)
	}
	steps, err := d.Query("1", []string{"power_on_behavior"})
	if got := inWords(t, steps); err != nil || got != "1 8211 >8212" {
		t.Errorf("query: %s %v", got, err)
	}
	for text, expected := range map[string]string{
		`{"power_on_behavior":"maybe"}`: `power_on_behavior: expected off, default or restore, got "maybe"`,
		`{"power_on_behavior_2":"off"}`: `power_on_behavior_2: cannot be set, it is only reported`, // no setup server
	} {
		if _, err := d.Plan("", command(t, text)); err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("%s: got %v, expected %s", text, err, expected)
		}
	}
	sending := send(t, d, mustPlan(t, d, "", `{"power_on_behavior":"off"}`))
	if accept := sending.Messages[0].Accept; accept([]byte{1}) || !accept([]byte{0}) {
		t.Error("the answer is the status with what was asked for")
	}
	checkSelect(t, r, d)
}

// checkSelect expects the new family in Home Assistant, which knows nothing of
// it but the description of the feature.
func checkSelect(t *testing.T, r *device.Record, d *translate.Device) {
	t.Helper()
	topics, err := topic.New("b")
	if err != nil {
		t.Fatal(err)
	}
	_, data, err := homeassistant.Discovery(homeassistant.Options{Prefix: "homeassistant"}, topics, r, d.Features())
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Components map[string]json.RawMessage `json:"components"`
	}
	if err := json.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	for key, expected := range map[string]string{
		"power_on_behavior": `{"command_template":"{\"power_on_behavior\":\"{{ value }}\"}","command_topic":"b/lamps/set",` +
			`"default_entity_id":"select.lamps_power_on_behavior","entity_category":"config","name":"Power-on behaviour",` +
			`"options":["off","default","restore"],"platform":"select","qos":1,"state_topic":"b/lamps",` +
			`"unique_id":"btmesh_00000000000000000000000000000000_0_power_on_behavior","value_template":"{{ value_json.power_on_behavior }}"}`,
		"power_on_behavior_2": `{"default_entity_id":"sensor.lamps_power_on_behavior_2","device_class":"enum","entity_category":"config",` +
			`"name":"Power-on behaviour 2","options":["off","default","restore"],"platform":"sensor","qos":1,"state_topic":"b/lamps",` +
			`"unique_id":"btmesh_00000000000000000000000000000000_1_power_on_behavior_2","value_template":"{{ value_json.power_on_behavior_2 }}"}`,
	} {
		if got := string(document.Components[key]); got != expected {
			t.Errorf("%s:\n got      %s\n expected %s", key, got, expected)
		}
	}
}
