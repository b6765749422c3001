package provisioner

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
)

// Each PDU of a PB-ADV link is sent after a random delay. The neighbour that has
// just sent something is still sending it on the other channels, or repeats it,
// and hears nothing meanwhile. And several links of one radio do not all send at
// once.
const (
	leastLinkDelay = 20 * time.Millisecond
	mostLinkDelay  = 50 * time.Millisecond
)

// maxHeld bounds what waits: all segments of the longest PDU, on all links, twice.
const maxHeld = 128

// PBADV is the part of a node that sends the PDUs of PB-ADV links (section 5.3.1).
type PBADV struct {
	part.None
	host part.Host
	held []held
}

var _ part.Part = (*PBADV)(nil)

// held is a PDU of a link that waits.
type held struct {
	bearer.Outgoing
	at time.Time
}

// NewPBADV makes the part.
func NewPBADV(h part.Host) *PBADV { return &PBADV{host: h} }

// Send cancels lanes and sends PDUs after a while. Those of a lane stay in their
// order, and what follows a PDU that waits goes with it.
func (p *PBADV) Send(cancel []bearer.Lane, send []bearer.Outgoing) {
	for _, lane := range cancel {
		p.held = slices.DeleteFunc(p.held, func(h held) bool { return h.Lane == lane })
		p.host.CancelLane(lane)
	}
	for i := range send {
		if len(p.held) >= maxHeld {
			p.host.CountUnsent(nil)
			continue // links send again what is not answered
		}
		h := held{Outgoing: send[i]}
		for j := range p.held {
			if p.held[j].Lane == h.Lane {
				h.at = p.held[j].at
			}
		}
		if h.at.IsZero() {
			h.at = p.host.Now().Add(p.host.Jitter(leastLinkDelay, mostLinkDelay))
		}
		p.held = append(p.held, h)
	}
}

// Tick implements part.Part.
func (p *PBADV) Tick() {
	p.held = slices.DeleteFunc(p.held, func(h held) bool {
		if !deadline.Due(h.at, p.host.Now()) {
			return false
		}
		p.host.Advertise(h.Kind, h.Lane, h.Transmit, h.PDU())
		return true
	})
}

// NextDeadline implements part.Part.
func (p *PBADV) NextDeadline() time.Time {
	var next time.Time
	for i := range p.held {
		next = deadline.Earliest(next, p.held[i].at)
	}
	return next
}
