package provision

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// promptedSetup is a device with output or input OOB as its only method.
func promptedSetup(m AuthMethod, a Action, size uint8) setup {
	s := plainSetup()
	s.capabilities.OOBTypes = OOBRequired
	if m == OutputOOB {
		s.capabilities.OutputActions, s.capabilities.OutputSize = ActionsOf(a), size
	} else {
		s.capabilities.InputActions, s.capabilities.InputSize = ActionsOf(a), size
	}
	s.acceptance.Auth = Auth{Method: m, Action: a, Size: size}
	return s
}

// knowKey gives the provisioner the device's public key out of band.
func (s *setup) knowKey(t interface{ Fatal(...any) }) {
	pair, err := crypto.GenerateKeyPair(seeded(77))
	if err != nil {
		t.Fatal(err)
	}
	key := pair.Public()
	s.keyPair, s.acceptance.Auth.PublicKey = pair, &key
	s.capabilities.PublicKeyTypes = PublicKeyOOB
}

// prompted calls f with every action and size of output and input OOB, with
// both algorithms, and with the public key sent and known.
func prompted(t *testing.T, f func(t *testing.T, s setup)) {
	t.Helper()
	for _, m := range []AuthMethod{OutputOOB, InputOOB} {
		for a := range Action(len(actionNames(m))) {
			for size := uint8(1); size <= maxOOBSize; size++ {
				for _, algorithm := range []Algorithm{CMAC, HMAC} {
					for _, known := range []bool{false, true} {
						t.Run(fmt.Sprintf("%v %s of %d with %v, public key known %t", m, m.ActionName(a), size, algorithm, known), func(t *testing.T) {
							s := promptedSetup(m, a, size)
							s.acceptance.Algorithms = 1 << algorithm
							s.seed = uint64(size)
							if known {
								s.knowKey(t)
							}
							f(t, s)
						})
					}
				}
			}
		}
	}
}

// TestPromptedOOB: with the value that the other side displays both end with
// the same keys, and the displayed value has the form that was agreed on.
func TestPromptedOOB(t *testing.T) {
	prompted(t, func(t *testing.T, s setup) {
		l := newLockstep(t, s)
		l.run()
		agreed(t, completed(t, l.provisionerEvents).Node, completed(t, l.deviceEvents).Joined, &s.acceptance)
		shown, ok := find(append(l.deviceEvents, l.provisionerEvents...), OOBShown)
		if !ok {
			t.Fatal("no side displays a value")
		}
		if err := shown.Prompt.check(shown.Prompt.Value); err != nil {
			t.Errorf("%q: %v", shown.Prompt.Value, err)
		}
		wanted, _ := find(append(l.deviceEvents, l.provisionerEvents...), OOBWanted)
		if wanted.Prompt == nil || wanted.Prompt.Value != "" || wanted.Prompt.Size != s.acceptance.Auth.Size {
			t.Errorf("wanted %+v", wanted.Prompt)
		}
		if sent := sentType(t, l.toProvisioner, typePublicKey); sent == (s.keyPair != nil) {
			t.Errorf("the device sends its public key: %t", sent)
		}
		if sent := sentType(t, l.toProvisioner, typeInputComplete); sent != (s.acceptance.Auth.Method == InputOOB) {
			t.Errorf("the device sends Input Complete: %t", sent)
		}
	})
}

func completed(t testing.TB, events []Event) Event {
	t.Helper()
	e, ok := find(events, Completed)
	if !ok {
		t.Fatalf("not completed: %v", last(events).Failure)
	}
	return e
}

// TestPromptedOOBWrongValue: another value ends the session on the side that
// detects it, and no provisioning data is sent.
func TestPromptedOOBWrongValue(t *testing.T) {
	other := func(text string) string {
		last := text[len(text)-1]
		next := byte('3')
		if last == next {
			next = '4'
		}
		return text[:len(text)-1] + string(next)
	}
	prompted(t, func(t *testing.T, s setup) {
		l := newLockstep(t, s)
		l.user.mishap = other
		l.run()
		if e, _ := find(l.deviceEvents, Failed); e.Failure == nil || e.Failure.Code != FailConfirmation {
			t.Errorf("device: %v", e.Failure)
		}
		if e := last(l.provisionerEvents); e.Failure == nil || e.Failure.Peer != ConfirmationFailed {
			t.Errorf("provisioner: %v", e.Failure)
		}
		if sentType(t, l.toDevice, typeData) {
			t.Error("the network was revealed")
		}
	})
}

// TestImpossibleValues checks that they are rejected before anything is sent,
// and that another value can be entered.
func TestImpossibleValues(t *testing.T) {
	for _, tt := range []struct {
		s      setup
		values []string
	}{
		{promptedSetup(OutputOOB, Blink, 1), []string{"", "0", "10", "x", "-1", "+1", "1.0", " 1"}},
		{promptedSetup(OutputOOB, OutputNumeric, 4), []string{"", "10000", "12a4", "000012345"}},
		{promptedSetup(OutputOOB, OutputAlphanumeric, 4), []string{"", "ABC", "ABCDE", "AB D", "AB-D", "ÄBC"}},
	} {
		l := newLockstep(t, tt.s)
		l.user.mishap = func(text string) string {
			for _, v := range tt.values {
				var out Output
				if err := l.provisioner.Input(l.now, v, &out); !errors.Is(err, ErrValue) || len(out.Carry)+len(out.Send)+len(out.Events) > 0 {
					t.Errorf("%v %q: %v", tt.s.acceptance.Auth.Method, v, err)
				}
			}
			return text
		}
		l.run()
		completed(t, l.provisionerEvents)
		if err := l.provisioner.Input(l.now, "1", &Output{}); !errors.Is(err, ErrNotAwaited) {
			t.Errorf("after the end: %v", err)
		}
	}
}

// TestNobodyEnters: the session ends by itself, and says what was missing from
// whom.
func TestNobodyEnters(t *testing.T) {
	for _, s := range []setup{promptedSetup(OutputOOB, OutputNumeric, 6), promptedSetup(InputOOB, Push, 1)} {
		a := newAir(t, s, channel{})
		a.user.idle = true
		a.run()
		_, _, pf, df := a.outcome()
		if pf == nil || pf.Code != FailOOBTimeout || df == nil {
			t.Errorf("%v: provisioner %v, device %v", s.acceptance.Auth.Method, pf, df)
		}
	}
}

// TestNumberLayout: a number is at the end of the value, a text at its
// beginning.
func TestNumberLayout(t *testing.T) {
	for _, algorithm := range []Algorithm{CMAC, HMAC} {
		s := secrets{algorithm: algorithm}
		s.setPrompted(&Prompt{Method: InputOOB, Action: InputNumeric, Size: 8}, "19655683")
		want := value{}
		copy(want[algorithm.size()-4:], []byte{0x01, 0x2B, 0xEC, 0x03})
		if s.auth != want {
			t.Errorf("%v: %x", algorithm, s.auth)
		}
		s.setPrompted(&Prompt{Method: OutputOOB, Action: OutputAlphanumeric, Size: 3}, "A1B")
		want = value{'A', '1', 'B'}
		if s.auth != want {
			t.Errorf("%v: %x", algorithm, s.auth)
		}
	}
}

// TestDrawIsEven: every value can be drawn, zero only if nothing is counted.
func TestDrawIsEven(t *testing.T) {
	random := seeded(5)
	seen := map[string]int{}
	const draws = 9000
	for range draws {
		text, err := (&Prompt{Method: OutputOOB, Action: Beep, Size: 1}).draw(random)
		if err != nil {
			t.Fatal(err)
		}
		seen[text]++
	}
	if len(seen) != 9 || seen["0"] != 0 {
		t.Errorf("drawn: %v", seen)
	}
	for text, n := range seen {
		if n < draws/9*8/10 || n > draws/9*12/10 {
			t.Errorf("%s was drawn %d times of %d", text, n, draws)
		}
	}
	if _, err := (&Prompt{Method: OutputOOB, Action: OutputNumeric, Size: 8}).draw(strings.NewReader("short")); err == nil {
		t.Error("drawn without randomness")
	}
}

func TestChoose(t *testing.T) {
	all := Capabilities{
		Elements: 1, Algorithms: AllAlgorithms, OOBTypes: StaticOOBAvailable,
		OutputActions: ActionsOf(Blink, OutputNumeric, OutputAlphanumeric), OutputSize: 6,
		InputActions: ActionsOf(Push, InputNumeric), InputSize: 8,
	}
	static, numeric, push := AuthValue{1}, InputNumeric, Push
	for _, tt := range []struct {
		name   string
		policy Policy
		change func(*Capabilities)
		want   Auth // Method 0xFF for a refusal
	}{
		{"static is the strongest", Policy{Allowed: AllMethods, Static: static}, nil, Auth{Method: StaticOOB, Value: static}},
		{"36^6 is more than 10^8", Policy{Allowed: AllMethods}, nil, Auth{Method: OutputOOB, Action: OutputAlphanumeric, Size: 6}},
		{"10^8 is more than 10^6", Policy{Allowed: AllMethods}, func(c *Capabilities) { c.OutputActions = ActionsOf(Blink, OutputNumeric) }, Auth{Method: InputOOB, Action: InputNumeric, Size: 8}},
		{"output preferred", Policy{Allowed: AllMethods, Size: 4}, func(c *Capabilities) { c.OutputActions = ActionsOf(OutputNumeric) }, Auth{Method: OutputOOB, Action: OutputNumeric, Size: 4}},
		{"one digit is counted", Policy{Allowed: AllMethods}, func(c *Capabilities) { c.OutputActions, c.InputActions = ActionsOf(Vibrate), 0 }, Auth{Method: OutputOOB, Action: Vibrate, Size: 1}},
		{"the requested action", Policy{Allowed: MethodsOf(InputOOB), Action: &numeric, Size: 3}, nil, Auth{Method: InputOOB, Action: InputNumeric, Size: 3}},
		{"the requested size", Policy{Allowed: MethodsOf(InputOOB), Action: &push, Size: 2}, nil, Auth{Method: InputOOB, Action: Push, Size: 2}},
		{"an unsupported size", Policy{Allowed: MethodsOf(InputOOB), Size: 8}, func(c *Capabilities) { c.InputSize = 7 }, Auth{Method: 0xFF}},
		{"least effort", Policy{Allowed: AllMethods, Static: static, LeastEffort: true}, nil, Auth{}},
		{"least effort, OOB required", Policy{Allowed: AllMethods, Static: static, LeastEffort: true}, func(c *Capabilities) { c.OOBTypes |= OOBRequired }, Auth{Method: StaticOOB, Value: static}},
		{"nothing in common", Policy{Allowed: MethodsOf(StaticOOB)}, nil, Auth{Method: 0xFF}},
		{"OOB required", Policy{Allowed: MethodsOf(NoOOB, StaticOOB)}, func(c *Capabilities) { c.OOBTypes |= OOBRequired }, Auth{Method: 0xFF}},
		{"no OOB is all there is", Policy{Allowed: AllMethods}, func(c *Capabilities) { *c = Capabilities{Elements: 1} }, Auth{}},
		{"no OOB is not allowed", Policy{Allowed: AllMethods &^ MethodsOf(NoOOB)}, func(c *Capabilities) { *c = Capabilities{Elements: 1} }, Auth{Method: 0xFF}},
		{"an unknown action", Policy{Allowed: AllMethods}, func(c *Capabilities) { *c = Capabilities{OutputActions: 1 << 9, OutputSize: 8} }, Auth{}},
	} {
		c := all
		if tt.change != nil {
			tt.change(&c)
		}
		got, err := tt.policy.Choose(&c)
		if tt.want.Method == 0xFF {
			var f *Failure
			if !errors.As(err, &f) || f.Code != FailAuthMethod || !strings.Contains(f.Reason, "it offers") {
				t.Errorf("%s: %+v, %v", tt.name, got, err)
			}
			continue
		}
		if err != nil || got.Method != tt.want.Method || got.Action != tt.want.Action || got.Size != tt.want.Size || string(got.Value) != string(tt.want.Value) {
			t.Errorf("%s: got %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
		if refusal := c.refuses(&got); refusal != nil {
			t.Errorf("%s: the choice is rejected: %v", tt.name, refusal)
		}
	}
}

// TestPublicKeyOutOfBand: an attacker who replaces the device's key fails, and
// so does a device with another key than the known one.
func TestPublicKeyOutOfBand(t *testing.T) {
	for _, s := range []setup{plainSetup(), staticSetup(AllAlgorithms)} {
		s.knowKey(t)
		l := newLockstep(t, s)
		l.run()
		agreed(t, completed(t, l.provisionerEvents).Node, completed(t, l.deviceEvents).Joined, &s.acceptance)

		another, err := crypto.GenerateKeyPair(seeded(78))
		if err != nil {
			t.Fatal(err)
		}
		s.keyPair = another
		l = newLockstep(t, s)
		l.run()
		if e := last(l.provisionerEvents); e.Failure == nil || e.Failure.Peer != ConfirmationFailed {
			t.Errorf("an impostor: %v", e.Failure)
		}

		// A device that sends a key nevertheless violates the order.
		l = newLockstep(t, s)
		l.tamper = func(fromDevice bool, pdu []byte) []byte {
			if fromDevice && pdu[0] == typeConfirmation {
				return Append(nil, PublicKey{Key: another.Public()})
			}
			return pdu
		}
		key := another.Public()
		l.acceptance.Auth.PublicKey = &key
		l.run()
		if e := last(l.provisionerEvents); e.Failure == nil || e.Failure.Code != FailUnexpectedPDU {
			t.Errorf("an unexpected key: %v", e.Failure)
		}

		// The known key must be a point of the curve.
		for name, key := range map[string]crypto.PublicKey{"zero": {}, "off the curve": {63: 1}} {
			s.acceptance.Auth.PublicKey = &key
			l = newLockstep(t, s)
			l.run()
			if e := last(l.provisionerEvents); e.Failure == nil || e.Failure.Code != FailPublicKey {
				t.Errorf("%s: %v", name, e.Failure)
			}
		}
	}
	s := plainSetup()
	s.acceptance.Auth.PublicKey = &crypto.PublicKey{}
	if err := toCapabilities(t, s).Accept(testStart, s.acceptance, &Output{}); err == nil {
		t.Error("an out-of-band public key that the device does not have is accepted")
	}
}
