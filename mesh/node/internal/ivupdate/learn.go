package ivupdate

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// This file is how a node follows the IV index of its network.

// Follow acts on an authentic beacon of a subnet whose beacons move this node's
// IV index.
func (p *Procedure) Follow(said beacon.State) {
	now := p.host.Now()
	said.KeyRefresh = false
	decision := beacon.Decide(p.State(), said, beacon.IVConditions{
		Elapsed:      p.clock.elapsed(now),
		Interrupted:  p.clock.interrupted,
		Recovered:    p.clock.unsure,
		TestMode:     p.clock.testMode,
		FarRecovery:  p.clock.made,
		HoldRecovery: p.clock.sinceRecovery(now) < beacon.MinRecoveryPause,
	})
	switch decision {
	case beacon.Ignore:
		p.ignored++
	case beacon.Follow:
		p.move(said, false)
	case beacon.Recover:
		if !p.resident || p.clock.made && p.sequence.IsNew() {
			p.move(said, true)
		} else {
			p.heardClaim(said)
		}
	case beacon.Keep:
		if p.clock.confirm() {
			p.host.Save(p)
		}
	}
}

// Learn takes the IV index from the first beacon of a network whose keys came
// without it. The stored IV index is the lowest that it can be. Nothing has been
// sent yet, so any IV index of the network is right. An old beacon that somebody
// repeats does no harm: the next true one moves the node on.
func (p *Procedure) Learn(said beacon.State) {
	if said.IVIndex < p.host.State().IVIndex {
		p.ignored++
		return
	}
	said.KeyRefresh = false
	p.host.Edit(func(n *state.Node) { n.IVIndexUnknown = false })
	p.change(said, false)
	p.clock.unsure = true // the network may have been in this state for longer
}

// LearnFrom takes the IV index from a message that can be read, where no node in
// reach sends beacons, and confirms with it what a beacon has said.
func (p *Procedure) LearnFrom(r *part.Received) {
	n := p.host.State()
	switch {
	case n.IVIndexUnknown && r.IVIndex == n.IVIndex:
		p.Learn(p.State())
	case !p.claim.since.IsZero() && r.IVIndex >= p.claim.said.TransmitIVIndex():
		p.confirmClaim()
	}
}
