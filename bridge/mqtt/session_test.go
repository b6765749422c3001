package mqtt

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/broker"
)

// lab is a broker that can be killed and started again, in a synctest bubble.
type lab struct {
	t      *testing.T
	mu     sync.Mutex
	broker *broker.Broker
	users  map[string]string
	conns  []net.Conn
}

func newLab(t *testing.T, users map[string]string) *lab {
	t.Helper()
	l := &lab{t: t, users: users}
	l.start()
	t.Cleanup(l.kill)
	return l
}

func (l *lab) start() {
	l.t.Helper()
	b, err := broker.StartMemory(l.users)
	if err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	l.broker = b
	l.mu.Unlock()
}

// kill takes the broker away with all that it knew.
func (l *lab) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
	if err := l.broker.Close(); err != nil {
		l.t.Error(err)
	}
}

func (l *lab) dial(context.Context, *url.URL) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, err := l.broker.Dial()
	if err == nil {
		l.conns = append(l.conns, c)
	}
	return c, err
}

// options for a client of the lab.
func (l *lab) options(id string) Options {
	return Options{URL: "tcp://broker", ClientID: id, Dial: l.dial, Logger: zerolog.Nop()}
}

// open starts a session that the test ends.
func open(t *testing.T, o Options) *Session {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	s.Start()
	return s
}

// listener records everything that is published.
type listener struct {
	mu  sync.Mutex
	got []string
}

func (l *listener) handle(m Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	mark := ""
	if m.Retained {
		mark = " (retained)"
	}
	l.got = append(l.got, m.Topic+"="+string(m.Payload)+mark)
}

// take returns what came since the last take.
func (l *listener) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	got := l.got
	l.got = nil
	return got
}

func (l *lab) listen(t *testing.T, id string, filters ...string) *listener {
	t.Helper()
	heard := &listener{}
	o := l.options(id)
	for _, f := range filters {
		o.Subscriptions = append(o.Subscriptions, Subscription{Filter: f, QoS: 1})
	}
	o.Handler = heard.handle
	open(t, o)
	synctest.Wait()
	return heard
}

// pass lets fake time go by, and what is due in it be done.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func equal(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestBirthValuesAndEventsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		heard := l.listen(t, "observer", "#")
		o := l.options("bridge")
		o.Birth = Message{Topic: "b/state", Payload: []byte("online")}
		o.Will = Message{Topic: "b/state", Payload: []byte("offline")}
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		s.Publish("lamp", []byte("off"), true)
		s.Event("button", []byte("1"), 1)
		s.Publish("lamp", []byte("on"), true)
		s.Event("button", []byte("2"), 0)
		s.Event("button", []byte("3"), 1)
		s.Publish("plug", []byte("on"), false)
		s.Start()
		synctest.Wait()
		equal(t, "published", heard.take(),
			"b/state=online", "button=1", "lamp=on", "button=2", "button=3", "plug=on")
		if !s.Connected() {
			t.Error("not connected")
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		equal(t, "on leaving", heard.take(), "b/state=offline")
		if s.Connected() {
			t.Error("connected after Close")
		}
		late := l.listen(t, "late", "#")
		stands := late.take()
		slices.Sort(stands) // the broker keeps them in no order
		equal(t, "stands", stands, "b/state=offline (retained)", "lamp=on (retained)")
		got := s.Stats()
		if got.Published != 5 || got.Acked != 5 || got.Superseded != 1 || got.InFlight != 0 || got.Queued != 0 {
			t.Errorf("stats %+v", got)
		}
	})
}
