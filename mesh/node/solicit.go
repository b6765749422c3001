package node

import (
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Times of soliciting, which the specification leaves open.
const (
	// solicitPatience is for how long a client that has no proxy waits for one
	// that shows itself unasked. Many advertise once in a second.
	solicitPatience = 2 * time.Second
	// solicitFirst is between the first solicitation and the second. A proxy
	// that was woken has shown itself by then. Each pause is twice as long as the
	// one before.
	solicitFirst = 5 * time.Second
	// solicitLongest is the longest pause. Proxies on demand may come within
	// reach at any time, and each solicitation is a short burst.
	solicitLongest = 5 * time.Minute
)

// solicitTransmit is how a solicitation is advertised: short, for on some
// controllers nothing else goes out meanwhile.
func solicitTransmit() bearer.Transmit {
	return bearer.Transmit{Count: 5, Interval: 50 * time.Millisecond}
}

// solicitor asks proxies that are so on demand only to show themselves (section
// 6.9), while this node is a client without a proxy in sight.
type solicitor struct {
	// sequence is the solicitation sequence numbers (section 6.9.1.1), whose
	// source is the primary element. They have no IV index and are never
	// renewed.
	sequence sequencer
	rounds   int       // since a proxy was found
	last     time.Time // when it was the last one's turn
}

// pause is how long the next round comes after the last.
func (s *solicitor) pause() time.Duration {
	const most = 8 // doubled so often it is the longest for sure
	return min(solicitFirst<<min(max(s.rounds-1, 0), most), solicitLongest)
}

// spent reports whether no number is left. The highest is not used: who has
// reached it solicits no more.
func (s *solicitor) spent() bool { return s.sequence.next >= mesh.MaxSequenceNumber }

// solicitorDeadline is when the next round is due, zero for never.
func (c *Core) solicitorDeadline() time.Time {
	s := &c.gatt.solicitor
	since, alone := c.gatt.client.Alone()
	if !alone || s.spent() {
		return time.Time{}
	}
	at := since.Add(solicitPatience)
	if again := s.last.Add(s.pause()); s.rounds > 0 && again.After(at) {
		return again
	}
	return at
}

// tickSolicitor solicits in each subnet when it is time to.
func (c *Core) tickSolicitor() {
	if !due(c.solicitorDeadline(), c.now) {
		return
	}
	s := &c.gatt.solicitor
	s.rounds++
	s.last = c.now
	for _, sub := range c.subnets {
		if s.spent() {
			return
		}
		seq, _, err := s.sequence.Next()
		if err != nil {
			return
		}
		pdu, err := sub.transmit.SealSolicitation(nil, seq, c.state.Address)
		if err != nil {
			c.counters.Unsent++
			continue
		}
		c.gatt.counters.Solicited++
		c.output.Send = append(c.output.Send,
			bearer.NewOutgoing(bearer.Solicitation, bearer.BeaconLane(), solicitTransmit(), proxy.SolicitationData(pdu)))
	}
}

// keepSolicitations persists a new reserve of numbers, before the first of them
// is used.
func (c *Core) keepSolicitations() {
	if s := &c.gatt.solicitor.sequence; s.dirty {
		s.dirty = false
		c.output.Persist = append(c.output.Persist, store.Change{Table: TableNode, Key: keySolicit, Value: s.encode()})
	}
}

// jumpSolicitations makes the solicitations of a restored node begin behind
// those that it can have sent since the backup, which are fewer than its
// messages.
func jumpSolicitations(s store.Store, jump mesh.SequenceNumber) (store.Change, error) {
	var q sequencer
	data, err := s.Get(TableNode, keySolicit)
	if err == nil {
		q, err = decodeSequencer(data)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Change{}, fmt.Errorf("node: the backup has no usable solicitation sequence numbers: %w", err)
	}
	q.limit = min(q.limit+jump, mesh.MaxSequenceNumber)
	return store.Change{Table: TableNode, Key: keySolicit, Value: q.encode()}, nil
}
