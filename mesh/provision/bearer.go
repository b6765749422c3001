package provision

import (
	"fmt"
	"time"
)

// Bearer is the kind of a provisioning bearer (section 5.2).
type Bearer uint8

// The provisioning bearers.
const (
	PBADV    Bearer = iota // advertisements; this package implements the link
	PBGATT                 // a GATT connection, which the caller opens
	PBRemote               // messages to a Remote Provisioning Server, which the caller exchanges
)

// String returns the name of the bearer.
func (b Bearer) String() string {
	switch b {
	case PBADV:
		return "PB-ADV"
	case PBGATT:
		return "PB-GATT"
	case PBRemote:
		return "PB-Remote"
	default:
		return fmt.Sprintf("provisioning bearer %d", uint8(b))
	}
}

// link is what a session needs from its bearer: provisioning PDUs in both
// directions, complete and in order. Each input returns what happened.
type link interface {
	// open begins to open the link, on the provisioner's side.
	open(now time.Time, out *Output)
	// send transmits a provisioning PDU. Up to three may be sent at a time.
	send(now time.Time, pdu []byte, out *Output)
	// message returns the provisioning PDU after messageCame, until the next
	// input.
	message() []byte
	// close ends the link and drops PDUs in transit.
	close(now time.Time, reason closeReason, out *Output)
	// finish is close on the side that has just received the last PDU.
	finish(now time.Time, out *Output)
	// deadline is when tick has to be called, zero for never.
	deadline() time.Time
	// tick retransmits and times out.
	tick(now time.Time, out *Output) happening
	// status is the state that all links have. The caller may read it, and
	// count.
	status() *linkState
}

// linkState is the state of a link on any bearer.
type linkState struct {
	id       uint32
	phase    linkPhase
	reason   closeReason // why it was closed
	counters Counters
	wrong    int // contradictory segments
}

func (s *linkState) status() *linkState { return s }

type linkPhase uint8

const (
	linkIdle    linkPhase = iota
	linkOpening           // provisioner: waiting for the peer
	linkOpen
	linkClosing // informing the peer
	linkClosed
)

// happening is the result of an input to a link.
type happening uint8

const (
	nothing        happening = iota
	linkUp                   // the link is now open
	messageCame              // message returns a provisioning PDU
	peerClosed               // with status().reason
	peerHopeless             // more than maxWrong invalid segments
	openExpired              // openTimeout
	sendingExpired           // transactionTimeout
	quietExpired             // protocolTimeout
	closingOver              // the link is now closed on this side as well
)
