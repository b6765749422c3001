package node_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
)

// outcome acts as the user until the provisioning of a device has ended.
func (p *pump) outcome(gateway, dev *member, uuid mesh.UUID) node.ProvisioningDone {
	p.Helper()
	var done node.ProvisioningDone
	shown, wants := "", (*member)(nil)
	p.run(3*time.Minute, "the end of the provisioning", func() (ended bool) {
		for _, m := range []*member{gateway, dev} {
			for _, e := range m.events {
				switch e := e.(type) {
				case node.ProvisioningStep:
					if e.Step == string(provision.OOBShown) {
						shown = e.Prompt.Value
					}
					if e.Step == string(provision.OOBWanted) {
						wants = m
					}
				case node.ProvisioningDone:
					done, ended = e, true
				}
			}
			m.events = nil
		}
		if shown != "" && wants != nil {
			if err := wants.ProvisioningInput(p.now, uuid, "no value"); !errors.Is(err, provision.ErrValue) {
				p.Errorf("an invalid value: got %v, expected ErrValue", err)
			}
			if err := wants.ProvisioningInput(p.now, uuid, shown); err != nil {
				p.Error(err)
			}
			p.carryOut(wants)
			if err := wants.ProvisioningInput(p.now, uuid, shown); !errors.Is(err, provision.ErrNotAwaited) {
				p.Errorf("the value a second time: got %v", err)
			}
			wants = nil
		}
		return ended
	})
	return done
}

// TestAuthentication provisions devices with several authentication methods and
// policies over the air.
func TestAuthentication(t *testing.T) {
	pair, err := crypto.GenerateKeyPair(rand.NewChaCha8([32]byte{4}))
	if err != nil {
		t.Fatal(err)
	}
	key := pair.Public()
	output := node.OOBDevice{OutputActions: provision.ActionsOf(provision.OutputNumeric), OutputSize: 6, Required: true}
	input := node.OOBDevice{InputActions: provision.ActionsOf(provision.InputAlphanumeric), InputSize: 4, Required: true}
	auto := &provision.Policy{Allowed: provision.AllMethods, LeastEffort: true}
	for _, tt := range []struct {
		name   string
		device node.OOBDevice
		want   node.Provision
		code   provision.FailureCode // empty for success
	}{
		{"output", output, node.Provision{Policy: auto}, ""},
		{"input", input, node.Provision{Policy: auto}, ""},
		{"public key", node.OOBDevice{KeyPair: pair}, node.Provision{Policy: &provision.Policy{Allowed: provision.AllMethods, PublicKey: &key}}, ""},
		{"no public key", node.OOBDevice{}, node.Provision{Policy: &provision.Policy{Allowed: provision.AllMethods, PublicKey: &key}}, provision.FailAuthMethod},
		{"no OOB where it is required", output, node.Provision{}, provision.FailAuthMethod},
		{"input OOB required, device has output OOB", output, node.Provision{Policy: &provision.Policy{Allowed: provision.MethodsOf(provision.InputOOB)}}, provision.FailAuthMethod},
		{"no OOB where it is forbidden", node.OOBDevice{}, node.Provision{Policy: &provision.Policy{Allowed: provision.AllMethods &^ provision.MethodsOf(provision.NoOOB)}}, provision.FailAuthMethod},
		{"certificate without anchors", node.OOBDevice{Records: provision.Records{provision.RecordDeviceCertificate: {1}}}, node.Provision{Certificate: &node.Certificate{}}, provision.FailCertificate},
		{"device without a certificate", node.OOBDevice{}, node.Provision{Certificate: &node.Certificate{}}, provision.FailCertificate},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPump(t)
			gateway := p.addGateway()
			dev, uuid := p.addDevice("lamp", node.DeviceOptions{OOBDevice: tt.device}, lamp)
			await(p, gateway, 30*time.Second, func(e node.DeviceHeard) bool { return e.UUID == uuid })
			tt.want.UUID = uuid
			if err := gateway.Provision(p.now, tt.want); err != nil {
				t.Fatal(err)
			}
			p.carryOut(gateway)
			done := p.outcome(gateway, dev, uuid)
			if tt.code == "" {
				if done.Err != nil || !dev.State().IsProvisioned() || !dev.State().DeviceKey.Equal(done.Peer.DeviceKey) {
					t.Errorf("got %v", done.Err)
				}
				return
			}
			var f *provision.Failure
			if !errors.As(done.Err, &f) || f.Code != tt.code || dev.State().IsProvisioned() {
				t.Errorf("got %v, want %s", done.Err, tt.code)
			}
			// The same device can be provisioned again.
			p.pass(10 * time.Second)
			await(p, gateway, 30*time.Second, func(e node.DeviceHeard) bool { return e.UUID == uuid })
		})
	}
}

func TestCancelProvisioning(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	dev, uuid := p.addDevice("lamp", node.DeviceOptions{OOBDevice: node.OOBDevice{InputActions: 1, InputSize: 1}}, lamp)
	if gateway.AbortProvisioning(p.now, uuid, "?") || !errors.Is(gateway.ProvisioningInput(p.now, uuid, "1"), node.ErrNoProvisioning) {
		t.Error("cancelled a provisioning that has not begun")
	}
	await(p, gateway, 30*time.Second, func(e node.DeviceHeard) bool { return e.UUID == uuid })
	want := node.Provision{UUID: uuid, Policy: &provision.Policy{Allowed: provision.AllMethods}}
	if err := gateway.Provision(p.now, want); err != nil {
		t.Fatal(err)
	}
	p.carryOut(gateway)
	await(p, dev, time.Minute, func(e node.ProvisioningStep) bool { return e.Step == string(provision.OOBWanted) })
	if !gateway.AbortProvisioning(p.now, uuid, "it is the wrong lamp") {
		t.Error("the provisioning was not cancelled")
	}
	p.carryOut(gateway)
	done := await(p, gateway, time.Second, func(e node.ProvisioningDone) bool { return e.UUID == uuid })
	if done.Err == nil || !strings.Contains(done.Err.Error(), "wrong lamp") {
		t.Errorf("got %v", done.Err)
	}
	if gateway.AbortProvisioning(p.now, uuid, "again") {
		t.Error("the provisioning was cancelled twice")
	}
	// The device has ended the link too, and can be provisioned.
	p.pass(10 * time.Second)
	if err := gateway.Provision(p.now, node.Provision{UUID: uuid}); err != nil {
		t.Fatal(err)
	}
	p.carryOut(gateway)
	if done := p.outcome(gateway, dev, uuid); done.Err != nil {
		t.Error(done.Err)
	}
}
