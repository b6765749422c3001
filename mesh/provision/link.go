package provision

import (
	"encoding/binary"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// Times of PB-ADV. Those of the specification are in sections 5.3.3 and 5.4.4;
// the others are ours.
const (
	openTimeout        = 60 * time.Second // to get a Link Ack
	transactionTimeout = 30 * time.Second // to get an acknowledgement
	protocolTimeout    = 60 * time.Second // without a new provisioning PDU in either direction

	// retryPause is how long after its last advertisement a transaction is
	// sent again. It leaves the peer its random delay of 20 to 50 ms and the
	// time of its own advertisements.
	retryPause = 350 * time.Millisecond

	// openPause is the same for a Link Open. There are devices that with each
	// Link Open they hear begin their answer anew, and then need half a second
	// for it: BlueZ 5.66 never gets to answer one that comes more often.
	openPause = time.Second

	// ackPause is the shortest time between two acknowledgements of the same
	// transaction. The bearer advertises a PDU several times, and each copy
	// that arrives must not be answered with as many of ours.
	ackPause = 150 * time.Millisecond

	// closePause is between the Link Close PDUs, of which the specification
	// wants at least three since nothing acknowledges them.
	closePause = 200 * time.Millisecond
	closeCount = 3

	// maxWrong is how many contradictory segments a link bears. Noise does not
	// make any, the controller drops what its CRC does not like; a peer that
	// goes on like that will not get better in the 30 s that the transaction
	// would last.
	maxWrong = 32
)

// DefaultTransmit is how often the bearer shall advertise a PDU of a link, and
// how far apart.
func DefaultTransmit() bearer.Transmit {
	return bearer.Transmit{Count: 3, Interval: 20 * time.Millisecond}
}

// Counters counts what a session dropped.
type Counters struct {
	Malformed    uint64 // no PB-ADV PDU, or with prohibited values
	Contradicted uint64 // segments that do not fit together
	BadFCS       uint64
	Duplicate    uint64 // known segments and finished transactions
	Stray        uint64 // segments, acknowledgements and control PDUs that nobody waited for
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

type linkState uint8

const (
	linkIdle    linkState = iota
	linkOpening           // provisioner: waits for the Link Ack
	linkOpen
	linkClosing // repeats its Link Close
	linkClosed
)

// happening is what came of an input to a link.
type happening uint8

const (
	nothing        happening = iota
	linkUp                   // the link is open now
	messageCame              // link.message has a provisioning PDU
	peerClosed               // with link.reason
	peerHopeless             // more than maxWrong contradictions
	openExpired              // openTimeout
	sendingExpired           // transactionTimeout
	quietExpired             // protocolTimeout
	closingOver              // the last Link Close was sent
)

// transaction is a provisioning PDU on its way to the peer.
type transaction struct {
	number uint8
	n      uint8 // octets, 0 for no transaction
	pdu    [maxTransaction]byte
}

// link is one side of a PB-ADV link (section 5.3.3). At most one transaction
// is on its way in each direction and one more waits.
type link struct {
	id       uint32
	uuid     mesh.UUID
	transmit bearer.Transmit
	state    linkState
	reason   closeReason // why it was closed
	counters Counters
	wrong    int

	retry    time.Time // when to send again what is unanswered
	expiry   time.Time // when the peer must have answered
	quiet    time.Time // when the protocol times out
	closings int       // Link Close PDUs still to send

	sending transaction
	waiting transaction
	next    uint8 // number of our next transaction

	receiving reassembly
	expected  uint8 // number of the peer's next transaction
	answered  bool  // the transaction before expected is finished and acknowledged
	ackedAt   time.Time
}

// transactionBase is the bit that tells the two directions apart.
const transactionBase = 0x80

// after is the transaction number behind n in its direction.
func after(n uint8) uint8 { return n&transactionBase | (n+1)&^transactionBase }

// before is the transaction number in front of n in its direction.
func before(n uint8) uint8 { return n&transactionBase | (n-1)&^transactionBase }

func newLink(id uint32, uuid mesh.UUID, transmit bearer.Transmit, device bool) link {
	if transmit == (bearer.Transmit{}) {
		transmit = DefaultTransmit()
	}
	l := link{id: id, uuid: uuid, transmit: transmit}
	if device {
		l.next = transactionBase
	} else {
		l.expected = transactionBase
	}
	return l
}

// open sends the first Link Open of a provisioner.
func (l *link) open(now time.Time, out *Output) {
	l.state = linkOpening
	l.expiry = now.Add(openTimeout)
	l.sendOpen(now, out)
}

func (l *link) sendOpen(now time.Time, out *Output) {
	l.retry = now.Add(l.airtime(1) + openPause)
	l.control(out, opLinkOpen, l.uuid[:]...)
}

// accept answers a Link Open as the device.
func (l *link) accept(now time.Time, out *Output) {
	l.state = linkOpen
	l.quiet = now.Add(protocolTimeout)
	l.ackedAt = now
	l.control(out, opLinkAck)
}

// close sends the first Link Close; tick sends the others.
func (l *link) close(now time.Time, reason closeReason, out *Output) {
	if l.state == linkIdle || l.state == linkClosed || l.state == linkClosing {
		if l.state == linkIdle {
			l.state = linkClosed
		}
		return
	}
	l.drop()
	l.cancel(out)
	l.state, l.reason, l.closings = linkClosing, reason, closeCount
	l.sendClose(now, out)
}

// finish is close for who has just acknowledged the last PDU: the
// acknowledgement stays on the air.
func (l *link) finish(now time.Time, out *Output) {
	l.drop()
	l.state, l.reason, l.closings = linkClosing, closeSuccess, closeCount
	l.sendClose(now, out)
}

func (l *link) sendClose(now time.Time, out *Output) {
	l.closings--
	l.retry = now.Add(l.airtime(1) + closePause)
	l.control(out, opLinkClose, byte(l.reason))
}

// drop forgets what was to be sent.
func (l *link) drop() {
	l.sending, l.waiting = transaction{}, transaction{}
	l.expiry, l.quiet = time.Time{}, time.Time{}
}

// send transmits pdu as soon as nothing else is on its way.
func (l *link) send(now time.Time, pdu []byte, out *Output) {
	t := transaction{n: uint8(len(pdu))}
	copy(t.pdu[:], pdu)
	l.quiet = now.Add(protocolTimeout)
	if l.sending.n != 0 {
		l.waiting = t
		return
	}
	l.begin(now, t, out)
}

func (l *link) begin(now time.Time, t transaction, out *Output) {
	t.number = l.next
	l.next = after(l.next)
	l.sending = t
	l.expiry = now.Add(transactionTimeout)
	l.transact(now, out)
}

// transact puts all segments of the present transaction on the air.
func (l *link) transact(now time.Time, out *Output) {
	l.hastenAck(out)
	pdu := l.sending.pdu[:l.sending.n]
	last := lastSegment(len(pdu))
	l.retry = now.Add(l.airtime(int(last)+1) + retryPause)

	// Several segments go round by round, not each of them several times: the
	// peer then has all of them after one round, and its acknowledgement
	// cancels the other rounds.
	rounds, transmit := 1, l.transmit
	if last > 0 {
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

// hastenAck lets an acknowledgement that our own transaction follows at once
// go out a single time. The transaction tells the peer as much, and the other
// copies would hold it up.
func (l *link) hastenAck(out *Output) {
	if len(out.Send) == 0 {
		return
	}
	o := &out.Send[len(out.Send)-1]
	if o.Lane == l.lane() && o.Len == linkHeader+1 && o.Data[linkHeader] == byte(formAck) {
		o.Transmit.Count = 1
	}
}

// delivered ends the present transaction and begins the one that waits.
func (l *link) delivered(now time.Time, out *Output) {
	l.sending = transaction{}
	l.expiry, l.retry = time.Time{}, time.Time{}
	l.cancel(out)
	if l.waiting.n != 0 {
		t := l.waiting
		l.waiting = transaction{}
		l.begin(now, t, out)
	}
}

// message is the provisioning PDU after messageCame, until the next input.
func (l *link) message() []byte { return l.receiving.pdu() }

// receive handles a PDU of this link. Link Open is the device's business.
func (l *link) receive(now time.Time, g *generic, out *Output) happening {
	switch l.state {
	case linkOpen:
	case linkOpening:
		if g.form == formControl && g.high == opLinkAck {
			l.state = linkOpen
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
		l.state, l.reason, l.retry = linkClosed, closeReason(g.data[0]), time.Time{}
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
func (l *link) segment(now time.Time, g *generic, out *Output) happening {
	if l.answered && g.number == before(l.expected) {
		// The peer has not heard our acknowledgement.
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
			// The protocol is a dialogue: this is the answer to what we are
			// still sending, so that has arrived and only its acknowledgement
			// is lost.
			l.delivered(now, out)
		}
		l.acknowledge(now, g.number, l.transmit.Count, out)
		return messageCame
	}
	return nothing
}

func (l *link) tolerate() happening {
	l.wrong++
	if l.wrong > maxWrong {
		return peerHopeless
	}
	return nothing
}

func (l *link) acknowledge(now time.Time, number uint8, count int, out *Output) {
	l.ackedAt = now
	var buffer [linkHeader + 1]byte
	b := append(l.header(buffer[:0], number), byte(formAck))
	transmit := l.transmit
	transmit.Count = count
	out.Send = append(out.Send, bearer.NewOutgoing(bearer.Provisioning, l.lane(), transmit, b))
}

// deadline is when tick has something to do, zero for never.
func (l *link) deadline() time.Time {
	return earliest(earliest(l.retry, l.expiry), l.quiet)
}

// tick retransmits and times out.
func (l *link) tick(now time.Time, out *Output) happening {
	switch {
	case due(l.expiry, now):
		if l.state == linkOpening {
			return openExpired
		}
		return sendingExpired
	case due(l.quiet, now):
		return quietExpired
	case !due(l.retry, now):
		return nothing
	}
	switch l.state {
	case linkOpening:
		l.sendOpen(now, out)
	case linkOpen:
		l.transact(now, out)
	case linkClosing:
		if l.closings > 0 {
			l.sendClose(now, out)
			return nothing
		}
		l.state, l.retry = linkClosed, time.Time{}
		return closingOver
	}
	return nothing
}

// airtime is how long the bearer advertises n PDUs.
func (l *link) airtime(n int) time.Duration {
	return time.Duration(n*l.transmit.Count) * l.transmit.Interval
}

func (l *link) lane() bearer.Lane { return bearer.LinkLane(l.id) }

func (l *link) header(dst []byte, number uint8) []byte {
	return append(binary.BigEndian.AppendUint32(dst, l.id), number)
}

// control appends a bearer control PDU, the transaction number of which is 0.
func (l *link) control(out *Output, op byte, parameters ...byte) {
	var buffer [bearer.MaxPDU]byte
	b := append(l.header(buffer[:0], 0), op<<2|byte(formControl))
	b = append(b, parameters...)
	out.Send = append(out.Send, bearer.NewOutgoing(bearer.Provisioning, l.lane(), l.transmit, b))
}

// cancel withdraws what was sent on the link, also what is still in out.
func (l *link) cancel(out *Output) {
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

func due(deadline, now time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
