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

	"github.com/btmesh2mqtt/btmesh2mqtt/test/fleet"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/need"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
)

// patience limits every wait.
const patience = 5 * time.Minute

// project is a copy of what docker-compose needs in a separate folder. The
// bridge is compiled outside the container, because there may be no image
// registry.
type project struct {
	t       *testing.T
	dir     string
	port    int    // of Mosquitto on the loopback interface
	adapter string // of the bridge
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

// run runs docker-compose in the project and returns what it printed.
func (p *project) run(args ...string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience) // also for the cleanup, when the test's own context has ended
	defer cancel()
	cmd := exec.CommandContext(ctx, p.command[0], append(p.command[1:], args...)...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(),
		"COMPOSE_PROJECT_NAME=btmesh2mqtt-test",
		"BTMESH2MQTT_BUILD=prebuilt",
		"MQTT_PORT="+strconv.Itoa(p.port),
		"HCI_ADAPTER="+p.adapter)
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Errorf("%s %s: %v\n%s", p.command[0], strings.Join(args, " "), err, out)
	}
	return string(out)
}

// up starts everything; the end of the test stops it.
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

// TestUp uses the file unchanged except for the adapter: the bridge's container
// talks HCI to a controller of this test through the host's network.
func TestUp(t *testing.T) {
	p := newProject(t)
	air := fleet.NewAir(t)
	lamp := air.NewLamp()
	p.adapter = air.NewAdapter().Spec()
	p.up()
	url := "tcp://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port))
	o := observer.Start(t, url, nil)
	o.AwaitLast("btmesh2mqtt/bridge/state", `{"state":"online"}`)
	uuid := lamp.UUID.String()
	o.AwaitLastMatch("btmesh2mqtt/bridge/unprovisioned", "with the lamp", func(payload []byte) bool {
		return strings.Contains(string(payload), uuid)
	})
	o.Send("btmesh2mqtt/bridge/request/device/provision", `{"uuid":"`+uuid+`","name":"lamp"}`)
	o.Next(0, "btmesh2mqtt/bridge/response/device/provision", `{"status":"ok"}`)
	o.Send("btmesh2mqtt/lamp/set", `{"state":"ON","brightness":90}`)
	o.AwaitLast("btmesh2mqtt/lamp", `{"state":"ON","brightness":90}`)
	if !lamp.IsOn() {
		t.Error("the bridge reports ON, the lamp itself is off")
	}
	p.checkWalls()

	// The network is in the volume, not in the container.
	mark := o.Mark()
	p.run("rm", "--stop", "--force", "bridge")
	o.Next(mark, "btmesh2mqtt/bridge/state", `{"state":"offline"}`)
	mark = o.Mark()
	p.run("up", "--detach", "bridge")
	o.Next(mark, "btmesh2mqtt/bridge/info", `{}`) // it accepts commands
	o.Send("btmesh2mqtt/lamp/set", `{"state":"OFF","transaction":1}`)
	o.Next(mark, "btmesh2mqtt/lamp/set/response", `{"status":"ok","transaction":1}`)
	if lamp.IsOn() {
		t.Error("the bridge reports OK, the lamp itself is on")
	}
}

// checkWalls checks what the running container may do.
func (p *project) checkWalls() {
	p.t.Helper()
	id := strings.TrimSpace(p.run("ps", "--quiet", "bridge"))
	format := "{{.State.Running}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}} {{.HostConfig.NetworkMode}}"
	out, err := exec.CommandContext(p.t.Context(), "docker", "inspect", "--format", format, id).CombinedOutput()
	if err != nil {
		p.t.Fatalf("docker inspect: %v: %s", err, out)
	}
	// Newer engines write CAP_NET_ADMIN for NET_ADMIN.
	const want = "true true [ALL] [NET_ADMIN NET_RAW] host"
	if got := strings.ReplaceAll(strings.TrimSpace(string(out)), "CAP_", ""); got != want {
		p.t.Errorf("the container is %q, expected %q", got, want)
	}
}

// composeCommand prefers the plugin, which replaced the separate program.
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
