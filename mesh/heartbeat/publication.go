package heartbeat

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Publication sends heartbeats (section 3.6.7.2). The zero value sends none.
type Publication struct {
	state.HeartbeatPublication
	left     int // -1: no limit
	next     time.Time
	features uint16 // in use at the last call of Changed
	known    bool
}

// Set starts again with a new state: the first heartbeat is due at once.
func (p *Publication) Set(now time.Time, s state.HeartbeatPublication) {
	p.HeartbeatPublication = s
	p.left = min(pow(s.CountLog), maxLeft)
	if s.CountLog == endless {
		p.left = -1
	}
	p.next = time.Time{}
	if p.repeats() {
		p.next = now
	}
}

func (p *Publication) repeats() bool {
	return p.Destination != mesh.Unassigned && p.left != 0 && Period(p.PeriodLog) > 0
}

// CountLog is the number of heartbeats left to send, in the form of the status
// message.
func (p *Publication) CountLog() uint8 {
	if p.left < 0 {
		return endless
	}
	return logOf(p.left)
}

// NextDeadline is when a heartbeat is due, zero for never.
func (p *Publication) NextDeadline() time.Time { return p.next }

// Due reports whether a heartbeat has to be sent now, and schedules the next.
func (p *Publication) Due(now time.Time) bool {
	if p.next.IsZero() || p.next.After(now) {
		return false
	}
	if p.left > 0 {
		p.left--
	}
	p.next = time.Time{}
	if p.repeats() {
		p.next = now.Add(Period(p.PeriodLog))
	}
	return true
}

// Changed takes the features in use. It reports whether a heartbeat has to be
// sent because a feature has changed that the publication names.
func (p *Publication) Changed(features uint16) bool {
	changed := features ^ p.features
	first := !p.known
	p.features, p.known = features, true
	return !first && p.Destination != mesh.Unassigned && changed&p.Features != 0
}
