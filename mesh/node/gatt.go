package node

import (
	"errors"
	"slices"
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// GATTAction is something to be done with the GATT bearer, in the order in
// which the Output lists them. It is one of the types below.
type GATTAction interface {
	// Do does it. It returns bearer.ErrFull when a message was not taken.
	Do(g bearer.GATT) error
}

// Connect makes a connection.
type Connect struct {
	ID      bearer.LinkID
	Adapter uint8
	To      bearer.Peer
	Service bearer.Service
}

// Disconnect ends a connection.
type Disconnect struct{ ID bearer.LinkID }

// Write sends the Proxy PDUs of one message.
type Write struct {
	ID   bearer.LinkID
	PDUs [][]byte
	// Essential says that the connection is of no use without this message.
	Essential bool
}

// Beckon sets what is advertised.
type Beckon struct{ All []bearer.Beckon }

// Do implements GATTAction.
func (a Connect) Do(g bearer.GATT) error {
	g.Connect(a.ID, a.Adapter, a.To, a.Service)
	return nil
}

// Do implements GATTAction.
func (a Disconnect) Do(g bearer.GATT) error {
	g.Disconnect(a.ID)
	return nil
}

// Do implements GATTAction. A message that is not taken from its start is left
// out, as if the air had lost it. When it breaks off in the middle, or is an
// essential one, the connection has no more use.
func (a Write) Do(g bearer.GATT) error {
	for i, pdu := range a.PDUs {
		if err := g.Write(a.ID, pdu); err != nil {
			if i > 0 || a.Essential {
				g.Disconnect(a.ID)
			}
			return err
		}
	}
	return nil
}

// Do implements GATTAction.
func (a Beckon) Do(g bearer.GATT) error {
	g.Beckon(a.All)
	return nil
}

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
// heard of it nothing needs to be told.
func (q *linkQueue) put(e bearer.LinkEvent) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
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

// untold reports whether the node has not yet heard of a connection.
func (q *linkQueue) untold(id bearer.LinkID) bool {
	return slices.ContainsFunc(q.events, func(o bearer.LinkEvent) bool { return o.ID == id && o.Kind == bearer.LinkOpened })
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
