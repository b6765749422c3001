package network

import (
	"encoding/binary"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// First octet of the P of k2: the purpose of the credentials (section
// 3.9.6.3.1).
const (
	forFlooding   = 0x00
	forFriendship = 0x01
	forDirected   = 0x02
)

const (
	nidMask  = 0x7F
	ctlBit   = 0x80
	seqShift = 16 // of SEQ in the header word, above SRC
	ttlShift = 40 // of CTL and TTL
)

// Credentials are the NID, EncryptionKey and PrivacyKey of one NetKey for one
// purpose (section 3.9.6.3.1), expanded for use. They belong to one goroutine,
// that of the Receiver they are added to.
type Credentials struct {
	nid     uint8
	ccm     *crypto.CCM
	privacy *crypto.Block
	payload [addressSize + MaxAccessTransport]byte // scratch of Seal: DST and transport PDU
}

// NewCredentials derives credentials with k2. p is the purpose: 00 for managed
// flooding, 01 and eight octets for a friendship, 02 for directed forwarding.
func NewCredentials(key crypto.Key, p []byte) *Credentials {
	return expand(crypto.K2(key, p))
}

func expand(nid uint8, encryption, privacy crypto.Key) *Credentials {
	return &Credentials{nid: nid, ccm: crypto.NewCCM(encryption), privacy: crypto.NewBlock(privacy)}
}

// Flooding derives the managed flooding credentials of a NetKey, which all
// nodes of the subnet have.
func Flooding(key crypto.Key) *Credentials { return NewCredentials(key, []byte{forFlooding}) }

// Directed derives the directed forwarding credentials of a NetKey.
func Directed(key crypto.Key) *Credentials { return NewCredentials(key, []byte{forDirected}) }

// Friendship derives the credentials of one friendship from the addresses of
// the Low Power node and the friend, and the counters they exchanged.
func Friendship(key crypto.Key, lpn, friend mesh.Address, lpnCounter, friendCounter uint16) *Credentials {
	p := []byte{forFriendship}
	for _, v := range []uint16{uint16(lpn), uint16(friend), lpnCounter, friendCounter} {
		p = binary.BigEndian.AppendUint16(p, v)
	}
	return NewCredentials(key, p)
}

// NID is the network identifier, 7 bits.
func (c *Credentials) NID() uint8 { return c.nid }

// Seal appends the network PDU of p to dst: encrypted, then obfuscated
// (sections 3.4.6.2 and 3.9.7). It checks every field it uses, and does not
// allocate if dst has room for MaxPDU octets. It reads p.Transport before it
// writes to dst.
func (c *Credentials) Seal(dst []byte, p *PDU) ([]byte, error) {
	if err := p.check(); err != nil {
		return dst, err
	}
	nonce := crypto.NetworkNonce(p.CTL, p.TTL, p.Seq, p.Src, p.IVIndex)
	return c.seal(dst, p, &nonce), nil
}

// seal is Seal with any nonce, for fields that are within their ranges.
func (c *Credentials) seal(dst []byte, p *PDU, nonce *crypto.Nonce) []byte {
	binary.BigEndian.PutUint16(c.payload[:], uint16(p.Dst))
	n := addressSize + copy(c.payload[addressSize:], p.Transport)

	start := len(dst)
	dst = slices.Grow(dst, MaxPDU)[:start+headerSize]
	dst = c.ccm.Seal(dst, nonce, c.payload[:n], nil, micSize(p.CTL))
	pdu := dst[start:]
	pdu[0] = byte(p.IVIndex&1)<<7 | c.nid
	header := uint64(p.TTL)<<ttlShift | uint64(p.Seq)<<seqShift | uint64(p.Src)
	if p.CTL {
		header |= ctlBit << ttlShift
	}
	putHeader(pdu, header^c.pecb(pdu, p.IVIndex))
	return dst
}

// Relay appends the network PDU that a relay sends for p (section 3.4.6.4):
// SRC, SEQ, IV index and transport PDU are the same, TTL is lower by one. It
// returns ErrNoRelay for a TTL of 0 or 1. The caller decides whether to relay
// at all. c is p.By unless p is sent to another subnet.
func (c *Credentials) Relay(dst []byte, p *PDU) ([]byte, error) {
	if p.TTL < 2 {
		return dst, ErrNoRelay
	}
	next := *p
	next.TTL--
	return c.Seal(dst, &next)
}

// pecb is the 48-bit value that obfuscates the header: AES with the privacy key
// of the IV index and the first seven encrypted octets (section 3.9.7.3).
//
//	+----------------+----------+----------------+
//	| 00 00 00 00 00 | IV index | privacy random |
//	+----------------+----------+----------------+
//	        5             4             7
//
// pdu has at least minPDU octets.
func (c *Credentials) pecb(pdu []byte, iv mesh.IVIndex) uint64 {
	// Read from one octet before, because the shortest PDU ends with the
	// privacy random.
	random := binary.BigEndian.Uint64(pdu[headerSize-1:]) & (1<<56 - 1)
	high, _ := c.privacy.EncryptWords(uint64(iv)>>8, uint64(iv)<<56|random)
	return high >> 16
}

// header reads CTL, TTL, SEQ and SRC, obfuscated or not, as one number of 48
// bits. pdu has at least minPDU octets.
func header(pdu []byte) uint64 { return binary.BigEndian.Uint64(pdu[:8]) >> 8 & (1<<48 - 1) }

// putHeader writes CTL, TTL, SEQ and SRC and does not change the other octets.
func putHeader(pdu []byte, h uint64) {
	_ = pdu[headerSize-1]
	binary.BigEndian.PutUint16(pdu[1:], uint16(h>>32))
	binary.BigEndian.PutUint32(pdu[3:], uint32(h))
}
