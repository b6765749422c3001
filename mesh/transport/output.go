package transport

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// Output is what the caller has to do after a call of a Layer. Calls append to
// it. The caller resets and reuses it, so that nothing is allocated. Replay must
// be stored before Access or Control is acted on.
type Output struct {
	Network []Outgoing       // to be encrypted and sent, in this order
	Replay  []ReplayEntry    // to be stored first
	Access  []AccessMessage  // at most one for each Receive
	Control []ControlMessage // other than Segment Acknowledgments, which are handled inside
	Done    []Delivery       // results of segmented messages that were sent
	Held    []Held           // from Hold

	Silenced []Silence // sources whose messages are refused, and no longer

	octets []byte // memory of the Transport fields in Network
}

// Reset empties the output for the next call.
func (o *Output) Reset() {
	o.Network = o.Network[:0]
	o.Replay = o.Replay[:0]
	o.Access = o.Access[:0]
	o.Control = o.Control[:0]
	o.Done = o.Done[:0]
	o.Held = o.Held[:0]
	o.Silenced = o.Silenced[:0]
	o.octets = o.octets[:0]
}

// Outgoing is a network PDU to be encrypted with the credentials of its NetKey.
// Its Transport is valid until the Output is reset.
type Outgoing struct {
	network.PDU
	// Message is the segmented message that the PDU is a segment of, zero for
	// an unsegmented message and for a Segment Acknowledgment. Segments of one
	// message may overtake each other.
	Message Handle
}

// ReplayEntry says that nothing from Src is new up to and including Seq with
// IVIndex, nor anything with a lower IV index.
type ReplayEntry struct {
	Src     mesh.Address
	IVIndex mesh.IVIndex
	Seq     mesh.SequenceNumber
}

// Key identifies the key of an access message (section 3.9.6).
type Key struct {
	// Device is the primary address of the node that the device key belongs to,
	// zero for an AppKey. A Configuration Server only accepts its own node's
	// key, and a Configuration Client only accepts messages from a node with
	// that node's key.
	Device mesh.Address
	App    mesh.KeyIndex // not valid for a device key
}

// IsDevice reports whether it is a device key.
func (k Key) IsDevice() bool { return k.Device != mesh.Unassigned }

// AccessMessage is a received access message: authenticated, and not a replay.
type AccessMessage struct {
	Src, Dst  mesh.Address
	Label     mesh.UUID // of a virtual Dst, otherwise zero
	NetKey    mesh.KeyIndex
	Key       Key
	TTL       mesh.TTL // as received; of the last segment
	IVIndex   mesh.IVIndex
	Seq       mesh.SequenceNumber // of the SeqAuth
	Segmented bool
	Payload   []byte // 1 to 380 octets, valid until the next Receive
}

// ControlMessage is a received transport control message (section 3.6.5).
type ControlMessage struct {
	Src, Dst  mesh.Address
	NetKey    mesh.KeyIndex
	TTL       mesh.TTL // as received; of the last segment
	IVIndex   mesh.IVIndex
	Seq       mesh.SequenceNumber // of the SeqAuth
	Segmented bool
	Opcode    uint8  // 7 bits, not 0
	Params    []byte // 0 to 256 octets, valid until the next Receive
}

// Handle identifies an outgoing segmented message. Zero means none.
type Handle uint64

// Result is the result of a segmented message.
type Result uint8

// The results. The first three are successes.
const (
	Delivered         Result = iota // the destination acknowledged every segment
	DeliveredToFriend               // a friend of the destination did
	Sent                            // to a group or virtual address: every transmission was sent
	TimedOut                        // not acknowledged in time
	Refused                         // the destination has no room for it now
	Canceled                        // by Cancel or CancelAll
	Failed                          // Err is the reason
)

// String names the result.
func (r Result) String() string {
	switch r {
	case Delivered:
		return "delivered"
	case DeliveredToFriend:
		return "delivered to the friend"
	case Sent:
		return "sent"
	case TimedOut:
		return "timed out"
	case Refused:
		return "refused by the destination"
	case Canceled:
		return "canceled"
	default:
		return "failed"
	}
}

// Success reports whether the message was delivered as far as this layer can
// tell.
func (r Result) Success() bool { return r <= Sent }

// Delivery is the end of a segmented message.
type Delivery struct {
	Message  Handle
	Src, Dst mesh.Address
	Result   Result
	Err      error // with Failed
}

// pdu appends a network PDU whose transport PDU is head followed by body.
func (o *Output) pdu(p network.PDU, message Handle, head, body []byte) {
	start := len(o.octets)
	o.octets = append(append(o.octets, head...), body...)
	p.Transport = o.octets[start:len(o.octets):len(o.octets)]
	o.Network = append(o.Network, Outgoing{PDU: p, Message: message})
}
