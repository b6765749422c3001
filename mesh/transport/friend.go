package transport

import (
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// purpose is what a segmented message is reassembled for, in addition to this
// node's own elements.
type purpose struct {
	hold      bool         // for a Low Power node that this node is the friend of
	elsewhere bool         // not for this node itself
	friend    mesh.Address // the address that acknowledges on behalf of the Low Power node
	quiet     bool         // the friend has already acknowledged it
}

// behalf is the source address of an acknowledgment.
func (w purpose) behalf(dst mesh.Address) mesh.Address {
	if w.elsewhere {
		return w.friend
	}
	return dst
}

// Held is a complete segmented message for Low Power nodes: its network PDUs in
// the order of the segments, as received, with the TTL of the last one.
type Held []network.PDU

// Hold handles a segment for a Low Power node that this node is the friend of
// (section 3.5.3.4). Its PDUs are returned as Output.Held when all of them have
// arrived. A segment to a unicast address is acknowledged from the address
// friend, on behalf of the Low Power node. A segment to a group or virtual
// address may be for this node as well.
func (l *Layer) Hold(now time.Time, p *network.PDU, friend mesh.Address, listens bool, out *Output) {
	if !IsSegment(p) {
		return
	}
	l.receive(now, p, purpose{hold: true, elsewhere: !listens, friend: friend}, out)
}

// ReceiveStored handles a PDU like Receive. A friend has stored it for this
// node and acknowledged it, so the Low Power node does not acknowledge.
func (l *Layer) ReceiveStored(now time.Time, p *network.PDU, out *Output) {
	l.receive(now, p, purpose{quiet: true}, out)
}

// IsSegment reports whether a PDU is a segment of a message.
func IsSegment(p *network.PDU) bool {
	return len(p.Transport) > 0 && p.Transport[0]&segmentedBit != 0
}

// hold returns the PDUs of a complete message.
func (o *Output) hold(slot *reassembly, ttl mesh.TTL) {
	upper := slot.upper()
	size := segmentSize(slot.ctl)
	held := make(Held, 0, int(slot.n)+1)
	for i := 0; i <= int(slot.n); i++ {
		s := segment{first: slot.first, szmic: slot.szmic, seqZero: slot.auth.zero(), o: uint8(i), n: slot.n}
		held = append(held, network.PDU{
			NetKey: slot.netKey, IVIndex: slot.auth.iv(), CTL: slot.ctl, TTL: ttl, Seq: slot.numbers[i],
			Src: slot.src, Dst: slot.dst,
			Transport: append(s.appendHead(nil), upper[i*size:min((i+1)*size, len(upper))]...),
		})
	}
	o.Held = append(o.Held, held)
}

// PDUs is how many network PDUs an access message of this length takes.
func PDUs(payload int) int {
	if payload <= MaxUnsegmentedPayload {
		return 1
	}
	return (payload + shortMIC + accessSegment - 1) / accessSegment
}

// Compose makes all network PDUs of an access message at once, with the next
// sequence numbers. They are not sent, and nothing is waited for: a friend
// delivers them one by one. Errors are those of Send.
func (l *Layer) Compose(m *AccessOut) ([]network.PDU, error) {
	ttl, err := l.check(m.Src, m.Dst, m.TTL)
	if err != nil {
		return nil, err
	}
	if len(m.Payload) < 1 || len(m.Payload) > MaxPayload {
		return nil, fmt.Errorf("%w: access message of %d octets, expected 1 to %d", ErrLength, len(m.Payload), MaxPayload)
	}
	key, err := l.sealer(m.Key)
	if err != nil {
		return nil, err
	}
	seq, iv, err := l.seq.Next()
	if err != nil {
		return nil, fmt.Errorf("transport: cannot send to %s: %w", m.Dst, err)
	}
	auth := seqAuthOf(iv, seq)
	upper := key.seal(nil, m.Key.IsDevice(), auth, m.Src, m.Dst, &m.Label, m.Payload, false)
	p := network.PDU{NetKey: m.NetKey, IVIndex: iv, TTL: ttl, Seq: seq, Src: m.Src, Dst: m.Dst}
	if len(m.Payload) <= MaxUnsegmentedPayload {
		p.Transport = append([]byte{key.first}, upper...)
		return []network.PDU{p}, nil
	}
	n := uint8(len(upper)-1) / accessSegment
	all := make([]network.PDU, 0, int(n)+1)
	for o := uint8(0); o <= n; o++ {
		if o > 0 {
			if p.Seq, p.IVIndex, err = l.seq.Next(); err != nil {
				return nil, fmt.Errorf("transport: cannot send to %s: %w", m.Dst, err)
			}
		}
		s := segment{first: key.first, seqZero: auth.zero(), o: o, n: n}
		at := int(o) * accessSegment
		p.Transport = append(s.appendHead(nil), upper[at:min(at+accessSegment, len(upper))]...)
		all = append(all, p)
	}
	return all, nil
}
