package network

import (
	"encoding/binary"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// solicitationSize is the size of a solicitation PDU: header, DST, MIC.
const solicitationSize = headerSize + addressSize + controlMIC

// SealProxy appends a network PDU with a proxy configuration message: CTL 1,
// TTL 0, DST unassigned, with the proxy nonce (section 6.6). It uses IVIndex,
// Seq, Src and Transport of p, and checks them.
func (c *Credentials) SealProxy(dst []byte, p *PDU) ([]byte, error) {
	sealed := PDU{CTL: true, IVIndex: p.IVIndex, Seq: p.Seq, Src: p.Src, Transport: p.Transport}
	if err := sealed.checkSource(); err != nil {
		return dst, err
	}
	if n := len(p.Transport); n == 0 || n > MaxControlTransport {
		return dst, fmt.Errorf("%w, got %d octets of a proxy configuration message", ErrTransport, n)
	}
	nonce := crypto.ProxyNonce(p.Seq, p.Src, p.IVIndex)
	return c.seal(dst, &sealed, &nonce), nil
}

// SealSolicitation appends a solicitation PDU, 17 octets (section 6.9.1): a
// network PDU without transport PDU and IV index. seq is one of the node's
// solicitation sequence numbers, which are separate from those of its messages
// (section 6.9.1.1).
func (c *Credentials) SealSolicitation(dst []byte, seq mesh.SequenceNumber, src mesh.Address) ([]byte, error) {
	sealed := PDU{CTL: true, Seq: seq, Src: src}
	if err := sealed.checkSource(); err != nil {
		return dst, err
	}
	nonce := crypto.SolicitationNonce(seq, src)
	return c.seal(dst, &sealed, &nonce), nil
}

// checkSource checks the remaining fields of a PDU that is not forwarded.
func (p *PDU) checkSource() error {
	switch {
	case !p.Src.IsUnicast():
		return fmt.Errorf("%w, got source %v", ErrAddress, p.Src)
	case p.Seq > mesh.MaxSequenceNumber:
		return fmt.Errorf("%w, got %d", ErrSequence, p.Seq)
	}
	return nil
}

// OpenProxy decrypts a network PDU with a proxy configuration message. It
// returns false unless the PDU is authentic and belongs to a known subnet.
// There is no cache for these PDUs: the caller has to check whether the
// sequence number is new. out.Transport is valid until the next call of this
// Receiver. It does not change pdu.
func (r *Receiver) OpenProxy(pdu []byte, out *PDU) bool {
	if len(pdu) < headerSize+addressSize+1+controlMIC || len(pdu) > MaxPDU {
		r.counters.Malformed++
		return false
	}
	iv, ok := ivOf(r.iv, pdu[0])
	if !ok {
		r.counters.BadMIC++
		return false
	}
	if !r.openControl(pdu, iv, out, func(seq mesh.SequenceNumber, src mesh.Address) crypto.Nonce {
		return crypto.ProxyNonce(seq, src, iv)
	}) {
		return false
	}
	if out.Dst != mesh.Unassigned {
		r.counters.Malformed++
		return false
	}
	return true
}

// OpenSolicitation decrypts a solicitation PDU. It returns false unless the PDU
// is authentic and belongs to a known subnet; out is then unspecified. The
// caller has to check whether Seq is new. The destination has no meaning.
func (r *Receiver) OpenSolicitation(pdu []byte, out *PDU) bool {
	if len(pdu) != solicitationSize || pdu[0]&^nidMask != 0 {
		r.counters.Malformed++
		return false
	}
	return r.openControl(pdu, 0, out, crypto.SolicitationNonce)
}

// openControl decrypts a PDU with CTL 1 and TTL 0 and a nonce other than the
// network nonce.
func (r *Receiver) openControl(pdu []byte, iv mesh.IVIndex, out *PDU, nonceOf func(mesh.SequenceNumber, mesh.Address) crypto.Nonce) bool {
	keys := r.byNID[pdu[0]&nidMask]
	if len(keys) == 0 {
		r.counters.NotOurs++
		return false
	}
	for _, key := range keys {
		h := header(pdu) ^ key.credentials.pecb(pdu, iv)
		seq, src := mesh.SequenceNumber(h>>seqShift)&mesh.MaxSequenceNumber, mesh.Address(h)
		if h>>ttlShift != ctlBit || !src.IsUnicast() {
			continue
		}
		nonce := nonceOf(seq, src)
		payload, ok := key.credentials.ccm.Open(r.payload[:0], &nonce, pdu[headerSize:], nil, controlMIC)
		if !ok {
			continue
		}
		*out = PDU{
			NetKey: key.index, IVIndex: iv, CTL: true, Seq: seq, Src: src,
			Dst: mesh.Address(binary.BigEndian.Uint16(payload)), Transport: payload[addressSize:], By: key.credentials,
		}
		return true
	}
	r.counters.BadMIC++
	return false
}
