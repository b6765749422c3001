package provision

import (
	"bytes"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

// transactions reassembles the provisioning PDUs that were sent in one
// direction.
func transactions(t testing.TB, sent [][]byte) [][]byte {
	t.Helper()
	var out [][]byte
	var r reassembly
	for _, pdu := range sent {
		g, ok := parse(pdu)
		if !ok {
			t.Fatalf("sent no PB-ADV PDU: %x", pdu)
		}
		var v verdict
		switch g.form {
		case formStart:
			v = r.start(&g)
		case formContinuation:
			v = r.continuation(&g)
		}
		if v == segmentsDone {
			out = append(out, bytes.Clone(r.pdu()))
		}
	}
	return out
}

func sentType(t testing.TB, sent [][]byte, kind byte) bool {
	t.Helper()
	for _, pdu := range transactions(t, sent) {
		if pdu[0] == kind {
			return true
		}
	}
	return false
}

// mirrored is the public key with the same X and the other Y.
func mirrored(key []byte) []byte {
	p, _ := new(big.Int).SetString("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff", 16)
	y := new(big.Int).SetBytes(key[32:])
	out := bytes.Clone(key)
	p.Sub(p, y).FillBytes(out[32:])
	return out
}

// seen holds the last provisioning PDU of each type in each direction; true is
// from the device.
type seen map[bool]map[byte][]byte

// TestAttacks changes one provisioning PDU in transit. The side that receives
// it must end the session with the code and report it as far as it may, and
// nothing that the session protects may have been sent.
func TestAttacks(t *testing.T) {
	const fromDevice, fromProvisioner = true, false
	tests := []struct {
		name   string
		from   bool
		kind   byte
		change func(l *lockstep, s seen, pdu []byte) []byte
		code   FailureCode
		sent   ErrorCode // from the device, if the device is the victim
	}{
		{"public key reflected to the provisioner", fromDevice, typePublicKey, func(_ *lockstep, s seen, _ []byte) []byte { return s[fromProvisioner][typePublicKey] }, FailReflected, 0},
		{"public key mirrored to the provisioner", fromDevice, typePublicKey, func(_ *lockstep, s seen, _ []byte) []byte {
			return append([]byte{typePublicKey}, mirrored(s[fromProvisioner][typePublicKey][1:])...)
		}, FailReflected, 0},
		{"public key off the curve to the provisioner", fromDevice, typePublicKey, flip, FailPublicKey, 0},
		{"public key zero to the provisioner", fromDevice, typePublicKey, zero, FailPublicKey, 0},
		{"confirmation reflected to the provisioner", fromDevice, typeConfirmation, func(_ *lockstep, s seen, _ []byte) []byte { return s[fromProvisioner][typeConfirmation] }, FailReflected, 0},
		{"confirmation forged to the provisioner", fromDevice, typeConfirmation, flip, FailConfirmation, 0},
		{"confirmation of the wrong size to the provisioner", fromDevice, typeConfirmation, otherSize, FailInvalidFormat, 0},
		{"random reflected to the provisioner", fromDevice, typeRandom, func(_ *lockstep, s seen, _ []byte) []byte { return s[fromProvisioner][typeRandom] }, FailReflected, 0},
		{"random forged to the provisioner", fromDevice, typeRandom, flip, FailConfirmation, 0},
		{"random of the wrong size to the provisioner", fromDevice, typeRandom, otherSize, FailInvalidFormat, 0},
		{"capabilities without elements", fromDevice, typeCapabilities, func(_ *lockstep, _ seen, pdu []byte) []byte { pdu[1] = 0; return pdu }, FailInvalidFormat, 0},
		{"capabilities without a known algorithm", fromDevice, typeCapabilities, func(_ *lockstep, _ seen, pdu []byte) []byte { pdu[2], pdu[3] = 0x80, 0; return pdu }, FailCapabilities, 0},
		{"capabilities with a prohibited output size", fromDevice, typeCapabilities, func(_ *lockstep, _ seen, pdu []byte) []byte { pdu[6] = 9; return pdu }, FailInvalidFormat, 0},
		{"capabilities with a prohibited input size", fromDevice, typeCapabilities, func(_ *lockstep, _ seen, pdu []byte) []byte { pdu[9] = 9; return pdu }, FailInvalidFormat, 0},
		// A changed offer changes the confirmation inputs; the device notices.
		{"capabilities forged", fromDevice, typeCapabilities, func(_ *lockstep, _ seen, pdu []byte) []byte { pdu[1]++; return pdu }, FailPeer, ConfirmationFailed},

		{"public key reflected to the device", fromProvisioner, typePublicKey, func(l *lockstep, _ seen, _ []byte) []byte {
			return Append(nil, PublicKey{Key: l.device.secrets.pair.Public()})
		}, FailReflected, InvalidFormat},
		{"public key off the curve to the device", fromProvisioner, typePublicKey, flip, FailPublicKey, InvalidFormat},
		{"public key zero to the device", fromProvisioner, typePublicKey, zero, FailPublicKey, InvalidFormat},
		{"confirmation reflected to the device", fromProvisioner, typeConfirmation, func(l *lockstep, _ seen, _ []byte) []byte {
			s := &l.device.secrets
			return Append(nil, Confirmation{Value: s.confirmation[:s.algorithm.size()]})
		}, FailReflected, ConfirmationFailed},
		{"confirmation forged to the device", fromProvisioner, typeConfirmation, flip, FailConfirmation, ConfirmationFailed},
		{"confirmation of the wrong size to the device", fromProvisioner, typeConfirmation, otherSize, FailInvalidFormat, InvalidFormat},
		{"random reflected to the device", fromProvisioner, typeRandom, func(l *lockstep, _ seen, _ []byte) []byte {
			s := &l.device.secrets
			return Append(nil, Random{Value: s.random[:s.algorithm.size()]})
		}, FailReflected, ConfirmationFailed},
		{"random forged to the device", fromProvisioner, typeRandom, flip, FailConfirmation, ConfirmationFailed},
		{"random of the wrong size to the device", fromProvisioner, typeRandom, otherSize, FailInvalidFormat, InvalidFormat},
		{"data forged", fromProvisioner, typeData, flip, FailDecryption, DecryptionFailed},
		{"start with the other algorithm", fromProvisioner, typeStart, func(_ *lockstep, _ seen, pdu []byte) []byte { pdu[1] ^= 1; return pdu }, FailInvalidFormat, InvalidFormat},
		{"start with an unknown algorithm", fromProvisioner, typeStart, func(_ *lockstep, _ seen, pdu []byte) []byte { pdu[1] = 2; return pdu }, FailInvalidFormat, InvalidFormat},
		{"start with an unavailable public key out of band", fromProvisioner, typeStart, func(_ *lockstep, _ seen, pdu []byte) []byte { pdu[2] = 1; return pdu }, FailInvalidFormat, InvalidFormat},
		{"start downgraded to no OOB", fromProvisioner, typeStart, func(_ *lockstep, _ seen, pdu []byte) []byte { pdu[3] = 0; return pdu }, FailInvalidFormat, InvalidFormat},
		{"start with unavailable output OOB", fromProvisioner, typeStart, func(_ *lockstep, _ seen, pdu []byte) []byte { pdu[3], pdu[5] = 2, 1; return pdu }, FailInvalidFormat, InvalidFormat},
		{"start with a prohibited method", fromProvisioner, typeStart, func(_ *lockstep, _ seen, pdu []byte) []byte { pdu[3] = 4; return pdu }, FailInvalidFormat, InvalidFormat},
		{"start with an action", fromProvisioner, typeStart, func(_ *lockstep, _ seen, pdu []byte) []byte { pdu[4] = 1; return pdu }, FailInvalidFormat, InvalidFormat},
	}
	for _, algorithm := range []Algorithm{CMAC, HMAC} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%v/%s", algorithm, tt.name), func(t *testing.T) {
				s := staticSetup(1 << algorithm)
				s.capabilities.OOBTypes |= OOBRequired
				l := newLockstep(t, s)
				known := seen{fromDevice: {}, fromProvisioner: {}}
				changed := false
				l.tamper = func(from bool, pdu []byte) []byte {
					pdu = bytes.Clone(pdu)
					known[from][pdu[0]] = bytes.Clone(pdu)
					if from == tt.from && pdu[0] == tt.kind {
						changed = true
						return tt.change(l, known, pdu)
					}
					return pdu
				}
				l.run()
				if !changed {
					t.Fatal("the PDU to be changed was never sent")
				}
				victim := l.provisionerEvents
				if tt.from == fromProvisioner {
					victim = l.deviceEvents
				}
				e := last(victim)
				if tt.from == fromProvisioner {
					e, _ = find(victim, Failed)
				}
				if e.Failure == nil || e.Failure.Code != tt.code {
					t.Fatalf("victim: %+v %v, want %v", e, e.Failure, tt.code)
				}
				switch {
				case tt.from == fromProvisioner:
					other, _ := find(l.provisionerEvents, Failed)
					if e.Failure.Sent != tt.sent || other.Failure == nil || other.Failure.Code != FailPeer || other.Failure.Peer != tt.sent {
						t.Errorf("the device sent %v, the provisioner heard %+v", e.Failure.Sent, other.Failure)
					}
				case tt.sent != 0 && e.Failure.Peer != tt.sent:
					t.Errorf("the device sent %v, want %v", e.Failure.Peer, tt.sent)
				}
				if _, ok := find(l.deviceEvents, Completed); ok {
					t.Error("the device completed")
				}
				if _, ok := find(l.provisionerEvents, Completed); ok {
					t.Error("the provisioner completed")
				}
				// What may have been sent before.
				if sentType(t, l.toDevice, typeData) && tt.kind != typeData {
					t.Error("provisioning data was sent without authentication")
				}
				if sentType(t, l.toDevice, typeRandom) && tt.from == fromDevice && tt.kind == typeConfirmation && tt.code != FailConfirmation {
					t.Error("the provisioner revealed its random number without a valid commitment")
				}
				if sentType(t, l.toProvisioner, typeRandom) && tt.from == fromProvisioner && tt.kind != typeData {
					t.Error("the device revealed its random number to an impostor")
				}
				for _, pdu := range append(l.toDevice, l.toProvisioner...) {
					if bytes.Contains(pdu, s.acceptance.Network.Key.Reveal()[:4]) {
						t.Error("unencrypted octets of the NetKey")
					}
				}
				if l.device.Linked() {
					t.Error("the link is still open")
				}
			})
		}
	}
}

func flip(_ *lockstep, _ seen, pdu []byte) []byte { pdu[len(pdu)-1] ^= 1; return pdu }

func zero(_ *lockstep, _ seen, pdu []byte) []byte { clear(pdu[1:]); return pdu }

// otherSize turns 16 octets into 32 and vice versa.
func otherSize(_ *lockstep, _ seen, pdu []byte) []byte {
	if len(pdu) > 17 {
		return pdu[:17]
	}
	return append(pdu, pdu[1:]...)
}

func TestWrongStaticValue(t *testing.T) {
	for _, algorithm := range []Algorithm{CMAC, HMAC} {
		s := staticSetup(1 << algorithm)
		s.acceptance.Auth.Value = AuthValue("0123456789abcdeF")
		l := newLockstep(t, s).run()
		e := last(l.provisionerEvents)
		if e.Failure == nil || e.Failure.Code != FailPeer || e.Failure.Peer != ConfirmationFailed {
			t.Errorf("%v: provisioner %+v", algorithm, e.Failure)
		} else if !strings.Contains(e.Failure.Error(), "authentication value is not the one that was given") {
			t.Errorf("%v: the error does not name the cause: %v", algorithm, e.Failure)
		}
		if e, _ := find(l.deviceEvents, Failed); e.Failure == nil || e.Failure.Code != FailConfirmation {
			t.Errorf("%v: device %+v", algorithm, e.Failure)
		}
		if sentType(t, l.toDevice, typeData) {
			t.Error("provisioning data was sent")
		}
	}
}

// samples has one PDU of each type, none of which is valid in place of another.
func samples() map[byte][]byte {
	return map[byte][]byte{
		typeInvite:        Append(nil, Invite{}),
		typeCapabilities:  Append(nil, Capabilities{Elements: 1, Algorithms: 1}),
		typeStart:         Append(nil, Start{}),
		typePublicKey:     Append(nil, PublicKey{}),
		typeInputComplete: Append(nil, InputComplete{}),
		typeConfirmation:  Append(nil, Confirmation{Value: make([]byte, 32)}),
		typeRandom:        Append(nil, Random{Value: make([]byte, 32)}),
		typeData:          Append(nil, Data{}),
		typeComplete:      Append(nil, Complete{}),
		typeFailed:        Append(nil, FailedPDU{Code: OutOfResources}),
		typeRecordRequest: Append(nil, RecordRequest{ID: 1, Most: 58}),
		typeRecord:        Append(nil, Record{ID: 1}),
		typeRecordsGet:    Append(nil, RecordsGet{}),
		typeRecordsList:   Append(nil, RecordsList{}),
		0xFF:              {0xFF},
	}
}

// TestOrder puts each type of PDU in the place of each other.
func TestOrder(t *testing.T) {
	ways := map[bool][]byte{
		false: {typeInvite, typeStart, typePublicKey, typeConfirmation, typeRandom, typeData},
		true:  {typeCapabilities, typePublicKey, typeConfirmation, typeRandom, typeComplete},
	}
	for fromDevice, kinds := range ways {
		for _, right := range kinds {
			for wrong, pdu := range samples() {
				if wrong == right || right == typeInvite && (wrong == typeRecordRequest || wrong == typeRecordsGet) {
					continue // in its place
				}
				t.Run(fmt.Sprintf("%02x for %02x, from device %t", wrong, right, fromDevice), func(t *testing.T) {
					l := newLockstep(t, plainSetup())
					l.tamper = func(from bool, original []byte) []byte {
						if from == fromDevice && original[0] == right {
							return pdu
						}
						return original
					}
					l.run()
					code, sent := FailUnexpectedPDU, UnexpectedPDU
					if wrong == 0xFF {
						code, sent = FailInvalidPDU, InvalidPDU
					}
					if !fromDevice {
						if e, _ := find(l.deviceEvents, Failed); e.Failure == nil || e.Failure.Code != code || e.Failure.Sent != sent {
							t.Errorf("device: %+v", e.Failure)
						}
						return
					}
					if wrong == typeFailed {
						code = FailPeer
					}
					if e := last(l.provisionerEvents); e.Failure == nil || e.Failure.Code != code {
						t.Errorf("provisioner: %+v", e.Failure)
					}
				})
			}
		}
	}
}

// TestLengths makes each PDU an octet longer and an octet shorter.
func TestLengths(t *testing.T) {
	for kind, pdu := range samples() {
		if kind == 0xFF {
			continue
		}
		if _, err := Decode(pdu); err != nil {
			t.Errorf("sample of type %02x: %v", kind, err)
		}
		for n := range maxTransaction + 10 {
			twoSizes := kind == typeConfirmation || kind == typeRandom
			right := n == len(pdu) || twoSizes && n == 17
			switch kind {
			case typeRecord:
				right = n >= len(pdu) && n <= maxTransaction
			case typeRecordsList:
				right = n >= len(pdu) && n <= maxTransaction && n%2 == 1
			}
			octets := append(bytes.Clone(pdu), make([]byte, 100)...)[:n]
			if _, err := Decode(octets); (err == nil) != right {
				t.Errorf("type %02x with %d octets: %v", kind, n, err)
			}
		}
	}
}

func TestDeviceAnswersUnexpectedAfterFailure(t *testing.T) {
	d := openDevice(t)
	var out Output
	say := func(number uint8, p PDU) []byte {
		out.Reset()
		for _, pdu := range segmented(testLink, number, Append(nil, p)) {
			d.Receive(testStart, pdu, &out)
		}
		said := transactions(t, distinct(out.Send))
		if len(said) != 1 {
			t.Fatalf("said %x", said)
		}
		return said[0]
	}
	same(t, "first", say(0, Complete{}), []byte{typeFailed, byte(UnexpectedPDU)})
	if e := last(out.Events); e.Step != Failed {
		t.Errorf("event %+v", e)
	}
	same(t, "an invite after the failure", say(1, Invite{}), []byte{typeFailed, byte(UnexpectedPDU)})
	if len(out.Events) != 0 {
		t.Errorf("a failed attempt reports again: %+v", out.Events)
	}
}

// TestFreshPerAttempt: no random value of an attempt is used again in the next.
func TestFreshPerAttempt(t *testing.T) {
	s := plainSetup()
	device := s.device(t)
	random := seeded(99)
	drawn := map[string]bool{}
	for attempt := range 50 {
		p, err := NewProvisioner(ProvisionerOptions{UUID: testUUID, Random: random})
		if err != nil {
			t.Fatal(err)
		}
		l := &lockstep{t: t, provisioner: p, device: device, acceptance: s.acceptance, now: testStart}
		l.tamper = func(fromDevice bool, pdu []byte) []byte {
			if pdu[0] == typePublicKey || pdu[0] == typeRandom || pdu[0] == typeConfirmation {
				drawn[string(pdu)] = true
			}
			if pdu[0] == typeData {
				return flip(l, nil, bytes.Clone(pdu)) // so that the device may try again
			}
			return pdu
		}
		l.run()
		if want := 6 * (attempt + 1); len(drawn) != want {
			t.Fatalf("attempt %d: %d distinct keys, confirmations and randoms, want %d", attempt, len(drawn), want)
		}
	}
}

func TestDeviceRefusesData(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Acceptance)
		code   FailureCode
		sent   ErrorCode
	}{
		{"unassigned", func(a *Acceptance) { a.Address = 0 }, FailAddress, CannotAssign},
		{"group", func(a *Acceptance) { a.Address = 0xC000 }, FailAddress, CannotAssign},
		{"out of range", func(a *Acceptance) { a.Address = 0x7FFE }, FailAddress, CannotAssign},
		{"key index", func(a *Acceptance) { a.Network.Index = 0x1000 }, FailData, InvalidData},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLockstep(t, plainSetup())
			l.tamper = func(_ bool, pdu []byte) []byte {
				if pdu[0] == typePublicKey { // after the provisioner's own check
					tt.change(&l.provisioner.acceptance)
				}
				return pdu
			}
			l.run()
			if e, _ := find(l.deviceEvents, Failed); e.Failure == nil || e.Failure.Code != tt.code || e.Failure.Sent != tt.sent {
				t.Errorf("device: %+v", e.Failure)
			}
		})
	}
}
