package provision

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// TrustAnchors are the certificates that the user trusts to sign those of
// devices.
type TrustAnchors struct{ pool *x509.CertPool }

// ParseTrustAnchors parses certificates in PEM. It returns an error if the text
// contains none, or an invalid one.
func ParseTrustAnchors(text []byte) (*TrustAnchors, error) {
	certificates, err := parsePEM(text)
	if err != nil {
		return nil, fmt.Errorf("provision: trust anchors: %w", err)
	}
	a := &TrustAnchors{pool: x509.NewCertPool()}
	for _, der := range certificates {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("provision: trust anchors: %w", err)
		}
		a.pool.AddCert(c)
	}
	return a, nil
}

// ParseCertificates parses a device certificate in PEM, followed by the
// intermediate ones, as if they were in the device's records. It is for devices
// whose certificate is elsewhere (at the URI of record 0x0000).
func ParseCertificates(text []byte) (Records, error) {
	certificates, err := parsePEM(text)
	if err != nil {
		return nil, fmt.Errorf("provision: certificate: %w", err)
	}
	if most := int(LastIntermediate); len(certificates) > most {
		return nil, fmt.Errorf("provision: certificate: expected at most %d, got %d", most, len(certificates))
	}
	r := Records{}
	for i, der := range certificates {
		r[RecordDeviceCertificate+RecordID(i)] = der
	}
	return r, nil
}

// parsePEM returns the certificates in a text, at least one.
func parsePEM(text []byte) (all [][]byte, err error) {
	for {
		var block *pem.Block
		block, text = pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			all = append(all, block.Bytes)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("expected certificates in PEM (-----BEGIN CERTIFICATE-----), got none")
	}
	if len(bytes.TrimSpace(text)) != 0 {
		return nil, errors.New("expected only PEM, got other text after the last certificate")
	}
	return all, nil
}

// Identity is the content of a device certificate. The subject's common name is
// the UUID, and may contain company and product.
type Identity struct {
	UUID      mesh.UUID
	CompanyID string // four hexadecimal digits, empty if missing
	ProductID string
	PublicKey crypto.PublicKey
}

// ParseCertificate parses a device certificate in DER. It does not decide
// whether to trust it; Verify does.
func ParseCertificate(der []byte) (*Identity, error) {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("provision: certificate: %w", err)
	}
	return identify(certificate)
}

func identify(certificate *x509.Certificate) (*Identity, error) {
	id := &Identity{}
	words := strings.Fields(certificate.Subject.CommonName)
	if len(words) == 0 {
		return nil, errors.New("provision: certificate: expected the device's UUID as the common name, got nothing")
	}
	uuid, err := mesh.ParseUUID(words[0])
	if err != nil {
		return nil, fmt.Errorf("provision: certificate: expected the device's UUID as the common name, got %.80q", certificate.Subject.CommonName)
	}
	id.UUID = uuid
	for _, word := range words[1:] {
		if company, ok := strings.CutPrefix(word, "BCID:"); ok {
			id.CompanyID = company
		}
		if product, ok := strings.CutPrefix(word, "BPID:"); ok {
			id.ProductID = product
		}
	}
	key, ok := certificate.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return nil, errors.New("provision: certificate: expected a public key of P-256, got another kind")
	}
	point, err := key.ECDH()
	if err != nil || len(point.Bytes()) != 1+len(id.PublicKey) {
		return nil, errors.New("provision: certificate: expected a public key of P-256, got another curve")
	}
	copy(id.PublicKey[:], point.Bytes()[1:])
	return id, nil
}

// Verify follows the certificates in the records from the device's to a trust
// anchor, at the time now, and returns the public key that the device must
// prove to have. The error is a *Failure that says what is missing.
func (r Records) Verify(uuid mesh.UUID, anchors *TrustAnchors, now time.Time) (*crypto.PublicKey, error) {
	if anchors == nil {
		return nil, failure(FailCertificate, "expected trusted certificates, got none; set mesh.provision.trust_anchors to a file with them")
	}
	der, ok := r[RecordDeviceCertificate]
	if !ok {
		if uri := r[RecordBaseURI]; len(uri) > 0 {
			return nil, failure(FailCertificate, "expected the device to have its certificate, it has a URI instead: get it from %.200q and pass it with the request", uri)
		}
		return nil, failure(FailCertificate, "expected the device to have a certificate, it has none")
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, failure(FailCertificate, "expected a valid device certificate, parsing it failed: %v", err)
	}
	id, err := identify(certificate)
	if err != nil {
		return nil, failure(FailCertificate, "%v", err)
	}
	if id.UUID != uuid {
		return nil, failure(FailCertificate, "expected a certificate of the device %v, it is of %v", uuid, id.UUID)
	}
	if certificate.KeyUsage != 0 && certificate.KeyUsage&x509.KeyUsageKeyAgreement == 0 {
		return nil, failure(FailCertificate, "expected a certificate for key agreement, it is for another purpose")
	}
	intermediates := x509.NewCertPool()
	for n := FirstIntermediate; n <= LastIntermediate; n++ {
		if der, ok := r[n]; ok {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, failure(FailCertificate, "expected a valid certificate in record 0x%04x, parsing it failed: %v", uint16(n), err)
			}
			intermediates.AddCert(c)
		}
	}
	if _, err := certificate.Verify(x509.VerifyOptions{
		Roots: anchors.pool, Intermediates: intermediates, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}); err != nil {
		return nil, failure(FailCertificate, "expected a chain from the device's certificate to a trusted one: %v", err)
	}
	return &id.PublicKey, nil
}
