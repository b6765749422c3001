package proxy

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// MaxFilter is how many addresses a server's filter can hold for one client.
const MaxFilter = 256

// Filter decides what a proxy server forwards to one client (section 6.4). The
// zero value is the initial filter of a connection: an empty accept list.
type Filter struct {
	kind FilterType
	list []mesh.Address // sorted
}

// Set makes the filter an empty list of a type.
func (f *Filter) Set(t FilterType) { f.kind, f.list = t, f.list[:0] }

// Add adds addresses. Those beyond MaxFilter are left out, which the client
// sees from the size.
func (f *Filter) Add(all ...mesh.Address) {
	for _, a := range all {
		if i, found := slices.BinarySearch(f.list, a); !found && a != mesh.Unassigned && len(f.list) < MaxFilter {
			f.list = slices.Insert(f.list, i, a)
		}
	}
}

// Remove removes addresses.
func (f *Filter) Remove(all ...mesh.Address) {
	for _, a := range all {
		if i, found := slices.BinarySearch(f.list, a); found {
			f.list = slices.Delete(f.list, i, i+1)
		}
	}
}

// Sent handles a message from the client: the client wants to receive messages
// to its source address (section 6.4.1).
func (f *Filter) Sent(src mesh.Address) {
	if f.kind == AcceptList {
		f.Add(src)
	} else {
		f.Remove(src)
	}
}

// Passes reports whether a message for dst is forwarded. Messages to all nodes
// pass every accept list.
func (f *Filter) Passes(dst mesh.Address) bool {
	if f.kind == AcceptList && dst == mesh.AllNodes {
		return true
	}
	_, found := slices.BinarySearch(f.list, dst)
	return found == (f.kind == AcceptList)
}

// Status returns the filter's status for the client.
func (f *Filter) Status() FilterStatus { return FilterStatus{f.kind, uint16(len(f.list))} }
