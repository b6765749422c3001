package mosquitto

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Names of the files in the configuration folder.
const (
	caFile         = "ca.pem"
	serverCertFile = "server.pem"
	serverKeyFile  = "server.key"
)

// passwords is a password file in the format of mosquitto_passwd: one line per
// user,
//
//	name:$7$iterations$salt$hash      PBKDF2 of HMAC-SHA512, base64
func passwords(users map[string]string) string {
	const iterations, saltLength = 101, 12
	var file strings.Builder
	for name, password := range users {
		salt := make([]byte, saltLength)
		_, _ = rand.Read(salt) // never fails
		hash, err := pbkdf2.Key(sha512.New, password, salt, iterations, sha512.Size)
		if err != nil {
			panic(err) // only for invalid lengths, and these are constants
		}
		encode := base64.StdEncoding.EncodeToString
		fmt.Fprintf(&file, "%s:$7$%d$%s$%s\n", name, iterations, encode(salt), encode(hash))
	}
	return file.String()
}

// makeCertificates writes an authority and a server certificate signed by it to
// dir, and returns what a client needs to trust that server.
func makeCertificates(t testing.TB, dir string) *tls.Config {
	t.Helper()
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "authority of " + t.Name()},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	caKey := newKey(t)
	caDER := sign(t, ca, ca, caKey, caKey)
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    ca.NotBefore,
		NotAfter:     ca.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	serverKey := newKey(t)
	serverDER := sign(t, server, ca, serverKey, caKey)
	keyDER, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(dir, caFile), "CERTIFICATE", caDER)
	writePEM(t, filepath.Join(dir, serverCertFile), "CERTIFICATE", serverDER)
	writePEM(t, filepath.Join(dir, serverKeyFile), "PRIVATE KEY", keyDER)

	parsed, err := x509.ParseCertificate(caDER)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, cert, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// writePEM lets everybody read even the key: it has no value, and the broker
// inside the container is another user.
func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	content := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
