package part

import (
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Class is what a request is for. Requests of a class that comes first are sent
// first; the others still get a share.
type Class uint8

// The classes, in their order.
const (
	// ClassCommand is for what somebody waits for: a command, or a message that a
	// user sends.
	ClassCommand Class = iota
	// ClassConfiguration is for the configuration of nodes: interviews, keys,
	// provisioning through a node.
	ClassConfiguration
	// ClassProbe is for what the owner of the node asks by itself: whether a node is
	// still there, and what state it has.
	ClassProbe
	// ClassTransfer is for long transfers such as firmware.
	ClassTransfer

	// Classes is how many classes there are.
	Classes = 4
)

// String names a class.
func (c Class) String() string {
	names := [Classes]string{"command", "configuration", "probe", "transfer"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// Flow is who sends a request. Requests of one class and one flow to one node are
// sent in the order of the calls. The flows of a class take turns, so a flow with many
// requests does not delay another one for more than one request.
type Flow uint8

// Bounds of the requests that wait to be sent.
const (
	// MaxWaiting is how many of one class and one flow wait for one node.
	MaxWaiting = 64
	// MaxQueued is how many of one class wait for all nodes together. In a large
	// network it is QueuedPerNode for each node.
	MaxQueued     = 4096
	QueuedPerNode = 4
)

// BusyError is the error of a request that was refused because too many wait
// already. It is an ErrQueueFull.
type BusyError struct {
	Dst     mesh.Address // whose queue is full; unassigned when that of the class is
	Class   Class
	Waiting int
}

// Error implements error.
func (e *BusyError) Error() string {
	if e.Dst == mesh.Unassigned {
		return fmt.Sprintf("%v: %d requests of the class %s wait for all nodes together; send fewer at once", ErrQueueFull, e.Waiting, e.Class)
	}
	return fmt.Sprintf("%v: %d requests of the class %s wait for %s; wait for answers before sending more", ErrQueueFull, e.Waiting, e.Class, e.Dst)
}

// Is makes it an ErrQueueFull.
func (*BusyError) Is(target error) bool { return target == ErrQueueFull }

// RequestQueue describes the requests that have not ended.
type RequestQueue struct {
	Waiting  [Classes]int // that wait to be sent, or to be sent again, by class
	InFlight int          // that wait for an answer
	// Silent is the number of nodes that did not answer the last attempt and have
	// not been heard since. InFlightSilent is how many requests wait for them.
	Silent         int
	InFlightSilent int
	Refused        uint64       // since the start, because too many waited
	Busiest        mesh.Address // the node that most requests wait for; unassigned for none
	BusiestWaiting int
}
