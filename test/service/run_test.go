package service

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/fleet"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
)

// The service with a controller behind a socket and an unknown lamp: from the
// scan to switching the lamp, and again after the controller was away.
func TestRun(t *testing.T) {
	t.Parallel()
	url := localBroker(t)
	o := observer.Start(t, url, nil)
	air := fleet.NewAir(t)
	lamp, adapter := air.NewLamp(), air.NewAdapter()
	m := monitor{t, freeAddr(t)}
	run := start(t, "run", "--mqtt.url", url, "--hci.adapters", adapter.Spec(), "--http.listen", m.addr, "--log.format", "json")
	listens(o, 0)
	uuid := lamp.UUID.String()

	o.Send(base+"bridge/request/scan", `{"time":60}`)
	o.NextMatch(0, base+"bridge/unprovisioned", "with "+uuid, func(payload []byte) bool { return strings.Contains(string(payload), uuid) })
	o.Send(base+"bridge/request/device/provision", fmt.Sprintf(`{"uuid":%q,"name":"kitchen"}`, uuid))
	o.Next(0, base+"bridge/response/device/provision", `{"status":"ok"}`)
	o.Send(base+"kitchen/set", `{"state":"ON","brightness":50}`)
	o.AwaitLast(base+"kitchen", `{"state":"ON","brightness":50}`)
	if !lamp.IsOn() {
		t.Error("the bridge reports ON, the lamp itself is off")
	}
	lamp.Toggle()
	o.AwaitLast(base+"kitchen", `{"state":"OFF"}`)

	mark := o.Mark()
	adapter.Cut()
	o.NextMatch(mark, base+"bridge/event", "adapter_changed", func(payload []byte) bool {
		return strings.Contains(string(payload), `"adapter_changed"`) && strings.Contains(string(payload), `"down"`)
	})
	o.Send(base+"bridge/request/scan", `{"time":60}`)
	o.Next(mark, base+"bridge/response/scan", `{"status":"error","code":"no_adapter"}`)
	o.Send(base+"kitchen/set", `{"state":"ON","transaction":2}`)
	o.Next(mark, base+"kitchen/set/response", `{"status":"error","code":"no_adapter","transaction":2}`)
	if text := m.awaitHealth(http.StatusServiceUnavailable); !strings.Contains(text, adapter.Spec()) {
		t.Errorf("/healthz does not name the adapter: %q", text)
	}
	if up := m.value(fmt.Sprintf("adapter_up{adapter=%q}", adapter.Spec())); up != 0 {
		t.Errorf("adapter_up is %g while it is cut", up)
	}
	adapter.Restore()
	m.awaitHealth(http.StatusOK)
	mark = o.Mark()
	o.Send(base+"kitchen/set", `{"state":"ON","transaction":1}`)
	o.Next(mark, base+"kitchen/set/response", `{"status":"ok","transaction":1}`)
	o.AwaitLast(base+"kitchen", `{"state":"ON"}`)
	if !lamp.IsOn() {
		t.Error("the bridge reports ON, the lamp itself is off")
	}
	run.Stop()
	o.AwaitLast(base+"bridge/state", `{"state":"offline"}`)
}

// The service starts before its controller is there: without a network it
// creates none until then, and with one it works but for the radio.
func TestRunBeforeTheAdapter(t *testing.T) {
	t.Parallel()
	url := localBroker(t)
	o := observer.Start(t, url, nil)
	adapter := fleet.NewAir(t).NewAdapter()
	adapter.Cut()
	m := monitor{t, freeAddr(t)}
	dir := filepath.Join(t.TempDir(), "store")
	args := []string{"run", "--mqtt.url", url, "--hci.adapters", adapter.Spec(), "--http.listen", m.addr, "--store.dir", dir, "--log.format", "json"}
	run := start(t, args...)
	run.Await(&run.Stderr, "serving /metrics and /healthz")
	if text := m.awaitHealth(http.StatusServiceUnavailable); !strings.Contains(text, "waits for an adapter") {
		t.Errorf("/healthz does not say what it waits for: %q", text)
	}
	adapter.Restore()
	listens(o, 0)
	m.awaitHealth(http.StatusOK)
	run.Stop()
	adapter.Cut()

	mark := o.Mark()
	run = start(t, args...)
	listens(o, mark)
	o.Send(base+"bridge/request/scan", `{"time":60}`)
	o.Next(mark, base+"bridge/response/scan", `{"status":"error","code":"no_adapter"}`)
	if text := m.awaitHealth(http.StatusServiceUnavailable); !strings.Contains(text, adapter.Spec()) {
		t.Errorf("/healthz does not name the adapter: %q", text)
	}
	adapter.Restore()
	m.awaitHealth(http.StatusOK)
	mark = o.Mark()
	o.Send(base+"bridge/request/scan", `{"time":60}`)
	o.Next(mark, base+"bridge/response/scan", `{"status":"ok"}`)
	run.Stop()
}

// A controller that fails every second is reported, although it works in between.
func TestRunUnsteady(t *testing.T) {
	t.Parallel()
	url := localBroker(t)
	o := observer.Start(t, url, nil)
	adapter := fleet.NewAir(t).NewAdapter()
	m := monitor{t, freeAddr(t)}
	run := start(t, "run", "--mqtt.url", url, "--hci.adapters", adapter.Spec(), "--http.listen", m.addr, "--log.format", "json")
	listens(o, 0)
	mark := o.Mark()
	stop := adapter.Fail()
	defer stop()
	for _, topic := range []string{"bridge/logging", "bridge/event", "bridge/health", "bridge/info"} {
		o.NextMatch(mark, base+topic, "about the adapter", func(payload []byte) bool {
			text := string(payload)
			return strings.Contains(text, adapter.Spec()) && strings.Contains(text, "unsteady") && strings.Contains(text, "hardware error")
		})
	}
	if text := m.awaitHealth(http.StatusServiceUnavailable); !strings.Contains(text, "unsteady") {
		t.Errorf("/healthz says %q", text)
	}
	stop()
	run.Stop()
}

// A user who starts the service sees at once what is wrong.
func TestRunErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("mqtt:\n  urll: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	nobody := "tcp:" + freeAddr(t)
	for _, tt := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"nobody listens", []string{"--hci.wait=false", "--hci.adapters", nobody}, 1, []string{nobody, "refused"}},
		{"no such device", []string{"--hci.wait=false", "--hci.adapters", "serial:" + filepath.Join(dir, "nothing")}, 1, []string{"nothing", "no such"}},
		{"no such socket", []string{"--hci.wait=false", "--hci.adapters", "unix:" + filepath.Join(dir, "nothing")}, 1, []string{"nothing", "no such"}},
		{"no such controller", []string{"--hci.wait=false", "--hci.adapters", "hci999"}, 1, []string{"hci999"}},
		{"no adapter", []string{"--hci.adapters", ""}, 2, []string{"hci.adapters"}},
		{"bad adapter", []string{"--hci.adapters", "bluetooth"}, 2, []string{"hci.adapters", "bluetooth", "serial:"}},
		{"store is a file", []string{"--hci.adapters", nobody, "--store.dir", file}, 1, []string{file}},
		{"no trust anchors", []string{"--hci.adapters", nobody, "--mesh.provision.trust_anchors", file}, 1, []string{"mesh.provision.trust_anchors", file, "PEM"}},
		{"two wrong values", []string{"--log.level", "loud", "--mesh.default_ttl", "1"}, 2, []string{"log.level", "mesh.default_ttl"}},
		{"unknown key in the file", []string{"-c", file}, 2, []string{"mqtt.urll", "mqtt.url", file}},
		{"no such file", []string{"-c", filepath.Join(dir, "nothing")}, 2, []string{"nothing"}},
		{"unknown flag", []string{"--mqtt.ulr", "x"}, 2, []string{"--mqtt.ulr", "did you mean --mqtt.url"}},
		{"http port taken", []string{"--hci.adapters", nobody, "--http.listen", taken(t)}, 1, []string{"http.listen", "in use"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := start(t, append([]string{"run", "--log.format", "json"}, tt.args...)...)
			if code := run.Wait(); code != tt.code {
				t.Errorf("exit code %d, expected %d", code, tt.code)
			}
			message := run.Stderr.String()
			for _, part := range append(tt.says, "btmesh2mqtt: ") {
				if !strings.Contains(message, part) {
					t.Errorf("it does not mention %q: %s", part, message)
				}
			}
		})
	}
}

// taken is an address on which the test's own process listens.
func taken(t *testing.T) string {
	t.Helper()
	return strings.TrimPrefix(localBroker(t), "tcp://")
}

func TestStoreOfAnotherProcess(t *testing.T) {
	t.Parallel()
	url := localBroker(t)
	air := fleet.NewAir(t)
	o := observer.Start(t, url, nil)
	dir := filepath.Join(t.TempDir(), "store")
	start(t, "run", "--mqtt.url", url, "--hci.adapters", air.NewAdapter().Spec(), "--store.dir", dir, "--log.level", "error")
	listens(o, 0)
	second := start(t, "run", "--mqtt.url", url, "--hci.adapters", air.NewAdapter().Spec(), "--store.dir", dir, "--log.level", "error")
	if code := second.Wait(); code != 1 {
		t.Errorf("exit code %d, expected 1", code)
	}
	for _, part := range []string{dir, "another btmesh2mqtt is using it"} {
		if message := second.Stderr.String(); !strings.Contains(message, part) {
			t.Errorf("it does not mention %q: %s", part, message)
		}
	}
}
