package network

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// Verdict is the result for a received PDU.
type Verdict uint8

// The verdicts.
const (
	Fresh     Verdict = iota // authentic and new: out is filled
	Duplicate                // a copy of an earlier authentic PDU
	NotOurs                  // no known subnet has this NID
	BadMIC                   // the NID is known, but no key decrypts it: forged, damaged or from another network
	Malformed                // invalid size, or authentic with an invalid address
)

// String returns the name of the verdict.
func (v Verdict) String() string {
	switch v {
	case Fresh:
		return "fresh"
	case Duplicate:
		return "duplicate"
	case NotOurs:
		return "not ours"
	case BadMIC:
		return "bad MIC"
	case Malformed:
		return "malformed"
	default:
		return fmt.Sprintf("verdict %d", uint8(v))
	}
}

// Sizes of the cache, in messages.
const (
	DefaultCache = 4096
	minCache     = 64
	maxCache     = 1 << 20
	// Copies with the same octets arrive within a second; relayed ones take
	// longer, and an image needs four times the memory.
	messagesPerImage = 4
)

// Config configures a Receiver.
type Config struct {
	IVIndex mesh.IVIndex
	// Cache is the number of messages to remember, rounded up to a power of
	// two from 64 to 1048576; 0 means DefaultCache. A message takes 17 octets.
	Cache int
}

// Counters counts the verdicts since the Receiver was made.
type Counters struct {
	Fresh, Duplicate, NotOurs, BadMIC, Malformed uint64
}

// Receiver decrypts the network PDUs of all subnets of one node (section
// 3.4.6.3) and contains the network message cache (section 3.4.6.5). It belongs
// to one goroutine, the one that owns the credentials.
type Receiver struct {
	iv       mesh.IVIndex
	other    mesh.IVIndex // another IV index that PDUs are accepted with, 0 for none
	byNID    [nidMask + 1][]subnetKey
	messages messages
	images   images
	counters Counters
	payload  [addressSize + MaxAccessTransport]byte // DST and transport PDU of the last PDU
}

// subnetKey is one entry of the NID index.
type subnetKey struct {
	index       mesh.KeyIndex
	credentials *Credentials
}

// NewReceiver makes a Receiver without subnets. All its memory is allocated
// here and in AddSubnet.
func NewReceiver(cfg Config) *Receiver {
	size := cfg.Cache
	if size <= 0 {
		size = DefaultCache
	}
	size = 1 << bits.Len(uint(min(max(size, minCache), maxCache)-1))
	return &Receiver{iv: cfg.IVIndex, messages: newMessages(size), images: newImages(size / messagesPerImage)}
}

// AddSubnet sets the credentials of a NetKey index and replaces earlier ones:
// one, two during a key refresh (old and new), and more for friendships.
// Several subnets may have the same NID.
func (r *Receiver) AddSubnet(index mesh.KeyIndex, credentials ...*Credentials) {
	r.RemoveSubnet(index)
	for _, c := range credentials {
		r.byNID[c.nid] = append(r.byNID[c.nid], subnetKey{index, c})
	}
}

// RemoveSubnet removes the credentials of a NetKey index.
func (r *Receiver) RemoveSubnet(index mesh.KeyIndex) {
	r.images.clear()
	for nid, keys := range r.byNID {
		kept := keys[:0]
		for _, k := range keys {
			if k.index != index {
				kept = append(kept, k)
			}
		}
		clear(keys[len(kept):])
		r.byNID[nid] = kept
	}
}

// SetIVIndex sets the IV index of the network. PDUs are accepted with this one
// and the previous one (section 3.11.5). It is the network's current IV index
// in both states of the IV Update procedure.
func (r *Receiver) SetIVIndex(iv mesh.IVIndex) {
	if iv != r.iv {
		r.images.clear()
	}
	r.iv = iv
}

// SetOtherIVIndex sets an IV index that PDUs are accepted with in addition, together
// with the one before it, while the node does not know yet whether the network has
// moved there; 0 for none. Only a PDU that no key opens otherwise is tried with it.
func (r *Receiver) SetOtherIVIndex(iv mesh.IVIndex) { r.other = iv }

// Remember adds a message that this node has sent to the cache, so that its
// copies from relays are dropped as Duplicate after one AES block.
func (r *Receiver) Remember(index mesh.KeyIndex, p *PDU) {
	length := headerSize + addressSize + len(p.Transport) + micSize(p.CTL)
	r.messages.add(messageOf(index, p.IVIndex, length, p.Seq&mesh.MaxSequenceNumber, p.Src))
}

// Forget removes all messages of one source from the cache, for a node that was
// provisioned again: it may have the same address and restarts its sequence
// numbers. It searches the whole cache.
func (r *Receiver) Forget(src mesh.Address) {
	r.images.clear()
	r.messages.forget(src)
}

// ForgetAll removes all messages from the cache. A Low Power node with a new
// friend needs it, because it may receive messages again that it needs.
func (r *Receiver) ForgetAll() {
	r.images.clear()
	r.messages.clear()
}

// Counters returns the current counters.
func (r *Receiver) Counters() Counters { return r.counters }

// Open decrypts one received network PDU. For Fresh it fills out, whose
// Transport is valid until the next call; for any other verdict out is
// unspecified. It does not allocate and does not change pdu.
//
// The cost of a PDU in AES blocks: 0 if the NID is unknown or the octets are
// those of an earlier PDU, 1 if it is a copy of an earlier message over another
// path, 5 or 7 otherwise.
func (r *Receiver) Open(pdu []byte, out *PDU) Verdict {
	if len(pdu) < minPDU || len(pdu) > MaxPDU {
		r.counters.Malformed++
		return Malformed
	}
	keys := r.byNID[pdu[0]&nidMask]
	if len(keys) == 0 {
		r.counters.NotOurs++
		return NotOurs
	}
	octets := imageOf(pdu)
	if r.images.has(&octets) {
		r.counters.Duplicate++
		return Duplicate
	}

	verdict := BadMIC
	if iv, ok := ivOf(r.iv, pdu[0]); ok {
		verdict = r.tryAll(keys, pdu, iv, out)
	}
	if r.other > 0 && verdict == BadMIC {
		if iv, _ := ivOf(r.other, pdu[0]); iv > r.iv {
			verdict = r.tryAll(keys, pdu, iv, out)
		}
	}
	switch verdict {
	case Fresh:
		r.images.add(&octets)
		r.counters.Fresh++
	case Duplicate:
		// It looks like a duplicate by its header, which anyone can copy. The
		// octets are not authentic and must not be added to the cache.
		r.counters.Duplicate++
	case Malformed:
		r.counters.Malformed++
	default:
		r.counters.BadMIC++
	}
	return verdict
}

// ivOf selects the current or the previous IV index by the IVI bit. IV index 0
// has no predecessor.
func ivOf(current mesh.IVIndex, first byte) (mesh.IVIndex, bool) {
	if mesh.IVIndex(first>>7) == current&1 {
		return current, true
	}
	return current - 1, current > 0
}

// tryAll decrypts pdu with the first key that fits.
func (r *Receiver) tryAll(keys []subnetKey, pdu []byte, iv mesh.IVIndex, out *PDU) Verdict {
	for i := range keys {
		if verdict := r.try(&keys[i], pdu, iv, out); verdict != BadMIC {
			return verdict
		}
	}
	return BadMIC
}

// try decrypts pdu with one key. BadMIC means that another key may still work.
func (r *Receiver) try(key *subnetKey, pdu []byte, iv mesh.IVIndex, out *PDU) Verdict {
	h := header(pdu) ^ key.credentials.pecb(pdu, iv)
	first := uint8(h >> ttlShift)
	ctl, ttl := first&ctlBit != 0, mesh.TTL(first&^ctlBit)
	seq, src := mesh.SequenceNumber(h>>seqShift)&mesh.MaxSequenceNumber, mesh.Address(h)
	// With the wrong key the header is random. A failed check only means that
	// the key does not match. A control PDU has four octets more.
	if !src.IsUnicast() || len(pdu) < headerSize+addressSize+1+micSize(ctl) {
		return BadMIC
	}
	name := messageOf(key.index, iv, len(pdu), seq, src)
	if r.messages.has(name) {
		return Duplicate
	}

	nonce := crypto.NetworkNonce(ctl, ttl, seq, src, iv)
	payload, ok := key.credentials.ccm.Open(r.payload[:0], &nonce, pdu[headerSize:], nil, micSize(ctl))
	if !ok {
		return BadMIC
	}
	dst := mesh.Address(binary.BigEndian.Uint16(payload))
	if dst == mesh.Unassigned {
		return Malformed
	}
	r.messages.add(name)
	// Field by field, because a composite literal would be built elsewhere and
	// copied.
	out.NetKey, out.IVIndex, out.CTL, out.TTL = key.index, iv, ctl, ttl
	out.Seq, out.Src, out.Dst = seq, src, dst
	out.Transport, out.By = payload[addressSize:], key.credentials
	return Fresh
}
