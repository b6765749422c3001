package heartbeat

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Publication sends heartbeats (section 3.6.7.2). The zero value sends none.
type Publication struct {
	state.HeartbeatPublication
	left     int // -1 without end
	next     time.Time
	features uint16 // in use, as they were last told of
	known    bool
}

// Set begins anew with a state: the first heartbeat is due at once.
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

// CountLog is how many heartbeats are left to be sent, as the status says it.
func (p *Publication) CountLog() uint8 {
	if p.left < 0 {
		return endless
	}
	return logOf(p.left)
}

// NextDeadline is when a heartbeat is due, zero for never.
func (p *Publication) NextDeadline() time.Time { return p.next }

// Due reports whether a heartbeat is to be sent now, and plans the next.
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

// Changed is told which features are in use, and reports whether a heartbeat is
// to be sent because one that the publication names has changed.
func (p *Publication) Changed(features uint16) bool {
	changed := features ^ p.features
	first := !p.known
	p.features, p.known = features, true
	return !first && p.Destination != mesh.Unassigned && changed&p.Features != 0
}
