package provision

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// ServedLink is a PB-ADV link for another provisioner: a Remote Provisioning
// Server opens it to a device and forwards provisioning PDUs in both directions
// without interpreting them (section 4.4.5).
type ServedLink struct{ link *advertisedLink }

// LinkEnd is the reason for the end of a served link.
type LinkEnd uint8

// The ends of a served link.
const (
	LinkOngoing    LinkEnd = iota
	LinkNotOpened          // the device did not answer
	LinkByDevice           // the device closed it
	LinkUnreadable         // the device's segments contradict each other repeatedly
	LinkUnsent             // the device did not acknowledge a PDU
	LinkSilent             // no PDUs for too long
)

// LinkResult is the result of an input to a served link.
type LinkResult struct {
	Opened    bool
	Delivered bool   // the device has acknowledged the PDU that was sent
	PDU       []byte // received from the device, valid until the next input; nil for none
	End       LinkEnd
	// Success says that the device closed the link with success.
	Success bool
}

// NewServedLink makes a link to a device and draws its identifier. It fails
// only if random fails.
func NewServedLink(uuid mesh.UUID, random io.Reader) (*ServedLink, error) {
	var id [4]byte
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return nil, fmt.Errorf("provision: link identifier: expected 4 random octets: %w", err)
	}
	return &ServedLink{link: newAdvertisedLink(binary.BigEndian.Uint32(id[:]), uuid, DefaultTransmit(), false)}, nil
}

// ID returns the link identifier.
func (s *ServedLink) ID() uint32 { return s.link.id }

// NextDeadline is when Tick has to be called, zero for never.
func (s *ServedLink) NextDeadline() time.Time { return s.link.deadline() }

// Done reports whether the link has nothing left to do.
func (s *ServedLink) Done() bool { return s.link.phase == linkClosed }

// Open begins to open the link. The device must answer within the timeout.
func (s *ServedLink) Open(now time.Time, timeout time.Duration, out *Output) {
	s.link.open(now, out)
	s.link.expiry = now.Add(timeout)
}

// Send sends a provisioning PDU. It returns false if the PDU is empty or longer
// than any valid PDU.
func (s *ServedLink) Send(now time.Time, pdu []byte, out *Output) bool {
	if len(pdu) == 0 || len(pdu) > maxTransaction || s.link.phase != linkOpen {
		return false
	}
	s.link.send(now, pdu, out)
	return true
}

// Close ends the link from this side.
func (s *ServedLink) Close(now time.Time, success bool, out *Output) {
	reason := closeFail
	if success {
		reason = closeSuccess
	}
	s.link.close(now, reason, out)
}

// Receive handles a PB-ADV PDU. A PDU of another link is ignored.
func (s *ServedLink) Receive(now time.Time, pdu []byte, out *Output) LinkResult {
	g, ok := parse(pdu)
	if !ok || g.link != s.link.id {
		return LinkResult{}
	}
	busy := s.link.sending.n != 0
	h := s.link.receive(now, &g, out)
	result := LinkResult{Delivered: busy && s.link.sending.n == 0 && h != peerClosed}
	switch h {
	case linkUp:
		result.Opened = true
	case messageCame:
		result.PDU = s.link.message()
	case peerClosed:
		result.End, result.Success = LinkByDevice, s.link.reason == closeSuccess
	case peerHopeless:
		result.End = LinkUnreadable
		s.link.close(now, closeFail, out)
	}
	return result
}

// Tick does what is due.
func (s *ServedLink) Tick(now time.Time, out *Output) (result LinkResult) {
	switch s.link.tick(now, out) {
	case openExpired:
		result.End = LinkNotOpened
	case sendingExpired:
		result.End = LinkUnsent
	case quietExpired:
		result.End = LinkSilent
	default:
		return result
	}
	s.link.close(now, closeTimeout, out)
	return result
}
