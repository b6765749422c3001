package mqtt

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
)

// outbox holds what is to be sent. It knows no network: the pump of a connection
// takes items out with next and reports each with acked or lost.
//
// Every value and event has a position, counted up from the first; next always
// gives the lowest one that waits. So the order in which things were said is the
// order in which they are sent, whatever kind they are, and after a lost
// connection too.
type outbox struct {
	limits Limits
	wake   chan struct{} // holds a token when there may be something to send

	mu       sync.Mutex
	position uint64
	values   map[string]*value
	waiting  queue[*value]    // of values, by position
	events   [2]queue[*item]  // by QoS, each by position
	sent     map[*item]*value // not acknowledged, with the value each was made of, nil for an event
	stats    outboxStats
}

// value is what is known about one topic.
type value struct {
	topic    string
	payload  []byte
	retained bool
	position uint64 // of its latest change that found nothing waiting
	queued   bool   // in waiting
	sending  int    // items of this topic that are not acknowledged
}

// item is one message on its way.
type item struct {
	topic    string
	payload  []byte
	qos      byte
	retained bool
	position uint64
}

type outboxStats struct {
	published, acked, resent, superseded, dropped, refused uint64
}

// gone reports a cleared topic, which is forgotten once the broker knows.
func (v *value) gone() bool { return v.retained && len(v.payload) == 0 }

func newOutbox(limits Limits) *outbox {
	return &outbox{
		limits: limits,
		wake:   make(chan struct{}, 1),
		values: make(map[string]*value),
		sent:   make(map[*item]*value),
	}
}

// publish makes payload the last value of topic. It returns false if the topic
// or payload is not fit to be sent, or if there are too many topics.
func (o *outbox) publish(topic string, payload []byte, retained bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.fit(topic, payload) {
		return false
	}
	v := o.values[topic]
	if v == nil {
		if len(o.values) >= o.limits.Values {
			o.stats.dropped++
			return false
		}
		v = &value{topic: topic}
		o.values[topic] = v
	}
	v.payload, v.retained = bytes.Clone(payload), retained
	if v.queued {
		o.stats.superseded++
		return true
	}
	o.position++
	v.position, v.queued = o.position, true
	o.waiting.push(v)
	o.ring()
	return true
}

// event queues payload. It returns false if it is not fit to be sent. The oldest
// event of the same QoS gives way when there are too many.
func (o *outbox) event(topic string, payload []byte, qos byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.fit(topic, payload) || qos > 1 {
		return false
	}
	events := &o.events[qos]
	if events.len() >= o.limits.Events {
		events.pop()
		o.stats.dropped++
	}
	o.position++
	events.push(&item{topic: topic, payload: bytes.Clone(payload), qos: qos, position: o.position})
	o.ring()
	return true
}

// fit checks what MQTT and the limits ask of a message, and counts what fails.
func (o *outbox) fit(topic string, payload []byte) bool {
	if publishable(topic) && len(payload) <= o.limits.Payload {
		return true
	}
	o.stats.refused++
	return false
}

// ring tells the pump; o.mu is held.
func (o *outbox) ring() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// next takes out what is to be sent next, or returns nil.
func (o *outbox) next() *item {
	o.mu.Lock()
	defer o.mu.Unlock()
	var first *queue[*item]
	lowest := ^uint64(0)
	for qos := range o.events {
		if e, ok := o.events[qos].peek(); ok && e.position < lowest {
			lowest, first = e.position, &o.events[qos]
		}
	}
	if v, ok := o.waiting.peek(); ok && v.position < lowest {
		o.waiting.pop()
		v.queued = false
		v.sending++
		out := &item{topic: v.topic, payload: v.payload, qos: 1, retained: v.retained, position: v.position}
		o.sent[out] = v
		o.stats.published++
		return out
	}
	if first == nil {
		return nil
	}
	out := first.pop()
	o.sent[out] = nil
	o.stats.published++
	return out
}

// acked reports that the broker has the item.
func (o *outbox) acked(i *item) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, ok := o.sent[i]
	if !ok {
		return
	}
	delete(o.sent, i)
	o.stats.acked++
	if v == nil {
		return
	}
	v.sending--
	// A value that does not stand has done its duty, unless a newer one waits.
	if v.sending == 0 && !v.queued && (!v.retained || v.gone()) {
		delete(o.values, v.topic)
	}
}

// reconnected gets ready for a connection to a broker that may have lost
// everything: all retained values wait again, with what was on its way.
func (o *outbox) reconnected() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stats.resent += uint64(len(o.sent))
	var unsure []*item
	for i, v := range o.sent {
		switch {
		case v != nil:
		case i.qos == 0: // at most once
			o.stats.resent--
			o.stats.dropped++
		default:
			unsure = append(unsure, i)
		}
	}
	clear(o.sent)
	slices.SortFunc(unsure, func(a, b *item) int { return cmp.Compare(a.position, b.position) })
	o.events[1].unpop(unsure)

	all := make([]*value, 0, len(o.values))
	for _, v := range o.values {
		v.sending, v.queued = 0, true
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b *value) int { return cmp.Compare(a.position, b.position) })
	o.waiting = queue[*value]{}
	o.waiting.unpop(all)
	o.ring()
}

// idle reports that nothing waits and nothing is on its way.
func (o *outbox) idle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.sent) == 0 && o.queued() == 0
}

// queued counts what waits; o.mu is held.
func (o *outbox) queued() int {
	return o.waiting.len() + o.events[0].len() + o.events[1].len()
}

// fill adds the outbox's share to the counters.
func (o *outbox) fill(s *Stats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s.Published, s.Acked, s.Resent = o.stats.published, o.stats.acked, o.stats.resent
	s.Superseded, s.DroppedOut, s.Refused = o.stats.superseded, o.stats.dropped, o.stats.refused
	s.Values, s.Queued, s.InFlight = len(o.values), o.queued(), len(o.sent)
}
