package mqtt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// An hour without broker: the bridge is back within the longest wait, the
// observer sees the last value of each topic and the events that are not old.
func TestHourWithoutBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		o := l.options("bridge")
		o.Birth = Message{Topic: "b/state", Payload: []byte("online")}
		var states []State
		o.OnStatus = func(s Status) { states = append(states, s.State) }
		s := open(t, o)
		s.Publish("lamp", []byte("old"), true)
		s.Publish("plug", []byte("stands"), true)
		s.Publish("passing", []byte("sent and done"), false)
		synctest.Wait()

		l.kill()
		s.Event("button", []byte("1"), 1)
		pass(time.Hour)
		s.Publish("lamp", []byte("older"), true)
		s.Publish("lamp", []byte("new"), true)
		s.Event("button", []byte("2"), 1)
		if s.Connected() {
			t.Error("connected without a broker")
		}
		failures := s.Stats().Failures
		if failures < 900 || failures > 1800 {
			t.Errorf("%d attempts in an hour, expected one per 2 to 4 s", failures)
		}

		l.start()
		heard := l.listen(t, "observer", "#")
		pass(4 * time.Second)
		equal(t, "after the outage", heard.take(),
			"b/state=online", "plug=stands", "lamp=new", "button=2")
		if states[0] != Connected || states[1] != Lost || states[2] != Failed || states[len(states)-1] != Connected {
			t.Errorf("states %v", states)
		}
		if got := s.Stats(); !got.Connected || got.Connects != 2 || got.Losses != 1 || got.DroppedOut != 1 {
			t.Errorf("stats %+v", got)
		}
	})
}

// A connection that breaks at any moment while messages are on their way loses
// none of them and keeps the order of their first arrival.
func TestNothingIsLostWhenConnectionsBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events = 500
		l := newLab(t, nil)
		heard := l.listen(t, "observer", "button")
		o := l.options("breaking")
		o.Limits.Events, o.Limits.Expiry = events, -1
		var last net.Conn
		o.Dial = func(ctx context.Context, broker *url.URL) (net.Conn, error) {
			var err error
			last, err = l.dial(ctx, broker)
			return last, err
		}
		s := open(t, o)
		synctest.Wait()
		for i := range events {
			s.Event("button", fmt.Append(nil, i), 1)
			if i%50 == 49 {
				_ = last.Close()
				pass(time.Minute)
			}
		}
		pass(time.Minute)
		next := 0
		for _, m := range heard.take() {
			var n int
			if _, err := fmt.Sscanf(m, "button=%d", &n); err != nil {
				t.Fatal(err)
			}
			if n > next {
				t.Fatalf("event %d came, event %d did not", n, next)
			}
			next = max(next, n+1)
		}
		if next != events {
			t.Errorf("%d events came, expected %d", next, events)
		}
	})
}

func TestCloseWithoutBrokerAndWithoutStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		l.kill()
		s, err := New(l.options("bridge"))
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		s.Publish("lamp", []byte("on"), true)
		pass(time.Hour)
		began := time.Now()
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v", took)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("second Close: %v", err)
		}
		unstarted, err := New(l.options("other"))
		if err != nil {
			t.Fatal(err)
		}
		if err := unstarted.Close(t.Context()); err != nil {
			t.Error(err)
		}
		unstarted.Start() // too late, must not do anything
		l.start()
	})
}

// A handler that takes its time holds up neither the connection nor Close.
func TestSlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		o := l.options("slow")
		o.Subscriptions = []Subscription{{Filter: "set/+", QoS: 1}}
		o.Limits.Inbox = 10
		var got []string
		o.Handler = func(m Message) {
			got = append(got, m.Topic+"="+string(m.Payload))
			time.Sleep(10 * time.Minute)
		}
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		synctest.Wait()
		sender := open(t, l.options("sender"))
		sender.Event("set/first", nil, 1)
		synctest.Wait()
		sender.Event("set/other", []byte("kept"), 1)
		for i := range 100 {
			sender.Event("set/lamp", fmt.Append(nil, i), 1)
		}
		pass(2 * time.Hour)
		if !s.Connected() || s.Stats().Losses != 0 {
			t.Errorf("the slow handler cost the connection: %+v", s.Stats())
		}
		equal(t, "handled", got[:3], "set/first=", "set/other=kept", "set/lamp=91")
		equal(t, "last", got[len(got)-1:], "set/lamp=99")
		if dropped := s.Stats().DroppedIn; dropped != 91 {
			t.Errorf("dropped %d, expected 91", dropped)
		}
		sender.Event("set/lamp", []byte("x"), 1)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		pass(time.Hour) // the handler returns at last
	})
}

// scripted is a broker that does what a test says, packet by packet.
func scripted(t *testing.T, o *Options, answer func(packets.ControlPacket) []packets.ControlPacket) {
	t.Helper()
	o.Dial = func(context.Context, *url.URL) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer func() { _ = far.Close() }()
			for {
				p, err := packets.ReadPacket(far)
				if err != nil {
					return
				}
				for _, reply := range answer(p) {
					if reply == nil || reply.Write(far) != nil {
						return
					}
				}
			}
		}()
		return near, nil
	}
}

// polite answers everything as it should be.
func polite(p packets.ControlPacket) []packets.ControlPacket {
	switch p := p.(type) {
	case *packets.ConnectPacket:
		return []packets.ControlPacket{packets.NewControlPacket(packets.Connack)}
	case *packets.PublishPacket:
		ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
		ack.MessageID = p.MessageID
		return []packets.ControlPacket{ack}
	case *packets.SubscribePacket:
		ack := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
		ack.MessageID, ack.ReturnCodes = p.MessageID, []byte{1}
		return []packets.ControlPacket{ack}
	case *packets.PingreqPacket:
		return []packets.ControlPacket{packets.NewControlPacket(packets.Pingresp)}
	}
	return nil
}

func TestRefusedSubscriptionIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{URL: "tcp://broker", ClientID: "bridge", Subscriptions: []Subscription{{"good", 1}, {"bad", 1}}}
		asked := map[string]int{}
		scripted(t, &o, func(p packets.ControlPacket) []packets.ControlPacket {
			reply := polite(p)
			if sub, ok := p.(*packets.SubscribePacket); ok {
				filter := sub.Topics[0]
				asked[filter]++
				if filter == "bad" && asked[filter] < 4 {
					reply[0].(*packets.SubackPacket).ReturnCodes[0] = 0x80
				}
			}
			return reply
		})
		var states []Status
		o.OnStatus = func(s Status) { states = append(states, s) }
		s := open(t, o)
		pass(time.Hour)
		if asked["good"] != 1 || asked["bad"] != 4 {
			t.Errorf("asked for %v", asked)
		}
		if len(states) != 3 || states[0].State != Connected || states[1].State != Degraded || states[2].State != Connected {
			t.Fatalf("states %v", states)
		}
		if err := states[1].Err; !errors.Is(err, errRefused) || !strings.Contains(err.Error(), "bad") {
			t.Errorf("degraded: %v", err)
		}
		if s.Stats().Losses != 0 {
			t.Errorf("stats %+v", s.Stats())
		}
	})
}

// A broker that breaks the rules costs the connection and nothing more.
func TestHostileBroker(t *testing.T) {
	suback := func(codes ...byte) packets.ControlPacket {
		p := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
		p.MessageID, p.ReturnCodes = 1, codes
		return p
	}
	hostile := map[string]struct {
		reply packets.ControlPacket
		says  string
	}{
		"suback with two answers": {suback(1, 1), "SUBACK"},
		"suback without answer":   {suback(), "SUBACK"},
		"hang-up":                 {nil, ""},
		"second connack":          {packets.NewControlPacket(packets.Connack), ""},
	}
	for name, h := range hostile {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := Options{
					URL: "tcp://broker", ClientID: "bridge", Subscriptions: []Subscription{{"set", 1}},
					Limits: Limits{Payload: 1000},
				}
				hurt := 0
				scripted(t, &o, func(p packets.ControlPacket) []packets.ControlPacket {
					if _, ok := p.(*packets.SubscribePacket); ok && hurt < 3 {
						hurt++
						return []packets.ControlPacket{h.reply}
					}
					return polite(p)
				})
				var reasons []string
				o.OnStatus = func(s Status) {
					if s.Err != nil {
						reasons = append(reasons, s.Err.Error())
					}
				}
				s := open(t, o)
				s.Publish("lamp", []byte("on"), true)
				pass(10 * time.Minute)
				if got := s.Stats(); !got.Connected || got.Losses != 3 || got.Queued != 0 || got.InFlight != 0 {
					t.Errorf("stats %+v, reasons %q", got, reasons)
				}
				if len(reasons) == 0 || !strings.Contains(reasons[0], h.says) {
					t.Errorf("reasons %q, expected %q", reasons, h.says)
				}
			})
		})
	}
}

// Two clients with one id throw each other out. They must slow down, and say why
// it may be.
func TestTwoClientsWithOneID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		a, b := open(t, l.options("same")), open(t, l.options("same"))
		pass(time.Hour)
		if n := a.Stats().Connects + b.Stats().Connects; n > 1800 {
			t.Errorf("%d connections in an hour", n)
		}
	})
}
