package provision

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

// carriage is both sides of a session whose link the caller provides.
type carriage struct {
	t           testing.TB
	now         time.Time
	provisioner *Provisioner
	device      *Device
	acceptance  Acceptance

	// PDUs that were transferred, complete; and what was reported.
	toDevice, toProvisioner         [][]byte
	provisionerEvents, deviceEvents []Event
	drop                            func(fromDevice bool, pdu []byte) bool
}

const (
	provisionerLink = 5
	deviceLink      = 1 << 31
)

var errCut = errors.New("connection timeout")

func newCarriage(t testing.TB, s setup) *carriage {
	t.Helper()
	p, err := NewProvisioner(ProvisionerOptions{UUID: testUUID, Random: seeded(s.seed + 1<<32), Bearer: PBGATT, Link: provisionerLink})
	if err != nil {
		t.Fatal(err)
	}
	return &carriage{t: t, now: testStart, provisioner: p, device: s.device(t), acceptance: s.acceptance}
}

// connect opens the link and runs both sides until they are done.
func (c *carriage) connect() *carriage {
	var p, d Output
	c.provisioner.Open(c.now, &p)
	c.device.Connected(c.now, deviceLink, &d)
	c.provisioner.Connected(c.now, &p)
	c.exchange(&p, &d)
	return c
}

// exchange transfers the PDUs in the outputs until there are none.
func (c *carriage) exchange(p, d *Output) {
	for len(p.Carry)+len(p.End)+len(d.Carry)+len(d.End)+len(p.Events)+len(d.Events) > 0 {
		if len(p.Send)+len(d.Send) > 0 {
			c.t.Fatal("something was sent on PB-ADV")
		}
		var nextP, nextD Output
		c.provisionerEvents = append(c.provisionerEvents, p.Events...)
		c.deviceEvents = append(c.deviceEvents, d.Events...)
		for _, e := range p.Events {
			if e.Step == CapabilitiesGot {
				if err := c.provisioner.Accept(c.now, c.acceptance, &nextP); err != nil {
					c.t.Fatal(err)
				}
			}
		}
		for _, m := range p.Carry {
			c.toDevice = append(c.toDevice, m.PDU)
			if c.drop == nil || !c.drop(false, m.PDU) {
				c.device.ReceivePDU(c.now, deviceLink, m.PDU, &nextD)
			}
		}
		for _, m := range d.Carry {
			c.toProvisioner = append(c.toProvisioner, m.PDU)
			if c.drop == nil || !c.drop(true, m.PDU) {
				c.provisioner.ReceivePDU(c.now, m.PDU, &nextP)
			}
		}
		if len(p.End) > 0 {
			c.provisioner.Disconnected(c.now, nil, &nextP)
			c.device.Disconnected(c.now, deviceLink, errCut, &nextD)
		}
		if len(d.End) > 0 {
			c.device.Disconnected(c.now, deviceLink, nil, &nextD)
			c.provisioner.Disconnected(c.now, errCut, &nextP)
		}
		*p, *d = nextP, nextD
	}
}

// wait lets time pass.
func (c *carriage) wait(d time.Duration) {
	c.now = c.now.Add(d)
	var p, e Output
	if deadline.Due(c.provisioner.NextDeadline(), c.now) {
		c.provisioner.Tick(c.now, &p)
	}
	if deadline.Due(c.device.NextDeadline(), c.now) {
		c.device.Tick(c.now, &e)
	}
	c.exchange(&p, &e)
}

func TestCarriedSession(t *testing.T) {
	for _, s := range []setup{plainSetup(), staticSetup(AllAlgorithms), staticSetup(1 << CMAC)} {
		c := newCarriage(t, s).connect()
		e, ok := find(c.provisionerEvents, Completed)
		j, joined := find(c.deviceEvents, Completed)
		if !ok || !joined || e.Node.DeviceKey != j.Joined.DeviceKey || e.Link != provisionerLink || j.Link != deviceLink {
			t.Fatalf("%+v and %+v", e, j)
		}
		if !c.provisioner.Done() || !c.device.Done() {
			t.Error("the link is closed, and a side is not done")
		}
		if d := c.provisioner.NextDeadline(); !d.IsZero() {
			t.Error("a provisioner that is done waits for something")
		}
	}
}

func TestCarriedLinkEnds(t *testing.T) {
	failed := func(t *testing.T, events []Event, code FailureCode) {
		t.Helper()
		if e, ok := find(events, Failed); !ok || e.Failure.Code != code {
			t.Errorf("%+v, want %s", events, code)
		}
	}
	for at := range 5 {
		// The link fails at the provisioner's PDU number at.
		c := newCarriage(t, plainSetup())
		n := 0
		c.drop = func(fromDevice bool, _ []byte) bool {
			if !fromDevice {
				n++
			}
			return n > at
		}
		c.connect()
		var p, d Output
		c.provisioner.Disconnected(c.now, errCut, &p)
		c.device.Disconnected(c.now, deviceLink, errCut, &d)
		c.exchange(&p, &d)
		failed(t, c.provisionerEvents, FailLinkClosed)
		failed(t, c.deviceEvents, FailLinkClosed)
		if !c.provisioner.Done() || c.device.Done() || c.device.Linked() {
			t.Error("the sides are at another point")
		}
		// The device accepts the next one.
		again := newCarriage(t, plainSetup())
		again.device = c.device
		again.connect()
		if _, ok := find(again.provisionerEvents, Completed); !ok {
			t.Error("the device accepts no other link")
		}
	}
	t.Run("never opened", func(t *testing.T) {
		c := newCarriage(t, plainSetup())
		var p, d Output
		c.provisioner.Open(c.now, &p)
		c.exchange(&p, &d)
		c.wait(openTimeout)
		failed(t, c.provisionerEvents, FailLinkTimeout)
	})
	t.Run("silence", func(t *testing.T) {
		c := newCarriage(t, plainSetup())
		c.drop = func(bool, []byte) bool { return true }
		c.connect()
		c.wait(protocolTimeout)
		failed(t, c.provisionerEvents, FailProtocolTimeout)
		if !c.provisioner.Done() {
			t.Error("the provisioner waits")
		}
	})
	t.Run("end not confirmed", func(t *testing.T) {
		c := newCarriage(t, plainSetup())
		var p Output
		c.provisioner.Open(c.now, &p)
		c.provisioner.Abort(c.now, "enough", &p)
		if len(p.End) != 1 || p.End[0] != (CarriedEnd{Link: provisionerLink}) {
			t.Errorf("%+v", p.End)
		}
		p.Reset()
		c.provisioner.Tick(c.now.Add(closeTimeoutCarried), &p)
		if !c.provisioner.Done() {
			t.Error("the provisioner waits")
		}
	})
}

// TestOneLinkOfAnyBearer: a second bearer cannot take over a device that has a
// link.
func TestOneLinkOfAnyBearer(t *testing.T) {
	d := plainSetup().device(t)
	var out Output
	d.Connected(testStart, deviceLink, &out)
	out.Reset()
	d.Receive(testStart, linkOpenPDU(testLink), &out)
	if len(out.Send) != 0 {
		t.Error("a second link, PB-ADV, was opened")
	}
	d.Connected(testStart, deviceLink+1, &out)
	if len(out.End) != 1 || out.End[0].Link != deviceLink+1 {
		t.Errorf("a second connection: %+v", out)
	}
	d.ReceivePDU(testStart, deviceLink+1, Append(nil, Invite{}), &out)
	if len(out.Carry) != 0 {
		t.Error("a second connection is answered")
	}
	out.Reset()
	d.Disconnected(testStart, deviceLink, errCut, &out)
	out.Reset()
	d.Receive(testStart, linkOpenPDU(testLink), &out)
	if len(out.Send) == 0 {
		t.Error("after the connection no PB-ADV link is taken")
	}
	out.Reset()
	d.Connected(testStart, deviceLink+2, &out)
	if len(out.End) != 1 {
		t.Error("a connection in addition to a PB-ADV link was accepted")
	}
}

// testProxyPDUs compares the Proxy PDUs of a provisioning PDU.
func testProxyPDUs(t *testing.T, name string, pdu []byte, want []vectors.Hex) {
	t.Helper()
	got := proxy.Split(nil, proxy.ProvisioningPDU, pdu, proxy.MinPDU)
	if len(got) != len(want) {
		t.Fatalf("%s: %d Proxy PDUs, want %d", name, len(got), len(want))
	}
	var r proxy.Reassembly
	for i := range got {
		same(t, name, got[i], want[i])
		kind, message, complete := r.Receive(testStart, got[i])
		if complete != (i == len(got)-1) {
			t.Errorf("%s: complete after %d of %d", name, i+1, len(got))
		}
		if complete && (kind != proxy.ProvisioningPDU || !bytes.Equal(message, pdu)) {
			t.Errorf("%s: put together %v %x", name, kind, message)
		}
	}
}

// testCarriedVector runs the exchange with both state machines, with the
// sample's keys as randomness.
func testCarriedVector(t *testing.T, v *vector, all []vector) {
	in := &sessionVector(t, all).Inputs
	capabilities, err := Decode(append([]byte{typeCapabilities}, in.CapabilitiesParameters...))
	if err != nil {
		t.Fatal(err)
	}
	device, err := NewDevice(DeviceOptions{
		UUID:         testUUID,
		Capabilities: capabilities.(Capabilities),
		Random:       bytes.NewReader(slices.Concat(in.DevicePrivateKey, in.RandomDevice)),
	})
	if err != nil {
		t.Fatal(err)
	}
	provisioner, err := NewProvisioner(ProvisionerOptions{
		UUID: testUUID, Bearer: PBGATT, Link: provisionerLink,
		Random: bytes.NewReader(slices.Concat(in.ProvisionerPrivateKey, in.RandomProvisioner)),
	})
	if err != nil {
		t.Fatal(err)
	}
	network, address := sessionNetwork(in)
	c := &carriage{t: t, now: testStart, provisioner: provisioner, device: device, acceptance: Acceptance{
		Network: network, Address: address,
	}}
	c.connect()
	sent := map[string][][]byte{"provisioner": c.toDevice, "device": c.toProvisioner}
	for _, step := range v.Steps {
		queue := sent[step.Sender]
		if len(queue) == 0 {
			t.Fatalf("%s: the %s sent nothing more", step.Name, step.Sender)
		}
		same(t, step.Name, queue[0], step.ProvisioningPDU)
		testProxyPDUs(t, step.Name, queue[0], step.ProxyPDUs)
		sent[step.Sender] = queue[1:]
	}
	for sender, queue := range sent {
		if len(queue) != 0 {
			t.Errorf("the %s also sent %x", sender, queue)
		}
	}
}
