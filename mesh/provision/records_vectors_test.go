package provision

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// testRecordsVector lets a provisioner and a device with the sample's record
// exchange the PDUs of the sample.
func testRecordsVector(t *testing.T, v *vector) {
	steps := map[string][]byte{}
	for _, s := range v.Steps {
		if s.ProvisioningPDU != nil {
			steps[s.Name] = s.ProvisioningPDU
		}
	}
	fields := map[string]any{}
	for _, f := range v.Fields {
		fields[f.Name] = f.Value
	}
	response, err := Decode(steps["Provisioning Record Response"])
	if err != nil {
		t.Fatal(err)
	}
	first := response.(Record)
	record := make([]byte, first.Total)
	copy(record, first.Data)
	device := Records{RecordDeviceCertificate: record, FirstIntermediate: {1}}

	var out Output
	p, err := NewProvisioner(ProvisionerOptions{UUID: testUUID, Random: seeded(1), Bearer: PBGATT, Link: 1, Records: true})
	if err != nil {
		t.Fatal(err)
	}
	p.Open(testStart, &out)
	p.Connected(testStart, &out)
	same(t, "records get", out.Carry[0].PDU, steps["Provisioning Records Get"])
	list := Append(nil, RecordsList{Records: device.list()})
	same(t, "records list", list, steps["Provisioning Records List"])
	p.ReceivePDU(testStart, list, &out)
	request := out.Carry[1].PDU
	same(t, "record request", request, steps["Provisioning Record Request"])
	q, err := Decode(request)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "record response", Append(nil, device.fragment(q.(RecordRequest))), steps["Provisioning Record Response"])
	p.ReceivePDU(testStart, steps["Provisioning Record Response"], &out)
	if next, err := Decode(out.Carry[2].PDU); err != nil || next != (RecordRequest{ID: 1, Offset: 58, Most: 58}) {
		t.Errorf("the next request is %+v, %v", next, err)
	}

	l, err := Decode(list)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{
		"records_list.extensions":              hex16(l.(RecordsList).Extensions),
		"records_list.records":                 []string{hex16(uint16(l.(RecordsList).Records[0])), hex16(uint16(l.(RecordsList).Records[1]))},
		"record_request.record_id":             hex16(uint16(q.(RecordRequest).ID)),
		"record_request.fragment_offset":       q.(RecordRequest).Offset,
		"record_request.fragment_maximum_size": q.(RecordRequest).Most,
		"record_response.status":               hex.EncodeToString([]byte{byte(first.Status)}),
		"record_response.total_length":         first.Total,
	}
	for name, want := range fields {
		a, _ := json.Marshal(want)
		b, _ := json.Marshal(got[name])
		if string(a) != string(b) {
			t.Errorf("%s: got %s, want %s", name, b, a)
		}
	}
}

func testCertificateVector(t *testing.T, v *vector) {
	der := v.Inputs.CertificateDER
	id, err := ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if id.UUID != mesh.UUID(v.Inputs.DeviceUUID) || id.CompanyID != v.Outputs.CompanyID.String() || id.ProductID != v.Outputs.ProductID.String() {
		t.Errorf("got %+v", id)
	}
	same(t, "public key", id.PublicKey[:], v.Outputs.PublicKey)
	pair, err := crypto.NewKeyPair([32]byte(v.Inputs.DevicePrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	if pair.Public() != id.PublicKey {
		t.Error("the private key differs")
	}
	if size := v.Outputs.DEROctets; size != len(der) {
		t.Errorf("%d octets, want %d", len(der), size)
	}
}

func testURIVector(t *testing.T, v *vector) {
	ndef := []byte(v.Inputs.NDEF)
	rest := v.Outputs.PayloadURIOctets
	uri, err := ParseURIRecord(ndef)
	if err != nil || uri != "https://"+string(rest) {
		t.Fatalf("%q, %v", uri, err)
	}
	same(t, "prefix", ndef[4:5], v.Outputs.PrefixCode)
	uuid, err := UUIDOf(uri)
	if err != nil || uuid.String() != "b09dc847540840cc9c540fe8c87429e7" {
		t.Errorf("%v, %v", uuid, err)
	}
	for n := range ndef {
		if uri, err := ParseURIRecord(ndef[:n]); err == nil {
			t.Errorf("%d octets decode as %q", n, uri)
		}
	}
	for _, broken := range [][]byte{nil, {0xD1, 1, 1, 'U', 9}, slices.Concat([]byte{0x91}, ndef[1:]), slices.Concat([]byte{0xD1, 2}, ndef[2:])} {
		if _, err := ParseURIRecord(broken); err == nil {
			t.Errorf("%x is accepted", broken)
		}
	}
}
