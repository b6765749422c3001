package transport

import (
	"bytes"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

// vector is a sample with the parts that the layers need.
type vector struct{ vectors.MessageEntry }

// script returns the sequence numbers of a sample.
type script struct {
	v    *vector
	next int
}

func (s *script) Next() (mesh.SequenceNumber, mesh.IVIndex, error) {
	s.next++
	return mesh.SequenceNumber(s.v.Details[s.next-1].Seq), mesh.IVIndex(s.v.IVIndex), nil
}

func (v *vector) cipher() *crypto.CCM {
	var k crypto.Key
	copy(k[:], v.Key)
	return crypto.NewCCM(k)
}

// keys returns the sample's key after others that do not match, so that trying
// keys is tested.
func (v *vector) keys() *ring {
	src, dst := mesh.Address(v.Src), mesh.Address(v.Dst)
	r := &ring{
		apps: []AppKey{
			{Index: 1, AID: uint8(v.AID), Cipher: crypto.NewCCM(crypto.Key{0xBA, 0xD0})},
			{Index: testApp, AID: uint8(v.AID), Cipher: v.cipher()},
		},
		devices: []DeviceKey{
			{Owner: src, Cipher: crypto.NewCCM(crypto.Key{0xBA, 0xD1})},
			{Owner: dst, Cipher: v.cipher()},
		},
	}
	if len(v.LabelUUID) != 0 {
		r.labels = []mesh.UUID{mesh.UUID(v.LabelUUID)}
	}
	return r
}

func (v *vector) credentials() *network.Credentials {
	var k crypto.Key
	copy(k[:], v.Credentials.NetKey)
	return network.NewCredentials(k, v.Credentials.K2P)
}

func loadVectors(t *testing.T) []vector {
	t.Helper()
	var all []vector
	for _, e := range vectors.Messages(t) {
		all = append(all, vector{e})
	}
	return all
}

func TestSampleData(t *testing.T) {
	tested := 0
	for _, v := range loadVectors(t) {
		if v.Kind != "access" && v.Kind != "control" {
			continue // samples of the network layer and of the proxy protocol
		}
		t.Run(v.Name, func(t *testing.T) {
			if len(v.LowerTransportPDUs) == 0 || len(v.Details) != len(v.LowerTransportPDUs) || len(v.NetworkPDUs) != len(v.LowerTransportPDUs) {
				t.Fatal("the sample is incomplete")
			}
			tested++
			t.Run("send", v.testSend)
			t.Run("receive", v.testReceive)
		})
	}
	if tested != 96 {
		t.Errorf("tested %d samples, expected 96", tested)
	}
}

func (v *vector) testSend(t *testing.T) {
	l := New(Config{Keys: v.keys(), Sequencer: &script{v: v}})
	var out Output
	var err error
	now := epoch
	src, dst, ttl := mesh.Address(v.Src), mesh.Address(v.Dst), mesh.TTL(v.TTL)
	switch {
	case v.Kind == "access":
		m := AccessOut{Src: src, Dst: dst, NetKey: testNet, TTL: ttl, Segmented: v.Segmented, LongMIC: v.SZMIC == 1, Payload: v.AccessPayload}
		m.Key = Key{App: testApp}
		if v.KeyType == "device" {
			m.Key = Key{Device: dst}
		}
		if len(v.LabelUUID) != 0 {
			m.Label = mesh.UUID(v.LabelUUID)
		}
		_, err = l.Send(now, &m, &out)
	case v.TransportOpcode == opcodeAck:
		// The samples come from a friend, on behalf of its Low Power node.
		a, ok := parseAck(v.LowerTransportPDUs[0])
		if !ok || !a.obo {
			t.Fatalf("read as %+v, %t", a, ok)
		}
		if got := a.append(nil); !bytes.Equal(got, v.LowerTransportPDUs[0]) {
			t.Fatalf("acknowledgment %x, expected %x", got, v.LowerTransportPDUs[0])
		}
		return
	default:
		_, err = l.SendControl(now, &ControlOut{
			Src: src, Dst: dst, NetKey: testNet, TTL: ttl, Opcode: uint8(v.TransportOpcode), Params: v.UpperTransportPDU,
		}, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	for len(out.Network) < len(v.LowerTransportPDUs) {
		l.Tick(l.NextDeadline(), &out)
	}
	credentials := v.credentials()
	for i, got := range out.Network {
		if !bytes.Equal(got.Transport, v.LowerTransportPDUs[i]) {
			t.Errorf("lower transport PDU %d:\n got %x\nwant %x", i, got.Transport, v.LowerTransportPDUs[i])
		}
		sealed, err := credentials.Seal(nil, &got.PDU)
		if err != nil || !bytes.Equal(sealed, v.NetworkPDUs[i]) {
			t.Errorf("network PDU %d: %v\n got %x\nwant %x", i, err, sealed, v.NetworkPDUs[i])
		}
	}
}

func (v *vector) testReceive(t *testing.T) {
	l := New(Config{Keys: v.keys(), Sequencer: &count{}})
	receiver := network.NewReceiver(network.Config{IVIndex: mesh.IVIndex(v.IVIndex)})
	receiver.AddSubnet(testNet, v.credentials())
	var out Output
	// As received from the air, last segment first.
	for i := len(v.NetworkPDUs) - 1; i >= 0; i-- {
		var p network.PDU
		if verdict := receiver.Open(v.NetworkPDUs[i], &p); verdict != network.Fresh {
			t.Fatalf("network PDU %d: %v", i, verdict)
		}
		if !bytes.Equal(p.Transport, v.LowerTransportPDUs[i]) {
			t.Fatalf("lower transport PDU %d: got %x, want %x", i, p.Transport, v.LowerTransportPDUs[i])
		}
		l.Receive(epoch, &p, &out)
	}
	src, dst, seq := mesh.Address(v.Src), mesh.Address(v.Dst), mesh.SequenceNumber(v.Details[0].Seq)
	switch {
	case v.Kind == "access":
		if len(out.Access) != 1 {
			t.Fatalf("got %d messages, counters %+v", len(out.Access), l.Counters())
		}
		m := out.Access[0]
		if !bytes.Equal(m.Payload, v.AccessPayload) || m.Src != src || m.Dst != dst || m.Seq != seq ||
			m.TTL != mesh.TTL(v.TTL) || m.Segmented != v.Segmented || m.NetKey != testNet {
			t.Errorf("got %+v", m)
		}
		if m.Key.IsDevice() != (v.KeyType == "device") || m.Key.IsDevice() && m.Key.Device != dst || !m.Key.IsDevice() && m.Key.App != testApp {
			t.Errorf("opened with key %+v, expected the %s key", m.Key, v.KeyType)
		}
		if len(v.LabelUUID) != 0 && !bytes.Equal(m.Label[:], v.LabelUUID) {
			t.Errorf("label %s", m.Label)
		}
	case v.TransportOpcode == opcodeAck:
		if l.Counters().StrayAck != 1 || len(out.Control) != 0 {
			t.Errorf("an acknowledgment of nothing: %+v", l.Counters())
		}
		return
	default:
		if len(out.Control) != 1 {
			t.Fatalf("got %d messages, counters %+v", len(out.Control), l.Counters())
		}
		m := out.Control[0]
		if m.Opcode != uint8(v.TransportOpcode) || !bytes.Equal(m.Params, v.UpperTransportPDU) || m.Src != src || m.Dst != dst {
			t.Errorf("got %+v", m)
		}
	}
	if len(out.Replay) != 1 || out.Replay[0] != (ReplayEntry{Src: src, IVIndex: mesh.IVIndex(v.IVIndex), Seq: seq}) {
		t.Errorf("replay entries %+v", out.Replay)
	}
}
