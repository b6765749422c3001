package mqtt

import (
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

	last     Problem // of the failures in a row
	attempts int     // failures in a row
	degraded bool
	refused  atomic.Bool // an unfit message was written to the log
}

// takeover is how many brief connections in a row look like a second client.
const takeover = 3

func (r *reports) status(s Status) {
	if r.tell != nil {
		r.tell(s)
	}
}

func (r *reports) connected() {
	event := r.logger.Info().Str("broker", r.broker)
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
	level := zerolog.WarnLevel
	if brief > takeover {
		level = zerolog.DebugLevel
	}
	event := r.logger.WithLevel(level).Err(err).Str("broker", r.broker).Stringer("retry", retry.Round(time.Millisecond))
	if brief == takeover {
		event = event.Str("advice", "it keeps breaking soon after it is made: "+
			"another client with the id "+r.clientID+" may be connected; give each its own mqtt.client_id")
	}
	event.Msg("lost the connection to the MQTT broker, connecting again")
	r.status(Status{State: Lost, Err: err, Retry: retry})
}

// subscribed reports the outcome of a round of subscriptions.
func (r *reports) subscribed(err error) {
	switch {
	case err != nil && !r.degraded:
		r.degraded = true
		r.logger.Error().Err(err).Str("broker", r.broker).
			Msg("the MQTT broker refuses a subscription, commands will not arrive; check its access rules")
		r.status(Status{State: Degraded, Err: err})
	case err == nil && r.degraded:
		r.degraded = false
		r.logger.Info().Str("broker", r.broker).Msg("the MQTT broker accepts all subscriptions now")
		r.status(Status{State: Connected})
	}
}

// outgoing writes the first message that could not be queued; the others only
// count.
func (r *reports) outgoing(ok bool, topic string, size int) {
	if !ok && r.refused.CompareAndSwap(false, true) {
		r.logger.Error().Str("topic", topic).Int("octets", size).
			Msg("an MQTT message cannot be sent: bad topic, too large, or too many topics; further ones are only counted")
	}
}

func (r *reports) closed() { r.status(Status{State: Closed}) }
