package node

import (
	"errors"
	"slices"
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// UseGATT gives the node a radio that makes connections; without it nothing of
// this bearer is done. It is called before Run.
func (n *Node) UseGATT(g bearer.GATT) { n.gatt = g }

// ReceiveSighting takes an advertisement of a mesh service from a radio. It
// does not block: what comes while the queue is full is dropped.
func (n *Node) ReceiveSighting(s *bearer.Sighting) {
	select {
	case n.sightings <- *s:
	default:
		n.missed.Add(1)
	}
}

// ReceiveLink takes an event of a connection from a radio. It does not block.
// PDUs that come while the queue is full are dropped; that a connection was
// opened or closed is not.
func (n *Node) ReceiveLink(e bearer.LinkEvent) {
	if !n.links.put(e) {
		n.missed.Add(1)
	}
}

// linkQueue is the events of connections on their way to the node.
type linkQueue struct {
	mu     sync.Mutex
	events []bearer.LinkEvent
	wake   chan struct{} // has room for one
}

func newLinkQueue() *linkQueue { return &linkQueue{wake: make(chan struct{}, 1)} }

// put reports false when it drops the event. Events that a connection begins
// or ends with are kept: they are few, as a radio has few connections at a
// time, and of one that others have made and that ends before the node has
// learned of it, nothing needs to be reported.
func (q *linkQueue) put(e bearer.LinkEvent) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.Kind == bearer.LinkClosed && q.forget(e.ID) {
		return true
	}
	if e.Kind == bearer.LinkData && len(q.events) >= queueSize {
		return false
	}
	if e.Kind == bearer.LinkClosed && e.ID >= bearer.FirstIncoming && q.untold(e.ID) {
		q.events = slices.DeleteFunc(q.events, func(o bearer.LinkEvent) bool { return o.ID == e.ID })
		return true
	}
	q.events = append(q.events, e)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true
}

// untold reports whether the node has not yet learned of a connection.
func (q *linkQueue) untold(id bearer.LinkID) bool {
	return slices.ContainsFunc(q.events, func(o bearer.LinkEvent) bool { return o.ID == id && o.Kind == bearer.LinkOpened })
}

// forget drops a connection that somebody made and that is over before the node
// has learned of it. So peers that come and go while the node waits for its store
// leave nothing behind. It reports false for any other connection.
func (q *linkQueue) forget(id bearer.LinkID) bool {
	if id < bearer.FirstIncoming || !slices.ContainsFunc(q.events, func(e bearer.LinkEvent) bool {
		return e.ID == id && e.Kind == bearer.LinkOpened
	}) {
		return false
	}
	q.events = slices.DeleteFunc(q.events, func(e bearer.LinkEvent) bool { return e.ID == id })
	return true
}

// take empties the queue.
func (q *linkQueue) take() []bearer.LinkEvent {
	q.mu.Lock()
	defer q.mu.Unlock()
	events := q.events
	q.events = nil
	return events
}

// carryOutGATT does what the core wants of the GATT bearer. A Connect without a
// radio that could fails.
func (n *Node) carryOutGATT(all []GATTAction) {
	for _, a := range all {
		if n.gatt == nil {
			if c, ok := a.(Connect); ok {
				n.ReceiveLink(bearer.LinkEvent{ID: c.ID, Kind: bearer.LinkClosed, Service: c.Service, Err: errNoGATT})
			}
			continue
		}
		if err := a.Do(n.gatt); err != nil {
			n.unsent.Add(1)
		}
	}
}

var errNoGATT = errors.New("node: no radio of this service makes connections")
