package models

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
)

// maxDelayed bounds the messages that wait. More are dropped and counted, as
// nobody waits for an answer.
const maxDelayed = 256

// delayed is a message for later: an answer, or the repetition of a publication.
type delayed struct {
	at      time.Time
	to      part.Outgoing
	repeats *instance // whose publication it repeats; nil for an answer
	payload []byte
}

// sendLater encodes a message and lets it wait.
func (m *Models) sendLater(d delayed, message access.Message) {
	payload, err := m.codec.Append(nil, message)
	if err != nil || len(m.delayed) >= maxDelayed {
		m.host.CountUnsent(err)
		return
	}
	d.payload = payload
	m.delayed = append(m.delayed, d)
}

// replyLater sends an answer after a random delay, but not before the answers to
// the same node that wait already: the state that is reported last must be the
// latest one.
func (m *Models) replyLater(o part.Outgoing, most time.Duration, message access.Message) {
	at := m.host.Now().Add(m.host.Jitter(leastReplyDelay, most))
	for i := range m.delayed {
		if d := &m.delayed[i]; d.repeats == nil && d.to.Src == o.Src && d.to.Dst == o.Dst && d.at.After(at) {
			at = d.at
		}
	}
	m.sendLater(delayed{at: at, to: o}, message)
}

// dropRepetitions drops what is still to be repeated of an older publication. It
// would come after the newer one.
func (m *Models) dropRepetitions(i *instance) {
	m.delayed = slices.DeleteFunc(m.delayed, func(d delayed) bool { return d.repeats == i })
}

// sendDelayed sends what is due.
func (m *Models) sendDelayed() {
	now := m.host.Now()
	for i := 0; i < len(m.delayed); {
		d := m.delayed[i]
		if !deadline.Due(d.at, now) {
			i++
			continue
		}
		m.delayed = slices.Delete(m.delayed, i, i+1)
		_, _ = m.sender.Send(&d.to, d.payload) // counted
	}
}

func (m *Models) delayedDeadline() time.Time {
	var next time.Time
	for i := range m.delayed {
		next = deadline.Earliest(next, m.delayed[i].at)
	}
	return next
}
