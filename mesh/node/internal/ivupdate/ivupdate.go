// Package ivupdate is the IV Update procedure (Mesh Protocol 1.1, section 3.11.5)
// and the IV Index Recovery procedure (section 3.11.6) of a node.
//
//	          96 h passed, numbers run low,         96 h passed,
//	          or a beacon says so                   or a beacon says so
//	n, normal ─────────────────────▶ n+1, updating ────────────────▶ n+1, normal
//	sends n                          sends n                          sends n+1 from 0
//
// PDUs are received with the current IV index and the one before in both
// states.
package ivupdate

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/probe"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/sequence"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

const (
	// trigger is how many sequence numbers are left when a node begins an update
	// by itself: half of them, as Zephyr and BlueZ do. A node that sends twelve
	// PDUs in a second gets through the 96 hours of both states with what is left
	// then.
	trigger = (int(mesh.MaxSequenceNumber) + 1) / 2
	// saveInterval is how often the time in a state is stored. It is what a power
	// cut costs.
	saveInterval = time.Hour
	// transferLimit is how long a change waits for segmented messages. The
	// transport layer gives up each of them in less time, so those that were on
	// their way when the wait began have ended by then. And 96 hours and this stay
	// below the 144 hours within which an update has to end.
	transferLimit = 10 * time.Minute
	// storeKey is where the clock is in the store.
	storeKey = "iv_clock"
)

// Errors of Begin and End.
var (
	ErrUpdating   = errors.New("node: an IV Update is in progress already")
	ErrNormal     = errors.New("node: no IV Update is in progress")
	ErrPrimary    = errors.New("node: only a node of the primary subnet may begin an IV Update")
	ErrTooEarly   = errors.New("node: the network has to stay in each state of the IV Update procedure for 96 hours")
	ErrIndexSpent = errors.New("node: there is no higher IV index")
	// ErrNoIVIndex is what a node answers that has its keys from a file, or its
	// memory from a backup, and has not heard the network yet.
	ErrNoIVIndex = errors.New("node: the IV index of the network is not known yet; it comes with the next beacon or message of a node in reach")
)

// Layers are the layers that work with the IV index.
type Layers interface {
	// Sending is how many segmented messages are on their way.
	Sending() int
	// SetIVIndex sets a new IV index.
	SetIVIndex(iv mesh.IVIndex)
	// SetOtherIVIndex sets one that is received with in addition, 0 for none.
	SetOtherIVIndex(iv mesh.IVIndex)
}

// Follower is another part that acts on a change of the IV index or of the state.
type Follower interface{ IVIndexChanged() }

// Procedure is the part of a node that keeps its IV index.
type Procedure struct {
	part.None
	host      part.Host
	sequence  *sequence.Reserve
	layers    Layers
	followers []Follower
	clock     clock
	claim     claim
	resident  bool
	nodes     probe.Probe
	ignored   uint64
}

var _ part.Part = (*Procedure)(nil)

// New makes the part. The sequence numbers are those of the node's messages.
func New(h part.Host, s *sequence.Reserve, l Layers) *Procedure {
	return &Procedure{host: h, sequence: s, layers: l}
}

// StayResident makes the node recover only with a second sign that the network has
// another IV index (claim.go). Nodes are asked for one.
func (p *Procedure) StayResident(nodes probe.Probe) { p.resident, p.nodes = true, nodes }

// SendTo names the parts that are told of changes, in this order.
func (p *Procedure) SendTo(followers ...Follower) { p.followers = followers }

// Load implements part.Part. A node of a program that did not store the clock yet
// counts from now on. One that has never sent anything was made with the keys of
// a network: it takes over the IV index of the first beacon that it hears,
// however far ahead that is.
func (p *Procedure) Load(from part.Stored) error {
	data := from(storeKey)
	if data == nil {
		p.clock = newClock(p.host.Now(), false)
		p.clock.made = p.sequence.IsNew()
	} else {
		stored, err := decodeClock(data)
		if err != nil {
			return err
		}
		p.clock = *stored
	}
	p.clock.resume(p.host.Now())
	p.host.Save(p)
	return nil
}

// Save implements part.Part.
func (p *Procedure) Save(put part.Put) error {
	put(storeKey, p.clock.encode())
	return nil
}

// LeftNetwork implements part.Part.
func (p *Procedure) LeftNetwork() error {
	p.restart(false)
	return nil
}

// Joined begins to count for a network that the node has just joined. How long
// the network has been in its state is not known.
func (p *Procedure) Joined() { p.restart(true) }

func (p *Procedure) restart(unsure bool) {
	p.dropClaim()
	p.clock = newClock(p.host.Now(), unsure)
	p.host.Save(p)
}

// Counters implements part.Part.
func (p *Procedure) Counters(to *part.Counters) { to.IVIgnored += p.ignored }

// State is the node's IV index and state in the form of a beacon.
func (p *Procedure) State() beacon.State {
	n := p.host.State()
	return beacon.State{IVIndex: n.IVIndex, IVUpdate: n.IVUpdate}
}

// Said is the content of a beacon of a subnet in that phase of its Key Refresh,
// secure or private (sections 3.10.3 and 3.10.4).
func (p *Procedure) Said(phase state.Phase) beacon.State {
	said := p.State()
	said.KeyRefresh = phase == state.SecondPhase
	return said
}

// Began reports whether this node has begun the update in progress. Then it
// sends beacons even if its Beacon state is off.
func (p *Procedure) Began() bool { return p.clock.began && p.host.State().IVUpdate }

// Elapsed is the time in the present state, as far as the node ran.
func (p *Procedure) Elapsed() time.Duration { return p.clock.elapsed(p.host.Now()) }

// TestMode reports whether the test mode is on.
func (p *Procedure) TestMode() bool { return p.clock.testMode }

// SetTestMode turns the test mode on or off (section 3.11.5.1): without the time
// limits, for single steps. It ends with the program.
func (p *Procedure) SetTestMode(on bool) { p.clock.testMode = on }

// Begin takes the network to the next IV index: from normal operation to IV
// Update in Progress. It needs 96 hours of normal operation before, or the test
// mode. A node whose sequence numbers run low begins by itself.
func (p *Procedure) Begin() error {
	n := p.host.State()
	switch {
	case !n.IsProvisioned():
		return part.ErrNotProvisioned
	case n.IVIndexUnknown:
		return ErrNoIVIndex
	case n.IVUpdate:
		return ErrUpdating
	case n.Subnet(mesh.PrimaryNetKey) == nil:
		return ErrPrimary
	case n.IVIndex == math.MaxUint32:
		return ErrIndexSpent
	}
	if err := p.tooEarly(); err != nil {
		return err
	}
	p.change(beacon.State{IVIndex: n.IVIndex + 1, IVUpdate: true}, false)
	p.clock.began = true
	return nil
}

// End takes the node back to normal operation. It needs 96 hours of IV Update in
// Progress before, or the test mode; after that time a node does it by itself.
// The change waits for segmented messages that are on their way.
func (p *Procedure) End() error {
	n := p.host.State()
	switch {
	case !n.IsProvisioned():
		return part.ErrNotProvisioned
	case !n.IVUpdate:
		return ErrNormal
	}
	if err := p.tooEarly(); err != nil {
		return err
	}
	p.move(beacon.State{IVIndex: n.IVIndex}, false)
	return nil
}

// tooEarly says how much time of the 96 hours is left.
func (p *Procedure) tooEarly() error {
	left := beacon.MinStateDuration - p.Elapsed()
	if left <= 0 || p.clock.testMode {
		return nil
	}
	return fmt.Errorf("%w: %s of them are left", ErrTooEarly, left.Round(time.Minute))
}

// move changes the state, or lets the change wait: the segments of one message
// must all have one IV index.
func (p *Procedure) move(to beacon.State, recovered bool) {
	if to.TransmitIVIndex() == p.sequence.IVIndex() || p.layers.Sending() == 0 {
		p.change(to, recovered)
		return
	}
	if p.clock.waiting.IsZero() {
		p.clock.waiting = p.host.Now()
	}
	if p.clock.next.Before(to) {
		p.clock.next, p.clock.recovers = to, recovered
	}
}

// change changes the state at once.
func (p *Procedure) change(to beacon.State, recovered bool) {
	p.dropClaim()
	p.clock.enter(p.host.Now(), recovered)
	p.host.Save(p)
	p.host.Edit(func(n *state.Node) { n.IVIndex, n.IVUpdate = to.IVIndex, to.IVUpdate })
	if iv := to.TransmitIVIndex(); iv != p.sequence.IVIndex() {
		p.sequence.Restart(iv)
	}
	p.layers.SetIVIndex(to.IVIndex)
	for _, f := range p.followers {
		f.IVIndexChanged()
	}
	p.host.Report(part.IVIndexChanged{IVIndex: to.IVIndex, Update: to.IVUpdate})
}

// Tick implements part.Part.
func (p *Procedure) Tick() {
	n, now := p.host.State(), p.host.Now()
	if !n.IsProvisioned() {
		return
	}
	if p.waitIsOver() {
		p.change(p.clock.next, p.clock.recovers)
	}
	p.tickClaim()
	passed := p.clock.elapsed(now) >= beacon.MinStateDuration
	switch {
	case n.IVUpdate && passed && p.clock.waiting.IsZero():
		p.move(beacon.State{IVIndex: n.IVIndex}, false)
	case !n.IVUpdate && passed && p.sequence.Left() <= trigger:
		_ = p.Begin() // where this node may not, a node of the primary subnet does
	}
	if deadline.Due(p.clock.since.Add(saveInterval), now) {
		p.clock.count(now)
		p.host.Save(p)
	}
}

// waitIsOver reports whether a change that waits may be made.
func (p *Procedure) waitIsOver() bool {
	return !p.clock.waiting.IsZero() &&
		(p.layers.Sending() == 0 || deadline.Due(p.clock.waiting.Add(transferLimit), p.host.Now()))
}

// NextDeadline implements part.Part.
func (p *Procedure) NextDeadline() time.Time {
	n := p.host.State()
	if !n.IsProvisioned() {
		return time.Time{}
	}
	next := deadline.Earliest(p.clock.since.Add(saveInterval), p.claim.deadline())
	switch {
	case p.waitIsOver():
		return p.host.Now()
	case !p.clock.waiting.IsZero():
		next = deadline.Earliest(next, p.clock.waiting.Add(transferLimit))
	case n.IVUpdate:
		next = deadline.Earliest(next, p.clock.since.Add(beacon.MinStateDuration-p.clock.ran))
	case p.sequence.Left() <= trigger && p.Elapsed() < beacon.MinStateDuration:
		next = deadline.Earliest(next, p.clock.since.Add(beacon.MinStateDuration-p.clock.ran))
	}
	return next
}
