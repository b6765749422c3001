package provision

import (
	"fmt"
	"time"
)

// Bearer is a provisioning bearer (section 5.2): what the link to the peer is
// made of.
type Bearer uint8

// The provisioning bearers.
const (
	PBADV    Bearer = iota // advertisements; this package makes the link itself
	PBGATT                 // a GATT connection, which the caller makes
	PBRemote               // messages to a Remote Provisioning Server, which the caller exchanges
)

// String names the bearer.
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

// link is what a session needs of its bearer: provisioning PDUs go both ways,
// whole and in order, and each input tells what came of it.
type link interface {
	// open begins to open the link, on the provisioner's side.
	open(now time.Time, out *Output)
	// send transmits a provisioning PDU; three may be sent at a time.
	send(now time.Time, pdu []byte, out *Output)
	// message is the provisioning PDU after messageCame, until the next input.
	message() []byte
	// close ends the link; what is on its way is dropped.
	close(now time.Time, reason closeReason, out *Output)
	// finish is close for who has just got the last PDU.
	finish(now time.Time, out *Output)
	// deadline is when tick has something to do, zero for never.
	deadline() time.Time
	// tick retransmits and times out.
	tick(now time.Time, out *Output) happening
	// status is what all links have. The caller may read it, and count.
	status() *linkState
}

// linkState is what a link of every bearer has.
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
	linkOpening           // provisioner: waits for the peer
	linkOpen
	linkClosing // says so to the peer
	linkClosed
)

// happening is what came of an input to a link.
type happening uint8

const (
	nothing        happening = iota
	linkUp                   // the link is open now
	messageCame              // message has a provisioning PDU
	peerClosed               // with status().reason
	peerHopeless             // more than maxWrong contradictions
	openExpired              // openTimeout
	sendingExpired           // transactionTimeout
	quietExpired             // protocolTimeout
	closingOver              // the link is closed on our side as well
)
