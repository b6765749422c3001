package service

import (
	"net/http"
	"strings"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/mosquitto"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/observer"
)

func TestWillAfterKill(t *testing.T) {
	t.Parallel()
	server := mosquitto.Start(t, mosquitto.Options{})
	o := observer.Start(t, server.URL(), nil)
	demo := start(t, "demo", "--mqtt.url", server.URL())
	demo.ready()
	listens(o, 0)
	demo.Kill()
	o.AwaitLast(base+"bridge/state", `{"state":"offline"}`)
	if state := observer.Retained(t, server.URL(), nil)[base+"bridge/state"]; !observer.Contains(state, `{"state":"offline"}`) {
		t.Errorf("retained: %q", state)
	}
}

// The broker is killed and returns with an empty store. What happened meanwhile
// is published in order, and all retained messages are published again.
func TestBrokerKilledAndRestarted(t *testing.T) {
	t.Parallel()
	const presses = 6
	server := mosquitto.Start(t, mosquitto.Options{})
	between := newProxy(t, server.Addr())
	o := observer.Start(t, server.URL(), nil)
	m := monitor{t, freeAddr(t)}
	demo := start(t, "demo", "--mqtt.url", between.url(), "--http.listen", m.addr, "--mqtt.event_expiry", "1h")
	demo.ready()
	listens(o, 0)
	m.awaitHealth(http.StatusOK)
	o.Send(base+"demo_lamp/set", `{"state":"ON","brightness":200,"color_temp":4000}`)
	o.AwaitLast(base+"demo_lamp", `{"state":"ON","brightness":200,"color_temp":4000}`)
	// Their first states may come after the answers to their provisioning.
	o.AwaitLast(base+"demo_plug", `{"state":"OFF"}`)
	o.AwaitLast(base+"demo_color_lamp", `{"state":"OFF"}`)
	before := observer.Retained(t, server.URL(), nil)

	between.shut()
	server.Kill()
	if text := m.awaitHealth(http.StatusServiceUnavailable); !strings.Contains(text, "broker") {
		t.Errorf("/healthz does not report the cause: %q", text)
	}
	if m.value("mqtt_connected") != 0 {
		t.Error("mqtt_connected is not 0")
	}
	// Each press adds one event that waits.
	for range presses {
		queued := m.value("mqtt_queued")
		demo.Press()
		m.await("the event to be queued", func() bool { return m.value("mqtt_queued") > queued })
	}
	mark := o.Mark()
	server.Restart()
	o.AwaitConnection(2)
	between.open()
	listens(o, mark)
	for i, event := range o.Collect(mark, base+"demo_button/event", presses) {
		if want := [2]string{"on", "off"}[i%2]; !observer.Contains([]byte(event), `{"event_type":"`+want+`"}`) {
			t.Errorf("event %d of the outage: %s, expected %s", i+1, event, want)
		}
	}
	m.awaitHealth(http.StatusOK)

	for topic := range before {
		o.NextMatch(mark, topic, "again", func([]byte) bool { return true })
	}
	after := observer.Retained(t, server.URL(), nil)
	for topic, payload := range before {
		switch {
		case after[topic] == nil:
			t.Errorf("%s is not retained any more", topic)
		case strings.HasPrefix(topic, base+"bridge/"), strings.HasPrefix(topic, base+"demo_sensor"):
			// These change by themselves.
		case string(after[topic]) != string(payload):
			t.Errorf("%s was %s and is %s", topic, payload, after[topic])
		}
	}
	o.Send(base+"demo_lamp/set", `{"brightness":10}`)
	o.AwaitLast(base+"demo_lamp", `{"brightness":10,"color_temp":4000}`)
}

// Presses of a button that are old when the broker is back are not published. The
// loss is reported, and what is pressed afterwards arrives.
func TestOldPressesAreDropped(t *testing.T) {
	t.Parallel()
	const presses = 6
	url := localBroker(t)
	between := newProxy(t, strings.TrimPrefix(url, "tcp://"))
	o := observer.Start(t, url, nil)
	m := monitor{t, freeAddr(t)}
	demo := start(t, "demo", "--mqtt.url", between.url(), "--http.listen", m.addr, "--mqtt.event_expiry", "1s", "--log.format", "json")
	demo.ready()
	listens(o, 0)
	m.awaitHealth(http.StatusOK)

	between.shut()
	m.awaitHealth(http.StatusServiceUnavailable)
	dropped := m.value("mqtt_dropped_total")
	for range presses {
		demo.Press()
	}
	m.await("the events to be dropped", func() bool { return m.value("mqtt_dropped_total") >= dropped+presses })
	mark := o.Mark()
	between.open()
	listens(o, mark)
	o.NextMatch(mark, base+"bridge/logging", "with the loss", func(payload []byte) bool { return strings.Contains(string(payload), "were not delivered") })
	o.NextMatch(mark, base+"bridge/health", "with the loss", func(payload []byte) bool { return strings.Contains(string(payload), `"last_loss"`) })
	demo.Press()
	o.Next(mark, base+"demo_button/event", `{"event_type":"on"}`)
	if got := o.Collect(mark, base+"demo_button/event", 1); len(got) != 1 {
		t.Errorf("presses %v, expected that of afterwards alone", got)
	}
	demo.Await(&demo.Stderr, "were not delivered")
}

// A real broker whose access rules forbid everything acknowledges what it drops.
func TestBrokerThatDeniesEverything(t *testing.T) {
	t.Parallel()
	server := mosquitto.Start(t, mosquitto.Options{
		Config: "acl_file /mosquitto/config/rules", Files: map[string]string{"rules": "user nobody\ntopic readwrite #\n"},
	})
	demo := start(t, "demo", "--mqtt.url", server.URL(), "--log.format", "json")
	demo.Await(&demo.Stderr, "nothing that the bridge publishes comes back from the broker")
	for _, part := range []string{"access rules", base + "bridge/info", base + "bridge/request/#"} {
		if text := demo.Stderr.String(); !strings.Contains(text, part) {
			t.Errorf("the log does not mention %q: %s", part, text)
		}
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	const name, wrong = "bridge", "guess-xyzzy"
	strict := mosquitto.Start(t, mosquitto.Options{Users: map[string]string{name: "secret"}})
	between := newProxy(t, strict.Addr())
	demo := start(t, "demo", "--mqtt.url", between.url(), "--mqtt.username", name, "--mqtt.password", wrong,
		"--log.format", "json")
	demo.Await(&demo.Stderr, "no connection to the MQTT broker")
	demo.Await(&demo.Stdout, "Waiting for the broker") // the mesh works without a broker
	line := demo.Stderr.String()
	for _, part := range []string{`"level":"error"`, between.addr, `mqtt.username`, `mqtt.password`, name} {
		if !strings.Contains(line, part) {
			t.Errorf("the log does not mention %q: %s", part, line)
		}
	}
	// The administrator of the broker allows access, and the program connects.
	lenient := mosquitto.Start(t, mosquitto.Options{Users: map[string]string{name: wrong}})
	between.redirect(lenient.Addr())
	o := observer.Start(t, lenient.URL(), func(o *mqtt.Options) { o.Username, o.Password = name, wrong })
	o.AwaitLast(base+"bridge/state", `{"state":"online"}`)
	o.AwaitLast(base+"demo_plug/availability", `{"state":"online"}`)
	// It logged the refusal once, however often it tried.
	if n := strings.Count(demo.Stderr.String(), "no connection to the MQTT broker"); n != 1 {
		t.Errorf("%d lines about it in the log, expected one:\n%s", n, demo.Stderr.String())
	}
	if strings.Contains(demo.Stderr.String()+demo.Stdout.String(), wrong) {
		t.Error("the password is in the log")
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := mosquitto.Start(t, mosquitto.Options{TLS: true})
	stranger := start(t, "demo", "--mqtt.url", server.URL(), "--log.format", "json")
	trusting := start(t, "demo", "--mqtt.url", server.URL(), "--mqtt.tls.ca", server.CAFile())
	stranger.Await(&stranger.Stderr, "no connection to the MQTT broker")
	for _, part := range []string{`"level":"error"`, "unknown authority", "mqtt.tls.ca"} {
		if line := stranger.Stderr.String(); !strings.Contains(line, part) {
			t.Errorf("the log does not mention %q: %s", part, line)
		}
	}
	stranger.Stop()

	o := observer.Start(t, server.URL(), func(o *mqtt.Options) { o.TLS.CAFile = server.CAFile() })
	trusting.ready()
	listens(o, 0)
	o.Send(base+"demo_plug/set", `{"state":"ON","transaction":1}`)
	o.Next(0, base+"demo_plug/set/response", `{"status":"ok","transaction":1}`)
	o.AwaitLast(base+"demo_plug", `{"state":"ON"}`)
	trusting.Stop()
	o.AwaitLast(base+"bridge/state", `{"state":"offline"}`)
}
