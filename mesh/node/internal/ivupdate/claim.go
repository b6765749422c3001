package ivupdate

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
)

// This file is what a resident node does before an IV Index Recovery (section 3.11.6).
// One beacon would take it to another IV index. If the network is not there, the node
// is alone from then on: it cannot go back, for the others take what it sends with the
// former IV index for replays, or it would use numbers again. So it first looks for a
// second sign. Meanwhile it receives with both IV indexes and sends with its own. A
// node that was made with the keys of a network, and has not sent anything yet, loses
// nothing and recovers at once.
//
//	beacon ──▶ claim ── a PDU with the new IV index ──────────────▶ recovery
//	             │   ── a message with a lower one ───────────────▶ the node waits for such a PDU
//	             └── nothing, for a minute with more such beacons
//	                 or ten minutes without ──────────────────────▶ recovery
//
// Nodes are asked so that there is something to receive. A node one IV index ahead
// answers with it. One further ahead does not understand the question. In a network
// one IV index ahead, a node that is late may still send with the lower one; until
// all have moved, they understand what this node sends.

// Times of a claim.
const (
	claimInterval  = 10 * time.Second // between two questions
	claimRepeated  = time.Minute      // while the beacon comes again
	claimLimit     = 10 * time.Minute // when it does not
	claimQuestions = 6
)

// claim is what a beacon has said. The zero value is none.
type claim struct {
	said   beacon.State
	since  time.Time // zero: there is no claim
	again  bool      // the beacon was heard again
	ask    time.Time // zero: nobody is asked any more
	asked  int
	denied bool // another node has sent with a lower IV index
}

// deadline is when something is to be done; zero for never.
func (c *claim) deadline() time.Time {
	if c.since.IsZero() {
		return time.Time{}
	}
	return deadline.Earliest(c.ask, c.end())
}

// end is when the claim is believed without another sign; zero for never.
func (c *claim) end() time.Time {
	switch {
	case c.denied:
		return time.Time{}
	case c.again:
		return c.since.Add(claimRepeated)
	default:
		return c.since.Add(claimLimit)
	}
}

// heardClaim takes a beacon that asks for a recovery.
func (p *Procedure) heardClaim(said beacon.State) {
	c := &p.claim
	switch now := p.host.Now(); {
	case !p.clock.waiting.IsZero() && !p.clock.next.Before(said):
		// It is confirmed, and waits for a segmented message.
	case !c.since.IsZero() && c.said == said:
		c.again = c.again || now.Sub(c.since) >= time.Second // not a copy of the first
	case !c.since.IsZero() && !c.said.Before(said):
		p.ignored++ // behind the claim
	default:
		p.claim = claim{said: said, since: now, ask: now}
		p.layers.SetOtherIVIndex(said.IVIndex)
		p.host.Report(part.IVIndexClaimed{IVIndex: said.IVIndex, Update: said.IVUpdate})
	}
}

// confirmClaim goes to the claimed IV index.
func (p *Procedure) confirmClaim() {
	said := p.claim.said
	p.claim = claim{}
	p.move(said, true)
}

// deny makes a claim wait for a PDU with the new IV index, because another node has
// used a lower one.
func (p *Procedure) deny() {
	c := &p.claim
	if !c.denied {
		p.host.Report(part.IVIndexClaimed{IVIndex: c.said.IVIndex, Update: c.said.IVUpdate, Contradicted: true})
	}
	c.denied, c.ask = true, time.Time{}
}

func (p *Procedure) dropClaim() {
	p.layers.SetOtherIVIndex(0)
	p.claim = claim{}
}

// tickClaim asks the next node, or believes the claim.
func (p *Procedure) tickClaim() {
	c, now := &p.claim, p.host.Now()
	switch {
	case c.since.IsZero():
	case deadline.Due(c.end(), now):
		p.confirmClaim()
	case deadline.Due(c.ask, now):
		c.ask, c.asked = now.Add(claimInterval), c.asked+1
		if !p.nodes.Ask(mesh.PrimaryNetKey, nil) || c.asked >= claimQuestions {
			c.ask = time.Time{}
		}
	}
}

// Inputs implements part.Part.
func (p *Procedure) Inputs() part.Inputs { return part.Message | part.Control }

// Input implements part.Part. It looks at the IV index of messages, which are
// authentic and no replays: while there is a claim, and to confirm an IV index that the
// node has only guessed.
func (p *Procedure) Input(in *part.Input) bool {
	if !p.resident || p.claim.since.IsZero() && !p.clock.made {
		return false
	}
	var used mesh.IVIndex
	if in.Kind == part.Message {
		used = in.Message.IVIndex
	} else {
		used = in.Control.IVIndex
	}
	if used == p.State().TransmitIVIndex() && p.clock.confirm() {
		p.host.Save(p)
	}
	if !p.claim.since.IsZero() && used < p.claim.said.TransmitIVIndex() {
		p.deny()
	}
	return false
}
