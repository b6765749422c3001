package network

import (
	"errors"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Sizes of a network PDU and of the transport PDU in it, in octets.
const (
	MaxPDU              = 29
	MaxAccessTransport  = 16 // CTL is false
	MaxControlTransport = 12 // CTL is true

	headerSize  = 7 // IVI and NID, CTL and TTL, SEQ, SRC
	addressSize = 2 // DST, the first encrypted octets
	accessMIC   = 4
	controlMIC  = 8
	minPDU      = headerSize + addressSize + 1 + accessMIC
)

// Errors of encryption. They report mistakes of the caller and never depend on
// received data.
var (
	ErrAddress   = errors.New("network: expected a unicast source and an assigned destination")
	ErrTTL       = errors.New("network: expected a TTL of 0 to 127")
	ErrSequence  = errors.New("network: expected a sequence number of 24 bits")
	ErrTransport = errors.New("network: expected a transport PDU of 1 to 16 octets, 1 to 12 for control")
	ErrNoRelay   = errors.New("network: expected a TTL of 2 or more to relay")
)

// PDU is a decrypted network PDU.
type PDU struct {
	NetKey    mesh.KeyIndex // the subnet; Open sets it, Seal ignores it
	IVIndex   mesh.IVIndex  // the IV index in the nonce: the current one or the previous one
	CTL       bool          // a control message; its NetMIC has 64 bits
	TTL       mesh.TTL      // 0 to 127, as transmitted
	Seq       mesh.SequenceNumber
	Src       mesh.Address // unicast
	Dst       mesh.Address // not unassigned
	Transport []byte       // lower transport PDU; after Open valid until the next Open of the same Receiver
	// By is the credentials that the PDU was decrypted with, and that a relay
	// encrypts with again. Open sets it, Seal ignores it.
	By *Credentials
}

// check rejects what must not be transmitted.
func (p *PDU) check() error {
	switch {
	case !p.Src.IsUnicast() || p.Dst == mesh.Unassigned:
		return fmt.Errorf("%w, got %v and %v", ErrAddress, p.Src, p.Dst)
	case p.TTL > mesh.MaxTTL:
		return fmt.Errorf("%w, got %d", ErrTTL, p.TTL)
	case p.Seq > mesh.MaxSequenceNumber:
		return fmt.Errorf("%w, got %d: update the IV index first", ErrSequence, p.Seq)
	case len(p.Transport) == 0 || len(p.Transport) > maxTransport(p.CTL):
		return fmt.Errorf("%w, got %d octets, control %v", ErrTransport, len(p.Transport), p.CTL)
	}
	return nil
}

func maxTransport(ctl bool) int {
	if ctl {
		return MaxControlTransport
	}
	return MaxAccessTransport
}

func micSize(ctl bool) int {
	if ctl {
		return controlMIC
	}
	return accessMIC
}
