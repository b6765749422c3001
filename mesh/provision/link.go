package provision

import (
	"encoding/binary"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
)

// Times of PB-ADV. Those of the specification are in sections 5.3.3 and 5.4.4;
// the others are our choice.
const (
	openTimeout        = 60 * time.Second // to receive a Link Ack
	transactionTimeout = 30 * time.Second // to receive an acknowledgement
	protocolTimeout    = 60 * time.Second // without a new provisioning PDU in either direction

	// retryPause is the time from its last advertisement until a transaction is
	// sent again. It leaves the peer its random delay of 20 to 50 ms and the
	// time of its own advertisements.
	retryPause = 200 * time.Millisecond

	// firstPace is how long a paced link waits for an answer before it sends
	// again, while it has no measurements: the random delay of both sides and
	// the time on the air. Later it uses the measured response time plus half,
	// within limits.
	firstPace = 180 * time.Millisecond
	leastPace = 110 * time.Millisecond
	mostPace  = 500 * time.Millisecond

	// openPause is the same for a Link Open, except for the first ones, of
	// which most devices receive at least one. Some devices restart their
	// answer at each Link Open, and then need half a second for it: BlueZ 5.66
	// never answers one that is repeated faster.
	openPause     = time.Second
	frequentOpens = 2

	// ackPause is the shortest time between two acknowledgements of the same
	// transaction. The bearer transmits a PDU several times, and each received
	// copy must not cause as many acknowledgements.
	ackPause = 150 * time.Millisecond

	// closePause is the time between the Link Close PDUs. The specification
	// requires at least three, because they are not acknowledged.
	closePause = 200 * time.Millisecond
	closeCount = 3

	// maxWrong is how many inconsistent segments a link tolerates. Noise causes
	// none, because the controller drops what fails its CRC. A peer that sends
	// so many will not improve in the 30 s of the transaction.
	maxWrong = 32
)

// DefaultTransmit is how often and at which interval the bearer should transmit
// a PDU of a link.
func DefaultTransmit() bearer.Transmit {
	return bearer.Transmit{Count: 3, Interval: 20 * time.Millisecond}
}

// Counters counts what a session dropped.
type Counters struct {
	Malformed    uint64 // invalid PB-ADV PDUs, or prohibited values
	Contradicted uint64 // inconsistent segments
	BadFCS       uint64
	Duplicate    uint64 // known segments and finished transactions
	Stray        uint64 // unexpected segments, acknowledgements and control PDUs
}

func (c Counters) plus(d Counters) Counters {
	return Counters{
		Malformed:    c.Malformed + d.Malformed,
		Contradicted: c.Contradicted + d.Contradicted,
		BadFCS:       c.BadFCS + d.BadFCS,
		Duplicate:    c.Duplicate + d.Duplicate,
		Stray:        c.Stray + d.Stray,
	}
}

// transaction is a provisioning PDU in transit to the peer.
type transaction struct {
	number uint8
	n      uint8 // octets; 0 for no transaction
	pdu    [maxTransaction]byte
}

// advertisedLink is one side of a PB-ADV link (section 5.3.3). In each
// direction at most one transaction is in transit and two more can wait.
type advertisedLink struct {
	linkState
	uuid     mesh.UUID
	transmit bearer.Transmit

	retry    time.Time // when to repeat what is unanswered
	expiry   time.Time // when the peer must have answered
	quiet    time.Time // when the protocol times out
	closings int       // Link Close PDUs still to be sent

	// A link that shares its radio with others is paced: it sends each PDU
	// once, and repeats it only if no answer arrives, where otherwise the radio
	// would repeat it. With ten links at once most copies would be useless, and
	// while the radio sends it does not receive.
	paced   bool
	pace    time.Duration // how long to wait for an answer
	sentAt  time.Time     // first transmission of the PDUs in transit
	resends int           // how often they were repeated

	sending transaction
	waiting [2]transaction // in order, without gaps
	next    uint8          // number of this side's next transaction

	receiving reassembly
	expected  uint8 // number of the peer's next transaction
	answered  bool  // the transaction before expected is finished and acknowledged
	ackedAt   time.Time
}

// transactionBase is the bit that distinguishes the two directions.
const transactionBase = 0x80

// after is the transaction number after n in its direction.
func after(n uint8) uint8 { return n&transactionBase | (n+1)&^transactionBase }

// before is the transaction number before n in its direction.
func before(n uint8) uint8 { return n&transactionBase | (n-1)&^transactionBase }

func newAdvertisedLink(id uint32, uuid mesh.UUID, transmit bearer.Transmit, device bool) *advertisedLink {
	if transmit == (bearer.Transmit{}) {
		transmit = DefaultTransmit()
	}
	l := &advertisedLink{linkState: linkState{id: id}, uuid: uuid, transmit: transmit}
	if device {
		l.next = transactionBase
	} else {
		l.expected = transactionBase
		l.pace = firstPace
	}
	return l
}

// plan sets when the n PDUs sent now are repeated unless an answer arrives
// first.
func (l *advertisedLink) plan(now time.Time, n int) {
	if !l.paced {
		l.retry = now.Add(l.airtime(n) + retryPause)
		return
	}
	wait := l.pace
	for range l.resends {
		wait = min(wait+wait/2, mostPace)
	}
	l.retry = now.Add(wait)
}

// answer measures the response time. An answer to a repeated PDU is not used.
func (l *advertisedLink) answer(now time.Time) {
	if l.resends == 0 && !l.sentAt.IsZero() {
		const weight = 4 // weight of the previous value
		took := now.Sub(l.sentAt)
		l.pace = min(max((weight*l.pace+2*took)/(weight+1), leastPace), mostPace)
	}
	l.sentAt, l.resends = time.Time{}, 0
}

// open sends the first Link Open of a provisioner.
func (l *advertisedLink) open(now time.Time, out *Output) {
	l.phase = linkOpening
	l.expiry = now.Add(openTimeout)
	l.sentAt = now
	l.sendOpen(now, out)
}

func (l *advertisedLink) sendOpen(now time.Time, out *Output) {
	if l.resends < frequentOpens {
		l.plan(now, 1)
	} else {
		l.retry = now.Add(l.airtime(1) + openPause)
	}
	l.control(out, opLinkOpen, l.uuid[:]...)
}

// accept answers a Link Open as the device.
func (l *advertisedLink) accept(now time.Time, out *Output) {
	l.phase = linkOpen
	l.quiet = now.Add(protocolTimeout)
	l.ackedAt = now
	l.control(out, opLinkAck)
}

// close sends the first Link Close; tick sends the others.
func (l *advertisedLink) close(now time.Time, reason closeReason, out *Output) {
	if l.phase == linkIdle || l.phase == linkClosed || l.phase == linkClosing {
		if l.phase == linkIdle {
			l.phase = linkClosed
		}
		return
	}
	l.drop()
	l.cancel(out)
	l.phase, l.reason, l.closings = linkClosing, reason, closeCount
	l.sendClose(now, out)
}

// finish is close on the side that has just acknowledged the last PDU: the
// acknowledgement stays on the air.
func (l *advertisedLink) finish(now time.Time, out *Output) {
	l.drop()
	l.phase, l.reason, l.closings = linkClosing, closeSuccess, closeCount
	l.sendClose(now, out)
}

func (l *advertisedLink) sendClose(now time.Time, out *Output) {
	l.closings--
	l.retry = now.Add(l.airtime(1) + closePause)
	l.control(out, opLinkClose, byte(l.reason))
}

// drop discards what was to be sent.
func (l *advertisedLink) drop() {
	l.sending, l.waiting = transaction{}, [2]transaction{}
	l.expiry, l.quiet = time.Time{}, time.Time{}
}

// send transmits pdu as soon as nothing else is in transit.
func (l *advertisedLink) send(now time.Time, pdu []byte, out *Output) {
	t := transaction{n: uint8(len(pdu))}
	copy(t.pdu[:], pdu)
	l.quiet = now.Add(protocolTimeout)
	if l.sending.n != 0 {
		for i := range l.waiting {
			if l.waiting[i].n == 0 {
				l.waiting[i] = t
				return
			}
		}
		return // the protocol never sends so much at once
	}
	l.begin(now, t, out)
}

func (l *advertisedLink) begin(now time.Time, t transaction, out *Output) {
	t.number = l.next
	l.next = after(l.next)
	l.sending = t
	l.sentAt, l.resends = now, 0
	l.expiry = now.Add(transactionTimeout)
	l.transact(now, out)
}

// transact transmits all segments of the current transaction.
func (l *advertisedLink) transact(now time.Time, out *Output) {
	l.shortenAck(out)
	pdu := l.sending.pdu[:l.sending.n]
	last := lastSegment(len(pdu))
	l.plan(now, int(last)+1)

	// Several segments are sent round by round, instead of each one several
	// times. The peer has all of them after one round, and its acknowledgement
	// cancels the other rounds.
	rounds, transmit := 1, l.transmit
	switch {
	case l.paced:
		// After one loss, another would cost the same time again.
		rounds, transmit.Count = min(1+l.resends, transmit.Count), 1
	case last > 0:
		rounds, transmit.Count = transmit.Count, 1
	}
	var buffer [bearer.MaxPDU]byte
	for range rounds {
		for index := uint8(0); index <= last; index++ {
			b := l.header(buffer[:0], l.sending.number)
			b = appendSegment(b, pdu, index)
			out.Send = append(out.Send, bearer.NewOutgoing(bearer.Provisioning, l.lane(), transmit, b))
		}
	}
}

// shortenAck makes an acknowledgement that this side's own transaction follows
// immediately go out only once. The transaction has the same meaning for the
// peer, and the other copies would delay it.
func (l *advertisedLink) shortenAck(out *Output) {
	if len(out.Send) == 0 {
		return
	}
	o := &out.Send[len(out.Send)-1]
	if o.Lane == l.lane() && o.Len == linkHeader+1 && o.Data[linkHeader] == byte(formAck) {
		o.Transmit.Count = 1
	}
}

// delivered ends the current transaction and begins the next.
func (l *advertisedLink) delivered(now time.Time, out *Output) {
	l.answer(now)
	l.sending = transaction{}
	l.expiry, l.retry = time.Time{}, time.Time{}
	l.cancel(out)
	if t := l.waiting[0]; t.n != 0 {
		l.waiting = [2]transaction{l.waiting[1]}
		l.begin(now, t, out)
	}
}

// message returns the provisioning PDU after messageCame, until the next input.
func (l *advertisedLink) message() []byte { return l.receiving.pdu() }

// receive handles a PDU of this link. The device handles Link Open.
func (l *advertisedLink) receive(now time.Time, g *generic, out *Output) happening {
	switch l.phase {
	case linkOpen:
	case linkOpening:
		if g.form == formControl && g.high == opLinkAck {
			l.phase = linkOpen
			l.answer(now)
			l.retry, l.expiry = time.Time{}, time.Time{}
			l.quiet = now.Add(protocolTimeout)
			l.cancel(out)
			return linkUp
		}
		if g.form != formControl || g.high != opLinkClose {
			l.counters.Stray++
			return nothing
		}
	default:
		l.counters.Stray++
		return nothing
	}
	switch g.form {
	case formControl:
		if g.high != opLinkClose {
			l.counters.Stray++
			return nothing
		}
		l.drop()
		l.cancel(out)
		l.phase, l.reason, l.retry = linkClosed, closeReason(g.data[0]), time.Time{}
		return peerClosed
	case formAck:
		if l.sending.n == 0 || g.number != l.sending.number {
			l.counters.Stray++
			return nothing
		}
		l.delivered(now, out)
		return nothing
	default:
		return l.segment(now, g, out)
	}
}

// segment handles a start or continuation PDU.
func (l *advertisedLink) segment(now time.Time, g *generic, out *Output) happening {
	if l.answered && g.number == before(l.expected) {
		// The peer has not received our acknowledgement.
		l.counters.Duplicate++
		if now.Sub(l.ackedAt) >= ackPause {
			l.acknowledge(now, g.number, l.transmit.Count, out)
		}
		return nothing
	}
	if g.number != l.expected {
		l.counters.Stray++
		return nothing
	}
	var v verdict
	if g.form == formStart {
		v = l.receiving.start(g)
	} else {
		v = l.receiving.continuation(g)
	}
	switch v {
	case segmentKnown:
		l.counters.Duplicate++
	case segmentEarly:
		l.counters.Stray++
	case segmentWrong:
		l.counters.Contradicted++
		return l.tolerate()
	case segmentsBad:
		l.counters.BadFCS++
		return l.tolerate()
	case segmentsDone:
		l.answered, l.expected = true, after(l.expected)
		l.quiet = now.Add(protocolTimeout)
		if l.sending.n != 0 {
			// The protocol is a dialogue: this answers what is still being
			// sent. So that has arrived, and only its acknowledgement is lost.
			l.delivered(now, out)
		}
		l.acknowledge(now, g.number, l.transmit.Count, out)
		return messageCame
	}
	return nothing
}

func (l *advertisedLink) tolerate() happening {
	l.wrong++
	if l.wrong > maxWrong {
		return peerHopeless
	}
	return nothing
}

func (l *advertisedLink) acknowledge(now time.Time, number uint8, count int, out *Output) {
	l.ackedAt = now
	var buffer [linkHeader + 1]byte
	b := append(l.header(buffer[:0], number), byte(formAck))
	transmit := l.transmit
	transmit.Count = count
	out.Send = append(out.Send, bearer.NewOutgoing(bearer.Provisioning, l.lane(), transmit, b))
}

// deadline is when tick has to be called, zero for never.
func (l *advertisedLink) deadline() time.Time {
	return deadline.Earliest(deadline.Earliest(l.retry, l.expiry), l.quiet)
}

// tick retransmits and times out.
func (l *advertisedLink) tick(now time.Time, out *Output) happening {
	switch {
	case deadline.Due(l.expiry, now):
		if l.phase == linkOpening {
			return openExpired
		}
		return sendingExpired
	case deadline.Due(l.quiet, now):
		return quietExpired
	case !deadline.Due(l.retry, now):
		return nothing
	}
	switch l.phase {
	case linkOpening:
		l.resends++
		l.sendOpen(now, out)
	case linkOpen:
		l.resends++
		l.transact(now, out)
	case linkClosing:
		if l.closings > 0 {
			l.sendClose(now, out)
			return nothing
		}
		l.phase, l.retry = linkClosed, time.Time{}
		return closingOver
	}
	return nothing
}

// airtime is how long the bearer advertises n PDUs.
func (l *advertisedLink) airtime(n int) time.Duration {
	return time.Duration(n*l.transmit.Count) * l.transmit.Interval
}

func (l *advertisedLink) lane() bearer.Lane { return bearer.LinkLane(l.id) }

func (l *advertisedLink) header(dst []byte, number uint8) []byte {
	return append(binary.BigEndian.AppendUint32(dst, l.id), number)
}

// control appends a bearer control PDU, whose transaction number is 0.
func (l *advertisedLink) control(out *Output, op byte, parameters ...byte) {
	var buffer [bearer.MaxPDU]byte
	b := append(l.header(buffer[:0], 0), op<<2|byte(formControl))
	b = append(b, parameters...)
	transmit := l.transmit
	if l.paced {
		transmit.Count = 1
	}
	out.Send = append(out.Send, bearer.NewOutgoing(bearer.Provisioning, l.lane(), transmit, b))
}

// cancel withdraws what was sent on the link, including what is still in out.
func (l *advertisedLink) cancel(out *Output) {
	lane := l.lane()
	kept := out.Send[:0]
	for _, o := range out.Send {
		if o.Lane != lane {
			kept = append(kept, o)
		}
	}
	out.Send = kept
	for _, c := range out.Cancel {
		if c == lane {
			return
		}
	}
	out.Cancel = append(out.Cancel, lane)
}
