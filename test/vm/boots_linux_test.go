package vm

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// bootsVariable and busyVariable are the numbers of boots of TestBoots and of
// busy loops beside them, two by default.
const (
	bootsVariable = "MESH_TEST_BOOTS"
	busyVariable  = "MESH_TEST_BUSY"
)

// trivial is a guest with next to nothing to do.
func trivial() guest {
	return guest{parts: []part{{"nothing", func(t *testing.T) { t.Log("the guest runs tests") }}}}
}

// TestBoots boots a guest again and again on a busy machine, -parallel of them at
// a time, and counts those that had to be started again. It is a campaign, for
// who changes how guests are started or looks for the reason why one hangs.
func TestBoots(t *testing.T) {
	if inGuest() {
		trivial().here(t)
		return
	}
	boots := number(t, bootsVariable, 0)
	if boots == 0 {
		t.Skipf("set %s to the number of boots", bootsVariable)
	}
	whole := newMachine(t, trivial())
	whole.build(t)
	for range number(t, busyVariable, 2) {
		busy(t)
	}
	var mu sync.Mutex
	var times []time.Duration
	restarted, failed := 0, 0
	t.Cleanup(func() {
		slices.Sort(times)
		t.Logf("%d boots: %d restarts, %d failures; the boots took %s to %s, half of them less than %s",
			len(times), restarted, failed, times[0], times[len(times)-1], times[len(times)/2])
	})
	for i := range boots {
		t.Run(strconv.Itoa(i+1), func(t *testing.T) {
			t.Parallel()
			m := *whole
			m.dir = t.TempDir()
			began := time.Now()
			said := m.run(t, choose("TestBoots", "nothing"))
			if said.status != "0" {
				t.Errorf("the tests in the guest ended with the exit status %q", said.status)
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, time.Since(began).Round(100*time.Millisecond))
			restarted += m.restarted
			if t.Failed() {
				failed++
			}
		})
	}
}

// number is that in an environment variable.
func number(t *testing.T, variable string, unset int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return unset
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s is %q, expected a number", variable, text)
	}
	return n
}

// busy takes all that it gets of a CPU until the test ends.
func busy(t *testing.T) {
	t.Helper()
	loop := exec.CommandContext(t.Context(), "sh", "-c", "while :; do :; done")
	if err := loop.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = loop.Process.Kill()
		_ = loop.Wait()
	})
}

// TestRestart has a guest hang at its first boot, in which its CPUs do not run,
// and end at once at the second, for which QEMU gets a device that it does not
// know.
func TestRestart(t *testing.T) {
	if inGuest() {
		trivial().here(t)
		return
	}
	m := newMachine(t, trivial())
	m.build(t)
	var notices strings.Builder
	m.notices = &notices
	m.prepare = func(number int, w *watch) []string {
		switch number {
		case 1:
			w.boot = 2 * time.Second
			return []string{"-S"}
		case 2:
			return []string{"-device", "unknown"}
		}
		return nil
	}
	said := m.run(t, choose("TestRestart", "nothing"))
	if said.status != "0" || m.restarted != 2 {
		t.Errorf("the exit status is %q after %d restarts, expected 0 after 2", said.status, m.restarted)
	}
	if r := said.results["TestRestart/nothing"]; r.verdict != "PASS" {
		t.Errorf("the part ended with %+v", r)
	}
	state, err := os.ReadFile(filepath.Join(m.dir, "boot1", monitorFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"paused", "CPU #1", "EIP=0000fff0"} {
		if !strings.Contains(string(state), want) {
			t.Errorf("the monitor does not say %q:\n%s", want, state)
		}
	}
	console, err := os.ReadFile(filepath.Join(m.dir, "boot3", consoleFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Linux version", "init: alive"} {
		if !strings.Contains(string(console), want) {
			t.Errorf("the console does not say %q:\n%s", want, console)
		}
	}
	for _, want := range []string{
		"guest restarted: TestRestart, boot 1: the guest hangs at boot",
		"guest restarted: TestRestart, boot 2: QEMU: exit status 1",
	} {
		if !strings.Contains(notices.String(), want) {
			t.Errorf("the notices do not say %q: %s", want, notices.String())
		}
	}
}
