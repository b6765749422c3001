package mqtt

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
	"time"
)

// outbox holds what is to be sent. It knows no network: the pump of a connection
// takes items out with next and reports each with acked or lost.
//
// Every value and event has a position, counted up from the first; next always
// gives the lowest one that waits. So what is sent on a connection is what was
// published, in that order, with some values left out:
//
//	publish   off       on   dim    bright
//	event          e1                        e2
//	sent      off  e1               bright   e2
//
// Of each topic at most two values wait. The first keeps its place, so that an
// event comes after the state that it followed, and a topic that is published
// faster than it can be sent is sent all the same. The last is the newest; a newer
// one takes it out and goes to the end, so that it does not overtake what was
// published before it. A value that nothing was published after is replaced where
// it stands.
//
// After a lost connection only the newest value of each topic is sent, at its own
// place between the events that wait. Events older than the limit are not sent
// (loss.go), and a value that may be the reason for the loss is sent last
// (suspects.go).
type outbox struct {
	limits Limits
	wake   chan struct{} // holds a token when there may be something to send

	mu       sync.Mutex
	position uint64 // of what was published last
	values   map[string]*value
	waiting  chain           // of values, by position
	events   [2]queue[*item] // by QoS, each by position
	sent     map[*item]bool  // not acknowledged
	lost     losses
	suspects suspects
	stats    outboxStats
}

// value is what is known about one topic.
type value struct {
	newest      *item
	first, last *item // what waits; last is nil when it is the first
	sending     int   // items of this topic that are not acknowledged
	held        hold  // not in the chain, because it may be too large for the broker
	told        bool  // that it is withheld
}

// item is one message on its way.
type item struct {
	topic    string
	payload  []byte
	qos      byte
	retained bool
	position uint64
	value    *value    // nil for an event
	at       time.Time // when an event happened

	prev, next *item // in the chain of values that wait
}

type outboxStats struct {
	published, acked, resent, superseded, dropped, refused uint64
}

// temporary reports whether the value need not be kept once the broker has it: it
// is not retained, or it clears the topic.
func (i *item) temporary() bool { return !i.retained || len(i.payload) == 0 }

func newOutbox(limits Limits) *outbox {
	return &outbox{
		limits: limits,
		wake:   make(chan struct{}, 1),
		values: make(map[string]*value),
		sent:   make(map[*item]bool),
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
		v = &value{}
		o.values[topic] = v
	}
	v.newest = &item{topic: topic, payload: bytes.Clone(payload), qos: 1, retained: retained, value: v}
	if !o.hold(v) {
		o.enqueue(v)
	}
	o.ring()
	return true
}

// enqueue puts the newest value of a topic in its place; o.mu is held.
func (o *outbox) enqueue(v *value) {
	behind := v.last
	if behind == nil {
		behind = v.first
	}
	switch {
	case behind != nil && behind.position == o.position:
		behind.payload, behind.retained = v.newest.payload, v.newest.retained
		v.newest = behind
		o.stats.superseded++
		return
	case v.last != nil:
		o.waiting.remove(v.last)
		o.stats.superseded++
	}
	o.position++
	v.newest.position = o.position
	o.waiting.push(v.newest)
	if v.first == nil {
		v.first = v.newest
	} else {
		v.last = v.newest
	}
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
	now := time.Now()
	o.expire(now)
	if events.len() >= o.limits.Events {
		o.lose(events.pop())
	}
	o.position++
	events.push(&item{topic: topic, payload: bytes.Clone(payload), qos: qos, position: o.position, at: now})
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
	if o.suspects.alone != nil {
		return nil
	}
	now := time.Now()
	o.expire(now)
	if o.suspects.due(now) {
		return o.nextSuspect()
	}
	var first *queue[*item]
	lowest := ^uint64(0)
	for qos := range o.events {
		if e, ok := o.events[qos].peek(); ok && e.position < lowest {
			lowest, first = e.position, &o.events[qos]
		}
	}
	if out := o.waiting.first; out != nil && out.position < lowest {
		o.waiting.remove(out)
		v := out.value
		v.first, v.last = v.last, nil
		v.sending++
		o.sent[out] = true
		o.stats.published++
		return out
	}
	if first == nil {
		return o.nextSuspect()
	}
	out := first.pop()
	o.sent[out] = true
	o.stats.published++
	return out
}

// acked reports that the broker has the item.
func (o *outbox) acked(i *item) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.sent[i] {
		return
	}
	delete(o.sent, i)
	o.stats.acked++
	o.suspects.proven = max(o.suspects.proven, i.size())
	v := i.value
	if v == nil {
		return
	}
	v.sending--
	if i == o.suspects.alone {
		o.cleared(i)
	}
	if v.sending == 0 && v.first == nil && v.held == free && v.newest.temporary() {
		delete(o.values, i.topic)
	}
}

// reconnected gets ready for a connection to a broker that may have lost
// everything: the newest value of each topic waits again, with the events that
// were on their way.
func (o *outbox) reconnected() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stats.resent += uint64(len(o.sent))
	o.suspect()
	var unsure []*item
	for i := range o.sent {
		switch {
		case i.value != nil:
		case i.qos == 0: // at most once
			o.stats.resent--
			o.lose(i)
		default:
			unsure = append(unsure, i)
		}
	}
	clear(o.sent)
	slices.SortFunc(unsure, byPosition)
	o.events[1].unpop(unsure)
	o.expire(time.Now())

	all := make([]*item, 0, len(o.values))
	for _, v := range o.values {
		if v.last != nil {
			o.stats.superseded++
		}
		again := *v.newest // another item: the old one may be acknowledged late
		again.prev, again.next = nil, nil
		v.newest, v.sending = &again, 0
		v.first, v.last = nil, nil
		if v.held == free {
			all = append(all, v.newest)
		}
	}
	slices.SortFunc(all, byPosition)
	o.waiting = chain{}
	for _, i := range all {
		i.value.first, i.value.last = i, nil
		o.waiting.push(i)
	}
	o.ring()
}

func byPosition(a, b *item) int { return cmp.Compare(a.position, b.position) }

// idle reports that nothing waits and nothing is on its way.
func (o *outbox) idle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.sent) == 0 && o.queued() == 0 && !o.suspects.waiting()
}

// queued counts what waits; o.mu is held.
func (o *outbox) queued() int {
	return o.waiting.len + o.events[0].len() + o.events[1].len()
}

// fill adds the outbox's share to the counters.
func (o *outbox) fill(s *Stats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s.Published, s.Acked, s.Resent = o.stats.published, o.stats.acked, o.stats.resent
	s.Superseded, s.DroppedOut, s.Refused = o.stats.superseded, o.stats.dropped, o.stats.refused
	s.Values, s.Queued, s.InFlight = len(o.values), o.queued(), len(o.sent)
}
