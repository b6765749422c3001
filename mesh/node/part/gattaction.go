package part

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"

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

// Advertise sets what is advertised.
type Advertise struct {
	All []bearer.ConnectableAdvertisement
}

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
func (a Advertise) Do(g bearer.GATT) error {
	g.Advertise(a.All)
	return nil
}
