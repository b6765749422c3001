package ivupdate

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
)

// clock is how long the node has been in its state of the IV Update procedure.
// It counts only the time in which the node runs, which the node measures itself
// whatever happens to the system's clock. So it never assumes that more time has
// passed than really has.
type clock struct {
	ran         time.Duration // up to since
	since       time.Time
	recovery    time.Duration // from the last recovery to since; noRecovery for none
	interrupted bool          // the node was switched off since it entered the state
	unsure      bool          // the network may be in the state for longer: the 96 hours do not apply
	made        bool          // the node was made with the keys of a network and can only guess its IV index

	testMode bool
	began    bool         // this node has begun the update in progress
	next     beacon.State // what to change to when no segmented message is on its way
	recovers bool         // that change is a recovery
	waiting  time.Time    // since when next waits; zero for nothing
}

const noRecovery = time.Duration(math.MaxInt64)

// newClock is the clock of a node that has just entered a state.
func newClock(now time.Time, unsure bool) clock {
	return clock{since: now, recovery: noRecovery, unsure: unsure}
}

// resume continues after a restart.
func (k *clock) resume(now time.Time) {
	k.since = now
	k.interrupted = true
}

// elapsed is the time in the state.
func (k *clock) elapsed(now time.Time) time.Duration { return k.ran + now.Sub(k.since) }

func (k *clock) sinceRecovery(now time.Time) time.Duration {
	if k.recovery == noRecovery {
		return noRecovery
	}
	return k.recovery + now.Sub(k.since)
}

// count moves since to now.
func (k *clock) count(now time.Time) {
	k.ran, k.recovery, k.since = k.elapsed(now), k.sinceRecovery(now), now
}

// enter begins another state.
func (k *clock) enter(now time.Time, recovered bool) {
	k.count(now)
	k.ran = 0
	k.interrupted, k.unsure, k.made, k.began = false, recovered, false, false
	k.next, k.waiting = beacon.State{}, time.Time{}
	if recovered {
		k.recovery = 0
	}
}

// confirm notes that the network has the IV index that the node assumed. From
// now on the node ignores a beacon that is far ahead. It reports whether this has
// changed the clock.
func (k *clock) confirm() bool {
	changed := k.made
	k.made = false
	return changed
}

const (
	clockSize        = 9
	flagInterrupted  = 1 << 0
	flagUnsure       = 1 << 1
	flagMade         = 1 << 2
	storedNoRecovery = math.MaxUint32
)

// encode gives the stored form: the two times in seconds, four octets each, and
// an octet of flags.
func (k *clock) encode() []byte {
	seconds := func(d time.Duration) uint32 { return uint32(min(d/time.Second, storedNoRecovery-1)) }
	b := binary.BigEndian.AppendUint32(nil, seconds(k.ran))
	if k.recovery == noRecovery {
		b = binary.BigEndian.AppendUint32(b, storedNoRecovery)
	} else {
		b = binary.BigEndian.AppendUint32(b, seconds(k.recovery))
	}
	var flags byte
	if k.interrupted {
		flags |= flagInterrupted
	}
	if k.unsure {
		flags |= flagUnsure
	}
	if k.made {
		flags |= flagMade
	}
	return append(b, flags)
}

func decodeClock(data []byte) (*clock, error) {
	if len(data) != clockSize {
		return nil, fmt.Errorf("node: the stored time of the IV Update procedure has %d octets, expected %d", len(data), clockSize)
	}
	k := &clock{
		ran:         time.Duration(binary.BigEndian.Uint32(data)) * time.Second,
		recovery:    noRecovery,
		interrupted: data[8]&flagInterrupted != 0,
		unsure:      data[8]&flagUnsure != 0,
		made:        data[8]&flagMade != 0,
	}
	if s := binary.BigEndian.Uint32(data[4:]); s != storedNoRecovery {
		k.recovery = time.Duration(s) * time.Second
	}
	return k, nil
}
