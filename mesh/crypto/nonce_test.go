package crypto_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strconv"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// message is the part of an entry of messages.json that concerns nonces.
// Numbers are hexadecimal texts except for CTL, TTL and SZMIC.
type message struct {
	Name, Kind      string
	Src, Dst, Seq   string
	IVIndex         string `json:"iv_index"`
	CTL, TTL, SZMIC int
	KeyType         string `json:"key_type"`
	Nonce           string
	TransportNonce  string `json:"transport_nonce"`
	Details         []struct {
		Seq          string
		NetworkNonce string `json:"network_nonce"`
	}
}

// TestNonces computes every nonce that messages.json contains (section 3.9.5).
func TestNonces(t *testing.T) {
	text, err := os.ReadFile("../../test/vectors/messages.json")
	if err != nil {
		t.Fatal(err)
	}
	var messages []message
	if err := json.Unmarshal(text, &messages); err != nil {
		t.Fatal(err)
	}
	made := map[string]int{}
	for _, m := range messages {
		t.Run(m.Name, func(t *testing.T) {
			same := func(kind string, got crypto.Nonce, want string) {
				t.Helper()
				made[kind]++
				if hex.EncodeToString(got[:]) != want {
					t.Errorf("%s nonce %x, want %s", kind, got, want)
				}
			}
			src, dst := mesh.Address(number(t, m.Src)), mesh.Address(number(t, m.Dst))
			iv, seq := mesh.IVIndex(number(t, m.IVIndex)), mesh.SequenceNumber(number(t, m.Seq))
			for _, d := range m.Details {
				if d.NetworkNonce != "" {
					s := seq
					if d.Seq != "" {
						s = mesh.SequenceNumber(number(t, d.Seq))
					}
					same("network", crypto.NetworkNonce(m.CTL == 1, mesh.TTL(m.TTL), s, src, iv), d.NetworkNonce)
				}
			}
			switch {
			case m.Kind == "proxy_configuration":
				same("proxy", crypto.ProxyNonce(seq, src, iv), m.Nonce)
			case m.TransportNonce == "":
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

func number(t *testing.T, text string) uint64 {
	t.Helper()
	if text == "" {
		return 0
	}
	v, err := strconv.ParseUint(text, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	return v
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
