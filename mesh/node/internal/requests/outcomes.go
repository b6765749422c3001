package requests

import (
	"errors"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
)

// Outcomes is told of the end of each request that has been sent and wants an answer.
// asked is when it was sent first. A request that was cancelled counts as not answered
// if it had been sent often enough. One to a node that was taken for dead counts only
// if it was answered: nobody expects an answer, and after one attempt less than a second
// has passed.
type Outcomes interface {
	RequestEnded(dst mesh.Address, asked time.Time, answered bool)
}

// Tell names who is told of the ends of requests.
func (r *Requests) Tell(to Outcomes) { r.to = to }

// tell passes the outcome of a request on, if it shows whether the node is reached.
func (r *Requests) tell(p *pending, err error) {
	const often = 4 // attempts: seven seconds
	switch {
	case r.to == nil || p.attempts == 0 || p.asleep:
	case err == nil && p.Respond != 0:
		r.to.RequestEnded(p.Dst, p.started, true)
	case p.dead: // one attempt shows nothing new
	case errors.Is(err, part.ErrNoResponse), errors.Is(err, part.ErrNotSent), errors.Is(err, part.ErrCancelled) && p.attempts >= often:
		r.to.RequestEnded(p.Dst, p.started, false)
	}
}
