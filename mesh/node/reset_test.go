package node_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// The provisioner of another network can have the same address as the old one,
// and lower sequence numbers. The old replay protection list must not reject
// it, neither at once nor after a restart.
func TestNodeJoinsAnotherNetworkAfterReset(t *testing.T) {
	t.Run("at once", func(t *testing.T) { joinsAnother(t, false) })
	t.Run("after a crash", func(t *testing.T) { joinsAnother(t, true) })
}

func joinsAnother(t *testing.T, crash bool) {
	t.Helper()
	p := newPump(t)
	old := p.addGateway()
	dev, uuid := p.addDevice("plug", node.DeviceOptions{}, plug)
	peer := p.provision(old, uuid, provision.Auth{})
	p.setUp(old, peer)
	var onOff generic.OnOffStatus
	for range 50 {
		p.control(old, peer.Address, &generic.OnOffGet{}, &onOff)
	}
	var reset configuration.NodeResetStatus
	p.configure(old, peer, &configuration.NodeReset{}, &reset)
	if _, ok := take[node.Left](dev, nil); !ok {
		t.Error("the device did not report that it left")
	}
	if n := dev.replayEntries(t); n != 0 {
		t.Errorf("%d replay entries of the old network are left", n)
	}
	p.members = p.members[1:] // the old gateway is out of range
	if crash {                // before the device has deleted them
		if err := dev.store.AppendReplay([]store.ReplayEntry{{Src: gatewayAddress, Seq: 100000}}); err != nil {
			t.Fatal(err)
		}
		p.restart(dev)
	}

	saved, err := node.NewNetwork(gatewayAddress, rand.NewChaCha8([32]byte{8}))
	if err != nil {
		t.Fatal(err)
	}
	gateway := p.add("other gateway", saved, node.Options{Monitor: true}, func() []access.Element {
		return []access.Element{{Models: []access.Model{configuration.Client{}}}}
	})
	peer = p.provision(gateway, uuid, provision.Auth{})
	p.setUp(gateway, peer)
	p.control(gateway, peer.Address, &generic.OnOffGet{}, &onOff)
	p.pass(time.Second)
	p.restart(dev)
	p.control(gateway, peer.Address, &generic.OnOffGet{}, &onOff)
}

func (m *member) replayEntries(t *testing.T) int {
	t.Helper()
	n := 0
	if err := m.store.Replay(func(store.ReplayEntry) { n++ }); err != nil {
		t.Fatal(err)
	}
	return n
}

// A Configuration Client gets no report of errors after the answer to a Node
// Reset. The user of the node does.
func TestFailedResetIsReported(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	dev, uuid := p.addDevice("plug", node.DeviceOptions{}, plug)
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.setUp(gateway, peer)
	// No device can be made with these options: an action without a size.
	dev.options.Device.OutputActions = provision.ActionsOf(provision.Blink)
	p.restart(dev)
	var reset configuration.NodeResetStatus
	p.configure(gateway, peer, &configuration.NodeReset{}, &reset)
	if _, ok := take[node.Left](dev, nil); !ok || dev.State().IsProvisioned() {
		t.Error("the device did not leave")
	}
	reported := false
	for _, e := range dev.events {
		_, faulted := e.(node.Faulted)
		reported = reported || faulted
	}
	if !reported {
		t.Errorf("the error was not reported, only %+v", dev.events)
	}
}

func TestResetEndsRequests(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	id, err := gateway.Request(p.now, node.Request{Dst: 0x0100, Payload: []byte{0x82, 0x01}, Respond: generic.OpOnOffStatus})
	if err != nil {
		t.Fatal(err)
	}
	if err := gateway.Reset(); err != nil {
		t.Fatal(err)
	}
	p.carryOut(gateway)
	done, ok := take(gateway, func(e node.RequestDone) bool { return e.ID == id })
	if !ok || done.Err == nil {
		t.Errorf("the request ended as %+v, want an error", done)
	}
}

func TestDefaultTTLIsUsed(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	dev, uuid := p.addDevice("plug", node.DeviceOptions{}, plug)
	dev.options.Monitor = true
	p.restart(dev)
	peer := p.provision(gateway, uuid, provision.Auth{})
	gateway.edit(func(n *state.Node) { n.DefaultTTL = 5 })
	p.carryOut(gateway)
	var status configuration.DefaultTTLStatus
	p.configure(gateway, peer, &configuration.DefaultTTLSet{TTL: 7}, &status)
	if e, ok := take[node.MessageReceived](dev, nil); !ok || e.TTL != 5 {
		t.Errorf("the request was received with TTL %d, want 5", e.TTL)
	}
	gateway.events = nil
	p.configure(gateway, peer, &configuration.DefaultTTLGet{}, &status)
	if dev.State().DefaultTTL != 7 || status.TTL != 7 {
		t.Errorf("the device has TTL %d and reports %d, want 7", dev.State().DefaultTTL, status.TTL)
	}
}

// Section 3.11.4: both sides understand each other in each phase, whichever is
// one phase ahead.
func TestKeyRefreshOverTheAir(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	dev, uuid := p.addDevice("plug", node.DeviceOptions{}, plug)
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.setUp(gateway, peer)
	random := rand.NewChaCha8([32]byte{9})
	netKey, err := crypto.NewKey(random)
	if err != nil {
		t.Fatal(err)
	}
	appKey, err := crypto.NewKey(random)
	if err != nil {
		t.Fatal(err)
	}
	works := func(when string) {
		t.Helper()
		t.Log(when)
		var onOff generic.OnOffStatus
		p.control(gateway, peer.Address, &generic.OnOffGet{}, &onOff)
		var ttl configuration.DefaultTTLStatus
		p.configure(gateway, peer, &configuration.DefaultTTLGet{}, &ttl)
	}
	local := func(change func(*state.Node)) {
		gateway.edit(change)
		p.carryOut(gateway)
	}
	phase := func(transition uint8, want state.Phase) {
		t.Helper()
		var status configuration.KeyRefreshPhaseStatus
		p.configure(gateway, peer, &configuration.KeyRefreshPhaseSet{Transition: transition}, &status)
		p.success("Key Refresh Phase Set", status.Status)
		if status.Phase != want {
			t.Errorf("the device is in phase %d, want %d", status.Phase, want)
		}
	}

	local(func(n *state.Node) { n.Subnets[0].Phase, n.Subnets[0].NewKey = state.FirstPhase, netKey })
	local(func(n *state.Node) { n.AppKeys[0].Updated, n.AppKeys[0].NewKey = true, appKey })
	works("the gateway is in phase 1")
	var net configuration.NetKeyStatus
	p.configure(gateway, peer, &configuration.NetKeyUpdate{NetKey: netKey}, &net)
	p.success("NetKey Update", net.Status)
	var app configuration.AppKeyStatus
	p.configure(gateway, peer, &configuration.AppKeyUpdate{AppKey: appKey}, &app)
	p.success("AppKey Update", app.Status)
	works("both are in phase 1")
	phase(2, state.SecondPhase)
	works("the device is in phase 2")
	local(func(n *state.Node) { n.Subnets[0].Phase = state.SecondPhase })
	works("both are in phase 2")
	phase(3, state.NormalOperation)
	works("the device has only the new keys")
	local(func(n *state.Node) {
		n.Subnets[0] = state.Subnet{Index: n.Subnets[0].Index, Key: netKey}
		n.AppKeys[0] = state.AppKey{Index: n.AppKeys[0].Index, NetKey: n.AppKeys[0].NetKey, Key: appKey}
	})
	works("both have only the new keys")
	for _, m := range []*member{gateway, dev} {
		p.restart(m)
	}
	works("after a restart")
	if n := dev.State(); !n.Subnets[0].Key.Equal(netKey) || !n.AppKeys[0].Key.Equal(appKey) || len(n.AppKeys) != 1 {
		t.Error("the device does not have the new keys")
	}
	if a := dev.State().Elements[0].Model(generic.OnOffServerID); a.Publication.Address != mesh.Unassigned {
		t.Errorf("unexpected publication: %+v", a.Publication)
	}
}
