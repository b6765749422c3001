package handover

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/cdb"
)

// wanted is how many unicast addresses the bridge allocates for itself, if so many are
// free.
const wanted = 0x0400

// ErrNoRoom is returned when all unicast addresses are allocated.
var ErrNoRoom = errors.New("handover: no unicast addresses are left, all belong to provisioners and nodes; make the range of a provisioner smaller in the app that wrote the file, and export again")

// taken lists the ranges of unicast addresses that are not free even without the
// nodes: allocated to a provisioner, or excluded after a node was removed.
func taken(d *cdb.Database) []cdb.AddressRange {
	var all []cdb.AddressRange
	for _, p := range d.Provisioners {
		all = append(all, p.Unicast...)
	}
	for _, e := range d.Exclusions {
		for _, a := range e.Addresses {
			all = append(all, cdb.AddressRange{Low: a, High: a})
		}
	}
	return all
}

// gaps lists the free ranges by address.
func gaps(taken []cdb.AddressRange) []cdb.AddressRange {
	slices.SortFunc(taken, func(a, b cdb.AddressRange) int { return cmp.Compare(a.Low, b.Low) })
	var free []cdb.AddressRange
	next := int(mesh.FirstUnicast)
	for _, r := range append(taken, cdb.AddressRange{Low: mesh.LastUnicast + 1, High: mesh.LastUnicast + 1}) {
		if int(r.Low) > next {
			free = append(free, cdb.AddressRange{Low: mesh.Address(next), High: r.Low - 1})
		}
		next = max(next, int(r.High)+1)
	}
	return free
}

// choose picks the range of the bridge: at the address that is asked for, or
// the smallest gap that is large enough, or else the largest.
func choose(taken []cdb.AddressRange, at mesh.Address) (cdb.AddressRange, error) {
	free := gaps(taken)
	if at != mesh.Unassigned {
		for _, r := range free {
			if r.Contains(at) {
				return limit(cdb.AddressRange{Low: at, High: r.High}), nil
			}
		}
		return cdb.AddressRange{}, fmt.Errorf("handover: expected a free address, but %s belongs to a node or to the range of a provisioner; free are %s", at, list(free))
	}
	if len(free) == 0 {
		return cdb.AddressRange{}, ErrNoRoom
	}
	best := free[0]
	for _, r := range free[1:] {
		size, other := int(r.High-r.Low), int(best.High-best.Low)
		fits, otherFits := size >= wanted, other >= wanted
		if fits && (!otherFits || size < other) || !otherFits && size > other {
			best = r
		}
	}
	return limit(best), nil
}

func limit(r cdb.AddressRange) cdb.AddressRange {
	r.High = min(r.High, r.Low+wanted-1)
	return r
}

// list prints ranges for people.
func list(ranges []cdb.AddressRange) string {
	const most = 8
	if len(ranges) == 0 {
		return "none"
	}
	text := ""
	for i, r := range ranges {
		if i == most {
			return text + fmt.Sprintf(" and %d more", len(ranges)-most)
		}
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s to %s", r.Low, r.High)
	}
	return text
}
