package mqtt

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Session is one client of one broker; see the package comment. Make it with New,
// begin with Start, end with Close. Its methods are safe for concurrent use and,
// but for Close, do not wait for the network.
type Session struct {
	options Options
	broker  *url.URL // without user and password
	tls     *tls.Config
	out     *outbox
	in      *inbox
	reports reports
	counts  counts

	subsMu sync.Mutex
	subs   []Subscription // the options', and those that came later

	start   sync.Once
	running sync.WaitGroup
	// stay ends when Close asks for an orderly end, life when all must end at once.
	//nolint:containedctx // they are the session's own, not those of a call
	stay, life     context.Context
	leave, abandon context.CancelFunc
	farewell       atomic.Bool // the last message was acknowledged
	open           atomic.Pointer[link]
}

// counts are the counters that belong to the connection.
type counts struct {
	connects, losses, failures atomic.Uint64
}

// New checks the options and reads the TLS files. It opens no connection.
func New(o Options) (*Session, error) {
	o.Limits = o.Limits.withDefaults()
	broker, err := o.check()
	if err != nil {
		return nil, err
	}
	config, err := o.TLS.load(broker)
	if err != nil {
		return nil, err
	}
	s := &Session{
		options: o,
		broker:  broker,
		tls:     config,
		out:     newOutbox(o.Limits),
		subs:    slices.Clone(o.Subscriptions),
		in:      newInbox(o.Limits.Inbox),
		reports: reports{
			logger: o.Logger, tell: o.OnStatus, notify: o.OnNotice, broker: broker.String(), clientID: o.ClientID, limit: o.Limits.Payload,
		},
	}
	s.life, s.abandon = context.WithCancel(context.Background())
	s.stay, s.leave = context.WithCancel(s.life)
	return s, nil
}

// Start begins to connect, and goes on trying until Close. It returns at once:
// that the broker is down does not keep the bridge from working.
func (s *Session) Start() {
	s.start.Do(func() {
		if s.options.Handler != nil {
			s.running.Go(func() { s.in.deliver(s.options.Handler, s.life.Done()) })
		}
		s.running.Go(s.run)
	})
}

// Publish makes payload the last value of topic, at QoS 1. It may be left out when
// a newer one follows before it is sent; see the package comment for the order. A value that is
// retained is kept and published again on every new connection until Clear. The
// payload is copied.
func (s *Session) Publish(topic string, payload []byte, retained bool) {
	s.reports.outgoing(s.out.publish(topic, payload, retained), topic, len(payload))
}

// Event queues payload behind every earlier event. The payload is copied. When
// the queue of its QoS (0 or 1) is full the oldest event gives way.
func (s *Session) Event(topic string, payload []byte, qos byte) {
	s.reports.outgoing(s.out.event(topic, payload, qos), topic, len(payload))
}

// Clear publishes an empty retained value, which makes the broker forget the
// topic, and forgets the topic too.
func (s *Session) Clear(topic string) { s.Publish(topic, nil, true) }

// Subscribe adds a subscription, on this connection and on later ones. It is asked
// for before anything is sent that is published later. A filter that is there
// already, or is none, is left out.
func (s *Session) Subscribe(filter string, qos byte) {
	s.subsMu.Lock()
	defer s.subsMu.Unlock()
	if !subscribable(filter) || qos > 1 || slices.ContainsFunc(s.subs, func(sub Subscription) bool { return sub.Filter == filter }) {
		return
	}
	s.subs = append(s.subs, Subscription{Filter: filter, QoS: qos})
	s.out.ring()
}

// subscriptions are those from an index on.
func (s *Session) subscriptions(from int) []Subscription {
	s.subsMu.Lock()
	defer s.subsMu.Unlock()
	return slices.Clone(s.subs[from:])
}

// Connected reports whether the connection is open at this moment.
func (s *Session) Connected() bool {
	l := s.open.Load()
	return l != nil && l.client.IsConnectionOpen()
}

// Stats is a snapshot of the counters.
func (s *Session) Stats() Stats {
	stats := Stats{
		Connected: s.Connected(),
		Connects:  s.counts.connects.Load(),
		Losses:    s.counts.losses.Load(),
		Failures:  s.counts.failures.Load(),
	}
	s.out.fill(&stats)
	s.in.fill(&stats)
	stats.TooLarge = s.reports.discarded.Load()
	return stats
}

// Close sends what waits, publishes the will's message itself, disconnects and
// waits for the session's goroutines. If ctx ends first it drops the connection,
// whereupon the broker publishes the will, and returns the reason. Close may be
// called more than once, and without Start.
func (s *Session) Close(ctx context.Context) error {
	s.start.Do(func() {}) // a Start that comes later does nothing
	s.leave()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		s.running.Wait()
	}()
	var err error
	select {
	case <-gone:
	case <-ctx.Done():
		err = ctx.Err()
		s.abandon()
		// What is left is ours to end, but for a Handler that never returns.
		select {
		case <-gone:
		case <-time.After(abandonWait):
		}
	}
	s.abandon()
	if err != nil && !s.farewell.Load() {
		return fmt.Errorf("mqtt: leaving %s: the broker did not take the last messages in time, "+
			"it will publish the will instead: %w", s.broker, err)
	}
	return nil
}

// abandonWait bounds how long Close waits for goroutines that were told to end.
const abandonWait = 2 * time.Second

// run is the session's goroutine: one connection after another.
func (s *Session) run() {
	defer s.reports.closed()
	defer s.reports.leaving(s.out)
	defer s.abandon() // the handler's goroutine ends with this one
	for wait := (backoff{limits: s.options.Limits}); ; {
		link, err := s.connect()
		if err != nil && s.stay.Err() != nil {
			return
		}
		var pause time.Duration
		if err == nil {
			s.counts.connects.Add(1)
			s.open.Store(link)
			s.out.reconnected()
			err = link.serve()
			s.open.Store(nil)
			if err == nil || s.stay.Err() != nil {
				return
			}
			s.counts.losses.Add(1)
			pause = wait.afterLoss(time.Since(link.since))
			s.reports.lost(err, pause, wait.brief)
		} else {
			s.counts.failures.Add(1)
			s.out.purge()
			failure := diagnose(err, s.broker, s.options)
			pause = wait.afterFailure(failure.Problem)
			s.reports.failed(failure, pause)
		}
		select {
		case <-s.stay.Done():
			return
		case <-time.After(pause):
		}
	}
}
