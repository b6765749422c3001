package bridge_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/broker"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fake"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/mqtt"
)

// session makes a session with an embedded broker. The test closes the session
// first.
func session(t *testing.T, b *broker.Broker, id string, o mqtt.Options) *mqtt.Session {
	t.Helper()
	o.URL, o.ClientID, o.Logger = "tcp://broker", id, zerolog.Nop()
	o.Dial = func(context.Context, *url.URL) (net.Conn, error) { return b.Dial() }
	s, err := mqtt.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The service with a real session and a real broker: a client that knows only
// topics follows the whole life of a lamp.
func TestServiceWithSessionAndBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		b, err := broker.StartMemory(nil)
		if err != nil {
			t.Fatal(err)
		}
		heard := newRecorder()
		client := session(t, b, "client", mqtt.Options{
			Subscriptions: []mqtt.Subscription{{Filter: "#", QoS: 1}},
			Handler: func(m mqtt.Message) {
				switch {
				case len(m.Payload) == 0:
					heard.Clear(m.Topic)
				default:
					heard.Publish(m.Topic, m.Payload, true)
					heard.Event(m.Topic, m.Payload, 0)
				}
			},
		})
		client.Start()
		synctest.Wait()

		w.svc, err = bridge.New(w.cfg)
		if err != nil {
			t.Fatal(err)
		}
		w.net.Report = w.svc.Report
		o := mqtt.Options{Handler: w.svc.Handle}
		o.Birth = mqtt.Message{Topic: "b/bridge/state", Payload: []byte(online), Retained: true}
		o.Will = mqtt.Message{Topic: "b/bridge/state", Payload: []byte(offline), Retained: true}
		o.Subscriptions = append(bridge.Subscriptions(w.cfg.Topics), mqtt.Subscription{Filter: "homeassistant/status", QoS: 1})
		s := session(t, b, "bridge", o)
		s.Start()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.svc.Run(ctx, s) }()
		pass(time.Second)

		lamp := fake.Lamp(uuid(1))
		w.net.Place(lamp)
		client.Event("b/bridge/request/device/provision", []byte(`{"uuid":"`+lamp.UUID.String()+`","name":"hall/lamp"}`), 1)
		pass(10 * time.Second)
		if got := heard.take("b/bridge/response/device/provision"); len(got) != 1 || !strings.Contains(got[0], `"ok"`) {
			t.Fatalf("response %v", got)
		}
		const flood = 10_000
		before := len(lamp.Received())
		for i := range flood {
			client.Event("b/hall/lamp/set", fmt.Appendf(nil, `{"brightness":%d,"color_temp":3000}`, 1+i%250), 1)
			if i%500 == 0 {
				synctest.Wait() // not more than the client's buffer
			}
		}
		client.Event("b/hall/lamp/set", []byte(`{"brightness":42,"transaction":"end"}`), 1)
		pass(10 * time.Second)
		if got := heard.value("b/hall/lamp"); got != `{"brightness":42,"color_mode":"color_temp","color_temp":3000,"state":"ON"}` {
			t.Errorf("state %s", got)
		}
		if got := heard.take("b/hall/lamp/set/response"); len(got) != 1 || !strings.Contains(got[0], `"ok"`) {
			t.Errorf("answers %v", got)
		}
		if sent := len(lamp.Received()) - before; sent > 300 {
			t.Errorf("%d messages were sent", sent)
		}
		client.Event("b/bridge/request/device/remove", []byte(`{"id":"hall/lamp"}`), 1)
		pass(time.Second)
		if got := heard.standing("lamp"); fmt.Sprint(got) != "[b/hall/lamp/set b/hall/lamp/set/response]" { // events, which are not cleared
			t.Errorf("standing topics %v", got)
		}
		if got := heard.value("b/bridge/state"); got != online {
			t.Errorf("bridge/state %s", got)
		}

		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, s := range []*mqtt.Session{s, client} {
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
			synctest.Wait() // the client receives the last messages of the bridge
		}
		if got := heard.value("b/bridge/state"); got != offline {
			t.Errorf("bridge/state %s after the end", got)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}
