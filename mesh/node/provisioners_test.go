package node_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

const secondAddress mesh.Address = 0x1000

// addSecond adds another provisioner: a node with the same keys and its own
// address range. Each provisioner knows the device key of the other.
func (p *pump) addSecond(first *member) *member {
	p.Helper()
	saved, err := node.NewNetwork(secondAddress, rand.NewChaCha8([32]byte{8}))
	if err != nil {
		p.Fatal(err)
	}
	saved.Node.Subnets = []state.Subnet{first.State().Subnets[0]}
	saved.Node.AppKeys = []state.AppKey{first.State().AppKeys[0]}
	saved.Peers = []state.Peer{peerOf(first.State())}
	options := node.Options{Monitor: true, Addresses: node.AddressRange{First: secondAddress, Last: 0x1FFF}}
	second := p.add("second", saved, options, func() []access.Element {
		return []access.Element{{Models: []access.Model{
			configuration.NewServer(configuration.Product{}), configuration.Client{},
		}}}
	})
	again, err := node.Load(first.store)
	if err != nil {
		p.Fatal(err)
	}
	again.Peers = append(again.Peers, peerOf(second.State()))
	first.options.Addresses = node.AddressRange{First: gatewayAddress, Last: 0x0FFF}
	p.start(first, again)
	return second
}

func peerOf(n *state.Node) state.Peer {
	return state.Peer{UUID: n.UUID, Address: n.Address, Elements: len(n.Elements), DeviceKey: n.DeviceKey}
}

// Two provisioners in one network: each provisions a device, both control both
// devices, one begins an IV Update, and one refreshes the keys.
func TestTwoProvisioners(t *testing.T) {
	p := newPump(t)
	first := p.addGateway()
	p.testMode(first)
	for range 50 { // more than a recovery can skip
		if err := p.begin(first); err != nil {
			t.Fatal(err)
		}
		if err := p.end(first); err != nil {
			t.Fatal(err)
		}
	}
	second := p.addSecond(first)
	p.pass(time.Minute)
	if iv := second.State().IVIndex; iv != 50 {
		t.Fatalf("the second provisioner is at IV index %d, the network at 50", iv)
	}

	var peers [2]state.Peer
	var devices [2]*member
	for i, gateway := range []*member{first, second} {
		var uuid mesh.UUID
		devices[i], uuid = p.addDevice([]string{"one", "two"}[i], node.DeviceOptions{}, plug)
		peers[i] = p.provision(gateway, uuid, provision.Auth{})
		p.setUp(gateway, peers[i], generic.OnOffServerID)
	}
	if peers[0].Address != gatewayAddress+1 || peers[1].Address != secondAddress+1 {
		t.Errorf("the devices got %s and %s", peers[0].Address, peers[1].Address)
	}
	tid := uint8(0)
	both := func(when string) {
		t.Helper()
		for _, gateway := range []*member{first, second} {
			for _, peer := range peers {
				tid++
				var status generic.OnOffStatus
				p.control(gateway, peer.Address, &generic.OnOffSet{OnOff: tid%2 == 1, TID: tid}, &status)
				if status.PresentOnOff != (tid%2 == 1) {
					t.Errorf("%s: %s answers %+v to %s", when, peer.Address, status, gateway.name)
				}
			}
		}
	}
	both("at first")

	// One provisioner begins an IV Update, the other ends it.
	p.testMode(second, devices[0], devices[1])
	p.testMode(first)
	if err := p.begin(first); err != nil {
		t.Fatal(err)
	}
	both("the update has begun")
	p.pass(time.Minute)
	if err := p.end(second); err != nil {
		t.Fatal(err)
	}
	both("the update has ended")
	p.pass(time.Minute)
	for _, m := range p.members {
		if s := m.State(); s.IVIndex != 51 || s.IVUpdate {
			t.Errorf("%s is at %d, updating %t", m.name, s.IVIndex, s.IVUpdate)
		}
	}

	// The first provisioner refreshes the keys. It does not know the device
	// keys of the second provisioner's devices, so each provisioner updates its
	// own.
	net, app := crypto.Key{1}, crypto.Key{2}
	for _, to := range []struct {
		by   *member
		peer state.Peer
	}{{first, peerOf(second.State())}, {first, peers[0]}, {second, peers[1]}} {
		var k configuration.NetKeyStatus
		p.configure(to.by, to.peer, &configuration.NetKeyUpdate{NetKey: net}, &k)
		p.success("NetKey Update", k.Status)
		var a configuration.AppKeyStatus
		p.configure(to.by, to.peer, &configuration.AppKeyUpdate{AppKey: app}, &a)
		p.success("AppKey Update", a.Status)
	}
	own := func(phase uint8) {
		status := configuration.Keys{Host: first.Core}.Refresh(0, phase, net, map[mesh.KeyIndex]crypto.Key{0: app})
		p.carryOut(first)
		p.success("own phase", status)
	}
	own(1)
	both("phase 1")
	own(2)
	both("phase 2 at one")
	p.pass(2 * time.Minute)
	for _, m := range p.members {
		if phase := m.State().Subnets[0].Phase; phase != state.SecondPhase {
			t.Errorf("%s is in phase %d, the beacons are for phase 2", m.name, phase)
		}
	}
	both("phase 2")
	own(3)
	p.pass(2 * time.Minute)
	for _, m := range p.members {
		s := m.State()
		if s.Subnets[0].Phase != state.NormalOperation || !s.Subnets[0].Key.Equal(net) || !s.AppKeys[0].Key.Equal(app) {
			t.Errorf("%s: %+v", m.name, s.Subnets)
		}
	}
	both("at the end")
	for _, m := range p.members {
		p.unrepeated(m)
	}
}

// A node with the new key that missed phase 2 goes to the end of the refresh by
// a beacon. A node in phase 2 ignores beacons with the old key.
func TestKeyRefreshByBeacon(t *testing.T) {
	p := newCouple(t)
	net := crypto.Key{1}
	old, renewed := primaryKeys(p.gateway), beacon.NewKeys(net)
	var status configuration.NetKeyStatus
	p.configure(p.gateway, p.peer, &configuration.NetKeyUpdate{NetKey: net}, &status)
	p.success("NetKey Update", status.Status)
	phase := func() state.Phase { return p.plug.State().Subnets[0].Phase }
	p.hearBeacon(p.plug, old, heard(false))
	if phase() != state.FirstPhase {
		t.Fatalf("phase %d after a beacon under the old key", phase())
	}
	p.restart(p.plug)
	p.hearBeacon(p.plug, renewed, heard(true))
	if phase() != state.SecondPhase {
		t.Fatalf("phase %d after a beacon with the flag", phase())
	}
	if _, ok := take(p.plug, func(e node.KeyRefreshChanged) bool { return e.Phase == state.SecondPhase }); !ok {
		t.Error("the phase was not reported")
	}
	p.restart(p.plug)
	before := p.plug.Counters().ForeignBeacons
	p.hearBeacon(p.plug, old, heard(false))
	if phase() != state.SecondPhase || p.plug.Counters().ForeignBeacons != before+1 {
		t.Errorf("phase %d after a beacon under the old key in phase 2", phase())
	}
	p.hearBeacon(p.plug, renewed, heard(true))
	p.hearBeacon(p.plug, renewed, heard(false))
	if phase() != state.NormalOperation || !p.plug.State().Subnets[0].Key.Equal(net) {
		t.Errorf("phase %d after the end", phase())
	}
	p.restart(p.plug)

	// Again, directly from phase 1 to the end.
	third := crypto.Key{3}
	keys := configuration.Keys{Host: p.plug.Core}
	p.success("NetKey Update", keys.UpdateNetKey(0, third))
	p.carryOut(p.plug)
	p.hearBeacon(p.plug, beacon.NewKeys(third), heard(false))
	if phase() != state.NormalOperation || !p.plug.State().Subnets[0].Key.Equal(third) {
		t.Errorf("phase %d after the end of a refresh whose second phase was missed", phase())
	}
}

// During a refresh a node accepts publications of a node that is one phase
// ahead or behind. Each node sends with the key of its own phase.
func TestPublicationDuringKeyRefresh(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	handle := device.NewPlug()
	dev, uuid := p.addDevice("plug", node.DeviceOptions{}, func() []access.Element { return handle.Elements() })
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.setUp(gateway, peer, generic.OnOffServerID)
	gateway.State().Beacon, dev.State().Beacon = false, false
	net, app := crypto.Key{1}, crypto.Key{2}
	move := func(m *member, phase uint8) {
		p.success("phase", configuration.Keys{Host: m.Core}.Refresh(0, phase, net, map[mesh.KeyIndex]crypto.Key{0: app}))
		p.carryOut(m)
	}
	for _, step := range []struct {
		who   *member
		phase uint8
	}{{gateway, 1}, {dev, 1}, {gateway, 2}, {dev, 2}, {dev, 3}, {gateway, 3}} {
		move(step.who, step.phase)
		dev.WithModel(p.now, device.Primary, generic.OnOffServerID, handle.Toggle)
		p.carryOut(dev)
		var status generic.OnOffStatus
		p.hear(gateway, time.Second, peer.Address, &status)
		if status.PresentOnOff != handle.IsOn(p.now) {
			t.Errorf("%s in phase %d: %+v", step.who.name, step.phase, status)
		}
		p.control(gateway, peer.Address, &generic.OnOffGet{}, &status)
		p.pass(10 * time.Second)
	}
}

// The addresses of a removed node are free again when the IV index has
// increased by two, also across restarts. Until then a full range has no free
// address.
func TestAddressesAreExcludedForTwoIVIndexes(t *testing.T) {
	p := newPump(t)
	saved, err := node.NewNetwork(gatewayAddress, rand.NewChaCha8([32]byte{7}))
	if err != nil {
		t.Fatal(err)
	}
	options := node.Options{Monitor: true, Addresses: node.AddressRange{First: gatewayAddress, Last: 0x0003}}
	gateway := p.add("gateway", saved, options, func() []access.Element {
		return []access.Element{{Models: []access.Model{configuration.Client{}}}}
	})
	one, oneID := p.addDevice("one", node.DeviceOptions{}, plug)
	first := p.provision(gateway, oneID, provision.Auth{})
	_, twoID := p.addDevice("two", node.DeviceOptions{}, plug)
	p.provision(gateway, twoID, provision.Auth{})
	var reset configuration.NodeResetStatus
	p.configure(gateway, first, &configuration.NodeReset{}, &reset)
	gateway.Forget(p.now, oneID)
	p.carryOut(gateway)
	want := node.Exclusion{IVIndex: 0, Address: first.Address, Elements: 1}
	for range 2 {
		if got := gateway.Exclusions(); len(got) != 1 || got[0] != want {
			t.Fatalf("excluded: %+v, want %+v", got, want)
		}
		p.restart(gateway)
	}
	refused := func() {
		t.Helper()
		await(p, gateway, 30*time.Second, func(e node.DeviceHeard) bool { return e.UUID == oneID })
		if err := gateway.Provision(p.now, node.Provision{UUID: oneID}); err != nil {
			t.Fatal(err)
		}
		p.carryOut(gateway)
		done := await(p, gateway, 3*time.Minute, func(e node.ProvisioningDone) bool { return e.UUID == oneID })
		if done.Err == nil {
			t.Fatalf("it got %s", done.Peer.Address)
		}
		p.pass(2 * time.Minute)
	}
	refused()
	move := func() {
		p.testMode(gateway)
		if err := p.begin(gateway); err != nil {
			t.Fatal(err)
		}
		if err := p.end(gateway); err != nil {
			t.Fatal(err)
		}
	}
	move()
	refused()
	move()
	p.restart(gateway)
	if got := gateway.Exclusions(); len(got) != 0 {
		t.Errorf("still excluded: %+v", got)
	}
	if again := p.provision(gateway, oneID, provision.Auth{}); again.Address != first.Address {
		t.Errorf("it got %s, want %s", again.Address, first.Address)
	}
	p.pass(time.Minute)
	if one.State().IVIndex != 2 {
		t.Errorf("the new node is at IV index %d", one.State().IVIndex)
	}
	p.setUp(gateway, state.Peer{Address: first.Address, Elements: 1}, generic.OnOffServerID)
}
