package transport

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// segments returns the PDUs of one message from a separate peer, with sequence
// numbers from seq.
func segments(t testing.TB, seq mesh.SequenceNumber, dst mesh.Address, size int, change ...func(*AccessOut)) []network.PDU {
	t.Helper()
	p := newPeer(t)
	p.seq.seq = seq
	p.send(epoch, dst, size, change...)
	pdus, _ := p.pass(epoch, max(1, (size+4+11)/12))
	return pdus
}

// single returns the PDU of an unsegmented message.
func single(t testing.TB, seq mesh.SequenceNumber, dst mesh.Address) network.PDU {
	t.Helper()
	p := newPeer(t)
	p.seq.seq = seq
	p.send(epoch, dst, 8)
	return copies(p.out.Network)[0]
}

func TestLostSegments(t *testing.T) {
	pdus := segments(t, 100, there, 40)
	for lost := range pdus {
		p := newPeer(t)
		now := epoch
		for i, pdu := range pdus {
			if i != lost {
				if out := p.receive(now, pdu); len(out.Network)+len(out.Access)+len(out.Replay) != 0 {
					t.Fatalf("segment %d: %+v", i, out)
				}
				now = now.Add(60 * ms)
			}
		}
		// The timer runs from the last new segment.
		at := now.Add(-60 * ms).Add(150 * ms)
		if !p.NextDeadline().Equal(at) {
			t.Fatalf("acknowledges at %s, expected %s", p.NextDeadline(), at)
		}
		out := p.tick(at)
		got := acks(t, out.Network)
		if len(got) != 1 || got[0].acked != 0b1111&^(1<<lost) || got[0].seqZero != 100 || got[0].obo {
			t.Fatalf("acknowledgments %+v", got)
		}
		a := out.Network[0]
		if a.Src != there || a.Dst != here || a.NetKey != testNet || a.TTL != 5 || a.Message != 0 || !a.CTL {
			t.Errorf("acknowledgment sent as %+v", a)
		}
		out = p.receive(at, pdus[lost])
		if len(out.Access) != 1 || !bytes.Equal(out.Access[0].Payload, counting(40)) || out.Access[0].Seq != 100 {
			t.Fatalf("received %+v", out.Access)
		}
		if len(out.Replay) != 1 || out.Replay[0] != (ReplayEntry{Src: here, IVIndex: 5, Seq: 100}) {
			t.Errorf("replay entries %+v", out.Replay)
		}
		if got := acks(t, out.Network); len(got) != 1 || got[0].acked != 0b1111 {
			t.Errorf("acknowledgments %+v", got)
		}
	}
}

func TestAnyOrderAndDuplicates(t *testing.T) {
	pdus := segments(t, 100, there, 40)
	for _, order := range [][]int{{3, 2, 1, 0}, {1, 0, 3, 2}, {0, 0, 3, 3, 1, 1, 2}, {2, 0, 2, 1, 0, 3}} {
		p := newPeer(t)
		var reported int
		for _, i := range order {
			reported += len(p.receive(epoch, pdus[i]).Access)
		}
		if reported != 1 || p.Counters().Reassembled != 1 {
			t.Errorf("order %v: reported %d times", order, reported)
		}
	}
}

func TestUnsegmentedIsNotRepeated(t *testing.T) {
	p := newPeer(t)
	pdu := single(t, 100, there)
	if out := p.receive(epoch, pdu, pdu); len(out.Access) != 1 || len(out.Replay) != 1 || p.Counters().Replayed != 1 {
		t.Errorf("received %+v, counters %+v", out.Access, p.Counters())
	}
	if out := p.receive(epoch, single(t, 99, there)); len(out.Access) != 0 {
		t.Error("an older message was accepted")
	}
	if out := p.receive(epoch, single(t, 101, there)); len(out.Access) != 1 {
		t.Error("a newer message was not accepted")
	}
	newer := newPeer(t)
	newer.seq.iv = 6
	newer.send(epoch, there, 8)
	if out := p.receive(epoch, copies(newer.out.Network)...); len(out.Access) != 1 || out.Replay[0] != (ReplayEntry{Src: here, IVIndex: 6, Seq: 0}) {
		t.Errorf("a newer IV index was not accepted: %+v", p.Counters())
	}
	if out := p.receive(epoch, single(t, 102, there)); len(out.Access) != 0 {
		t.Error("an older IV index was accepted")
	}
}

func TestForgeryDoesNotMoveTheReplayList(t *testing.T) {
	p := newPeer(t)
	forged := single(t, 5000, there)
	forged.Transport[3] ^= 1
	long := segments(t, 6000, there, 40)
	for i := range long {
		long[i].Transport[5] ^= 1
	}
	out := p.receive(epoch, append(long, forged)...)
	if len(out.Access)+len(out.Replay) != 0 || p.Counters().BadMIC != 2 || p.Sources() != 0 {
		t.Errorf("%+v, counters %+v", out, p.Counters())
	}
	if out := p.receive(epoch, single(t, 1, there)); len(out.Access) != 1 {
		t.Errorf("the real source was shut out: %+v", p.Counters())
	}
}

// Everything that was recorded before a restart is a replay after it.
func TestReplayAfterRestore(t *testing.T) {
	var recorded []network.PDU
	recorded = append(recorded, single(t, 90, there))
	recorded = append(recorded, segments(t, 100, there, 40)...)
	recorded = append(recorded, segments(t, 110, group, 40)...)
	p := newPeer(t)
	out := p.receive(epoch, recorded...)
	if len(out.Access) != 3 || len(out.Replay) != 3 {
		t.Fatalf("received %d messages, %+v", len(out.Access), p.Counters())
	}
	entries := slices.Clone(out.Replay)
	again := newPeer(t)
	if err := again.Restore(entries...); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if out := again.receive(epoch.Add(time.Hour), recorded...); len(out.Access) != 0 {
			t.Fatalf("accepted again: %+v", out.Access)
		}
	}
	if again.Counters().Replayed == 0 {
		t.Errorf("counters %+v", again.Counters())
	}
	if out := again.receive(epoch, single(t, 120, there)); len(out.Access) != 1 {
		t.Error("a new message was not accepted")
	}
}

// A message between the segments of another has the higher number; both are
// new, whichever is complete first.
func TestUnsegmentedBetweenSegments(t *testing.T) {
	pdus := segments(t, 100, there, 40) // 100 to 103
	between := single(t, 104, there)
	late := pdus[3]
	late.Seq = 105 // sent again
	p := newPeer(t)
	reported := len(p.receive(epoch, pdus[0], pdus[1]).Access)
	out := p.receive(epoch, between)
	if len(out.Access) != 1 || len(out.Replay) != 1 || out.Replay[0].Seq != 104 {
		t.Fatalf("between: %+v", out)
	}
	out = p.receive(epoch, pdus[2], late)
	if reported != 0 || len(out.Access) != 1 || len(out.Replay) != 0 {
		t.Fatalf("segmented: %+v, counters %+v", out, p.Counters())
	}
	// And neither is new afterwards, not even when everything else is
	// forgotten.
	p.tick(epoch.Add(time.Hour))
	if out := p.receive(epoch.Add(time.Hour), append(pdus, between, late)...); len(out.Access) != 0 {
		t.Errorf("accepted again: %+v", out.Access)
	}

	// The first segments were lost; the rest arrives after the other message.
	p = newPeer(t)
	p.receive(epoch, between)
	for i := range pdus {
		pdus[i].Seq = 105 + mesh.SequenceNumber(i)
	}
	if out := p.receive(epoch, pdus...); len(out.Access) != 1 {
		t.Errorf("segments sent again: %+v", p.Counters())
	}
}

// An attacker who suppressed a message cannot replay it later, when its source
// has sent other messages.
func TestHeldBackSegments(t *testing.T) {
	p := newPeer(t)
	p.receive(epoch, single(t, 104, there))
	if out := p.receive(epoch, segments(t, 100, there, 40)...); len(out.Access) != 0 || p.Counters().Replayed != 4 {
		t.Errorf("received %+v, counters %+v", out.Access, p.Counters())
	}
}

func TestContradictorySegments(t *testing.T) {
	for name, change := range map[string]func(*network.PDU){
		"SegN":   func(p *network.PDU) { p.Transport[3]++ },
		"SZMIC":  func(p *network.PDU) { p.Transport[1] ^= 0x80 },
		"AKF":    func(p *network.PDU) { p.Transport[0] ^= akfBit },
		"AID":    func(p *network.PDU) { p.Transport[0] ^= 1 },
		"NetKey": func(p *network.PDU) { p.NetKey++ },
		"CTL":    func(p *network.PDU) { p.CTL, p.Transport = true, p.Transport[:12] },
	} {
		pdus := segments(t, 100, there, 40)
		bad := pdus[1]
		bad.Transport = slices.Clone(bad.Transport)
		change(&bad)
		p := newPeer(t)
		p.receive(epoch, pdus[0], bad)
		if c := p.Counters(); c.Contradictory != 1 {
			t.Errorf("%s: counters %+v", name, c)
		}
		if out := p.receive(epoch, pdus[1:]...); len(out.Access) != 1 || !bytes.Equal(out.Access[0].Payload, counting(40)) {
			t.Errorf("%s: the message was lost", name)
		}
	}
}

func TestSupersededAndOldSegments(t *testing.T) {
	old, recent := segments(t, 100, there, 40), segments(t, 200, there, 40)
	p := newPeer(t)
	p.receive(epoch, old[0], old[1], recent[0], old[2], old[3])
	if c := p.Counters(); c.Superseded != 1 || c.OldSegment != 2 {
		t.Errorf("counters %+v", c)
	}
	if out := p.receive(epoch, recent[1:]...); len(out.Access) != 1 || out.Access[0].Seq != 200 {
		t.Errorf("received %+v", out.Access)
	}
	// A replayed segment must not displace a message being received.
	next := segments(t, 300, there, 40)
	p.receive(epoch, next[0])
	p.receive(epoch, recent...)
	if out := p.receive(epoch, next[1:]...); len(out.Access) != 1 || out.Access[0].Seq != 300 {
		t.Errorf("received %+v", out.Access)
	}
}

func TestAcknowledgmentOfCompleteMessage(t *testing.T) {
	pdus := segments(t, 100, there, 40)
	p := newPeer(t)
	if got := acks(t, p.receive(epoch, pdus...).Network); len(got) != 1 {
		t.Fatalf("acknowledgments %+v", got)
	}
	// At most one in 150 ms.
	for _, c := range []struct {
		after time.Duration
		acks  int
	}{{0, 0}, {149 * ms, 0}, {150 * ms, 1}, {200 * ms, 0}, {300 * ms, 1}} {
		out := p.receive(epoch.Add(c.after), pdus[1])
		if got := acks(t, out.Network); len(got) != c.acks || len(got) == 1 && got[0].acked != 0b1111 || len(out.Access) != 0 {
			t.Errorf("after %s: %+v", c.after, out)
		}
	}
	// When the slot is free again, and also after a restart.
	p.tick(epoch.Add(time.Minute))
	if got := acks(t, p.receive(epoch.Add(time.Minute), pdus[2], pdus[3]).Network); len(got) != 1 || got[0].acked != 0b1111 {
		t.Errorf("after a minute: %+v", got)
	}
	again := newPeer(t)
	if err := again.Restore(ReplayEntry{Src: here, IVIndex: 5, Seq: 100}); err != nil {
		t.Fatal(err)
	}
	out := again.receive(epoch, pdus...)
	if got := acks(t, out.Network); len(got) != 1 || got[0].acked != 0b1111 || len(out.Access) != 0 {
		t.Errorf("after a restart: %+v", out)
	}
}

func TestAcknowledgmentsAreRepeated(t *testing.T) {
	rx := DefaultReceiver()
	rx.AckRetransmissions = 2
	for _, c := range []struct{ size, acks int }{{40, 1}, {60, 3}} { // SegN 3 is the threshold
		p := newPeer(t, func(cfg *Config) { cfg.Receiver = &rx })
		p.receive(epoch, segments(t, 100, there, c.size)...)
		var seqs []mesh.SequenceNumber
		now := epoch
		for len(p.out.Network) > 0 {
			if got := acks(t, p.out.Network); len(got) != 1 || got[0].acked != allSegments(uint8((c.size+4-1)/12)) {
				t.Fatalf("acknowledgments %+v", got)
			}
			seqs = append(seqs, p.out.Network[0].Seq)
			now = now.Add(60 * ms)
			p.tick(now)
		}
		if len(seqs) != c.acks || len(slices.Compact(slices.Sorted(slices.Values(seqs)))) != c.acks {
			t.Errorf("%d octets: acknowledged with %v, expected %d numbers", c.size, seqs, c.acks)
		}
	}
}

func TestDirectSegmentsAreAcknowledgedDirectly(t *testing.T) {
	p := newPeer(t)
	out := p.receive(epoch, segments(t, 100, there, 40, func(m *AccessOut) { m.TTL = 0 })...)
	if len(out.Network) != 1 || out.Network[0].TTL != 0 {
		t.Errorf("acknowledged with %+v", out.Network)
	}
}

func TestGroupsAreNotAcknowledged(t *testing.T) {
	pdus := segments(t, 100, group, 40)
	p := newPeer(t)
	p.receive(epoch, pdus[:3]...)
	if out := p.tick(epoch.Add(time.Second)); len(out.Network) != 0 {
		t.Errorf("acknowledged: %+v", out.Network)
	}
	out := p.receive(epoch.Add(time.Second), pdus[3], pdus[3])
	if len(out.Network) != 0 || len(out.Access) != 1 {
		t.Errorf("%+v", out)
	}
}

func TestIncompleteMessageIsDiscarded(t *testing.T) {
	pdus := segments(t, 100, there, 40)
	p := newPeer(t)
	p.receive(epoch, pdus[0])
	p.tick(epoch.Add(150 * ms))
	now := epoch.Add(9 * time.Second)
	p.receive(now, pdus[1]) // starts the timer again
	p.tick(now.Add(150 * ms))
	if want := now.Add(10 * time.Second); !p.NextDeadline().Equal(want) {
		t.Fatalf("discards at %s, expected %s", p.NextDeadline(), want)
	}
	now = p.NextDeadline()
	if out := p.tick(now); len(out.Network) != 0 || p.Counters().Discarded != 1 || !p.NextDeadline().IsZero() {
		t.Errorf("%+v, counters %+v", out, p.Counters())
	}
	// The remaining segments are not enough; all of them are.
	if out := p.receive(now, pdus[2], pdus[3]); len(out.Access) != 0 {
		t.Error("reported half a message")
	}
	if out := p.receive(now, pdus[0], pdus[1]); len(out.Access) != 1 {
		t.Error("the message could not be sent again")
	}
}

// Ten thousand sources that never finish, and one that does (an attack on
// reassembly).
func TestSegmentBombs(t *testing.T) {
	p := newPeer(t)
	good := segments(t, 100, there, 380)
	bomb := segments(t, 7, there, 380)[0]
	now, next := epoch, 0
	reported := 0
	for i := range 10000 {
		bomb.Src = mesh.Address(0x2000 + i)
		p.receive(now, bomb)
		if i%20 == 0 && next < len(good) { // 490 attacking segments per second, a real one every 41 ms
			reported += len(p.receive(now, good[next]).Access)
			next++
		}
		now = now.Add(2 * ms)
		p.tick(now)
	}
	if reported != 1 {
		t.Errorf("the valid message was reported %d times, counters %+v", reported, p.Counters())
	}
	if p.Sources() != 1 {
		t.Errorf("%d sources, unfinished messages must not be remembered", p.Sources())
	}
}

func TestOneSourceHasItsShare(t *testing.T) {
	p := newPeer(t, func(c *Config) { c.Reassemblies, c.PerSource = 8, 2 })
	good := segments(t, 100, there, 40)
	p.receive(epoch, good[0])
	// Another source begins to send to many groups.
	for i := range 100 {
		bomb := segments(t, mesh.SequenceNumber(1000+10*i), group+mesh.Address(i), 40)[0]
		bomb.Src = 0x0555
		p.receive(epoch.Add(time.Duration(i)), bomb)
	}
	if c := p.Counters(); c.Evicted != 98 {
		t.Errorf("counters %+v", c)
	}
	if out := p.receive(epoch, good[1:]...); len(out.Access) != 1 {
		t.Error("the valid message was lost")
	}
}

// A message with more segments stays, even if it has waited longer.
func TestFewestSegmentsGoFirst(t *testing.T) {
	p := newPeer(t, func(c *Config) { c.Reassemblies = 2 })
	good, bomb := segments(t, 100, there, 40), segments(t, 7, there, 40)[0]
	p.receive(epoch, good[0], good[1], good[2])
	for i := range 3 {
		bomb.Src = mesh.Address(0x2000 + i)
		p.receive(epoch.Add(time.Duration(i+1)*ms), bomb)
	}
	if out := p.receive(epoch.Add(time.Second), good[3]); len(out.Access) != 1 || p.Counters().Evicted != 2 {
		t.Errorf("the valid message was dropped, counters %+v", p.Counters())
	}
}

func TestReplayListIsFull(t *testing.T) {
	p := newPeer(t, func(c *Config) { c.Sources = 2 })
	for i := range 4 {
		pdu := single(t, 100, there)
		pdu.Src = here // authentic only from here
		p.receive(epoch, pdu)
		control := network.PDU{NetKey: testNet, IVIndex: 5, CTL: true, Seq: 1, Src: mesh.Address(10 + i), Dst: there, Transport: []byte{0x0A, 1}}
		p.receive(epoch, control)
	}
	if c := p.Counters(); p.Sources() != 2 || c.ReplayListFull != 3 || c.Control != 1 || c.Access != 1 {
		t.Errorf("%d sources, counters %+v", p.Sources(), c)
	}
	// A segmented message from a new source is rejected, and the source is
	// informed once.
	bad := segments(t, 100, there, 40)
	for i := range bad {
		bad[i].Src = 0x0777
	}
	if got := acks(t, p.receive(epoch, bad...).Network); len(got) != 1 || got[0].acked != 0 {
		t.Errorf("acknowledgments %+v", got)
	}
	// Known sources continue, and forgetting makes room.
	if out := p.receive(epoch, single(t, 101, there)); len(out.Access) != 1 {
		t.Errorf("a known source was rejected: %+v", p.Counters())
	}
	p.ForgetBefore(5)
	if p.Sources() != 2 {
		t.Errorf("forgot the present IV index")
	}
	p.Forget(10)
	p.ForgetBefore(6)
	if p.Sources() != 0 {
		t.Errorf("%d sources left", p.Sources())
	}
}

func TestRestoreRefusesNonsense(t *testing.T) {
	p := newPeer(t, func(c *Config) { c.Sources = 1 })
	for _, e := range []ReplayEntry{{Src: group, Seq: 1}, {Src: 0, Seq: 1}, {Src: 1, Seq: 1 << 24}} {
		if err := p.Restore(e); err == nil {
			t.Errorf("took %+v", e)
		}
	}
	if err := p.Restore(ReplayEntry{Src: 1, Seq: 5}, ReplayEntry{Src: 2, Seq: 5}, ReplayEntry{Src: 1, Seq: 4}); err == nil || p.Sources() != 1 {
		t.Errorf("more than fit: %v, %d sources", err, p.Sources())
	}
	if out := p.receive(epoch, network.PDU{CTL: true, Seq: 5, Src: 1, Dst: there, Transport: []byte{0x0A}}); len(out.Control) != 0 {
		t.Error("an older entry set the list back")
	}
}

func TestMalformed(t *testing.T) {
	good := single(t, 100, there)
	for name, p := range map[string]network.PDU{
		"empty":                    {Transport: nil},
		"access without MIC":       {Transport: counting(5)},
		"access of 17 octets":      {Transport: append([]byte{0x66}, counting(16)...)},
		"control of 13 octets":     {CTL: true, Transport: append([]byte{0x0A}, counting(12)...)},
		"short acknowledgment":     {CTL: true, Transport: []byte{0, 0, 0, 0, 0, 0}},
		"segment without data":     {Transport: []byte{0xE6, 0, 0, 0}},
		"SegO above SegN":          {Transport: append([]byte{0xE6, 0, 0, 0x40}, counting(12)...)},
		"first segment not full":   {Transport: append([]byte{0xE6, 0, 0, 0x01}, counting(11)...)},
		"segment too long":         {Transport: append([]byte{0xE6, 0, 0, 0x00}, counting(13)...)},
		"control segment of 9":     {CTL: true, Transport: append([]byte{0x8A, 0, 0, 0x00}, counting(9)...)},
		"segmented opcode 0":       {CTL: true, Transport: append([]byte{0x80, 0, 0, 0x00}, counting(8)...)},
		"single segment, only MIC": {Transport: append([]byte{0xE6, 0, 0, 0x00}, counting(4)...)},
		"long MIC, only MIC":       {Transport: append([]byte{0xE6, 0x80, 0, 0x00}, counting(8)...)},
		"SeqAuth below zero":       {Seq: 3, Transport: append([]byte{0xE6, 0x00, 0x10, 0x00}, counting(12)...)},
	} {
		l := newPeer(t)
		p.Src, p.Dst, p.NetKey, p.IVIndex = here, there, testNet, 5
		out := l.receive(epoch, p)
		if l.Counters().Malformed != 1 || len(out.Network)+len(out.Access)+len(out.Control)+len(out.Replay) != 0 || !l.NextDeadline().IsZero() {
			t.Errorf("%s: counters %+v", name, l.Counters())
		}
	}
	for _, src := range []mesh.Address{0, group} {
		l := newPeer(t)
		good.Src = src
		if l.receive(epoch, good); l.Counters().Malformed != 1 {
			t.Errorf("source %s: counters %+v", src, l.Counters())
		}
	}
}

func TestDeviceKeys(t *testing.T) {
	own, peers := crypto.Key{7}, crypto.Key{8}
	ring := func() []DeviceKey {
		return []DeviceKey{{Owner: there, Cipher: crypto.NewCCM(own)}, {Owner: here, Cipher: crypto.NewCCM(peers)}}
	}
	for _, owner := range []mesh.Address{here, there} {
		a, b := newPeer(t), newPeer(t)
		a.ring.devices, b.ring.devices = ring(), ring()
		a.send(epoch, there, 5, func(m *AccessOut) { m.Key = Key{Device: owner} })
		out := b.receive(epoch, copies(a.out.Network)...)
		if len(out.Access) != 1 || out.Access[0].Key.Device != owner || !out.Access[0].Key.IsDevice() {
			t.Errorf("key of %s: %+v, counters %+v", owner, out.Access, b.Counters())
		}
	}
	p := newPeer(t)
	pdu := single(t, 100, there)
	pdu.Transport[0] = 0x01 // a device key has no AID
	if p.receive(epoch, pdu); p.Counters().NoKey != 1 {
		t.Errorf("counters %+v", p.Counters())
	}
	// A device key is for one node, never for a group.
	a := newPeer(t)
	pdu = single(t, 101, group)
	nonce := crypto.DeviceNonce(false, 101, here, group, 5)
	pdu.Transport = a.ring.devices[0].Cipher.Seal([]byte{0}, &nonce, counting(4), nil, shortMIC)
	p.ring.devices = append(testRing().devices, DeviceKey{Owner: here, Cipher: a.ring.devices[0].Cipher})
	if out := p.receive(epoch, pdu); len(out.Access) != 0 || p.Counters().NoKey != 2 {
		t.Errorf("received %+v, counters %+v", out.Access, p.Counters())
	}
}

// A model answers while it still reads the message.
func TestPayloadOutlivesSend(t *testing.T) {
	p := newPeer(t)
	out := p.receive(epoch, single(t, 100, there))
	payload := out.Access[0].Payload
	var answer Output
	for _, size := range []int{5, 50} {
		m := AccessOut{Src: there, Dst: here, Key: Key{App: testApp}, Payload: bytes.Repeat([]byte{0xFF}, size)}
		if _, err := p.Send(epoch, &m, &answer); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(payload, counting(8)) {
		t.Errorf("the payload became %x", payload)
	}
}

func TestNoSequenceNumberForAcknowledgment(t *testing.T) {
	p := newPeer(t)
	p.seq.err = errors.New("spent")
	out := p.receive(epoch, segments(t, 100, there, 40)...)
	if len(out.Access) != 1 || len(out.Network) != 0 || p.Counters().NoSequence != 1 {
		t.Errorf("%+v, counters %+v", out, p.Counters())
	}
}
