package mqtt

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// dial opens the network connection that the URL asks for, TLS included.
func (s *Session) dial(ctx context.Context) (net.Conn, error) {
	if s.options.Dial != nil {
		return s.options.Dial(ctx, s.broker)
	}
	var plain net.Dialer
	switch s.broker.Scheme {
	case "ws", "wss":
		// The library's own, which knows the protocol's handshake. It takes no
		// context but keeps the time limit.
		return paho.NewWebsocket(s.broker.String(), s.tls, s.options.Limits.Connect, nil, nil)
	case "unix":
		return plain.DialContext(ctx, "unix", s.broker.Path)
	}
	if s.tls == nil {
		return plain.DialContext(ctx, "tcp", s.broker.Host)
	}
	conn, err := plain.DialContext(ctx, "tcp", s.broker.Host)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, s.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(&handshakeError{err}, conn.Close())
	}
	return secure, nil
}

// handshakeError marks what went wrong after the connection was open and before
// MQTT began.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return "TLS handshake: " + e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// load reads the files. It returns nil for a scheme without TLS; setting files
// for one is an error, because the user believes that the connection is safe.
func (t TLS) load(broker *url.URL) (*tls.Config, error) {
	if !encrypted(broker.Scheme) {
		if t != (TLS{}) {
			return nil, fmt.Errorf("mqtt: TLS is configured but the broker's URL %s is not encrypted: use mqtts://, or remove the TLS settings", broker)
		}
		return nil, nil //nolint:nilnil // no TLS is a valid outcome
	}
	config := &tls.Config{
		ServerName:         cmp.Or(t.ServerName, broker.Hostname()),
		InsecureSkipVerify: t.Insecure, //nolint:gosec // asked for by name
		MinVersion:         tls.VersionTLS12,
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("mqtt: authorities to trust: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("mqtt: authorities to trust: %s holds no certificate in PEM form", t.CAFile)
		}
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return nil, errors.New("mqtt: a client certificate needs both its file and the file of its key")
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("mqtt: client certificate %s with key %s: %w", t.CertFile, t.KeyFile, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
