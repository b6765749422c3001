package vm

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// guestVariable is set by the guest's init for the tests in the guest.
const guestVariable = "BTMESH2MQTT_VM_GUEST"

// TestMain plays the part that this process has: the guest's init, a helper in
// the guest, the tests in the guest, or the tests outside.
func TestMain(m *testing.M) {
	if os.Getpid() == 1 && os.Args[0] == "/init" {
		initMain()
	}
	if spec := os.Getenv(helperVariable); spec != "" {
		os.Exit(help(spec))
	}
	code := m.Run()
	if err := ourPrograms.close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// part is a test that runs in the guest.
type part struct {
	name string // no spaces: it is read back from go test's output
	run  func(*testing.T)
}

// inGuest runs the part, if -run chose it, and says at once how that went: go
// test does only when all parts are done, and a machine may not live so long.
func (p part) inGuest(t *testing.T) {
	var verdict string
	began := time.Now()
	t.Run(p.name, func(t *testing.T) {
		t.Cleanup(func() {
			verdict = "PASS"
			switch {
			case t.Failed():
				verdict = "FAIL"
			case t.Skipped():
				verdict = "SKIP"
			}
		})
		p.run(t)
	})
	if verdict != "" {
		fmt.Printf("--- %s: %s/%s (%.2fs)\n", verdict, t.Name(), p.name, time.Since(began).Seconds())
	}
}

// guest is a virtual machine and the test whose parts run in it.
type guest struct {
	parts []part
	stack bool // with everything that the service lives with, see programs
}

// here runs the parts that -run chose in this process, which runs in a guest.
func (g guest) here(t *testing.T) {
	for _, p := range g.parts {
		p.inGuest(t)
	}
}

func inGuest() bool { return os.Getenv(guestVariable) != "" }

// test runs the parts that -run chose in a machine of their own, and each of
// them counts here.
func (g guest) test(t *testing.T) {
	if inGuest() {
		g.here(t)
		return
	}
	m := newMachine(t, g)
	var chosen []string
	said := newReport()
	for _, p := range g.parts {
		name := t.Name() + "/" + p.name
		t.Run(p.name, func(t *testing.T) {
			chosen = append(chosen, p.name)
			t.Parallel() // what follows waits until the machine is off
			said.files.keep(t, name)
			r, ok := said.results[name]
			if !ok {
				t.Fatalf("it did not run to its end in the guest:\n%s", said.output[name])
			}
			t.Logf("%s after %s in the guest:\n%s", r.verdict, r.took, said.output[name])
			switch r.verdict {
			case "FAIL":
				t.Fail()
			case "SKIP":
				t.SkipNow()
			}
		})
	}
	if len(chosen) == 0 {
		return
	}
	m.build(t)
	*said = *m.run(t, choose(t.Name(), chosen...))
	if said.status != "0" {
		t.Errorf("the tests in the guest ended with the exit status %q", said.status)
	}
}

// choose is -test.run for parts of a test.
func choose(test string, parts ...string) string {
	return fmt.Sprintf("^%s$/^(%s)$", test, strings.Join(parts, "|"))
}

// TestLinux is about the way to the radio.
func TestLinux(t *testing.T) {
	guest{parts: []part{
		{"missing", testMissing},
		{"name_or_address", testNames},
		{"rights", testRights},
		{"held_by_another", testBusy},
		{"being_set_up", testSetUp},
		{"switched_off", testSwitchedOff},
		{"given_back_as_found", testGivesBack},
		{"given_back_among_signals", testSignals},
		{"close", testClose},
		{"removed", testRemoved},
		{"fresh", testFresh},
		{"air_extended_extended", testAir(false, false)},
		{"air_extended_legacy", testAir(false, true)},
		{"air_legacy_legacy", testAir(true, true)},
		{"replugged_extended", testReplug(false, false)},
		{"replugged_legacy", testReplug(true, false)},
		{"replugged_while_up", testReplug(false, true)},
	}}.test(t)
}
