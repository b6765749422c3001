package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// This file is the IV Update procedure (section 3.11.5) and the IV Index
// Recovery procedure (section 3.11.6):
//
//	          96 h passed, numbers run low,         96 h passed,
//	          or a beacon says so                   or a beacon says so
//	n, normal ─────────────────────▶ n+1, updating ────────────────▶ n+1, normal
//	sends n                          sends n                          sends n+1 from 0
//
// PDUs are received with the current IV index and the one before in both
// states.

const (
	// ivTrigger is how many sequence numbers are left when a node begins an
	// update by itself: half of them, as Zephyr and BlueZ do. A node that
	// sends twelve PDUs in a second gets through the 96 hours of both states
	// with what is left then.
	ivTrigger = (int(mesh.MaxSequenceNumber) + 1) / 2
	// ivSave is how often the time in a state is stored. It is what a power
	// cut costs.
	ivSave = time.Hour
	// ivPatience is how long a change waits for segmented messages. The
	// transport layer gives up each of them in less, so those that were on
	// their way when the wait began have ended by then; and 96 hours and this
	// stay below the 144 hours within which an update has to end.
	ivPatience = 10 * time.Minute
)

// Errors of BeginIVUpdate and EndIVUpdate.
var (
	ErrIVUpdating   = errors.New("node: an IV Update is in progress already")
	ErrIVNormal     = errors.New("node: no IV Update is in progress")
	ErrIVPrimary    = errors.New("node: only a node of the primary subnet may begin an IV Update")
	ErrIVTooEarly   = errors.New("node: the network has to stay in each state of the IV Update procedure for 96 hours")
	ErrIVIndexSpent = errors.New("node: there is no higher IV index")
)

// ivClock is how long the node has been in its state of the IV Update
// procedure. Only the time is counted in which the node runs: that it measures
// itself, whatever happens to the clock on the wall. So it never thinks that
// more time has passed than really has.
type ivClock struct {
	ran         time.Duration // up to since
	since       time.Time
	recovery    time.Duration // from the last recovery to since; noRecovery for none
	interrupted bool          // the node was switched off since it is in the state
	unsure      bool          // the network may be in the state for longer: the 96 hours do not hold
	made        bool          // the node was made with the keys of a network, whose IV index it can only guess
	dirty       bool

	testMode bool
	began    bool         // this node has begun the update in progress
	next     beacon.State // what to change to when no segmented message is on its way
	recovers bool         // that change is a recovery
	waiting  time.Time    // since when next waits; zero for nothing
}

const noRecovery = time.Duration(math.MaxInt64)

// newIVClock is that of a node which has just come into a state.
func newIVClock(now time.Time, unsure bool) ivClock {
	return ivClock{since: now, recovery: noRecovery, unsure: unsure, dirty: true}
}

// resume goes on after a restart.
func (k *ivClock) resume(now time.Time) {
	k.since = now
	k.interrupted = true
	k.dirty = true
}

// elapsed is the time in the state.
func (k *ivClock) elapsed(now time.Time) time.Duration { return k.ran + now.Sub(k.since) }

func (k *ivClock) sinceRecovery(now time.Time) time.Duration {
	if k.recovery == noRecovery {
		return noRecovery
	}
	return k.recovery + now.Sub(k.since)
}

// count moves since to now.
func (k *ivClock) count(now time.Time) {
	k.ran, k.recovery, k.since = k.elapsed(now), k.sinceRecovery(now), now
	k.dirty = true
}

// enter begins another state.
func (k *ivClock) enter(now time.Time, recovered bool) {
	k.count(now)
	k.ran = 0
	k.interrupted, k.unsure, k.made, k.began = false, recovered, false, false
	k.next, k.waiting = beacon.State{}, time.Time{}
	if recovered {
		k.recovery = 0
	}
}

// known says that the network is where the node thought: from now on it believes
// nobody who is far ahead.
func (k *ivClock) known() {
	if k.made {
		k.made, k.dirty = false, true
	}
}

const (
	ivClockSize        = 9
	ivFlagInterrupted  = 1 << 0
	ivFlagUnsure       = 1 << 1
	ivFlagMade         = 1 << 2
	ivStoredNoRecovery = math.MaxUint32
)

// encode gives the form in the store: the two times in seconds, four octets
// each, and an octet of flags.
func (k *ivClock) encode() []byte {
	seconds := func(d time.Duration) uint32 { return uint32(min(d/time.Second, ivStoredNoRecovery-1)) }
	b := binary.BigEndian.AppendUint32(nil, seconds(k.ran))
	if k.recovery == noRecovery {
		b = binary.BigEndian.AppendUint32(b, ivStoredNoRecovery)
	} else {
		b = binary.BigEndian.AppendUint32(b, seconds(k.recovery))
	}
	var flags byte
	if k.interrupted {
		flags |= ivFlagInterrupted
	}
	if k.unsure {
		flags |= ivFlagUnsure
	}
	if k.made {
		flags |= ivFlagMade
	}
	return append(b, flags)
}

func decodeIVClock(data []byte) (*ivClock, error) {
	if len(data) != ivClockSize {
		return nil, fmt.Errorf("node: the stored time of the IV Update procedure has %d octets, expected %d", len(data), ivClockSize)
	}
	k := &ivClock{
		ran:         time.Duration(binary.BigEndian.Uint32(data)) * time.Second,
		recovery:    noRecovery,
		interrupted: data[8]&ivFlagInterrupted != 0,
		unsure:      data[8]&ivFlagUnsure != 0,
		made:        data[8]&ivFlagMade != 0,
	}
	if s := binary.BigEndian.Uint32(data[4:]); s != ivStoredNoRecovery {
		k.recovery = time.Duration(s) * time.Second
	}
	return k, nil
}

// startIVClock sets the clock of a node that begins with what was saved. A node
// of a program that did not store it yet counts from now on. One that has never
// sent anything was made with the keys of a network: it takes over the IV index
// of the first beacon that it hears, however far ahead that is.
func (c *Core) startIVClock(s *Saved) {
	switch {
	case s.iv != nil:
		c.iv = *s.iv
		c.iv.resume(c.now)
	default:
		c.iv = newIVClock(c.now, false)
		c.iv.resume(c.now)
		c.iv.made = s.sequence.limit == 0
	}
}

// keepIVClock puts the clock into the output when it has changed.
func (c *Core) keepIVClock() {
	if c.iv.dirty {
		c.iv.dirty = false
		c.output.Persist = append(c.output.Persist, store.Change{Table: TableNode, Key: keyIVClock, Value: c.iv.encode()})
	}
}

// ivState is the node's IV index and state as a beacon would say it.
func (c *Core) ivState() beacon.State {
	return beacon.State{IVIndex: c.state.IVIndex, IVUpdate: c.state.IVUpdate}
}

// SetIVTestMode turns the test mode of the IV Update procedure on or off
// (section 3.11.5.1): without its time limits, for single steps. It ends with
// the program.
func (c *Core) SetIVTestMode(now time.Time, on bool) {
	c.begin(now)
	c.iv.testMode = on
}

// BeginIVUpdate takes the network to the next IV index: from normal operation to
// IV Update in Progress. It needs 96 hours of normal operation before, or the
// test mode. A node whose sequence numbers run low begins by itself.
func (c *Core) BeginIVUpdate(now time.Time) error {
	c.begin(now)
	return c.beginIVUpdate()
}

func (c *Core) beginIVUpdate() error {
	switch {
	case !c.state.IsProvisioned():
		return ErrNotProvisioned
	case c.state.IVIndexUnknown:
		return ErrNoIVIndex
	case c.state.IVUpdate:
		return ErrIVUpdating
	case c.subnet(mesh.PrimaryNetKey) == nil:
		return ErrIVPrimary
	case c.state.IVIndex == math.MaxUint32:
		return ErrIVIndexSpent
	}
	if err := c.ivTooEarly(); err != nil {
		return err
	}
	c.changeIV(beacon.State{IVIndex: c.state.IVIndex + 1, IVUpdate: true}, false)
	// Others have to hear of it, also from a node that is told to send no
	// beacons.
	c.iv.began = true
	return nil
}

// EndIVUpdate takes the node back to normal operation. It needs 96 hours of IV
// Update in Progress before, or the test mode; after that time a node does it by
// itself. The change waits for segmented messages that are on their way.
func (c *Core) EndIVUpdate(now time.Time) error {
	c.begin(now)
	switch {
	case !c.state.IsProvisioned():
		return ErrNotProvisioned
	case !c.state.IVUpdate:
		return ErrIVNormal
	}
	if err := c.ivTooEarly(); err != nil {
		return err
	}
	c.moveIV(beacon.State{IVIndex: c.state.IVIndex}, false)
	return nil
}

// ivTooEarly says how much time of the 96 hours is left.
func (c *Core) ivTooEarly() error {
	left := beacon.MinStateDuration - c.iv.elapsed(c.now)
	if left <= 0 || c.iv.testMode {
		return nil
	}
	return fmt.Errorf("%w: %s of them are left", ErrIVTooEarly, left.Round(time.Minute))
}

// followIVIndex acts on an authentic beacon of a subnet whose beacons move this
// node's IV index.
func (c *Core) followIVIndex(said beacon.State) {
	said.KeyRefresh = false
	decision := beacon.Decide(c.ivState(), said, beacon.IVConditions{
		Elapsed:      c.iv.elapsed(c.now),
		Interrupted:  c.iv.interrupted,
		Recovered:    c.iv.unsure,
		TestMode:     c.iv.testMode,
		FarRecovery:  c.iv.made,
		HoldRecovery: c.iv.sinceRecovery(c.now) < beacon.MinRecoveryPause,
	})
	switch decision {
	case beacon.Ignore:
		c.counters.IVIgnored++
	case beacon.Follow:
		c.moveIV(said, false)
	case beacon.Recover:
		c.moveIV(said, true)
	case beacon.Keep:
		c.iv.known()
	}
}

// moveIV changes the state, or lets the change wait: the segments of one message
// must all have one IV index.
func (c *Core) moveIV(to beacon.State, recovered bool) {
	if to.TransmitIVIndex() == c.sequence.iv || c.transport.Sending() == 0 {
		c.changeIV(to, recovered)
		return
	}
	if c.iv.waiting.IsZero() {
		c.iv.waiting = c.now
	}
	if c.iv.next.Before(to) {
		c.iv.next, c.iv.recovers = to, recovered
	}
}

// changeIV changes the state at once.
func (c *Core) changeIV(to beacon.State, recovered bool) {
	c.iv.enter(c.now, recovered)
	c.state.IVIndex, c.state.IVUpdate = to.IVIndex, to.IVUpdate
	c.stateDirty = true
	if iv := to.TransmitIVIndex(); iv != c.sequence.iv {
		c.sequence.restart(iv)
	}
	c.receiver.SetIVIndex(to.IVIndex)
	if to.IVIndex > 0 {
		c.transport.ForgetBefore(to.IVIndex - 1)
	}
	c.endExclusions()
	c.beaconSoon()
	c.report(IVIndexChanged{IVIndex: to.IVIndex, Update: to.IVUpdate})
}

// tickIV does what the procedure wants done by the passing of time.
func (c *Core) tickIV() {
	if !c.state.IsProvisioned() {
		return
	}
	if c.ivWaitOver() {
		c.changeIV(c.iv.next, c.iv.recovers)
	}
	passed := c.iv.elapsed(c.now) >= beacon.MinStateDuration
	switch {
	case c.state.IVUpdate && passed && c.iv.waiting.IsZero():
		c.moveIV(beacon.State{IVIndex: c.state.IVIndex}, false)
	case !c.state.IVUpdate && passed && c.SequenceLeft() <= ivTrigger:
		_ = c.beginIVUpdate() // or another node does, of the primary subnet
	}
	if due(c.iv.since.Add(ivSave), c.now) {
		c.iv.count(c.now)
	}
}

// ivWaitOver reports whether a change that waits may be made.
func (c *Core) ivWaitOver() bool {
	return !c.iv.waiting.IsZero() && (c.transport.Sending() == 0 || due(c.iv.waiting.Add(ivPatience), c.now))
}

func (c *Core) ivDeadline() time.Time {
	if !c.state.IsProvisioned() {
		return time.Time{}
	}
	next := c.iv.since.Add(ivSave)
	switch {
	case c.ivWaitOver():
		return c.now
	case !c.iv.waiting.IsZero():
		next = earliest(next, c.iv.waiting.Add(ivPatience))
	case c.state.IVUpdate:
		next = earliest(next, c.iv.since.Add(beacon.MinStateDuration-c.iv.ran))
	case c.SequenceLeft() <= ivTrigger && c.iv.elapsed(c.now) < beacon.MinStateDuration:
		next = earliest(next, c.iv.since.Add(beacon.MinStateDuration-c.iv.ran))
	}
	return next
}
