package mqtt

import (
	"cmp"
	"slices"
	"time"
)

// suspects finds the values that are too large for the broker. MQTT 3.1.1 has no
// way to say so: the broker ends the connection, and would do so for ever if the
// value was sent again first thing.
//
//	lost connection ─▶ large values that were on their way are suspected
//	next connection ─▶ everything else first, then the suspects one by one
//	a suspect breaks it, again and again ─▶ withheld, with those that are larger
//	later, less and less often ─▶ withheld values are suspects again
type suspects struct {
	proven  int   // largest packet that was acknowledged on this connection
	alone   *item // the suspect that is on its way, with nothing beside it
	queue   []*value
	passed  bool      // one was acknowledged on this connection
	since   time.Time // when the queue was made, or the last of it was sent
	limit   int       // packets of this size are withheld, and larger ones; 0 for none
	strikes int       // connections in a row that ended after a suspect of accused octets
	accused int
	retry   time.Time // when withheld values are tried again
	wait    time.Duration
	told    []Unpublished // to be reported
}

// hold says whether a value waits in the chain.
type hold uint8

const (
	free      hold = iota // in the chain, or sent
	suspected             // in the queue of suspects
	withheld              // too large for the broker
)

const (
	// unsuspicious is what every broker takes.
	unsuspicious = 256
	// enough is how many connections a suspect has to break. A broker may have
	// other reasons to end one.
	enough = 3
	// firstRetry and lastRetry bound the time until a withheld value is tried
	// again, which costs a connection when it still is too large.
	firstRetry = 5 * time.Second
	lastRetry  = 10 * time.Minute
)

// size is that of the packet, MQTT 3.1.1 section 3.3.
func (i *item) size() int {
	n := 2 + len(i.topic) + len(i.payload)
	if i.qos > 0 {
		n += 2
	}
	head := 2
	for rest := n >> 7; rest > 0; rest >>= 7 {
		head++
	}
	return head + n
}

// hold keeps a value that was just published out of the chain, if it is to be
// withheld or suspected. o.mu is held.
func (o *outbox) hold(v *value) bool {
	s := &o.suspects
	size := v.newest.size()
	switch {
	case v.held == suspected && size > unsuspicious && size > s.proven, v.held == withheld && s.limit > 0 && size >= s.limit:
		o.stats.superseded++
	case s.limit > 0 && size >= s.limit:
		o.withhold(v)
	default:
		v.held = free
		return false
	}
	return true
}

// withhold keeps a value until larger packets are tried again; o.mu is held.
func (o *outbox) withhold(v *value) {
	if v.last != nil {
		o.waiting.remove(v.last)
	}
	if v.first != nil {
		o.waiting.remove(v.first)
	}
	v.first, v.last = nil, nil
	v.held = withheld
	if v.told {
		return
	}
	v.told = true
	o.suspects.told = append(o.suspects.told, Unpublished{
		Topic: v.newest.topic, Octets: v.newest.size(),
		Reason: "the broker ends the connection when it gets a packet of this size; raise its limit for the size of a packet",
	})
}

// suspect looks at what was on its way when the connection broke; o.mu is held.
func (o *outbox) suspect() {
	s := &o.suspects
	switch {
	case s.alone != nil && o.sent[s.alone]:
		o.accuse(s.alone)
	default:
		o.suspectFrom(max(unsuspicious, s.proven))
		if s.limit > 0 { // the broker may have been started with another limit
			o.tryWithheld()
		}
	}
	s.alone, s.proven, s.passed = nil, 0, false
	s.queue = s.queue[:0]
	for _, v := range o.values {
		if v.held == suspected {
			s.queue = append(s.queue, v)
		}
	}
	s.since = time.Now()
}

// suspectFrom suspects the values that were on their way and are larger than some
// size that is harmless, and all values that are as large; o.mu is held.
func (o *outbox) suspectFrom(harmless int) {
	least := 0
	for i := range o.sent {
		if size := i.size(); i.value != nil && size > harmless && (least == 0 || size < least) {
			least = size
		}
	}
	if least == 0 {
		return
	}
	for _, v := range o.values {
		if v.held == free && v.newest.size() >= least {
			v.held = suspected
		}
	}
}

// accuse counts a connection that ended after a suspect; o.mu is held.
func (o *outbox) accuse(i *item) {
	s := &o.suspects
	if s.accused != i.size() {
		s.accused, s.strikes = i.size(), 0
	}
	s.strikes++
	// One that was withheld before is not given as many chances.
	if s.strikes < enough && (s.limit == 0 || s.accused < s.limit) {
		return
	}
	s.limit, s.strikes = i.size(), 0
	s.wait = min(max(2*s.wait, firstRetry), lastRetry)
	s.retry = time.Now().Add(s.wait)
	for _, v := range o.values {
		if v.held != withheld && v.newest.size() >= s.limit {
			o.withhold(v)
		}
	}
}

// nextSuspect takes out a suspect once nothing else is on its way, or returns nil:
// the smallest one first, since those that are larger are withheld with it, and then
// always the middle one, since those that are smaller are cleared with it. o.mu is
// held.
func (o *outbox) nextSuspect() *item {
	s := &o.suspects
	if len(o.sent) > 0 {
		return nil
	}
	s.queue = slices.DeleteFunc(s.queue, func(v *value) bool { return v.held != suspected })
	if len(s.queue) == 0 {
		return nil
	}
	slices.SortFunc(s.queue, func(a, b *value) int { return cmp.Compare(a.newest.size(), b.newest.size()) })
	v := s.queue[0]
	if s.passed {
		v = s.queue[len(s.queue)/2]
	}
	s.since = time.Now()
	s.alone = v.newest
	v.sending++
	o.sent[s.alone] = true
	o.stats.published++
	return s.alone
}

// cleared takes the suspicion from a value that was acknowledged; o.mu is held.
func (o *outbox) cleared(i *item) {
	s := &o.suspects
	s.alone, s.strikes, s.passed = nil, 0, true
	i.value.held, i.value.told = free, false
	if i.value.newest != i {
		o.enqueue(i.value) // it has changed meanwhile
	}
	for _, v := range s.queue {
		if v.held == suspected && v.newest.size() <= i.size() {
			v.held, v.told = free, false
			o.enqueue(v)
		}
	}
	if s.limit > 0 && i.size() >= s.limit {
		s.limit, s.wait = 0, 0
		o.tryWithheld()
	}
	o.ring()
}

// tryWithheld makes suspects of the values that were withheld; o.mu is held.
func (o *outbox) tryWithheld() {
	o.suspects.since = time.Now()
	for _, v := range o.values {
		if v.held == withheld {
			v.held = suspected
			o.suspects.queue = append(o.suspects.queue, v)
		}
	}
}

// again tries values that were withheld when it is time to, and returns what is to
// be reported.
func (o *outbox) again(now time.Time) []Unpublished {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := &o.suspects
	if s.limit > 0 && !now.Before(s.retry) {
		s.retry = now.Add(lastRetry)
		o.tryWithheld()
		o.ring()
	}
	told := s.told
	s.told = nil
	return told
}

// waiting reports whether a suspect is still to be sent.
func (s *suspects) waiting() bool {
	return slices.ContainsFunc(s.queue, func(v *value) bool { return v.held == suspected })
}

// due reports whether a suspect has waited long enough for a moment in which
// nothing else is to be sent.
func (s *suspects) due(now time.Time) bool {
	const patience = 2 * time.Second
	return len(s.queue) > 0 && now.Sub(s.since) >= patience && s.waiting()
}
