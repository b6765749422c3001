package transport

import (
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// transfers are the outgoing segmented messages (section 3.5.3.3), including
// those that wait for their turn.
type transfers struct {
	slots  []transfer
	limit  int // at the same time
	active int
	last   Handle
}

// transferState is the state of a segmented message.
type transferState uint8

const (
	idle    transferState = iota // the slot is free
	waiting                      // for its turn; octets contain the payload
	sending                      // segments are left in this pass
	pausing                      // for an acknowledgment, or before the next pass to a group
)

// transfer is one outgoing segmented message.
type transfer struct {
	state    transferState
	handle   Handle
	src, dst mesh.Address
	label    mesh.UUID
	netKey   mesh.KeyIndex
	key      Key
	ttl      mesh.TTL
	ctl      bool
	szmic    bool
	first    byte // AKF and AID, or opcode
	size     int  // length of the data in octets
	by       *network.Credentials

	auth     seqAuth // of the first segment; the same for all
	n        uint8   // SegN
	o        uint8   // next segment of this pass
	acked    uint32  // by the latest acknowledgment; bit n is set for segment n
	repeated bool    // this is not the first pass

	retries         uint8 // passes left
	withoutProgress uint8 // passes left without anything new being acknowledged

	deadline time.Time
	octets   []byte
}

func (t *transfers) init(slots, limit int) {
	octets := make([]byte, slots*maxUpper)
	t.slots = make([]transfer, slots)
	for i := range t.slots {
		t.slots[i].octets = octets[i*maxUpper : (i+1)*maxUpper : (i+1)*maxUpper]
	}
	t.limit = limit
}

func (t *transfers) count() int {
	n := 0
	for i := range t.slots {
		if t.slots[i].state != idle {
			n++
		}
	}
	return n
}

func (t *transfers) deadline() time.Time {
	var first time.Time
	for i := range t.slots {
		first = deadline.Earliest(first, t.slots[i].deadline)
	}
	return first
}

// isActive reports whether the transfer is being sent.
func (t *transfer) isActive() bool { return t.state == sending || t.state == pausing }

// data returns a segment's part of the upper transport PDU.
func (t *transfer) data(o uint8) []byte {
	size := segmentSize(t.ctl)
	at := int(o) * size
	return t.octets[at:min(at+size, t.size)]
}

// nextMissing advances o to a segment that was not acknowledged. It returns
// false if this pass has none left.
func (t *transfer) nextMissing() bool {
	for ; t.o <= t.n; t.o++ {
		if t.acked&(1<<t.o) == 0 {
			return true
		}
	}
	return false
}

// enqueue adds a segmented message and starts it if no other is in its way.
func (l *Layer) enqueue(now time.Time, m transfer, payload []byte, out *Output) (Handle, error) {
	for i := range l.transfers.slots {
		slot := &l.transfers.slots[i]
		if slot.state != idle {
			continue
		}
		l.transfers.last++
		handle := l.transfers.last
		octets := slot.octets
		*slot = m
		slot.octets, slot.handle, slot.state = octets, handle, waiting
		slot.size = copy(slot.octets, payload)
		l.startWaiting(now, out)
		return handle, nil
	}
	return 0, fmt.Errorf("%w: %d of %d to be sent to %s", ErrFull, len(l.transfers.slots), len(l.transfers.slots), m.dst)
}

// startWaiting starts the messages whose turn it is. They start in the order of
// their calls, and none overtakes another between the same addresses.
func (l *Layer) startWaiting(now time.Time, out *Output) {
	for l.transfers.active < l.transfers.limit {
		t := l.transfers.nextToStart()
		if t == nil {
			return
		}
		l.known = false
		if err := l.start(t); err != nil {
			l.finish(t, Failed, err, out)
			continue
		}
		l.transfers.active++
		l.sendSegment(now, t, out)
	}
}

// nextToStart returns the first waiting message without another one in transit
// between its addresses, nil if there is none.
func (t *transfers) nextToStart() *transfer {
	var next *transfer
	for i := range t.slots {
		s := &t.slots[i]
		if s.state == waiting && (next == nil || s.handle < next.handle) && !t.busy(s.src, s.dst) {
			next = s
		}
	}
	return next
}

func (t *transfers) busy(src, dst mesh.Address) bool {
	for i := range t.slots {
		if s := &t.slots[i]; s.isActive() && s.src == src && s.dst == dst {
			return true
		}
	}
	return false
}

// start assigns a SeqAuth to a message, encrypts it, and prepares its first
// segment.
func (l *Layer) start(t *transfer) error {
	var key sealer
	if !t.ctl {
		var err error
		if key, err = l.sealer(t.key); err != nil {
			return err
		}
		t.first = key.first
	}
	seq, iv, err := l.seq.Next()
	if err != nil {
		return err
	}
	t.auth = seqAuthOf(iv, seq)
	if !t.ctl {
		payload := t.octets[:t.size]
		t.size = len(key.seal(payload[:0], t.key.IsDevice(), t.auth, t.src, t.dst, &t.label, payload, t.szmic))
	}
	t.n = uint8((t.size - 1) / segmentSize(t.ctl))
	t.state = sending
	if t.dst.IsUnicast() {
		t.retries = l.tx.UnicastRetransmissions & nibble
		t.withoutProgress = l.tx.UnicastRetransmissionsWithoutProgress & nibble
	} else {
		t.retries = l.tx.MulticastRetransmissions & nibble
	}
	return nil
}

// sequence takes the sequence number of the next segment. All segments share
// the IV index and the SeqAuth of the message, so neither the IV index nor the
// upper bits of the number may have changed.
func (l *Layer) sequence(t *transfer) (mesh.SequenceNumber, error) {
	if !t.repeated && t.o == 0 {
		return t.auth.seq(), nil
	}
	seq, iv, err := l.seq.Next()
	switch {
	case err != nil:
		return 0, err
	case iv != t.auth.iv():
		return 0, ErrIVIndex
	case seq-t.auth.seq() > seqZeroMask:
		return 0, ErrSeqRange
	default:
		return seq, nil
	}
}

// sendSegment sends the next segment and schedules what follows.
func (l *Layer) sendSegment(now time.Time, t *transfer, out *Output) {
	l.known = false
	if t.nextMissing() {
		seq, err := l.sequence(t)
		if err != nil {
			l.finish(t, Failed, err, out)
			return
		}
		s := segment{first: t.first, szmic: t.szmic, seqZero: t.auth.zero(), o: t.o, n: t.n}
		out.pdu(network.PDU{
			NetKey: t.netKey, IVIndex: t.auth.iv(), CTL: t.ctl, TTL: t.ttl, Seq: seq, Src: t.src, Dst: t.dst,
			By: t.by,
		}, t.handle, s.appendHead(l.head[:0]), t.data(t.o))
		l.counters.SegmentsSent++
		if t.repeated {
			l.counters.SegmentsResent++
		}
		t.o++
	}
	if t.nextMissing() {
		t.deadline = now.Add(max(l.tx.SegmentInterval(), l.airtime))
		return
	}
	t.state = pausing
	if t.dst.IsUnicast() {
		t.deadline = now.Add(l.airtime + l.tx.UnicastInterval(uint8(t.ttl)))
	} else {
		t.deadline = now.Add(l.airtime + l.tx.MulticastInterval())
	}
}

// sendAgain begins another pass over the missing segments.
func (l *Layer) sendAgain(now time.Time, t *transfer, out *Output) {
	t.retries--
	t.state, t.o, t.repeated = sending, 0, true
	l.sendSegment(now, t, out)
}

// tickTransfers sends the segments that are due and ends what has waited too
// long.
func (l *Layer) tickTransfers(now time.Time, out *Output) {
	for i := range l.transfers.slots {
		t := &l.transfers.slots[i]
		unicast := t.dst.IsUnicast()
		switch {
		case !t.isActive() || !deadline.Due(t.deadline, now):
		case t.state == sending:
			l.sendSegment(now, t, out)
		case unicast && t.retries > 0 && t.withoutProgress > 0:
			t.withoutProgress--
			l.sendAgain(now, t, out)
		case unicast:
			l.finish(t, TimedOut, nil, out)
		case t.retries > 0:
			l.sendAgain(now, t, out)
		default:
			l.finish(t, Sent, nil, out)
		}
	}
	l.startWaiting(now, out)
}

// finish reports the result of a message and frees its slot.
func (l *Layer) finish(t *transfer, r Result, err error, out *Output) {
	if t.isActive() {
		l.transfers.active--
	}
	l.known = false
	l.counters.Results[r]++
	out.Done = append(out.Done, Delivery{Message: t.handle, Src: t.src, Dst: t.dst, Result: r, Err: err})
	*t = transfer{octets: t.octets}
}

// receiveAck handles a Segment Acknowledgment (section 3.5.3.3.2).
func (l *Layer) receiveAck(now time.Time, p *network.PDU, out *Output) {
	a, ok := parseAck(p.Transport)
	if !ok {
		l.counters.Malformed++
		return
	}
	arrived, ok := l.fresh(p, out)
	if !ok {
		return
	}
	t := l.transfers.acknowledged(p, a)
	if t == nil {
		l.counters.StrayAck++
		return
	}
	acked := a.acked & allSegments(t.n)
	progress := acked&^t.acked != 0
	if a.acked != 0 && acked == t.acked {
		l.counters.StrayAck++
		return
	}
	if !l.accept(&arrived, out) {
		return
	}
	l.counters.AcksReceived++
	// An acknowledgment lists everything that has arrived, and the replay list
	// accepts no older one after a newer. If it revokes an earlier
	// acknowledgment, the node has restarted or had to make room. Combining
	// them, as the specification would, reports messages as delivered that the
	// destination never had completely.
	t.acked = acked
	switch {
	case a.acked == 0:
		l.finish(t, Refused, nil, out)
	case acked == allSegments(t.n) && a.obo:
		l.finish(t, DeliveredToFriend, nil, out)
	case acked == allSegments(t.n):
		l.finish(t, Delivered, nil, out)
	default:
		l.resume(now, t, progress, out)
		return
	}
	l.startWaiting(now, out)
}

// resume continues a message after an acknowledgment of some of its segments.
func (l *Layer) resume(now time.Time, t *transfer, progress bool, out *Output) {
	if progress {
		t.withoutProgress = l.tx.UnicastRetransmissionsWithoutProgress & nibble
	}
	if t.state != pausing || t.retries == 0 || t.withoutProgress == 0 {
		return
	}
	if !progress {
		t.withoutProgress--
	}
	l.sendAgain(now, t, out)
}

// acknowledged returns the message that an acknowledgment is for (table 3.23).
func (t *transfers) acknowledged(p *network.PDU, a ack) *transfer {
	for i := range t.slots {
		s := &t.slots[i]
		if s.isActive() && s.src == p.Dst && s.dst.IsUnicast() && (s.dst == p.Src || a.obo) &&
			s.auth.zero() == a.seqZero && s.netKey == p.NetKey {
			return s
		}
	}
	return nil
}
