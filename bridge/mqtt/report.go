package mqtt

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// reports tells the log and the caller how the connection does. The log is to
// be read by people: a problem is written once, however often it repeats.
type reports struct {
	logger   zerolog.Logger
	tell     func(Status)
	broker   string
	clientID string

	notify func(Notice)
	limit  int // octets of payload that are accepted

	last     Problem // of the failures in a row
	attempts int     // failures in a row
	degraded bool
	refused  []string  // filters
	lossAt   time.Time // when losses were reported last
	brief    int       // connections in a row that did not last

	discarded atomic.Uint64 // incoming messages that were too large
	mu        sync.Mutex
	noted     map[string]bool // topics that there was a notice about
}

// takeover is how many brief connections in a row look like a second client.
const takeover = 3

func (r *reports) status(s Status) {
	if r.tell != nil {
		r.tell(s)
	}
}

func (r *reports) connected() {
	level := zerolog.InfoLevel
	if r.brief > takeover {
		level = zerolog.DebugLevel
	}
	event := r.logger.WithLevel(level).Str("broker", r.broker)
	if r.attempts > 0 {
		event = event.Int("failed_attempts", r.attempts)
	}
	event.Msg("connected to the MQTT broker")
	r.attempts, r.last, r.degraded = 0, Other, false
	r.status(Status{State: Connected})
}

// failed writes a problem when it is new. Those that only a person can end are
// errors, the others may pass by themselves.
func (r *reports) failed(err *ConnectError, retry time.Duration) {
	r.attempts++
	level := zerolog.DebugLevel
	if r.attempts == 1 || err.Problem != r.last {
		level = zerolog.WarnLevel
		if err.Problem.permanent() {
			level = zerolog.ErrorLevel
		}
	}
	r.last = err.Problem
	r.logger.WithLevel(level).Err(err).Int("attempt", r.attempts).Stringer("retry", retry.Round(time.Millisecond)).
		Msg("no connection to the MQTT broker, trying again")
	r.status(Status{State: Failed, Err: err, Attempt: r.attempts, Retry: retry})
}

func (r *reports) lost(err error, retry time.Duration, brief int) {
	r.brief = brief
	level := zerolog.WarnLevel
	if brief > takeover {
		level = zerolog.DebugLevel
	}
	event := r.logger.WithLevel(level).Err(err).Str("broker", r.broker).Stringer("retry", retry.Round(time.Millisecond))
	if brief == takeover {
		event = event.Str("advice", "it keeps breaking soon after it is made: "+
			"another client with the id "+r.clientID+" may be connected; give each its own mqtt.client_id. Otherwise the broker's log says why")
	}
	event.Msg("lost the connection to the MQTT broker, connecting again")
	r.status(Status{State: Lost, Err: err, Retry: retry})
}

// subscribed reports the outcome of a round of subscriptions. There is a notice
// when it differs from that of the round before, on whatever connection.
func (r *reports) subscribed(refused []Subscription) {
	n := Refusal{}
	for _, sub := range refused {
		n.Filters = append(n.Filters, sub.Filter)
	}
	if !slices.Equal(n.Filters, r.refused) {
		r.refused = n.Filters
		r.note(n)
	}
	switch degraded := len(refused) > 0; {
	case degraded && !r.degraded:
		r.status(Status{State: Degraded, Err: fmt.Errorf("mqtt: subscription to %s: %w", strings.Join(n.Filters, ", "), errRefused)})
	case !degraded && r.degraded:
		r.status(Status{State: Connected})
	}
	r.degraded = len(refused) > 0
}

// note tells what an operator should know.
func (r *reports) note(n Notice) {
	if r.notify != nil {
		r.notify(n)
		return
	}
	r.logger.Warn().Str("broker", r.broker).Msg(n.String())
}

// maxNoted bounds how many topics are reported as those of messages that are too
// large; further ones are only counted.
const maxNoted = 100

// first reports whether there was no notice about a topic yet.
func (r *reports) first(topic string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.noted) >= maxNoted || r.noted[topic] {
		return false
	}
	if r.noted == nil {
		r.noted = map[string]bool{}
	}
	r.noted[topic] = true
	return true
}

// tooLarge reports an incoming message that was discarded, once for each topic.
func (r *reports) tooLarge(topic string, octets int) {
	r.discarded.Add(1)
	if r.first("in " + topic) {
		r.note(TooLarge{Topic: topic, Octets: octets, Limit: r.limit})
	}
}

// outgoing reports a message that could not be queued, once for each topic.
func (r *reports) outgoing(ok bool, topic string, size int) {
	if !ok && r.first("out "+topic) {
		r.note(Unpublished{Topic: topic, Octets: size, Reason: "the topic is not allowed in MQTT, the message is too large, or there are too many topics"})
	}
}

// chores reports what has come together.
func (r *reports) chores(now time.Time, out *outbox) {
	for _, n := range out.again(now) {
		r.note(n)
	}
	r.losses(now, out)
}

// While a broker comes and goes, or is slow, losses are reported every lossEvery;
// otherwise lossQuiet after the last of them.
const (
	lossEvery = 30 * time.Second
	lossQuiet = 3 * time.Second
)

// losses reports which events were lost since the last time.
func (r *reports) losses(now time.Time, out *outbox) {
	if !r.lossAt.IsZero() && now.Sub(r.lossAt) < lossEvery && !out.lossEnded(now, lossQuiet) {
		return
	}
	if n, lost := out.takeLoss(); lost {
		r.lossAt = now
		r.note(n)
	}
}

// leaving reports what is lost with the end of the session.
func (r *reports) leaving(out *outbox) {
	out.abandon()
	if n, lost := out.takeLoss(); lost {
		r.note(n)
	}
}

func (r *reports) closed() { r.status(Status{State: Closed}) }
