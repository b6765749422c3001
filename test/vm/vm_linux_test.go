package vm

import (
	"os"
	"testing"
)

// guestVariable is set by the guest's init for the tests in the guest.
const guestVariable = "BTMESH2MQTT_VM_GUEST"

// TestMain plays the part that this process has: the guest's init, a helper in
// the guest, the tests in the guest, or the tests outside.
func TestMain(m *testing.M) {
	if os.Getpid() == 1 && os.Args[0] == "/init" {
		boot()
	}
	if spec := os.Getenv(helperVariable); spec != "" {
		os.Exit(help(spec))
	}
	os.Exit(m.Run())
}

// part is a test that runs in the guest.
type part struct {
	name string // no spaces: it is read back from go test's output
	run  func(*testing.T)
}

func parts() []part {
	return []part{
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
	}
}

// TestLinux has the guest run the parts, and each of them counts here.
func TestLinux(t *testing.T) {
	if os.Getenv(guestVariable) != "" {
		for _, p := range parts() {
			t.Run(p.name, p.run)
		}
		return
	}
	m := newMachine(t)
	m.run(t)
	for _, p := range parts() {
		t.Run(p.name, func(t *testing.T) {
			r, ok := m.results["TestLinux/"+p.name]
			if !ok {
				t.Fatalf("it did not run to its end in the guest:\n%s", m.output["TestLinux/"+p.name])
			}
			t.Logf("%s in the guest", r.took)
			if r.verdict != "PASS" {
				t.Errorf("%s in the guest:\n%s", r.verdict, m.output["TestLinux/"+p.name])
			}
		})
	}
	if t.Failed() || m.status != "0" {
		t.Errorf("the guest ended with status %q; its kernel said:\n%s", m.status, m.console(t))
	}
}

// statusLine is the guest's last word.
const statusLine = "guest: exit status "
