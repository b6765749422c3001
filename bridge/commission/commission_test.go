package commission_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/commission"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/scene"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const bridgeAddress mesh.Address = 0x0001

var key = crypto.Key([]byte("canaryAppKey0123"))

// options as the bridge has them.
func options() commission.Options {
	return commission.Options{NetKey: 0, AppKey: 3, Key: key, Bridge: bridgeAddress}
}

// configure puts a node into a network and configures it.
func configure(t *testing.T, d *fake.Node) (*commission.Result, []commission.Step, error) {
	t.Helper()
	net := fake.New()
	net.Join(d)
	var steps []commission.Step
	result, err := commission.Configure(t.Context(), net, options(), peerOf(d), func(s commission.Step) { steps = append(steps, s) })
	return result, steps, err
}

func peerOf(d *fake.Node) state.Peer {
	return state.Peer{UUID: d.UUID, Address: d.Address(), Elements: len(d.Composition.Elements)}
}

func TestConfigureLamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fake.Lamp(mesh.UUID{1})
		result, steps, err := configure(t, d)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(result.Composition, d.Composition) || len(result.Skipped) != 0 {
			t.Errorf("result %+v", result)
		}
		want := device.Details{
			Lightness:   map[int]device.Range{0: {Min: 1, Max: 0xFFFF}},
			Temperature: map[int]device.Range{0: {Min: 2700, Max: 6500}},
		}
		if !reflect.DeepEqual(result.Details, want) {
			t.Errorf("details %+v", result.Details)
		}
		for i, s := range steps {
			if s.Done != i+1 || s.Total != len(steps) {
				t.Errorf("step %d of %d is %+v", i+1, len(steps), s)
			}
		}
		added := d.Received(configuration.OpAppKeyAdd)
		if len(added) != 1 || *fake.Decode[configuration.AppKeyAdd](added[0]) != (configuration.AppKeyAdd{AppKeyIndex: 3, AppKey: key}) {
			t.Errorf("AppKeys %v", added)
		}
		var bound, published []string
		for _, m := range d.Received(configuration.OpModelAppBind) {
			in := fake.Decode[configuration.ModelAppBind](m)
			bound = append(bound, fmt.Sprint(in.ElementAddress-d.Address(), in.ModelIdentifier, in.AppKeyIndex))
		}
		for _, m := range d.Received(configuration.OpModelPublicationSet) {
			in := fake.Decode[configuration.ModelPublicationSet](m)
			published = append(published, fmt.Sprint(in.ElementAddress-d.Address(), in.ModelIdentifier))
			if in.PublishAddress != bridgeAddress || in.AppKeyIndex != 3 || in.PublishTTL != mesh.DefaultTTL ||
				in.PublishPeriod != 0 || in.PublishRetransmit != 1|4<<3 || in.CredentialFlag {
				t.Errorf("publication %+v", in)
			}
		}
		if got := fmt.Sprint(bound); got != "[0x0000 1000 3 0x0000 1002 3 0x0000 1300 3 0x0000 1303 3 0x0001 1002 3 0x0001 1306 3]" {
			t.Errorf("bound %s", got)
		}
		if got := fmt.Sprint(published); got != "[0x0000 1303]" {
			t.Errorf("published %s", got)
		}
	})
}

// Which models are bound and which publish, and how often by themselves.
func TestModelsThatAreConfigured(t *testing.T) {
	tests := []struct {
		model         mesh.ModelID
		binds         bool
		publishes     bool
		publishPeriod uint8
	}{
		{foundation.HealthServerID, false, false, 0},
		{mesh.SIG | 0x000E, false, false, 0}, // SAR Configuration Server
		{generic.OnOffServerID, true, true, 0},
		{generic.OnOffClientID, true, true, 0},
		{generic.DefaultTransitionTimeServerID, true, false, 0},
		{generic.PowerOnOffServerID, true, false, 0},
		{generic.PowerOnOffSetupServerID, true, false, 0},
		{scene.ServerID, true, false, 0},
		{scene.ClientID, true, true, 0},
		{blob.TransferServerID, false, false, 0},
		{firmware.UpdateServerID, false, false, 0},
		{firmware.DistributionServerID, false, false, 0},
		{generic.BatteryServerID, true, true, 0x86},
		{generic.BatteryClientID, true, false, 0},
		{sensor.ServerID, true, true, 0x86},
		{sensor.SetupServerID, true, false, 0},
		{light.HSLServerID, true, true, 0},
		{light.HSLSetupServerID, true, false, 0},
		{mesh.VendorModel(0x05F1, 0x1100), true, true, 0},
		{mesh.VendorModel(0x0059, 0), true, true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.model.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fake.Composed(mesh.UUID{1}, []mesh.ModelID{tt.model})
				if _, _, err := configure(t, d); err != nil {
					t.Fatal(err)
				}
				if got := len(d.Received(configuration.OpModelAppBind)) == 1; got != tt.binds {
					t.Errorf("bound: %v", got)
				}
				sets := d.Received(configuration.OpModelPublicationSet)
				if got := len(sets) == 1; got != tt.publishes {
					t.Fatalf("publishes: %v", got)
				}
				if tt.publishes {
					if in := fake.Decode[configuration.ModelPublicationSet](sets[0]); in.PublishPeriod != tt.publishPeriod {
						t.Errorf("period 0x%02x", in.PublishPeriod)
					}
				}
			})
		})
	}
}

// answering makes a node answer one opcode in another way.
func answering(d *fake.Node, op mesh.Opcode, answer func(m fake.Message) access.Message) *fake.Node {
	d.Answer = func(m fake.Message) (access.Message, bool) {
		if m.Opcode != op {
			return nil, false
		}
		return answer(m), true
	}
	return d
}

// silence is the answer of a node that gives none.
func silence(fake.Message) access.Message { return nil }

// Without these steps the node is of no use, and the error says which it was.
func TestStepsThatMustNotFail(t *testing.T) {
	lamp := func() *fake.Node { return fake.Lamp(mesh.UUID{1}) }
	three, err := fake.Composed(mesh.UUID{}, nil, nil, nil).Composition.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	short := func(fake.Message) access.Message {
		return &configuration.CompositionDataStatus{Data: []byte{1, 2, 3}}
	}
	one, err := fake.Plug(mesh.UUID{}).Composition.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		node     func() *fake.Node
		is       error // nil for another one
		says     string
		attempts int // of what comes after it
	}{
		"no composition": {
			func() *fake.Node { return answering(lamp(), configuration.OpCompositionDataGet, silence) },
			node.ErrNoResponse, "composition", 0,
		},
		"damaged composition": {
			func() *fake.Node { return answering(lamp(), configuration.OpCompositionDataGet, short) },
			configuration.ErrComposition, "composition", 0,
		},
		"another page": {func() *fake.Node {
			return answering(lamp(), configuration.OpCompositionDataGet, func(fake.Message) access.Message {
				return &configuration.CompositionDataStatus{Page: 1, Data: one}
			})
		}, node.ErrNoResponse, "composition", 0},
		"fewer elements than provisioned": {func() *fake.Node {
			return answering(lamp(), configuration.OpCompositionDataGet, func(fake.Message) access.Message {
				return &configuration.CompositionDataStatus{Data: one}
			})
		}, nil, "it lists 1 elements, and 2 were provisioned", 0},
		"more elements than provisioned": {func() *fake.Node {
			return answering(lamp(), configuration.OpCompositionDataGet, func(fake.Message) access.Message {
				return &configuration.CompositionDataStatus{Data: three}
			})
		}, nil, "it lists 3 elements, and 2 were provisioned", 0},
		"no answer to the AppKey": {
			func() *fake.Node { return answering(lamp(), configuration.OpAppKeyAdd, silence) },
			node.ErrNoResponse, "AppKey", 0,
		},
		"AppKey refused": {func() *fake.Node {
			return answering(lamp(), configuration.OpAppKeyAdd, func(fake.Message) access.Message {
				return &configuration.AppKeyStatus{Status: foundation.InsufficientResources, AppKeyIndex: 3}
			})
		}, foundation.StatusError{Status: foundation.InsufficientResources}, "insufficient resources", 0},
		"status of another AppKey": {func() *fake.Node {
			return answering(lamp(), configuration.OpAppKeyAdd, func(fake.Message) access.Message {
				return &configuration.AppKeyStatus{AppKeyIndex: 4}
			})
		}, node.ErrNoResponse, "AppKey", 0},
		"no answer to a binding": {
			func() *fake.Node { return answering(lamp(), configuration.OpModelAppBind, silence) },
			node.ErrNoResponse, "model 1000 on 0x0100", 1,
		},
		"status of another binding": {func() *fake.Node {
			return answering(lamp(), configuration.OpModelAppBind, func(m fake.Message) access.Message {
				in := fake.Decode[configuration.ModelAppBind](m)
				return &configuration.ModelAppStatus{
					ElementAddress: in.ElementAddress + 1, AppKeyIndex: in.AppKeyIndex, ModelIdentifier: in.ModelIdentifier,
				}
			})
		}, node.ErrNoResponse, "model 1000 on 0x0100", 1},
		"no answer to a publication": {
			func() *fake.Node { return answering(lamp(), configuration.OpModelPublicationSet, silence) },
			node.ErrNoResponse, "model 1303 on 0x0100", 6,
		},
		"status of another publication": {func() *fake.Node {
			return answering(lamp(), configuration.OpModelPublicationSet, func(m fake.Message) access.Message {
				in := fake.Decode[configuration.ModelPublicationSet](m)
				return &configuration.ModelPublicationStatus{ElementAddress: in.ElementAddress, ModelIdentifier: generic.LevelServerID}
			})
		}, node.ErrNoResponse, "model 1303 on 0x0100", 6},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := tt.node()
				result, _, err := configure(t, d)
				if err == nil || result != nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %+v, %v", result, err)
				}
				if got := len(d.Received(configuration.OpModelAppBind)); got != tt.attempts {
					t.Errorf("%d bindings after that", got)
				}
				if strings.Contains(fmt.Sprintf("%+v %#v", err, err), "canary") {
					t.Error("the error shows the key")
				}
			})
		})
	}
}

// What a node refuses for one model is noted; the rest is configured. A model
// without the AppKey is neither told to publish nor asked anything.
func TestRefusalsAreNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fake.Lamp(mesh.UUID{1})
		d.Answer = func(m fake.Message) (access.Message, bool) {
			switch m.Opcode {
			case configuration.OpModelAppBind:
				if in := fake.Decode[configuration.ModelAppBind](m); in.ModelIdentifier == light.LightnessServerID {
					return &configuration.ModelAppStatus{
						Status: foundation.CannotBind, ElementAddress: in.ElementAddress,
						AppKeyIndex: in.AppKeyIndex, ModelIdentifier: in.ModelIdentifier,
					}, true
				}
			case configuration.OpModelPublicationSet:
				if in := fake.Decode[configuration.ModelPublicationSet](m); in.ModelIdentifier == light.CTLServerID {
					return &configuration.ModelPublicationStatus{
						Status: foundation.InvalidPublishParameters, ElementAddress: in.ElementAddress, ModelIdentifier: in.ModelIdentifier,
					}, true
				}
			}
			return nil, false
		}
		result, steps, err := configure(t, d)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			"bind: model 1300 of element 0x0100: foundation: the node answered: cannot bind",
			"publish: model 1303 of element 0x0100: foundation: the node answered: invalid publish parameters",
		}
		if !reflect.DeepEqual(result.Skipped, want) {
			t.Errorf("skipped %q", result.Skipped)
		}
		if last := steps[len(steps)-1]; last.Done != last.Total {
			t.Errorf("last step %+v", last)
		}
		if len(d.Received(light.OpLightnessRangeGet)) != 0 || result.Details.Lightness != nil || result.Details.Temperature == nil {
			t.Errorf("details %+v", result.Details)
		}
	})
}

func TestDetails(t *testing.T) {
	const none = light.UnknownTemperature
	tests := map[string]struct {
		op     mesh.Opcode
		answer access.Message
		node   func(mesh.UUID) *fake.Node
		want   string
	}{
		"temperature range unknown": {
			light.OpCTLTemperatureRangeGet, &light.CTLTemperatureRangeStatus{RangeMin: none, RangeMax: none}, fake.Lamp,
			"{Lightness:map[0:{Min:1 Max:65535}] Temperature:map[] Sensors:map[]}",
		},
		"half of it unknown": {
			light.OpCTLTemperatureRangeGet, &light.CTLTemperatureRangeStatus{RangeMin: 2000, RangeMax: none}, fake.Lamp,
			"{Lightness:map[0:{Min:1 Max:65535}] Temperature:map[] Sensors:map[]}",
		},
		"lightness range": {
			light.OpLightnessRangeGet, &light.LightnessRangeStatus{RangeMin: 500, RangeMax: 60000}, fake.Lamp,
			"{Lightness:map[0:{Min:500 Max:60000}] Temperature:map[0:{Min:2700 Max:6500}] Sensors:map[]}",
		},
		"sensors in any order, and twice": {sensor.OpDescriptorGet, &sensor.DescriptorStatus{Descriptors: []sensor.Descriptor{
			{PropertyID: 0x76}, {PropertyID: 0x4F}, {PropertyID: 0x76},
		}}, fake.Thermometer, "{Lightness:map[] Temperature:map[] Sensors:map[0:[79 118]]}"},
		"no sensors": {
			sensor.OpDescriptorGet, &sensor.DescriptorStatus{Missing: property.ID(0x4F)}, fake.Thermometer,
			"{Lightness:map[] Temperature:map[] Sensors:map[0:[]]}",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := answering(tt.node(mesh.UUID{1}), tt.op, func(fake.Message) access.Message { return tt.answer })
				result, _, err := configure(t, d)
				if err != nil {
					t.Fatal(err)
				}
				if got := fmt.Sprintf("%+v", result.Details); got != tt.want {
					t.Errorf("got %s\nwant %s", got, tt.want)
				}
			})
		})
	}
}

// One kind of server that says nothing is no reason to give up, nor to wait for
// its like; a node that says nothing at all is.
func TestSilentServers(t *testing.T) {
	many := func() *fake.Node {
		element := []mesh.ModelID{light.LightnessServerID}
		return fake.Composed(mesh.UUID{1}, element, element, element, []mesh.ModelID{light.CTLServerID})
	}
	t.Run("one kind", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := answering(many(), light.OpLightnessRangeGet, silence)
			result, _, err := configure(t, d)
			if err != nil || len(result.Skipped) != 1 || !strings.Contains(result.Skipped[0], "details: model 1300 of element 0x0100") {
				t.Fatalf("got %+v, %v", result, err)
			}
			if got := len(d.Received(light.OpLightnessRangeGet)); got != 1 {
				t.Errorf("%d servers of the kind were asked", got)
			}
			if result.Details.Temperature[3] != (device.Range{Min: 2700, Max: 6500}) {
				t.Errorf("details %+v", result.Details)
			}
		})
	})
	t.Run("all", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := many()
			d.Answer = func(m fake.Message) (access.Message, bool) {
				return nil, m.Opcode == light.OpLightnessRangeGet || m.Opcode == light.OpCTLTemperatureRangeGet
			}
			if result, _, err := configure(t, d); !errors.Is(err, node.ErrNoResponse) {
				t.Errorf("got %+v, %v", result, err)
			}
		})
	})
}

func TestConfigureEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, d := fake.New(), fake.Lamp(mesh.UUID{1})
		net.Join(d)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := commission.Configure(ctx, net, options(), peerOf(d), func(s commission.Step) {
			if s.Name == "bind" {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if got := len(d.Received(configuration.OpModelAppBind)); got != 1 {
			t.Errorf("%d bindings", got)
		}
	})
}

func TestRemoveAndProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, d := fake.New(), fake.Plug(mesh.UUID{1})
		net.Join(d)
		if err := commission.Probe(t.Context(), net, peerOf(d)); err != nil {
			t.Error(err)
		}
		if err := commission.Remove(t.Context(), net, peerOf(d)); err != nil {
			t.Error(err)
		}
		d.SetSilent(true)
		if err := commission.Probe(t.Context(), net, peerOf(d)); !errors.Is(err, node.ErrNoResponse) {
			t.Errorf("got %v", err)
		}
		if err := commission.Remove(t.Context(), net, peerOf(d)); !errors.Is(err, node.ErrNoResponse) || !strings.Contains(err.Error(), "leaves the network") {
			t.Errorf("got %v", err)
		}
	})
}
