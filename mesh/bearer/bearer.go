// Package bearer is the seam between the mesh stack and the radio (Mesh
// Protocol 1.1, section 3.3): the PDUs that go over a bearer and the interface
// that a radio implements.
//
// On the advertising bearer each PDU is one AD structure of a non-connectable
// advertisement:
//
//	+--------+---------+----------------------+
//	| length | AD type | PDU, 1 to 29 octets  |
//	+--------+---------+----------------------+
//	            0x29 PB-ADV, 0x2A mesh message, 0x2B mesh beacon
//
// A solicitation (section 6.9.1) is no mesh PDU and goes out the same way. What
// is handed to the radio is its service data; the radio adds what else belongs to
// the advertisement. Who hears it hears a Sighting.
//
// PDUs are values with their octets inside, so that handing one from the
// reading goroutine to the node's goroutine allocates nothing.
package bearer

import (
	"errors"
	"fmt"
	"time"
)

// MaxPDU is the largest PDU of the advertising bearer in octets.
const MaxPDU = 29

// Kind tells what a PDU is; the values are the AD types of the Assigned
// Numbers.
type Kind uint8

// The three kinds of mesh PDU, and what is only ever sent: service data of a
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

// Lane keeps order: PDUs of one lane go on the air one after the other in the
// order in which they were sent. A receiver drops a lower sequence number that
// follows a higher one of the same source, so all messages of one source share
// a lane; PDUs of different lanes may overtake each other.
type Lane uint64

const (
	laneShift = 32

	laneOwn Lane = (iota - 1) << laneShift
	laneRelay
	laneLink
	laneBeacon
)

// LaneKinds is the number of kinds of lanes: own messages, relayed ones,
// provisioning links, beacons.
const LaneKinds = 4

// Kind numbers the kind of a lane from 0 to LaneKinds-1, for a radio that
// shares its time fairly among them.
func (l Lane) Kind() int { return int(min(l>>laneShift, LaneKinds-1)) }

// OwnLane is for the messages that this node originates.
func OwnLane() Lane { return laneOwn }

// RelayLane is for relayed messages of one source address.
func RelayLane(source uint16) Lane { return laneRelay | Lane(source) }

// LinkLane is for the PDUs of one PB-ADV link.
func LinkLane(link uint32) Lane { return laneLink | Lane(link) }

// BeaconLane is for mesh beacons and solicitations.
func BeaconLane() Lane { return laneBeacon }

// Transmit says how often a PDU is advertised and how far apart (Network
// Transmit state, section 4.2.20).
type Transmit struct {
	Count    int           // transmissions, 1 or more
	Interval time.Duration // between two transmissions, 10 to 320 ms
}

// Outgoing is a PDU on its way to the radio.
type Outgoing struct {
	Kind     Kind
	Lane     Lane
	Transmit Transmit
	Len      uint8
	Data     [MaxPDU]byte
}

// PDU is the octets to send.
func (o *Outgoing) PDU() []byte { return o.Data[:o.Len] }

// NewOutgoing copies pdu. It panics if pdu is longer than MaxPDU, for that is
// a mistake of the caller and no input's.
func NewOutgoing(kind Kind, lane Lane, transmit Transmit, pdu []byte) Outgoing {
	if len(pdu) > MaxPDU {
		panic(fmt.Sprintf("bearer: %s PDU of %d octets, at most %d fit", kind, len(pdu), MaxPDU))
	}
	o := Outgoing{Kind: kind, Lane: lane, Transmit: transmit, Len: uint8(len(pdu))}
	copy(o.Data[:], pdu)
	return o
}

// Incoming is a PDU from the radio.
type Incoming struct {
	Kind    Kind
	RSSI    int8  // dBm, 127 when the controller does not tell
	Adapter uint8 // which of the service's radios heard it, in the order of the configuration
	Len     uint8
	Data    [MaxPDU]byte
}

// PDU is the octets received.
func (i *Incoming) PDU() []byte { return i.Data[:i.Len] }

// ErrFull is returned by Send when the radio's queue is full. The PDU was not
// taken; the layers above retransmit.
var ErrFull = errors.New("bearer: transmit queue full")

// Bearer is a radio as the mesh stack sees it. Received PDUs reach the stack
// through the function that the implementation was built with, which is called
// from one goroutine at a time and must not block for long.
type Bearer interface {
	// Send queues a PDU. It does not block, and it returns ErrFull rather
	// than grow without bound.
	Send(o Outgoing) error
	// Cancel drops what is queued on the lane and stops repeating what is on
	// the air, for a PB-ADV PDU that has been acknowledged.
	Cancel(lane Lane)
}
