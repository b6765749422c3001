package docs

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/test/need"
)

// TestBlocks runs the blocks of every page.
func TestBlocks(t *testing.T) {
	r := newReader(t)
	ran, reasons := 0, map[string]int{}
	for _, name := range pageNames(t) {
		t.Run(name, func(t *testing.T) {
			s := r.open(t)
			for _, b := range readPage(t, name).blocks {
				switch {
				case b.kind == notRun:
					reasons[b.value]++
				case b.language != "text":
					s.run(b)
					ran++
				}
			}
		})
	}
	skipped, list := 0, []string{}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		skipped += reasons[reason]
		list = append(list, fmt.Sprintf("%s: %d", reason, reasons[reason]))
	}
	fmt.Printf("documentation: %d blocks run, %d not run (reasons: %s)\n", ran, skipped, strings.Join(list, ", "))
	if ran <= skipped {
		t.Errorf("%d blocks ran and %d did not: the pages show too little that can be tried", ran, skipped)
	}
}

// TestWrongBlocksFail: a page with a mistake fails.
func TestWrongBlocksFail(t *testing.T) {
	const fence = "```"
	r := newReader(t)
	for _, tt := range []struct{ name, page, message string }{
		{
			"a command that fails",
			fence + "sh\nbtmesh2mqtt config chekc\n" + fence,
			"exit code 2",
		},
		{
			"a command in the middle that fails",
			fence + "sh\nfalse\ntrue\n" + fence,
			"exit code 1",
		},
		{
			"a program that ends without saying what is promised",
			"<!-- until: reigns -->\n" + fence + "sh\nmosquitto_sub -C 1 -t btmesh2mqtt/bridge/state\n" + fence,
			"ended without writing",
		},
		{
			"a service that does not start",
			"<!-- serve: Ctrl-C -->\n" + fence + "sh\nbtmesh2mqtt demo --mqtt.url nonsense\n" + fence,
			"ended without writing",
		},
		{
			"a request with an unknown key",
			"<!-- publish: btmesh2mqtt/bridge/request/device/rename -->\n" + fence + `json` + "\n" + `{"from":"demo_lamp","too":"x"}` + "\n" + fence,
			"bad_json",
		},
		{
			"a request that does not exist",
			"<!-- publish: btmesh2mqtt/bridge/request/device/renmae -->\n" + fence + `json` + "\n" + `{}` + "\n" + fence,
			"unknown_request",
		},
		{
			"a request that is not refused",
			"<!-- publish: btmesh2mqtt/bridge/request/scan error bad_value -->\n" + fence + `json` + "\n" + `{"time":1}` + "\n" + fence,
			`"status":"ok"`,
		},
		{
			"a command with an unknown attribute",
			"<!-- publish: btmesh2mqtt/demo_lamp/set -->\n" + fence + `json` + "\n" + `{"brigthness":1}` + "\n" + fence,
			"bad_attribute",
		},
		{
			"a topic that takes nothing",
			"<!-- publish: btmesh2mqtt/demo_lamp -->\n" + fence + `json` + "\n" + `{}` + "\n" + fence,
			"expected a request or",
		},
	} {
		p, problems := parsePage("wrong.md", []byte(tt.page))
		if len(problems) > 0 || len(p.blocks) != 1 {
			t.Fatalf("%s: the page itself has problems: %q", tt.name, problems)
		}
		t.Run(tt.name, func(t *testing.T) {
			if got := failure(t, func(t testing.TB) { r.open(t).run(p.blocks[0]) }); !strings.Contains(got, tt.message) {
				t.Errorf("expected a failure with %q, got %q", tt.message, got)
			}
		})
	}
}

// failure runs a part of a test and returns its failure, or "" if it passed.
func failure(t *testing.T, part func(testing.TB)) string {
	t.Helper()
	l := &listener{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		part(l)
	}()
	<-done
	return l.said
}

// listener is a test that records its failure and does not report it.
type listener struct {
	testing.TB
	said string
}

func (l *listener) Errorf(format string, args ...any) { l.said += fmt.Sprintf(format, args...) }

func (l *listener) Fatalf(format string, args ...any) {
	l.Errorf(format, args...)
	runtime.Goexit()
}

func (l *listener) Fatal(args ...any) {
	l.said += fmt.Sprint(args...)
	runtime.Goexit()
}

// newReader prepares what all pages need, or skips the test.
func newReader(t *testing.T) *reader {
	t.Helper()
	if why := os.Getenv(insideVariable); why != isInside {
		need.Missing(t, "namespace", "the blocks run in a network namespace of their own: "+why)
	}
	for _, program := range []string{"bash", "curl"} {
		need.Program(t, program, program)
	}
	need.Program(t, "mosquitto_pub", "mosquitto-clients")
	if err := loopback(); err != nil {
		t.Fatal(err)
	}
	r := &reader{bin: t.TempDir()}
	cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(r.bin, "btmesh2mqtt"), "./cmd/btmesh2mqtt")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return r
}
