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

// Errors of sealing. They say what the caller got wrong, never what the air
// brought.
var (
	ErrAddress   = errors.New("network: expected a unicast source and an assigned destination")
	ErrTTL       = errors.New("network: expected a TTL of 0 to 127")
	ErrSequence  = errors.New("network: expected a sequence number of 24 bits")
	ErrTransport = errors.New("network: expected a transport PDU of 1 to 16 octets, 1 to 12 for control")
	ErrNoRelay   = errors.New("network: expected a TTL of 2 or more to relay")
)

// PDU is a network PDU in the clear.
type PDU struct {
	NetKey    mesh.KeyIndex // the subnet; Open sets it, Seal does not look at it
	IVIndex   mesh.IVIndex  // what the nonce is made of: the current IV index or the one before
	CTL       bool          // a control message; its NetMIC has 64 bits
	TTL       mesh.TTL      // 0 to 127, as it is on the air
	Seq       mesh.SequenceNumber
	Src       mesh.Address // unicast
	Dst       mesh.Address // not unassigned
	Transport []byte       // lower transport PDU; after Open valid until the next Open of the same Receiver
	// By is what the PDU was opened with: a relay seals with it again. Open
	// sets it, Seal does not look at it.
	By *Credentials
}

// check refuses what may not go on the air.
func (p *PDU) check() error {
	switch {
	case !p.Src.IsUnicast() || p.Dst == mesh.Unassigned:
		return fmt.Errorf("%w, got %v and %v", ErrAddress, p.Src, p.Dst)
	case p.TTL > mesh.MaxTTL:
		return fmt.Errorf("%w, got %d", ErrTTL, p.TTL)
	case p.Seq > mesh.MaxSequenceNumber:
		return fmt.Errorf("%w, got %d: the IV index must be updated first", ErrSequence, p.Seq)
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
