package crypto_test

import (
	"bytes"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

// TestNonces computes every nonce that messages.json contains (section 3.9.5).
func TestNonces(t *testing.T) {
	made := map[string]int{}
	for _, m := range vectors.Messages(t) {
		t.Run(m.Name, func(t *testing.T) {
			same := func(kind string, got crypto.Nonce, want vectors.Hex) {
				t.Helper()
				made[kind]++
				if !bytes.Equal(got[:], want) {
					t.Errorf("%s nonce %x, want %s", kind, got, want)
				}
			}
			src, dst := mesh.Address(m.Src), mesh.Address(m.Dst)
			iv, seq := mesh.IVIndex(m.IVIndex), mesh.SequenceNumber(m.Seq)
			for _, d := range m.Details {
				if len(d.NetworkNonce) > 0 {
					s := seq
					if len(d.NetworkPDU) > 0 { // in the one entry without it, the fields are above
						s = mesh.SequenceNumber(d.Seq)
					}
					same("network", crypto.NetworkNonce(m.CTL == 1, mesh.TTL(m.TTL), s, src, iv), d.NetworkNonce)
				}
			}
			switch {
			case m.Kind == "proxy_configuration":
				same("proxy", crypto.ProxyNonce(seq, src, iv), m.Nonce)
			case len(m.TransportNonce) == 0:
			case m.KeyType == "device":
				same("device", crypto.DeviceNonce(m.SZMIC == 1, seq, src, dst, iv), m.TransportNonce)
			default:
				same("application", crypto.ApplicationNonce(m.SZMIC == 1, seq, src, dst, iv), m.TransportNonce)
			}
		})
	}
	for _, kind := range []string{"network", "application", "device", "proxy"} {
		if made[kind] == 0 {
			t.Errorf("no %s nonce was compared", kind)
		}
	}
}

// TestMACParts: it does not matter where a message is cut into parts.
func TestMACParts(t *testing.T) {
	m := crypto.NewMAC(crypto.Key{1})
	text := bytes.Repeat([]byte{1, 2, 3, 4, 5}, 10)
	for n := range text {
		want := crypto.CMAC(crypto.Key{1}, text[:n])
		for cut := range n {
			if got := m.Sum(text[:cut], nil, text[cut:n]); got != want {
				t.Fatalf("%d octets cut at %d: %x, want %x", n, cut, got, want)
			}
		}
	}
}

// TestRanges: derived values stay within their bits, whatever the key.
func TestRanges(t *testing.T) {
	var aids, nids, addresses uint16
	for i := range 256 {
		k := crypto.Key{byte(i)}
		nid, _, _ := crypto.K2(k, []byte{0})
		address := crypto.VirtualAddress(mesh.UUID(k))
		aids, nids, addresses = aids|uint16(crypto.AID(k)), nids|uint16(nid), addresses|uint16(address)
		if !address.IsVirtual() {
			t.Errorf("label %d has address %v", i, address)
		}
	}
	if aids != 0x3F || nids != 0x7F || addresses != 0xBFFF {
		t.Errorf("bits in use: AID %#x, NID %#x, virtual address %#x", aids, nids, addresses)
	}
}
