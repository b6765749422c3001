package provision

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

const testLink = 0x23AF5850

// openDevice is a device with an open link.
func openDevice(t testing.TB) *Device {
	t.Helper()
	d := plainSetup().device(t)
	var out Output
	d.Receive(testStart, linkOpenPDU(testLink), &out)
	if !d.Linked() || len(out.Send) != 1 {
		t.Fatal("the device did not accept the link")
	}
	return d
}

func linkOpenPDU(id uint32) []byte {
	l := advertisedLink{linkState: linkState{id: id}}
	return append(append(l.header(nil, 0), opLinkOpen<<2|byte(formControl)), testUUID[:]...)
}

func linkClosePDU(id uint32, reason closeReason) []byte {
	l := advertisedLink{linkState: linkState{id: id}}
	return append(l.header(nil, 0), opLinkClose<<2|byte(formControl), byte(reason))
}

func ackPDU(id uint32, number uint8) []byte {
	l := advertisedLink{linkState: linkState{id: id}}
	return append(l.header(nil, number), byte(formAck))
}

// startPDU is a start PDU with arbitrary fields.
func startPDU(number, segN uint8, total uint16, fcs uint8, data []byte) []byte {
	l := advertisedLink{linkState: linkState{id: testLink}}
	return append(append(l.header(nil, number), segN<<2|byte(formStart), byte(total>>8), byte(total), fcs), data...)
}

func continuationPDU(number, index uint8, data []byte) []byte {
	l := advertisedLink{linkState: linkState{id: testLink}}
	return append(append(l.header(nil, number), index<<2|byte(formContinuation)), data...)
}

// TestStartContradictions tries every SegN with every relevant total length and
// every length of data: only what a sender following section 5.3.3 produces is
// accepted.
func TestStartContradictions(t *testing.T) {
	totals := []uint16{100, 255, 256, 512, 1469, 1470, 65535}
	for total := range uint16(2 * maxTransaction) {
		totals = append(totals, total)
	}
	taken := 0
	for segN := range uint8(64) {
		for _, total := range totals {
			for size := range startRoom + 1 {
				pdu := startPDU(0, segN, total, 0, make([]byte, size))
				g, ok := parse(pdu)
				if !ok {
					if size != 0 {
						t.Fatalf("SegN %d, total %d, %d octets: not parsed", segN, total, size)
					}
					continue
				}
				var r reassembly
				v := r.start(&g)
				// The capacity of SegN+1 segments is 20+23*SegN; the last one
				// has at least one octet.
				capacity := 20 + 23*int(segN)
				honest := total >= 1 && total <= maxTransaction &&
					int(total) <= capacity && (segN == 0 || int(total) > capacity-23) &&
					(size == int(total) || size == 20 && total > 20)
				if (v != segmentWrong) != honest {
					t.Errorf("SegN %d, total %d, %d octets: verdict %d, honest %t", segN, total, size, v, honest)
				}
				if honest {
					taken++
				} else if r.started {
					t.Errorf("SegN %d, total %d, %d octets: rejected, but a transaction began", segN, total, size)
				}
			}
		}
	}
	if taken != maxTransaction {
		t.Errorf("%d starts accepted, want one for each length from 1 to %d", taken, maxTransaction)
	}
}

// TestContinuationContradictions does the same for each index and length after
// each start, in and out of order.
func TestContinuationContradictions(t *testing.T) {
	for total := 1; total <= maxTransaction; total++ {
		whole := bytes.Repeat([]byte{0x5A}, total)
		lastIndex := lastSegment(total)
		for index := range uint8(64) {
			for size := 0; size <= continuationRoom; size++ {
				g, ok := parse(continuationPDU(0, index, make([]byte, size)))
				if !ok {
					if size != 0 {
						t.Fatalf("index %d, %d octets: not parsed", index, size)
					}
					continue
				}
				var early reassembly
				if v := early.continuation(&g); v != segmentEarly || early.started {
					t.Fatalf("index %d before the start: verdict %d", index, v)
				}
				first, _ := parse(startPDU(0, lastIndex, uint16(total), checksum(whole), whole[:min(total, 20)]))
				var r reassembly
				if v := r.start(&first); lastIndex == 0 && v != segmentsDone || lastIndex > 0 && v != segmentTaken {
					t.Fatalf("start of %d octets: verdict %d", total, v)
				}
				want := segmentWrong
				switch {
				case lastIndex == 0:
					want = segmentEarly // that transaction is complete
				case index >= 1 && index <= lastIndex:
					if from := 20 + 23*(int(index)-1); size == min(23, total-from) {
						want = segmentTaken
						if lastIndex == 1 {
							want = segmentsBad // the octets are zeros
						}
					}
				}
				if v := r.continuation(&g); v != want {
					t.Errorf("total %d, index %d, %d octets: verdict %d, want %d", total, index, size, v, want)
				}
			}
		}
	}
}

func TestReassemblyOrder(t *testing.T) {
	pdu := make([]byte, maxTransaction)
	for i := range pdu {
		pdu[i] = byte(i)
	}
	segments := segmented(testLink, 0, pdu)
	tests := []struct {
		order []int
		want  []verdict
	}{
		{[]int{0, 1, 2}, []verdict{segmentTaken, segmentTaken, segmentsDone}},
		{[]int{0, 2, 1}, []verdict{segmentTaken, segmentTaken, segmentsDone}},
		{[]int{2, 1, 0, 1, 2}, []verdict{segmentEarly, segmentEarly, segmentTaken, segmentTaken, segmentsDone}},
		{[]int{0, 0, 1, 1, 0, 2}, []verdict{segmentTaken, segmentKnown, segmentTaken, segmentKnown, segmentKnown, segmentsDone}},
		{[]int{0, 1, 2, 1}, []verdict{segmentTaken, segmentTaken, segmentsDone, segmentEarly}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.order), func(t *testing.T) {
			var r reassembly
			for i, index := range tt.order {
				g, _ := parse(segments[index])
				var v verdict
				if index == 0 {
					v = r.start(&g)
				} else {
					v = r.continuation(&g)
				}
				if v != tt.want[i] {
					t.Fatalf("segment %d at %d: verdict %d, want %d", index, i, v, tt.want[i])
				}
				if v == segmentsDone {
					same(t, "transaction", r.pdu(), pdu)
				}
			}
		})
	}
}

func TestContradictingStartBeginsAnew(t *testing.T) {
	d := openDevice(t)
	key := append([]byte{typePublicKey}, make([]byte, 64)...)
	forged := startPDU(0, 2, 65, 0xEE, bytes.Repeat([]byte{0xFF}, 20))
	var out Output
	d.Receive(testStart, forged, &out)
	for _, pdu := range segmented(testLink, 0, key) {
		d.Receive(testStart, pdu, &out)
	}
	if d.Counters().Contradicted != 1 {
		t.Errorf("counters %+v", d.Counters())
	}
	if e := last(out.Events); e.Failure == nil || e.Failure.Code != FailUnexpectedPDU {
		t.Errorf("the real transaction did not arrive after a forged start: %+v", e)
	}
}

func TestHopelessPeer(t *testing.T) {
	d := openDevice(t)
	var out Output
	for i := range maxWrong + 1 {
		if len(out.Events)+len(out.Send) != 0 {
			t.Fatalf("gave up after %d contradictions", i)
		}
		d.Receive(testStart, startPDU(0, 5, 30, 0, make([]byte, 20)), &out)
	}
	if e := last(out.Events); e.Failure == nil || e.Failure.Code != FailSegments {
		t.Fatalf("event %+v", e)
	}
	if g, _ := parse(out.Send[0].PDU()); g.form != formControl || g.high != opLinkClose || closeReason(g.data[0]) != closeFail {
		t.Errorf("sent %x", out.Send[0].PDU())
	}
}

func TestBadFCSIsNotAcknowledged(t *testing.T) {
	d := openDevice(t)
	var out Output
	d.Receive(testStart, startPDU(0, 0, 2, checksum([]byte{0, 0})^1, []byte{0, 0}), &out)
	if len(out.Send) != 0 || d.Counters().BadFCS != 1 {
		t.Errorf("sent %d, %+v", len(out.Send), d.Counters())
	}
	d.Receive(testStart, startPDU(0, 0, 2, checksum([]byte{0, 0}), []byte{0, 0}), &out)
	if len(out.Send) == 0 {
		t.Error("the valid one is not accepted afterwards")
	}
}

func TestTransactionNumbersWrap(t *testing.T) {
	for n, want := range map[uint8]uint8{0x00: 0x01, 0x7F: 0x00, 0x80: 0x81, 0xFF: 0x80} {
		if got := after(n); got != want {
			t.Errorf("after %#02x: %#02x, want %#02x", n, got, want)
		}
		if got := before(want); got != n {
			t.Errorf("before %#02x: %#02x, want %#02x", want, got, n)
		}
	}
}

// TestTransactionNumbers: only the next transaction is accepted, and only the
// last one is acknowledged again.
func TestTransactionNumbers(t *testing.T) {
	for number := range 256 {
		if number == 0 {
			continue
		}
		d := openDevice(t)
		var out Output
		for _, pdu := range segmented(testLink, uint8(number), Append(nil, Invite{})) {
			d.Receive(testStart, pdu, &out)
		}
		if len(out.Send)+len(out.Events) != 0 {
			t.Errorf("transaction %#02x was accepted as the first", number)
		}
	}
}

func TestFinishedTransactionIsAcknowledgedAgain(t *testing.T) {
	d := openDevice(t)
	invite := segmented(testLink, 0, Append(nil, Invite{}))[0]
	var out Output
	d.Receive(testStart, invite, &out)
	out.Reset()
	d.Receive(testStart.Add(ackPause-1), invite, &out)
	if len(out.Send) != 0 {
		t.Error("each advertised copy is acknowledged")
	}
	d.Receive(testStart.Add(ackPause), invite, &out)
	if len(out.Send) != 1 || !bytes.Equal(out.Send[0].PDU(), ackPDU(testLink, 0)) || len(out.Events) != 0 {
		t.Errorf("sent %v, events %v", distinct(out.Send), out.Events)
	}
}

func TestStrayAcknowledgements(t *testing.T) {
	d := openDevice(t)
	var out Output
	d.Receive(testStart, ackPDU(testLink, 0x80), &out) // nothing is in transit
	d.Receive(testStart, segmented(testLink, 0, Append(nil, Invite{}))[0], &out)
	out.Reset()
	for n := range 256 {
		if n != 0x80 {
			d.Receive(testStart, ackPDU(testLink, uint8(n)), &out)
		}
	}
	if len(out.Cancel) != 0 || d.Counters().Stray != 256 {
		t.Errorf("cancelled %v, %+v", out.Cancel, d.Counters())
	}
	d.Receive(testStart, ackPDU(testLink, 0x80), &out)
	if len(out.Cancel) != 1 {
		t.Error("the acknowledgement of the transaction in transit is not accepted")
	}
}

func TestOneLinkAtATime(t *testing.T) {
	d := openDevice(t)
	var out Output
	d.Receive(testStart, linkOpenPDU(testLink+1), &out)
	if len(out.Send) != 0 {
		t.Error("a second link was acknowledged")
	}
	d.Receive(testStart.Add(ackPause), linkOpenPDU(testLink), &out)
	if len(out.Send) != 1 {
		t.Error("a repeated Link Open was not acknowledged again")
	}
	d.Receive(testStart, linkClosePDU(testLink+1, closeFail), &out)
	if !d.Linked() {
		t.Error("a Link Close of another link closed this one")
	}
	out.Reset()
	d.Receive(testStart, linkClosePDU(testLink, closeFail), &out)
	if e := last(out.Events); d.Linked() || e.Failure == nil || e.Failure.Code != FailLinkClosed {
		t.Errorf("link close: %+v", e)
	}
	out.Reset()
	d.Receive(testStart, linkOpenPDU(testLink), &out)
	if d.Linked() {
		t.Error("a late copy of the Link Open opened the link again")
	}
	d.Receive(testStart, linkOpenPDU(testLink+1), &out)
	if !d.Linked() {
		t.Error("a new link is not accepted after a failure")
	}
	other := linkOpenPDU(testLink)
	other[len(other)-1] ^= 1
	d = plainSetup().device(t)
	d.Receive(testStart, other, &out)
	if d.Linked() {
		t.Error("the device accepted a link for another UUID")
	}
}

func TestMalformedPDUs(t *testing.T) {
	good := [][]byte{linkOpenPDU(testLink), linkClosePDU(testLink, 0), ackPDU(testLink, 0), startPDU(0, 0, 1, 0, []byte{1}), continuationPDU(0, 1, []byte{1})}
	for _, pdu := range good {
		if _, ok := parse(pdu); !ok {
			t.Errorf("%x refused", pdu)
		}
	}
	bad := map[string][]byte{
		"nothing":                    nil,
		"link only":                  {1, 2, 3, 4, 0},
		"too long":                   make([]byte, bearer.MaxPDU+1),
		"open without UUID":          linkOpenPDU(testLink)[:21],
		"open with extra octets":     append(linkOpenPDU(testLink), 0),
		"ack with extra octets":      append(ackPDU(testLink, 0), 0),
		"ack with padding bits":      {1, 2, 3, 4, 0, 1<<2 | 1},
		"close without a reason":     linkClosePDU(testLink, 0)[:6],
		"close with extra octets":    append(linkClosePDU(testLink, 0), 0),
		"link ack with extra octets": {1, 2, 3, 4, 0, opLinkAck<<2 | 3, 0},
		"unknown operation":          {1, 2, 3, 4, 0, 3<<2 | 3},
		"start without data":         startPDU(0, 0, 1, 0, nil),
		"continuation without data":  continuationPDU(0, 1, nil),
	}
	for name, pdu := range bad {
		if _, ok := parse(pdu); ok {
			t.Errorf("%s: %x taken", name, pdu)
		}
	}
	d := openDevice(t)
	var out Output
	d.Receive(testStart, append(ackPDU(testLink, 0), 0), &out)
	if d.Counters().Malformed != 1 {
		t.Errorf("counters %+v", d.Counters())
	}
}

func TestRetransmission(t *testing.T) {
	p := plainSetup().provisioner(t)
	var out Output
	p.Open(testStart, &out)
	now, opens := testStart, 0
	for {
		deadline := p.NextDeadline()
		if gap := deadline.Sub(now); gap <= 0 || gap > 2*time.Second {
			t.Fatalf("next deadline in %v", gap)
		}
		now = deadline
		out.Reset()
		p.Tick(now.Add(-1), &out)
		if len(out.Send) != 0 {
			t.Fatal("acted before the deadline")
		}
		p.Tick(now, &out)
		if e := last(out.Events); e.Step == Failed {
			if e.Failure.Code != FailLinkTimeout || now.Sub(testStart) != openTimeout {
				t.Errorf("after %v: %+v", now.Sub(testStart), e.Failure)
			}
			break
		}
		opens++
	}
	if opens < 40 || opens > 100 {
		t.Errorf("%d Link Opens in a minute", opens)
	}
}

// TestLinkOpenPatience uses a device like BlueZ 5.66: each Link Open that it
// receives makes it discard the Link Ack that it had not sent yet, and send one
// half a second later.
func TestLinkOpenPatience(t *testing.T) {
	const slow = 500 * time.Millisecond
	p := plainSetup().provisioner(t)
	var out Output
	p.Open(testStart, &out)
	for now := testStart; now.Sub(testStart) < 10*time.Second; now = p.NextDeadline() {
		if now != testStart {
			out.Reset()
			p.Tick(now, &out)
		}
		if len(out.Send) != 1 {
			t.Fatalf("%d PDUs at %v, expected a Link Open", len(out.Send), now.Sub(testStart))
		}
		open := out.Send[0]
		id := open.Data[:4]
		want := append(append(bytes.Clone(id), 0, 0x03), testUUID[:]...)
		if !bytes.Equal(open.PDU(), want) {
			t.Fatalf("got %x, expected %x", open.PDU(), want)
		}
		// Its copies are on the air until then, each up to 10 ms late.
		heard := now.Add(time.Duration(open.Transmit.Count-1) * (open.Transmit.Interval + 10*time.Millisecond))
		if answer := heard.Add(slow); answer.Before(p.NextDeadline()) {
			p.Receive(answer, append(bytes.Clone(id), 0, 0x07), &out)
			break
		}
	}
	if !slices.ContainsFunc(out.Events, func(e Event) bool { return e.Step == LinkOpened }) {
		t.Errorf("the link is not open: %+v", out.Events)
	}
}

// TestTimeouts runs each side to a point, after which the peer is silent.
func TestTimeouts(t *testing.T) {
	drain := func(t *testing.T, tick func(time.Time, *Output), next func() time.Time) (Event, time.Duration, closeReason) {
		t.Helper()
		for range 1000 {
			var out Output
			now := next()
			if now.IsZero() {
				t.Fatal("no deadline, and no failure")
			}
			tick(now, &out)
			if e := last(out.Events); e.Step == Failed {
				g, _ := parse(out.Send[0].PDU())
				if g.form != formControl || g.high != opLinkClose {
					t.Fatalf("failed without Link Close: %x", out.Send[0].PDU())
				}
				return e, now.Sub(testStart), closeReason(g.data[0])
			}
		}
		t.Fatal("never fails")
		return Event{}, 0, 0
	}
	t.Run("Accept is never called", func(t *testing.T) {
		p := toCapabilities(t, plainSetup())
		e, after, reason := drain(t, p.Tick, p.NextDeadline)
		if e.Failure.Code != FailUndecided || after != protocolTimeout || reason != closeTimeout {
			t.Errorf("%v after %v, %v", e.Failure, after, reason)
		}
	})
	t.Run("device stops acknowledging", func(t *testing.T) {
		p := toCapabilities(t, plainSetup())
		var out Output
		if err := p.Accept(testStart, plainSetup().acceptance, &out); err != nil {
			t.Fatal(err)
		}
		e, after, reason := drain(t, p.Tick, p.NextDeadline)
		if e.Failure.Code != FailTransactionTimeout || after != transactionTimeout || reason != closeTimeout {
			t.Errorf("%v after %v, %v", e.Failure, after, reason)
		}
	})
	t.Run("device acknowledges and sends nothing", func(t *testing.T) {
		p := toCapabilities(t, plainSetup())
		var out Output
		if err := p.Accept(testStart, plainSetup().acceptance, &out); err != nil {
			t.Fatal(err)
		}
		p.Receive(testStart, ackPDU(p.Link(), 1), &out)
		p.Receive(testStart, ackPDU(p.Link(), 2), &out)
		e, after, _ := drain(t, p.Tick, p.NextDeadline)
		if e.Failure.Code != FailProtocolTimeout || after != protocolTimeout {
			t.Errorf("%v after %v", e.Failure, after)
		}
	})
	t.Run("provisioner sends nothing", func(t *testing.T) {
		d := openDevice(t)
		e, after, reason := drain(t, d.Tick, d.NextDeadline)
		if e.Failure.Code != FailProtocolTimeout || after != protocolTimeout || reason != closeTimeout {
			t.Errorf("%v after %v, %v", e.Failure, after, reason)
		}
		for !d.NextDeadline().IsZero() {
			var out Output
			d.Tick(d.NextDeadline(), &out)
		}
		var out Output
		d.Receive(testStart.Add(2*time.Minute), linkOpenPDU(7), &out)
		if !d.Linked() {
			t.Error("the device accepts no link after a timeout")
		}
	})
	t.Run("provisioner stops acknowledging", func(t *testing.T) {
		d := openDevice(t)
		var out Output
		d.Receive(testStart, segmented(testLink, 0, Append(nil, Invite{}))[0], &out)
		e, after, _ := drain(t, d.Tick, d.NextDeadline)
		if e.Failure.Code != FailTransactionTimeout || after != transactionTimeout {
			t.Errorf("%v after %v", e.Failure, after)
		}
	})
}

// TestPace: a link that shares its radio waits longer and longer for an answer,
// and adapts to the measured response times.
func TestPace(t *testing.T) {
	l := newAdvertisedLink(1, testUUID, DefaultTransmit(), false)
	l.paced = true
	now := testStart
	var out Output
	l.phase = linkOpen
	l.send(now, Append(nil, Invite{}), &out)
	last := time.Duration(0)
	for range 10 {
		wait := l.deadline().Sub(now)
		if wait < last || wait > mostPace || wait < leastPace {
			t.Fatalf("waits %v after %v", wait, last)
		}
		last, now = wait, now.Add(wait)
		out.Reset()
		l.tick(now, &out)
		if n := len(out.Send); n == 0 || n > DefaultTransmit().Count || out.Send[0].Transmit.Count != 1 {
			t.Fatalf("sent %+v", out.Send)
		}
	}
	if last != mostPace {
		t.Errorf("waits %v in the end", last)
	}
	ack, _ := parse([]byte{0, 0, 0, 1, 0, opLinkAck<<2 | byte(formControl)})
	l.receive(now, &ack, &out)
	if l.pace != firstPace {
		t.Errorf("the answer to a repeated PDU was measured: %v", l.pace)
	}
	for _, took := range []time.Duration{time.Millisecond, 10 * time.Second} {
		for n := range 20 {
			l.send(now, []byte{typeInvite, byte(n)}, &out)
			number := l.sending.number
			now = now.Add(took)
			g, _ := parse(ackPDU(1, number))
			l.receive(now, &g, &out)
		}
		if want := min(max(2*took, leastPace), mostPace); l.pace != want {
			t.Errorf("after answers in %v it waits %v", took, l.pace)
		}
	}
}
