package beacon

import "time"

// Limits of the interval between two beacons of one node for one subnet
// (section 3.10.3.1).
const (
	MinInterval = 10 * time.Second
	MaxInterval = 600 * time.Second
)

// Schedule decides when a node sends the secure network beacon of one subnet.
// The aim is that about one beacon is heard in ten seconds, however many nodes
// there are (section 3.10.3.1):
//
//	interval = observation period * (beacons heard + 1) / beacons expected
//
// The observation period is the last two intervals, and one beacon is expected
// in every ten seconds of it. So the interval is ten seconds for every beacon
// heard plus ten seconds for the node's own. The zero Schedule is due at once.
type Schedule struct {
	due         time.Time
	heard       int // in the current interval
	heardBefore int // in the previous interval
}

// Start sets when the first beacon is due. It should differ between nodes, so
// that the nodes of a building do not all send at once after a power failure.
func (s *Schedule) Start(at time.Time) { s.due = at }

// Heard counts an authentic beacon of this subnet.
func (s *Schedule) Heard() {
	if s.heard < int(MaxInterval/MinInterval) {
		s.heard++
	}
}

// Due is when to send the next beacon.
func (s *Schedule) Due() time.Time { return s.due }

// Sent notes that a beacon was sent at now and sets when the next is due.
func (s *Schedule) Sent(now time.Time) {
	interval := MinInterval * time.Duration(s.heard+s.heardBefore+1)
	s.due = now.Add(min(interval, MaxInterval))
	s.heardBefore, s.heard = s.heard, 0
}
