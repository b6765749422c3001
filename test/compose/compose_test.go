package compose

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/need"
)

// patience bounds every wait.
const patience = 2 * time.Minute

// project is a copy of what docker-compose needs, in a folder of its own, with
// the bridge compiled outside the container: there may be no image registry.
type project struct {
	t       *testing.T
	dir     string
	port    int // of Mosquitto on the loopback
	command []string
}

func newProject(t *testing.T) *project {
	t.Helper()
	need.Docker(t)
	p := &project{t: t, dir: t.TempDir(), port: freePort(t), command: composeCommand(t)}
	root := filepath.Join("..", "..")
	for _, name := range []string{"docker-compose.yml", "docker-compose.mosquitto.conf", "Dockerfile"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(p.dir, "btmesh2mqtt"), "./cmd/btmesh2mqtt")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return p
}

// override puts what this test needs different into an override file, as a user
// would.
func (p *project) override(yaml string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "docker-compose.override.yml"), []byte(yaml), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// run runs docker-compose in the project and returns what it printed.
func (p *project) run(args ...string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience) // also for the cleanup, when the test's own is over
	defer cancel()
	cmd := exec.CommandContext(ctx, p.command[0], append(p.command[1:], args...)...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(),
		"COMPOSE_PROJECT_NAME=btmesh2mqtt-test",
		"BTMESH2MQTT_BUILD=prebuilt",
		"MQTT_PORT="+strconv.Itoa(p.port))
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Errorf("%s %s: %v\n%s", p.command[0], strings.Join(args, " "), err, out)
	}
	return string(out)
}

// up starts everything; the test's end takes it down again.
func (p *project) up() {
	p.t.Helper()
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.t.Log(p.run("logs", "--no-color"))
		}
		p.run("down", "--volumes", "--rmi", "local")
	})
	p.run("up", "--build", "--detach")
}

func TestUp(t *testing.T) {
	p := newProject(t)
	// A container that prints its version and ends; once it serves, this becomes
	// an adapter: HCI_ADAPTER=tcp:127.0.0.1:PORT of a virtual controller.
	p.override("services:\n  bridge:\n    command: [version]\n    restart: 'no'\n")
	p.up()

	connected := make(chan struct{}, 1)
	session, err := mqtt.New(mqtt.Options{
		URL:      "tcp://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)),
		ClientID: "test",
		Logger:   zerolog.Nop(),
		Limits:   mqtt.Limits{MinBackoff: 10 * time.Millisecond, MaxBackoff: 100 * time.Millisecond},
		OnStatus: func(s mqtt.Status) {
			if s.State == mqtt.Connected {
				connected <- struct{}{}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	session.Start()
	defer func() {
		if err := session.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-connected:
	case <-time.After(patience):
		t.Error("Mosquitto does not answer")
	}
	id := strings.TrimSpace(p.run("ps", "--quiet", "--all", "bridge"))
	if out, err := exec.CommandContext(t.Context(), "docker", "wait", id).CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "0" {
		t.Errorf("the bridge ended with %s, %v", out, err)
	}
	if log := p.run("logs", "--no-color", "bridge"); !strings.Contains(log, "btmesh2mqtt") {
		t.Errorf("the bridge did not print its version:\n%s", log)
	}
}

// composeCommand prefers the plugin, which replaced the program of old.
func composeCommand(t *testing.T) []string {
	t.Helper()
	if exec.CommandContext(t.Context(), "docker", "compose", "version").Run() == nil {
		return []string{"docker", "compose"}
	}
	return []string{need.Program(t, "docker-compose", "docker-compose")}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
