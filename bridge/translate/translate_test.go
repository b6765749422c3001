package translate_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/translate"
)

// record is a device of elements with models.
func record(elements ...[]mesh.ModelID) *device.Record {
	c := &configuration.Composition{CompanyID: 0x05F1}
	for _, models := range elements {
		c.Elements = append(c.Elements, configuration.CompositionElement{Models: models})
	}
	return &device.Record{Composition: c, Interview: device.Successful}
}

type models = []mesh.ModelID

func plug() *device.Record { return record(models{generic.OnOffServerID}) }

func dimmer() *device.Record {
	return record(models{generic.OnOffServerID, generic.LevelServerID, light.LightnessServerID, light.LightnessSetupServerID})
}

func whiteLamp() *device.Record {
	r := record(
		models{generic.OnOffServerID, generic.LevelServerID, light.LightnessServerID, light.CTLServerID},
		models{generic.LevelServerID, light.CTLTemperatureServerID},
	)
	r.Details.Temperature = map[int]device.Range{0: {Min: 2700, Max: 6500}}
	return r
}

func colorLamp() *device.Record {
	return record(
		models{generic.OnOffServerID, generic.LevelServerID, light.LightnessServerID, light.HSLServerID},
		models{generic.LevelServerID, light.HSLHueServerID},
		models{generic.LevelServerID, light.HSLSaturationServerID},
	)
}

// bothLamp has CTL and HSL.
func bothLamp() *device.Record {
	r := record(
		models{generic.OnOffServerID, generic.LevelServerID, light.LightnessServerID, light.CTLServerID, light.HSLServerID},
		models{generic.LevelServerID, light.CTLTemperatureServerID},
		models{generic.LevelServerID, light.HSLHueServerID},
		models{generic.LevelServerID, light.HSLSaturationServerID},
	)
	r.Details.Temperature = map[int]device.Range{0: {Min: 2700, Max: 6500}}
	return r
}

func levelOnly() *device.Record { return record(models{generic.LevelServerID}) }

func strip() *device.Record {
	return record(models{generic.OnOffServerID}, models{generic.OnOffServerID}, models{generic.OnOffServerID})
}

func weather() *device.Record {
	r := record(models{sensor.ServerID, generic.BatteryServerID})
	r.Details.Sensors = map[int][]uint16{0: {0x0042, 0x004D, 0x0055, 0x0075, 0x0076}}
	return r
}

func remote() *device.Record {
	return record(models{generic.OnOffClientID, generic.LevelClientID, light.LightnessClientID, light.CTLClientID, light.HSLClientID})
}

// command is the JSON of a command.
func command(t testing.TB, text string) map[string]json.RawMessage {
	t.Helper()
	var c map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// params is what m looks like on the air behind its opcode.
func params(t testing.TB, m access.Message) []byte {
	t.Helper()
	payload, err := access.Append(nil, m)
	if err != nil {
		t.Fatalf("%T: %v", m, err)
	}
	_, p, err := access.ParseOpcode(payload)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func start() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// receive lets the device say something.
func receive(t testing.TB, tr *translate.Device, element int, m access.Message) translate.Update {
	t.Helper()
	return tr.Receive(translate.Input{Time: start(), Element: element, Opcode: m.Opcode(), Params: params(t, m)})
}

// document is the state as it is published.
func document(t testing.TB, tr *translate.Device) string {
	t.Helper()
	data, err := json.Marshal(tr.State())
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func expectState(t testing.TB, tr *translate.Device, expected string) {
	t.Helper()
	if got := document(t, tr); got != expected {
		t.Errorf("state\n got      %s\n expected %s", got, expected)
	}
}

// mustPlan is the plan of a command.
func mustPlan(t testing.TB, tr *translate.Device, element, text string) []translate.Step {
	t.Helper()
	steps, err := tr.Plan(element, command(t, text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return steps
}

// send sends steps.
func send(t testing.TB, tr *translate.Device, steps []translate.Step) *translate.Sending {
	t.Helper()
	sending, err := tr.Send(steps)
	if err != nil {
		t.Fatal(err)
	}
	return sending
}
