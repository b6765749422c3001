package beacon

import "time"

// Limits of the interval between two beacons of one node for one subnet
// (section 3.10.3.1).
const (
	MinInterval = 10 * time.Second
	MaxInterval = 600 * time.Second
)

// Schedule says when a node sends the secure network beacon of one subnet, so
// that about one beacon in ten seconds is heard however many nodes there are
// (section 3.10.3.1):
//
//	interval = observation period * (beacons heard + 1) / beacons expected
//
// The observation period is the last two intervals and one beacon is expected
// in every ten seconds of it, so the interval is ten seconds for every beacon
// heard and for the node's own. The zero Schedule is due at once.
type Schedule struct {
	due         time.Time
	heard       int // in the present interval
	heardBefore int // in the one before
}

// Start sets when the first beacon is due: not at once on all nodes of a
// building that get their power back.
func (s *Schedule) Start(at time.Time) { s.due = at }

// Heard counts an authentic beacon of this subnet.
func (s *Schedule) Heard() {
	if s.heard < int(MaxInterval/MinInterval) {
		s.heard++
	}
}

// Due is when to send the next beacon.
func (s *Schedule) Due() time.Time { return s.due }

// Sent says that a beacon was sent at now and sets when the next is due.
func (s *Schedule) Sent(now time.Time) {
	interval := MinInterval * time.Duration(s.heard+s.heardBefore+1)
	s.due = now.Add(min(interval, MaxInterval))
	s.heardBefore, s.heard = s.heard, 0
}
