package crypto

import (
	"encoding/binary"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// NonceSize is the size of a nonce in octets.
const NonceSize = 13

// Nonce is the 13 octets that make every use of a key unique (section 3.9.5).
// The package comment shows the layout.
type Nonce [NonceSize]byte

// Nonce types (section 3.9.5, table of nonce types).
const (
	nonceNetwork     = 0x00
	nonceApplication = 0x01
	nonceDevice      = 0x02
	nonceProxy       = 0x03

	nonceSolicitation = 0x04
)

// NetworkNonce is the nonce of a network PDU (section 3.9.5.1).
func NetworkNonce(ctl bool, ttl mesh.TTL, seq mesh.SequenceNumber, src mesh.Address, iv mesh.IVIndex) Nonce {
	second := byte(ttl & mesh.MaxTTL)
	if ctl {
		second |= 0x80
	}
	return nonce(nonceNetwork, second, seq, src, mesh.Unassigned, iv)
}

// ApplicationNonce is the nonce of an access message with an AppKey (section
// 3.9.5.2). seq is the sequence number of the SeqAuth, that is, of the first
// transmission of the first segment. longMIC says that a segmented message has
// the 64-bit TransMIC. dst is the virtual address, not the label, for a virtual
// destination.
func ApplicationNonce(longMIC bool, seq mesh.SequenceNumber, src, dst mesh.Address, iv mesh.IVIndex) Nonce {
	return nonce(nonceApplication, aszmic(longMIC), seq, src, dst, iv)
}

// DeviceNonce is the nonce of an access message with a device key (section
// 3.9.5.3). Its arguments are those of ApplicationNonce.
func DeviceNonce(longMIC bool, seq mesh.SequenceNumber, src, dst mesh.Address, iv mesh.IVIndex) Nonce {
	return nonce(nonceDevice, aszmic(longMIC), seq, src, dst, iv)
}

// ProxyNonce is the nonce of a proxy configuration message (section 3.9.5.4).
func ProxyNonce(seq mesh.SequenceNumber, src mesh.Address, iv mesh.IVIndex) Nonce {
	return nonce(nonceProxy, 0, seq, src, mesh.Unassigned, iv)
}

// SolicitationNonce is the nonce of a solicitation PDU (section 3.9.5.5), which
// has no IV index.
func SolicitationNonce(seq mesh.SequenceNumber, src mesh.Address) Nonce {
	return nonce(nonceSolicitation, 0, seq, src, mesh.Unassigned, 0)
}

func aszmic(long bool) byte {
	if long {
		return 0x80
	}
	return 0
}

func nonce(kind, second byte, seq mesh.SequenceNumber, src, dst mesh.Address, iv mesh.IVIndex) Nonce {
	var n Nonce
	binary.BigEndian.PutUint64(n[0:8],
		uint64(kind)<<56|uint64(second)<<48|uint64(seq&mesh.MaxSequenceNumber)<<24|uint64(src)<<8|uint64(dst)>>8)
	n[8] = byte(dst)
	binary.BigEndian.PutUint32(n[9:], uint32(iv))
	return n
}
