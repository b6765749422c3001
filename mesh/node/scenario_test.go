package node_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
)

// TestScenarios plays the scripts in testdata/scenarios. Each is a text that is
// read from top to bottom: a command, its input, and behind "----" what the cores
// put out because of it, in the order of node.Output, with the time since the start.
//
// After a wanted change of behaviour the expected output is written anew with
//
//	go test ./mesh/node -run TestScenarios -rewrite
//
// The commands are in the table below; testdata/scenarios/README says more.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/scenarios", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			return
		}
		s := newScenario(t)
		datadriven.RunTest(t, path, s.run)
	})
}

// scenario is the world of one script: nodes in fake time, and what they put out.
type scenario struct {
	*pump
	t       *testing.T // of the command
	d       *datadriven.TestData
	analyst *analyst
	show    map[string]bool // which lines are printed; nil for all
	of      []string        // of which nodes; nil for all
	silent  bool            // nothing is printed
	deafTo  map[[2]string]bool
	lines   []string
	reports []string // of the present command, "node Type"
	links   map[linkName]*proxyWriter
	plugs   map[string]*device.Plug // as they are since their last start
	buttons map[string]*device.Button
}

func newScenario(t *testing.T) *scenario {
	s := &scenario{
		pump: newPump(t), deafTo: map[[2]string]bool{}, links: map[linkName]*proxyWriter{},
		plugs: map[string]*device.Plug{}, buttons: map[string]*device.Button{},
	}
	s.analyst = newAnalyst(s)
	s.watch = s.print
	s.deaf = func(from, to *member) bool { return s.deafTo[[2]string{from.name, to.name}] }
	return s
}

// commands are what a script can say, by the first word of a line.
func (s *scenario) commands() map[string]func() error {
	return map[string]func() error{
		// The world.
		"network": s.network, // a network of the nodes listed in the input
		"device":  s.device,  // an unprovisioned device
		"deaf":    s.deafen,  // two nodes do not hear each other; "off" ends it
		"loss":    s.lose,    // how many of a hundred advertisements are lost
		"show":    s.filter,  // which lines are printed from here on
		// Time.
		"run": s.letTimePass, // time passes: "run 10s", or until=(node, report)
		// Inputs from outside the mesh.
		"request":       s.request,
		"cancel":        s.cancel,
		"provision":     s.provisionDevice,
		"abort":         s.abort,
		"value":         s.value,
		"refresh":       s.refreshNode,
		"press":         s.press,
		"toggle":        s.toggle,
		"edit":          s.editNode,
		"iv-update":     s.ivUpdate,
		"forget":        s.forget,
		"leave-friend":  s.leaveFriend,
		"identify":      s.identify,
		"restart":       s.restartNode,
		"reset":         s.resetNode,
		"skip-sequence": s.skipSequence,
		"program":       s.program, // the next start has other elements
		"together":      s.batch,   // several inputs, and one Take
		// Inputs from the radio, of somebody who is no node of the script.
		"receive":       s.receive,
		"beacon":        s.beacon,
		"unprovisioned": s.unprovisioned,
		"sighting":      s.sighting,
		"link":          s.link,
		// Questions.
		"state":    s.printState,
		"counters": s.printCounters,
		"peers":    s.printPeers,
	}
}

// run does one command of a script.
func (s *scenario) run(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	s.t, s.TB, s.d, s.lines, s.reports = t, t, d, nil, nil
	command := s.commands()[d.Cmd]
	if command == nil {
		d.Fatalf(t, "unknown command %q, expected one of %q", d.Cmd, slices.Sorted(maps.Keys(s.commands())))
	}
	if v, ok := d.Arg("show"); ok {
		before := s.show
		s.show = set(v.Vals)
		defer func() { s.show = before }()
	}
	if v, ok := d.Arg("of"); ok && d.Cmd != "show" {
		before := s.of
		s.of = v.Vals
		defer func() { s.of = before }()
	}
	if err := command(); err != nil {
		d.Fatalf(t, "%s: %v", d.Cmd, err)
	}
	if len(s.lines) == 0 {
		return "nothing\n"
	}
	return strings.Join(s.lines, "\n") + "\n"
}

func (s *scenario) say(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// since is a time as scripts have it.
func (s *scenario) since(t time.Time) string {
	return t.Sub(start).Round(time.Millisecond).String()
}

func set(words []string) map[string]bool {
	all := map[string]bool{}
	for _, w := range words {
		all[w] = true
	}
	return all
}

// filter sets what is printed: "show message report", "show all", and
// "show report of=(plug, lamp)". An "event" is a report of something else than a message.
func (s *scenario) filter() error {
	s.show, s.of = map[string]bool{}, nil
	for _, a := range s.d.CmdArgs {
		switch a.Key {
		case "of":
			s.of = a.Vals
		case "all":
			s.show = nil
		case "send":
			for _, kind := range []string{"message", "beacon", "provisioning", "solicitation"} {
				s.show[kind] = true
			}
		default:
			s.show[a.Key] = true
		}
	}
	s.say("ok")
	return nil
}

// shows reports whether lines of a kind are printed.
func (s *scenario) shows(kind string) bool { return s.show == nil || s.show[kind] }

// letTimePass lets time pass, up to a report if one is named.
func (s *scenario) letTimePass() error {
	limit, err := time.ParseDuration(s.d.CmdArgs[0].Key)
	if err != nil {
		return err
	}
	until, limited := s.d.Arg("until")
	if !limited {
		s.pass(limit)
		s.say("(it is %s)", s.since(s.now))
		return nil
	}
	want := strings.Join(until.Vals, " ")
	for end := s.now.Add(limit); !slices.Contains(s.reports, want); {
		if !s.step(end) {
			return fmt.Errorf("%s was not reported in %s", want, limit)
		}
	}
	return nil
}

// member finds a node by its name.
func (s *scenario) member(name string) (*member, error) {
	for _, m := range s.members {
		if m.name == name {
			return m, nil
		}
	}
	return nil, fmt.Errorf("there is no node %q", name)
}

// subject is the node that the first word behind the command names.
func (s *scenario) subject() (*member, error) {
	if len(s.d.CmdArgs) == 0 {
		return nil, fmt.Errorf("expected the name of a node behind %s", s.d.Cmd)
	}
	return s.member(s.d.CmdArgs[0].Key)
}

// on runs an input of the subject and carries out what its core wants. An error is what
// the core answers, and is printed; mistakes of the script end it.
func (s *scenario) on(input func(*member) error) error {
	m, err := s.subject()
	if err != nil {
		return err
	}
	if err := input(m); err != nil {
		s.say("error: %v", err)
	}
	s.carryOut(m)
	return nil
}

// arg is an argument of the command, or what it is without it.
func (s *scenario) arg(key, otherwise string) string {
	if a, ok := s.d.Arg(key); ok && len(a.Vals) > 0 {
		return a.Vals[0]
	}
	return otherwise
}
