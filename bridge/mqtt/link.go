package mqtt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

const (
	// writeTimeout bounds one write to the socket: a peer that vanished without
	// a word is noticed by this or by the keep-alive.
	writeTimeout = 5 * time.Second
	pingTimeout  = 10 * time.Second
	// goodbye bounds how long the library may take to send DISCONNECT.
	goodbye = 250 * time.Millisecond
)

// link is one connection to the broker, from CONNACK to its end. Each has a
// library client of its own: the library's reconnecting has no jitter, cannot be
// interrupted, and would send what its store holds beside what the outbox holds.
type link struct {
	session  *Session
	client   paho.Client
	conn     atomic.Pointer[guard]
	lost     chan struct{} // closed when the library says that the connection is gone
	reason   error         // why; to be read when lost is closed
	since    time.Time
	flight   queue[flying]
	window   int            // items in flight at most
	progress time.Time      // when an item was acknowledged last
	asked    int            // of the session's subscriptions
	refused  []Subscription // to be asked for again
}

// flying is an item that the broker has not acknowledged.
type flying struct {
	item  *item
	token paho.Token
	sent  time.Time
}

// connect makes one attempt. Close ends it early.
func (s *Session) connect() (*link, error) {
	ctx, cancel := context.WithTimeout(s.stay, s.options.Limits.Connect)
	defer cancel()
	l := &link{session: s, lost: make(chan struct{})}
	l.client = paho.NewClient(l.clientOptions(ctx))
	// A peer that takes the connection and then says nothing must not keep Close
	// waiting.
	stop := context.AfterFunc(ctx, l.drop)
	defer stop()
	token := l.client.Connect()
	<-token.Done()
	if err := token.Error(); err != nil {
		return nil, fmt.Errorf("mqtt: connecting: %w", err)
	}
	if !stop() {
		l.drop()
		return nil, fmt.Errorf("mqtt: connecting: %w", context.Cause(ctx))
	}
	l.since = time.Now()
	return l, nil
}

func (l *link) clientOptions(ctx context.Context) *paho.ClientOptions {
	s := l.session
	o := paho.NewClientOptions().
		AddBroker(s.broker.String()).
		SetClientID(s.options.ClientID).
		SetUsername(s.options.Username).
		SetPassword(s.options.Password).
		SetProtocolVersion(4). // or the library tries 3.1 after every refusal
		SetCleanSession(true). // commands that are older than the connection are not wanted
		SetStore(paho.NewOrderedMemoryStore()).
		SetOrderMatters(true).
		SetAutoReconnect(false).
		SetConnectRetry(false).
		SetConnectTimeout(s.options.Limits.Connect).
		SetWriteTimeout(writeTimeout).
		SetPingTimeout(pingTimeout).
		SetKeepAlive(s.options.Limits.KeepAlive).
		SetDefaultPublishHandler(l.receive).
		SetConnectionLostHandler(func(_ paho.Client, err error) {
			l.reason = err
			close(l.lost)
		}).
		SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) {
			conn, err := s.dial(ctx)
			if err != nil {
				return nil, err
			}
			g := newGuard(conn, s.options.Limits.Payload, s.reports.tooLarge)
			l.conn.Store(g)
			if ctx.Err() != nil { // drop may have come just before there was something to drop
				l.drop()
			}
			return g, nil
		})
	if will := s.options.Will; will.Topic != "" {
		o.SetBinaryWill(will.Topic, will.Payload, 1, true)
	}
	return o
}

// receive runs on the library's goroutine and must not wait.
func (l *link) receive(_ paho.Client, m paho.Message) {
	if l.session.options.Handler != nil && !l.conn.Load().marked(m.Payload()) {
		l.session.in.put(Message{Topic: m.Topic(), Payload: m.Payload(), Retained: m.Retained()})
	}
}

// serve runs the connection until it breaks, and returns why, or until Close
// asked to leave and everything is sent, and returns nil.
func (l *link) serve() error {
	s := l.session
	err := l.greet()
	if err == nil {
		err = l.pump()
	}
	if err != nil {
		l.end()
		return err
	}
	if said := l.farewell(); !said {
		l.end() // Close reports it
		return nil
	}
	s.farewell.Store(true)
	l.client.Disconnect(uint(goodbye.Milliseconds()))
	return nil
}

// greet publishes the birth and subscribes.
func (l *link) greet() error {
	s := l.session
	if birth := s.options.Birth; birth.Topic != "" {
		if err := l.await(l.client.Publish(birth.Topic, 1, true, birth.Payload)); err != nil {
			return fmt.Errorf("publishing the birth message: %w", err)
		}
	}
	if err := l.subscribeNew(); err != nil {
		return err
	}
	s.reports.connected()
	s.reports.subscribed(l.refused)
	return nil
}

// subscribeNew asks for the session's subscriptions that were not asked for on this
// connection.
func (l *link) subscribeNew() error {
	subs := l.session.subscriptions(l.asked)
	l.asked += len(subs)
	return l.subscribe(subs)
}

// subscribeAgain asks for those that were refused.
func (l *link) subscribeAgain() error {
	subs := l.refused
	l.refused = nil
	return l.subscribe(subs)
}

// errRefused: the broker answered subscriptions with failure (0x80).
var errRefused = errors.New("refused by the broker")

// subscribe asks for filters and looks at every answer. Those that are refused
// are kept to be asked for again.
func (l *link) subscribe(subs []Subscription) error {
	tokens := make([]paho.Token, len(subs))
	for i, sub := range subs {
		// One filter each, so that guard knows how long an answer must be.
		tokens[i] = l.client.Subscribe(sub.Filter, sub.QoS, nil)
	}
	for i, token := range tokens {
		if err := l.await(token); err != nil {
			return fmt.Errorf("subscribing to %s: %w", subs[i].Filter, err)
		}
		granted, ok := token.(*paho.SubscribeToken)
		if !ok || granted.Result()[subs[i].Filter] > 1 {
			l.refused = append(l.refused, subs[i])
		}
	}
	return nil
}

// await waits for one acknowledgement.
func (l *link) await(token paho.Token) error {
	timeout := l.session.options.Limits.Timeout
	for left := timeout; ; {
		if silent, err := l.awaitFor(token, left); !silent {
			return err
		}
		// A payload that is being discarded comes before the acknowledgement.
		left = timeout - time.Since(l.conn.Load().discarding())
		if left <= 0 {
			return errSilent
		}
	}
}

// awaitFor waits for one acknowledgement for some time.
func (l *link) awaitFor(token paho.Token, patience time.Duration) (silent bool, err error) {
	select {
	case <-token.Done():
		if err := token.Error(); err != nil {
			return false, l.why(err)
		}
		return false, nil
	case <-l.lost:
		return false, l.gone()
	case <-l.session.life.Done():
		return false, context.Canceled
	case <-time.After(patience):
		return true, nil
	}
}

var (
	errLost   = errors.New("the broker closed the connection")
	errSilent = errors.New("the broker is connected but does not acknowledge")
)

// why prefers the reason for which the connection broke to the complaint of a
// message that was on its way.
func (l *link) why(err error) error {
	select {
	case <-l.lost:
		return l.gone()
	case <-l.session.life.Done():
	case <-time.After(writeTimeout):
	}
	return err
}

// gone words the library's reason, which may be missing.
func (l *link) gone() error {
	if l.reason == nil || l.reason.Error() == io.EOF.Error() {
		return errLost
	}
	return l.reason
}

// drop closes the socket under the library, which makes the broker publish the
// will. It is harmless at any time.
func (l *link) drop() {
	if conn := l.conn.Load(); conn != nil {
		conn.drop()
	}
}

// end drops the connection and waits until the library has noticed.
func (l *link) end() {
	l.drop()
	select {
	case <-l.lost:
	case <-time.After(pingTimeout):
	}
}

// farewell publishes the will's message ourselves, because a clean DISCONNECT
// keeps the broker from doing so. It reports whether the broker has it.
func (l *link) farewell() bool {
	will := l.session.options.Will
	return will.Topic == "" || l.await(l.client.Publish(will.Topic, 1, true, will.Payload)) == nil
}
