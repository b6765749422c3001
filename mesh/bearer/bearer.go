// Package bearer is the interface between the mesh stack and the radio (Mesh
// Protocol 1.1, section 3.3): the PDUs on a bearer, and the interfaces that a
// radio implements.
//
// On the advertising bearer each PDU is one AD structure of a non-connectable
// advertisement:
//
//	+--------+---------+----------------------+
//	| length | AD type | PDU, 1 to 29 octets  |
//	+--------+---------+----------------------+
//	            0x29 PB-ADV, 0x2A mesh message, 0x2B mesh beacon
//
// A solicitation (section 6.9.1) is not a mesh PDU but is sent in the same way.
// The stack passes its service data to the radio, and the radio adds the rest
// of the advertisement. A receiver gets it as a Sighting.
//
// PDUs are values that contain their octets, so that passing one from the
// reading goroutine to the node's goroutine allocates nothing.
package bearer

import (
	"errors"
	"fmt"
	"time"
)

// MaxPDU is the size in octets of the largest PDU of the advertising bearer.
const MaxPDU = 29

// Kind is the kind of a PDU. The values are the AD types of the Assigned
// Numbers.
type Kind uint8

// The three kinds of mesh PDU, and one that is only sent: the service data of a
// SolicitationService.
const (
	Solicitation Kind = 0x16
	Provisioning Kind = 0x29 // PB-ADV (section 5.3.1)
	Message      Kind = 0x2A // network PDU (section 3.4.4)
	Beacon       Kind = 0x2B // mesh beacon (section 3.10)
)

// String names the kind.
func (k Kind) String() string {
	switch k {
	case Provisioning:
		return "provisioning"
	case Message:
		return "message"
	case Beacon:
		return "beacon"
	case Solicitation:
		return "solicitation"
	default:
		return fmt.Sprintf("kind 0x%02x", uint8(k))
	}
}

// Lane keeps PDUs in order: PDUs of one lane are transmitted one after the
// other, in the order in which they were sent. PDUs of different lanes may overtake
// each other, except GroupLane.
//
// A receiver drops a lower sequence number that arrives after a higher one from the
// same source (section 3.9.8), whichever of its addresses they are for. What a node
// relays for another may be for anybody, so all of it uses one lane for each source.
// What it sends itself has one for each node that it is for.
type Lane uint64

const (
	laneShift = 32

	laneOwn Lane = (iota - 1) << laneShift
	laneRelay
	laneLink
	laneBeacon

	// laneGroup is one of the own lanes, beside those of all unicast addresses.
	laneGroup = laneOwn | 1<<16
)

// LaneKinds is the number of kinds of lanes: own messages, relayed ones,
// provisioning links, beacons.
const LaneKinds = 4

// Kind returns the kind of a lane, from 0 to LaneKinds-1, for a radio that
// shares its time among them.
func (l Lane) Kind() int { return int(min(l>>laneShift, LaneKinds-1)) }

// OwnLane is the lane of the messages that this node originates for another node,
// whose primary element has this address. Those for unicast addresses of which the
// node is not known share the lane of 0x0000: two of them may be of one node.
func OwnLane(node uint16) Lane { return laneOwn | Lane(node) }

// GroupLane is the lane of the messages that this node originates for groups and
// virtual addresses. Anybody may receive them, so none of them overtakes another
// message of this node, and none is overtaken.
func GroupLane() Lane { return laneGroup }

// IsOwn reports whether it is a lane of messages that this node originates.
func (l Lane) IsOwn() bool { return l>>laneShift == laneOwn>>laneShift }

// RelayLane is the lane of relayed messages from one source address.
func RelayLane(source uint16) Lane { return laneRelay | Lane(source) }

// LinkLane is the lane of the PDUs of one PB-ADV link.
func LinkLane(link uint32) Lane { return laneLink | Lane(link) }

// BeaconLane is the lane of mesh beacons and solicitations.
func BeaconLane() Lane { return laneBeacon }

// Transmit says how often a PDU is transmitted, and at which interval (Network
// Transmit state, section 4.2.20).
type Transmit struct {
	Count    int           // transmissions, at least 1
	Interval time.Duration // between two transmissions, 10 to 320 ms
}

// Outgoing is a PDU for the radio to send.
type Outgoing struct {
	Kind     Kind
	Lane     Lane
	Transmit Transmit
	Len      uint8
	Data     [MaxPDU]byte
}

// PDU returns the octets to send.
func (o *Outgoing) PDU() []byte { return o.Data[:o.Len] }

// NewOutgoing copies pdu. It panics if pdu is longer than MaxPDU, which is a
// mistake of the caller that no input can cause.
func NewOutgoing(kind Kind, lane Lane, transmit Transmit, pdu []byte) Outgoing {
	if len(pdu) > MaxPDU {
		panic(fmt.Sprintf("bearer: %s PDU of %d octets, at most %d fit", kind, len(pdu), MaxPDU))
	}
	o := Outgoing{Kind: kind, Lane: lane, Transmit: transmit, Len: uint8(len(pdu))}
	copy(o.Data[:], pdu)
	return o
}

// Incoming is a PDU that a radio has received.
type Incoming struct {
	Kind    Kind
	RSSI    int8  // dBm, 127 if the controller does not report it
	Adapter uint8 // index of the radio that received it, in the order of the configuration
	Len     uint8
	Data    [MaxPDU]byte
}

// PDU returns the received octets.
func (i *Incoming) PDU() []byte { return i.Data[:i.Len] }

// ErrFull is returned by Send if the radio's queue is full. The PDU is not
// sent; the layers above retransmit.
var ErrFull = errors.New("bearer: transmit queue full")

// Bearer is a radio as seen by the mesh stack. Received PDUs reach the stack
// through a function that was passed to the implementation. It is called by one
// goroutine at a time and must not block for long.
type Bearer interface {
	// Send queues a PDU. It does not block, and returns ErrFull if there is no
	// room.
	Send(o Outgoing) error
	// Cancel drops the queued PDUs of the lane and stops repeating the one on
	// the air. It is used when a PB-ADV PDU has been acknowledged.
	Cancel(lane Lane)
}
