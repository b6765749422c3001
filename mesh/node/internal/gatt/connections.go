// Package gatt is what a node does over GATT connections: the proxy protocol
// (Mesh Protocol 1.1, chapter 6) as client and as server, and the connections of
// PB-GATT (section 5.2.2).
//
//	         event of a connection, Proxy PDUs
//	                        │
//	┌───────────────────────▼───────────────────────┐
//	│ Connections   reassembly, faults, who uses it │
//	└──┬──────────────┬──────────────────────┬──────┘
//	   ▼              ▼                      ▼
//	Client         Server                 PB-GATT
//	the proxies    the clients that       of this node as provisioner
//	that the       use the node, and      and as device: package
//	node uses      how they find it       provisioner
//	   │              │
//	   └──────┬───────┘
//	          ▼
//	Forwarding   which network PDU goes over which connection
//
// Solicitor wakes on-demand proxies. Client and server tell each other the state of the
// network in beacons (tell.go), and the client leaves a proxy that forwards nothing
// (silence.go).
package gatt

import (
	"errors"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

// maxFaults is how many malformed Proxy PDUs and messages a connection may bring.
// With more it is closed.
const maxFaults = 16

// errClosedByPeer is why a connection ended that this node did not end.
var errClosedByPeer = errors.New("node: the peer ended the connection")

// User is what a connection is for.
type User interface {
	// Opened is called when the connection is there.
	Opened(l *Link)
	// Received takes a whole message. It returns false when the message does not
	// belong on this connection.
	Received(l *Link, kind proxy.MessageType, message []byte) bool
	// Closed is called when the connection has ended, or could not be made. The
	// reason is nil when this node ended it.
	Closed(l *Link, reason error)
}

// Acceptor decides about connections that others make.
type Acceptor interface {
	// Accept returns who uses the connection, nil to refuse it.
	Accept(e *bearer.LinkEvent) User
}

// Link is a connection, or the attempt to make one.
type Link struct {
	ID      bearer.LinkID
	Service bearer.Service
	Adapter uint8
	Peer    bearer.Peer

	user   User
	open   bool
	ending bool // Disconnect was asked for
	maxPDU int
	sar    proxy.Reassembly
	faults int  // besides those of sar
	lost   bool // the rest of a message did not come
}

// IsOpen reports whether the connection is there.
func (l *Link) IsOpen() bool { return l.open && !l.ending }

// WasOpen reports whether the connection has ever been there, or was given up.
func (l *Link) WasOpen() bool { return l.open || l.ending }

// Connections is the part that has the connections of a node.
type Connections struct {
	part.None
	host      part.Host
	acceptors map[bearer.Service]Acceptor
	last      bearer.LinkID // of those that this node made
	all       []*Link       // only ever a few
	counters  part.GATTCounters
}

var _ part.Part = (*Connections)(nil)

// NewConnections makes the part. Accept follows.
func NewConnections(h part.Host) *Connections {
	return &Connections{host: h, acceptors: map[bearer.Service]Acceptor{}}
}

// Accept names who decides about the connections of a service.
func (c *Connections) Accept(service bearer.Service, a Acceptor) { c.acceptors[service] = a }

// Inputs implements part.Part.
func (c *Connections) Inputs() part.Inputs { return part.Link }

// Input implements part.Part.
func (c *Connections) Input(in *part.Input) bool {
	e := in.Link
	l := c.Find(e.ID)
	switch e.Kind {
	case bearer.LinkOpened:
		switch {
		case l == nil && e.ID >= bearer.FirstIncoming:
			c.accept(e)
		case l == nil || l.ending:
			c.host.Act(part.Disconnect{ID: e.ID})
		case !l.open:
			l.open, l.maxPDU = true, e.MaxPDU
			l.user.Opened(l)
		}
	case bearer.LinkData:
		if l == nil || !l.IsOpen() {
			c.counters.Late++
			break
		}
		c.receive(l, e.PDU)
	case bearer.LinkClosed:
		if l != nil {
			c.all = slices.DeleteFunc(c.all, func(o *Link) bool { return o == l })
			c.forget(l)
			reason := e.Err
			if reason == nil && !l.ending {
				reason = errClosedByPeer
			}
			l.user.Closed(l, reason)
		}
	}
	return true
}

// forget keeps what was counted on a connection that has ended.
func (c *Connections) forget(l *Link) {
	refused := l.sar.Refused()
	c.counters.Reassembly.Add(&refused)
	if !l.sar.Deadline().IsZero() && !l.lost {
		c.counters.Incomplete++
	}
}

// accept takes a connection that somebody else made, or ends it.
func (c *Connections) accept(e *bearer.LinkEvent) {
	var user User
	if a := c.acceptors[e.Service]; a != nil {
		user = a.Accept(e)
	}
	if user == nil {
		c.counters.ClientRefused++
		c.host.Act(part.Disconnect{ID: e.ID})
		return
	}
	l := &Link{
		ID: e.ID, Service: e.Service, Adapter: e.Adapter, Peer: e.From,
		user: user, open: true, maxPDU: e.MaxPDU,
	}
	c.all = append(c.all, l)
	user.Opened(l)
}

// receive takes a Proxy PDU.
func (c *Connections) receive(l *Link, pdu []byte) {
	kind, message, complete := l.sar.Receive(c.host.Now(), pdu)
	if complete {
		c.counters.Received++
		if !l.user.Received(l, kind, message) {
			l.faults++
			c.counters.Faults++
		}
	}
	if l.faults+l.sar.Faults() > maxFaults {
		c.counters.Cut++
		c.End(l)
	}
}

// NextID names a connection that is to be made.
func (c *Connections) NextID() bearer.LinkID {
	c.last++
	return c.last
}

// Connect makes a connection.
func (c *Connections) Connect(to part.Connect, user User) {
	c.all = append(c.all, &Link{ID: to.ID, Service: to.Service, Adapter: to.Adapter, Peer: to.To, user: user})
	c.host.Act(to)
}

// Find finds a connection, nil for none.
func (c *Connections) Find(id bearer.LinkID) *Link {
	for _, l := range c.all {
		if l.ID == id {
			return l
		}
	}
	return nil
}

// Of lists the connections of a user.
func (c *Connections) Of(user User) []*Link {
	var list []*Link
	for _, l := range c.all {
		if l.user == user {
			list = append(list, l)
		}
	}
	return list
}

// Write sends a message.
func (c *Connections) Write(l *Link, kind proxy.MessageType, message []byte) {
	if !l.IsOpen() {
		return
	}
	c.counters.Sent++
	c.host.Act(part.Write{ID: l.ID, PDUs: proxy.Split(nil, kind, message, l.maxPDU), Essential: kind == proxy.ProvisioningPDU})
}

// WriteBeacon sends a beacon, if there is one.
func (c *Connections) WriteBeacon(l *Link, pdu []byte) {
	if pdu != nil {
		c.Write(l, proxy.MeshBeacon, pdu)
	}
}

// End ends a connection.
func (c *Connections) End(l *Link) {
	if !l.ending {
		l.ending = true
		c.host.Act(part.Disconnect{ID: l.ID})
	}
}

// Tick implements part.Part. A message whose rest does not come ends the
// connection.
func (c *Connections) Tick() {
	for _, l := range c.all {
		if deadline.Due(l.sar.Deadline(), c.host.Now()) && !l.ending {
			c.counters.Cut++
			c.counters.Incomplete++
			l.lost = true
			c.End(l)
		}
	}
}

// NextDeadline implements part.Part.
func (c *Connections) NextDeadline() time.Time {
	var next time.Time
	for _, l := range c.all {
		if !l.ending {
			next = deadline.Earliest(next, l.sar.Deadline())
		}
	}
	return next
}

// Counters implements part.Part.
func (c *Connections) Counters(to *part.Counters) {
	to.GATT.Faults += c.counters.Faults
	to.GATT.Cut += c.counters.Cut
	to.GATT.Received += c.counters.Received
	to.GATT.Sent += c.counters.Sent
	to.GATT.ClientRefused += c.counters.ClientRefused
	to.GATT.Incomplete += c.counters.Incomplete
	to.GATT.Late += c.counters.Late
	to.GATT.Reassembly.Add(&c.counters.Reassembly)
	for _, l := range c.all {
		refused := l.sar.Refused()
		to.GATT.Reassembly.Add(&refused)
	}
}
