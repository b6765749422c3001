package unprovisioned

import (
	"cmp"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
)

// Anybody can send beacons of devices that do not exist, thousands of them. These
// bounds keep what they cost small.
const (
	// maxKept is how many devices are remembered.
	maxKept = 1024
	// maxListed is how many of them are listed. Those that were there first have
	// most of the places; the others take turns in the rest, so that every device is
	// listed now and then, however many there are.
	maxListed = 256
	inTurns   = 64
	// maxWanted is how many devices requests can ask for at once.
	maxWanted = 16
)

// entry is an unprovisioned device that was heard.
type entry struct {
	document.Unprovisioned
	heard     int       // reports: one every few seconds
	keptUntil time.Time // at least, because servers report a device only once
}

// table is the devices that were heard.
type table struct {
	entries map[mesh.UUID]*entry
	wanted  map[mesh.UUID]time.Time // asked for by a request until then
	turn    int                     // of the devices that take turns
}

func newTable() table {
	return table{entries: map[mesh.UUID]*entry{}, wanted: map[mesh.UUID]time.Time{}}
}

// add remembers a device. When there are too many, another one is forgotten that counts
// less than some others: all would take too long, and those that were heard once only
// would be forgotten in an order that a sender can foresee.
func (t *table) add(e *entry) {
	const sample = 8
	if len(t.entries) >= maxKept {
		var least *entry
		n := 0
		for _, other := range t.entries { // in no order
			if least == nil || t.compare(other, least) > 0 {
				least = other
			}
			if n++; n == sample {
				break
			}
		}
		delete(t.entries, least.UUID)
	}
	t.entries[e.UUID] = e
}

// compare orders devices by how much they count: those that somebody asked for, those
// that a node of the network hears, those that were heard more than once, and those that
// were heard first.
func (t *table) compare(a, b *entry) int {
	return cmp.Or(
		first(t.isWanted(a.UUID), t.isWanted(b.UUID)),
		first(len(a.Via) > 0, len(b.Via) > 0),
		first(a.heard > 1, b.heard > 1),
		a.FirstSeen.Compare(b.FirstSeen),
		slices.Compare(a.UUID[:], b.UUID[:]),
	)
}

// first is -1 for a before b.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

// want asks for a device until a time, after which it is one like any other.
func (t *table) want(uuid mesh.UUID, now, until time.Time) {
	delete(t.wanted, uuid)
	t.lapse(now)
	if !until.After(now) {
		return
	}
	if len(t.wanted) >= maxWanted {
		oldest := uuid
		for other, end := range t.wanted {
			if oldest == uuid || end.Before(t.wanted[oldest]) {
				oldest = other
			}
		}
		delete(t.wanted, oldest)
	}
	t.wanted[uuid] = until
}

// lapse forgets who is not asked for any more.
func (t *table) lapse(now time.Time) {
	for uuid, until := range t.wanted {
		if !now.Before(until) {
			delete(t.wanted, uuid)
		}
	}
}

func (t *table) isWanted(uuid mesh.UUID) bool {
	_, wanted := t.wanted[uuid]
	return wanted
}

// hidden is how many devices are not listed.
func (t *table) hidden() int { return max(0, len(t.entries)-maxListed) }

// next gives the devices that take turns their next turn.
func (t *table) next() { t.turn++ }

// list is the devices that are listed, by UUID.
func (t *table) list() []document.Unprovisioned {
	all := make([]*entry, 0, len(t.entries))
	for _, e := range t.entries {
		all = append(all, e)
	}
	if len(all) > maxListed {
		slices.SortFunc(all, t.compare)
		const fixed = maxListed - inTurns
		others := slices.Clone(all[fixed:])
		all = all[:fixed]
		for i := range inTurns {
			all = append(all, others[(t.turn*inTurns+i)%len(others)])
		}
	}
	list := make([]document.Unprovisioned, 0, len(all))
	for _, e := range all {
		list = append(list, e.Unprovisioned)
	}
	slices.SortFunc(list, func(a, b document.Unprovisioned) int { return slices.Compare(a.UUID[:], b.UUID[:]) })
	return list
}

// allowance bounds how many events are published: so many at once, and then some every
// second.
type allowance struct {
	left float64
	last time.Time
}

const (
	eventsAtOnce    = 256
	eventsPerSecond = 10
)

// take reports whether one more event may be published.
func (a *allowance) take(now time.Time) bool {
	if a.last.IsZero() {
		a.left = eventsAtOnce
	} else {
		a.left = min(eventsAtOnce, a.left+now.Sub(a.last).Seconds()*eventsPerSecond)
	}
	a.last = now
	if a.left < 1 {
		return false
	}
	a.left--
	return true
}
