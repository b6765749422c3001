package transport

import (
	"math/bits"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// reassemblies are the segmented messages being received (section 3.5.3.4), and
// those completed recently, whose acknowledgment may have to be repeated. Their
// number is fixed, and no sender can change it.
type reassemblies struct {
	slots     []reassembly
	perSource int
}

// reassembly is one segmented message, complete or not.
type reassembly struct {
	used, complete bool
	src, dst       mesh.Address
	auth           seqAuth
	netKey         mesh.KeyIndex
	ctl, szmic     bool
	first          byte // AKF and AID, or opcode
	n              uint8
	direct         bool // received with TTL 0, and acknowledged in the same way
	purpose        purpose
	received       uint32 // bit n is set for segment n
	last           uint8  // octets in segment n

	discard time.Time // when it is dropped if incomplete, or forgotten if complete
	ackAt   time.Time // next acknowledgment, zero for none
	repeats uint8     // acknowledgments after that one
	acked   time.Time // time of the last acknowledgment
	changed time.Time // time of the last new segment

	octets  []byte
	numbers *[maxSegments]mesh.SequenceNumber // sequence numbers of the segments
}

func (r *reassemblies) init(slots, perSource int) {
	octets := make([]byte, slots*maxUpper)
	numbers := make([][maxSegments]mesh.SequenceNumber, slots)
	r.slots = make([]reassembly, slots)
	for i := range r.slots {
		r.slots[i].numbers = &numbers[i]
		r.slots[i].octets = octets[i*maxUpper : (i+1)*maxUpper : (i+1)*maxUpper]
	}
	r.perSource = perSource
}

func (r *reassemblies) find(src, dst mesh.Address) *reassembly {
	for i := range r.slots {
		if s := &r.slots[i]; s.src == src && s.dst == dst && s.used {
			return s
		}
	}
	return nil
}

func (r *reassemblies) deadline() time.Time {
	var first time.Time
	for i := range r.slots {
		if s := &r.slots[i]; s.used {
			first = deadline.Earliest(first, deadline.Earliest(s.discard, s.ackAt))
		}
	}
	return first
}

// claim finds room for a message from src: an unused slot, or the one that was
// completed first. If all are incomplete, one is dropped: the oldest from src
// if src has its share already; otherwise the one with the fewest segments, and
// of these the one that has waited longest. So a flood of messages that are
// never finished displaces its own messages, while a message that is really
// being received gets its second segment before the flood reaches it.
func (r *reassemblies) claim(src mesh.Address) (slot *reassembly, evicted bool) {
	var done, own, victim *reassembly
	count := 0
	for i := range r.slots {
		s := &r.slots[i]
		switch {
		case !s.used:
			slot = s
		case s.complete:
			if done == nil || s.changed.Before(done.changed) {
				done = s
			}
		default:
			if s.src == src {
				count++
				if own == nil || s.changed.Before(own.changed) {
					own = s
				}
			}
			if victim == nil || s.weaker(victim) {
				victim = s
			}
		}
	}
	switch {
	case count >= r.perSource:
		return own, true
	case slot != nil:
		return slot, false
	case done != nil:
		return done, false
	default:
		return victim, true
	}
}

// weaker reports whether r should be dropped rather than other.
func (r *reassembly) weaker(other *reassembly) bool {
	a, b := bits.OnesCount32(r.received), bits.OnesCount32(other.received)
	return a < b || a == b && r.changed.Before(other.changed)
}

// start prepares the slot for the message of a segment.
func (r *reassembly) start(auth seqAuth, p *network.PDU, s *segment, w purpose) {
	*r = reassembly{
		used: true, src: p.Src, dst: p.Dst, auth: auth, netKey: p.NetKey,
		ctl: p.CTL, szmic: s.szmic, first: s.first, n: s.n,
		purpose: w, octets: r.octets, numbers: r.numbers,
	}
}

// agrees reports whether a segment is consistent with the earlier ones.
func (r *reassembly) agrees(p *network.PDU, s *segment) bool {
	return r.netKey == p.NetKey && r.ctl == p.CTL && r.szmic == s.szmic && r.first == s.first && r.n == s.n
}

// upper returns the reassembled upper transport PDU.
func (r *reassembly) upper() []byte {
	return r.octets[:int(r.n)*segmentSize(r.ctl)+int(r.last)]
}

// free releases the slot.
func (r *reassembly) free() { *r = reassembly{octets: r.octets, numbers: r.numbers} }

// isAcknowledged reports whether this node acknowledges the message.
func (r *reassembly) isAcknowledged() bool { return r.dst.IsUnicast() && !r.purpose.quiet }

// receiveSegment handles a segment (table 3.24).
func (l *Layer) receiveSegment(now time.Time, p *network.PDU, w purpose, out *Output) {
	s, ok := parseSegment(p.Transport, p.CTL)
	if !ok {
		l.counters.Malformed++
		return
	}
	auth, ok := seqAuthOfSegment(p.IVIndex, p.Seq, s.seqZero)
	if !ok {
		l.counters.Malformed++
		return
	}
	slot := l.reassemblies.find(p.Src, p.Dst)
	switch {
	case slot == nil || auth > slot.auth:
		slot = l.firstSegment(now, auth, p, &s, w, slot, out)
	case auth < slot.auth:
		l.counters.OldSegment++
		return
	case !slot.agrees(p, &s):
		l.counters.Contradictory++
		return
	case slot.complete:
		l.counters.RepeatedSegment++
		l.acknowledgeAgain(now, slot, out)
		return
	case slot.received&(1<<s.o) != 0:
		l.counters.RepeatedSegment++
		return
	}
	if slot == nil {
		return
	}
	l.storeSegment(now, slot, p, &s, out)
}

// firstSegment finds a slot for a message without segments so far, replacing
// old if that is not nil. It returns nil if the message is not new or cannot be
// accepted.
func (l *Layer) firstSegment(now time.Time, auth seqAuth, p *network.PDU, s *segment, w purpose, old *reassembly, out *Output) *reassembly {
	source := l.replay.find(p.Src)
	switch {
	case source != nil && auth+1 == source.segment:
		// Complete, but another message uses the slot now. The sender did not
		// receive the acknowledgment. No message being received has to make
		// room for it.
		l.counters.RepeatedSegment++
		if slot, evicted := l.reassemblies.claim(p.Src); old == nil && !evicted && p.Dst.IsUnicast() && !w.quiet {
			l.known = false
			slot.start(auth, p, s, w)
			slot.complete, slot.direct, slot.received = true, p.TTL == 0, allSegments(s.n)
			slot.changed, slot.discard = now, now.Add(l.rx.Discard())
			l.acknowledge(now, slot, out)
		}
		return nil
	case source != nil && (auth < source.segment || !w.quiet && seqAuthOf(p.IVIndex, p.Seq) < source.next):
		// A friend delivers a segmented message after it is complete, and after
		// what arrived between its segments.
		l.refuse(p.Src, source, auth, out)
		return nil
	case source == nil && l.replay.full():
		l.counters.ReplayListFull++
		l.reject(now, auth, p, w, out)
		return nil
	}
	slot := old
	if old == nil {
		var evicted bool
		if slot, evicted = l.reassemblies.claim(p.Src); evicted {
			l.counters.Evicted++
		}
	} else if !old.complete {
		l.counters.Superseded++
	}
	slot.start(auth, p, s, w)
	return slot
}

// storeSegment stores a missing segment.
func (l *Layer) storeSegment(now time.Time, slot *reassembly, p *network.PDU, s *segment, out *Output) {
	l.known = false
	copy(slot.octets[int(s.o)*segmentSize(slot.ctl):], s.data)
	if s.o == s.n {
		slot.last = uint8(len(s.data))
	}
	slot.numbers[s.o] = p.Seq
	slot.received |= 1 << s.o
	slot.direct = p.TTL == 0
	slot.changed = now
	slot.discard = now.Add(l.rx.Discard())
	slot.repeats = 0
	if slot.received != allSegments(slot.n) {
		if slot.isAcknowledged() {
			slot.ackAt = now.Add(l.rx.AckDelay(slot.n))
		}
		return
	}
	slot.complete = true
	l.counters.Reassembled++
	if slot.isAcknowledged() {
		l.acknowledge(now, slot, out)
	}
	if slot.purpose.hold {
		out.hold(slot, p.TTL)
	}
	if slot.purpose.elsewhere {
		return
	}
	l.deliver(slot, p, out)
}

// deliver passes a complete message to the upper transport layer.
func (l *Layer) deliver(slot *reassembly, p *network.PDU, out *Output) {
	a := arrival{PDU: p, auth: slot.auth, source: l.replay.find(p.Src), segmented: true}
	if slot.ctl {
		l.deliverControl(&a, slot.first, slot.upper(), out)
	} else {
		l.openAccess(&a, slot.first, slot.szmic, slot.upper(), out)
	}
}

// acknowledgeAgain answers segments of a complete message, but not each of
// them.
func (l *Layer) acknowledgeAgain(now time.Time, slot *reassembly, out *Output) {
	if slot.isAcknowledged() && !now.Before(slot.acked.Add(l.rx.AckPeriod())) {
		l.known = false
		l.acknowledge(now, slot, out)
	}
}

// acknowledge sends a Segment Acknowledgment and schedules its repetitions.
func (l *Layer) acknowledge(now time.Time, slot *reassembly, out *Output) {
	slot.repeats = l.rx.ackRepeats(slot.n)
	l.sendAck(now, slot, out)
}

// sendAck sends a Segment Acknowledgment of the segments received so far.
func (l *Layer) sendAck(now time.Time, slot *reassembly, out *Output) {
	slot.acked, slot.ackAt = now, time.Time{}
	if slot.repeats > 0 {
		slot.ackAt = now.Add(l.rx.SegmentInterval())
	}
	l.emitAck(slot.netKey, slot.purpose.behalf(slot.dst), slot.src, slot.direct,
		ack{obo: slot.purpose.elsewhere, seqZero: slot.auth.zero(), acked: slot.received}, out)
}

// reject informs the source of a segment that there is no room for its message,
// but not more often than one message is acknowledged. A flood must not make a
// node use up its sequence numbers.
func (l *Layer) reject(now time.Time, auth seqAuth, p *network.PDU, w purpose, out *Output) {
	if !p.Dst.IsUnicast() || w.quiet || now.Before(l.rejected.Add(l.rx.AckPeriod())) {
		return
	}
	l.rejected = now
	l.counters.Rejected++
	l.emitAck(p.NetKey, w.behalf(p.Dst), p.Src, p.TTL == 0, ack{obo: w.elsewhere, seqZero: auth.zero()}, out)
}

// emitAck puts a Segment Acknowledgment into the output. A message received
// directly, with TTL 0, is answered directly.
func (l *Layer) emitAck(netKey mesh.KeyIndex, src, dst mesh.Address, direct bool, a ack, out *Output) {
	seq, iv, err := l.seq.Next()
	if err != nil {
		l.counters.NoSequence++
		return
	}
	ttl := l.ttl
	if direct {
		ttl = 0
	}
	l.counters.AcksSent++
	out.pdu(network.PDU{NetKey: netKey, IVIndex: iv, CTL: true, TTL: ttl, Seq: seq, Src: src, Dst: dst},
		0, a.append(l.head[:0]), nil)
}

// tickReassemblies sends the acknowledgments that are due, and drops what has
// waited too long.
func (l *Layer) tickReassemblies(now time.Time, out *Output) {
	for i := range l.reassemblies.slots {
		slot := &l.reassemblies.slots[i]
		switch {
		case !slot.used:
		case deadline.Due(slot.discard, now):
			if !slot.complete {
				l.counters.Discarded++
			}
			slot.free()
		case deadline.Due(slot.ackAt, now):
			if slot.repeats > 0 {
				slot.repeats--
				l.sendAck(now, slot, out)
			} else {
				l.acknowledge(now, slot, out)
			}
		}
	}
}

// dropReassemblies drops the messages from a source.
func (l *Layer) dropReassemblies(src mesh.Address) {
	for i := range l.reassemblies.slots {
		if slot := &l.reassemblies.slots[i]; slot.used && slot.src == src {
			slot.free()
			l.known = false
		}
	}
}
