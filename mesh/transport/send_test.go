package transport

import (
	"errors"
	"math/bits"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

const ms = time.Millisecond

// acknowledge answers the segments of a message.
func acknowledge(segment network.PDU, seq mesh.SequenceNumber, acked uint32) network.PDU {
	s, _ := parseSegment(segment.Transport, segment.CTL)
	return network.PDU{
		NetKey: segment.NetKey, IVIndex: segment.IVIndex, CTL: true, TTL: 5, Seq: seq, Src: segment.Dst, Dst: segment.Src,
		Transport: ack{seqZero: s.seqZero, acked: acked}.append(nil),
	}
}

// orders lists the SegO of segments.
func orders(t *testing.T, pdus []network.PDU) []uint8 {
	t.Helper()
	var list []uint8
	for _, p := range pdus {
		s, ok := parseSegment(p.Transport, p.CTL)
		if !ok {
			t.Fatalf("sent an invalid segment: %x", p.Transport)
		}
		list = append(list, s.o)
	}
	return list
}

func expectOrders(t *testing.T, pdus []network.PDU, want ...uint8) {
	t.Helper()
	if got := orders(t, pdus); string(got) != string(want) {
		t.Fatalf("segments %v, expected %v", got, want)
	}
}

func expectDone(t *testing.T, out *Output, h Handle, r Result) {
	t.Helper()
	if len(out.Done) != 1 || out.Done[0].Message != h || out.Done[0].Result != r {
		t.Fatalf("done %+v, expected message %d %s", out.Done, h, r)
	}
}

func TestSendChoosesSegmentation(t *testing.T) {
	for _, c := range []struct {
		size     int
		change   func(*AccessOut)
		segments int // 0: unsegmented
		last     int // octets of the last PDU, header included
	}{
		{1, nil, 0, 6},
		{11, nil, 0, 16},
		{12, nil, 2, 8},
		{8, func(m *AccessOut) { m.Segmented = true }, 1, 16},
		{11, func(m *AccessOut) { m.Segmented = true }, 2, 7},
		{4, func(m *AccessOut) { m.LongMIC = true }, 1, 16},
		{380, nil, 32, 16},
		{376, func(m *AccessOut) { m.LongMIC = true }, 32, 16},
	} {
		p := newPeer(t)
		change := c.change
		if change == nil {
			change = func(*AccessOut) {}
		}
		h := p.send(epoch, there, c.size, change)
		if (h != 0) != (c.segments > 0) {
			t.Errorf("%d octets: handle %d", c.size, h)
		}
		pdus, _ := p.pass(epoch, max(1, c.segments))
		if got := len(pdus[len(pdus)-1].Transport); got != c.last {
			t.Errorf("%d octets: the last PDU has %d octets, expected %d", c.size, got, c.last)
		}
		if segmented := pdus[0].Transport[0]&segmentedBit != 0; segmented != (c.segments > 0) {
			t.Errorf("%d octets: segmented %t", c.size, segmented)
		}
	}
}

func TestSendRefusesWhatCannotBeSent(t *testing.T) {
	good := AccessOut{Src: here, Dst: there, Key: Key{App: testApp}, TTL: 5, Payload: counting(20)}
	for name, c := range map[string]struct {
		change func(*AccessOut)
		want   error
	}{
		"empty":                {func(m *AccessOut) { m.Payload = nil }, ErrLength},
		"381 octets":           {func(m *AccessOut) { m.Payload = counting(381) }, ErrLength},
		"377 with long MIC":    {func(m *AccessOut) { m.Payload, m.LongMIC = counting(377), true }, ErrLength},
		"group source":         {func(m *AccessOut) { m.Src = group }, ErrAddress},
		"no destination":       {func(m *AccessOut) { m.Dst = 0 }, ErrAddress},
		"device key to group":  {func(m *AccessOut) { m.Dst, m.Key = group, Key{Device: there} }, ErrAddress},
		"TTL 128":              {func(m *AccessOut) { m.TTL = 128 }, ErrTTL},
		"unknown AppKey":       {func(m *AccessOut) { m.Key.App = 7 }, ErrNoKey},
		"unknown device":       {func(m *AccessOut) { m.Key.Device = 0x7000 }, ErrNoKey},
		"unknown AppKey short": {func(m *AccessOut) { m.Key.App, m.Payload = 7, counting(2) }, ErrNoKey},
	} {
		p := newPeer(t)
		m := good
		c.change(&m)
		if h, err := p.Send(epoch, &m, &p.out); !errors.Is(err, c.want) || h != 0 {
			t.Errorf("%s: handle %d, %v", name, h, err)
		}
		if len(p.out.Network)+len(p.out.Done) != 0 || p.Sending() != 0 || p.seq.seq != 0 {
			t.Errorf("%s: something happened: %+v", name, p.out)
		}
	}
	p := newPeer(t)
	for _, m := range []ControlOut{
		{Src: here, Dst: there, Opcode: 0},
		{Src: here, Dst: there, Opcode: 0x80},
		{Src: here, Dst: there, Opcode: 1, Params: counting(257)},
		{Src: here, Dst: there, Opcode: 1, Segmented: true},
	} {
		if _, err := p.SendControl(epoch, &m, &p.out); err == nil || len(p.out.Network) != 0 {
			t.Errorf("%+v was sent", m)
		}
	}
}

func TestSegmentsAreSpacedAndNumbered(t *testing.T) {
	p := newPeer(t)
	p.seq.seq = 0x3129AB
	h := p.send(epoch, there, 40) // 44 octets, 4 segments
	if len(p.out.Network) != 1 || p.out.Network[0].Message != h {
		t.Fatalf("first output %+v", p.out.Network)
	}
	pdus := copies(p.out.Network)
	for i := 1; i < 4; i++ {
		at := epoch.Add(time.Duration(i) * 60 * ms)
		if !p.NextDeadline().Equal(at) {
			t.Fatalf("segment %d at %s, expected %s", i, p.NextDeadline(), at)
		}
		if out := p.tick(at.Add(-1)); len(out.Network) != 0 {
			t.Fatalf("segment %d came early", i)
		}
		pdus = append(pdus, copies(p.tick(at).Network)...)
		// A message in between takes its own number.
		p.send(at, group, 1)
	}
	expectOrders(t, pdus, 0, 1, 2, 3)
	for i, want := range []mesh.SequenceNumber{0x3129AB, 0x3129AC, 0x3129AE, 0x3129B0} {
		s, _ := parseSegment(pdus[i].Transport, false)
		if pdus[i].Seq != want || s.seqZero != 0x09AB {
			t.Errorf("segment %d: SEQ %06x, SeqZero %04x", i, uint32(pdus[i].Seq), s.seqZero)
		}
	}
	// The last segment starts the retransmissions timer: 200 ms, plus 50 ms for
	// each hop of TTL 5 except the first.
	if want := epoch.Add(180*ms + 400*ms); !p.NextDeadline().Equal(want) {
		t.Errorf("waits until %s, expected %s", p.NextDeadline(), want)
	}
}

// Section 3.5.3.3.3: three transmissions if nobody answers.
func TestUnicastTimesOut(t *testing.T) {
	for _, c := range []struct {
		ttl  mesh.TTL
		wait time.Duration
	}{{0, 200 * ms}, {1, 200 * ms}, {5, 400 * ms}, {127, 6500 * ms}} {
		p := newPeer(t)
		h := p.send(epoch, there, 20, func(m *AccessOut) { m.TTL = c.ttl })
		pdus, end, done := p.drain(epoch)
		expectOrders(t, pdus, 0, 1, 0, 1, 0, 1)
		if want := 3*(60*ms) + 3*c.wait; end.Sub(epoch) != want {
			t.Errorf("TTL %d: took %s, expected %s", c.ttl, end.Sub(epoch), want)
		}
		if len(done) != 1 || done[0].Message != h || done[0].Result != TimedOut || done[0].Dst != there {
			t.Errorf("TTL %d: done %+v", c.ttl, done)
		}
		seen := map[mesh.SequenceNumber]bool{}
		for _, pdu := range pdus {
			if s, _ := parseSegment(pdu.Transport, false); s.seqZero != 0 || seen[pdu.Seq] || pdu.TTL != c.ttl {
				t.Errorf("segment %+v, SeqZero %04x", pdu, s.seqZero)
			}
			seen[pdu.Seq] = true
		}
		if p.Counters().Results[TimedOut] != 1 || p.Counters().SegmentsResent != 4 || p.Sending() != 0 {
			t.Errorf("counters %+v", p.Counters())
		}
	}
}

func TestProgressGivesMoreTime(t *testing.T) {
	p := newPeer(t)
	tx := DefaultTransmitter()
	tx.UnicastRetransmissions, tx.UnicastRetransmissionsWithoutProgress = 9, 1
	p.SetTransmitter(tx)
	h := p.send(epoch, there, 40)
	pdus, now := p.pass(epoch, 4)
	first := pdus[0]

	// An acknowledgment with new information starts the next pass at once.
	out := p.receive(now, acknowledge(first, 1, 0b0001))
	expectOrders(t, copies(out.Network), 1)
	if len(out.Replay) != 1 {
		t.Errorf("replay entries %+v", out.Replay)
	}
	pdus, _ = p.pass(now, 3)
	expectOrders(t, pdus, 1, 2, 3)
	// One pass without progress is allowed by the state above.
	now = p.NextDeadline()
	p.tick(now)
	pdus, _ = p.pass(now, 3)
	expectOrders(t, pdus, 1, 2, 3)
	// Progress in time, once more.
	p.receive(now, acknowledge(first, 2, 0b1011))
	pdus, _ = p.pass(now, 1)
	expectOrders(t, pdus, 2)
	// No progress: the one pass, then the end, although repetitions are left.
	now = p.NextDeadline()
	expectOrders(t, copies(p.tick(now).Network), 2)
	expectDone(t, p.tick(p.NextDeadline()), h, TimedOut)
}

func TestAcknowledgmentDuringAPass(t *testing.T) {
	p := newPeer(t)
	h := p.send(epoch, there, 40)
	first := p.out.Network[0].PDU
	first.Transport = append([]byte(nil), first.Transport...)
	p.tick(p.NextDeadline())
	// The peer reports segment 2 before it was sent: accepted and skipped.
	if out := p.receive(epoch.Add(70*ms), acknowledge(first, 1, 0b0101)); len(out.Network) != 0 {
		t.Fatalf("sent out of turn: %+v", out.Network)
	}
	out := p.tick(p.NextDeadline())
	expectOrders(t, copies(out.Network), 3)
	expectDone(t, p.receive(epoch.Add(130*ms), acknowledge(first, 2, 0b1111)), h, Delivered)
	if !p.NextDeadline().IsZero() {
		t.Error("a deadline is left")
	}
}

// The destination restarted, or dropped the message for another: it no longer
// has what it acknowledged before.
func TestAcknowledgmentTakenBack(t *testing.T) {
	p := newPeer(t)
	h := p.send(epoch, there, 40)
	pdus, now := p.pass(epoch, 4)
	first := pdus[0]
	expectOrders(t, copies(p.receive(now, acknowledge(first, 1, 0b0111)).Network), 3)
	out := p.receive(now, acknowledge(first, 2, 0b1000))
	if len(out.Done) != 0 {
		t.Fatalf("done %+v", out.Done)
	}
	pdus, now = p.pass(now, 3)
	expectOrders(t, pdus, 0, 1, 2)
	expectDone(t, p.receive(now, acknowledge(first, 3, 0b1111)), h, Delivered)
}

// An acknowledgment that only revokes counts as no progress, but starts a pass.
func TestTakingBackIsNoProgress(t *testing.T) {
	p := newPeer(t)
	tx := DefaultTransmitter()
	tx.UnicastRetransmissions, tx.UnicastRetransmissionsWithoutProgress = 15, 2
	p.SetTransmitter(tx)
	h := p.send(epoch, there, 40)
	pdus, now := p.pass(epoch, 4)
	first := pdus[0]
	expectOrders(t, copies(p.receive(now, acknowledge(first, 1, 0b0111)).Network), 3)
	for i, acked := range []uint32{0b0110, 0b0010} {
		if out := p.receive(now, acknowledge(first, mesh.SequenceNumber(2+i), acked)); len(out.Network) != 1 {
			t.Fatalf("no pass after %04b", acked)
		}
		_, now = p.pass(now, bits.OnesCount32(^acked&0b1111))
	}
	if now = p.NextDeadline(); p.tick(now) == nil || len(p.out.Done) != 1 || p.out.Done[0].Message != h || p.out.Done[0].Result != TimedOut {
		t.Errorf("%+v", p.out)
	}
}

func TestAcknowledgmentsThatDoNotCount(t *testing.T) {
	for name, change := range map[string]func(*network.PDU){
		"other source":      func(p *network.PDU) { p.Src++ },
		"other destination": func(p *network.PDU) { p.Dst++ },
		"other NetKey":      func(p *network.PDU) { p.NetKey++ },
		"other SeqZero":     func(p *network.PDU) { p.Transport[1] ^= 0x40 },
		"short":             func(p *network.PDU) { p.Transport = p.Transport[:6] },
		"long":              func(p *network.PDU) { p.Transport = append(p.Transport, 0) },
		"no such segment":   func(p *network.PDU) { copy(p.Transport[3:], []byte{0x80, 0, 0, 0}) },
	} {
		p := newPeer(t)
		p.send(epoch, there, 20)
		pdus, now := p.pass(epoch, 2)
		a := acknowledge(pdus[0], 9, 0b11)
		change(&a)
		if out := p.receive(now, a); len(out.Network)+len(out.Done)+len(out.Replay) != 0 {
			t.Errorf("%s: %+v", name, out)
		}
		if c := p.Counters(); c.StrayAck+c.Malformed != 1 || p.Sending() != 1 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	// A replayed one, and a repetition without new information.
	p := newPeer(t)
	p.send(epoch, there, 40)
	pdus, now := p.pass(epoch, 4)
	p.receive(now, acknowledge(pdus[0], 9, 0b1))
	p.receive(now, acknowledge(pdus[0], 9, 0b1111))
	p.receive(now, acknowledge(pdus[0], 10, 0b1))
	if c := p.Counters(); c.Replayed != 1 || c.StrayAck != 1 || p.Sending() != 1 {
		t.Errorf("counters %+v", c)
	}
}

func TestAcknowledgmentOnBehalfOf(t *testing.T) {
	p := newPeer(t)
	h := p.send(epoch, there, 20)
	pdus, now := p.pass(epoch, 2)
	a := acknowledge(pdus[0], 9, 0b11)
	a.Src = 0x2345
	a.Transport[1] |= 0x80
	expectDone(t, p.receive(now, a), h, DeliveredToFriend)
}

func TestRefusalEndsTheMessage(t *testing.T) {
	p := newPeer(t)
	h := p.send(epoch, there, 200)
	first := copies(p.out.Network)[0]
	expectDone(t, p.receive(epoch, acknowledge(first, 9, 0)), h, Refused)
	if pdus, _, _ := p.drain(epoch); len(pdus) != 0 {
		t.Errorf("%d segments after the refusal", len(pdus))
	}
}

// Section 3.5.3.3.3: groups get every segment three times, without
// acknowledgment.
func TestMulticastIsRepeated(t *testing.T) {
	p := newPeer(t)
	h := p.send(epoch, group, 20)
	pdus, end, done := p.drain(epoch)
	expectOrders(t, pdus, 0, 1, 0, 1, 0, 1)
	if want := 3 * (60*ms + 250*ms); end.Sub(epoch) != want {
		t.Errorf("took %s, expected %s", end.Sub(epoch), want)
	}
	if len(done) != 1 || done[0].Message != h || done[0].Result != Sent || !done[0].Result.Success() {
		t.Errorf("done %+v", done)
	}
	// An acknowledgment from a group is ignored.
	p.send(end, group, 20)
	a := acknowledge(copies(p.out.Network)[0], 9, 0b11)
	a.Src = 0x2345
	a.Transport[1] |= 0x80
	if out := p.receive(end, a); len(out.Done) != 0 || p.Counters().StrayAck != 1 {
		t.Errorf("%+v", out)
	}
}

func TestOneMessageBetweenTwoAddresses(t *testing.T) {
	p := newPeer(t)
	a := p.send(epoch, there, 20)
	b := p.send(epoch, there, 30)
	if len(p.out.Network) != 0 {
		t.Fatal("the second message did not wait")
	}
	c := p.send(epoch, group, 20)
	if len(p.out.Network) != 1 {
		t.Fatal("another destination had to wait")
	}
	other := p.send(epoch, there, 20, func(m *AccessOut) { m.Src = here + 1 })
	if len(p.out.Network) != 1 {
		t.Fatal("another source had to wait")
	}
	if !p.Cancel(epoch, c, &p.out) || !p.Cancel(epoch, other, &p.out) || p.Cancel(epoch, c, &p.out) {
		t.Fatal("cancel")
	}
	p.out.Reset()
	pdus, now := p.pass(epoch, 1)
	out := p.receive(now, acknowledge(pdus[0], 9, 0b11))
	expectDone(t, out, a, Delivered)
	if len(out.Network) != 1 || out.Network[0].Message != b {
		t.Fatalf("the second message did not follow: %+v", out.Network)
	}
	next := copies(out.Network)[0]
	expectDone(t, p.receive(now, acknowledge(next, 10, 0b111)), b, Delivered)
}

func TestTransfersAndQueueAreBounded(t *testing.T) {
	p := newPeer(t, func(c *Config) { c.Transfers, c.Queue = 2, 5 })
	started := 0
	for i := 0; i < 5; i++ {
		p.send(epoch, there+mesh.Address(i), 20)
		started += len(p.out.Network)
	}
	if started != 2 {
		t.Errorf("%d messages at the same time, expected 2", started)
	}
	m := AccessOut{Src: here, Dst: there, Key: Key{App: testApp}, Payload: counting(20)}
	if _, err := p.Send(epoch, &m, &p.out); !errors.Is(err, ErrFull) {
		t.Errorf("a sixth message: %v", err)
	}
	_, _, done := p.drain(epoch)
	for i, d := range done {
		if d.Message != Handle(i+1) {
			t.Errorf("done %d is message %d", i, d.Message)
		}
	}
	if len(done) != 5 || p.Sending() != 0 {
		t.Errorf("done %+v, %d left", done, p.Sending())
	}
}

func TestIVIndexIsKeptOrTheMessageFails(t *testing.T) {
	p := newPeer(t)
	h := p.send(epoch, there, 40)
	p.seq.iv++ // the node should have waited until Sending is zero
	p.seq.seq = 0
	out := p.tick(p.NextDeadline())
	expectDone(t, out, h, Failed)
	if !errors.Is(out.Done[0].Err, ErrIVIndex) || len(out.Network) != 0 {
		t.Errorf("done %+v", out.Done)
	}
}

func TestSequenceNumbersRunOut(t *testing.T) {
	spent := errors.New("spent")
	p := newPeer(t)
	h := p.send(epoch, there, 40)
	p.seq.err = spent
	waits, err := p.Send(epoch, &AccessOut{Src: here, Dst: there, Key: Key{App: testApp}, Payload: counting(50)}, &p.out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Send(epoch, &AccessOut{Src: here, Dst: there, Key: Key{App: testApp}, Payload: counting(5)}, &p.out); !errors.Is(err, spent) {
		t.Errorf("unsegmented: %v", err)
	}
	out := p.tick(p.NextDeadline())
	if len(out.Done) != 2 || out.Done[0].Message != h || out.Done[1].Message != waits || !errors.Is(out.Done[1].Err, spent) {
		t.Errorf("done %+v", out.Done)
	}

	// A SeqZero has 13 bits: a segment too far from the first would look like
	// one of another message.
	p = newPeer(t)
	h = p.send(epoch, there, 40)
	p.seq.seq += 0x2000
	out = p.tick(p.NextDeadline())
	expectDone(t, out, h, Failed)
	if !errors.Is(out.Done[0].Err, ErrSeqRange) {
		t.Errorf("done %+v", out.Done)
	}
}

func TestKeyGoneBeforeTheTurn(t *testing.T) {
	p := newPeer(t)
	a := p.send(epoch, there, 20)
	b := p.send(epoch, there, 20)
	p.ring.apps = nil
	p.out.Reset()
	p.Cancel(epoch, a, &p.out)
	if len(p.out.Done) != 2 || p.out.Done[1].Message != b || !errors.Is(p.out.Done[1].Err, ErrNoKey) {
		t.Errorf("done %+v", p.out.Done)
	}
}

func TestCancelAll(t *testing.T) {
	p := newPeer(t)
	for range 3 {
		p.send(epoch, there, 20)
	}
	p.out.Reset()
	p.CancelAll(&p.out)
	if len(p.out.Done) != 3 || p.Sending() != 0 || !p.NextDeadline().IsZero() {
		t.Errorf("done %+v", p.out.Done)
	}
}

func TestSegmentedControl(t *testing.T) {
	a, b := newPeer(t), newPeer(t)
	_, err := a.SendControl(epoch, &ControlOut{Src: here, Dst: there, NetKey: testNet, TTL: 3, Opcode: 0x42, Params: counting(256)}, &a.out)
	if err != nil {
		t.Fatal(err)
	}
	pdus, now := a.pass(epoch, 32)
	out := b.receive(now, pdus...)
	if len(out.Control) != 1 || out.Control[0].Opcode != 0x42 || string(out.Control[0].Params) != string(counting(256)) || !out.Control[0].Segmented {
		t.Fatalf("received %+v", out.Control)
	}
	if got := acks(t, out.Network); len(got) != 1 || got[0].acked != 0xFFFFFFFF {
		t.Errorf("acknowledgments %+v", got)
	}
}

// Both labels have one address; only the one the message was sent to decrypts
// it.
func TestVirtualAddressIsTriedOverLabels(t *testing.T) {
	label, other := collision()
	virtual := crypto.VirtualAddress(label)
	a, b := newPeer(t), newPeer(t)
	a.send(epoch, virtual, 5, func(m *AccessOut) { m.Label = label })
	pdu := copies(a.out.Network)[0]
	b.ring.labels = []mesh.UUID{other}
	if out := b.receive(epoch, pdu); len(out.Access) != 0 || b.Counters().BadMIC != 1 {
		t.Errorf("opened with another label: %+v", out.Access)
	}
	b.ring.labels = []mesh.UUID{other, label}
	if out := b.receive(epoch, pdu); len(out.Access) != 1 || out.Access[0].Label != label {
		t.Errorf("received %+v, counters %+v", out.Access, b.Counters())
	}
}

// collision finds two labels with the same virtual address.
func collision() (a, b mesh.UUID) {
	seen := map[mesh.Address]mesh.UUID{}
	for i := uint16(0); ; i++ {
		label := mesh.UUID{0xFE, byte(i >> 8), byte(i)}
		address := crypto.VirtualAddress(label)
		if first, ok := seen[address]; ok {
			return first, label
		}
		seen[address] = label
	}
}
