package bearer

import "fmt"

// Service is a GATT service for reaching a mesh device over a connection
// (sections 7.1 and 7.2). The values are the UUIDs of the Assigned Numbers.
type Service uint16

// The services. Provisioning and proxy each have two characteristics, Data In
// and Data Out: 0x2ADB and 0x2ADC for provisioning, 0x2ADD and 0x2ADE for the
// proxy. A solicitation is only advertised (section 6.9).
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

// Peer is the other end of a connection: a Bluetooth device address.
type Peer struct {
	Random  bool    // random address, otherwise public
	Address [6]byte // most significant octet first, as usually written
}

// String returns the address in the usual notation.
func (p Peer) String() string {
	a := p.Address
	return fmt.Sprintf("%02X:%02X:%02X:%02X:%02X:%02X", a[0], a[1], a[2], a[3], a[4], a[5])
}

// MaxServiceData is the length in octets of the longest service data that fits
// into an advertisement: 31 octets minus headers and UUID.
const MaxServiceData = 27

// MaxConnectableData is the length in octets of the longest service data of a
// connectable advertisement or a solicitation, which also contains flags and
// the list of services (sections 7.1.2.2.1, 7.2.2.2.1 and 6.9). The mesh
// services use 9, 17 and 18.
const MaxConnectableData = 20

// Sighting is a received advertisement with service data of a mesh service.
type Sighting struct {
	Service     Service
	Connectable bool
	From        Peer
	RSSI        int8
	Adapter     uint8 // index of the radio that received it
	Len         uint8
	Data        [MaxServiceData]byte // after the UUID
}

// ServiceData returns the octets after the UUID.
func (s *Sighting) ServiceData() []byte { return s.Data[:s.Len] }

// LinkID identifies a connection or an attempt to connect. The caller of
// Connect chooses numbers below FirstIncoming; the radio assigns higher ones to
// connections from peers. No number is used twice while the program runs.
type LinkID uint32

// FirstIncoming is the smallest LinkID of a connection that a peer made.
const FirstIncoming LinkID = 1 << 31

// LinkKind is the kind of a link event.
type LinkKind uint8

// The kinds, in the order of their occurrence.
const (
	LinkOpened LinkKind = iota // Service and MaxPDU are set; PDUs may be sent
	LinkData                   // PDU was received
	LinkClosed                 // Err is the cause, nil after Disconnect; the last event of its ID
)

// LinkEvent is an event on a connection. Its PDU belongs to the receiver of the
// event.
type LinkEvent struct {
	ID      LinkID
	Kind    LinkKind
	Service Service
	Adapter uint8
	From    Peer
	MaxPDU  int    // length of the longest attribute value that can be sent, at least 20
	PDU     []byte // one Proxy PDU (section 6.3.1), not empty
	Err     error
}

// ConnectableAdvertisement is an advertisement by which others find a service of
// this node (sections 7.1.2.2.1 and 7.2.2.2).
type ConnectableAdvertisement struct {
	Service Service
	Data    []byte // service data after the UUID
	// Private says that the device address must not identify the advertiser: it
	// is a private address that changes with Data and differs between
	// advertisements (sections 7.2.2.2.4 and 7.2.2.2.5).
	Private bool
}

// GATT is a radio with connections, as seen by the mesh stack. The stack
// receives LinkEvents of the connections, and Sightings of the services that
// are advertised nearby, through functions that were passed to the
// implementation. No method blocks.
type GATT interface {
	// Connect connects to a peer and prepares its service: MTU, discovery,
	// notifications. A LinkOpened or a LinkClosed follows.
	Connect(id LinkID, adapter uint8, to Peer, service Service)
	// Disconnect ends a connection or an attempt. LinkClosed follows.
	Disconnect(id LinkID)
	// Write sends one Proxy PDU of at most MaxPDU octets; the octets are
	// copied. PDUs of one connection stay in order. ErrFull says that it was
	// not accepted. A PDU for an unknown connection is dropped.
	Write(id LinkID, pdu []byte) error
	// Advertise sets the connectable advertisements, which are sent in turn from
	// now on. With an empty list nothing is advertised, and nobody can connect.
	// While a peer is connected the radio continues to advertise if it has room
	// for another connection.
	Advertise(all []ConnectableAdvertisement)
}
