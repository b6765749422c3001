package network

import (
	"bytes"
	"errors"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

// checkProxy encrypts and decrypts a proxy configuration message or a
// solicitation.
func checkProxy(t *testing.T, v *vectors.MessageEntry) {
	if len(v.NetworkPDUs) != 1 || len(v.LowerTransportPDUs) != 1 {
		t.Fatalf("%d PDUs", len(v.NetworkPDUs))
	}
	c := NewCredentials(crypto.Key(v.Credentials.NetKey), v.Credentials.K2P)
	want := PDU{
		NetKey: 7, IVIndex: mesh.IVIndex(v.IVIndex), CTL: true, Seq: mesh.SequenceNumber(v.Seq),
		Src: mesh.Address(v.Src), Transport: v.LowerTransportPDUs[0], By: c,
	}
	r := NewReceiver(Config{IVIndex: mesh.IVIndex(v.IVIndex)})
	r.AddSubnet(7, c)
	seal, open := c.SealProxy, r.OpenProxy
	other := r.OpenSolicitation
	if v.Kind == "solicitation" {
		seal = func(dst []byte, p *PDU) ([]byte, error) { return c.SealSolicitation(dst, p.Seq, p.Src) }
		open, other = r.OpenSolicitation, r.OpenProxy
	}
	sealed, err := seal(nil, &want)
	if err != nil || !bytes.Equal(sealed, v.NetworkPDUs[0]) {
		t.Errorf("sealed %x, %v, want %x", sealed, err, v.NetworkPDUs[0])
	}
	var got PDU
	if !open(v.NetworkPDUs[0], &got) {
		t.Fatal("it is not authentic")
	}
	expect(t, got, want)
	if other(v.NetworkPDUs[0], &got) || r.Open(v.NetworkPDUs[0], &got) == Fresh {
		t.Error("it was decrypted with another nonce")
	}
	for i := range sealed {
		sealed[i] ^= 0x40
		if open(sealed, &got) {
			t.Errorf("octet %d is changed and it is authentic", i)
		}
		sealed[i] ^= 0x40
	}
}

func TestProxySealErrors(t *testing.T) {
	c := Flooding(crypto.Key{1})
	for name, p := range map[string]PDU{
		"no source":      {Src: 0xC000, Transport: []byte{0}},
		"sequence":       {Src: 1, Seq: mesh.MaxSequenceNumber + 1, Transport: []byte{0}},
		"no message":     {Src: 1},
		"longer than 12": {Src: 1, Transport: make([]byte, 13)},
	} {
		if dst, err := c.SealProxy(nil, &p); err == nil || dst != nil {
			t.Errorf("%s: sealed", name)
		}
	}
	if _, err := c.SealSolicitation(nil, 0, mesh.Unassigned); !errors.Is(err, ErrAddress) {
		t.Errorf("%v", err)
	}
}

// TestSolicitationToWhomever: the destination of a solicitation has no meaning
// (section 6.9.1), and a proxy configuration message has none.
func TestSolicitationToWhomever(t *testing.T) {
	c := Flooding(crypto.Key{1})
	r := NewReceiver(Config{})
	r.AddSubnet(0, c)
	for _, dst := range []mesh.Address{mesh.Unassigned, mesh.AllProxies, 0x0005} {
		var p PDU
		nonce := crypto.SolicitationNonce(7, 0x31)
		pdu := c.seal(nil, &PDU{CTL: true, Seq: 7, Src: 0x31, Dst: dst}, &nonce)
		if !r.OpenSolicitation(pdu, &p) || p.Seq != 7 || p.Src != 0x31 || len(p.Transport) != 0 {
			t.Errorf("to %s: %+v", dst, p)
		}
		nonce = crypto.ProxyNonce(7, 0x31, 0)
		pdu = c.seal(nil, &PDU{CTL: true, Seq: 7, Src: 0x31, Dst: dst, Transport: []byte{0, 1}}, &nonce)
		if got, want := r.OpenProxy(pdu, &p), dst == mesh.Unassigned; got != want {
			t.Errorf("configuration to %s: %t", dst, got)
		}
	}
}

// TestProxyWithOldIVIndex: like any other PDU, it is accepted with the previous
// IV index.
func TestProxyWithOldIVIndex(t *testing.T) {
	c := Flooding(crypto.Key{1})
	pdu, err := c.SealProxy(nil, &PDU{IVIndex: 8, Seq: 3, Src: 1, Transport: []byte{0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	for iv, want := range map[mesh.IVIndex]bool{7: false, 8: true, 9: true, 10: false} {
		r := NewReceiver(Config{IVIndex: iv})
		r.AddSubnet(0, Flooding(crypto.Key{2}))
		r.AddSubnet(1, c)
		var p PDU
		if got := r.OpenProxy(pdu, &p); got != want || got && p.NetKey != 1 {
			t.Errorf("IV index %d: %t, %+v", iv, got, p)
		}
	}
}

func FuzzOpenProxy(f *testing.F) {
	c := Flooding(crypto.Key{1})
	for _, transport := range [][]byte{{0, 1}, make([]byte, 12)} {
		pdu, err := c.SealProxy(nil, &PDU{Seq: 3, Src: 1, Transport: transport})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(pdu)
	}
	pdu, err := c.SealSolicitation(nil, 9, 0x31)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pdu)
	f.Fuzz(func(t *testing.T, pdu []byte) {
		r := NewReceiver(Config{})
		r.AddSubnet(0, c)
		for name, open := range map[string]func([]byte, *PDU) bool{"proxy": r.OpenProxy, "solicitation": r.OpenSolicitation} {
			var p PDU
			if open(pdu, &p) && (!p.CTL || p.TTL != 0 || name == "proxy" && p.Dst != mesh.Unassigned || !p.Src.IsUnicast() || len(p.Transport) > MaxControlTransport) {
				t.Errorf("%s: opened %+v", name, p)
			}
		}
	})
}
