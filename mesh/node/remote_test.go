package node_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/remote"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// servingPlug is a plug with a Remote Provisioning Server.
func servingPlug() []access.Element {
	e := device.NewPlug().Elements()
	e[device.Primary].Models = append(e[device.Primary].Models, remote.NewServer())
	return e
}

// chain is a row of nodes that each hear their neighbours only: the gateway, a
// relay, a Remote Provisioning Server, and an unprovisioned device.
type chain struct {
	*pump
	gateway, relay, server, device *member
	serverPeer                     state.Peer
	uuid                           mesh.UUID
}

func newChain(t *testing.T, o node.DeviceOptions) *chain {
	t.Helper()
	p := newPump(t)
	c := &chain{pump: p, gateway: p.addGateway()}
	var relayID, serverID mesh.UUID
	c.relay, relayID = p.addDevice("relay", node.DeviceOptions{}, plug)
	c.server, serverID = p.addDevice("server", node.DeviceOptions{}, servingPlug)
	c.server.options.KeepComposition = true
	p.provision(c.gateway, relayID, provision.Auth{})
	c.serverPeer = p.provision(c.gateway, serverID, provision.Auth{})
	c.restart(c.server)
	c.device, c.uuid = p.addDevice("far lamp", o, lamp)
	row := []*member{c.gateway, c.relay, c.server, c.device}
	p.deaf = func(from, to *member) bool {
		d := slices.Index(row, from) - slices.Index(row, to)
		return d != 1 && d != -1
	}
	return c
}

// found scans through the server until the device is reported.
func (c *chain) found() node.DeviceHeard {
	c.Helper()
	var status remoteprovisioning.ScanStatus
	c.configure(c.gateway, c.serverPeer, &remoteprovisioning.ScanStart{Timeout: 10}, &status)
	if status.Status != remoteprovisioning.Success || status.ScanningState != remoteprovisioning.ScanMultiple || status.Timeout != 10 {
		c.Fatalf("scan: %+v", status)
	}
	return await(c.pump, c.gateway, 15*time.Second, func(e node.DeviceHeard) bool { return e.UUID == c.uuid })
}

func (c *chain) begin(p node.Provision) {
	c.Helper()
	p.UUID, p.Via = c.uuid, c.serverPeer.Address
	if err := c.gateway.Provision(c.now, p); err != nil {
		c.Fatal(err)
	}
	c.carryOut(c.gateway)
}

// usable configures a provisioned node and switches it.
func (c *chain) usable(peer state.Peer) {
	c.Helper()
	c.setUp(c.gateway, peer)
	var status generic.OnOffStatus
	c.control(c.gateway, peer.Address, &generic.OnOffSet{OnOff: true, TID: 1}, &status)
	if !status.PresentOnOff {
		c.Error("the node cannot be switched")
	}
}

// TestRemoteProvisioning: a device that only the server hears is found, is
// provisioned over two hops with several methods, and works as a node.
func TestRemoteProvisioning(t *testing.T) {
	value := provision.AuthValue("0123456789abcdef")
	auto := &provision.Policy{Allowed: provision.AllMethods, LeastEffort: true}
	for _, tt := range []struct {
		name   string
		device node.DeviceOptions
		want   node.Provision
		loss   float64
	}{
		{"no OOB", node.DeviceOptions{}, node.Provision{}, 0},
		{"no OOB, 10 % loss", node.DeviceOptions{}, node.Provision{}, 0.1},
		{"static OOB", node.DeviceOptions{StaticOOB: value}, node.Provision{Auth: provision.Auth{Method: provision.StaticOOB, Value: value}}, 0},
		{"output OOB", node.DeviceOptions{OOBDevice: node.OOBDevice{OutputActions: 1 << provision.OutputNumeric, OutputSize: 8, Required: true}}, node.Provision{Policy: auto}, 0},
		{"input OOB", node.DeviceOptions{OOBDevice: node.OOBDevice{InputActions: 1 << provision.InputNumeric, InputSize: 8, Required: true}}, node.Provision{Policy: auto}, 0.1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newChain(t, tt.device)
			c.loss = tt.loss
			heard := c.found()
			if heard.Via != c.serverPeer.Address || heard.RSSI == 0 {
				t.Errorf("heard %+v", heard)
			}
			begun := c.now
			c.begin(tt.want)
			done := c.outcome(c.gateway, c.device, c.uuid)
			if done.Err != nil {
				t.Fatal(done.Err)
			}
			t.Logf("provisioned in %v", c.now.Sub(begun))
			c.usable(done.Peer)
			var status remoteprovisioning.LinkStatus
			c.configure(c.gateway, c.serverPeer, &remoteprovisioning.LinkGet{}, &status)
			if status.State != remoteprovisioning.LinkIdle {
				t.Errorf("the link is %v", status.State)
			}
			for _, m := range c.members {
				c.unrepeated(m)
			}
		})
	}
}

// TestRemoteProvisioningFailures: each failure has a reason, and the next
// attempt succeeds.
func TestRemoteProvisioningFailures(t *testing.T) {
	value, wrong := provision.AuthValue("0123456789abcdef"), provision.AuthValue("another")
	right := node.Provision{Auth: provision.Auth{Method: provision.StaticOOB, Value: value}}
	t.Run("wrong static OOB", func(t *testing.T) {
		c := newChain(t, node.DeviceOptions{StaticOOB: value})
		c.begin(node.Provision{Auth: provision.Auth{Method: provision.StaticOOB, Value: wrong}})
		var f *provision.Failure
		if done := c.outcome(c.gateway, c.device, c.uuid); !errors.As(done.Err, &f) || f.Peer != provision.ConfirmationFailed {
			t.Errorf("got %v", done.Err)
		}
		c.pass(10 * time.Second)
		c.begin(right)
		if done := c.outcome(c.gateway, c.device, c.uuid); done.Err != nil {
			t.Errorf("the second attempt: %v", done.Err)
		}
	})
	t.Run("device out of range", func(t *testing.T) {
		c := newChain(t, node.DeviceOptions{})
		near := c.deaf
		c.deaf = func(from, to *member) bool { return from == c.device || to == c.device || near(from, to) }
		c.begin(node.Provision{})
		if done := c.outcome(c.gateway, c.device, c.uuid); done.Err == nil || !strings.Contains(done.Err.Error(), "link open failed") {
			t.Errorf("got %v", done.Err)
		}
	})
	t.Run("server out of range", func(t *testing.T) {
		c := newChain(t, node.DeviceOptions{})
		near := c.deaf
		c.deaf = func(from, to *member) bool { return from == c.server || to == c.server || near(from, to) }
		c.begin(node.Provision{})
		if done := c.outcome(c.gateway, c.device, c.uuid); !strings.Contains(done.Err.Error(), "did not answer") {
			t.Errorf("got %v", done.Err)
		}
	})
	t.Run("node without the server model", func(t *testing.T) {
		c := newChain(t, node.DeviceOptions{})
		relay := c.gateway.Peers()[0]
		if err := c.gateway.Provision(c.now, node.Provision{UUID: c.uuid, Via: relay.Address}); err != nil {
			t.Fatal(err)
		}
		c.carryOut(c.gateway)
		if done := c.outcome(c.gateway, c.device, c.uuid); done.Err == nil {
			t.Error("provisioned through a node without the model")
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		c := newChain(t, node.DeviceOptions{})
		c.begin(node.Provision{})
		await(c.pump, c.gateway, time.Minute, func(e node.ProvisioningStep) bool { return e.Step == string(provision.Started) })
		if !c.gateway.AbortProvisioning(c.now, c.uuid, "cancelled by the test") {
			t.Fatal("the provisioning was not cancelled")
		}
		c.carryOut(c.gateway)
		if done := c.outcome(c.gateway, c.device, c.uuid); done.Err == nil {
			t.Error("the cancelled provisioning did not fail")
		}
		c.pass(15 * time.Second)
		c.begin(node.Provision{})
		if done := c.outcome(c.gateway, c.device, c.uuid); done.Err != nil {
			t.Errorf("the second attempt: %v", done.Err)
		}
	})
	t.Run("refused immediately", func(t *testing.T) {
		c := newChain(t, node.DeviceOptions{})
		if err := c.gateway.Provision(c.now, node.Provision{UUID: c.uuid, Via: 0x7000}); !errors.Is(err, node.ErrUnknownServer) {
			t.Errorf("unknown server: %v", err)
		}
		c.begin(node.Provision{})
		if err := c.gateway.Provision(c.now, node.Provision{UUID: mesh.UUID{9}, Via: c.serverPeer.Address}); !errors.Is(err, node.ErrServerBusy) {
			t.Errorf("busy server: %v", err)
		}
	})
}

// refresh runs a refresh procedure on the server's node.
func (c *chain) refresh(procedure remoteprovisioning.RefreshProcedure) node.RefreshDone {
	c.Helper()
	if err := c.gateway.Refresh(c.now, node.Refresh{Address: c.serverPeer.Address, Procedure: procedure}); err != nil {
		c.Fatal(err)
	}
	c.carryOut(c.gateway)
	done := await(c.pump, c.gateway, 2*time.Minute, func(e node.RefreshDone) bool { return e.UUID == c.serverPeer.UUID })
	c.pass(2 * time.Second)
	return done
}

func TestDeviceKeyRefresh(t *testing.T) {
	for _, loss := range []float64{0, 0.15} {
		c := newChain(t, node.DeviceOptions{})
		c.loss = loss
		before := c.server.State().DeviceKey
		done := c.refresh(remoteprovisioning.RefreshDeviceKey)
		if done.Err != nil {
			t.Fatal(done.Err)
		}
		if done.Peer.DeviceKey.Equal(before) || done.Peer.Address != c.serverPeer.Address {
			t.Error("the device key did not change")
		}
		if excluded := c.gateway.Exclusions(); len(excluded) != 0 {
			t.Errorf("addresses in use are excluded: %v", excluded)
		}
		if !c.server.State().DeviceKeyCandidate.Equal(done.Peer.DeviceKey) {
			t.Error("the node has another device key candidate")
		}
		if loss > 0 {
			// Both keys survive a restart in between.
			c.restart(c.server)
			c.restart(c.gateway)
		}
		c.usable(done.Peer)
		if !c.server.State().DeviceKey.Equal(done.Peer.DeviceKey) || !c.server.State().DeviceKeyCandidate.IsZero() {
			t.Error("the node does not use the new device key")
		}
		c.restart(c.server)
		c.usable(done.Peer)
	}
}

func TestNodeAddressRefresh(t *testing.T) {
	c := newChain(t, node.DeviceOptions{})
	c.usable(c.serverPeer)
	done := c.refresh(remoteprovisioning.RefreshNodeAddress)
	if done.Err != nil {
		t.Fatal(done.Err)
	}
	if done.Peer.Address == c.serverPeer.Address || c.server.State().Address != done.Peer.Address {
		t.Errorf("the node has the address %v, before it was %v", c.server.State().Address, c.serverPeer.Address)
	}
	if excluded := c.gateway.Exclusions(); len(excluded) != 1 || excluded[0].Address != c.serverPeer.Address {
		t.Errorf("the addresses %v are excluded, expected the former ones", excluded)
	}
	c.restart(c.server)
	c.usable(done.Peer)
	if len(c.gateway.Peers()) != 2 {
		t.Errorf("%d nodes", len(c.gateway.Peers()))
	}
}

// spoil changes the configuration of a node in memory only. What it sends does
// not change.
func (m *member) spoil(f func(*state.Node)) {
	m.spoiled = true
	m.Edit(func(n *state.Node) bool {
		f(n)
		return false
	})
}

// TestRefreshRefusals: a node refuses provisioning data of another network.
func TestRefreshRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		change    func(c *chain)
		procedure remoteprovisioning.RefreshProcedure
	}{
		"another IV index": {func(c *chain) { c.gateway.spoil(func(n *state.Node) { n.IVIndex++ }) }, remoteprovisioning.RefreshDeviceKey},
		"another NetKey":   {func(c *chain) { c.gateway.spoil(func(n *state.Node) { n.Subnets[0].Key[0] ^= 1 }) }, remoteprovisioning.RefreshDeviceKey},
		"another phase": {func(c *chain) {
			c.gateway.spoil(func(n *state.Node) { n.Subnets[0].Phase, n.Subnets[0].NewKey = state.SecondPhase, n.Subnets[0].Key })
		}, remoteprovisioning.RefreshNodeAddress},
		"an unknown subnet": {func(c *chain) { c.server.spoil(func(n *state.Node) { n.Subnets[0].Index = 5 }) }, remoteprovisioning.RefreshDeviceKey},
	} {
		c := newChain(t, node.DeviceOptions{})
		before := c.server.State().DeviceKey
		if err := c.gateway.Refresh(c.now, node.Refresh{Address: c.serverPeer.Address, Procedure: tt.procedure}); err != nil {
			t.Fatal(err)
		}
		c.carryOut(c.gateway)
		await(c.pump, c.gateway, time.Minute, func(e node.ProvisioningStep) bool { return e.Step == string(provision.LinkOpened) })
		tt.change(c) // in memory only: PDUs are encrypted as before
		done := await(c.pump, c.gateway, 2*time.Minute, func(node.RefreshDone) bool { return true })
		var f *provision.Failure
		if !errors.As(done.Err, &f) || f.Peer != provision.InvalidData {
			t.Errorf("%s: %v", name, done.Err)
		}
		if !c.server.State().DeviceKey.Equal(before) || !c.server.State().DeviceKeyCandidate.IsZero() {
			t.Errorf("%s: the node has another key", name)
		}
	}
}

// bigger returns the elements of the server with additional models.
func bigger(elements int) func() []access.Element {
	return func() []access.Element {
		e := servingPlug()
		if elements == 1 {
			e[0].Models = append(e[0].Models, access.Client(light.LightnessClientID))
		}
		for range elements - 1 {
			e = append(e, access.Element{Models: []access.Model{access.Client(generic.OnOffClientID)}})
		}
		return e
	}
}

// composition counts the elements and models on page 0 of the composition data
// of a node, or on page 128, the composition after a refresh.
func (c *chain) composition(peer state.Peer, page uint8) (elements, models int) {
	c.Helper()
	var data configuration.CompositionDataStatus
	c.configure(c.gateway, peer, &configuration.CompositionDataGet{Page: page}, &data)
	composition, err := data.Composition()
	if err != nil || data.Page != page {
		c.Fatalf("page %d: %v", data.Page, err)
	}
	for _, e := range composition.Elements {
		models += len(e.Models)
	}
	return len(composition.Elements), models
}

func TestCompositionRefresh(t *testing.T) {
	c := newChain(t, node.DeviceOptions{})
	c.usable(c.serverPeer)
	_, had := c.composition(c.serverPeer, 0)
	if done := c.refresh(remoteprovisioning.RefreshComposition); done.Err == nil || !strings.Contains(done.Err.Error(), "link cannot open") {
		t.Errorf("without a new composition: %v", done.Err)
	}
	c.server.elements = bigger(1)
	c.restart(c.server)
	if _, has := c.composition(c.serverPeer, 0); has != had {
		t.Errorf("%d models before the refresh, had %d", has, had)
	}
	if _, will := c.composition(c.serverPeer, configuration.NextPages); will != had+1 {
		t.Errorf("page 128 lists %d models before the refresh, page 0 had %d", will, had)
	}
	done := c.refresh(remoteprovisioning.RefreshComposition)
	if done.Err != nil {
		t.Fatal(done.Err)
	}
	if _, has := c.composition(done.Peer, 0); has != had+1 {
		t.Errorf("%d models after the refresh, had %d", has, had)
	}
	c.restart(c.server)
	c.usable(done.Peer)
}

// Additional elements need a new address range.
func TestNodeAddressRefreshWithMoreElements(t *testing.T) {
	c := newChain(t, node.DeviceOptions{})
	c.server.elements = bigger(3)
	c.restart(c.server)
	if n, _ := c.composition(c.serverPeer, 0); n != 1 {
		t.Errorf("%d elements before the refresh", n)
	}
	if done := c.refresh(remoteprovisioning.RefreshComposition); done.Err == nil {
		t.Error("the node has more elements but the same address")
	}
	done := c.refresh(remoteprovisioning.RefreshNodeAddress)
	if done.Err != nil || done.Peer.Elements != 3 {
		t.Fatalf("%+v, %v", done.Peer, done.Err)
	}
	if n, _ := c.composition(done.Peer, 0); n != 3 {
		t.Errorf("%d elements after the refresh", n)
	}
}

// TestUnconfirmedRefresh: the end of the procedure is not confirmed, because
// the gateway no longer hears the node, or the node hears nothing either.
// Gateway and node must agree on the device key in both cases.
func TestUnconfirmedRefresh(t *testing.T) {
	for _, tt := range []struct {
		silence time.Duration
		deaf    bool
		renewed bool
	}{{16 * time.Second, false, true}, {3 * time.Minute, true, false}} {
		c := newChain(t, node.DeviceOptions{})
		if err := c.gateway.Refresh(c.now, node.Refresh{Address: c.serverPeer.Address}); err != nil {
			t.Fatal(err)
		}
		c.carryOut(c.gateway)
		await(c.pump, c.gateway, time.Minute, func(e node.ProvisioningStep) bool { return e.Step == string(provision.Completed) })
		near := c.deaf
		c.deaf = func(from, to *member) bool { return from == c.server || tt.deaf && to == c.server || near(from, to) }
		if tt.deaf {
			c.air = nil
		}
		c.pass(tt.silence)
		c.deaf = near
		done := await(c.pump, c.gateway, 3*time.Minute, func(node.RefreshDone) bool { return true })
		if (done.Err == nil) != tt.renewed || !tt.renewed && !errors.Is(done.Err, node.ErrUncertain) {
			t.Errorf("after %v: %v", tt.silence, done.Err)
		}
		c.pass(2 * time.Minute)
		for _, peer := range c.gateway.Peers() {
			if peer.UUID == c.serverPeer.UUID {
				if peer.DeviceKey.Equal(c.serverPeer.DeviceKey) == tt.renewed {
					t.Errorf("after %v the gateway has the wrong key", tt.silence)
				}
				c.usable(peer)
			}
		}
	}
}

// TestLinkHijack: a second client that also knows the server's device key can
// neither use nor close the link.
func TestLinkHijack(t *testing.T) {
	c := newChain(t, node.DeviceOptions{})
	c.begin(node.Provision{})
	await(c.pump, c.gateway, time.Minute, func(e node.ProvisioningStep) bool { return e.Step == string(provision.CapabilitiesGot) })
	// The relay has the device key.
	saved, err := node.Load(c.relay.store)
	if err != nil {
		t.Fatal(err)
	}
	saved.Peers = []state.Peer{c.serverPeer}
	c.start(c.relay, saved)
	ask := func(m, answer access.Message) {
		c.ask(c.relay, node.Request{Dst: c.serverPeer.Address, Key: transport.Key{Device: c.serverPeer.Address}}, m, answer)
	}
	var status remoteprovisioning.LinkStatus
	ask(&remoteprovisioning.LinkClose{Reason: remoteprovisioning.ReasonFail}, &status)
	if status.Status != remoteprovisioning.InvalidState {
		t.Errorf("close: %v", status.Status)
	}
	ask(&remoteprovisioning.LinkOpen{HasUUID: true, UUID: c.uuid}, &status)
	if status.Status == remoteprovisioning.Success {
		t.Errorf("open: %v", status.Status)
	}
	ask(&remoteprovisioning.LinkOpen{Procedure: remoteprovisioning.RefreshDeviceKey}, &status)
	if status.Status == remoteprovisioning.Success {
		t.Errorf("refresh: %v", status.Status)
	}
	payload, err := access.Append(nil, &remoteprovisioning.PDUSend{OutboundPDUNumber: 3, ProvisioningPDU: []byte{9, 1}})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := c.relay.Request(c.now, node.Request{Dst: c.serverPeer.Address, Key: transport.Key{Device: c.serverPeer.Address}, TTL: mesh.DefaultTTL, Payload: payload}); err != nil {
			t.Fatal(err)
		}
		c.carryOut(c.relay)
		c.pass(100 * time.Millisecond)
	}
	done := c.outcome(c.gateway, c.device, c.uuid)
	if done.Err != nil {
		t.Fatal(done.Err)
	}
	c.usable(done.Peer)
}
