// Package process runs programs for tests: it collects their output, waits for
// a text in it, and ends them in all the ways in which programs end.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience bounds every wait for a program. No test passes or fails by how long
// something took, as long as it comes at all.
const Patience = 5 * time.Minute

// Process is a program that runs.
type Process struct {
	Stdout  Output
	Stderr  Output
	Started time.Time

	t      testing.TB
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	exited chan struct{}
	ended  bool // the test has ended it
}

// Start runs a command. If the test does not end it, its cleanup does, with
// Ctrl-C, and expects exit code 0. Its output is shown if the test fails.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{t: t, cmd: cmd, exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.Stdout, &p.Stderr
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	p.Started = time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // ProcessState has the result
	}()
	t.Cleanup(p.cleanup)
	return p
}

// Environment is the test's environment without btmesh2mqtt's configuration.
func Environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BTMESH2MQTT_") })
}

func (p *Process) cleanup() {
	if !p.ended {
		p.Interrupt()
		if code := p.Wait(); code != 0 {
			p.t.Errorf("%s: Ctrl-C: exit code %d, expected 0", p.cmd.Path, code)
		}
	}
	// A trace or a race is a defect in any test.
	if sign := regexp.MustCompile(`(?m)^(panic:|fatal error:|goroutine \d+ \[|WARNING: DATA RACE).*`).FindString(p.Stderr.String()); sign != "" {
		p.t.Errorf("on standard error: %s", sign)
	}
	if p.t.Failed() {
		p.t.Logf("%s\nstdout:\n%s\nstderr:\n%s", strings.Join(p.cmd.Args, " "), end(p.Stdout.String()), end(p.Stderr.String()))
	}
}

// end shortens the output for a report.
func end(text string) string {
	const most = 6000
	if len(text) > most {
		return "..." + text[len(text)-most:]
	}
	return text
}

// ID returns the process identifier.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Interrupt sends Ctrl-C.
func (p *Process) Interrupt() {
	p.t.Helper()
	p.Signal(os.Interrupt)
}

// Signal asks the program to end.
func (p *Process) Signal(s os.Signal) {
	p.t.Helper()
	p.ended = true
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// Kill is kill -9; it returns when the process has ended.
func (p *Process) Kill() {
	p.t.Helper()
	p.ended = true
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
	p.Wait()
}

// Wait returns the exit code.
func (p *Process) Wait() int {
	p.t.Helper()
	p.ended = true
	select {
	case <-p.exited:
	case <-time.After(Patience):
		_ = p.cmd.Process.Kill()
		<-p.exited
		p.t.Fatalf("%s did not end within %v; stderr:\n%s", p.cmd.Path, Patience, end(p.Stderr.String()))
	}
	return p.cmd.ProcessState.ExitCode()
}

// Stop sends Ctrl-C and expects exit code 0.
func (p *Process) Stop() {
	p.t.Helper()
	p.Interrupt()
	if code := p.Wait(); code != 0 {
		p.t.Fatalf("%s: Ctrl-C: exit code %d, expected 0; stderr:\n%s", p.cmd.Path, code, end(p.Stderr.String()))
	}
}

// Press sends Enter.
func (p *Process) Press() {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, "\n"); err != nil {
		p.t.Fatal(err)
	}
}

// Await returns when the program has written a text to one of its outputs.
func (p *Process) Await(out *Output, text string) {
	p.t.Helper()
	p.AwaitMatch(out, fmt.Sprintf("%q", text), func(all string) bool { return strings.Contains(all, text) })
}

// AwaitMatch returns when everything that the program has written to one of its
// outputs meets a condition.
func (p *Process) AwaitMatch(out *Output, what string, condition func(all string) bool) {
	p.t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	for {
		changed := out.changes()
		if condition(out.String()) {
			return
		}
		select {
		case <-changed:
		case <-p.exited:
			if !condition(out.String()) {
				p.t.Fatalf("%s ended without writing %s", p.cmd.Path, what)
			}
			return
		case <-deadline.C:
			p.t.Fatalf("%s did not write %s", p.cmd.Path, what)
		}
	}
}

// Output collects what is written and can be read meanwhile.
type Output struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{} // closed when something is written
}

// Write implements io.Writer.
func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
	return o.buf.Write(b)
}

func (o *Output) changes() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed == nil {
		o.changed = make(chan struct{})
	}
	return o.changed
}

// String returns everything so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
