package provision

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// TestRecordsAreGathered: the records of a device arrive unchanged, whatever
// their length, and the protocol continues.
func TestRecordsAreGathered(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := plainSetup()
		s.records = Records{RecordName: []byte("not asked for")}
		for range rapid.IntRange(0, 5).Draw(rt, "records") {
			id := RecordID(rapid.Uint16Range(0, uint16(LastIntermediate)).Draw(rt, "id"))
			s.records[id] = rapid.SliceOfN(rapid.Byte(), 0, 700).Draw(rt, "record")
		}
		l := newLockstep(t, s)
		l.run()
		completed(t, l.provisionerEvents)
		got, ok := find(l.provisionerEvents, RecordsGot)
		if !ok || len(got.Records) != len(s.records)-1 {
			rt.Fatalf("got %d records of %d", len(got.Records), len(s.records)-1)
		}
		for id, record := range got.Records {
			if !bytes.Equal(record, s.records[id]) {
				rt.Errorf("record %04x: %x, want %x", id, record, s.records[id])
			}
		}
	})
}

// TestRecordLies: a device that does not answer the request ends the session at
// once.
func TestRecordLies(t *testing.T) {
	lie := func(change func(*Record)) func([]byte) []byte {
		return func(pdu []byte) []byte {
			p, err := Decode(pdu)
			if err != nil {
				t.Fatal(err)
			}
			if r, ok := p.(Record); ok && r.Offset > 0 {
				change(&r)
				return Append(nil, r)
			}
			return bytes.Clone(pdu)
		}
	}
	for name, tamper := range map[string]func([]byte) []byte{
		"another record":           lie(func(r *Record) { r.ID++ }),
		"another offset":           lie(func(r *Record) { r.Offset-- }),
		"the first fragment again": lie(func(r *Record) { r.Offset = 0 }),
		"longer than before":       lie(func(r *Record) { r.Total++ }),
		"shorter than received":    lie(func(r *Record) { r.Total = 1 }),
		"nothing":                  lie(func(r *Record) { r.Data = nil }),
		"beyond its end":           lie(func(r *Record) { r.Data = make([]byte, maxFragment) }),
		"not present":              lie(func(r *Record) { r.Status = RecordNotPresent }),
		"out of bounds":            lie(func(r *Record) { r.Status = RecordOffsetTooLarge }),
		"an unknown status":        lie(func(r *Record) { r.Status = 0x77 }),
		"a record without list":    func(pdu []byte) []byte { return Append(nil, Record{ID: 1, Total: 1, Data: []byte{1}}) },
		"two lists":                lie(func(r *Record) {}),
	} {
		t.Run(name, func(t *testing.T) {
			s := plainSetup()
			s.records = Records{RecordDeviceCertificate: make([]byte, 100)}
			l := newLockstep(t, s)
			list := []byte(nil)
			l.tamper = func(fromDevice bool, pdu []byte) []byte {
				if !fromDevice || pdu[0] != typeRecordsList && pdu[0] != typeRecord {
					return bytes.Clone(pdu)
				}
				if pdu[0] == typeRecordsList {
					list = bytes.Clone(pdu)
				} else if name == "two lists" {
					return list
				}
				return tamper(pdu)
			}
			l.run()
			e := last(l.provisionerEvents)
			if e.Failure == nil || e.Failure.Code != FailRecords && e.Failure.Code != FailUnexpectedPDU {
				t.Errorf("got %v", e.Failure)
			}
		})
	}
}

// TestEndlessRecord: a device that announces a huge record, or many of them, is
// not asked for all of it.
func TestEndlessRecord(t *testing.T) {
	s := plainSetup()
	s.records = Records{RecordDeviceCertificate: make([]byte, 1<<16-1)}
	l := newLockstep(t, s)
	l.run()
	if e := last(l.provisionerEvents); e.Failure == nil || e.Failure.Code != FailRecords {
		t.Errorf("got %v", e.Failure)
	}
	// A list that contains one record thirty times is one record.
	s.records = Records{RecordDeviceCertificate: {1, 2, 3}}
	l = newLockstep(t, s)
	requests := 0
	l.tamper = func(fromDevice bool, pdu []byte) []byte {
		if fromDevice && pdu[0] == typeRecordsList {
			return Append(nil, RecordsList{Records: bytesOf(RecordDeviceCertificate, 30)})
		}
		if !fromDevice && pdu[0] == typeRecordRequest {
			requests++
		}
		return pdu
	}
	l.run()
	completed(t, l.provisionerEvents)
	if requests != 1 {
		t.Errorf("%d requests", requests)
	}
}

func bytesOf(id RecordID, n int) (list []RecordID) {
	for range n {
		list = append(list, id)
	}
	return list
}

// TestFragment is the device's side of a request.
func TestFragment(t *testing.T) {
	r := Records{1: make([]byte, 100), 2: nil}
	for _, tt := range []struct {
		q      RecordRequest
		status RecordStatus
		total  uint16
		octets int
	}{
		{RecordRequest{ID: 1, Most: 58}, RecordSuccess, 100, 58},
		{RecordRequest{ID: 1, Offset: 58, Most: 58}, RecordSuccess, 100, 42},
		{RecordRequest{ID: 1, Offset: 99, Most: 58}, RecordSuccess, 100, 1},
		{RecordRequest{ID: 1, Offset: 100, Most: 58}, RecordOffsetTooLarge, 100, 0},
		{RecordRequest{ID: 1, Most: 0xFFFF}, RecordSuccess, 100, 58},
		{RecordRequest{ID: 1, Most: 3}, RecordSuccess, 100, 3},
		{RecordRequest{ID: 2, Most: 3}, RecordSuccess, 0, 0},
		{RecordRequest{ID: 3, Most: 3}, RecordNotPresent, 0, 0},
	} {
		got := r.fragment(tt.q)
		if got.Status != tt.status || got.Total != tt.total || len(got.Data) != tt.octets || got.ID != tt.q.ID || got.Offset != tt.q.Offset {
			t.Errorf("%+v: %+v", tt.q, got)
		}
	}
}

// authority is a certificate that signs others.
type authority struct {
	t           *testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func (a *authority) sign(name string, isAuthority bool, change func(*x509.Certificate)) *authority {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: testStart.Add(-time.Hour), NotAfter: testStart.Add(time.Hour),
		BasicConstraintsValid: true, IsCA: isAuthority, KeyUsage: x509.KeyUsageKeyAgreement,
	}
	if isAuthority {
		template.KeyUsage = x509.KeyUsageCertSign
	}
	if change != nil {
		change(template)
	}
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return &authority{a.t, certificate, key}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// pair is the key pair in the form that provisioning uses.
func (a *authority) pair() *crypto.KeyPair {
	var private [32]byte
	octets, err := a.key.Bytes()
	if err != nil {
		a.t.Fatal(err)
	}
	copy(private[:], octets)
	pair, err := crypto.NewKeyPair(private)
	if err != nil {
		a.t.Fatal(err)
	}
	return pair
}

// TestCertificateBasedProvisioning: the device is provisioned with the public
// key of its certificate, and only the owner of the private key succeeds.
func TestCertificateBasedProvisioning(t *testing.T) {
	root := (&authority{t: t}).sign("root", true, nil)
	factory := root.sign("factory", true, nil)
	device := factory.sign(testUUID.String()+" BCID:8001 BPID:03ff", false, nil)
	anchors, err := ParseTrustAnchors(root.pem())
	if err != nil {
		t.Fatal(err)
	}
	s := plainSetup()
	s.knowKey(t)
	s.keyPair = device.pair()
	s.records = Records{RecordDeviceCertificate: device.certificate.Raw, FirstIntermediate: factory.certificate.Raw}
	l := newLockstep(t, s)
	l.decide = func(events []Event, a *Acceptance) {
		got, ok := find(events, RecordsGot)
		if !ok {
			t.Fatal("no records")
		}
		if a.Auth.PublicKey, err = got.Records.Verify(testUUID, anchors, testStart); err != nil {
			t.Fatal(err)
		}
	}
	l.run()
	agreed(t, completed(t, l.provisionerEvents).Node, completed(t, l.deviceEvents).Joined, &s.acceptance)

	thief := s
	another, err := crypto.GenerateKeyPair(seeded(79))
	if err != nil {
		t.Fatal(err)
	}
	thief.keyPair = another
	stolen := newLockstep(t, thief)
	stolen.decide = l.decide
	stolen.run()
	if e := last(stolen.provisionerEvents); e.Failure == nil || e.Failure.Peer != ConfirmationFailed {
		t.Errorf("a device with a copied certificate: %v", e.Failure)
	}
	if sentType(t, stolen.toDevice, typeData) {
		t.Error("the network was revealed")
	}
}

// TestCertificateRefusals: every way in which a certificate proves nothing.
func TestCertificateRefusals(t *testing.T) {
	root := (&authority{t: t}).sign("root", true, nil)
	factory := root.sign("factory", true, nil)
	name := testUUID.String() + " BCID:8001 BPID:03ff"
	good := factory.sign(name, false, nil)
	anchors, err := ParseTrustAnchors(root.pem())
	if err != nil {
		t.Fatal(err)
	}
	records := func(device, between *authority) Records {
		r := Records{}
		if device != nil {
			r[RecordDeviceCertificate] = device.certificate.Raw
		}
		if between != nil {
			r[FirstIntermediate] = between.certificate.Raw
		}
		return r
	}
	if key, err := records(good, factory).Verify(testUUID, anchors, testStart); err != nil || *key != good.pair().Public() {
		t.Fatalf("the valid one: %v", err)
	}
	stranger := (&authority{t: t}).sign("root", true, nil)
	rsaLike := records(good, factory)
	rsaLike[RecordDeviceCertificate] = []byte{0x30, 0x82, 0xFF, 0xFF}
	brokenMiddle := records(good, factory)
	brokenMiddle[FirstIntermediate] = []byte("?")
	forged := records(good, factory)
	forged[RecordDeviceCertificate] = bytes.Clone(good.certificate.Raw)
	forged[RecordDeviceCertificate][len(good.certificate.Raw)-1] ^= 1
	for what, tt := range map[string]struct {
		records Records
		uuid    mesh.UUID
		anchors *TrustAnchors
		now     time.Time
		say     string
	}{
		"no anchors":                  {records(good, factory), testUUID, nil, testStart, "trust_anchors"},
		"no certificate":              {records(nil, factory), testUUID, anchors, testStart, "has none"},
		"a URI instead":               {Records{RecordBaseURI: []byte("https://x.example/")}, testUUID, anchors, testStart, "https://x.example/"},
		"no intermediate certificate": {records(good, nil), testUUID, anchors, testStart, "chain"},
		"signed by a stranger":        {records(stranger.sign(name, false, nil), stranger), testUUID, anchors, testStart, "chain"},
		"signed by a device":          {records(good.sign(name, false, nil), good), testUUID, anchors, testStart, "chain"},
		"of another device":           {records(good, factory), mesh.UUID{1}, anchors, testStart, "of the device"},
		"expired":                     {records(good, factory), testUUID, anchors, testStart.Add(2 * time.Hour), "expired"},
		"not valid yet":               {records(good, factory), testUUID, anchors, testStart.Add(-2 * time.Hour), "not yet valid"},
		"not readable":                {rsaLike, testUUID, anchors, testStart, "parsing it failed"},
		"intermediate not readable":   {brokenMiddle, testUUID, anchors, testStart, "record 0x0002"},
		"forged":                      {forged, testUUID, anchors, testStart, "expected"},
		"without a name":              {records(factory.sign("", false, nil), factory), testUUID, anchors, testStart, "common name"},
		"with another name":           {records(factory.sign("a lamp", false, nil), factory), testUUID, anchors, testStart, "common name"},
		"for signatures, not keys":    {records(factory.sign(name, false, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }), factory), testUUID, anchors, testStart, "key agreement"},
	} {
		_, err := tt.records.Verify(tt.uuid, tt.anchors, tt.now)
		var f *Failure
		if !errors.As(err, &f) || f.Code != FailCertificate || !strings.Contains(f.Reason, tt.say) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestParsePEM(t *testing.T) {
	root := (&authority{t: t}).sign("root", true, nil)
	if r, err := ParseCertificates(append(root.pem(), root.pem()...)); err != nil || len(r) != 2 || len(r[FirstIntermediate]) == 0 {
		t.Errorf("%v, %v", r, err)
	}
	for name, text := range map[string][]byte{
		"nothing":       nil,
		"not PEM":       []byte("hello"),
		"a key":         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}}),
		"text after it": append(root.pem(), "hello"...),
	} {
		if _, err := ParseTrustAnchors(text); err == nil {
			t.Errorf("%s is accepted as trust anchors", name)
		}
		if _, err := ParseCertificates(text); err == nil {
			t.Errorf("%s is accepted as certificates", name)
		}
	}
	if _, err := ParseTrustAnchors(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1}})); err == nil {
		t.Error("an invalid certificate is trusted")
	}
	if _, err := ParseCertificates(bytes.Repeat(root.pem(), 17)); err == nil {
		t.Error("17 certificates are accepted")
	}
}
