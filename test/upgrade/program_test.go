package upgrade

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/broker"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/process"
)

// base is the base topic of all fixtures.
const base = "btmesh2mqtt/"

// record names the version whose fixture is written.
var record = flag.String("record", "", "write the fixture of this `version` into testdata instead of testing")

// program builds the program once, in a folder that TestMain removes.
var (
	programDir string
	program    = sync.OnceValues(func() (string, error) { return process.Build(filepath.Join("..", ".."), programDir, false) })
)

func TestMain(m *testing.M) {
	var err error
	if programDir, err = os.MkdirTemp("", "btmesh2mqtt-upgrade-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(programDir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// home is a demo with its own store and broker.
type home struct {
	t     *testing.T
	url   string
	store string // directory
	o     *observer.Observer
}

func newHome(t *testing.T) *home {
	t.Helper()
	b, err := broker.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	h := &home{t: t, url: "tcp://" + b.Addr(), store: filepath.Join(t.TempDir(), "store")}
	h.o = observer.Start(t, h.url, nil)
	return h
}

// command prepares the program with the store of the home.
func (h *home) command(args ...string) *exec.Cmd {
	h.t.Helper()
	path, err := program()
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.Command(path, append(args, "--store.dir", h.store)...)
	cmd.Dir, cmd.Env = h.t.TempDir(), process.Environment()
	return cmd
}

// demo starts the program and returns when the network is up and the bridge
// accepts commands. mark is what the broker carried before.
func (h *home) demo() (p *process.Process, mark int) {
	h.t.Helper()
	mark = h.o.Mark()
	p = process.Start(h.t, h.command("demo", "--mqtt.url", h.url, "--mqtt.key_export", "plain", "--log.format", "json"))
	p.Await(&p.Stdout, "Ctrl-C ends the demo.")
	h.o.Next(mark, base+"bridge/state", `{"state":"online"}`)
	h.o.Next(mark, base+"bridge/info", `{}`)
	return p, mark
}

// ask sends a request and returns the answer. The test fails if the request
// fails.
func (h *home) ask(request, payload string) []byte {
	h.t.Helper()
	mark := h.o.Mark()
	h.o.Send(base+"bridge/request/"+request, payload)
	answer := h.o.NextMatch(mark, base+"bridge/response/"+request, "", func([]byte) bool { return true })
	if !observer.Contains(answer, `{"status":"ok"}`) {
		h.t.Fatalf("%s %s: %s", request, payload, answer)
	}
	return answer
}

// set sends a command to a device and returns when it has been executed.
func (h *home) set(name, payload string) {
	h.t.Helper()
	mark := h.o.Mark()
	h.o.Send(base+name+"/set", payload)
	h.o.Next(mark, base+name+"/set/response", `{"status":"ok","transaction":1}`)
}
