package provision

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
)

// closeTimeoutCarried is how long the caller may take to confirm that a link is
// closed after the session has closed it.
const closeTimeoutCarried = 5 * time.Second

// CarriedPDU is a provisioning PDU for a link that the caller provides.
type CarriedPDU struct {
	Link uint32
	PDU  []byte // belongs to the receiver
}

// CarriedEnd requests that a link that the caller provides be closed.
type CarriedEnd struct {
	Link    uint32
	Success bool
}

// carriedLink is a link over a bearer with its own segmentation and
// acknowledgement (PB-GATT, PB-Remote): the caller opens it, transfers complete
// provisioning PDUs, and closes it.
type carriedLink struct {
	linkState
	expiry time.Time // when the link must be open, or closed
	quiet  time.Time // when the protocol times out
	pdu    []byte
}

func newCarriedLink(id uint32) *carriedLink {
	return &carriedLink{linkState: linkState{id: id}}
}

// open waits until the caller calls connected.
func (l *carriedLink) open(now time.Time, _ *Output) {
	l.phase = linkOpening
	l.expiry = now.Add(openTimeout)
}

// connected is called on either side when PDUs can be sent.
func (l *carriedLink) connected(now time.Time) happening {
	if l.phase != linkIdle && l.phase != linkOpening {
		return nothing
	}
	l.phase, l.expiry = linkOpen, time.Time{}
	l.quiet = now.Add(protocolTimeout)
	return linkUp
}

// receive takes a provisioning PDU from the peer.
func (l *carriedLink) receive(now time.Time, pdu []byte) happening {
	if l.phase != linkOpen {
		l.counters.Stray++
		return nothing
	}
	l.quiet = now.Add(protocolTimeout)
	l.pdu = append(l.pdu[:0], pdu...)
	return messageCame
}

// disconnected is called when the link has ended.
func (l *carriedLink) disconnected() happening {
	was := l.phase
	l.phase, l.expiry, l.quiet = linkClosed, time.Time{}, time.Time{}
	switch was {
	case linkClosing:
		return closingOver
	case linkClosed:
		return nothing
	default:
		return peerClosed
	}
}

func (l *carriedLink) send(now time.Time, pdu []byte, out *Output) {
	l.quiet = now.Add(protocolTimeout)
	out.Carry = append(out.Carry, CarriedPDU{Link: l.id, PDU: append([]byte(nil), pdu...)})
}

func (l *carriedLink) message() []byte { return l.pdu }

func (l *carriedLink) close(now time.Time, reason closeReason, out *Output) {
	switch l.phase {
	case linkIdle:
		l.phase = linkClosed
		return
	case linkClosing, linkClosed:
		return
	}
	l.phase, l.reason = linkClosing, reason
	l.expiry, l.quiet = now.Add(closeTimeoutCarried), time.Time{}
	out.End = append(out.End, CarriedEnd{Link: l.id, Success: reason == closeSuccess})
}

func (l *carriedLink) finish(now time.Time, out *Output) { l.close(now, closeSuccess, out) }

func (l *carriedLink) deadline() time.Time { return deadline.Earliest(l.expiry, l.quiet) }

func (l *carriedLink) tick(now time.Time, _ *Output) happening {
	switch {
	case deadline.Due(l.expiry, now) && l.phase == linkClosing:
		return l.disconnected()
	case deadline.Due(l.expiry, now):
		return openExpired
	case deadline.Due(l.quiet, now):
		return quietExpired
	default:
		return nothing
	}
}
