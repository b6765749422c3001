package gatt

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/sequence"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

// Times of soliciting, which the specification leaves open.
const (
	// solicitDelay is how long a client without a proxy waits for one that
	// advertises unasked. Many advertise once in a second.
	solicitDelay = 2 * time.Second
	// solicitFirst is between the first solicitation and the second. A proxy that
	// was woken advertises by then. Each pause is twice as long as the one before.
	solicitFirst = 5 * time.Second
	// solicitLongest is the longest pause. On-demand proxies may come into range at
	// any time, and each solicitation is a short burst.
	solicitLongest = 5 * time.Minute
)

// KeySolicit is where the solicitation sequence numbers are in the store.
const KeySolicit = "solicitation_sequence"

// solicitTransmit is how a solicitation is advertised: short, for on some
// controllers nothing else goes out meanwhile.
func solicitTransmit() bearer.Transmit {
	return bearer.Transmit{Count: 5, Interval: 50 * time.Millisecond}
}

// Solicitor is the part of a node that asks on-demand proxies to advertise (section
// 6.9), while this node looks for a proxy and finds none.
type Solicitor struct {
	part.None
	host    part.Host
	subnets Subnets
	client  *Client
	// sequence is the solicitation sequence numbers (section 6.9.1.1), whose source
	// is the primary element. They have no IV index and are never renewed.
	sequence sequence.Reserve
	rounds   int       // since a proxy was found
	last     time.Time // when the last round was
	sent     uint64
}

var _ part.Part = (*Solicitor)(nil)

// Load implements part.Part.
func (s *Solicitor) Load(from part.Stored) (err error) {
	if data := from(KeySolicit); data != nil {
		s.sequence, err = sequence.Decode(data)
	}
	return err
}

// Save implements part.Part.
func (s *Solicitor) Save(put part.Put) error {
	if data, changed := s.sequence.Unsaved(); changed {
		put(KeySolicit, data)
	}
	return nil
}

// Joined restarts the solicitation sequence numbers in a new network (section
// 6.9.1.1).
func (s *Solicitor) Joined() {
	s.sequence.Restart(0)
	s.host.Save(s)
}

// found resets the pauses.
func (s *Solicitor) found() { s.rounds = 0 }

// pause is how long the next round comes after the last.
func (s *Solicitor) pause() time.Duration {
	const most = 8 // after so many doublings it is the longest
	return min(solicitFirst<<min(max(s.rounds-1, 0), most), solicitLongest)
}

// spent reports whether no number is left. The highest is not used: a node that
// has reached it solicits no more.
func (s *Solicitor) spent() bool { return s.sequence.Peek() >= mesh.MaxSequenceNumber }

// NextDeadline implements part.Part: when the next round is due.
func (s *Solicitor) NextDeadline() time.Time {
	since, alone := s.client.Alone()
	if !alone || s.spent() {
		return time.Time{}
	}
	at := since.Add(solicitDelay)
	if again := s.last.Add(s.pause()); s.rounds > 0 && again.After(at) {
		return again
	}
	return at
}

// Tick implements part.Part. It solicits in each subnet when that is due.
func (s *Solicitor) Tick() {
	if !deadline.Due(s.NextDeadline(), s.host.Now()) {
		return
	}
	s.rounds++
	s.last = s.host.Now()
	s.host.Save(s)
	for _, sub := range s.subnets.Subnets() {
		if s.spent() {
			return
		}
		seq, _, err := s.sequence.Next()
		if err != nil {
			return
		}
		pdu, err := sub.Transmit.SealSolicitation(nil, seq, s.host.State().Address)
		if err != nil {
			s.host.CountUnsent(err)
			continue
		}
		s.sent++
		s.host.Advertise(bearer.Solicitation, bearer.BeaconLane(), solicitTransmit(), proxy.SolicitationData(pdu))
	}
}

// Counters implements part.Part.
func (s *Solicitor) Counters(to *part.Counters) { to.GATT.Solicited += s.sent }
