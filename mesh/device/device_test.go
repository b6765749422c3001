package device_test

import (
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/server/servertest"
)

func bench(t *testing.T, elements []access.Element) *servertest.Bench {
	var models []access.Model
	for _, e := range elements {
		models = append(models, e.Models...)
	}
	return servertest.New(t, models...)
}

func TestCompositions(t *testing.T) {
	everywhere := []mesh.ModelID{
		foundation.ConfigurationServerID, foundation.HealthServerID,
		foundation.BridgeConfigurationServerID, foundation.PrivateBeaconServerID,
		foundation.OnDemandPrivateProxyServerID, foundation.SARConfigurationServerID, foundation.OpcodesAggregatorServerID,
		foundation.LargeCompositionDataServerID, foundation.SolicitationPDURPLServerID,
	}
	powered := []mesh.ModelID{generic.DefaultTransitionTimeServerID, generic.PowerOnOffServerID, generic.PowerOnOffSetupServerID}
	dimmed := slices.Concat(everywhere, []mesh.ModelID{generic.OnOffServerID, generic.LevelServerID}, powered,
		[]mesh.ModelID{light.LightnessServerID, light.LightnessSetupServerID})
	for name, test := range map[string]struct {
		elements []access.Element
		want     [][]mesh.ModelID
	}{
		"plug": {device.NewPlug().Elements(), [][]mesh.ModelID{slices.Concat(everywhere, []mesh.ModelID{generic.OnOffServerID}, powered)}},
		"lamp": {device.NewLamp().Elements(), [][]mesh.ModelID{
			slices.Concat(dimmed, []mesh.ModelID{light.CTLServerID, light.CTLSetupServerID}),
			{generic.LevelServerID, light.CTLTemperatureServerID},
		}},
		"color lamp": {device.NewColorLamp().Elements(), [][]mesh.ModelID{
			slices.Concat(dimmed, []mesh.ModelID{light.HSLServerID, light.HSLSetupServerID}),
			{generic.LevelServerID, light.HSLHueServerID},
			{generic.LevelServerID, light.HSLSaturationServerID},
		}},
		"sensor": {device.NewSensor().Elements(), [][]mesh.ModelID{
			slices.Concat(everywhere, []mesh.ModelID{generic.BatteryServerID, sensor.ServerID, sensor.SetupServerID}),
		}},
		"button": {device.NewButton().Elements(), [][]mesh.ModelID{
			slices.Concat(everywhere, []mesh.ModelID{generic.OnOffClientID, generic.LevelClientID}),
		}},
	} {
		if len(test.elements) != len(test.want) {
			t.Errorf("%s has %d elements, want %d", name, len(test.elements), len(test.want))
			continue
		}
		test.want[device.Primary] = append(test.want[device.Primary], blob.TransferServerID, firmware.UpdateServerID)
		for i, e := range test.elements {
			var got []mesh.ModelID
			for _, m := range e.Models {
				got = append(got, m.ID())
			}
			if !slices.Equal(got, test.want[i]) {
				t.Errorf("%s, element %d: %v, want %v", name, i, got, test.want[i])
			}
		}
	}
}

// A device lists only servers that have an effect. Directed Forwarding
// Configuration would have none: no node here looks for paths.
func TestDevicesDoNotListDirectedForwarding(t *testing.T) {
	for name, elements := range map[string][]access.Element{
		"plug": device.NewPlug().Elements(), "lamp": device.NewLamp().Elements(), "color lamp": device.NewColorLamp().Elements(),
		"sensor": device.NewSensor().Elements(), "button": device.NewButton().Elements(), "distributor": device.NewDistributor().Elements(),
	} {
		for i, e := range elements {
			for _, m := range e.Models {
				if m.ID() == foundation.DirectedForwardingServerID {
					t.Errorf("%s, element %d lists the Directed Forwarding Configuration Server", name, i)
				}
			}
		}
	}
}

func TestToggle(t *testing.T) {
	plug, lamp := device.NewPlug(), device.NewLamp()
	for _, test := range []struct {
		elements []access.Element
		toggle   func(access.Context)
		isOn     func(time.Time) bool
	}{
		{plug.Elements(), plug.Toggle, plug.IsOn},
		{lamp.Elements(), lamp.Toggle, lamp.IsOn},
	} {
		b := bench(t, test.elements)
		onOff := b.Models[2]
		for _, want := range []bool{true, false, true} {
			b.Context(onOff, test.toggle)
			if test.isOn(b.Time) != want {
				t.Fatalf("toggled: on is %t, want %t", !want, want)
			}
			published := b.Publications()
			if len(published) == 0 || published[0].Model != generic.OnOffServerID {
				t.Errorf("after a press of the switch it published %+v", published)
			}
		}
	}
}

func TestButton(t *testing.T) {
	button := device.NewButton()
	b := bench(t, button.Elements())
	b.Context(b.Models[2], button.Press)
	b.Context(b.Models[2], button.Press)
	b.Context(b.Models[3], button.Turn(100))
	b.Context(b.Models[3], button.Hold(true))
	b.Context(b.Models[3], button.Hold(false))
	b.Context(b.Models[3], button.Release)
	var got []mesh.Opcode
	for _, p := range b.Publications() {
		got = append(got, p.Message.Opcode())
	}
	want := []mesh.Opcode{
		generic.OpOnOffSetUnacknowledged, generic.OpOnOffSetUnacknowledged, generic.OpDeltaSetUnacknowledged,
		generic.OpMoveSetUnacknowledged, generic.OpMoveSetUnacknowledged, generic.OpMoveSetUnacknowledged,
	}
	if !slices.Equal(got, want) {
		t.Errorf("published %v, want %v", got, want)
	}
}

// The sensor wakes only when it measures, and publishes only some of its
// measurements.
func TestSensor(t *testing.T) {
	s := device.NewSensor()
	b := bench(t, s.Elements())
	b.Pass(0)
	var first *sensor.Status
	for _, p := range b.Publications() {
		if m, ok := p.Message.(*sensor.Status); ok {
			first = m
		}
	}
	if first == nil || len(first.SensorData) != 4 {
		t.Fatalf("at first it reports %+v, want four values", first)
	}
	b.Wakes = 0
	b.Pass(24 * time.Hour)
	const samples = 24 * 3600 / 5
	if b.Wakes < samples || b.Wakes > samples+10 {
		t.Errorf("woken %d times in a day, want once for each of %d measurements", b.Wakes, samples)
	}
	battery := map[uint8]bool{}
	values := 0
	for _, p := range b.Publications() {
		switch m := p.Message.(type) {
		case *sensor.Status:
			values++
		case *generic.BatteryStatus:
			battery[m.BatteryLevel] = true
		}
	}
	if len(battery) != 4 || !battery[96] {
		t.Errorf("within a day the battery reported %v, want 99 down to 96", battery)
	}
	if values < 1000 || values > samples/2 {
		t.Errorf("%d publications of values in a day", values)
	}
	b.Time = b.Time.Add(60 * 24 * time.Hour)
	b.Pass(0)
	if m := b.Send(&generic.BatteryGet{}).(*generic.BatteryStatus); m.BatteryLevel != 1 || m.Serviceability != generic.BatteryServiceRequired {
		t.Errorf("after two months the battery reports %+v", m)
	}
}
