package mqtt

import (
	"context"
	"net"
	"net/url"
	"time"

	"github.com/rs/zerolog"
)

// Options says which broker, who we are, and what to listen to. URL and ClientID
// are needed, the rest is not.
type Options struct {
	// URL of the broker: tcp:// or mqtt:// (port 1883), ssl://, tls:// or
	// mqtts:// (port 8883), ws://, wss://, unix:///path.
	URL      string
	Username string
	Password string
	ClientID string // must be unique at the broker
	TLS      TLS    // used with ssl, tls, mqtts and wss

	// Will is published by the broker, retained at QoS 1, when we vanish, and by
	// Close itself when we leave. Birth is published retained at QoS 1 first
	// thing on every connection. A message without topic is none.
	Will, Birth Message

	Subscriptions []Subscription
	// Handler is called from one goroutine with one message after another. It
	// may take its time: what arrives meanwhile waits in a bounded queue.
	Handler func(Message)
	// OnStatus is told of every change of the connection, from the session's
	// goroutine: it must return soon and not call Close.
	OnStatus func(Status)
	// OnNotice is told what an operator should know, from several goroutines: it
	// must not wait. Without it notices go to the log.
	OnNotice func(Notice)

	Logger zerolog.Logger
	Limits Limits
	// Dial opens the connection in place of the network; for tests.
	Dial func(ctx context.Context, broker *url.URL) (net.Conn, error)
}

// TLS configures an encrypted connection. File names may be empty: then the
// system's authorities are trusted and no certificate of our own is shown.
type TLS struct {
	CAFile     string // PEM, authorities to trust instead of the system's
	CertFile   string // PEM, our own certificate
	KeyFile    string // PEM, its key
	ServerName string // expected in the broker's certificate; default the host of the URL
	Insecure   bool   // accept any certificate: anybody on the way can read and write
}

// Message is one MQTT message. Retained is meaningful for incoming ones: the
// broker had it in store, it is not news.
type Message struct {
	Topic    string
	Payload  []byte
	Retained bool
}

// Subscription is a topic filter and the highest QoS to receive it with.
type Subscription struct {
	Filter string
	QoS    byte // 0 or 1
}

// Limits bounds the session's memory and pace. A zero field means its default.
type Limits struct {
	Values     int           // topics with a last value, of each of which two may wait; default 200000, ten for each of 20,000 devices
	Events     int           // events waiting, for QoS 0 and 1 each; default 1000
	Inbox      int           // incoming messages waiting for Handler; default 4096
	Payload    int           // octets in one message, out and in; default 1 MiB
	Window     int           // messages sent and not yet acknowledged; default 32
	MinBackoff time.Duration // first wait before connecting again; default 1 s
	MaxBackoff time.Duration // longest wait; default 4 s
	Connect    time.Duration // for one attempt to connect, CONNACK included; default 5 s
	Timeout    time.Duration // without any acknowledgement while one is due; default 10 s
	KeepAlive  time.Duration // default 10 s
	Expiry     time.Duration // age from which an event is dropped; default 5 s, negative for never
}

// State is what the connection to the broker is doing.
type State uint8

// The states that a Status reports.
const (
	// Connected: birth published, subscriptions made. Values follow.
	Connected State = iota + 1
	// Lost: the connection broke; Err says why. It is being made anew.
	Lost
	// Failed: an attempt to connect failed; Err says why, and what to do.
	Failed
	// Degraded: connected, but the broker refuses a subscription; Err says which.
	Degraded
	// Closed: the last status.
	Closed
)

// Status is a change of the connection.
type Status struct {
	State   State
	Err     error         // a *ConnectError for Failed
	Attempt int           // failed attempts in a row, for Failed
	Retry   time.Duration // wait before the next attempt, for Lost and Failed
}

// Stats are counters since New, and levels as of now.
type Stats struct {
	Connected   bool   `json:"connected"`
	Connects    uint64 `json:"connects"`
	Losses      uint64 `json:"losses"`
	Failures    uint64 `json:"failures"` // attempts to connect that failed
	Published   uint64 `json:"published"`
	Acked       uint64 `json:"acked"`
	Resent      uint64 `json:"resent"`     // sent again because a connection broke
	Superseded  uint64 `json:"superseded"` // values replaced before they were sent
	DroppedOut  uint64 `json:"dropped_out"`
	Refused     uint64 `json:"refused"`   // topics or payloads that cannot be published
	TooLarge    uint64 `json:"too_large"` // incoming messages that were discarded
	Received    uint64 `json:"received"`
	DroppedIn   uint64 `json:"dropped_in"`
	Values      int    `json:"values"`   // topics with a last value
	Queued      int    `json:"queued"`   // values and events that wait to be sent
	InFlight    int    `json:"inflight"` // sent, not yet acknowledged
	InboxQueued int    `json:"inbox_queued"`
}
