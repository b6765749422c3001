package mqtt

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// fault is what is wrong with the way to the broker.
type fault string

const (
	none       fault = ""
	refusing   fault = "connections are refused"
	halfOpen   fault = "nothing arrives any more, and nobody says so"
	mute       fault = "connections are accepted and nothing is answered"
	slow2      fault = "every answer takes two seconds"
	twoPackets fault = "the connection ends after two packets"
	twenty     fault = "the connection ends after twenty packets"
	aSecond    fault = "the connection ends after a second"
	blocked    fault = "nothing is read"
	garbage    fault = "the answers make no sense"
	lateAnswer fault = "the first answer takes seven seconds"
	tiny       fault = "the connection ends after a packet of more than 300 octets"
	limited    fault = "the connection ends after a packet of more than 2,000 octets"
	denying    fault = "the client is not let in"
)

// road is the way to the broker of a lab, on which something can go wrong.
type road struct {
	lab *lab

	mu    sync.Mutex
	fault fault
	conns map[*vehicle]bool
}

// set changes what is wrong. A new fault is found by the connections that are
// open, unless it is one of new connections only.
func (r *road) set(f fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	former := r.fault
	r.fault = f
	for c := range r.conns {
		switch {
		case f == refusing || f == mute || f == denying || f == aSecond || former == limited || former == tiny || f == lateAnswer:
			c.close() // the broker was restarted
		case f == none && former == halfOpen:
			c.close() // the broker no longer knows the connection
		}
	}
}

func (r *road) now() fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault
}

func (r *road) dial(ctx context.Context, broker *url.URL) (net.Conn, error) {
	switch r.now() {
	case refusing:
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: syscall.ECONNREFUSED}
	case halfOpen:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	conn, err := r.lab.dial(ctx, broker)
	if err != nil {
		return nil, err
	}
	c := &vehicle{Conn: conn, road: r, closed: make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[c] = true
	return c, nil
}

// vehicle is a connection on a road.
type vehicle struct {
	net.Conn
	road   *road
	once   sync.Once
	closed chan struct{}
	sent   atomic.Int32 // packets
	// deadline of Write; the library sets it before each one.
	deadline atomic.Pointer[time.Time]
}

func (c *vehicle) close() { c.once.Do(func() { close(c.closed); _ = c.Conn.Close() }) }

func (c *vehicle) Close() error {
	c.close()
	c.road.mu.Lock()
	defer c.road.mu.Unlock()
	delete(c.road.conns, c)
	return nil
}

// Write takes one packet, since the client library writes them whole.
func (c *vehicle) Write(p []byte) (int, error) {
	sent := c.sent.Add(1)
	switch f := c.road.now(); {
	case f == halfOpen || f == mute:
		return len(p), nil
	case f == twoPackets && sent > 2, f == twenty && sent > 20, f == limited && len(p) > 2000, f == tiny && len(p) > 300:
		c.close()
		return len(p), nil
	case f == aSecond && sent == 1:
		time.AfterFunc(time.Second, c.close)
	case f == blocked:
		var late <-chan time.Time // nil for a write without a deadline
		if d := c.deadline.Load(); d != nil && !d.IsZero() {
			late = time.After(time.Until(*d))
		}
		select {
		case <-c.closed:
			return 0, io.ErrClosedPipe
		case <-late:
			return 0, os.ErrDeadlineExceeded
		}
	}
	return c.Conn.Write(p)
}

func (c *vehicle) SetWriteDeadline(t time.Time) error {
	c.deadline.Store(&t)
	return c.Conn.SetWriteDeadline(t)
}

func (c *vehicle) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	switch c.road.now() {
	case garbage:
		for i := range n {
			p[i] ^= 0x5a
		}
	case lateAnswer:
		if n == 4 && p[0]>>4 == packets.Connack {
			select {
			case <-time.After(7 * time.Second):
			case <-c.closed:
			}
		}
	case halfOpen, mute:
		<-c.closed
		return 0, io.EOF
	case slow2:
		select {
		case <-time.After(2 * time.Second):
		case <-c.closed:
			return 0, io.EOF
		}
	case denying:
		if n == 4 && p[0]>>4 == packets.Connack {
			p[3] = packets.ErrRefusedNotAuthorised
		}
	}
	return n, err
}

// crowd publishes on many topics and records what an observer hears.
type crowd struct {
	mu      sync.Mutex
	states  map[string]string
	events  map[string]time.Time // by name, when it was heard
	notices []Notice
}

func (c *crowd) hear(m Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if strings.HasSuffix(m.Topic, "/event") {
		c.events[string(m.Payload)] = time.Now()
		return
	}
	c.states[m.Topic] = string(m.Payload)
}

func (c *crowd) note(n Notice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notices = append(c.notices, n)
}

// Ten minutes of a broken broker, or one, at a hundred changes and one button press a
// second, for every way in which a broker breaks: ten seconds after it works again
// all states are right, no press comes late, and every press that was lost is
// counted in a report.
func TestOutages(t *testing.T) {
	const (
		lamps  = 20
		rate   = 100
		before = 20 * time.Second
		after  = 10 * time.Second
	)
	// Where the broker takes most of what is published, a minute says as much.
	shorter := map[fault]bool{twenty: true, aSecond: true, tiny: true, limited: true}
	for _, f := range []fault{refusing, halfOpen, mute, slow2, twoPackets, twenty, aSecond, blocked, garbage, lateAnswer, tiny, limited, denying} {
		t.Run(string(f), func(t *testing.T) {
			away := 600 * time.Second
			if shorter[f] {
				away = time.Minute
			}
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, nil)
				way := &road{lab: l, conns: map[*vehicle]bool{}}
				seen := &crowd{states: map[string]string{}, events: map[string]time.Time{}}
				observer := l.options("observer")
				observer.Subscriptions = []Subscription{{Filter: "#", QoS: 1}}
				observer.Handler = seen.hear
				open(t, observer)
				synctest.Wait()

				o := l.options("bridge")
				o.Dial, o.OnNotice = way.dial, seen.note
				o.Birth = Message{Topic: "b/bridge/state", Payload: []byte("online")}
				o.Will = Message{Topic: "b/bridge/state", Payload: []byte("offline")}
				o.Subscriptions = []Subscription{{Filter: "b/+/set", QoS: 1}}
				s := open(t, o)
				states, pressed := map[string]string{}, map[string]time.Time{}
				publish := func(topic, payload string) {
					s.Publish(topic, []byte(payload), true)
					states[topic] = payload
				}
				list := func(n int) { publish("b/bridge/devices", fmt.Sprint(n, strings.Repeat("x", 5000))) }

				n := 0
				work := func(d time.Duration) {
					for end := time.Now().Add(d); time.Now().Before(end); n++ {
						publish(fmt.Sprintf("b/lamp%d", n%lamps), fmt.Sprint(n))
						if n%rate == 0 {
							press := fmt.Sprint("press ", n)
							s.Event("b/button/event", []byte(press), 1)
							pressed[press] = time.Now()
							list(n)
						}
						time.Sleep(time.Second / rate)
					}
				}
				work(before)
				way.set(f)
				work(away)
				way.set(none)
				work(after)
				synctest.Wait()

				seen.mu.Lock()
				defer seen.mu.Unlock()
				for topic, want := range states {
					if got := seen.states[topic]; got != want {
						t.Errorf("%s is %.20q, expected %.20q", topic, got, want)
					}
				}
				if got := seen.states["b/bridge/state"]; got != "online" {
					t.Errorf("bridge/state %q", got)
				}
				lost, reports := 0, 0
				for _, n := range seen.notices {
					if loss, ok := n.(Loss); ok {
						lost += loss.Events
						reports++
					}
				}
				for press, at := range pressed {
					if heard, ok := seen.events[press]; !ok {
						lost--
					} else if heard.Sub(at) > 6*time.Second {
						t.Errorf("%s came after %v", press, heard.Sub(at))
					}
				}
				if lost < 0 {
					t.Errorf("%d events were lost without a report; notices: %v", -lost, seen.notices)
				}
				if losses := s.Stats().Losses; f == slow2 && losses > 3 {
					t.Errorf("%d lost connections to a broker that is slow", losses)
				}
				if reports > 30 {
					t.Errorf("%d reports of losses", reports)
				}
				t.Logf("%d of %d presses lost, %d reports, %+v", len(pressed)-len(seen.events), len(pressed), reports, s.Stats())
				for _, n := range seen.notices[:min(len(seen.notices), 3)] {
					t.Log(n)
				}
			})
		})
	}
}

// A broker that ends the connection for large packets gets everything else, and
// the operator is told once what it does not get.
func TestPacketsThatAreTooLargeForTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		way := &road{lab: l, conns: map[*vehicle]bool{}, fault: limited}
		heard := l.listen(t, "observer", "#")
		seen := &crowd{}
		o := l.options("bridge")
		o.Dial, o.OnNotice = way.dial, seen.note
		s := open(t, o)
		for i := range 40 {
			s.Publish(fmt.Sprintf("b/large%d", i), make([]byte, 2500+i), true)
			s.Publish(fmt.Sprintf("b/small%d", i), []byte("on"), true)
		}
		pass(20 * time.Second)
		if got := len(heard.take()); got < 40 {
			t.Errorf("%d values arrived, expected 40", got)
		}
		if len(seen.notices) != 40 {
			t.Errorf("%d notices, expected one for each value: %v", len(seen.notices), seen.notices[:min(3, len(seen.notices))])
		}
		pass(time.Hour)
		if losses := s.Stats().Losses; losses > 20 || len(seen.notices) != 40 {
			t.Errorf("%d lost connections, %d notices in an hour", losses, len(seen.notices))
		}
		heard.take()
		s.Publish("b/large0", []byte("small now"), true)
		s.Publish("b/small0", []byte("off"), true)
		pass(time.Second)
		equal(t, "later", heard.take(), "b/large0=small now", "b/small0=off")
		way.set(none)
		pass(10 * time.Second)
		large := 0
		for _, m := range heard.take() {
			if strings.HasPrefix(m, "b/large") && len(m) > 2500 {
				large++
			}
		}
		if large != 39 {
			t.Errorf("%d large values after the limit was raised, expected 39", large)
		}
	})
}

// A message that is too large is skipped, whatever its QoS; commands behind it
// arrive on the same connection.
func TestTooLargeMessageIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, nil)
		o := l.options("sender")
		o.Limits.Payload = 4 << 20
		sender := open(t, o)
		sender.Publish("b/lamp/set", make([]byte, 2_000_000), true)
		synctest.Wait()

		got, seen := &listener{}, &crowd{}
		o = l.options("bridge")
		o.Subscriptions = []Subscription{{Filter: "b/+/set", QoS: 1}}
		o.Handler, o.OnNotice = got.handle, seen.note
		s := open(t, o)
		pass(time.Second)
		sender.Event("b/plug/set", []byte("on"), 1)
		sender.Publish("b/lamp/set", make([]byte, 2_000_001), true)
		sender.Event("b/plug/set", []byte("off"), 0)
		pass(time.Second)
		equal(t, "commands", got.take(), "b/plug/set=on", "b/plug/set=off")
		if st := s.Stats(); st.Losses != 0 || st.Connects != 1 || st.TooLarge != 2 {
			t.Errorf("stats %+v", st)
		}
		if len(seen.notices) != 1 || !strings.Contains(seen.notices[0].String(), "b/lamp/set") {
			t.Errorf("notices %v", seen.notices)
		}
	})
}

// Every refused subscription is named.
func TestRefusedSubscriptionsAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{URL: "tcp://broker", ClientID: "bridge", Subscriptions: []Subscription{{"a", 1}, {"b", 1}, {"c", 1}}}
		var granted atomic.Bool
		scripted(t, &o, func(p packets.ControlPacket) []packets.ControlPacket {
			reply := polite(p)
			if sub, ok := p.(*packets.SubscribePacket); ok && !granted.Load() && sub.Topics[0] != "b" {
				reply[0].(*packets.SubackPacket).ReturnCodes[0] = 0x80
			}
			return reply
		})
		seen := &crowd{}
		o.OnNotice = seen.note
		open(t, o)
		pass(10 * time.Minute)
		granted.Store(true)
		pass(time.Minute)
		if len(seen.notices) != 2 {
			t.Fatalf("notices %v", seen.notices)
		}
		refused, _ := seen.notices[0].(Refusal)
		equal(t, "refused", refused.Filters, "a", "c")
		accepted, ok := seen.notices[1].(Refusal)
		if !ok || len(accepted.Filters) > 0 {
			t.Errorf("notice %v", seen.notices[1])
		}
	})
}
