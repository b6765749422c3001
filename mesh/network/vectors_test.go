package network

import (
	"bytes"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

// TestVectors encrypts and decrypts every network PDU of the specification's
// sample data (sections 8.3 and 8.10 to 8.16).
func TestVectors(t *testing.T) {
	for _, v := range vectors.Messages(t) {
		t.Run(v.Kind+"/"+v.Name, func(t *testing.T) {
			switch v.Kind {
			case "control", "access", "network_only":
				checkMessage(t, &v)
			case "decode_case":
				checkDecode(t, &v)
			case "proxy_configuration", "solicitation":
				checkProxy(t, &v)
			default:
				t.Errorf("kind %q has no test here; add one, or a skip that names the package that tests it", v.Kind)
			}
		})
	}
}

func checkMessage(t *testing.T, v *vectors.MessageEntry) {
	if len(v.Details) == 0 || len(v.Details) != len(v.NetworkPDUs) {
		t.Fatalf("%d details for %d PDUs", len(v.Details), len(v.NetworkPDUs))
	}
	keys := v.Credentials
	c := expand(uint8(keys.NID), crypto.Key(keys.EncryptionKey), crypto.Key(keys.PrivacyKey))
	if len(keys.NetKey) > 0 {
		c = NewCredentials(crypto.Key(keys.NetKey), keys.K2P)
	}
	if vectors.Number(c.NID()) != v.Credentials.NID {
		t.Errorf("NID = %#x, want %#x", c.NID(), v.Credentials.NID)
	}
	r := NewReceiver(Config{IVIndex: mesh.IVIndex(v.IVIndex)})
	r.AddSubnet(7, c)
	for i, d := range v.Details {
		if d.NetworkPDU == nil { // the entry without a NetKey has the fields above only
			d.Seq, d.LowerTransportPDU, d.NetworkPDU = v.Seq, v.LowerTransportPDUs[i], v.NetworkPDUs[i]
		}
		if !bytes.Equal(d.NetworkPDU, v.NetworkPDUs[i]) {
			t.Fatalf("PDU %d: the entry contradicts itself", i)
		}
		want := PDU{
			NetKey: 7, IVIndex: mesh.IVIndex(v.IVIndex), CTL: v.CTL == 1, TTL: mesh.TTL(v.TTL),
			Seq: mesh.SequenceNumber(d.Seq), Src: mesh.Address(v.Src), Dst: mesh.Address(v.Dst),
			Transport: d.LowerTransportPDU, By: c,
		}
		sealed, err := c.Seal(nil, &want)
		if err != nil || !bytes.Equal(sealed, d.NetworkPDU) {
			t.Errorf("PDU %d: sealed %x, %v, want %x", i, sealed, err, d.NetworkPDU)
		}
		var got PDU
		if verdict := r.Open(d.NetworkPDU, &got); verdict != Fresh {
			t.Fatalf("PDU %d: verdict %v", i, verdict)
		}
		expect(t, got, want)
	}
}

func checkDecode(t *testing.T, v *vectors.MessageEntry) {
	r := NewReceiver(Config{IVIndex: mesh.IVIndex(v.CurrentIVIndex)})
	r.AddSubnet(0, Flooding(crypto.Key(v.NetKey)))
	var p PDU
	verdict := r.Open(v.NetworkPDU, &p)
	if (verdict == Fresh) != v.Accepted {
		t.Errorf("verdict %v, accepted should be %v", verdict, v.Accepted)
	}
}

// TestObfuscation obfuscates and restores the headers of crypto.json. The
// entries give a privacy key and the octets after the header (section 3.9.7.3).
func TestObfuscation(t *testing.T) {
	found := 0
	for _, v := range vectors.Crypto(t) {
		if v.Kind != "obfuscation" {
			continue
		}
		found++
		t.Run(v.Name, func(t *testing.T) {
			c := expand(0, crypto.Key{}, crypto.Key(v.Inputs.PrivacyKey))
			pdu := append(append([]byte{0}, v.Inputs.Header...), v.Inputs.PrivacyRandom...)
			mask := c.pecb(pdu, mesh.IVIndex(v.Inputs.IVIndex))
			putHeader(pdu, header(pdu)^mask)
			if !bytes.Equal(pdu[1:headerSize], v.Outputs.Obfuscated) {
				t.Errorf("obfuscated %x, want %x", pdu[1:headerSize], v.Outputs.Obfuscated)
			}
			putHeader(pdu, header(pdu)^mask)
			if !bytes.Equal(pdu[1:headerSize], v.Inputs.Header) {
				t.Errorf("read back %x, want %x", pdu[1:headerSize], v.Inputs.Header)
			}
		})
	}
	if found == 0 {
		t.Error("no entry")
	}
}

func expect(t *testing.T, got, want PDU) {
	t.Helper()
	if !bytes.Equal(got.Transport, want.Transport) {
		t.Errorf("transport PDU %x, want %x", got.Transport, want.Transport)
	}
	got.Transport, want.Transport = nil, nil
	if got.NetKey != want.NetKey || got.IVIndex != want.IVIndex || got.CTL != want.CTL || got.TTL != want.TTL ||
		got.Seq != want.Seq || got.Src != want.Src || got.Dst != want.Dst || got.By != want.By {
		t.Errorf("opened %+v, want %+v", got, want)
	}
}
