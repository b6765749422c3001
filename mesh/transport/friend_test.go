package transport

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

// named returns a sample by the beginning of its name.
func named(t *testing.T, all []vector, name string) *vector {
	t.Helper()
	for i := range all {
		if strings.HasPrefix(all[i].Name, name+" ") {
			return &all[i]
		}
	}
	t.Fatalf("no sample %q", name)
	return nil
}

// pdu is the n-th network PDU of a sample, decrypted.
func (v *vector) pdu(t *testing.T, n int) network.PDU {
	t.Helper()
	r := network.NewReceiver(network.Config{IVIndex: mesh.IVIndex(v.IVIndex)})
	r.AddSubnet(testNet, v.credentials())
	var p network.PDU
	if verdict := r.Open(v.NetworkPDUs[n], &p); verdict != network.Fresh {
		t.Fatalf("%s: %v", v.Name, verdict)
	}
	p.Transport = bytes.Clone(p.Transport)
	return p
}

// TestSamplesOfAFriend is a segmented message for a Low Power node on its way
// through its friend: messages #6 to #15 of the sample data. The segments
// arrive in the wrong order, are acknowledged on behalf of the Low Power node,
// stored, and delivered.
func TestSamplesOfAFriend(t *testing.T) {
	all := loadVectors(t)
	message, again := named(t, all, "message #6"), named(t, all, "message #8")
	const own mesh.Address = 0x2345
	first := named(t, all, "message #7")
	friend := New(Config{
		Keys: &ring{}, Sequencer: &script{v: &vector{vectors.MessageEntry{IVIndex: first.IVIndex, Details: []vectors.MessageDetail{
			first.Details[0], named(t, all, "message #9").Details[0],
		}}}}, TTL: mesh.TTL(first.TTL),
	})
	var out Output
	p := message.pdu(t, 1)
	friend.Hold(epoch, &p, own, false, &out)
	friend.Tick(friend.NextDeadline(), &out)
	p = again.pdu(t, 0)
	friend.Hold(epoch.Add(time.Second), &p, own, false, &out)
	if len(out.Network) != 2 || len(out.Held) != 1 || len(out.Held[0]) != 2 || len(out.Access)+len(out.Replay) != 0 {
		t.Fatalf("%+v", out)
	}
	for i, name := range []string{"message #7", "message #9"} {
		want := named(t, all, name)
		if got, err := want.credentials().Seal(nil, &out.Network[i].PDU); err != nil || !bytes.Equal(got, want.NetworkPDUs[0]) {
			t.Errorf("%s: %x, %v, want %x", name, got, err, want.NetworkPDUs[0])
		}
	}
	for i, name := range []string{"message #11", "message #15"} {
		want := named(t, all, name)
		if got, err := want.credentials().Relay(nil, &out.Held[0][i]); err != nil || !bytes.Equal(got, want.NetworkPDUs[0]) {
			t.Errorf("%s: %x, %v, want %x", name, got, err, want.NetworkPDUs[0])
		}
	}

	// The Low Power node reassembles them and acknowledges nothing.
	node := New(Config{Keys: message.keys(), Sequencer: &count{}})
	out.Reset()
	for _, name := range []string{"message #11", "message #13", "message #15"} {
		p := named(t, all, name).pdu(t, 0)
		node.ReceiveStored(epoch, &p, &out)
	}
	if len(out.Access) != 1 || !bytes.Equal(out.Access[0].Payload, message.AccessPayload) {
		t.Fatalf("%+v", out.Access)
	}
	node.Tick(epoch.Add(time.Hour), &out)
	if len(out.Network) != 0 {
		t.Errorf("a Low Power node acknowledged: %+v", out.Network)
	}
}

// Whatever a friend composes is received as intended.
func TestComposedMessageIsReceived(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 1, MaxPayload).Draw(t, "payload")
		from := New(Config{Keys: testRing(), Sequencer: &count{iv: 5}})
		to := New(Config{Keys: testRing(), Sequencer: &count{iv: 5}})
		pdus, err := from.Compose(&AccessOut{Src: here, Dst: there, NetKey: testNet, Key: Key{App: testApp}, TTL: 3, Payload: payload})
		if err != nil || len(pdus) != PDUs(len(payload)) {
			t.Fatalf("%d PDUs of %d octets, want %d: %v", len(pdus), len(payload), PDUs(len(payload)), err)
		}
		var out Output
		for i := range pdus {
			to.ReceiveStored(epoch, &pdus[i], &out)
		}
		if len(out.Access) != 1 || !bytes.Equal(out.Access[0].Payload, payload) || len(out.Network) != 0 {
			t.Fatalf("received %+v, sent %d PDUs", out.Access, len(out.Network))
		}
	})
}

// A segmented message, access or control, is held as it was sent, in whatever
// order its segments arrive, and however often. It is acknowledged on behalf of
// a unicast destination.
func TestHeldMessageIsWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctl := rapid.Bool().Draw(t, "control")
		dst := rapid.SampledFrom([]mesh.Address{there, group}).Draw(t, "destination")
		from := New(Config{Keys: testRing(), Sequencer: &count{iv: 5}, TTL: 7})
		friend := New(Config{Keys: &ring{}, Sequencer: &count{iv: 5}, TTL: 7})
		var out Output
		var err error
		if ctl {
			params := rapid.SliceOfN(rapid.Byte(), 1, MaxControlParams).Draw(t, "params")
			_, err = from.SendControl(epoch, &ControlOut{
				Src: here, Dst: dst, NetKey: testNet, TTL: 7, Opcode: 0x42, Segmented: true, Params: params,
			}, &out)
		} else {
			payload := rapid.SliceOfN(rapid.Byte(), 1, MaxPayload).Draw(t, "payload")
			_, err = from.Send(epoch, &AccessOut{
				Src: here, Dst: dst, NetKey: testNet, Key: Key{App: testApp}, TTL: 7, Segmented: true, Payload: payload,
			}, &out)
		}
		if err != nil {
			t.Fatal(err)
		}
		count := 1 + int(out.Network[0].Transport[3]&0x1F)
		for len(out.Network) < count {
			from.Tick(from.NextDeadline(), &out)
		}
		sent := make([]network.PDU, 0, count)
		for i := range count {
			p := out.Network[i].PDU
			p.Transport = bytes.Clone(p.Transport)
			sent = append(sent, p)
		}
		var held Output
		order := rapid.Permutation(append(append([]network.PDU{}, sent...), sent[0])).Draw(t, "order")
		for i := range order {
			friend.Hold(epoch, &order[i], 0x0042, false, &held)
		}
		if len(held.Held) != 1 || len(held.Held[0]) != count || len(held.Access)+len(held.Control)+len(held.Replay) != 0 {
			t.Fatalf("held %d messages", len(held.Held))
		}
		for i, p := range held.Held[0] {
			want := sent[i]
			if p.Src != want.Src || p.Dst != want.Dst || p.Seq != want.Seq || p.IVIndex != want.IVIndex || p.CTL != ctl ||
				p.TTL != 7 || p.NetKey != testNet || !bytes.Equal(p.Transport, want.Transport) {
				t.Fatalf("segment %d: %+v, want %+v", i, p, want)
			}
		}
		acks := 0
		for _, o := range held.Network {
			a, ok := parseAck(o.Transport)
			if !ok || !a.obo || o.Src != 0x0042 || o.Dst != here || a.acked != allSegments(uint8(count-1)) {
				t.Fatalf("sent %+v", o)
			}
			acks++
		}
		if unicast := dst.IsUnicast(); unicast != (acks > 0) {
			t.Fatalf("%d acknowledgments to %s", acks, dst)
		}
	})
}
