package provision

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

func TestSessionWithoutLoss(t *testing.T) {
	tests := []struct {
		name      string
		setup     setup
		algorithm Algorithm
	}{
		{"no OOB, best algorithm", plainSetup(), HMAC},
		{"static OOB, CMAC", staticSetup(1 << CMAC), CMAC},
		{"static OOB, HMAC", staticSetup(1 << HMAC), HMAC},
		{"no OOB although static is there", func() setup {
			s := staticSetup(AllAlgorithms)
			s.acceptance.Auth = Auth{}
			return s
		}(), HMAC},
		{"algorithm restricted", func() setup {
			s := plainSetup()
			s.acceptance.Algorithms = 1 << CMAC
			return s
		}(), CMAC},
		{"OOB required", func() setup {
			s := staticSetup(AllAlgorithms)
			s.capabilities.OOBTypes |= OOBRequired
			return s
		}(), HMAC},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLockstep(t, tt.setup).run()
			done, ok := find(l.provisionerEvents, Completed)
			if !ok {
				t.Fatalf("provisioner: %+v", last(l.provisionerEvents).Failure)
			}
			joined, ok := find(l.deviceEvents, Completed)
			if !ok {
				t.Fatalf("device: %+v", last(l.deviceEvents).Failure)
			}
			agreed(t, done.Node, joined.Joined, &tt.setup.acceptance)
			if done.Node.Algorithm != tt.algorithm || done.Node.Elements != tt.setup.capabilities.Elements || done.Node.Method != tt.setup.acceptance.Auth.Method || done.UUID != testUUID {
				t.Errorf("node %+v", done.Node)
			}
			steps(t, "provisioner", l.provisionerEvents, LinkOpening, LinkOpened, CapabilitiesGot, Started, PublicKeysGot, Confirming, Authenticated, DataSent, Completed)
			steps(t, "device", l.deviceEvents, LinkOpened, Invited, Started, PublicKeysGot, Confirming, Authenticated, Completed, LinkClosed)
			if e, _ := find(l.deviceEvents, Invited); e.Attention != 5 {
				t.Errorf("attention %d s", e.Attention)
			}
			if !l.device.Done() {
				t.Error("the device is not done after the link closed")
			}
			if l.provisioner.secrets.pair != nil || l.device.secrets.pair != nil {
				t.Error("secrets of the attempt outlive it")
			}
			// Open, ack; then invite, start, key, confirmation, random, data
			// with their answers, each a turn; and the close.
			if l.rounds > 9 {
				t.Errorf("%d turns of the channel, the dialogue needs 9", l.rounds)
			}
		})
	}
}

func steps(t *testing.T, who string, events []Event, want ...Step) {
	t.Helper()
	var got []Step
	for _, e := range events {
		got = append(got, e.Step)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: steps %v, want %v", who, got, want)
	}
}

func TestProvisionerRepeatsLinkClose(t *testing.T) {
	l := newLockstep(t, plainSetup()).run()
	closes := 1 // the one that run saw
	for !l.provisioner.Done() {
		deadline := l.provisioner.NextDeadline()
		if deadline.IsZero() || deadline.After(l.now.Add(time.Second)) {
			t.Fatalf("not done, next deadline %v", deadline)
		}
		l.now = deadline
		var out Output
		l.provisioner.Tick(l.now, &out)
		for i := range out.Send {
			if g, _ := parse(out.Send[i].PDU()); g.form == formControl && g.high == opLinkClose && closeReason(g.data[0]) == closeSuccess {
				closes++
			}
		}
	}
	if closes != closeCount {
		t.Errorf("%d Link Close PDUs, want %d", closes, closeCount)
	}
	if d := l.provisioner.NextDeadline(); !d.IsZero() {
		t.Errorf("a finished session has a deadline, %v", d)
	}
}

func TestOutputsCarryLaneAndTransmit(t *testing.T) {
	s := plainSetup()
	p, d := s.provisioner(t), s.device(t)
	var out, answer Output
	once := DefaultTransmit()
	once.Count = 1
	p.Share(true)
	p.Open(testStart, &out)
	if len(out.Send) != 1 || out.Send[0].Kind != bearer.Provisioning || out.Send[0].Lane != bearer.LinkLane(p.Link()) || out.Send[0].Transmit != once {
		t.Fatalf("link open: %+v", out.Send)
	}
	d.Receive(testStart, out.Send[0].PDU(), &answer)
	out.Reset()
	p.Receive(testStart, answer.Send[0].PDU(), &out)
	if len(out.Cancel) != 1 || out.Cancel[0] != bearer.LinkLane(p.Link()) {
		t.Errorf("the Link Open was answered and not canceled: %v", out.Cancel)
	}
	invite := out.Send[0]
	answer.Reset()
	d.Receive(testStart, invite.PDU(), &answer)
	if len(answer.Send) != 2 || answer.Send[0].Transmit.Count != 1 || answer.Send[1].Transmit != DefaultTransmit() {
		t.Errorf("acknowledgement and answer: %+v", answer.Send)
	}
	// The acknowledgement is withdrawn from an output that was not carried out
	// yet, instead of being sent although it is obsolete.
	out.Reset()
	p.link.(*advertisedLink).acknowledge(testStart, 0x80, 3, &out)
	p.Receive(testStart, answer.Send[0].PDU(), &out)
	if len(out.Send) != 0 || len(out.Cancel) != 1 {
		t.Errorf("after the cancel: %+v", out)
	}
}

func TestAcceptRefusals(t *testing.T) {
	tests := []struct {
		name   string
		change func(*setup)
		code   FailureCode
	}{
		{"no common algorithm", func(s *setup) { s.capabilities.Algorithms = 1 << CMAC; s.acceptance.Algorithms = 1 << HMAC }, FailCapabilities},
		{"static not offered", func(s *setup) { s.acceptance.Auth = Auth{Method: StaticOOB, Value: AuthValue("x")} }, FailAuthMethod},
		{"static value missing", func(s *setup) { *s = staticSetup(AllAlgorithms); s.acceptance.Auth.Value = nil }, FailAuthMethod},
		{"static value too long", func(s *setup) { *s = staticSetup(AllAlgorithms); s.acceptance.Auth.Value = make(AuthValue, 33) }, FailAuthMethod},
		{"value without method", func(s *setup) { s.acceptance.Auth.Value = AuthValue("x") }, FailAuthMethod},
		{"OOB required", func(s *setup) {
			*s = staticSetup(AllAlgorithms)
			s.capabilities.OOBTypes |= OOBRequired
			s.acceptance.Auth = Auth{}
		}, FailAuthMethod},
		{"output OOB", func(s *setup) { s.acceptance.Auth.Method = OutputOOB }, FailAuthMethod},
		{"unassigned address", func(s *setup) { s.acceptance.Address = 0 }, FailAddress},
		{"group address", func(s *setup) { s.acceptance.Address = 0xC000 }, FailAddress},
		{"addresses out of range", func(s *setup) { s.acceptance.Address = 0x7FFE }, FailAddress},
		{"key index", func(s *setup) { s.acceptance.Network.Index = 0x1000 }, FailData},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := plainSetup()
			tt.change(&s)
			good := s.acceptance
			p := toCapabilities(t, s)
			var out Output
			err := p.Accept(testStart, s.acceptance, &out)
			var f *Failure
			if !errors.As(err, &f) || f.Code != tt.code {
				t.Fatalf("Accept: %v, want %v", err, tt.code)
			}
			if len(out.Send)+len(out.Events) != 0 {
				t.Errorf("a rejected Accept had an effect: %+v", out)
			}
			// The session is still waiting.
			good.Address, good.Auth, good.Algorithms, good.Network.Index = 1, Auth{}, 0, 0
			if s.capabilities.OOBTypes&OOBRequired != 0 {
				good.Auth = staticSetup(0).acceptance.Auth
			}
			if err := p.Accept(testStart, good, &out); err != nil {
				t.Errorf("Accept after a refusal: %v", err)
			}
			if err := p.Accept(testStart, good, &out); !errors.Is(err, ErrNotAwaited) {
				t.Errorf("second Accept: %v", err)
			}
		})
	}
}

// toCapabilities runs a session to the point where it waits for Accept.
func toCapabilities(t *testing.T, s setup) *Provisioner {
	t.Helper()
	p, d := s.provisioner(t), s.device(t)
	var out, answer Output
	p.Open(testStart, &out)
	for range 2 {
		answer.Reset()
		for i := range out.Send {
			d.Receive(testStart, out.Send[i].PDU(), &answer)
		}
		out.Reset()
		for i := range answer.Send {
			p.Receive(testStart, answer.Send[i].PDU(), &out)
		}
	}
	if e := last(out.Events); e.Step != CapabilitiesGot || *e.Capabilities != s.capabilities {
		t.Fatalf("expected the capabilities, got %+v", out.Events)
	}
	return p
}

func TestNewDeviceRefusals(t *testing.T) {
	good := Capabilities{Elements: 1, Algorithms: AllAlgorithms}
	tests := []struct {
		name   string
		change func(*DeviceOptions)
	}{
		{"no elements", func(o *DeviceOptions) { o.Capabilities.Elements = 0 }},
		{"no algorithm", func(o *DeviceOptions) { o.Capabilities.Algorithms = 0 }},
		{"unknown algorithm", func(o *DeviceOptions) { o.Capabilities.Algorithms = 4 }},
		{"value without bit", func(o *DeviceOptions) { o.StaticOOB = AuthValue("x") }},
		{"bit without value", func(o *DeviceOptions) { o.Capabilities.OOBTypes = StaticOOBAvailable }},
		{"value too long", func(o *DeviceOptions) {
			o.Capabilities.OOBTypes = StaticOOBAvailable
			o.StaticOOB = make(AuthValue, 33)
		}},
		{"required without value", func(o *DeviceOptions) { o.Capabilities.OOBTypes = OOBRequired }},
		{"output without size", func(o *DeviceOptions) { o.Capabilities.OutputActions = 1 }},
		{"output of 9 digits", func(o *DeviceOptions) { o.Capabilities.OutputSize, o.Capabilities.OutputActions = 9, 1 }},
		{"output without action", func(o *DeviceOptions) { o.Capabilities.OutputSize = 1 }},
		{"unknown output", func(o *DeviceOptions) { o.Capabilities.OutputSize, o.Capabilities.OutputActions = 1, 1<<5 }},
		{"input without size", func(o *DeviceOptions) { o.Capabilities.InputActions = 1 }},
		{"unknown input", func(o *DeviceOptions) { o.Capabilities.InputSize, o.Capabilities.InputActions = 1, 1<<4 }},
		{"public key without a pair", func(o *DeviceOptions) { o.Capabilities.PublicKeyTypes = PublicKeyOOB }},
	}
	if _, err := NewDevice(DeviceOptions{Capabilities: good}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		o := DeviceOptions{Capabilities: good}
		tt.change(&o)
		if _, err := NewDevice(o); err == nil {
			t.Errorf("%s: accepted", tt.name)
		}
	}
}

func TestAbort(t *testing.T) {
	p := toCapabilities(t, plainSetup())
	var out Output
	p.Abort(testStart, "aborted by the user", &out)
	e := last(out.Events)
	if e.Step != Failed || e.Failure.Code != FailAborted || !strings.Contains(e.Failure.Error(), "aborted by the user") {
		t.Errorf("event %+v", e)
	}
	if g, _ := parse(out.Send[len(out.Send)-1].PDU()); g.form != formControl || g.high != opLinkClose {
		t.Error("no Link Close")
	}
	// Before Open there is no link to close.
	p = plainSetup().provisioner(t)
	out.Reset()
	p.Abort(testStart, "no longer needed", &out)
	if len(out.Send) != 0 || !p.Done() {
		t.Errorf("aborted before Open: done %t, %+v", p.Done(), out.Send)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	v := AuthValue("canary-value")
	for _, verb := range []string{"%v", "%s", "%x", "%q", "%+v", "%#v", "%d"} {
		s := staticSetup(AllAlgorithms)
		s.deviceValue, s.acceptance.Auth.Value = v, v
		p, d := toCapabilities(t, s), s.device(t)
		if err := p.Accept(testStart, s.acceptance, new(Output)); err != nil {
			t.Fatal(err)
		}
		for _, got := range []string{fmt.Sprintf(verb, v), fmt.Sprintf(verb, Auth{Value: v}), fmt.Sprintf(verb, p), fmt.Sprintf(verb, d)} {
			if strings.Contains(got, "canary") || strings.Contains(got, "63616e617279") || strings.Contains(got, "99 97 110") {
				t.Errorf("%s prints %s", verb, got)
			}
		}
	}
}
