package requests

import (
	"container/list"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
)

// deadAfter is after how many attempts in a row without an answer a node is taken
// for dead, if a request to it has failed. With three lost attempts of ten that is a
// mistake less than once in a hundred times.
const deadAfter = 4

// destination is a node or a group, with its requests and what is known of it. One
// that was heard or missed is kept when it has no request.
type destination struct {
	address mesh.Address        // of the primary element, or of the group
	waiting [part.Classes]flows // for their turn
	open    []*pending          // that have begun, in the order of their first attempts
	place   [part.Classes]place // in the lanes
	misses  int                 // attempts in a row that were not answered
	heard   bool                // it was heard since the start
	failed  bool                // a request has ended without an answer since it was heard
}

// place is where a destination stands in a lane.
type place struct {
	lane    *lane // nil: nowhere
	element *list.Element
}

// dead reports whether a node is taken for dead.
func (d *destination) dead() bool { return d.failed && d.misses >= deadAfter }

// idle reports whether there is nothing to remember.
func (d *destination) idle() bool {
	return len(d.open) == 0 && d.misses == 0 && !d.heard && d.len() == 0
}

// len is how many requests wait.
func (d *destination) len() int {
	n := 0
	for i := range d.waiting {
		n += d.waiting[i].count
	}
	return n
}

// silentAfter is after how many attempts in a row without an answer a node is silent.
// One can have been lost.
const silentAfter = 2

// silent reports whether the node did not answer lately.
func (d *destination) silent() bool { return d.misses >= silentAfter }

// band is how the destination is known.
func (d *destination) band() band {
	switch {
	case d.silent():
		return silent
	case d.heard:
		return proven
	default:
		return unknown
	}
}

// mayStart reports whether the next request of a class may be sent: when none is in
// flight for the destination. A command need not wait for a request of another class,
// unless the answer to one could be taken for that to the other, or segments are on
// their way to the node.
func (d *destination) mayStart(c part.Class) bool {
	next := d.waiting[c].first()
	if next == nil {
		return false
	}
	for _, p := range d.open {
		if p.inFlight && (c != part.ClassCommand || p.Class == part.ClassCommand || p.handle != 0 || p.resembles(next)) {
			return false
		}
	}
	return true
}

// heard notes that a node is there.
func (r *Requests) heard(d *destination) {
	if d.heard && d.misses == 0 && !d.failed {
		return
	}
	d.heard, d.misses, d.failed = true, 0, false
	r.line(d)
	r.host.Wake(r)
}

// missed notes that a node has not answered an attempt.
func (r *Requests) missed(d *destination) {
	d.misses++
	r.line(d)
}

// line puts a destination into the lanes that it belongs to, or takes it out. Call it
// whenever something about the destination has changed.
func (r *Requests) line(d *destination) {
	for c := range d.place {
		class, at := part.Class(c), &d.place[c]
		var want *lane
		if d.mayStart(class) {
			want = r.lanes.of(class, d.band())
		}
		if at.lane == want {
			continue
		}
		if at.lane != nil {
			at.lane.waiting.Remove(at.element)
		}
		*at = place{lane: want}
		if want != nil {
			at.element = want.waiting.PushBack(d)
		}
	}
}

// flows is the requests of one class that wait for a destination. The first flow has
// the next turn.
type flows struct {
	turns []flow
	count int
}

// flow is the requests of one sender, in the order of the calls.
type flow struct {
	of      part.Flow
	waiting []*pending
}

// find is the index of a flow, -1 when nothing of it waits.
func (f *flows) find(of part.Flow) int {
	return slices.IndexFunc(f.turns, func(w flow) bool { return w.of == of })
}

// of is how many requests of a flow wait.
func (f *flows) of(of part.Flow) int {
	if i := f.find(of); i >= 0 {
		return len(f.turns[i].waiting)
	}
	return 0
}

// add puts a request at the end of its flow.
func (f *flows) add(p *pending) {
	f.count++
	if i := f.find(p.Flow); i >= 0 {
		f.turns[i].waiting = append(f.turns[i].waiting, p)
		return
	}
	f.turns = append(f.turns, flow{p.Flow, []*pending{p}})
}

// putBack gives a request that was taken the next turn.
func (f *flows) putBack(p *pending) {
	f.count++
	own := flow{of: p.Flow}
	if i := f.find(p.Flow); i >= 0 {
		own = f.turns[i]
		f.turns = slices.Delete(f.turns, i, i+1)
	}
	own.waiting = slices.Insert(own.waiting, 0, p)
	f.turns = slices.Insert(f.turns, 0, own)
}

// first is the request that has the next turn, nil for none.
func (f *flows) first() *pending {
	if len(f.turns) == 0 {
		return nil
	}
	return f.turns[0].waiting[0]
}

// take takes it. Its flow goes behind the others.
func (f *flows) take() *pending {
	f.count--
	own := f.turns[0]
	p := own.waiting[0]
	own.waiting = slices.Delete(own.waiting, 0, 1)
	f.turns = slices.Delete(f.turns, 0, 1)
	if len(own.waiting) > 0 {
		f.turns = append(f.turns, own)
	}
	return p
}

// remove takes a request that waits.
func (f *flows) remove(p *pending) {
	i := f.find(p.Flow)
	if i < 0 {
		return
	}
	own := &f.turns[i]
	own.waiting = slices.DeleteFunc(own.waiting, func(other *pending) bool { return other == p })
	f.count--
	if len(own.waiting) == 0 {
		f.turns = slices.Delete(f.turns, i, i+1)
	}
}
