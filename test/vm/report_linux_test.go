package vm

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// report is what the tests in a guest said.
type report struct {
	began   bool              // they have said something
	results map[string]result // by test
	output  map[string]string // by test
	files   files
	status  string // exit status of the tests in the guest
	current string // the test that speaks

	t      *testing.T // for the log; nil for none
	booted time.Time
}

// result is a line of go test.
type result struct{ verdict, took string }

func newReport() *report {
	return &report{results: map[string]result{}, output: map[string]string{}, files: files{}}
}

func (r *report) logf(format string, args ...any) {
	if r.t != nil {
		r.t.Helper()
		r.t.Logf(format, args...)
	}
}

// statusLine begins the guest's last line.
const statusLine = "guest: exit status "

var verdictLine = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+) \((\S+)\)$`)

// take takes apart a line that go test wrote on the serial line.
func (r *report) take(line string) {
	if !r.began {
		r.began = true
		r.logf("%s until the guest ran tests", time.Since(r.booted).Round(time.Millisecond))
	}
	if name, ok := strings.CutPrefix(line, "=== RUN   "); ok {
		r.current = name
		return
	}
	if found := verdictLine.FindStringSubmatch(line); found != nil {
		if _, known := r.results[found[2]]; known {
			return // go test repeats it in the end
		}
		r.results[found[2]] = result{verdict: found[1], took: found[3]}
		r.logf("%s: %s after %s", found[2], found[1], found[3])
		return
	}
	if status, ok := strings.CutPrefix(line, statusLine); ok {
		r.status = status
		return
	}
	if !r.files.take(r.current, line) {
		r.output[r.current] += line + "\n"
	}
}
