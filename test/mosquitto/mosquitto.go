// Package mosquitto provides tests with a real Mosquitto in a container. It
// uses the docker command and needs the image eclipse-mosquitto:2, which is
// either pulled or built as a substitute by ./test/run under the same name.
package mosquitto

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/need"
)

// Image is the container image that is used.
const Image = "eclipse-mosquitto:2"

// Label marks every container, so that those left by a killed test can be
// found.
const Label = "btmesh2mqtt.test"

const (
	plainPort = 1883 // inside the container
	tlsPort   = 8883
	// patience limits every wait for the engine or the broker; a machine with
	// two cores that runs all suites at once is slow.
	patience = 5 * time.Minute
)

// Options configures a broker. The zero value accepts everybody.
type Options struct {
	// Config are further lines for mosquitto.conf.
	Config string
	// Users maps names to passwords; if it is not empty, all others are
	// refused.
	Users map[string]string
	// Files are stored next to mosquitto.conf, in /mosquitto/config.
	Files map[string]string
	// TLS enables TLS, with a certificate for localhost and 127.0.0.1 from an
	// authority made for this test.
	TLS bool
	// Port on 127.0.0.1; 0 chooses a free one.
	Port int
}

// Server is a container that the test may kill and restart; its address stays
// the same.
type Server struct {
	t    testing.TB
	id   string
	addr string
	tls  *tls.Config // nil without TLS
	dir  string
}

// Start runs a broker and returns when it answers. The end of the test removes
// it; if the test failed, its log is shown. Without docker the test is skipped,
// or fails where docker is required.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	need.Docker(t)
	needImage(t)
	s := &Server{t: t, dir: t.TempDir()}
	inside := plainPort
	if o.TLS {
		inside = tlsPort
		s.tls = makeCertificates(t, s.dir)
	}
	s.write("mosquitto.conf", config(o, inside))
	if len(o.Users) > 0 {
		s.write("passwords", passwords(o.Users))
	}
	for name, content := range o.Files {
		s.write(name, content)
	}
	s.run(o.Port, inside)
	t.Cleanup(s.remove)
	s.awaitReady()
	return s
}

// needImage pulls the image unless it exists.
func needImage(t testing.TB) {
	t.Helper()
	if _, err := docker(t.Context(), "image", "inspect", Image); err == nil {
		return
	}
	if out, err := docker(t.Context(), "pull", "--quiet", Image); err != nil {
		need.Missing(t, "image "+Image, out)
	}
}

// config returns mosquitto.conf. Nothing is persistent: a restarted broker has
// forgotten everything, which is the worst case for a client.
func config(o Options, port int) string {
	lines := []string{
		"listener " + strconv.Itoa(port),
		"persistence false",
		"log_dest stderr",
		"log_type all",
		"connection_messages true",
	}
	if len(o.Users) > 0 {
		lines = append(lines, "allow_anonymous false", "password_file /mosquitto/config/passwords")
	} else {
		lines = append(lines, "allow_anonymous true")
	}
	if o.TLS {
		lines = append(lines,
			"certfile /mosquitto/config/"+serverCertFile,
			"keyfile /mosquitto/config/"+serverKeyFile)
	}
	return strings.Join(append(lines, o.Config), "\n") + "\n"
}

// write writes a file where the container sees it. The broker drops root before
// it reads some of them, so everybody must be able to read it.
func (s *Server) write(name, content string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// run creates the container. Another process may take a free port before docker
// does, so it tries a few.
func (s *Server) run(port, inside int) {
	s.t.Helper()
	var out string
	var err error
	for range 5 {
		host := port
		if host == 0 {
			host = freePort(s.t)
		}
		s.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(host))
		out, err = docker(s.t.Context(), "run", "--detach", "--label", Label+"="+s.t.Name(),
			"--publish", fmt.Sprintf("%s:%d", s.addr, inside),
			"--volume", s.dir+":/mosquitto/config:ro", Image)
		if err == nil {
			s.id = out
			return
		}
		if port != 0 || !strings.Contains(out, "port is already allocated") && !strings.Contains(out, "address already in use") {
			break
		}
	}
	s.t.Fatalf("docker run: %v: %s", err, out)
}

// Addr is host and port, the same for the lifetime of the server.
func (s *Server) Addr() string { return s.addr }

// URL is what a client connects to.
func (s *Server) URL() string {
	if s.tls == nil {
		return "tcp://" + s.addr
	}
	_, port, _ := net.SplitHostPort(s.addr) // made by JoinHostPort
	return "mqtts://localhost:" + port
}

// CAFile is the certificate of the authority that a client has to trust.
func (s *Server) CAFile() string { return filepath.Join(s.dir, caFile) }

// Kill ends the broker like a power failure, without informing its clients.
func (s *Server) Kill() { s.must("kill", "--signal", "KILL", s.id) }

// Restart starts it again after Kill, with an empty store.
func (s *Server) Restart() {
	s.t.Helper()
	s.must("start", s.id)
	s.awaitReady()
}

// Pause freezes the broker: connections stay open and nothing is answered.
func (s *Server) Pause() { s.must("pause", s.id) }

// Resume ends a Pause.
func (s *Server) Resume() { s.must("unpause", s.id) }

// Log returns what the broker has written so far.
func (s *Server) Log() string {
	out, _ := docker(context.Background(), "logs", s.id) // also used after the end of the test
	return out
}

func (s *Server) must(args ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if out, err := docker(ctx, args...); err != nil {
		s.t.Fatalf("docker %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func (s *Server) remove() {
	if s.t.Failed() {
		s.t.Logf("log of the broker at %s:\n%s", s.addr, s.Log())
	}
	if out, err := docker(context.Background(), "rm", "--force", "--volumes", s.id); err != nil {
		s.t.Errorf("docker rm: %v: %s", err, out)
	}
}

// awaitReady returns when the broker answers a CONNECT. An open port is not
// enough: docker's proxy accepts connections before the broker does.
func (s *Server) awaitReady() {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		err := s.connectOnce()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the broker at %s does not answer: %v", s.addr, err)
		}
		<-poll.C
	}
}

// connectOnce sends CONNECT and reads the first octet of CONNACK, whatever its
// result.
func (s *Server) connectOnce() error {
	conn, err := net.DialTimeout("tcp", s.addr, time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // the result does not matter
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if s.tls != nil {
		conn = tls.Client(conn, s.tls)
	}
	const connect = "\x10\x11\x00\x04MQTT\x04\x02\x00\x0a\x00\x05ready"
	if _, err := io.WriteString(conn, connect); err != nil {
		return err
	}
	var first [1]byte
	if _, err := io.ReadFull(conn, first[:]); err != nil {
		return err
	}
	if first[0] != 0x20 {
		return fmt.Errorf("expected a CONNACK, got a packet that starts with %#02x", first[0])
	}
	return nil
}

// freePort finds a port that is free at the moment.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// docker runs the command and returns its output without the last newline.
func docker(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "docker", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
