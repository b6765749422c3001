package bridge_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/broker"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/topic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
)

// town is a broker with bridges and an observer, in a synctest bubble.
type town struct {
	t      *testing.T
	broker *broker.Broker
	heard  *recorder
	client *mqtt.Session
}

// inTown runs a test with a broker.
func inTown(t *testing.T, f func(t *testing.T, c *town)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b, err := broker.StartMemory(nil)
		if err != nil {
			t.Fatal(err)
		}
		c := &town{t: t, broker: b, heard: newRecorder()}
		c.client = session(t, b, "client", mqtt.Options{
			Subscriptions: []mqtt.Subscription{{Filter: "#", QoS: 1}},
			Limits:        mqtt.Limits{Payload: 4 << 20, Events: 10_000},
			Handler: func(m mqtt.Message) {
				if len(m.Payload) == 0 {
					c.heard.Clear(m.Topic)
					return
				}
				c.heard.Publish(m.Topic, m.Payload, true)
				c.heard.Event(m.Topic, m.Payload, 0)
			},
		})
		c.client.Start()
		synctest.Wait()
		f(t, c)
		c.close(c.client)
		synctest.Wait()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (c *town) close(s *mqtt.Session) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		c.t.Error(err)
	}
}

// house is a bridge of a town, with everything that cmd connects.
type house struct {
	*world
	session *mqtt.Session
	way     *way
	leave   func()
}

// way is the connection of a house to the broker.
type way struct {
	broker *broker.Broker
	mu     sync.Mutex
	away   bool
	denies func(topic string) bool // what the broker drops although it acknowledges it
	conns  []net.Conn
}

// set takes the broker away or brings it back.
func (w *way) set(away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = away
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

func (w *way) dial(context.Context, *url.URL) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		return nil, errors.New("connection refused")
	}
	c, err := w.broker.Dial()
	if err != nil {
		return nil, err
	}
	w.conns = append(w.conns, c)
	return &denied{Conn: c, denies: w.denies}, nil
}

// denied is a connection to a broker whose access rules forbid topics: it replaces
// the topic of what is published, since such a broker acknowledges and drops it.
type denied struct {
	net.Conn
	denies func(topic string) bool
}

func (d *denied) Write(p []byte) (int, error) {
	if d.denies == nil || p[0]>>4 != 3 { // PUBLISH
		return d.Conn.Write(p)
	}
	body := 1
	for p[body]&0x80 != 0 {
		body++
	}
	body++
	length := int(binary.BigEndian.Uint16(p[body:]))
	if topic := string(p[body+2 : body+2+length]); !d.denies(topic) {
		return d.Conn.Write(p)
	}
	hidden := bytes.Clone(p)
	for i := range length {
		hidden[body+2+i] = '-'
	}
	hidden[0] &^= 1 // not retained
	return d.Conn.Write(hidden)
}

// build starts a bridge with an identifier.
func (c *town) build(id string, change ...func(h *house, o *mqtt.Options)) *house {
	c.t.Helper()
	h := &house{world: newWorld(c.t), way: &way{broker: c.broker}}
	return h.begin(c, id, change...)
}

func (h *house) begin(c *town, id string, change ...func(h *house, o *mqtt.Options)) *house {
	c.t.Helper()
	var o mqtt.Options
	for _, f := range change {
		f(h, &o)
	}
	h.cfg.Broker = func() mqtt.Stats { return h.session.Stats() }
	svc, err := bridge.New(h.cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	h.svc, h.net.Report = svc, svc.Report
	o.Handler, o.OnStatus, o.OnNotice = svc.Handle, svc.Status, svc.Notice
	o.Birth = mqtt.Message{Topic: h.cfg.Topics.BridgeState(), Payload: []byte(online), Retained: true}
	o.Will = mqtt.Message{Topic: h.cfg.Topics.BridgeState(), Payload: []byte(offline), Retained: true}
	o.Subscriptions = append(bridge.Subscriptions(h.cfg.Topics), mqtt.Subscription{Filter: "homeassistant/status", QoS: 1})
	o.URL, o.ClientID, o.Logger, o.Dial = "tcp://broker", id, h.cfg.Logger.Level(zerolog.InfoLevel), h.way.dial
	if h.session, err = mqtt.New(o); err != nil {
		c.t.Fatal(err)
	}
	h.session.Start()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- svc.Run(ctx, h.session) }()
	h.leave = func() {
		cancel()
		if err := <-ended; err != nil {
			c.t.Error(err)
		}
		c.close(h.session)
		synctest.Wait()
	}
	pass(time.Second)
	return h
}

// admit gives a house a device.
func (c *town) admit(h *house, name string, d *fake.Node) {
	c.t.Helper()
	h.net.Place(d)
	c.client.Event(h.cfg.Topics.Request("device/provision"), []byte(`{"uuid":"`+d.UUID.String()+`","name":"`+name+`"}`), 1)
	pass(20 * time.Second)
}

// warnings are those of bridge/logging with a text.
func (c *town) warnings(text string) []string {
	var found []string
	for _, w := range c.heard.take("b/bridge/logging") {
		if strings.Contains(w, text) {
			found = append(found, w)
		}
	}
	return found
}

// Ten minutes without a broker at a hundred changes a second: the states are right
// ten seconds after it is back, no press of a button is published late, and
// bridge/logging and bridge/health tell what was lost, once.
func TestBrokerAwayForTenMinutes(t *testing.T) {
	inTown(t, func(t *testing.T, c *town) {
		h := c.build("bridge")
		defer h.leave()
		const plugs, rate = 10, 100
		var nodes []*fake.Node
		for i := range plugs {
			d := fake.Plug(uuid(byte(1 + i)))
			c.admit(h, fmt.Sprintf("plug%d", i), d)
			nodes = append(nodes, d)
		}
		button := fake.Button(uuid(100))
		c.admit(h, "button", button)
		c.heard.take()

		states := map[string]string{}
		n := 0
		work := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); n++ {
				on := n/plugs%2 == 0
				i := n % plugs
				h.report(nodes[i], 0, &generic.OnOffStatus{PresentOnOff: on})
				states[fmt.Sprintf("b/plug%d", i)] = map[bool]string{true: `{"state":"ON"}`, false: `{"state":"OFF"}`}[on]
				if n%(10*rate) == 0 {
					h.report(button, 0, &generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{OnOff: true, TID: byte(n / 10 / rate)}})
				}
				time.Sleep(time.Second / rate)
			}
		}
		work(30 * time.Second)
		if got := c.heard.take("b/button/event"); len(got) != 3 {
			t.Fatalf("%d presses before the outage: %v", len(got), got)
		}
		h.way.set(true)
		work(600 * time.Second)
		h.way.set(false)
		work(10 * time.Second)
		synctest.Wait()

		for topic, want := range states {
			if got := c.heard.value(topic); got != want {
				t.Errorf("%s is %s, expected %s", topic, got, want)
			}
		}
		if got := c.heard.take("b/button/event"); len(got) > 2 {
			t.Errorf("%d presses came: %v", len(got), got)
		}
		lost := c.warnings("")
		if len(lost) != 1 || !strings.Contains(lost[0], "b/button/event") {
			t.Errorf("warnings %v", lost)
		}
		health := object(t, c.heard.value("b/bridge/health"))["broker"].(map[string]any)
		last, _ := health["last_loss"].(map[string]any)
		if count, _ := last["events"].(float64); count < 58 || health["losses"] != 1.0 {
			t.Errorf("health %v", health)
		}
	})
}

// A second bridge with the same base topic: both say so once, the one that was
// there first restores its topics, they do not fight, and whoever leaves, the other
// one's topics stand.
func TestTwoBridgesOnOneBaseTopic(t *testing.T) {
	inTown(t, func(t *testing.T, c *town) {
		first := c.build("first")
		c.admit(first, "plug", fake.Plug(uuid(1)))
		pass(time.Minute)
		devices := c.heard.value("b/bridge/devices")
		if !strings.Contains(devices, `"plug"`) {
			t.Fatalf("devices %s", devices)
		}
		c.heard.take()

		second := c.build("second")
		pass(10 * time.Second)
		if got := c.heard.value("b/bridge/devices"); got != devices {
			t.Errorf("devices %s, expected those of the first bridge", got)
		}
		if got := c.warnings("Both answer every command"); len(got) != 2 {
			t.Errorf("warnings %q, expected one of each bridge", got)
		}
		count := c.heard.published("b/bridge/devices")
		pass(time.Hour)
		if more := c.heard.published("b/bridge/devices") - count; more > 2 {
			t.Errorf("bridge/devices was published %d times in an hour", more)
		}
		if got := c.warnings(""); len(got) > 4 {
			t.Errorf("%d warnings in an hour: %q", len(got), got)
		}
		if health := c.heard.value("b/bridge/health"); !strings.Contains(health, `"other_bridges":[{`) {
			t.Errorf("health %s", health)
		}
		second.leave()
		pass(5 * time.Second)
		if got := c.heard.value("b/bridge/state"); got != online {
			t.Errorf("state %s after the second bridge has left", got)
		}
		if got := c.heard.value("b/bridge/devices"); got != devices {
			t.Errorf("devices %s", got)
		}

		third := c.build("third")
		pass(time.Minute)
		first.leave()
		pass(5 * time.Second)
		if got := c.heard.value("b/bridge/state"); got != online {
			t.Errorf("state %s after the first bridge has left", got)
		}
		if got := c.heard.value("b/bridge/devices"); got != "[]" {
			t.Errorf("devices %s, expected those of the third bridge", got)
		}
		third.leave()
		if got := c.heard.value("b/bridge/state"); got != offline {
			t.Errorf("state %s after all have left", got)
		}
	})
}

// Somebody writes to the bridge's topics. It says so once, and puts its own values
// back; against one who insists it does not fight.
func TestForeignValues(t *testing.T) {
	inTown(t, func(t *testing.T, c *town) {
		h := c.build("bridge")
		defer h.leave()
		c.admit(h, "hall/plug", fake.Plug(uuid(1)))
		pass(10 * time.Second)
		topics := []string{
			"b/bridge/devices", "b/bridge/state", "b/bridge/unprovisioned", "b/hall/plug/availability", "b/hall/plug",
			"homeassistant/device/btmesh_00000000000000000000000000000001/config",
		}
		before := map[string]string{}
		for _, topic := range topics {
			if before[topic] = c.heard.value(topic); before[topic] == "" {
				t.Fatalf("nothing on %s", topic)
			}
		}
		c.heard.take()
		for _, foreign := range []string{`{"state":"offline"}`, "x"} {
			for _, topic := range topics {
				c.client.Publish(topic, []byte(foreign), true)
			}
			pass(6 * time.Second)
			for _, topic := range topics {
				if got := c.heard.value(topic); got != before[topic] {
					t.Errorf("%s is %s, expected %s", topic, got, before[topic])
				}
			}
		}
		warnings := c.warnings("somebody else publishes")
		if len(warnings) != 1 || !strings.Contains(warnings[0], topics[0]) || !strings.Contains(warnings[0], "offline") {
			t.Errorf("warnings %q", warnings)
		}
		if health := c.heard.value("b/bridge/health"); !strings.Contains(health, `"foreign":[{"topic":"b/bridge/devices"`) {
			t.Errorf("health %s", health)
		}
		c.client.Clear("b/bridge/devices")
		pass(20 * time.Second)
		if got := c.heard.value("b/bridge/devices"); got != before["b/bridge/devices"] {
			t.Errorf("devices %q after they were cleared", got)
		}

		count := c.heard.published("b/bridge/devices")
		for range 3600 {
			c.client.Publish("b/bridge/devices", []byte("[]"), true)
			pass(time.Second)
		}
		if ours := c.heard.published("b/bridge/devices") - count - 3600; ours < 10 || ours > 60 {
			t.Errorf("%d corrections in an hour", ours)
		}
		if got := c.warnings(""); len(got) > 1 {
			t.Errorf("warnings %q", got)
		}
	})
}

// A device whose topics have foreign values is removed before they are corrected.
func TestForeignValuesOfADeviceThatLeaves(t *testing.T) {
	inTown(t, func(t *testing.T, c *town) {
		h := c.build("bridge")
		defer h.leave()
		c.admit(h, "plug", fake.Plug(uuid(1)))
		pass(10 * time.Second)
		for range 3 {
			c.client.Publish("b/plug/availability", []byte("x"), true)
			pass(20 * time.Second)
		}
		c.client.Publish("b/plug/availability", []byte("x"), true)
		pass(time.Second)
		c.client.Event("b/bridge/request/device/remove", []byte(`{"id":"plug"}`), 1)
		pass(10 * time.Minute)
		if got := c.heard.standing("plug"); len(got) != 0 {
			t.Errorf("standing topics of a device that is gone: %v", got)
		}
		pass(30 * time.Minute)
		if got := object(t, c.heard.value("b/bridge/health"))["broker"].(map[string]any); got["foreign"] != nil {
			t.Errorf("foreign values half an hour later: %v", got["foreign"])
		}
	})
}

// A broker that publishes the will of a former connection late is corrected without
// a warning.
func TestLateWill(t *testing.T) {
	inTown(t, func(t *testing.T, c *town) {
		h := c.build("bridge")
		defer h.leave()
		pass(time.Minute)
		c.client.Publish("b/bridge/state", []byte(offline), true)
		pass(3 * time.Second) // corrections come with the ticks of the bridge
		if got := c.heard.value("b/bridge/state"); got != online {
			t.Errorf("state %s", got)
		}
		if got := c.warnings(""); len(got) != 0 {
			t.Errorf("warnings %q", got)
		}
	})
}

// A bridge that nobody disturbs hears nothing foreign, whatever happens.
func TestOwnValuesAreNotForeign(t *testing.T) {
	inTown(t, func(t *testing.T, c *town) {
		h := c.build("bridge")
		plug := fake.Plug(uuid(1))
		c.admit(h, "plug", plug)
		for i := range 200 {
			h.report(plug, 0, &generic.OnOffStatus{PresentOnOff: i%2 == 0})
			if i%40 == 20 {
				h.way.set(true)
				pass(7 * time.Second)
				h.way.set(false)
			}
			pass(time.Duration(i%7) * 100 * time.Millisecond)
		}
		c.client.Event("b/bridge/request/device/rename", []byte(`{"from":"plug","to":"hall"}`), 1)
		pass(time.Minute)
		c.client.Event("b/bridge/request/device/remove", []byte(`{"id":"hall"}`), 1)
		pass(time.Minute)
		h.leave()
		h.begin(c, "bridge")
		pass(2 * time.Minute)
		for _, w := range c.warnings("") {
			if !strings.Contains(w, "were not delivered") {
				t.Errorf("warning %s", w)
			}
		}
		health := object(t, c.heard.value("b/bridge/health"))["broker"].(map[string]any)
		for _, field := range []string{"foreign", "unconfirmed", "other_bridges", "refused_subscriptions"} {
			if health[field] != nil {
				t.Errorf("%s: %v", field, health[field])
			}
		}
		h.leave()
	})
}

// The device whose topics are watched is removed, comes back, and gets another name: the
// bridge takes none of its own values for those of somebody else, nor for commands, and
// watches the new topics.
func TestWatchedDeviceChanges(t *testing.T) {
	inTown(t, func(t *testing.T, c *town) {
		h := c.build("bridge")
		defer h.leave()
		first := fake.Plug(uuid(1))
		c.admit(h, "a", first)
		c.admit(h, "b", fake.Plug(uuid(2)))
		pass(10 * time.Second)
		ask := func(what, payload string) {
			c.client.Event("b/bridge/request/"+what, []byte(payload), 1)
			pass(time.Minute)
		}
		ask("device/remove", `{"id":"a"}`)
		c.admit(h, "a", first)
		ask("device/rename", `{"from":"b","to":"c"}`) // b is watched instead
		ask("device/rename", `{"from":"a","to":"b"}`)
		h.way.set(true)
		pass(2 * time.Second)
		h.way.set(false)
		pass(time.Minute)
		if got := c.warnings(""); len(got) != 0 {
			t.Errorf("warnings %q", got)
		}
		if got := object(t, c.heard.value("b/bridge/health")); got["retained_commands_ignored"] != 0.0 {
			t.Errorf("%v retained commands were ignored", got["retained_commands_ignored"])
		}
		if strings.Contains(h.logs.String(), "a retained command was ignored") {
			t.Error("a value of the bridge was taken for a retained command")
		}
		for _, topic := range []string{"b/b", "b/b/availability", "b/c/availability", "b/bridge/state"} {
			before := c.heard.value(topic)
			c.client.Publish(topic, []byte("x"), true)
			pass(6 * time.Second)
			if got := c.heard.value(topic); got != before || got == "" {
				t.Errorf("%s is %s, expected %s", topic, got, before)
			}
		}
	})
}

// A broker may acknowledge what its access rules forbid. The bridge notices that
// nothing comes back, and says on which topics.
func TestBrokerThatDenies(t *testing.T) {
	for _, tt := range []struct {
		name   string
		denies func(topic string) bool
		says   []string
		not    string
	}{
		{"everything", func(string) bool { return true }, []string{"nothing that the bridge publishes comes back", "b/bridge/info", "b/bridge/request/#"}, "none"},
		{"discovery", func(topic string) bool { return strings.HasPrefix(topic, "homeassistant/") }, []string{"cannot write", "homeassistant/device/"}, "b/bridge"},
		{"one list", func(topic string) bool { return topic == "b/bridge/devices" }, []string{"cannot write", "b/bridge/devices"}, "b/bridge/info"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inTown(t, func(t *testing.T, c *town) {
				h := c.build("bridge", func(h *house, _ *mqtt.Options) {
					h.way.denies = tt.denies
					h.net.Join(fake.Plug(uuid(1)))
				})
				pass(time.Minute)
				h.way.set(true) // there is not one more warning for each connection
				pass(time.Second)
				h.way.set(false)
				pass(2 * time.Minute)
				h.leave()
				found := 0
				for _, l := range h.logged() {
					message, _ := l["message"].(string)
					all := true
					for _, part := range tt.says {
						all = all && strings.Contains(message, part)
					}
					if all {
						found++
						if strings.Contains(message, tt.not) {
							t.Errorf("it mentions %s: %s", tt.not, message)
						}
					}
				}
				if found != 1 {
					t.Errorf("%d lines with %q in\n%s", found, tt.says, h.logs)
				}
			})
		})
	}
}

// A retained message that is too large does not keep the bridge offline.
func TestLargeRetainedMessage(t *testing.T) {
	inTown(t, func(t *testing.T, c *town) {
		for _, topic := range []string{"b/lamp/set", "b/bridge/request/x", "b/bridge/devices", "homeassistant/status"} {
			c.client.Publish(topic, make([]byte, 2_000_000), true)
		}
		pass(time.Second)
		h := c.build("bridge")
		defer h.leave()
		c.admit(h, "plug", fake.Plug(uuid(1)))
		c.client.Event("b/plug/set", []byte(`{"state":"ON"}`), 1)
		pass(5 * time.Second)
		if got := c.heard.value("b/plug"); got != `{"state":"ON"}` {
			t.Errorf("state %s", got)
		}
		if stats := h.session.Stats(); stats.Connects != 1 || stats.TooLarge < 3 {
			t.Errorf("stats %+v", stats)
		}
		warnings := c.warnings("2000000 octets")
		for _, topic := range []string{"b/lamp/set", "b/bridge/request/x", "homeassistant/status"} {
			if n := strings.Count(strings.Join(warnings, "\n"), topic); n != 1 {
				t.Errorf("%s is named %d times in %q", topic, n, warnings)
			}
		}
	})
}

// A byte-order mark before a payload changes nothing.
func TestByteOrderMarkOnEveryTopic(t *testing.T) {
	const mark = "\uFEFF"
	household(t, func(t *testing.T, w *world, _, _ *fake.Node) {
		w.send("b/plug/set", mark+`{"state":"ON"}`)
		pass(time.Second)
		w.expect("b/plug", `{"state":"ON"}`)
		w.send("b/plug/set/state", mark+"OFF")
		pass(time.Second)
		w.expect("b/plug", `{"state":"OFF"}`)
		w.send("b/plug/get", mark)
		if r := w.request("device/rename", mark+`{"from":"plug","to":"socket"}`); r["status"] != "ok" {
			t.Error(r)
		}
		w.out.lose()
		w.send("homeassistant/status", mark+"online")
		if w.out.value("b/socket") == "" {
			t.Error("Home Assistant's start was not understood")
		}
	})
}

// Thousands of wrong requests leave a few lines in the log, with a count.
func TestFloodOfWrongRequests(t *testing.T) {
	const flood = 1000
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		for i := range flood {
			w.send("b/bridge/request/device/rename", `{"from":"nobody"}`)
			w.send(fmt.Sprintf("b/nobody%d/set", i), "ON")
			w.svc.Handle(mqtt.Message{Topic: fmt.Sprintf("b/x%d/set", i), Payload: []byte("ON"), Retained: true})
		}
		pass(2 * time.Minute)
		if got := w.out.take("b/bridge/response/device/rename"); len(got) != flood {
			t.Errorf("%d responses, expected %d", len(got), flood)
		}
		if got := w.out.take("b/bridge/logging"); len(got) > 50 || !strings.Contains(strings.Join(got, "\n"), "980 further warnings") {
			t.Errorf("%d messages on bridge/logging, the last %s", len(got), got[len(got)-1])
		}
		w.stop()
		lines := 0
		for _, l := range w.logged() {
			if l["level"] != "debug" && l["level"] != "trace" {
				lines++
			}
		}
		if lines > 100 {
			t.Errorf("%d lines in the log", lines)
		}
	})
}

// With another base topic the bridge's former topics are cleared, also when the
// broker learns of it only after one more start.
func TestAnotherBaseTopic(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start()
		w.join(map[string]*fake.Node{"plug": fake.Plug(uuid(1))})
		pass(time.Second)
		w.stop()
		former := map[string]string{"b/bridge/state": online}
		for _, topic := range w.out.standing("b/") {
			former[topic] = w.out.value(topic)
		}
		var err error
		if w.cfg.Topics, err = topic.New("c"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for topic, payload := range former {
				w.out.Publish(topic, []byte(payload), true)
			}
			w.start()
			pass(time.Second)
			for topic := range former {
				if got := w.out.value(topic); got != "" && !strings.HasPrefix(topic, "homeassistant/") {
					t.Errorf("%s is still %s", topic, got)
				}
			}
			if w.out.value("c/bridge/info") == "" || w.out.value("c/plug") == "" {
				t.Errorf("standing %v", w.out.standing(""))
			}
			w.stop()
		}
	})
}
