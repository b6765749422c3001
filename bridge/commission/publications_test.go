package commission_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	bridgedevice "github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
)

// publishing lists the models that an intent lets publish, as element:model.
func publishing(elements []configuration.CompositionElement, p commission.Publications) []string {
	var all []string
	for i, e := range elements {
		for _, id := range e.Models {
			if commission.IntentOf(elements, i, id, p).Publish {
				all = append(all, fmt.Sprintf("%d:%s", i, id))
			}
		}
	}
	return all
}

// compositionOf is the composition of a virtual device.
func compositionOf(elements []access.Element) []configuration.CompositionElement {
	var all []configuration.CompositionElement
	for _, e := range elements {
		c := configuration.CompositionElement{}
		for _, m := range e.Models {
			c.Models = append(c.Models, m.ID())
		}
		all = append(all, c)
	}
	return all
}

// Of each function the highest model publishes, and nothing else.
func TestNeededPublications(t *testing.T) {
	of := func(models ...[]mesh.ModelID) []configuration.CompositionElement {
		return fake.Composed(mesh.UUID{}, models...).Composition.Elements
	}
	dimmer := []mesh.ModelID{generic.OnOffServerID, generic.LevelServerID}
	lightness := slices.Concat(dimmer, []mesh.ModelID{light.LightnessServerID, light.LightnessSetupServerID})
	ctl := slices.Concat(lightness, []mesh.ModelID{light.CTLServerID})
	hsl := slices.Concat(lightness, []mesh.ModelID{light.HSLServerID})
	temperature := []mesh.ModelID{generic.LevelServerID, light.CTLTemperatureServerID}
	hue, saturation := []mesh.ModelID{generic.LevelServerID, light.HSLHueServerID}, []mesh.ModelID{generic.LevelServerID, light.HSLSaturationServerID}
	for name, test := range map[string]struct {
		elements []configuration.CompositionElement
		want     []string
	}{
		"virtual plug":       {compositionOf(device.NewPlug().Elements()), []string{"0:1000"}},
		"virtual lamp":       {compositionOf(device.NewLamp().Elements()), []string{"0:1303"}},
		"virtual color lamp": {compositionOf(device.NewColorLamp().Elements()), []string{"0:1307"}},
		"virtual sensor":     {compositionOf(device.NewSensor().Elements()), []string{"0:100c", "0:1100"}},
		"virtual button":     {compositionOf(device.NewButton().Elements()), []string{"0:1001", "0:1003"}},
		// Generic Level is bound to nothing by itself.
		"level":           {of(dimmer), []string{"0:1000", "0:1002"}},
		"lightness":       {of(lightness), []string{"0:1300"}},
		"both colours":    {of(slices.Concat(ctl, []mesh.ModelID{light.HSLServerID}), temperature, hue, saturation), []string{"0:1303", "0:1307"}},
		"two lamps":       {of(ctl, temperature, ctl, temperature), []string{"0:1303", "2:1303"}},
		"hue, saturation": {of(hsl, hue, saturation), []string{"0:1307"}},
		// The second of a kind is no part of the light: it dims something else.
		"another temperature": {of(ctl, temperature, temperature), []string{"0:1303", "2:1002"}},
		"temperature alone":   {of(temperature), []string{"0:1002"}},
		"lamp and plug":       {of(ctl, temperature, []mesh.ModelID{generic.OnOffServerID}), []string{"0:1303", "2:1000"}},
		"light control":       {of(ctl, temperature, []mesh.ModelID{generic.OnOffServerID, light.LCServerID}), []string{"0:1303", "2:1000"}},
		"vendor model":        {of([]mesh.ModelID{generic.OnOffServerID, mesh.VendorModel(0x05F1, 1)}), []string{"0:1000", "0:05f1:0001"}},
	} {
		if got := publishing(test.elements, commission.PublishNeeded); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %v publish, want %v", name, got, test.want)
		}
	}
	if got := publishing(of(ctl, temperature), commission.PublishAll); fmt.Sprint(got) != "[0:1000 0:1002 0:1300 0:1303 1:1002 1:1306]" {
		t.Errorf("all: %v", got)
	}
	if got := publishing(of(ctl), ""); len(got) != 4 {
		t.Errorf("of a record of an earlier version: %v", got)
	}
}

// A node that published more than is needed is told to stop, and nobody else is.
func TestEndsOtherPublications(t *testing.T) {
	for name, test := range map[string]struct {
		end, all bool
		want     string
	}{
		"first interview": {false, false, "1303 on"},
		"from all":        {true, false, "1303 on, 1000 off, 1002 off, 1300 off, 1002 off, 1306 off"},
		"to all":          {true, true, "1000 on, 1002 on, 1300 on, 1303 on, 1002 on, 1306 on"},
	} {
		synctest.Test(t, func(t *testing.T) {
			net, d := fake.New(), fake.Lamp(mesh.UUID{1})
			net.Join(d)
			o := options()
			if o.EndOthers = test.end; test.all {
				o.Publications = commission.PublishAll
			}
			if result, err := commission.Configure(t.Context(), net, o, peerOf(d), nil); err != nil || len(result.Skipped) > 0 {
				t.Fatalf("%s: %v, %+v", name, err, result)
			}
			var got string
			for _, m := range d.Received(configuration.OpModelPublicationSet) {
				in, word := fake.Decode[configuration.ModelPublicationSet](m), "off"
				if in.PublishAddress == bridgeAddress {
					word = "on"
				}
				if got != "" {
					got += ", "
				}
				got += fmt.Sprint(in.ModelIdentifier, " ", word)
			}
			if got != test.want {
				t.Errorf("%s: %s, want %s", name, got, test.want)
			}
		})
	}
}

// What is known of a product is not asked again.
func TestKnownProduct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := bridgedevice.Details{Lightness: map[int]bridgedevice.Range{0: {Min: 7, Max: 8}}}
		net, d := fake.New(), fake.Lamp(mesh.UUID{1})
		net.Join(d)
		o := options()
		o.Known = func(c *configuration.Composition) (bridgedevice.Details, bool) {
			return known, reflect.DeepEqual(c, d.Composition)
		}
		var last commission.Step
		result, err := commission.Configure(t.Context(), net, o, peerOf(d), func(s commission.Step) { last = s })
		if err != nil || !reflect.DeepEqual(result.Details, known) {
			t.Errorf("%+v, %v", result, err)
		}
		if asked := d.Received(light.OpLightnessRangeGet, light.OpCTLTemperatureRangeGet); len(asked) != 0 {
			t.Errorf("asked %v", asked)
		}
		if last.Name != "publish" || last.Done != last.Total {
			t.Errorf("last step %+v", last)
		}
	})
}
