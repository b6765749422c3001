package service

import (
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/broker"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/need"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
)

// The demo's own broker has a fixed address, so the tests that use it do not
// run in parallel with any other.
const demoBroker = "127.0.0.1:1883"

// needDemoPort requires the demo's port to be free.
func needDemoPort(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", demoBroker)
	if err != nil {
		need.Missing(t, "port 1883", "the demo's broker needs this port, which another program is using: "+err.Error())
		return
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
}

// localBroker is a broker in the test process, for tests that need no
// container.
func localBroker(t *testing.T) string {
	t.Helper()
	b, err := broker.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return "tcp://" + b.Addr()
}

var demoDevices = []string{"demo_plug", "demo_lamp", "demo_color_lamp", "demo_sensor", "demo_button"}

const base = "btmesh2mqtt/"

// TestDemo is a newcomer who has nothing but Go.
func TestDemo(t *testing.T) {
	needDemoPort(t)
	demo := start(t, "demo")
	demo.ready()
	t.Logf("five devices provisioned and configured %.1f s after the start (race detector: %v)",
		time.Since(demo.Started).Seconds(), withRace)
	o := observer.Start(t, "tcp://"+demoBroker, nil)
	for _, name := range demoDevices {
		o.AwaitLast(base+name+"/availability", `{"state":"online"}`)
	}
	o.AwaitLastMatch(base+"bridge/devices", "with all devices configured", configured(demoDevices...))
	first, ok := o.Last(base + "demo_sensor")
	if !ok {
		t.Fatal("the sensor has no state after the interview")
	}

	// Every command that it prints works.
	typed := publishCommands(t, demo.Stdout.String())
	want := map[string]string{
		base + "demo_plug/set":       `{"state":"ON"}`, // it toggles, and was off
		base + "demo_lamp/set":       `{"state":"ON","brightness":128,"color_temp":3000,"color_mode":"color_temp"}`,
		base + "demo_color_lamp/set": `{"color":{"h":240,"s":100},"color_mode":"hs"}`,
	}
	for topic, payload := range typed {
		if want[topic] == "" {
			t.Errorf("no expectation for %s %s", topic, payload)
			continue
		}
		o.Send(topic, payload)
		o.AwaitLast(strings.TrimSuffix(topic, "/set"), want[topic])
	}
	if len(typed) != len(want) {
		t.Errorf("the demo prints the commands %v, expected commands to %d topics", typed, len(want))
	}

	mark := o.Mark()
	demo.Press()
	o.Next(mark, base+"demo_button/event", `{"event_type":"on"}`)
	demo.Press()
	o.Next(mark, base+"demo_button/event", `{"event_type":"off"}`)

	// The light in the virtual room changes without a request.
	o.AwaitLastMatch(base+"demo_sensor", "other than "+string(first), func(payload []byte) bool {
		return observer.Contains(payload, `{"battery_low":false}`) && string(payload) != string(first)
	})
	demo.Stop()
	if out := demo.Stdout.String(); !strings.Contains(out, "The demo has ended.") {
		t.Errorf("the demo ends without a message: %q", out)
	}
	if text := demo.Stderr.String(); text != "" {
		t.Errorf("warnings on standard error: %s", text)
	}
}

// configured reports whether bridge/devices lists the devices and all are
// configured.
func configured(names ...string) func([]byte) bool {
	return func(payload []byte) bool {
		var states []string
		for _, d := range devicesOf(payload) {
			if d.Interview == "successful" {
				states = append(states, d.Name)
			}
		}
		slices.Sort(states)
		return slices.Equal(states, slices.Sorted(slices.Values(names)))
	}
}

// listed is a device of bridge/devices.
type listed struct {
	Name      string `json:"friendly_name"`
	UUID      string `json:"uuid"`
	Address   string `json:"address"`
	Interview string `json:"interview_state"`
	Joined    string `json:"joined"`
}

func devicesOf(payload []byte) (list []listed) {
	_ = json.Unmarshal(payload, &list) // an empty list fails every expectation
	return list
}

func TestDemoSaysWhatIsWrongWhenThePortIsTaken(t *testing.T) {
	needDemoPort(t)
	listener, err := net.Listen("tcp", demoBroker)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	demo := start(t, "demo")
	if code := demo.Wait(); code != 1 {
		t.Errorf("exit code %d, expected 1", code)
	}
	message := demo.Stderr.String()
	for _, part := range []string{"btmesh2mqtt: ", demoBroker, "taken", "--mqtt.url"} {
		if !strings.Contains(message, part) {
			t.Errorf("the message does not mention %q: %q", part, message)
		}
	}
	if strings.Count(strings.TrimSpace(message), "\n") > 0 {
		t.Errorf("more than one line: %q", message)
	}
}

// publishCommands finds the mosquitto_pub commands in the demo's output:
// payload by topic. A host and port in them must be those of the broker.
func publishCommands(t *testing.T, text string) map[string]string {
	t.Helper()
	command := regexp.MustCompile(`(?m)^ *mosquitto_pub(?: -h (\S+))?(?: -p (\d+))? -t (\S+) -m '([^']*)'$`)
	found := map[string]string{}
	for _, m := range command.FindAllStringSubmatch(text, -1) {
		found[m[3]] = m[4]
	}
	if n := strings.Count(text, "mosquitto_pub"); n != len(found) {
		t.Errorf("%d of %d commands can be read:\n%s", len(found), n, text)
	}
	return found
}

// With the user's own broker the demo prints how to reach that one, and logs
// off from it.
func TestDemoOnAnotherBroker(t *testing.T) {
	t.Parallel()
	url := localBroker(t)
	o := observer.Start(t, url, nil)
	demo := start(t, "demo", "--mqtt.url", url, "--mqtt.base_topic", "home/mesh")
	demo.ready()
	o.AwaitLast("home/mesh/bridge/state", `{"state":"online"}`)
	host, port, err := net.SplitHostPort(strings.TrimPrefix(url, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprintf("mosquitto_pub -h %s -p %s -t home/mesh/demo_plug/set", host, port)
	if out := demo.Stdout.String(); !strings.Contains(out, said) {
		t.Errorf("the demo does not print %q", said)
	}
	for topic, payload := range publishCommands(t, demo.Stdout.String()) {
		mark := o.Mark()
		o.Send(topic, payload)
		o.NextMatch(mark, strings.TrimSuffix(topic, "/set"), "with a state", func([]byte) bool { return true })
	}
	demo.Stop()
	o.AwaitLast("home/mesh/bridge/state", `{"state":"offline"}`)
}
