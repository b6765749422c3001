package service

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait for the program. No test passes or fails by how
// long something took, as long as it comes at all.
const patience = 90 * time.Second

// program builds the binary once, in a folder that TestMain removes.
var (
	programDir string
	program    = sync.OnceValues(build)
)

func TestMain(m *testing.M) {
	var err error
	if programDir, err = os.MkdirTemp("", "btmesh2mqtt-service-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(programDir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func build() (string, error) {
	path := filepath.Join(programDir, "btmesh2mqtt")
	args, environ := []string{"build", "-o", path}, os.Environ()
	if withRace {
		args = append(args, "-race") // which needs cgo
	} else {
		environ = append(environ, "CGO_ENABLED=0")
	}
	cmd := exec.Command("go", append(args, "./cmd/btmesh2mqtt")...)
	cmd.Dir, cmd.Env = filepath.Join("..", ".."), environ
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// process is the program, running.
type process struct {
	t       testing.TB
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	stdout  output
	stderr  output
	started time.Time
	exited  chan struct{}
	ended   bool // by the test: what it did to end it
}

// start runs the program. If the test does not end it, its cleanup does, and
// expects it to end well.
func start(t testing.TB, args ...string) *process {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, exited: make(chan struct{}), cmd: exec.Command(path, args...)}
	p.cmd.Dir = t.TempDir() // where a store would go by default
	p.cmd.Env = environment()
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // ProcessState has it
	}()
	t.Cleanup(p.cleanup)
	return p
}

// environment is that of the test without configuration of the program.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BTMESH2MQTT_") })
}

func (p *process) cleanup() {
	if !p.ended {
		p.interrupt()
		if code := p.wait(); code != 0 {
			p.t.Errorf("Ctrl-C: exit code %d, expected 0", code)
		}
	}
	// A trace or a race is a defect, whatever the test was about.
	if sign := regexp.MustCompile(`(?m)^(panic:|fatal error:|goroutine \d+ \[|WARNING: DATA RACE).*`).FindString(p.stderr.String()); sign != "" {
		p.t.Errorf("on standard error: %s", sign)
	}
	if p.t.Failed() {
		p.t.Logf("%s\nstdout:\n%s\nstderr:\n%s", strings.Join(p.cmd.Args, " "), end(p.stdout.String()), end(p.stderr.String()))
	}
}

// end keeps a report readable.
func end(text string) string {
	const most = 6000
	if len(text) > most {
		return "..." + text[len(text)-most:]
	}
	return text
}

// interrupt is Ctrl-C.
func (p *process) interrupt() {
	p.t.Helper()
	p.ended = true
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// kill is kill -9; it returns when the process is gone.
func (p *process) kill() {
	p.t.Helper()
	p.ended = true
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
	p.wait()
}

// wait returns the exit code.
func (p *process) wait() int {
	p.t.Helper()
	p.ended = true
	select {
	case <-p.exited:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.exited
		p.t.Fatalf("the program did not end within %v; stderr:\n%s", patience, end(p.stderr.String()))
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop is Ctrl-C and a good end.
func (p *process) stop() {
	p.t.Helper()
	p.interrupt()
	if code := p.wait(); code != 0 {
		p.t.Fatalf("Ctrl-C: exit code %d, expected 0; stderr:\n%s", code, end(p.stderr.String()))
	}
}

// press types Enter.
func (p *process) press() {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, "\n"); err != nil {
		p.t.Fatal(err)
	}
}

// await returns when the program has written a text to one of its outputs.
func (p *process) await(out *output, text string) {
	p.t.Helper()
	p.awaitThat(out, fmt.Sprintf("%q", text), func(all string) bool { return strings.Contains(all, text) })
}

func (p *process) awaitThat(out *output, what string, condition func(all string) bool) {
	p.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		changed := out.changes()
		if condition(out.String()) {
			return
		}
		select {
		case <-changed:
		case <-p.exited:
			<-p.exited
			if !condition(out.String()) {
				p.t.Fatalf("the program ended without writing %s", what)
			}
			return
		case <-deadline.C:
			p.t.Fatalf("the program did not write %s", what)
		}
	}
}

// ready returns when the demo says that its network is up.
func (p *process) ready() {
	p.t.Helper()
	p.await(&p.stdout, "Ctrl-C ends the demo.")
}

// output collects what is written and can be read meanwhile.
type output struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{} // closed when something is written
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
	return o.buf.Write(b)
}

func (o *output) changes() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed == nil {
		o.changed = make(chan struct{})
	}
	return o.changed
}

// String is everything so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
