package bluez

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/process"
)

// MeshDaemon and BusDaemon are where Debian's packages bluez-meshd and dbus put
// the two daemons.
const (
	MeshDaemon = "/usr/libexec/bluetooth/bluetooth-meshd"
	BusDaemon  = "/usr/bin/dbus-daemon"
)

// patience ends every wait for the daemon: what has not come by then does not
// come, however slow the machine is.
const patience = 5 * time.Minute

// Options say how the daemon runs.
type Options struct {
	Adapter string // "hci1": a controller that is down and that nobody else has
	Storage string // folder for the nodes; "" makes one
	// Settings are lines of mesh-main.conf, such as "Relay = false" or
	// "CRPL = 10" (BlueZ, mesh/mesh-main.conf).
	Settings []string
}

// Daemon is bluetooth-meshd with a bus of its own, so that several of them run
// in one machine.
type Daemon struct {
	// Storage is the folder of the nodes. It may be edited while the daemon is
	// stopped.
	Storage string

	t       testing.TB
	adapter string
	address string // of the bus
	args    []string
	running *process.Process // nil while it is stopped
	earlier string           // what daemons before it said
}

// Start starts a daemon and returns when it serves. The test's end stops it, and
// shows what it said if the test failed.
func Start(t testing.TB, o Options) *Daemon {
	t.Helper()
	d := &Daemon{Storage: o.Storage, adapter: o.Adapter, t: t}
	if d.Storage == "" {
		d.Storage = t.TempDir()
	}
	dir := t.TempDir()
	d.startBus(dir)
	config := filepath.Join(dir, "mesh-main.conf")
	d.write(config, "[General]\n"+strings.Join(o.Settings, "\n")+"\n")
	d.args = []string{"--nodetach", "--debug", "--io", "generic:" + o.Adapter, "--storage", d.Storage, "--config", config}
	d.Restart()
	t.Cleanup(func() {
		if d.running != nil {
			d.Stop()
		}
	})
	return d
}

// startBus starts a system bus that lets everybody do everything.
func (d *Daemon) startBus(dir string) {
	d.t.Helper()
	d.address = "unix:path=" + filepath.Join(dir, "bus")
	config := filepath.Join(dir, "system.conf")
	d.write(config, `<busconfig>
  <type>system</type>
  <listen>`+d.address+`</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
`)
	bus := process.Start(d.t, exec.Command(BusDaemon, "--config-file="+config, "--nofork", "--nopidfile", "--nosyslog", "--print-address"))
	d.t.Cleanup(bus.Kill) // it knows no Ctrl-C
	bus.Await(&bus.Stdout, "\n")
}

func (d *Daemon) write(path, content string) {
	d.t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// Stop ends the daemon in order.
func (d *Daemon) Stop() {
	d.t.Helper()
	d.running.Stop()
	d.rest()
}

// Kill ends it as a power cut does.
func (d *Daemon) Kill() {
	d.t.Helper()
	d.running.Kill()
	d.rest()
}

func (d *Daemon) rest() {
	d.earlier = d.Log()
	d.running = nil
}

// Restart starts the daemon again after Stop or Kill. Applications attach anew.
func (d *Daemon) Restart() {
	d.t.Helper()
	release, err := hold(d.adapter)
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command(MeshDaemon, d.args...)
	cmd.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS="+d.address)
	d.running = process.Start(d.t, cmd)
	d.running.Await(&d.running.Stderr, "Number of controllers")
	if err := deafen(cmd.Process.Pid); err != nil {
		d.t.Fatal(err)
	}
	if err := release(); err != nil {
		d.t.Fatal(err)
	}
	d.running.Await(&d.running.Stderr, "Added Network Interface")
}

// Log is what the daemon has said since Start.
func (d *Daemon) Log() string {
	if d.running == nil {
		return d.earlier
	}
	return d.earlier + d.running.Stderr.String()
}

// AwaitLog returns when the daemon, since its last start, has said a text.
func (d *Daemon) AwaitLog(text string) {
	d.t.Helper()
	d.running.Await(&d.running.Stderr, text)
}

// NodeFile is where the daemon keeps a node, as JSON.
func (d *Daemon) NodeFile(uuid mesh.UUID) string {
	return filepath.Join(d.Storage, fmt.Sprintf("%x", uuid[:]), "node.json")
}
