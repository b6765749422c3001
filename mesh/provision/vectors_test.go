package provision

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

type vectorStep struct {
	Sender string   `json:"sender"`
	Name   string   `json:"name"`
	Kind   string   `json:"kind"`
	Number string   `json:"transaction"`
	PDU    string   `json:"provisioning_pdu"`
	FCS    string   `json:"fcs"`
	SegN   uint8    `json:"seg_n"`
	PBADV  []string `json:"pb_adv_pdus"`
	Proxy  []string `json:"proxy_pdus"`
}

type vector struct {
	Name    string                     `json:"name"`
	Kind    string                     `json:"kind"`
	Inputs  map[string]json.RawMessage `json:"inputs"`
	Outputs map[string]json.RawMessage `json:"outputs"`
	PDU     string                     `json:"pdu"`
	Fields  []struct {
		Name  string `json:"name"`
		Value any    `json:"value"`
	} `json:"fields"`
	Steps []vectorStep `json:"steps"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	return vectorsOf(t, "provisioning.json")
}

func vectorsOf(t testing.TB, file string) []vector {
	t.Helper()
	data, err := os.ReadFile("../../test/vectors/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var entries []vector
	if err := json.Unmarshal(data, &entries); err != nil {
		t.Fatal(err)
	}
	return entries
}

// TestFCSVectors checks the checksums in crypto.json that belong to this
// package.
func TestFCSVectors(t *testing.T) {
	found := 0
	for _, v := range vectorsOf(t, "crypto.json") {
		if v.Kind != "fcs" {
			continue
		}
		found++
		t.Run(v.Name, func(t *testing.T) {
			var data, want string
			if err := errors.Join(json.Unmarshal(v.Inputs["data"], &data), json.Unmarshal(v.Outputs["fcs"], &want)); err != nil {
				t.Fatal(err)
			}
			octets, err := hex.DecodeString(data)
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString([]byte{checksum(octets)}); got != want {
				t.Errorf("FCS %s, want %s", got, want)
			}
		})
	}
	if found != 9 {
		t.Errorf("%d entries, want 9", found)
	}
}

func TestVectors(t *testing.T) {
	entries := vectors(t)
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
				testProxyPDUs(t, v.Name, octets(t, v.Inputs, "provisioning_pdu"), texts(t, v.Outputs, "proxy_pdus"))
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

// octets reads a hexadecimal field of inputs or outputs.
func octets(t testing.TB, m map[string]json.RawMessage, name string) []byte {
	t.Helper()
	var s string
	if err := json.Unmarshal(m[name], &s); err != nil {
		t.Fatalf("field %s: %v", name, err)
	}
	return unhex(t, s)
}

func same(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s\n got %x\nwant %x", what, got, want)
	}
}

// testSessionVector computes the values of both sides one by one.
func testSessionVector(t *testing.T, v *vector) {
	in := func(name string) []byte { return octets(t, v.Inputs, name) }
	out := func(name string) []byte { return octets(t, v.Outputs, name) }
	start, err := Decode(append([]byte{typeStart}, in("start_parameters")...))
	if err != nil {
		t.Fatal(err)
	}
	sides := map[string]*secrets{}
	for _, side := range []string{"provisioner", "device"} {
		s := &secrets{algorithm: start.(Start).Algorithm}
		s.setAuth(in("auth_value"))
		for at, parameters := range map[int]string{0: "00" + hex.EncodeToString(in("invite_parameters")), atCapabilities: "01" + hex.EncodeToString(in("capabilities_parameters")), atStart: "02" + hex.EncodeToString(in("start_parameters"))} {
			p, err := Decode(unhex(t, parameters))
			if err != nil {
				t.Fatal(err)
			}
			s.record(at, p)
		}
		s.record(atProvisionerKey, PublicKey{Key: crypto.PublicKey(append(in("provisioner_public_key_x"), in("provisioner_public_key_y")...))})
		s.record(atDeviceKey, PublicKey{Key: crypto.PublicKey(append(in("device_public_key_x"), in("device_public_key_y")...))})
		same(t, "confirmation inputs", s.inputs[:], out("confirmation_inputs"))
		if s.pair, err = crypto.NewKeyPair([32]byte(in(side + "_private_key"))); err != nil {
			t.Fatal(err)
		}
		peer := "device"
		if side == "device" {
			peer = "provisioner"
		}
		if err := s.agree(crypto.PublicKey(append(in(peer+"_public_key_x"), in(peer+"_public_key_y")...))); err != nil {
			t.Fatal(err)
		}
		size := s.algorithm.size()
		same(t, "ECDH secret", s.ecdh[:], in("ecdh_secret"))
		same(t, "confirmation salt", s.salt[:size], out("confirmation_salt"))
		copy(s.random[:], in("random_"+side))
		s.prepare()
		same(t, "confirmation key", s.key[:size], out("confirmation_key"))
		same(t, "confirmation of the "+side, s.confirmation[:size], out("confirmation_"+side))
		sides[side] = s
	}
	provisioner, device := sides["provisioner"], sides["device"]
	if !provisioner.commit(out("confirmation_device")) || !provisioner.opens(&device.random) {
		t.Error("the provisioner rejects the device")
	}
	if !device.commit(out("confirmation_provisioner")) || !device.opens(&provisioner.random) {
		t.Error("the device rejects the provisioner")
	}
	session := device.derive(&provisioner.random, &device.random)
	same(t, "session key", session.key.Reveal(), out("session_key"))
	same(t, "session nonce", session.nonce[:], out("session_nonce"))
	same(t, "device key", session.deviceKey.Reveal(), out("device_key"))

	network := Network{
		Key:     crypto.Key(in("net_key")),
		Index:   mesh.KeyIndex(binary.BigEndian.Uint16(in("net_key_index"))),
		IVIndex: mesh.IVIndex(binary.BigEndian.Uint32(in("iv_index"))),
	}
	address := mesh.Address(binary.BigEndian.Uint16(in("unicast_address")))
	data := session.seal(&network, address)
	same(t, "provisioning data", data.Sealed[:], append(out("encrypted_provisioning_data"), out("provisioning_data_mic")...))
	got, at, ok := session.open(&data)
	if !ok || got != network || at != address {
		t.Errorf("opened: %t, address %v", ok, at)
	}
}

// testSegmentsVector checks segmentation, FCS and reassembly of each step.
func testSegmentsVector(t *testing.T, v *vector) {
	id := binary.BigEndian.Uint32(octets(t, v.Inputs, "link_id"))
	for _, step := range v.Steps {
		number := unhex(t, step.Number)[0]
		for _, pdu := range step.PBADV {
			if g, ok := parse(unhex(t, pdu)); !ok || g.link != id || g.number != number {
				t.Errorf("%s: parsed %+v, %t", step.Name, g, ok)
			}
		}
		if step.Kind != "transaction" {
			continue
		}
		pdu := unhex(t, step.PDU)
		if got := checksum(pdu); got != unhex(t, step.FCS)[0] {
			t.Errorf("%s: FCS %02x, want %s", step.Name, got, step.FCS)
		}
		if got := lastSegment(len(pdu)); got != step.SegN {
			t.Errorf("%s: SegN %d, want %d", step.Name, got, step.SegN)
		}
		segments := segmented(id, number, pdu)
		if len(segments) != len(step.PBADV) {
			t.Fatalf("%s: %d segments, want %d", step.Name, len(segments), len(step.PBADV))
		}
		for i, want := range step.PBADV {
			same(t, step.Name, segments[i], unhex(t, want))
		}
	}
}

// testTranscriptVector runs the exchange with both state machines, with the
// sample's keys as randomness.
func testTranscriptVector(t *testing.T, v *vector, all []vector) {
	at := slices.IndexFunc(all, func(s vector) bool { return s.Kind == "session" && strings.Contains(s.Name, "CMAC") })
	in := func(name string) []byte { return octets(t, all[at].Inputs, name) }
	capabilities, err := Decode(append([]byte{typeCapabilities}, in("capabilities_parameters")...))
	if err != nil {
		t.Fatal(err)
	}
	uuid := mesh.UUID(octets(t, v.Inputs, "device_uuid"))
	device, err := NewDevice(DeviceOptions{
		UUID:         uuid,
		Capabilities: capabilities.(Capabilities),
		Random:       bytes.NewReader(slices.Concat(in("device_private_key"), in("random_device"))),
	})
	if err != nil {
		t.Fatal(err)
	}
	provisioner, err := NewProvisioner(ProvisionerOptions{
		UUID:   uuid,
		Random: bytes.NewReader(slices.Concat(octets(t, v.Inputs, "link_id"), in("provisioner_private_key"), in("random_provisioner"))),
	})
	if err != nil {
		t.Fatal(err)
	}
	l := &lockstep{t: t, provisioner: provisioner, device: device, now: testStart, acceptance: Acceptance{
		Network: Network{Key: crypto.Key(in("net_key")), Index: 0x567, IVIndex: 0x01020304},
		Address: 0x0B0C,
	}}
	l.run()
	sent := map[string][][]byte{"provisioner": l.toDevice, "device": l.toProvisioner}
	for _, step := range v.Steps {
		for _, want := range step.PBADV {
			queue := sent[step.Sender]
			if len(queue) == 0 {
				t.Fatalf("%s: the %s sent nothing more", step.Name, step.Sender)
			}
			same(t, step.Name, queue[0], unhex(t, want))
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
	same(t, "device key", e.Joined.DeviceKey.Reveal(), octets(t, all[at].Outputs, "device_key"))
}

// testFieldsVector decodes a PDU, compares its fields, and encodes it again.
func testFieldsVector(t *testing.T, v *vector) {
	b := unhex(t, v.PDU)
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
