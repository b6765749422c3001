package provision

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// Shared by the tests: a device, a network, and ways to connect the two sides.

var (
	testStart = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	testUUID  = mesh.UUID{0x70, 0xcf, 0x7c, 0x97, 0x32, 0xa3, 0x45, 0xb6, 0x91, 0x49, 0x48, 0x10, 0xd2, 0xe9, 0xcb, 0xf4}
)

func testNetwork() Network {
	return Network{Key: crypto.Key{0xCA, 0x4A, 0x52, 0x1E, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, Index: 0x123, IVUpdate: true, IVIndex: 0x01020304}
}

// seeded is randomness that a test can repeat.
func seeded(seed uint64) *rand.ChaCha8 {
	return rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24), byte(seed >> 32), byte(seed >> 40), byte(seed >> 48), byte(seed >> 56)})
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

// setup is what a pair of sides is made from.
type setup struct {
	capabilities Capabilities
	keyPair      *crypto.KeyPair
	records      Records
	deviceValue  AuthValue
	acceptance   Acceptance
	seed         uint64
}

func plainSetup() setup {
	return setup{
		capabilities: Capabilities{Elements: 3, Algorithms: AllAlgorithms},
		acceptance:   Acceptance{Network: testNetwork(), Address: 0x0100},
		seed:         1,
	}
}

func staticSetup(algorithms Algorithms) setup {
	s := plainSetup()
	s.capabilities.Algorithms = algorithms
	s.capabilities.OOBTypes = StaticOOBAvailable
	s.deviceValue = AuthValue("0123456789abcdef")
	s.acceptance.Auth = Auth{Method: StaticOOB, Value: AuthValue("0123456789abcdef")}
	return s
}

func (s setup) device(t testing.TB) *Device {
	t.Helper()
	d, err := NewDevice(DeviceOptions{UUID: testUUID, Capabilities: s.capabilities, StaticOOB: s.deviceValue, KeyPair: s.keyPair, Records: s.records, Random: seeded(s.seed)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (s setup) provisioner(t testing.TB) *Provisioner {
	t.Helper()
	p, err := NewProvisioner(ProvisionerOptions{UUID: testUUID, Attention: 5, Random: seeded(s.seed + 1<<32), Records: s.records != nil})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// distinct returns the octets of what is to be sent, each PDU once.
func distinct(sent []bearer.Outgoing) [][]byte {
	var out [][]byte
next:
	for i := range sent {
		for _, known := range out {
			if bytes.Equal(known, sent[i].PDU()) {
				continue next
			}
		}
		out = append(out, bytes.Clone(sent[i].PDU()))
	}
	return out
}

// lockstep is both sides on a channel without loss or delay.
type lockstep struct {
	t           testing.TB
	provisioner *Provisioner
	device      *Device
	acceptance  Acceptance
	now         time.Time

	toDevice, toProvisioner           [][]byte // everything sent
	provisionerEvents, deviceEvents   []Event
	pendingDevice, pendingProvisioner [][]byte
	// tamper, if set, may change a provisioning PDU in transit; complete
	// transactions, with a new FCS.
	tamper func(fromDevice bool, pdu []byte) []byte
	// rounds is how often the direction changed.
	rounds int
	user   user
	// decide, if set, may change the acceptance when it is due.
	decide func(events []Event, a *Acceptance)
}

// user carries a value from the side that displays it to the side that requests
// it.
type user struct {
	shown  *Prompt
	wanted bool
	mishap func(text string) string // nil for none
	idle   bool
}

// watch handles an event, and reports whether the value can now be entered.
func (u *user) watch(e *Event) bool {
	switch e.Step {
	case OOBShown:
		u.shown = e.Prompt
	case OOBWanted:
		u.wanted = true
	default:
		return false
	}
	return u.wanted && u.shown != nil && !u.idle
}

// enter enters the value on the side that requests it.
func (u *user) enter(t testing.TB, now time.Time, p *Provisioner, d *Device) (fromDevice bool, out *Output) {
	t.Helper()
	text, out := u.shown.Value, &Output{}
	if u.mishap != nil {
		text = u.mishap(text)
	}
	fromDevice = u.shown.Method == InputOOB
	var err error
	if fromDevice {
		err = d.Input(now, text, out)
	} else {
		err = p.Input(now, text, out)
	}
	if err != nil {
		t.Fatalf("%q is rejected: %v", text, err)
	}
	u.shown, u.wanted = nil, false
	return fromDevice, out
}

func newLockstep(t testing.TB, s setup) *lockstep {
	return &lockstep{t: t, provisioner: s.provisioner(t), device: s.device(t), acceptance: s.acceptance, now: testStart}
}

func (l *lockstep) takeProvisioner(out *Output) {
	l.provisionerEvents = append(l.provisionerEvents, out.Events...)
	l.pendingDevice = append(l.pendingDevice, l.altered(false, distinct(out.Send))...)
	l.toDevice = append(l.toDevice, distinct(out.Send)...)
	for _, e := range out.Events {
		if e.Step == CapabilitiesGot {
			var next Output
			if l.decide != nil {
				l.decide(l.provisionerEvents, &l.acceptance)
			}
			if err := l.provisioner.Accept(l.now, l.acceptance, &next); err != nil {
				l.provisioner.Abort(l.now, err.Error(), &next)
			}
			l.takeProvisioner(&next)
		}
		l.involve(&e)
	}
}

// involve lets the user act.
func (l *lockstep) involve(e *Event) {
	if !l.user.watch(e) {
		return
	}
	if fromDevice, out := l.user.enter(l.t, l.now, l.provisioner, l.device); fromDevice {
		l.takeDevice(out)
	} else {
		l.takeProvisioner(out)
	}
}

func (l *lockstep) takeDevice(out *Output) {
	l.deviceEvents = append(l.deviceEvents, out.Events...)
	l.pendingProvisioner = append(l.pendingProvisioner, l.altered(true, distinct(out.Send))...)
	l.toProvisioner = append(l.toProvisioner, distinct(out.Send)...)
	for _, e := range out.Events {
		l.involve(&e)
	}
}

// altered lets tamper see complete transactions.
func (l *lockstep) altered(fromDevice bool, pdus [][]byte) [][]byte {
	if l.tamper == nil {
		return pdus
	}
	var result [][]byte
	var r reassembly
	for _, pdu := range pdus {
		g, ok := parse(pdu)
		if !ok {
			l.t.Fatalf("sent no PB-ADV PDU: %x", pdu)
		}
		var v verdict
		switch g.form {
		case formStart:
			v = r.start(&g)
		case formContinuation:
			v = r.continuation(&g)
		default:
			result = append(result, pdu)
			continue
		}
		if v == segmentsDone {
			result = append(result, segmented(g.link, g.number, l.tamper(fromDevice, r.pdu()))...)
		}
	}
	return result
}

// segmented cuts a provisioning PDU into PB-ADV PDUs.
func segmented(id uint32, number uint8, pdu []byte) [][]byte {
	if len(pdu) == 0 {
		return nil
	}
	var out [][]byte
	l := advertisedLink{linkState: linkState{id: id}}
	for index := uint8(0); index <= lastSegment(len(pdu)); index++ {
		out = append(out, appendSegment(l.header(nil, number), pdu, index))
	}
	return out
}

// run continues until neither side has anything more to send.
func (l *lockstep) run() *lockstep {
	var out Output
	l.provisioner.Open(l.now, &out)
	l.takeProvisioner(&out)
	for len(l.pendingDevice)+len(l.pendingProvisioner) > 0 {
		l.rounds++
		if l.rounds > 1000 {
			l.t.Fatal("the two sides never stop sending")
		}
		work := l.pendingDevice
		l.pendingDevice = nil
		for _, pdu := range work {
			out.Reset()
			l.device.Receive(l.now, pdu, &out)
			l.takeDevice(&out)
		}
		work = l.pendingProvisioner
		l.pendingProvisioner = nil
		for _, pdu := range work {
			out.Reset()
			l.provisioner.Receive(l.now, pdu, &out)
			l.takeProvisioner(&out)
		}
	}
	return l
}

func last(events []Event) Event {
	if len(events) == 0 {
		return Event{}
	}
	return events[len(events)-1]
}

func find(events []Event, step Step) (Event, bool) {
	for _, e := range events {
		if e.Step == step {
			return e, true
		}
	}
	return Event{}, false
}

// agreed checks that both results are the same.
func agreed(t testing.TB, n *Node, j *Joined, a *Acceptance) {
	t.Helper()
	if !n.DeviceKey.Equal(j.DeviceKey) || n.DeviceKey.IsZero() {
		t.Error("the two sides have different device keys, or none")
	}
	if n.Address != j.Address || n.Address != a.Address {
		t.Errorf("addresses: provisioner %v, device %v, assigned %v", n.Address, j.Address, a.Address)
	}
	if j.Network != a.Network {
		t.Error("the device joined another network than the one it was given")
	}
	if n.NetKey != a.Network.Index {
		t.Errorf("node on NetKey %v", n.NetKey)
	}
}
