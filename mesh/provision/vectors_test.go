package provision

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

type vector = vectors.ProvisioningEntry

// TestFCSVectors checks the checksums in crypto.json that belong to this
// package.
func TestFCSVectors(t *testing.T) {
	found := 0
	for _, v := range vectors.Crypto(t) {
		if v.Kind != "fcs" {
			continue
		}
		found++
		t.Run(v.Name, func(t *testing.T) {
			if got := checksum(v.Inputs.Data); !bytes.Equal([]byte{got}, v.Outputs.FCS) {
				t.Errorf("FCS %02x, want %s", got, v.Outputs.FCS)
			}
		})
	}
	if found != 9 {
		t.Errorf("%d entries, want 9", found)
	}
}

func TestVectors(t *testing.T) {
	entries := vectors.Provisioning(t)
	if len(entries) != 18 {
		t.Errorf("%d entries, want 18", len(entries))
	}
	for _, v := range entries {
		t.Run(v.Name, func(t *testing.T) {
			switch v.Kind {
			case "session":
				testSessionVector(t, &v)
			case "pb_adv_transcript":
				testSegmentsVector(t, &v)
				if strings.Contains(v.Name, "record retrieval") {
					testRecordsVector(t, &v)
					return
				}
				testTranscriptVector(t, &v, entries)
			case "pdu_fields":
				testFieldsVector(t, &v)
			case "pb_gatt":
				testProxyPDUs(t, v.Name, v.Inputs.ProvisioningPDU, v.Outputs.ProxyPDUs)
			case "pb_gatt_transcript":
				testCarriedVector(t, &v, entries)
			case "certificate":
				testCertificateVector(t, &v)
			case "uri_record":
				testURIVector(t, &v)
			default:
				t.Errorf("entry of unknown kind %q", v.Kind)
			}
		})
	}
}

// sessionVector returns the session with the CMAC algorithm. The exchanges use its
// keys.
func sessionVector(t *testing.T, all []vector) *vector {
	t.Helper()
	at := slices.IndexFunc(all, func(s vector) bool { return s.Kind == "session" && strings.Contains(s.Name, "CMAC") })
	if at < 0 {
		t.Fatal("no session with CMAC")
	}
	return &all[at]
}

// sessionNetwork is the network data that the provisioner sends in a session.
func sessionNetwork(in *vectors.ProvisioningInputs) (Network, mesh.Address) {
	return Network{
		Key: crypto.Key(in.NetKey), Index: mesh.KeyIndex(in.NetKeyIndex), IVIndex: mesh.IVIndex(in.IVIndex),
	}, mesh.Address(in.UnicastAddress)
}

func same(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s\n got %x\nwant %x", what, got, want)
	}
}

// testSessionVector computes the values of both sides one by one.
func testSessionVector(t *testing.T, v *vector) {
	in, out := &v.Inputs, &v.Outputs
	start, err := Decode(append([]byte{typeStart}, in.StartParameters...))
	if err != nil {
		t.Fatal(err)
	}
	provisionerKey := slices.Concat(in.ProvisionerPublicKeyX, in.ProvisionerPublicKeyY)
	deviceKey := slices.Concat(in.DevicePublicKeyX, in.DevicePublicKeyY)
	sides := map[string]*secrets{}
	for _, side := range []struct {
		name                                string
		private, peer, random, confirmation []byte
	}{
		{"provisioner", in.ProvisionerPrivateKey, deviceKey, in.RandomProvisioner, out.ConfirmationProvisioner},
		{"device", in.DevicePrivateKey, provisionerKey, in.RandomDevice, out.ConfirmationDevice},
	} {
		s := &secrets{algorithm: start.(Start).Algorithm}
		s.setAuth(AuthValue(in.AuthValue))
		for at, pdu := range map[int][]byte{
			0:              slices.Concat([]byte{typeInvite}, in.InviteParameters),
			atCapabilities: slices.Concat([]byte{typeCapabilities}, in.CapabilitiesParameters),
			atStart:        slices.Concat([]byte{typeStart}, in.StartParameters),
		} {
			p, err := Decode(pdu)
			if err != nil {
				t.Fatal(err)
			}
			s.record(at, p)
		}
		s.record(atProvisionerKey, PublicKey{Key: crypto.PublicKey(provisionerKey)})
		s.record(atDeviceKey, PublicKey{Key: crypto.PublicKey(deviceKey)})
		same(t, "confirmation inputs", s.inputs[:], out.ConfirmationInputs)
		if s.pair, err = crypto.NewKeyPair([32]byte(side.private)); err != nil {
			t.Fatal(err)
		}
		if err := s.agree(crypto.PublicKey(side.peer)); err != nil {
			t.Fatal(err)
		}
		size := s.algorithm.size()
		same(t, "ECDH secret", s.ecdh[:], in.ECDHSecret)
		same(t, "confirmation salt", s.salt[:size], out.ConfirmationSalt)
		copy(s.random[:], side.random)
		s.prepare()
		same(t, "confirmation key", s.key[:size], out.ConfirmationKey)
		same(t, "confirmation of the "+side.name, s.confirmation[:size], side.confirmation)
		sides[side.name] = s
	}
	provisioner, device := sides["provisioner"], sides["device"]
	if !provisioner.commit(out.ConfirmationDevice) || !provisioner.opens(&device.random) {
		t.Error("the provisioner rejects the device")
	}
	if !device.commit(out.ConfirmationProvisioner) || !device.opens(&provisioner.random) {
		t.Error("the device rejects the provisioner")
	}
	derived := device.derive(&provisioner.random, &device.random)
	same(t, "session key", derived.key.Reveal(), out.SessionKey)
	same(t, "session nonce", derived.nonce[:], out.SessionNonce)
	same(t, "device key", derived.deviceKey.Reveal(), out.DeviceKey)

	network, address := sessionNetwork(in)
	data := derived.seal(&network, address)
	same(t, "provisioning data", data.Sealed[:], slices.Concat(out.EncryptedProvisioningData, out.ProvisioningDataMIC))
	got, at, ok := derived.open(&data)
	if !ok || got != network || at != address {
		t.Errorf("opened: %t, address %v", ok, at)
	}
}

// testSegmentsVector checks segmentation, FCS and reassembly of each step.
func testSegmentsVector(t *testing.T, v *vector) {
	id := binary.BigEndian.Uint32(v.Inputs.LinkID)
	for _, step := range v.Steps {
		number := step.Transaction[0]
		for _, pdu := range step.PBADVPDUs {
			if g, ok := parse(pdu); !ok || g.link != id || g.number != number {
				t.Errorf("%s: parsed %+v, %t", step.Name, g, ok)
			}
		}
		if step.Kind != "transaction" {
			continue
		}
		pdu := step.ProvisioningPDU
		if got := checksum(pdu); !bytes.Equal([]byte{got}, step.FCS) {
			t.Errorf("%s: FCS %02x, want %s", step.Name, got, step.FCS)
		}
		if got := lastSegment(len(pdu)); got != step.SegN {
			t.Errorf("%s: SegN %d, want %d", step.Name, got, step.SegN)
		}
		segments := segmented(id, number, pdu)
		if len(segments) != len(step.PBADVPDUs) {
			t.Fatalf("%s: %d segments, want %d", step.Name, len(segments), len(step.PBADVPDUs))
		}
		for i, want := range step.PBADVPDUs {
			same(t, step.Name, segments[i], want)
		}
	}
}

// testTranscriptVector runs the exchange with both state machines, with the
// sample's keys as randomness.
func testTranscriptVector(t *testing.T, v *vector, all []vector) {
	keys := sessionVector(t, all)
	in := &keys.Inputs
	capabilities, err := Decode(append([]byte{typeCapabilities}, in.CapabilitiesParameters...))
	if err != nil {
		t.Fatal(err)
	}
	uuid := mesh.UUID(v.Inputs.DeviceUUID)
	device, err := NewDevice(DeviceOptions{
		UUID:         uuid,
		Capabilities: capabilities.(Capabilities),
		Random:       bytes.NewReader(slices.Concat(in.DevicePrivateKey, in.RandomDevice)),
	})
	if err != nil {
		t.Fatal(err)
	}
	provisioner, err := NewProvisioner(ProvisionerOptions{
		UUID:   uuid,
		Random: bytes.NewReader(slices.Concat(v.Inputs.LinkID, in.ProvisionerPrivateKey, in.RandomProvisioner)),
	})
	if err != nil {
		t.Fatal(err)
	}
	l := &lockstep{t: t, provisioner: provisioner, device: device, now: testStart, acceptance: Acceptance{
		Network: Network{Key: crypto.Key(in.NetKey), Index: 0x567, IVIndex: 0x01020304},
		Address: 0x0B0C,
	}}
	l.run()
	sent := map[string][][]byte{"provisioner": l.toDevice, "device": l.toProvisioner}
	for _, step := range v.Steps {
		for _, want := range step.PBADVPDUs {
			queue := sent[step.Sender]
			if len(queue) == 0 {
				t.Fatalf("%s: the %s sent nothing more", step.Name, step.Sender)
			}
			same(t, step.Name, queue[0], want)
			sent[step.Sender] = queue[1:]
		}
	}
	for sender, queue := range sent {
		if len(queue) != 0 {
			t.Errorf("the %s also sent %x", sender, queue)
		}
	}
	e, _ := find(l.deviceEvents, Completed)
	if e.Joined == nil {
		t.Fatal("the device did not join")
	}
	same(t, "device key", e.Joined.DeviceKey.Reveal(), keys.Outputs.DeviceKey)
}

// testFieldsVector decodes a PDU, compares its fields, and encodes it again.
func testFieldsVector(t *testing.T, v *vector) {
	b := []byte(v.PDU)
	got := map[string]any{}
	if strings.Contains(v.Name, "generic provisioning part") {
		g, ok := parse(append([]byte{1, 2, 3, 4, 0}, b...))
		if !ok {
			t.Fatal("not a PB-ADV PDU")
		}
		got["gpcf"], got["bearer_opcode"] = g.form, g.high
		got["device_uuid"] = hex.EncodeToString(g.data)
		if len(g.data) == 1 {
			got["reason"] = g.data[0]
		}
	} else {
		p, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "encoded again", Append(nil, p), b)
		got["type"] = hex.EncodeToString(b[:1])
		switch p := p.(type) {
		case Invite:
			got["attention_duration_s"] = p.Attention
		case Capabilities:
			got["number_of_elements"] = p.Elements
			got["algorithms"] = hex16(uint16(p.Algorithms))
			got["public_key_type"] = hex.EncodeToString([]byte{byte(p.PublicKeyTypes)})
			got["oob_type"] = hex.EncodeToString([]byte{byte(p.OOBTypes)})
			got["output_oob_size"], got["output_oob_action"] = p.OutputSize, hex16(uint16(p.OutputActions))
			got["input_oob_size"], got["input_oob_action"] = p.InputSize, hex16(uint16(p.InputActions))
		case Start:
			got["algorithm"], got["authentication_method"] = uint8(p.Algorithm), uint8(p.Method)
			got["public_key"] = 0
			if p.OOBPublicKey {
				got["public_key"] = 1
			}
			got["authentication_action"], got["authentication_size"] = p.Action, p.Size
		}
	}
	for _, field := range v.Fields {
		switch field.Name {
		case "algorithm_names":
			names := []any{Algorithm(0).String(), Algorithm(1).String()}
			if !slices.Equal(field.Value.([]any), names) {
				t.Errorf("names %v", field.Value)
			}
			continue
		case "output_oob_action_names", "input_oob_action_names":
			c := capabilities(t, b)
			method, offered := OutputOOB, c.OutputActions
			if strings.HasPrefix(field.Name, "input") {
				method, offered = InputOOB, c.InputActions
			}
			for _, name := range field.Value.([]any) {
				// The sample says "output numeric"; the method implies the
				// first word.
				words := strings.Fields(name.(string))
				if a, err := method.ParseAction(words[len(words)-1]); err != nil || !offered.Has(a) {
					t.Errorf("%s: %v", name, err)
				}
			}
			continue
		}
		want, _ := json.Marshal(field.Value)
		have, _ := json.Marshal(got[field.Name])
		if !bytes.Equal(have, want) {
			t.Errorf("%s: got %s, want %s", field.Name, have, want)
		}
	}
}

func hex16(v uint16) string { return hex.EncodeToString(binary.BigEndian.AppendUint16(nil, v)) }

func capabilities(t testing.TB, pdu []byte) Capabilities {
	t.Helper()
	p, err := Decode(pdu)
	if err != nil {
		t.Fatal(err)
	}
	return p.(Capabilities)
}
