package bearer

import "fmt"

// Service is a GATT service by which a mesh device is reached over a connection
// (sections 7.1 and 7.2); the values are the UUIDs of the Assigned Numbers.
type Service uint16

// The services. Each has two characteristics, by which PDUs go in and out:
// 0x2ADB and 0x2ADC of the provisioning, 0x2ADD and 0x2ADE of the proxy.
// A solicitation is only ever advertised (section 6.9).
const (
	ProvisioningService Service = 0x1827
	ProxyService        Service = 0x1828
	SolicitationService Service = 0x1859
)

// String names the service.
func (s Service) String() string {
	switch s {
	case ProvisioningService:
		return "Mesh Provisioning Service"
	case ProxyService:
		return "Mesh Proxy Service"
	case SolicitationService:
		return "Mesh Proxy Solicitation Service"
	default:
		return fmt.Sprintf("service 0x%04x", uint16(s))
	}
}

// Peer is who is at the other end of a connection: a Bluetooth device address.
type Peer struct {
	Random  bool    // kind of address: random, or public
	Address [6]byte // most significant octet first, as people write it
}

// String is the address as people write it.
func (p Peer) String() string {
	a := p.Address
	return fmt.Sprintf("%02X:%02X:%02X:%02X:%02X:%02X", a[0], a[1], a[2], a[3], a[4], a[5])
}

// MaxServiceData is the longest service data in octets that fits into an
// advertisement, 31 octets with headers and UUID.
const MaxServiceData = 27

// MaxBeckon is the longest service data in octets of a Beckon or a solicitation:
// flags and the list of services are in its advertisement, too (sections
// 7.1.2.2.1, 7.2.2.2.1 and 6.9). The mesh services have 9, 17 and 18.
const MaxBeckon = 20

// Sighting is an advertisement that carries service data of a mesh service.
type Sighting struct {
	Service     Service
	Connectable bool
	From        Peer
	RSSI        int8
	Adapter     uint8 // which of the service's radios heard it
	Len         uint8
	Data        [MaxServiceData]byte // behind the UUID
}

// ServiceData is the octets behind the UUID.
func (s *Sighting) ServiceData() []byte { return s.Data[:s.Len] }

// LinkID names a connection, or the attempt to make one. Those of Connect are
// chosen by the caller and are below FirstIncoming; the radio gives connections
// that others make higher ones. No number is used twice while the program runs.
type LinkID uint32

// FirstIncoming is the least LinkID of a connection that somebody else made.
const FirstIncoming LinkID = 1 << 31

// LinkKind is what happened on a connection.
type LinkKind uint8

// What can happen, in the order in which it does.
const (
	LinkOpened LinkKind = iota // Service and MaxPDU are set; PDUs may go
	LinkData                   // PDU came
	LinkClosed                 // Err says why, nil after Disconnect; the last event of its ID
)

// LinkEvent is something that happened on a connection. Its PDU belongs to the
// receiver of the event.
type LinkEvent struct {
	ID      LinkID
	Kind    LinkKind
	Service Service
	Adapter uint8
	From    Peer
	MaxPDU  int    // longest attribute value that can be sent, 20 or more
	PDU     []byte // one Proxy PDU (section 6.3.1), not empty
	Err     error
}

// Beckon is one connectable advertisement by which others find a service of
// this node (sections 7.1.2.2.1 and 7.2.2.2).
type Beckon struct {
	Service Service
	Data    []byte // service data behind the UUID
	// Private says that nobody is to know the advertiser again by its device
	// address: it is a private one, new for each new Data and other than those
	// of other Beckons (sections 7.2.2.2.4 and 7.2.2.2.5).
	Private bool
}

// GATT is a radio that makes connections, as the mesh stack sees it. What
// happens on them reaches the stack as LinkEvents, and what services are
// advertised around it as Sightings, through the functions that the
// implementation was built with. No method blocks.
type GATT interface {
	// Connect makes a connection to a peer and readies its service: MTU,
	// discovery, notifications. Its outcome is a LinkOpened or a LinkClosed.
	Connect(id LinkID, adapter uint8, to Peer, service Service)
	// Disconnect ends a connection, or the attempt. LinkClosed follows.
	Disconnect(id LinkID)
	// Write sends one Proxy PDU of at most MaxPDU octets; its octets are
	// copied. PDUs of one connection stay in order. ErrFull says that it was
	// not taken; an unknown connection swallows it.
	Write(id LinkID, pdu []byte) error
	// Beckon sets what is advertised, in turn, from now on; nothing for an
	// empty list, and then nobody can connect. While a peer is connected the
	// radio goes on advertising if it has room for one more connection.
	Beckon(all []Beckon)
}
