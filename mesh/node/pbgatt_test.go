package node_test

import (
	"errors"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// gattDevice adds a device that can be provisioned over PB-GATT, with a radio.
func gattDevice(p *pump, air *gattAir, name string, o node.DeviceOptions) (*member, *gattRadio, mesh.UUID) {
	o.GATT = true
	m, uuid := p.addDevice(name, o, plug)
	m.edit(func(n *state.Node) { n.Proxy = state.Enabled })
	p.carryOut(m)
	r := air.join(m, -60)
	p.restart(m) // to advertise on the new radio
	return m, r, uuid
}

// provisionOver waits for a device and provisions it.
func provisionOver(p *pump, gateway *member, uuid mesh.UUID, auth provision.Auth, bearer node.BearerChoice) node.ProvisioningDone {
	p.Helper()
	if err := gateway.Provision(p.now, node.Provision{UUID: uuid, Auth: auth, Bearer: bearer}); err != nil {
		p.Fatal(err)
	}
	p.carryOut(gateway)
	return await(p, gateway, 3*time.Minute, func(e node.ProvisioningDone) bool { return e.UUID == uuid })
}

// A device advertises the same OOB information on both bearers, including that
// it has records.
func TestBothBearersAdvertiseTheSameOOB(t *testing.T) {
	p := newPump(t)
	air := p.connections()
	gateway := p.addGatewayWith(node.Options{Monitor: true, Proxy: node.ProxyOptions{Client: node.ClientOn}})
	air.join(gateway, -50)
	o := node.DeviceOptions{OOB: beacon.OOBOther}
	o.Records = provision.Records{provision.RecordDeviceCertificate: {1}}
	gattDevice(p, air, "plug", o)
	advertised := map[provision.Bearer]uint16{}
	for _, by := range []provision.Bearer{provision.PBADV, provision.PBGATT} {
		heard := await(p, gateway, 10*time.Second, func(e node.DeviceHeard) bool { return e.Bearer == by })
		advertised[by] = heard.OOB
	}
	if want := uint16(beacon.OOBOther | beacon.OOBRecords | beacon.OOBCertificates); advertised[provision.PBADV] != want || advertised[provision.PBGATT] != want {
		t.Errorf("got %04x, want %04x on both bearers", advertised, want)
	}
}

func TestProvisioningOverPBGATT(t *testing.T) {
	static := provision.AuthValue("0123456789abcdef")
	for _, test := range []struct {
		name   string
		device node.DeviceOptions
		auth   provision.Auth
		room   int
	}{
		{name: "least MTU", room: 20},
		{name: "long MTU", room: 244},
		{name: "static OOB", room: 20, device: node.DeviceOptions{StaticOOB: static}, auth: provision.Auth{Method: provision.StaticOOB, Value: static}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPump(t)
			p.loss = 1 // no PDU is received by advertising
			air := p.connections()
			gateway := p.addGatewayWith(node.Options{Monitor: true, Proxy: node.ProxyOptions{Client: node.ClientOn}})
			air.join(gateway, -50)
			dev, radio, uuid := gattDevice(p, air, "plug", test.device)
			for _, r := range air.radios {
				r.maxPDU = test.room
			}
			heard := await[node.DeviceHeard](p, gateway, 5*time.Second, nil)
			if heard.UUID != uuid || heard.Bearer != provision.PBGATT {
				t.Fatalf("heard %+v", heard)
			}
			done := provisionOver(p, gateway, uuid, test.auth, node.AnyBearer)
			if done.Err != nil {
				t.Fatal(done.Err)
			}
			await[node.Joined](p, dev, time.Second, nil)
			p.pass(time.Second)
			if len(radio.ends) != 0 && radio.advertisements == nil {
				t.Error("the provisioning connection is still open")
			}
			// The new node is a proxy and advertises with Node Identity for a
			// minute. It is configured and used over that connection.
			connected := await[node.ProxyConnected](p, gateway, 10*time.Second, nil)
			if connected.Peer != radio.peer {
				t.Errorf("%+v", connected)
			}
			p.setUp(gateway, done.Peer, generic.OnOffServerID)
			var status generic.OnOffStatus
			p.control(gateway, done.Peer.Address, &generic.OnOffSet{OnOff: true, TID: 1}, &status)
			if !status.PresentOnOff {
				t.Errorf("%+v", status)
			}
		})
	}
}

// TestNewNodeIsConfiguredOverItsOwnProxy: the network is heard by advertising
// and has a nearer proxy. A node that has only GATT is reached all the same.
func TestNewNodeIsConfiguredOverItsOwnProxy(t *testing.T) {
	h := newHouse(t, 1, node.ProxyOptions{Client: node.ClientAuto})
	dev, radio, uuid := gattDevice(h.pump, h.pump.gatt, "lonely", node.DeviceOptions{})
	h.deaf = func(from, to *member) bool { return from == dev || to == dev }
	heard := await(h.pump, h.gateway, 10*time.Second, func(e node.DeviceHeard) bool {
		return e.UUID == uuid && e.Bearer == provision.PBGATT
	})
	h.pass(recentlyHeard) // until the device no longer counts as heard by advertising
	done := provisionOver(h.pump, h.gateway, heard.UUID, provision.Auth{}, node.AnyBearer)
	if done.Err != nil {
		t.Fatal(done.Err)
	}
	await(h.pump, h.gateway, 20*time.Second, func(e node.ProxyConnected) bool { return e.Peer == radio.peer })
	h.setUp(h.gateway, done.Peer, generic.OnOffServerID)
}

// recentlyHeard is how long a device counts as heard.
const recentlyHeard = 31 * time.Second

func TestPBGATTFailures(t *testing.T) {
	setup := func(t *testing.T) (*pump, *gattAir, *member, *member, *gattRadio, mesh.UUID) {
		p := newPump(t)
		p.loss = 1
		air := p.connections()
		gateway := p.addGateway()
		air.join(gateway, -50)
		dev, radio, uuid := gattDevice(p, air, "plug", node.DeviceOptions{})
		await[node.DeviceHeard](p, gateway, 5*time.Second, nil)
		return p, air, gateway, dev, radio, uuid
	}
	failed := func(t *testing.T, done node.ProvisioningDone, code provision.FailureCode) {
		t.Helper()
		var f *provision.Failure
		if !errors.As(done.Err, &f) || f.Code != code {
			t.Errorf("got %v, want %s", done.Err, code)
		}
	}
	t.Run("device out of range", func(t *testing.T) {
		p, _, gateway, _, radio, uuid := setup(t)
		radio.off = true
		failed(t, provisionOver(p, gateway, uuid, provision.Auth{}, node.OnlyPBGATT), provision.FailLinkClosed)
	})
	t.Run("late answer", func(t *testing.T) {
		p, air, gateway, dev, radio, uuid := setup(t)
		radio.off = true
		air.later(6*time.Second, func() { radio.off = false })
		if done := provisionOver(p, gateway, uuid, provision.Auth{}, node.OnlyPBGATT); done.Err != nil || !dev.State().IsProvisioned() {
			t.Error(done.Err)
		}
	})
	t.Run("connection lost", func(t *testing.T) {
		p, air, gateway, dev, radio, uuid := setup(t)
		written := 0
		air.written = func(*gattRadio, []byte) {
			if written++; written == 5 {
				radio.die()
			}
		}
		failed(t, provisionOver(p, gateway, uuid, provision.Auth{}, node.OnlyPBGATT), provision.FailLinkClosed)
		// When the device is back, it can be provisioned.
		radio.off, air.written = false, nil
		p.pass(2 * time.Second)
		if done := provisionOver(p, gateway, uuid, provision.Auth{}, node.OnlyPBGATT); done.Err != nil {
			t.Error(done.Err)
		}
		if !dev.State().IsProvisioned() {
			t.Error("the device did not notice the loss")
		}
	})
	t.Run("silent", func(t *testing.T) {
		p, air, gateway, _, radio, uuid := setup(t)
		air.written = func(*gattRadio, []byte) { radio.frozen = true }
		failed(t, provisionOver(p, gateway, uuid, provision.Auth{}, node.OnlyPBGATT), provision.FailProtocolTimeout)
	})
	t.Run("full", func(t *testing.T) {
		p, air, gateway, _, radio, uuid := setup(t)
		radio.blocked = true
		failed(t, provisionOver(p, gateway, uuid, provision.Auth{}, node.OnlyPBGATT), provision.FailLinkClosed)
		_ = air
	})
	t.Run("aborted", func(t *testing.T) {
		p, _, gateway, _, radio, uuid := setup(t)
		if err := gateway.Provision(p.now, node.Provision{UUID: uuid, Bearer: node.OnlyPBGATT}); err != nil {
			t.Fatal(err)
		}
		p.carryOut(gateway)
		p.pass(250 * time.Millisecond)
		gateway.AbortProvisioning(p.now, uuid, "enough")
		p.carryOut(gateway)
		failed(t, await[node.ProvisioningDone](p, gateway, time.Second, nil), provision.FailAborted)
		p.pass(time.Second)
		if len(radio.ends) != 0 {
			t.Error("the connection is still open")
		}
	})
	t.Run("not sighted", func(t *testing.T) {
		p, _, gateway, _, _, _ := setup(t)
		err := gateway.Provision(p.now, node.Provision{UUID: mesh.UUID{9}, Bearer: node.OnlyPBGATT})
		if !errors.Is(err, node.ErrNotSighted) {
			t.Errorf("%v", err)
		}
	})
	t.Run("hostile provisioner", func(t *testing.T) {
		p, air, gateway, dev, radio, uuid := setup(t)
		closed := false
		liar := air.stranger(-40, func(e *bearer.LinkEvent) { closed = closed || e.Kind == bearer.LinkClosed })
		liar.Connect(1, 0, radio.peer, bearer.ProvisioningService)
		p.pass(time.Second)
		if len(radio.advertisements) != 0 {
			t.Error("a connected device sends connectable advertisements")
		}
		for i := range 64 {
			_ = liar.Write(1, append([]byte{0x83}, make([]byte, 1+i%19)...)) // segments without a beginning
			p.pass(20 * time.Millisecond)
		}
		p.pass(time.Second)
		if !closed {
			t.Error("the connection is still open")
		}
		await[node.DeviceHeard](p, gateway, 10*time.Second, nil)
		if done := provisionOver(p, gateway, uuid, provision.Auth{}, node.OnlyPBGATT); done.Err != nil || !dev.State().IsProvisioned() {
			t.Error(done.Err)
		}
	})
}
