package docs

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/process"
)

// Addresses that the pages use.
const (
	brokerURL = "tcp://127.0.0.1:1883"
	base      = "btmesh2mqtt/"
)

// reader tries what the pages say.
type reader struct {
	bin string // a folder with the program
}

// sitting is the trial of one page.
type sitting struct {
	t       testing.TB
	dir     string   // where the commands run: a copy of the sources
	environ []string // of the commands

	service *process.Process // the demo, or what a block serves; nil if nothing runs
	o       *observer.Observer
}

// open starts the trial of a page.
func (r *reader) open(t testing.TB) *sitting {
	t.Helper()
	s := &sitting{t: t, dir: t.TempDir()}
	// The files that a reader has cloned, without the tests: no page runs them.
	for _, name := range []string{"bridge", "cmd", "config", "docs", "hci", "mesh"} {
		if err := os.CopyFS(filepath.Join(s.dir, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(s.dir, name), content, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	settings, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPATH").Output()
	if err != nil {
		t.Fatal(err)
	}
	values := strings.Split(strings.TrimSpace(string(settings)), "\n")
	s.environ = append(process.Environment(),
		"HOME="+s.dir, "PATH="+r.bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GOCACHE="+values[0], "GOMODCACHE="+values[1], "GOPATH="+values[2],
		// The flags that the program was built with: then the build cache can be
		// used wherever the sources are.
		"GOFLAGS=-trimpath", "GOPROXY=off", "CGO_ENABLED=0")
	return s
}

// alone matches commands that need the port of the broker or the store for
// themselves.
var alone = regexp.MustCompile(`btmesh2mqtt (demo|run|network)\b`)

// run tries a block.
func (s *sitting) run(b block) {
	s.t.Helper()
	switch {
	case b.kind == file:
		path := filepath.Join(s.dir, filepath.FromSlash(b.value))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b.text), 0o666); err != nil {
			s.t.Fatal(err)
		}
	case b.kind == publish:
		s.needService()
		s.publish(b)
	case b.kind == shows:
		s.needService()
		s.shows(b)
	case b.kind == serve:
		s.end()
		s.serve(b.place, b.text, expression(s.t, b))
	default:
		if alone.MatchString(b.text) {
			s.end()
		} else if strings.Contains(b.text, "mosquitto_") {
			s.needService()
		}
		s.script(b)
	}
}

// expression is what a program must write.
func expression(t testing.TB, b block) *regexp.Regexp {
	t.Helper()
	re, err := regexp.Compile(b.value)
	if err != nil {
		t.Fatalf("%s: %v", b.place, err)
	}
	return re
}

// start runs a script. All its processes are in one process group, as on a
// terminal.
func (s *sitting) start(script string) *process.Process {
	s.t.Helper()
	cmd := exec.Command("bash", "-e", "-o", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = s.dir, s.environ
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := process.Start(s.t, cmd)
	s.t.Cleanup(func() { s.interrupt(p) }) // runs before the cleanup of the process, which does not end the group
	return p
}

// interrupt is Ctrl-C. go run and bash handle it in their own way.
func (s *sitting) interrupt(p *process.Process) {
	s.t.Helper()
	if err := syscall.Kill(-p.ID(), syscall.SIGINT); err != nil && err != syscall.ESRCH {
		s.t.Fatal(err)
	}
	p.Wait()
}

// script runs a block until it ends, or until it has written the expected text.
func (s *sitting) script(b block) {
	s.t.Helper()
	p := s.start(b.text)
	if b.kind == until {
		s.await(b.place, p, expression(s.t, b))
		s.interrupt(p)
		return
	}
	if code := p.Wait(); code != 0 {
		s.t.Fatalf("%s: exit code %d\n%s\nstdout:\n%s\nstderr:\n%s", b.place, code, b.text, p.Stdout.String(), p.Stderr.String())
	}
}

// await returns when a program has written the expected text to any output.
func (s *sitting) await(place string, p *process.Process, re *regexp.Regexp) {
	s.t.Helper()
	s.t.Logf("%s: waiting for %q", place, re)
	p.AwaitMatch(&p.Stdout, fmt.Sprintf("%q (%s)", re, place), re.MatchString)
}

// serve starts what serves the following blocks.
func (s *sitting) serve(place, script string, ready *regexp.Regexp) {
	s.t.Helper()
	s.service = s.start(script)
	s.await(place, s.service, ready)
	s.o = observer.Start(s.t, brokerURL, nil)
}

// needService starts the demo if nothing serves yet.
func (s *sitting) needService() {
	s.t.Helper()
	if s.service == nil {
		s.serve("the demo", "exec btmesh2mqtt demo", regexp.MustCompile(`Ctrl-C ends the demo\.`))
	}
}

// end ends what serves.
func (s *sitting) end() {
	s.t.Helper()
	if s.service != nil {
		s.interrupt(s.service)
		s.service, s.o = nil, nil
	}
}

// publish sends a request or a command and checks the answer.
func (s *sitting) publish(b block) {
	s.t.Helper()
	topic, code, refused := strings.Cut(b.value, " error ")
	payload, answer := b.text, ""
	if request, ok := strings.CutPrefix(topic, base+"bridge/request/"); ok {
		answer = base + "bridge/response/" + request
	} else if device, ok := strings.CutSuffix(topic, "/set"); ok {
		// Only a command with a transaction is answered.
		answer = device + "/set/response"
		var command map[string]any
		if err := json.Unmarshal([]byte(payload), &command); err != nil {
			s.t.Fatalf("%s: expected an object as command: %v", b.place, err)
		}
		if command["transaction"] == nil {
			command["transaction"] = b.place
		}
		changed, err := json.Marshal(command)
		if err != nil {
			s.t.Fatal(err)
		}
		payload = string(changed)
	} else {
		s.t.Fatalf("%s: publish: expected a request or .../set, got %s", b.place, topic)
	}
	mark := s.o.Mark()
	s.o.Send(topic, payload)
	got := s.o.NextMatch(mark, answer, "", func([]byte) bool { return true })
	want := `{"status":"ok"}`
	if refused {
		want = fmt.Sprintf(`{"status":"error","code":%q}`, code)
	}
	if !observer.Contains(got, want) {
		s.t.Fatalf("%s: %s\n%s\nis answered with %s", b.place, topic, b.text, got)
	}
}

// shows waits for a message that matches the example.
func (s *sitting) shows(b block) {
	s.t.Helper()
	last := "none"
	defer func() {
		if s.t.Failed() {
			s.t.Logf("%s: the last message on %s: %s", b.place, b.value, last)
		}
	}()
	s.o.NextMatch(0, b.value, "as in "+b.place, func(payload []byte) bool {
		difference := unlike(payload, []byte(b.text))
		last = fmt.Sprintf("%s: %s", difference, payload)
		return difference == ""
	})
}
