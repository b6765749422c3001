package node

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// Each PDU of a PB-ADV link is sent after a random delay. The neighbour that has
// just sent something is still sending it on the other channels, or other copies
// of it, and hears nothing meanwhile; and several links of one radio do not all
// speak at once.
const (
	leastLinkDelay = 20 * time.Millisecond
	mostLinkDelay  = 50 * time.Millisecond
)

// maxHeld bounds what waits: all segments of the longest PDU, on all links, twice.
const maxHeld = 128

// fewSessions is how many provisionings the radio has time for without their
// sharing it.
const fewSessions = 2

// share tells the sessions whether there are many.
func (c *Core) share() {
	for _, s := range c.sessions {
		s.Share(len(c.sessions) > fewSessions)
	}
}

// held is a PDU of a link that waits.
type held struct {
	bearer.Outgoing
	at time.Time
}

// spread cancels lanes and holds PDUs back. Those of a lane stay in their order,
// and what follows a PDU that waits goes with it.
func (c *Core) spread(cancel []bearer.Lane, send []bearer.Outgoing) {
	for _, lane := range cancel {
		c.held = slices.DeleteFunc(c.held, func(h held) bool { return h.Lane == lane })
	}
	c.output.Cancel = append(c.output.Cancel, cancel...)
	for i := range send {
		if len(c.held) >= maxHeld {
			return // links send again what is not answered
		}
		h := held{Outgoing: send[i]}
		for j := range c.held {
			if c.held[j].Lane == h.Lane {
				h.at = c.held[j].at
			}
		}
		if h.at.IsZero() {
			h.at = c.now.Add(c.jitter(leastLinkDelay, mostLinkDelay))
		}
		c.held = append(c.held, h)
	}
}

// sendSpread sends what has waited long enough.
func (c *Core) sendSpread() {
	c.held = slices.DeleteFunc(c.held, func(h held) bool {
		if !due(h.at, c.now) {
			return false
		}
		c.output.Send = append(c.output.Send, h.Outgoing)
		return true
	})
}

func (c *Core) spreadDeadline() time.Time {
	var next time.Time
	for i := range c.held {
		next = earliest(next, c.held[i].at)
	}
	return next
}
