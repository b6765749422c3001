package friend_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

// sample is one of the messages #1 to #15: a Low Power node finds a friend and
// receives a message through it (section 8.3).
type sample struct{ vectors.MessageEntry }

// samples returns the messages #1 to #15, the first of each number.
func samples(t *testing.T) map[int]*sample {
	t.Helper()
	all := map[int]*sample{}
	for _, entry := range vectors.Messages(t) {
		rest, ok := strings.CutPrefix(entry.Name, "message #")
		if !ok {
			continue
		}
		n, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil || n > 15 || all[n] != nil {
			continue
		}
		all[n] = &sample{entry}
	}
	if len(all) != 15 {
		t.Fatalf("%d samples", len(all))
	}
	return all
}

// pdu is the n-th network PDU of the sample, decrypted.
func (s *sample) pdu(n int) network.PDU {
	return network.PDU{
		IVIndex: mesh.IVIndex(s.IVIndex), CTL: s.CTL == 1, TTL: mesh.TTL(s.TTL),
		Seq: mesh.SequenceNumber(s.Details[n].Seq), Src: mesh.Address(s.Src), Dst: mesh.Address(s.Dst), Transport: s.LowerTransportPDUs[n],
	}
}

func (s *sample) control(secured bool) *friend.Control {
	return &friend.Control{
		Src: mesh.Address(s.Src), Dst: mesh.Address(s.Dst), TTL: mesh.TTL(s.TTL), RSSI: -70, Secured: secured,
		Opcode: s.LowerTransportPDUs[0][0], Params: s.UpperTransportPDU,
	}
}

// TestSampleMessages encodes and decodes the parameters of the samples.
func TestSampleMessages(t *testing.T) {
	all := samples(t)
	src := mesh.Address(all[1].Src)
	request, err := friend.ParseRequest(src, all[1].UpperTransportPDU)
	if want := (friend.Request{
		Criteria:     friend.Criteria{RSSI: 2, ReceiveWindow: 1, MinQueueSizeLog: 3},
		ReceiveDelay: 80 * time.Millisecond, PollTimeout: 360000 * 100 * time.Millisecond, Elements: 1,
	}); err != nil || request != want {
		t.Errorf("Friend Request: %+v, %v", request, err)
	}
	offer, err := friend.ParseOffer(all[2].UpperTransportPDU)
	if want := (friend.Offer{
		ReceiveWindow: 50 * time.Millisecond, QueueSize: 3, SubscriptionsSize: 8, RSSI: -70, FriendCounter: 0x072F,
	}); err != nil || offer != want {
		t.Errorf("Friend Offer: %+v, %v", offer, err)
	}
	update, err := friend.ParseUpdate(all[5].UpperTransportPDU)
	if want := (friend.Update{State: beacon.State{IVIndex: 0x12345678}}); err != nil || update != want {
		t.Errorf("Friend Update: %+v, %v", update, err)
	}
	for _, n := range []int{4, 10, 12, 14} {
		poll, err := friend.ParsePoll(all[n].UpperTransportPDU)
		if want := n == 10 || n == 12; err != nil || poll.FSN != want {
			t.Errorf("Friend Poll #%d: %+v, %v", n, poll, err)
		}
		if got := poll.Append(nil); !bytes.Equal(got, all[n].UpperTransportPDU) {
			t.Errorf("Friend Poll #%d: %x", n, got)
		}
	}
	for n, got := range map[int][]byte{1: request.Append(nil), 2: offer.Append(nil), 5: update.Append(nil)} {
		if !bytes.Equal(got, all[n].UpperTransportPDU) {
			t.Errorf("message #%d: encoded %x, want %x", n, got, all[n].UpperTransportPDU)
		}
	}
}

// script is a node that uses the sequence numbers of the samples.
type script struct {
	numbers []vectors.Number
	at      int
}

func (s *script) Next() (mesh.SequenceNumber, mesh.IVIndex, error) {
	s.at++
	return mesh.SequenceNumber(s.numbers[s.at-1]), 0x12345678, nil
}

func (*script) Compose(*friend.Draft) ([]network.PDU, error) { return nil, nil }

func (*script) Security(mesh.KeyIndex) beacon.State { return beacon.State{IVIndex: 0x12345678} }

// sent checks that the only PDU in an output becomes that of a sample.
func sent(t *testing.T, out *friend.Output, want *sample, n int) {
	t.Helper()
	if len(out.Send) != 1 {
		t.Fatalf("%s: %d PDUs, want one", want.Name, len(out.Send))
	}
	o := &out.Send[0]
	key := crypto.Key(want.Credentials.NetKey)
	by := network.Flooding(key)
	if o.Link != (friend.Link{}) {
		by = o.Link.Credentials(key)
	}
	got, err := by.Seal(nil, &o.PDU)
	if err != nil || !bytes.Equal(got, want.NetworkPDUs[n]) {
		t.Errorf("%s: %x, %v, want %x", want.Name, got, err, want.NetworkPDUs[n])
	}
	out.Reset()
}

// TestSampleLowPowerNode runs a Low Power node through the samples.
func TestSampleLowPowerNode(t *testing.T) {
	all := samples(t)
	now := time.Unix(1000, 0)
	var out friend.Output
	l := friend.NewLowPower(friend.LowPowerConfig{
		Node: &script{numbers: []vectors.Number{1, 2, 3, 4, 5}}, Address: 0x1201,
		Criteria:    friend.Criteria{RSSI: 2, ReceiveWindow: 1, MinQueueSizeLog: 3},
		PollTimeout: 36000 * time.Second, ReceiveDelay: 80 * time.Millisecond,
		Jitter: func(low, _ time.Duration) time.Duration { return low },
	})
	tick := func() {
		now = l.NextDeadline()
		l.Tick(now, &out)
	}
	l.Start(now)
	tick()
	sent(t, &out, all[1], 0)
	// The weaker offer is not accepted, whichever arrives first.
	for _, n := range []int{3, 2} {
		l.Receive(now.Add(200*time.Millisecond), all[n].control(false), &out)
	}
	tick()
	sent(t, &out, all[4], 0)
	l.Receive(now.Add(100*time.Millisecond), all[5].control(true), &out)
	if l.Friend() != 0x2345 || l.Awake(now.Add(time.Second)) {
		t.Errorf("the friend is %s, and it listens: %t", l.Friend(), l.Awake(now.Add(time.Second)))
	}
	out.Reset()
	tick()
	sent(t, &out, all[10], 0)
	tick() // the receive window ends
	tick()
	sent(t, &out, all[12], 0)
	l.Heard(now.Add(90*time.Millisecond), &out) // message #13
	sent(t, &out, all[14], 0)
}

// TestSampleFriend runs a friend through the samples.
func TestSampleFriend(t *testing.T) {
	all := samples(t)
	now := time.Unix(1000, 0)
	var out friend.Output
	f := friend.New(friend.Config{
		Node: &script{numbers: []vectors.Number{0x014820, 0x014834}}, Address: 0x2345, Counter: 0x072F, ReceiveWindow: 50 * time.Millisecond,
	})
	tick := func() {
		now = f.NextDeadline()
		f.Tick(now, &out)
	}
	f.Receive(now, all[1].control(false), &out)
	tick()
	// Its queue is longer than that of the sample.
	if len(out.Send) != 1 || out.Send[0].PDU.Seq != 0x014820 || out.Send[0].PDU.Dst != 0x1201 || !out.Links {
		t.Fatalf("offered %+v", out)
	}
	out.Reset()
	poll := func(n int) {
		t.Helper()
		f.Receive(now, all[n].control(true), &out)
		if len(out.Send) != 0 {
			t.Errorf("#%d is answered before the receive delay", n)
		}
		asked := now
		tick()
		if now.Sub(asked) != 80*time.Millisecond {
			t.Errorf("#%d is answered after %s", n, now.Sub(asked))
		}
	}
	poll(4)
	sent(t, &out, all[5], 0)
	// Segment 0 as it was retransmitted, segment 1 as sent first.
	f.Store(all[8].pdu(0), all[6].pdu(1))
	poll(10)
	sent(t, &out, all[11], 0)
	poll(12)
	sent(t, &out, all[13], 0)
	poll(14)
	sent(t, &out, all[15], 0)
}
