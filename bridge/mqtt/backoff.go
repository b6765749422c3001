package mqtt

import (
	"math/rand/v2"
	"time"
)

// steady is how long a connection has to last for the next one to be attempted
// without delay. Two clients with one id throw each other out at once, for ever.
const steady = 10 * time.Second

// backoff decides how long to wait before the next attempt.
type backoff struct {
	limits Limits
	step   int
	brief  int // connections in a row that did not last
}

// afterFailure doubles the wait each time. What only a person can change, such as
// a wrong password, is not tried more often than the longest wait allows.
func (b *backoff) afterFailure(p Problem) time.Duration {
	if p.permanent() {
		return jitter(b.limits.MaxBackoff)
	}
	return b.next()
}

// afterLoss starts over if the connection was a good one.
func (b *backoff) afterLoss(lasted time.Duration) time.Duration {
	if lasted >= steady {
		b.step, b.brief = 0, 0
	} else {
		b.brief++
	}
	return b.next()
}

func (b *backoff) next() time.Duration {
	wait := b.limits.MinBackoff
	for range b.step {
		wait = min(2*wait, b.limits.MaxBackoff)
	}
	if wait < b.limits.MaxBackoff {
		b.step++
	}
	return jitter(min(wait, b.limits.MaxBackoff))
}

// jitter keeps a house full of clients from coming back in the same moment.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1)
}
