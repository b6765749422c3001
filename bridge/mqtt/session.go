package mqtt

import "context"

// Session is one client of one broker; see the package comment. Make it with New,
// begin with Start, end with Close. Its methods are safe for concurrent use and,
// but for Close, do not wait for the network.
type Session struct{}

// New checks the options and reads the TLS files. It opens no connection.
func New(o Options) (*Session, error) { panic("TODO") }

// Start begins to connect, and goes on trying until Close. It returns at once:
// that the broker is down does not keep the bridge from working.
func (s *Session) Start() { panic("TODO") }

// Publish makes payload the last value of topic, at QoS 1. A value that is
// retained is kept and published again on every new connection until Clear. The
// payload is copied.
func (s *Session) Publish(topic string, payload []byte, retained bool) { panic("TODO") }

// Event queues payload behind every earlier event. The payload is copied. When
// the queue of its QoS (0 or 1) is full the oldest event gives way.
func (s *Session) Event(topic string, payload []byte, qos byte) { panic("TODO") }

// Clear publishes an empty retained value, which makes the broker forget the
// topic, and forgets the topic too.
func (s *Session) Clear(topic string) { panic("TODO") }

// Connected reports whether the connection is open at this moment.
func (s *Session) Connected() bool { panic("TODO") }

// Stats is a snapshot of the counters.
func (s *Session) Stats() Stats { panic("TODO") }

// Close sends what waits, publishes the will's message itself, disconnects and
// waits for the session's goroutines. If ctx ends first it drops the connection,
// whereupon the broker publishes the will, and returns the reason. Close may be
// called more than once, and without Start.
func (s *Session) Close(ctx context.Context) error { panic("TODO") }
