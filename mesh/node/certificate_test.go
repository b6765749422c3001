package node_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	cryptorand "crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
)

// issue makes a certificate; with a nil parent it is self-signed.
func issue(t *testing.T, name string, parent *x509.Certificate, signer *ecdsa.PrivateKey, now time.Time) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), cryptorand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageKeyAgreement,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), BasicConstraintsValid: true,
	}
	if parent == nil {
		template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(cryptorand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

// TestCertificateBasedProvisioning provisions over the air, with the
// certificate in the device's records and with one from the user.
func TestCertificateBasedProvisioning(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	root, rootKey := issue(t, "root", nil, nil, p.now)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
	anchors, err := provision.ParseTrustAnchors(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, carried := range map[string]bool{"certificate on the device": true, "certificate from the user": false} {
		var uuid [16]byte
		copy(uuid[:], name)
		certificate, key := issue(t, node.NewDevice(uuid).Node.UUID.String(), root, rootKey, p.now)
		private, err := key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		pair, err := crypto.NewKeyPair([32]byte(private))
		if err != nil {
			t.Fatal(err)
		}
		records := provision.Records{provision.RecordDeviceCertificate: certificate.Raw}
		o := node.OOBDevice{KeyPair: pair, Records: provision.Records{provision.RecordBaseURI: []byte("https://certificates.example/")}}
		want := &node.Certificate{Anchors: anchors, Records: records}
		if carried {
			o.Records, want.Records = records, nil
		}
		dev, id := p.addDevice(name, node.DeviceOptions{OOBDevice: o}, lamp)
		heard := await(p, gateway, 30*time.Second, func(e node.DeviceHeard) bool { return e.UUID == id })
		if said := beacon.OOB(heard.OOB); said&beacon.OOBRecords == 0 || (said&beacon.OOBCertificates != 0) != carried {
			t.Errorf("%s: OOB information %04x", name, heard.OOB)
		}
		begin := func(c *node.Certificate) node.ProvisioningDone {
			if err := gateway.Provision(p.now, node.Provision{UUID: id, Certificate: c}); err != nil {
				t.Fatal(err)
			}
			p.carryOut(gateway)
			return p.outcome(gateway, dev, id)
		}
		stranger, _ := issue(t, "stranger", nil, nil, p.now)
		others, err := provision.ParseTrustAnchors(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: stranger.Raw}))
		if err != nil {
			t.Fatal(err)
		}
		var f *provision.Failure
		if done := begin(&node.Certificate{Anchors: others, Records: want.Records}); !errors.As(done.Err, &f) || f.Code != provision.FailCertificate {
			t.Errorf("%s: with another trust anchor: %v", name, done.Err)
		}
		p.pass(10 * time.Second)
		if done := begin(want); done.Err != nil {
			t.Errorf("%s: %v", name, done.Err)
		}
	}
}

// TestCertificateThroughAnotherNode reads the certificate and the longest
// accepted record through a Remote Provisioning Server. They need more PDUs
// than the 8-bit PDU number can count.
func TestCertificateThroughAnotherNode(t *testing.T) {
	p := newPump(t)
	root, rootKey := issue(t, "root", nil, nil, p.now)
	anchors, err := provision.ParseTrustAnchors(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}))
	if err != nil {
		t.Fatal(err)
	}
	var uuid mesh.UUID
	copy(uuid[:], "far lamp")
	certificate, key := issue(t, uuid.String(), root, rootKey, p.now)
	private, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := crypto.NewKeyPair([32]byte(private))
	if err != nil {
		t.Fatal(err)
	}
	c := newChain(t, node.DeviceOptions{OOBDevice: node.OOBDevice{KeyPair: pair, Records: provision.Records{
		provision.RecordBaseURI:           make([]byte, 8<<10),
		provision.FirstIntermediate:       root.Raw,
		provision.RecordDeviceCertificate: certificate.Raw,
	}}})
	c.begin(node.Provision{Certificate: &node.Certificate{Anchors: anchors}})
	if done := c.outcome(c.gateway, c.device, c.uuid); done.Err != nil {
		t.Fatal(done.Err)
	}
}
