package part

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// UnknownRSSI is the RSSI of what came over a connection: nobody measures it.
const UnknownRSSI int8 = 127

// Origin is by which way something arrived.
type Origin struct {
	// Link is the GATT connection, 0 for the advertising bearer.
	Link bearer.LinkID
	// FromClient: Link is the connection of a proxy client of this node.
	FromClient bool
	Adapter    uint8 // which of the radios heard it
	RSSI       int8  // of the last hop, dBm; UnknownRSSI when nobody measured it
}

// Advertised reports whether it came over the advertising bearer.
func (o Origin) Advertised() bool { return o.Link == 0 }

// Received is a network PDU that the network layer has opened, with its subnet
// (NetKey) and its credentials (By), and by which way it came.
type Received struct {
	network.PDU
	Origin Origin
}

// AccessMessage is an access message for this node. Origin is that of the PDU
// that completed it.
type AccessMessage struct {
	transport.AccessMessage
	Opcode mesh.Opcode
	Params []byte // valid during the input
	Origin Origin
}

// ControlMessage is a transport control message for this node. Origin and By
// are those of the PDU that completed it.
type ControlMessage struct {
	transport.ControlMessage
	Origin Origin
	By     *network.Credentials
}

// Outgoing is where an access message of this node goes, and how.
type Outgoing struct {
	Src, Dst mesh.Address
	Label    mesh.UUID // when Dst is virtual
	NetKey   mesh.KeyIndex
	Key      transport.Key
	TTL      mesh.TTL             // 0 to 127, or mesh.DefaultTTL
	By       *network.Credentials // nil: the flooding credentials of NetKey
	Request  RequestID            // that it belongs to, 0 for none
	// Segmented sends in segments, which are acknowledged, what would fit one
	// PDU.
	Segmented bool
}

// Access is the message for the transport layer.
func (o *Outgoing) Access(payload []byte) transport.AccessOut {
	return transport.AccessOut{
		Src: o.Src, Dst: o.Dst, Label: o.Label,
		NetKey: o.NetKey, Key: o.Key, TTL: o.TTL, By: o.By,
		Payload: payload, Segmented: o.Segmented,
	}
}
