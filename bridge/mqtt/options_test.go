package mqtt

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestURLs(t *testing.T) {
	for given, want := range map[string]string{
		"tcp://host":              "tcp://host:1883",
		"mqtt://host:99":          "mqtt://host:99",
		"mqtts://host":            "mqtts://host:8883",
		"tls://[::1]":             "tls://[::1]:8883",
		"wss://host/mqtt":         "wss://host:443/mqtt",
		"unix:///run/mosquitto":   "unix:///run/mosquitto",
		"tcp://user:xyzzy@host:1": "tcp://host:1",
	} {
		s, err := New(Options{URL: given, ClientID: "id"})
		if err != nil || s.broker.String() != want {
			t.Errorf("%s: %v, expected %s", given, err, want)
		}
	}
	s, err := New(Options{URL: "tcp://user:xyzzy@host", ClientID: "id", Username: "stronger"})
	if err != nil || s.options.Username != "stronger" || s.options.Password != "xyzzy" {
		t.Errorf("%v", err)
	}
}

func TestBadOptions(t *testing.T) {
	dir := t.TempDir()
	notPEM := filepath.Join(dir, "not.pem")
	if err := os.WriteFile(notPEM, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := Options{URL: "mqtts://user:xyzzy@host", ClientID: "id"}
	for says, change := range map[string]func(o *Options){
		"expected something like":   func(o *Options) { o.URL = "tcp://user:xyzzy@host:port" },
		"scheme":                    func(o *Options) { o.URL = "host:1883" },
		"no host":                   func(o *Options) { o.URL = "tcp://user:xyzzy@:1883" },
		"no path":                   func(o *Options) { o.URL = "unix://" },
		"no client id":              func(o *Options) { o.ClientID = "" },
		"cannot be published":       func(o *Options) { o.Will.Topic = "b/#" },
		"subscribe":                 func(o *Options) { o.Subscriptions = []Subscription{{"", 0}} },
		"QoS 2":                     func(o *Options) { o.Subscriptions = []Subscription{{"a", 2}} },
		"not encrypted":             func(o *Options) { o.URL, o.TLS.CAFile = "tcp://host", notPEM },
		"no certificate":            func(o *Options) { o.TLS.CAFile = notPEM },
		"no such file":              func(o *Options) { o.TLS.CAFile = filepath.Join(dir, "missing") },
		"both its file":             func(o *Options) { o.TLS.CertFile = notPEM },
		"client certificate " + dir: func(o *Options) { o.TLS.CertFile, o.TLS.KeyFile = notPEM, notPEM },
	} {
		o := good
		change(&o)
		_, err := New(o)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("expected an error that mentions %q: %v", says, err)
		}
		if err != nil && strings.Contains(err.Error(), "xyzzy") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestDiagnose(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("mqtt: connecting: network Error : %w", err) }
	opErr := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	tests := []struct {
		err  error
		want Problem
	}{
		{packets.ErrorRefusedBadUsernameOrPassword, Credentials},
		{packets.ErrorRefusedNotAuthorised, NotAuthorised},
		{packets.ErrorRefusedIDRejected, ClientRejected},
		{packets.ErrorRefusedBadProtocolVersion, ClientRejected},
		{packets.ErrorRefusedServerUnavailable, Unavailable},
		{opErr(syscall.ECONNREFUSED), Refused},
		{opErr(syscall.ENOENT), Refused},
		{opErr(syscall.EHOSTUNREACH), Unreachable},
		{opErr(syscall.ENETUNREACH), Unreachable},
		{&net.DNSError{Name: "broker.example", IsNotFound: true}, UnknownHost},
		{context.DeadlineExceeded, TimedOut},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, TimedOut},
		{&handshakeError{x509.UnknownAuthorityError{}}, Certificate},
		{&handshakeError{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"}}, Certificate},
		{&handshakeError{x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired}}, Certificate},
		{&handshakeError{x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.NotAuthorizedToSign}}, Certificate},
		{&handshakeError{tls.AlertError(116)}, Certificate},
		{&handshakeError{tls.RecordHeaderError{Msg: "not TLS"}}, NotTLS},
		{&handshakeError{io.EOF}, NotTLS},
		{io.EOF, NotTLS},
		{errors.New("something else"), Other},
	}
	o := Options{Username: "bridge", Password: "xyzzy", ClientID: "id"}
	broker := &url.URL{Scheme: "tcp", Host: "broker.example:1883"}
	for _, tt := range tests {
		got := diagnose(wrap(tt.err), broker, o)
		if got.Problem != tt.want {
			t.Errorf("%v: problem %d, expected %d", tt.err, got.Problem, tt.want)
		}
		line := got.Error()
		if !strings.Contains(line, "tcp://broker.example:1883") || strings.Contains(line, "\n") || strings.Contains(line, "xyzzy") {
			t.Errorf("%q", line)
		}
		if !errors.Is(got, tt.err) {
			t.Errorf("%v is not wrapped", tt.err)
		}
	}
}

func TestBackoff(t *testing.T) {
	b := backoff{limits: Limits{}.withDefaults()}
	for i, most := range []time.Duration{1, 2, 4, 4, 4, 4} {
		most *= time.Second
		if got := b.afterFailure(Refused); got < most/2 || got > most {
			t.Errorf("wait %d: %v, expected %v to %v", i, got, most/2, most)
		}
	}
	if got := b.afterLoss(time.Hour); got > time.Second {
		t.Errorf("after a good connection: %v", got)
	}
	if got := b.afterFailure(Credentials); got < 2*time.Second || got >= 5*time.Second {
		t.Errorf("after a wrong password: %v", got)
	}
	for range 10 {
		b.afterLoss(time.Millisecond)
	}
	if got := b.afterLoss(time.Millisecond); got < 2*time.Second || got >= 5*time.Second || b.brief != 11 {
		t.Errorf("connections that do not last: %v, %d", got, b.brief)
	}
}

// An hour with a wrong password is one line at error level, and the way back in.
func TestLogStaysQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, map[string]string{"bridge": "secret"})
		var log bytes.Buffer
		o := l.options("bridge")
		o.Username, o.Password = "bridge", "xyzzy"
		o.Logger = zerolog.New(&log).Level(zerolog.InfoLevel)
		s := open(t, o)
		pass(time.Hour)
		if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), `"level":"error"`) {
			t.Errorf("%d lines:\n%s", n, &log)
		}
		if n := s.Stats().Failures; n < 900 || n > 1800 {
			t.Errorf("%d attempts in an hour, expected one per 2 to 4 s", n)
		}
		l.kill()
		l.users["bridge"] = "xyzzy"
		l.start()
		pass(time.Minute)
		if !s.Connected() {
			t.Error("not connected after the password was mended")
		}
	})
}
