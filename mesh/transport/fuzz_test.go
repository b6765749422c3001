package transport

import (
	"bytes"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// script of FuzzReceive: for each PDU an octet of flags, one of SEQ, one of
// time, one of length, and the PDU.
//
//	flags  CTL, group destination, other source, other NetKey, next IV index
const fuzzHead = 4

func fuzzPDU(data []byte) (p network.PDU, wait time.Duration, rest []byte) {
	pick := func(bit byte, a, b mesh.Address) mesh.Address {
		if data[0]&bit != 0 {
			return b
		}
		return a
	}
	p = network.PDU{
		CTL:     data[0]&1 != 0,
		Dst:     pick(2, there, group),
		Src:     pick(4, here, 0x0222),
		NetKey:  testNet + mesh.KeyIndex(data[0]>>3&1),
		IVIndex: 5 + mesh.IVIndex(data[0]>>4&1),
		TTL:     mesh.TTL(data[0] >> 5),
		Seq:     mesh.SequenceNumber(data[1]),
	}
	wait = time.Duration(data[2]) * 100 * ms
	n := min(int(data[3])%20, len(data)-fuzzHead)
	p.Transport = data[fuzzHead : fuzzHead+n]
	return p, wait, data[fuzzHead+n:]
}

func fuzzScript(pdus ...network.PDU) []byte {
	var data []byte
	for _, p := range pdus {
		flags := byte(0)
		if p.CTL {
			flags |= 1
		}
		if p.Dst == group {
			flags |= 2
		}
		data = append(data, flags, byte(p.Seq), 1, byte(len(p.Transport)))
		data = append(data, p.Transport...)
	}
	return data
}

// FuzzReceive passes arbitrary PDUs to a layer. Some of them are authentic, so
// that every state is reached.
func FuzzReceive(f *testing.F) {
	whole, groups := segments(f, 10, there, 40), segments(f, 20, group, 60)
	f.Add(fuzzScript(whole...))
	f.Add(fuzzScript(append(groups, whole...)...))
	f.Add(fuzzScript(whole[3], whole[1], single(f, 9, there), single(f, 30, group), whole[0], whole[2], whole[2]))
	f.Add(fuzzScript(network.PDU{CTL: true, Dst: there, Seq: 3, Transport: []byte{0x0A, 1, 2}},
		network.PDU{CTL: true, Dst: there, Seq: 4, Transport: []byte{0x8A, 0, 0x10, 0x01, 1, 2, 3, 4, 5, 6, 7, 8}},
		network.PDU{CTL: true, Dst: there, Seq: 5, Transport: []byte{0x8A, 0, 0x10, 0x21, 1}},
		network.PDU{CTL: true, Dst: there, Seq: 6, Transport: []byte{0, 0, 0, 0, 0, 0, 1}},
		network.PDU{CTL: true, Dst: there, Seq: 7, Transport: []byte{0, 0, 0, 0, 0, 0, 0}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 2000)]
		p := newPeer(t, func(c *Config) { c.Reassemblies, c.PerSource, c.Sources = 3, 2, 2 })
		// A message is in transit that acknowledgments can be for.
		p.send(epoch, here, 30, func(m *AccessOut) { m.Src = there })
		reported := map[seqAuth]bool{}
		now, fields := epoch, uint64(0)
		for len(data) > fuzzHead {
			pdu, wait, rest := fuzzPDU(data)
			data = rest
			out := p.receive(now, pdu)
			if len(out.Access)+len(out.Control) > 1 || len(out.Access)+len(out.Control) < len(out.Replay)-1 {
				t.Fatalf("one PDU resulted in %+v", out)
			}
			for _, m := range out.Access {
				if len(m.Payload) < 1 || len(m.Payload) > MaxPayload || m.Src != pdu.Src || m.Dst != pdu.Dst {
					t.Fatalf("message %+v", m)
				}
				auth := seqAuthOf(m.IVIndex, m.Seq) | seqAuth(m.Src)<<56
				if reported[auth] {
					t.Fatalf("reported twice: %+v", m)
				}
				reported[auth] = true
			}
			for _, m := range out.Control {
				if len(m.Params) > MaxControlParams || m.Opcode == 0 || m.Opcode > opcodeMask {
					t.Fatalf("control message %+v", m)
				}
			}
			for _, o := range out.Network {
				if o.Src != there || len(o.Transport) == 0 || len(o.Transport) > 16 {
					t.Fatalf("sent %+v", o)
				}
			}
			fields++
			now = now.Add(wait)
			p.tick(now)
		}
		if p.Sources() > 2 {
			t.Fatalf("%d sources", p.Sources())
		}
		c := p.Counters()
		counted := c.Access + c.Control + c.Malformed + c.Replayed + c.ReplayListFull + c.NoKey + c.BadMIC +
			c.OldSegment + c.RepeatedSegment + c.Contradictory + c.StrayAck + c.AcksReceived
		segmented := c.Reassembled // the message counts its last segment
		if counted > fields || counted < segmented {
			t.Fatalf("%d PDUs, counters %+v", fields, c)
		}
		p.drain(now)
	})
}

// FuzzLowerPDU decodes segments and acknowledgments, and encodes them again.
func FuzzLowerPDU(f *testing.F) {
	f.Add([]byte{0xE6, 0xA0, 0x34, 0x01, 0xC3, 0xC5, 0x1D, 0x8E, 0x47, 0x6B, 0x28, 0xE3, 0xAA, 0x50, 0x01, 0xF3}, false)
	f.Add([]byte{0x8A, 0x00, 0x10, 0x21, 0x01}, true)
	f.Add([]byte{0x00, 0xA6, 0xAC, 0x00, 0x00, 0x00, 0x02}, true)
	f.Fuzz(func(t *testing.T, data []byte, ctl bool) {
		if s, ok := parseSegment(data, ctl); ok {
			if s.o > s.n || s.n >= maxSegments || len(s.data) == 0 || len(s.data) > segmentSize(ctl) {
				t.Fatalf("decoded %x as %+v", data, s)
			}
			want := bytes.Clone(data)
			want[0] |= segmentedBit // checked by the caller
			if ctl {
				want[1] &= 0x7F // reserved
			}
			if got := append(s.appendHead(nil), s.data...); !bytes.Equal(got, want) {
				t.Fatalf("encoded %x, decoded %x", got, data)
			}
		}
		if a, ok := parseAck(data); ok {
			want := bytes.Clone(data)
			want[0] = opcodeAck
			want[2] &^= 3 // reserved
			if got := a.append(nil); !bytes.Equal(got, want) {
				t.Fatalf("encoded %x, decoded %x", got, data)
			}
		}
	})
}
