package node_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/property"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
)

func plug() []access.Element      { return device.NewPlug().Elements() }
func lamp() []access.Element      { return device.NewLamp().Elements() }
func colorLamp() []access.Element { return device.NewColorLamp().Elements() }

func TestProvisioningOverPBADV(t *testing.T) {
	var right, wrong provision.AuthValue
	right, wrong = make(provision.AuthValue, 16), make(provision.AuthValue, 16)
	right[0], wrong[0] = 1, 2
	for _, test := range []struct {
		name   string
		device node.DeviceOptions
		auth   provision.Auth
		loss   float64
	}{
		{name: "no OOB", auth: provision.Auth{Method: provision.NoOOB}},
		{name: "no OOB with loss", auth: provision.Auth{Method: provision.NoOOB}, loss: 0.2},
		{name: "static OOB", device: node.DeviceOptions{StaticOOB: right}, auth: provision.Auth{Method: provision.StaticOOB, Value: right}},
		{name: "static OOB with loss", device: node.DeviceOptions{StaticOOB: right}, auth: provision.Auth{Method: provision.StaticOOB, Value: right}, loss: 0.2},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPump(t)
			p.loss = test.loss
			gateway := p.addGateway()
			dev, uuid := p.addDevice("lamp", test.device, lamp)
			peer := p.provision(gateway, uuid, test.auth)
			if peer.Address != gatewayAddress+1 || peer.Elements != 2 {
				t.Errorf("the device got %s with %d elements, want 0x0002 with 2", peer.Address, peer.Elements)
			}
			joined := await[node.Joined](p, dev, time.Minute, nil)
			if joined.Address != peer.Address || dev.State().Address != peer.Address {
				t.Errorf("the device has the address %s", joined.Address)
			}
			if !dev.State().DeviceKey.Equal(peer.DeviceKey) || peer.DeviceKey.IsZero() {
				t.Error("the two sides have different device keys")
			}
			if !dev.State().Subnets[0].Key.Equal(gateway.State().Subnets[0].Key) {
				t.Error("the two sides have different NetKeys")
			}
		})
	}

	t.Run("wrong static OOB", func(t *testing.T) {
		p := newPump(t)
		gateway := p.addGateway()
		dev, uuid := p.addDevice("lamp", node.DeviceOptions{StaticOOB: right}, lamp)
		await[node.DeviceHeard](p, gateway, 10*time.Second, nil)
		err := gateway.Provision(p.now, node.Provision{UUID: uuid, Auth: provision.Auth{Method: provision.StaticOOB, Value: wrong}})
		if err != nil {
			t.Fatal(err)
		}
		p.carryOut(gateway)
		if done := await[node.ProvisioningDone](p, gateway, 3*time.Minute, nil); done.Err == nil {
			t.Error("the device was provisioned with a wrong static OOB value")
		}
		if dev.State().IsProvisioned() || len(gateway.Peers()) != 0 {
			t.Error("the device joined the network")
		}
		// It can be provisioned again.
		p.provision(gateway, uuid, provision.Auth{Method: provision.StaticOOB, Value: right})
	})
}

func TestCompositionOverTheAir(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	_, uuid := p.addDevice("lamp", node.DeviceOptions{}, lamp)
	peer := p.provision(gateway, uuid, provision.Auth{})
	c := p.setUp(gateway, peer)
	if c.CompanyID != device.Company || c.ProductID != device.ProductLamp || c.Features != configuration.FeatureRelay {
		t.Errorf("composition %+v", c)
	}
	want := [][]mesh.ModelID{
		{
			foundation.ConfigurationServerID, foundation.HealthServerID,
			foundation.BridgeConfigurationServerID, foundation.PrivateBeaconServerID,
			foundation.OnDemandPrivateProxyServerID, foundation.SARConfigurationServerID, foundation.OpcodesAggregatorServerID,
			foundation.LargeCompositionDataServerID, foundation.SolicitationPDURPLServerID,
			generic.OnOffServerID, generic.LevelServerID, generic.DefaultTransitionTimeServerID,
			generic.PowerOnOffServerID, generic.PowerOnOffSetupServerID,
			light.LightnessServerID, light.LightnessSetupServerID, light.CTLServerID, light.CTLSetupServerID,
			blob.TransferServerID, firmware.UpdateServerID,
		},
		{generic.LevelServerID, light.CTLTemperatureServerID},
	}
	for i, element := range c.Elements {
		if !slices.Equal(element.Models, want[i]) {
			t.Errorf("element %d: %v, want %v", i, element.Models, want[i])
		}
	}
}

// life is the life cycle of a network: two devices are provisioned, configured
// and used; they and the gateway restart and are used again; then one device is
// removed.
func life(p *pump) {
	p.Helper()
	gateway := p.addGateway()
	plugNode, plugID := p.addDevice("plug", node.DeviceOptions{}, plug)
	lampNode, lampID := p.addDevice("lamp", node.DeviceOptions{}, lamp)
	plugPeer := p.provision(gateway, plugID, provision.Auth{})
	lampPeer := p.provision(gateway, lampID, provision.Auth{})
	p.setUp(gateway, plugPeer, generic.OnOffServerID)
	p.setUp(gateway, lampPeer)

	var onOff generic.OnOffStatus
	p.control(gateway, plugPeer.Address, &generic.OnOffSet{OnOff: true, TID: 1}, &onOff)
	if !onOff.PresentOnOff || onOff.HasTarget {
		p.Errorf("plug: %+v, want on", onOff)
	}
	var ctl light.CTLStatus
	p.control(gateway, lampPeer.Address, &light.CTLSet{CTLLightness: 20000, CTLTemperature: 3000, TID: 1}, &ctl)
	if ctl.PresentCTLLightness != 20000 || ctl.PresentCTLTemperature != 3000 {
		p.Errorf("lamp: %+v, want 20000 and 3000 K", ctl)
	}

	p.pass(time.Second)
	left := map[*member]int{}
	for _, m := range []*member{gateway, plugNode, lampNode} {
		left[m] = m.SequenceLeft()
		p.restart(m)
		if m.SequenceLeft() >= left[m] {
			p.Errorf("%s: %d sequence numbers left after the restart, %d before", m.name, m.SequenceLeft(), left[m])
		}
	}
	if gateway.State().Address != gatewayAddress || len(gateway.Peers()) != 2 {
		p.Fatalf("after the restart the gateway is %s with %d peers", gateway.State().Address, len(gateway.Peers()))
	}

	p.control(gateway, plugPeer.Address, &generic.OnOffGet{}, &onOff)
	if !onOff.PresentOnOff {
		p.Error("the plug is off after the restart")
	}
	p.control(gateway, lampPeer.Address, &light.CTLGet{}, &ctl)
	if ctl.PresentCTLLightness != 20000 || ctl.PresentCTLTemperature != 3000 {
		p.Errorf("after the restart the lamp is %+v", ctl)
	}
	p.control(gateway, lampPeer.Address, &generic.OnOffSet{TID: 2}, &onOff)
	if onOff.PresentOnOff {
		p.Error("the lamp did not switch off")
	}

	var reset configuration.NodeResetStatus
	p.configure(gateway, plugPeer, &configuration.NodeReset{}, &reset)
	gateway.Forget(p.now, plugPeer.UUID)
	p.carryOut(gateway)
	if plugNode.State().IsProvisioned() {
		p.Error("the plug is still in the network")
	}
	p.restart(plugNode)
	again := p.provision(gateway, plugID, provision.Auth{})
	if again.Address <= lampPeer.Address {
		p.Errorf("the plug got the address %s, which was in use", again.Address)
	}
	p.setUp(gateway, again, generic.OnOffServerID)
	p.control(gateway, again.Address, &generic.OnOffGet{}, &onOff)
	for _, m := range p.members {
		p.unrepeated(m)
	}
}

func TestLifeOfANetwork(t *testing.T) { life(newPump(t)) }

// Twenty networks, each with other lost PDUs.
func TestLifeOfANetworkWithLoss(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			p := newPump(t)
			p.random = rand.New(rand.NewPCG(seed, 0))
			p.loss = 0.2
			life(p)
		})
	}
}

func TestStateChangesArePublished(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	handle := device.NewPlug()
	dev, uuid := p.addDevice("plug", node.DeviceOptions{}, func() []access.Element { return handle.Elements() })
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.setUp(gateway, peer, generic.OnOffServerID)

	// Changed at the device.
	if !dev.WithModel(p.now, device.Primary, generic.OnOffServerID, handle.Toggle) {
		t.Fatal("the plug has no OnOff server")
	}
	p.carryOut(dev)
	var status generic.OnOffStatus
	p.hear(gateway, time.Second, peer.Address, &status)
	if !status.PresentOnOff {
		t.Errorf("published %+v, want on", status)
	}

	// The change survives a restart.
	p.restart(dev)
	if !dev.State().Elements[0].Model(generic.OnOffServerID).IsBound(0) {
		t.Error("the binding was lost")
	}
}

func TestLightsOverTheAir(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	_, lampID := p.addDevice("lamp", node.DeviceOptions{}, lamp)
	_, colorID := p.addDevice("color", node.DeviceOptions{}, colorLamp)
	white := p.provision(gateway, lampID, provision.Auth{})
	color := p.provision(gateway, colorID, provision.Auth{})
	p.setUp(gateway, white, generic.OnOffServerID, generic.LevelServerID, light.LightnessServerID, light.CTLServerID, light.CTLTemperatureServerID)
	p.setUp(gateway, color, light.HSLServerID, light.HSLHueServerID, light.HSLSaturationServerID)
	gateway.events = nil
	heard := map[mesh.Address]map[mesh.Opcode]bool{white.Address: {}, white.Address + 1: {}}
	p.after = func() { // also of what comes before the answer to a request
		for _, e := range gateway.events {
			if m, ok := e.(node.MessageReceived); ok && heard[m.Src] != nil {
				heard[m.Src][m.Opcode] = true
			}
		}
	}

	var lightness light.LightnessStatus
	p.control(gateway, white.Address, &light.LightnessSet{Lightness: 12345, TID: 1}, &lightness)
	if lightness.PresentLightness != 12345 {
		t.Errorf("lightness %+v", lightness)
	}
	var ctl light.CTLStatus
	p.control(gateway, white.Address, &light.CTLSet{CTLLightness: 30000, CTLTemperature: 4000, TID: 2}, &ctl)

	// All server models of the lamp publish, on both elements.
	p.pass(time.Second)
	p.after = nil
	for _, op := range []mesh.Opcode{generic.OpLevelStatus, light.OpLightnessStatus, light.OpCTLStatus} {
		if !heard[white.Address][op] {
			t.Errorf("the first element published no %s", op)
		}
	}
	for _, op := range []mesh.Opcode{generic.OpLevelStatus, light.OpCTLTemperatureStatus} {
		if !heard[white.Address+1][op] {
			t.Errorf("the second element published no %s", op)
		}
	}

	// A transition is published at its start and at its end.
	var hsl light.HSLStatus
	p.control(gateway, color.Address, &light.HSLSet{
		HSLLightness: 40000, HSLHue: 10000, HSLSaturation: 65535, TID: 1,
		Transition: generic.Transition{Present: true, Time: 20}, // 2 s
	}, &hsl)
	if !hsl.HasRemainingTime || hsl.HSLLightness > 10000 {
		t.Errorf("the answer at the start of the transition: %+v", hsl)
	}
	p.hear(gateway, 3*time.Second, color.Address, &hsl)
	for hsl.HasRemainingTime {
		p.hear(gateway, 3*time.Second, color.Address, &hsl)
	}
	if hsl.HSLLightness != 40000 || hsl.HSLHue != 10000 || hsl.HSLSaturation != 65535 {
		t.Errorf("at the end of the transition: %+v", hsl)
	}
}

func TestGroupsReachTheirMembers(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	const group mesh.Address = 0xC000
	label := mesh.UUID{1, 2, 3}
	var handles [2]*device.Plug
	for i := range handles {
		handles[i] = device.NewPlug()
		_, uuid := p.addDevice([]string{"member", "stranger"}[i], node.DeviceOptions{}, func() []access.Element { return handles[i].Elements() })
		peer := p.provision(gateway, uuid, provision.Auth{})
		p.setUp(gateway, peer)
		if i > 0 {
			break
		}
		var status configuration.ModelSubscriptionStatus
		p.configure(gateway, peer, &configuration.ModelSubscriptionAdd{
			ElementAddress: peer.Address, Address: group, ModelIdentifier: generic.OnOffServerID,
		}, &status)
		p.success("Subscription Add", status.Status)
		p.configure(gateway, peer, &configuration.ModelSubscriptionVirtualAddressAdd{
			ElementAddress: peer.Address, Label: label, ModelIdentifier: generic.OnOffServerID,
		}, &status)
		p.success("Subscription Virtual Address Add", status.Status)
	}
	payload, err := access.Append(nil, &generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{OnOff: true, TID: 9}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gateway.Request(p.now, node.Request{Dst: group, TTL: mesh.DefaultTTL, Payload: payload}); err != nil {
		t.Fatal(err)
	}
	p.carryOut(gateway)
	p.pass(time.Second)
	if !handles[0].IsOn(p.now) {
		t.Error("the member of the group is off")
	}
	if handles[1].IsOn(p.now) {
		t.Error("a node outside the group is on")
	}
}

func TestButtonPublishes(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	button := device.NewButton()
	dev, uuid := p.addDevice("button", node.DeviceOptions{}, func() []access.Element { return button.Elements() })
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.setUp(gateway, peer, generic.OnOffClientID, generic.LevelClientID)
	var set generic.OnOffSetUnacknowledged
	for i, want := range []bool{true, false} {
		dev.WithModel(p.now, device.Primary, generic.OnOffClientID, button.Press)
		p.carryOut(dev)
		p.hear(gateway, time.Second, peer.Address, &set)
		if set.OnOff != want || set.TID != uint8(i+1) {
			t.Errorf("press %d: %+v", i, set)
		}
	}
	dev.WithModel(p.now, device.Primary, generic.LevelClientID, button.Turn(500))
	p.carryOut(dev)
	var delta generic.DeltaSetUnacknowledged
	p.hear(gateway, time.Second, peer.Address, &delta)
	if delta.DeltaLevel != 500 {
		t.Errorf("dial: %+v", delta)
	}
}

func TestSensorPublishesPeriodically(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	_, uuid := p.addDevice("sensor", node.DeviceOptions{}, func() []access.Element { return device.NewSensor().Elements() })
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.setUp(gateway, peer)
	const everyMinute = 6 | 2<<6
	p.publish(gateway, peer, peer.Address, sensor.ServerID, everyMinute)
	gateway.events = nil
	p.pass(time.Hour)

	last := map[property.ID][]float64{}
	whole := 0
	for _, e := range gateway.events {
		m, ok := e.(node.MessageReceived)
		if !ok || m.Opcode != sensor.OpStatus {
			continue
		}
		var s sensor.Status
		if err := access.Decode(m.Params, &s); err != nil {
			t.Fatal(err)
		}
		if len(s.SensorData) == 4 {
			whole++
		}
		for _, d := range s.SensorData {
			v, err := property.Decode(d.PropertyID, d.RawValue)
			if err != nil || !v[0].Known {
				t.Fatalf("property %s: % x: %v", d.PropertyID, d.RawValue, err)
			}
			last[d.PropertyID] = append(last[d.PropertyID], v[0].Number)
		}
	}
	if whole < 59 || whole > 61 {
		t.Errorf("%d reports with all properties in an hour, want one a minute", whole)
	}
	for id, limits := range map[property.ID][2]float64{
		property.PresentAmbientTemperature:      {20, 23},
		property.PresentAmbientRelativeHumidity: {41, 49},
		property.PresentAmbientLightLevel:       {100, 500},
		property.MotionSensed:                   {0, 100},
	} {
		values := last[id]
		if len(values) == 0 {
			t.Errorf("property %s was not reported", id)
			continue
		}
		if low, high := slices.Min(values), slices.Max(values); low != limits[0] || high != limits[1] {
			t.Errorf("property %s went from %v to %v, want %v", id, low, high, limits)
		}
	}
}
