package requests

import (
	"container/list"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
)

// Bounds of what is in flight.
const (
	// maxActive bounds the requests that wait for an answer at once, so that
	// repeats do not queue up behind each other on the radio.
	maxActive = 24
	// maxSilent bounds those that wait for nodes that were silent. With longestWait
	// they take a quarter of what a radio sends.
	maxSilent = 8
)

// What may wait for the radio when the next request is sent. A command finds little
// before it, because everything else waits until the radio is nearly free.
const (
	commandBacklog       = 200 * time.Millisecond
	configurationBacklog = 100 * time.Millisecond
	otherBacklog         = 20 * time.Millisecond
)

// fairShare gives one start of so many to a lane that is not the first.
const fairShare = 8

// band is how a destination is known.
type band uint8

const (
	proven  band = iota // it was heard, and missed once at most
	unknown             // it was not heard yet, and missed once at most
	silent              // it did not answer the last attempts

	bands = 3
)

// lane is the destinations that wait to be sent a request of one class, first come,
// first served.
type lane struct {
	class   part.Class
	band    band
	waiting list.List // of *destination
	served  uint64    // when it was its turn
}

// room is how much may wait for the radio before it.
func (l *lane) room() time.Duration {
	switch {
	case l.band == silent:
		return otherBacklog
	case l.class == part.ClassCommand:
		return commandBacklog
	case l.class == part.ClassConfiguration:
		return configurationBacklog
	default:
		return otherBacklog
	}
}

// lanes is all lanes, in the order in which they are served: silent destinations
// after all others.
type lanes struct {
	all    [part.Classes * bands]lane
	made   bool
	turn   uint64
	passed int // starts since a lane that was not the first had its turn
}

// of is the lane of a class and a band.
func (l *lanes) of(c part.Class, b band) *lane {
	if !l.made {
		l.make()
	}
	return &l.all[index(c, b)]
}

func index(c part.Class, b band) int {
	if b == silent {
		return int(silent)*part.Classes + int(c)
	}
	return int(c)*int(silent) + int(b)
}

func (l *lanes) make() {
	for c := range part.Class(part.Classes) {
		for b := range band(bands) {
			at := &l.all[index(c, b)]
			at.class, at.band = c, b
		}
	}
	l.made = true
}

// turn is a lane that is to be served.
type turn struct {
	*lane
	backlog time.Duration // what may wait for the radio
	shared  bool          // others wait, and stand behind
	fair    bool          // it is one of those
}

// next is the lane that has the next turn, nil for none: the first, and now and then
// the one of the others that has had no turn for the longest time. inFlight is how
// many requests are in flight for nodes that may answer and for silent ones.
func (l *lanes) next(inFlight [2]int) turn {
	var first, other *lane
	for i := range l.all {
		at := &l.all[i]
		switch {
		case at.waiting.Len() == 0:
		case at.band != silent && inFlight[0] >= maxActive, at.band == silent && inFlight[1] >= maxSilent:
		case first == nil:
			first = at
		case other == nil || at.served < other.served:
			other = at
		}
	}
	switch {
	case first == nil:
		return turn{}
	case other != nil && l.passed >= fairShare-1:
		return turn{other, first.room(), true, true}
	default:
		return turn{first, first.room(), other != nil, false}
	}
}

// take takes the first destination of the lane that has its turn.
func (l *lanes) take(t turn) *destination {
	l.turn++
	t.served = l.turn
	switch {
	case t.fair:
		l.passed = 0
	case t.shared:
		l.passed++
	}
	d := t.waiting.Remove(t.waiting.Front()).(*destination)
	d.place[t.class] = place{}
	return d
}
