package mqtt

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/mosquitto"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience limits every wait; the awaited message normally arrives in
// milliseconds.
const patience = 5 * time.Minute

// client is a session with channels for what the tests wait for.
type client struct {
	*mqtt.Session
	t        *testing.T
	status   chan mqtt.Status
	messages chan mqtt.Message
}

// options for a client of the server; attempts follow each other quickly.
func options(server *mosquitto.Server, id string, filters ...string) mqtt.Options {
	o := mqtt.Options{
		URL:      server.URL(),
		ClientID: id,
		Logger:   zerolog.Nop(),
		Limits:   mqtt.Limits{MinBackoff: 10 * time.Millisecond, MaxBackoff: 100 * time.Millisecond, Expiry: -1},
	}
	for _, f := range filters {
		o.Subscriptions = append(o.Subscriptions, mqtt.Subscription{Filter: f, QoS: 1})
	}
	return o
}

// open starts a session; the end of the test closes it.
func open(t *testing.T, o mqtt.Options) *client {
	t.Helper()
	c := &client{t: t, status: make(chan mqtt.Status, 10_000), messages: make(chan mqtt.Message, 50_000)}
	o.OnStatus = func(s mqtt.Status) { c.status <- s }
	o.Handler = func(m mqtt.Message) { c.messages <- m }
	var err error
	if c.Session, err = mqtt.New(o); err != nil {
		t.Fatal(err)
	}
	c.Start()
	t.Cleanup(func() { c.close() })
	return c
}

func (c *client) close() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		c.t.Error(err)
	}
}

// await returns the next status of the kind and skips others.
func (c *client) await(state mqtt.State) mqtt.Status {
	c.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case s := <-c.status:
			if s.State == state {
				return s
			}
		case <-deadline:
			c.t.Fatalf("no status %d arrived", state)
		}
	}
}

// expect returns when the messages have arrived in this order; others in
// between are skipped.
func (c *client) expect(want ...string) {
	c.t.Helper()
	deadline := time.After(patience)
	var seen []string
	for len(want) > 0 {
		select {
		case m := <-c.messages:
			got := m.Topic + "=" + string(m.Payload)
			seen = append(seen, got)
			if got == want[0] {
				want = want[1:]
			}
		case <-deadline:
			c.t.Fatalf("%q did not arrive; received: %q", want, seen)
		}
	}
}

// drain waits until the broker has acknowledged everything.
func (c *client) drain() {
	c.t.Helper()
	until(c.t, "everything is acknowledged", func() bool {
		s := c.Stats()
		return s.Queued == 0 && s.InFlight == 0
	})
}

// until polls for a condition that has no channel.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting until %s", what)
		}
		<-poll.C
	}
}

func TestRetainedFlagAndClear(t *testing.T) {
	t.Parallel()
	server := mosquitto.Start(t, mosquitto.Options{})
	bridge := open(t, options(server, "bridge"))
	bridge.Publish("b/lamp", []byte("on"), true)
	bridge.Publish("b/plug", []byte("on"), true)
	bridge.Clear("b/plug")
	bridge.Publish("b/end", []byte("."), true)
	bridge.drain()

	observer := open(t, options(server, "observer", "b/#"))
	stands := map[string]bool{}
	for range 2 {
		m := <-observer.messages
		stands[m.Topic] = m.Retained
	}
	if len(stands) != 2 || !stands["b/lamp"] || !stands["b/end"] {
		t.Errorf("retained: %v, expected b/lamp and b/end", stands)
	}
	bridge.Publish("b/lamp", []byte("off"), true)
	if m := <-observer.messages; m.Retained || string(m.Payload) != "off" {
		t.Errorf("live message: %+v", m)
	}
}

func TestWillWhenTheBridgeVanishes(t *testing.T) {
	t.Parallel()
	server := mosquitto.Start(t, mosquitto.Options{})
	observer := open(t, options(server, "observer", "b/state"))
	observer.await(mqtt.Connected)

	o := options(server, "bridge")
	o.Birth = mqtt.Message{Topic: "b/state", Payload: []byte("online")}
	o.Will = mqtt.Message{Topic: "b/state", Payload: []byte("offline")}
	vanishing, err := mqtt.New(o)
	if err != nil {
		t.Fatal(err)
	}
	vanishing.Start()
	observer.expect("b/state=online")

	// A context that has ended leaves no time for a last message: the
	// connection is dropped, and the broker publishes the will.
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := vanishing.Close(over); err == nil {
		t.Log("the last message was acknowledged in time")
	}
	observer.expect("b/state=offline")

	again := open(t, o)
	observer.expect("b/state=online")
	again.close()
	observer.expect("b/state=offline")
}

func TestBrokerKilledAndRestarted(t *testing.T) {
	t.Parallel()
	server := mosquitto.Start(t, mosquitto.Options{})
	o := options(server, "bridge", "b/+/set")
	o.Birth = mqtt.Message{Topic: "b/state", Payload: []byte("online")}
	bridge := open(t, o)
	bridge.await(mqtt.Connected)
	bridge.Publish("b/lamp", []byte("before"), true)
	bridge.Publish("b/plug", []byte("stands"), true)
	bridge.Event("b/button", []byte("0"), 1)
	bridge.drain()

	server.Kill()
	bridge.await(mqtt.Lost)
	until(t, "the session sees it", func() bool { return !bridge.Connected() })
	bridge.Publish("b/lamp", []byte("meanwhile"), true)
	for i := 1; i <= 100; i++ {
		bridge.Event("b/button", fmt.Append(nil, i), 1)
	}
	bridge.Publish("b/lamp", []byte("after"), true)
	server.Restart()

	// The broker forgot everything; a new client sees what the bridge has
	// published again.
	bridge.await(mqtt.Connected)
	bridge.drain()
	observer := open(t, options(server, "observer", "b/#"))
	got := map[string]string{}
	for range 3 {
		m := <-observer.messages
		got[m.Topic] = string(m.Payload)
	}
	want := map[string]string{"b/state": "online", "b/lamp": "after", "b/plug": "stands"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("retained after the restart: %v, expected %v", got, want)
	}
	if s := bridge.Stats(); s.DroppedOut != 0 || s.Acked < 103 {
		t.Errorf("stats: %+v", s)
	}
	// Subscriptions are restored too.
	observer.Event("b/lamp/set", []byte("on"), 1)
	bridge.expect("b/lamp/set=on")
}

func TestEventsOfAnOutageArriveInOrder(t *testing.T) {
	t.Parallel()
	server := mosquitto.Start(t, mosquitto.Options{})
	bridge := open(t, options(server, "bridge"))
	observer := open(t, options(server, "observer", "b/button"))
	bridge.await(mqtt.Connected)
	observer.await(mqtt.Connected)

	// A frozen broker accepts what is sent and answers nothing.
	server.Pause()
	var want []string
	for i := range 200 {
		bridge.Event("b/button", fmt.Append(nil, i), 1)
		want = append(want, fmt.Sprintf("b/button=%d", i))
	}
	until(t, "as much is on its way as may be", func() bool { return bridge.Stats().InFlight >= 4 && bridge.Stats().Queued > 0 })
	server.Resume()
	observer.expect(want...)
}

func TestBrokerThatDoesNotAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	server := mosquitto.Start(t, mosquitto.Options{})
	o := options(server, "bridge")
	o.Limits.Timeout = 500 * time.Millisecond
	bridge := open(t, o)
	bridge.await(mqtt.Connected)
	server.Pause()
	bridge.Publish("b/lamp", []byte("on"), true)
	if s := bridge.await(mqtt.Lost); s.Err == nil || !strings.Contains(s.Err.Error(), "does not acknowledge") {
		t.Errorf("lost: %v", s.Err)
	}
	bridge.await(mqtt.Failed)
	server.Resume()
	bridge.await(mqtt.Connected)
	bridge.drain()
}
