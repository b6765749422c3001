package requests

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
)

// waitsForPoll reports whether a request waits in a Friend Queue. Its time to be
// answered begins when it has been delivered.
func (r *Requests) waitsForPoll(p *pending) bool {
	asleep := r.queue.Waits(p.id)
	r.setAsleep(p, asleep)
	if asleep {
		r.setTimer(p, r.host.Now().Add(r.queue.PollTimeout(p.Dst)+time.Second))
	}
	return asleep
}

// setAsleep notes whether a request waits in a Friend Queue. Those are not counted as
// in flight: they need no radio.
func (r *Requests) setAsleep(p *pending, asleep bool) {
	if p.asleep == asleep {
		return
	}
	p.asleep = asleep
	if asleep {
		r.count(p, -1)
	} else {
		r.count(p, 1)
		p.expires = r.host.Now().Add(patience(p.wait, p.Attempts-p.attempts+1)) // the time there does not count
	}
	r.host.Wake(r)
}

// PolledFor is called when the Friend has sent a request from its queue to the Low
// Power node.
func (r *Requests) PolledFor(id part.RequestID) {
	if p := r.byID[id]; p != nil && p.inFlight {
		r.setAsleep(p, false)
		r.await(p)
	}
}

// QueueGone is called when a Friend Queue may have been dropped.
func (r *Requests) QueueGone() {
	for _, p := range r.sorted() {
		if p.asleep {
			r.setTimer(p, r.host.Now())
		}
	}
}
