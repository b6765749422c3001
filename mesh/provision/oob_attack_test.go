package provision

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"runtime"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// TestReplayedGuess: an attacker who has recorded a session with the right
// value and replays one side of it does not succeed: neither as the device nor
// as the provisioner, with any method.
func TestReplayedGuess(t *testing.T) {
	for name, s := range map[string]setup{
		"static": staticSetup(AllAlgorithms),
		"output": promptedSetup(OutputOOB, OutputNumeric, 4),
		"input":  promptedSetup(InputOOB, InputNumeric, 4),
	} {
		for _, impostor := range []bool{true, false} { // the device, or the provisioner
			t.Run(fmt.Sprintf("%s, device %t", name, impostor), func(t *testing.T) {
				recorded := map[byte][]byte{}
				l := newLockstep(t, s)
				l.tamper = func(fromDevice bool, pdu []byte) []byte {
					if fromDevice == impostor && (pdu[0] == typeConfirmation || pdu[0] == typeRandom) {
						recorded[pdu[0]] = bytes.Clone(pdu)
					}
					return pdu
				}
				l.run()
				completed(t, l.provisionerEvents)

				next := s
				next.seed++
				l = newLockstep(t, next)
				l.tamper = func(fromDevice bool, pdu []byte) []byte {
					if fromDevice == impostor && recorded[pdu[0]] != nil {
						return recorded[pdu[0]]
					}
					return pdu
				}
				l.run()
				events := l.deviceEvents
				if impostor {
					events = l.provisionerEvents
				}
				if e, _ := find(events, Failed); e.Failure == nil || e.Failure.Code != FailConfirmation {
					t.Errorf("got %v", e.Failure)
				}
				if sentType(t, l.toDevice, typeData) {
					t.Error("the network was revealed")
				}
			})
		}
	}
}

// TestDowngradedOffer: an attacker between the two sides removes authentication
// methods from the capabilities. The two sides then confirm different inputs,
// and the session ends before the network is revealed.
func TestDowngradedOffer(t *testing.T) {
	for _, algorithm := range []Algorithm{CMAC, HMAC} {
		s := staticSetup(1 << algorithm)
		s.capabilities.OutputActions, s.capabilities.OutputSize = ActionsOf(OutputNumeric), 6
		policy := Policy{Allowed: AllMethods, Static: s.acceptance.Auth.Value}
		l := newLockstep(t, s)
		l.tamper = func(fromDevice bool, pdu []byte) []byte {
			if !fromDevice || pdu[0] != typeCapabilities {
				return pdu
			}
			c := capabilities(t, pdu)
			c.OOBTypes, c.OutputActions, c.OutputSize = 0, 0, 0
			return Append(nil, c)
		}
		l.decide = func(events []Event, a *Acceptance) {
			e, _ := find(events, CapabilitiesGot)
			auth, err := policy.Choose(e.Capabilities)
			if err != nil || auth.Method != NoOOB {
				t.Fatalf("%+v, %v: the attack does not work as intended", auth, err)
			}
			a.Auth = auth
		}
		l.run()
		if e, _ := find(l.deviceEvents, Failed); e.Failure == nil || e.Failure.Code != FailConfirmation {
			t.Errorf("%v: got %v", algorithm, e.Failure)
		}
		if sentType(t, l.toDevice, typeData) {
			t.Errorf("%v: the network was revealed", algorithm)
		}
	}
}

// TestInvalidPoints: no side uses a public key that is not a point of the
// curve.
func TestInvalidPoints(t *testing.T) {
	const p = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
	zero := hex.EncodeToString(make([]byte, 32))
	for name, text := range map[string]string{
		"infinity as zeros":      zero + zero,
		"infinity as ones":       p + p,
		"X of the order":         p + zero,
		"X above the order":      hex.EncodeToString(bytes.Repeat([]byte{0xFF}, 64)),
		"Y is zero":              "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" + zero,
		"a point of a twist":     zero[:62] + "05" + zero[:62] + "01",
		"generator, Y off by 1":  "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" + "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f4",
		"generator, Y unreduced": "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" + "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	} {
		key := crypto.PublicKey(unhex(t, text))
		for _, fromDevice := range []bool{true, false} {
			l := newLockstep(t, plainSetup())
			l.tamper = func(from bool, pdu []byte) []byte {
				if from == fromDevice && pdu[0] == typePublicKey {
					return Append(nil, PublicKey{Key: key})
				}
				return pdu
			}
			l.run()
			events := l.provisionerEvents
			if !fromDevice {
				events = l.deviceEvents
			}
			if e, _ := find(events, Failed); e.Failure == nil || e.Failure.Code != FailPublicKey {
				t.Errorf("%s, from the device %t: %v", name, fromDevice, e.Failure)
			}
		}
	}
}

// TestPromptOrder: a PDU of the user's step in another order ends the session
// on the side that receives it.
func TestPromptOrder(t *testing.T) {
	output, input := promptedSetup(OutputOOB, OutputNumeric, 4), promptedSetup(InputOOB, InputNumeric, 4)
	for _, tt := range []struct {
		name       string
		s          setup
		fromDevice bool
		instead    byte
		pdu        []byte
	}{
		{"input complete with output OOB", output, true, typePublicKey, Append(nil, InputComplete{})},
		{"confirmation instead of input complete", input, true, typeInputComplete, Append(nil, Confirmation{Value: make([]byte, 32)})},
		{"input complete instead of confirmation", input, true, typeConfirmation, Append(nil, InputComplete{})},
		{"input complete to the device", input, false, typeConfirmation, Append(nil, InputComplete{})},
		{"random instead of confirmation", output, false, typeConfirmation, Append(nil, Random{Value: make([]byte, 32)})},
	} {
		l := newLockstep(t, tt.s)
		l.tamper = func(fromDevice bool, pdu []byte) []byte {
			if fromDevice == tt.fromDevice && pdu[0] == tt.instead {
				return tt.pdu
			}
			return pdu
		}
		l.run()
		events := l.provisionerEvents
		if !tt.fromDevice {
			events = l.deviceEvents
		}
		if e, _ := find(events, Failed); e.Failure == nil || e.Failure.Code != FailUnexpectedPDU {
			t.Errorf("%s: %v", tt.name, e.Failure)
		}
		if sentType(t, l.toDevice, typeData) {
			t.Errorf("%s: the network was revealed", tt.name)
		}
	}

	// A confirmation that arrives before the user has entered anything.
	l := newLockstep(t, input)
	l.user.idle = true
	l.run()
	var out Output
	number := l.provisioner.link.(*advertisedLink).next
	for _, pdu := range segmented(l.provisioner.Link(), number, Append(nil, Confirmation{Value: make([]byte, 32)})) {
		l.device.Receive(l.now, pdu, &out)
	}
	if e, _ := find(out.Events, Failed); e.Failure == nil || e.Failure.Code != FailUnexpectedPDU {
		t.Errorf("confirmation before the input: %v", e.Failure)
	}
}

// TestLinkFlood: a hundred thousand forged links do not grow the memory of a
// device or a provisioner.
func TestLinkFlood(t *testing.T) {
	d := openDevice(t)
	p := plainSetup().provisioner(t)
	var out Output
	p.Open(testStart, &out)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := range uint32(100_000) {
		id := 1<<31 | n
		out.Reset()
		d.Receive(testStart, linkOpenPDU(id), &out)
		start := startPDU(byte(n), 2, 65, byte(n), make([]byte, startRoom))
		start[3] = byte(n)
		d.Receive(testStart, start, &out)
		p.Receive(testStart, start, &out)
		if len(out.Send)+len(out.Events) > 0 {
			t.Fatalf("link %08x is answered: %+v", id, out)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 100_000 {
		t.Errorf("the heap has grown by %d octets", grown)
	}
	if !d.Linked() {
		t.Error("the link of the device is gone")
	}
}
