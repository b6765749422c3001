package mqtt

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/excerpt"
)

// losses is what is known of the events that were not delivered since the last
// report.
type losses struct {
	events       int
	since, until time.Time
	counted      time.Time // when the last of them was given up
	topics       []string
}

// someTopics is how many topics a report names.
const someTopics = 5

// expire takes out the events that are too old to be delivered: an automation must
// not run for a button that was pressed minutes ago. o.mu is held.
func (o *outbox) expire(now time.Time) {
	if o.limits.Expiry <= 0 {
		return
	}
	for qos := range o.events {
		for {
			oldest, ok := o.events[qos].peek()
			if !ok || now.Sub(oldest.at) <= o.limits.Expiry {
				break
			}
			o.lose(o.events[qos].pop())
		}
	}
}

// purge is expire, for the time without a connection.
func (o *outbox) purge() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.expire(time.Now())
}

// lose counts an event that is not delivered; o.mu is held.
func (o *outbox) lose(i *item) {
	o.stats.dropped++
	l := &o.lost
	if l.events == 0 || i.at.Before(l.since) {
		l.since = i.at
	}
	if l.events == 0 || i.at.After(l.until) {
		l.until = i.at
	}
	l.events++
	l.counted = time.Now()
	if topic := excerpt.Of(i.topic, mostTopic); len(l.topics) < someTopics && !slices.Contains(l.topics, topic) {
		l.topics = append(l.topics, topic)
	}
}

// lossEnded reports whether nothing was lost for a time.
func (o *outbox) lossEnded(now time.Time, quiet time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return now.Sub(o.lost.counted) >= quiet
}

// takeLoss returns what was lost since the last call, and whether anything was.
func (o *outbox) takeLoss() (Loss, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.lost
	o.lost = losses{}
	return Loss{Events: l.events, Since: l.since, Until: l.until, Expiry: o.limits.Expiry, Topics: l.topics}, l.events > 0
}

// abandon gives up what waits when the session ends.
func (o *outbox) abandon() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.sent {
		if i.value == nil {
			o.lose(i)
		}
	}
	for qos := range o.events {
		for o.events[qos].len() > 0 {
			o.lose(o.events[qos].pop())
		}
	}
}
