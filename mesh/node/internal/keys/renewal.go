package keys

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/probe"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// This file is how a resident node follows a Key Refresh that somebody else runs.
// In phase 1 nothing is lost whatever the new NetKey is, because the node still
// sends with the old one. Whoever knows the device key of the node can give it a
// key that no other node has, and could then lead it into phase 2, where nobody
// understands it, and to the end, where the old key is gone. So the node goes on
// only when another node of the network has sent with the new key.
//
//	phase 1 ── Key Refresh Phase Set ──▶ new key heard? ── no ──▶ refused
//	        ── beacon under the new key ─▶ new key heard? ── no ──▶ asks a node under
//	                                             │                  the new key
//	                                             └─ yes ──▶ phase 2, or the end
//
// A node that has gone on answers under the new key, and every other one does not.

// askInterval is how often a node is asked under the new key at most.
const askInterval = 10 * time.Second

// renewals is what is known about the new keys of the subnets.
type renewals struct {
	resident bool
	nodes    probe.Probe
	pending  []renewal // of the subnets in phase 1
}

// renewal is the new NetKey of one subnet.
type renewal struct {
	index  mesh.KeyIndex
	users  []mesh.Address // nodes that have sent with it, at most two
	ask    time.Time      // when the next node is asked; zero for not before the next beacon
	next   time.Time      // the earliest time for that
	waited bool           // the owner has been told
}

// StayResident makes the node follow a Key Refresh of others only as far as other
// nodes do.
func (k *Keys) StayResident(nodes probe.Probe) { k.renewals.resident, k.renewals.nodes = true, nodes }

// renew begins to watch for the new keys of subnets in phase 1, and ends it for the
// others.
func (k *Keys) renew() {
	r := &k.renewals
	if !r.resident {
		return
	}
	r.pending = slices.DeleteFunc(r.pending, func(p renewal) bool {
		s := k.Subnet(p.index)
		return s == nil || s.Phase != state.FirstPhase
	})
	for _, s := range k.subnets {
		if s.Phase == state.FirstPhase && r.find(s.Index) == nil {
			r.pending = append(r.pending, renewal{index: s.Index})
		}
	}
}

func (r *renewals) find(index mesh.KeyIndex) *renewal {
	for i := range r.pending {
		if r.pending[i].index == index {
			return &r.pending[i]
		}
	}
	return nil
}

// HeardNode notes which key a node has sent with.
func (k *Keys) HeardNode(p *part.Received) {
	if len(k.renewals.pending) == 0 {
		return
	}
	r, s := k.renewals.find(p.NetKey), k.Subnet(p.NetKey)
	const enough = 2
	if r == nil || s == nil || len(r.users) >= enough || p.By != s.Flooding[len(s.Flooding)-1] {
		return
	}
	if owner, _ := k.peers.DeviceKey(p.Src); owner != mesh.Unassigned && !slices.Contains(r.users, owner) {
		r.users = append(r.users, owner)
	}
}

// NewKeyInUse reports whether another node than by has sent with the new NetKey of
// a subnet. In a network without other nodes there is nothing to lose.
func (k *Keys) NewKeyInUse(index mesh.KeyIndex, by mesh.Address) bool {
	r := k.renewals.find(index)
	if r == nil {
		return true // the node is in phase 2 already
	}
	for _, user := range r.users {
		if user != by {
			return true
		}
	}
	return k.renewals.nodes.IsAlone(by)
}

// holds reports whether the node stays in phase 1 though a beacon says that the
// network has gone on. Then it begins to ask.
func (k *Keys) holds(index mesh.KeyIndex) bool {
	r := k.renewals.find(index)
	if r == nil || k.NewKeyInUse(index, mesh.Unassigned) {
		return false
	}
	if r.ask.IsZero() {
		r.ask = k.host.Now()
		if r.next.After(r.ask) {
			r.ask = r.next
		}
	}
	if !r.waited {
		r.waited = true
		k.host.Report(part.KeyRefreshHeld{NetKey: index})
	}
	return true
}

// Tick implements part.Part.
func (k *Keys) Tick() {
	for i := range k.renewals.pending {
		if r := &k.renewals.pending[i]; deadline.Due(r.ask, k.host.Now()) {
			r.ask, r.next = time.Time{}, k.host.Now().Add(askInterval)
			if s := k.Subnet(r.index); s != nil && len(r.users) == 0 {
				k.renewals.nodes.Ask(r.index, s.Flooding[len(s.Flooding)-1])
			}
		}
	}
}

// NextDeadline implements part.Part.
func (k *Keys) NextDeadline() time.Time {
	var next time.Time
	for i := range k.renewals.pending {
		next = deadline.Earliest(next, k.renewals.pending[i].ask)
	}
	return next
}
