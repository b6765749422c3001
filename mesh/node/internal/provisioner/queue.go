package provisioner

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
)

// Who has a turn. part.MaxSessions sessions are at work at a time, the others wait in
// the order in which they were asked for. A session with a device that does not answer
// or that waits for a person costs the radio little, so it holds nobody up.

// maxIdle bounds the sessions that are not at work.
const maxIdle = 4 * part.MaxSessions

// silence is how long a device may take to answer before its session counts as idle.
const silence = 3 * time.Second

// turn is the state of a session as far as turns go.
type turn struct {
	began    time.Time
	answered bool // the device has acknowledged the link
	person   bool // somebody has to enter a value
}

// follow notes a step of the session.
func (t *turn) follow(step provision.Step) {
	if step != provision.LinkOpening {
		t.answered = true
	}
	t.person = step == provision.OOBWanted || step == provision.OOBShown
}

// idleFrom is when the session stops being at work; zero for not before its next step.
func (t *turn) idleFrom() time.Time {
	switch {
	case t.person:
		return t.began
	case !t.answered:
		return t.began.Add(silence)
	}
	return time.Time{}
}

// room reports whether another session may begin.
func (p *Provisioner) room() bool {
	working, idle := 0, 0
	for _, s := range p.sessions {
		if deadline.Due(s.idleFrom(), p.host.Now()) {
			idle++
		} else {
			working++
		}
	}
	return working < part.MaxSessions && idle < maxIdle
}

// nextTurn is when a session of those that run stops being at work; zero for none, or
// when nobody waits.
func (p *Provisioner) nextTurn() time.Time {
	var next time.Time
	if len(p.queue) == 0 {
		return next
	}
	for _, s := range p.sessions {
		if at := s.idleFrom(); at.After(p.looked) {
			next = deadline.Earliest(next, at)
		}
	}
	return next
}

// enqueue lets a device wait for its turn.
func (p *Provisioner) enqueue(w part.Provision) error {
	if len(p.queue) >= part.MaxProvisionings {
		return part.ErrTooManySessions
	}
	p.queue = append(p.queue, w)
	p.host.Report(part.ProvisioningStep{UUID: w.UUID, Step: part.StepQueued})
	return nil
}

// queued is the place of a device in the queue; negative when it does not wait.
func (p *Provisioner) queued(uuid mesh.UUID) int {
	return slices.IndexFunc(p.queue, func(w part.Provision) bool { return w.UUID == uuid })
}

// dequeue gives up a device that waits. It reports false when it does not.
func (p *Provisioner) dequeue(uuid mesh.UUID, reason string) bool {
	i := p.queued(uuid)
	if i < 0 {
		return false
	}
	p.queue = slices.Delete(p.queue, i, i+1)
	p.host.Report(part.ProvisioningDone{UUID: uuid, Err: &provision.Failure{Code: provision.FailAborted, Reason: reason}})
	return true
}

// admit begins the sessions whose turn it is.
func (p *Provisioner) admit() {
	p.looked = p.host.Now()
	for len(p.queue) > 0 && p.room() {
		w := p.queue[0]
		p.queue = slices.Delete(p.queue, 0, 1)
		if err := p.launch(w); err != nil {
			p.host.Report(part.ProvisioningDone{UUID: w.UUID, Err: err})
		}
	}
}
