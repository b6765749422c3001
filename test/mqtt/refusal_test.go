package mqtt

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/mosquitto"
)

// record is a log that a test can read while it is being written.
type record struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *record) count(part string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(r.buf.String(), part)
}

func TestWrongPasswordIsSaidOnce(t *testing.T) {
	t.Parallel()
	server := mosquitto.Start(t, mosquitto.Options{Users: map[string]string{"bridge": "secret"}})
	var log record
	o := options(server, "bridge")
	o.Username, o.Password = "bridge", "guess-xyzzy"
	o.Logger = zerolog.New(&log)
	bridge := open(t, o)
	for range 5 {
		s := bridge.await(mqtt.Failed)
		var problem *mqtt.ConnectError
		if !errors.As(s.Err, &problem) {
			t.Fatalf("%T: %v", s.Err, s.Err)
		}
		// Mosquitto answers a wrong password with code 5.
		if problem.Problem != mqtt.Credentials && problem.Problem != mqtt.NotAuthorised {
			t.Errorf("problem %d: %v", problem.Problem, problem)
		}
		for _, part := range []string{server.Addr(), "mqtt.username", "mqtt.password", `"bridge"`} {
			if !strings.Contains(problem.Error(), part) {
				t.Errorf("%q does not mention %s", problem, part)
			}
		}
	}
	if n := log.count(`"level":"error"`); n != 1 {
		t.Errorf("%d lines at error level, expected one:\n%s", n, &log.buf)
	}
	if log.count("guess-xyzzy") != 0 {
		t.Error("the password is in the log")
	}

	// The administrator corrects it, and the bridge connects by itself.
	o.Password = "secret"
	open(t, o).await(mqtt.Connected)
}

func TestTLSWithOwnAuthority(t *testing.T) {
	t.Parallel()
	server := mosquitto.Start(t, mosquitto.Options{TLS: true, Users: map[string]string{"bridge": "secret"}})
	good := options(server, "bridge", "b/echo")
	good.Username, good.Password = "bridge", "secret"
	good.TLS.CAFile = server.CAFile()

	tests := []struct {
		name    string
		change  func(o *mqtt.Options)
		problem mqtt.Problem
		says    string
	}{
		{"unknown authority", func(o *mqtt.Options) { o.TLS.CAFile = "" }, mqtt.Certificate, "mqtt.tls.ca"},
		{"another name", func(o *mqtt.Options) { o.TLS.ServerName = "elsewhere" }, mqtt.Certificate, "mqtt.tls.server_name"},
		{"no TLS to a TLS port", func(o *mqtt.Options) {
			o.URL, o.TLS = "tcp://"+server.Addr(), mqtt.TLS{}
		}, mqtt.NotTLS, "mqtts://"},
		{"no user", func(o *mqtt.Options) { o.Username, o.Password = "", "" }, mqtt.NotAuthorised, "mqtt.username"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := good
			tt.change(&o)
			var problem *mqtt.ConnectError
			if s := open(t, o).await(mqtt.Failed); !errors.As(s.Err, &problem) {
				t.Fatalf("%T: %v", s.Err, s.Err)
			}
			if problem.Problem != tt.problem || !strings.Contains(problem.Error(), tt.says) {
				t.Errorf("problem %d, expected %d that mentions %s: %v", problem.Problem, tt.problem, tt.says, problem)
			}
		})
	}

	bridge := open(t, good)
	bridge.Event("b/echo", []byte("through TLS"), 1)
	bridge.expect("b/echo=through TLS")
}

func TestTLSToAPlainPort(t *testing.T) {
	t.Parallel()
	server := mosquitto.Start(t, mosquitto.Options{})
	o := options(server, "bridge")
	o.URL = "mqtts://" + server.Addr()
	s := open(t, o).await(mqtt.Failed)
	var problem *mqtt.ConnectError
	if !errors.As(s.Err, &problem) || problem.Problem != mqtt.NotTLS {
		t.Errorf("%v", s.Err)
	}
}
