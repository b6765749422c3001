package network

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

// octets are hexadecimal in the vector files.
type octets []byte

func (o *octets) UnmarshalText(text []byte) (err error) {
	*o, err = hex.DecodeString(string(text))
	return err
}

// number is a hexadecimal number in the vector files.
type number uint32

func (n *number) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 16, 32)
	*n = number(v)
	return err
}

// vector is an entry of messages.json.
type vector struct {
	Name, Kind  string
	Credentials struct {
		NetKey octets `json:"net_key"`
		P      octets `json:"k2_p"`
		NID    number
		// Only in the one entry that has no NetKey.
		EncryptionKey octets `json:"encryption_key"`
		PrivacyKey    octets `json:"privacy_key"`
	}
	IVIndex   number `json:"iv_index"`
	CTL, TTL  uint8
	Src, Dst  number
	Transport []octets `json:"lower_transport_pdus"`
	Network   []octets `json:"network_pdus"`
	Details   []struct {
		Seq       number
		Transport octets `json:"lower_transport_pdu"`
		Network   octets `json:"network_pdu"`
	}
	Seq number

	// Only in a decode_case.
	PDU       octets `json:"network_pdu"`
	NetKey    octets `json:"net_key"`
	CurrentIV number `json:"current_iv_index"`
	Accepted  bool
}

// TestVectors encrypts and decrypts every network PDU of the specification's
// sample data (sections 8.3 and 8.10 to 8.16).
func TestVectors(t *testing.T) {
	var vectors []vector
	read(t, "messages.json", &vectors)
	for _, v := range vectors {
		t.Run(v.Kind+"/"+v.Name, func(t *testing.T) {
			switch v.Kind {
			case "control", "access", "network_only":
				checkMessage(t, v)
			case "decode_case":
				checkDecode(t, v)
			case "proxy_configuration", "solicitation":
				checkProxy(t, v)
			default:
				t.Errorf("kind %q has no test here; add one, or a skip that names the package that tests it", v.Kind)
			}
		})
	}
}

func checkMessage(t *testing.T, v vector) {
	if len(v.Details) == 0 || len(v.Details) != len(v.Network) {
		t.Fatalf("%d details for %d PDUs", len(v.Details), len(v.Network))
	}
	keys := v.Credentials
	c := expand(uint8(keys.NID), crypto.Key(keys.EncryptionKey), crypto.Key(keys.PrivacyKey))
	if len(keys.NetKey) > 0 {
		c = NewCredentials(crypto.Key(keys.NetKey), keys.P)
	}
	if number(c.NID()) != v.Credentials.NID {
		t.Errorf("NID = %#x, want %#x", c.NID(), v.Credentials.NID)
	}
	r := NewReceiver(Config{IVIndex: mesh.IVIndex(v.IVIndex)})
	r.AddSubnet(7, c)
	for i, d := range v.Details {
		if d.Network == nil { // the entry without a NetKey has the fields above only
			d.Seq, d.Transport, d.Network = v.Seq, v.Transport[i], v.Network[i]
		}
		if !bytes.Equal(d.Network, v.Network[i]) {
			t.Fatalf("PDU %d: the entry contradicts itself", i)
		}
		want := PDU{
			NetKey: 7, IVIndex: mesh.IVIndex(v.IVIndex), CTL: v.CTL == 1, TTL: mesh.TTL(v.TTL),
			Seq: mesh.SequenceNumber(d.Seq), Src: mesh.Address(v.Src), Dst: mesh.Address(v.Dst),
			Transport: d.Transport, By: c,
		}
		sealed, err := c.Seal(nil, &want)
		if err != nil || !bytes.Equal(sealed, d.Network) {
			t.Errorf("PDU %d: sealed %x, %v, want %x", i, sealed, err, d.Network)
		}
		var got PDU
		if verdict := r.Open(d.Network, &got); verdict != Fresh {
			t.Fatalf("PDU %d: verdict %v", i, verdict)
		}
		expect(t, got, want)
	}
}

func checkDecode(t *testing.T, v vector) {
	r := NewReceiver(Config{IVIndex: mesh.IVIndex(v.CurrentIV)})
	r.AddSubnet(0, Flooding(crypto.Key(v.NetKey)))
	var p PDU
	verdict := r.Open(v.PDU, &p)
	if (verdict == Fresh) != v.Accepted {
		t.Errorf("verdict %v, accepted should be %v", verdict, v.Accepted)
	}
}

// obfuscation is such an entry in crypto.json.
type obfuscation struct {
	Name   string
	Inputs struct {
		PrivacyKey octets `json:"privacy_key"`
		IVIndex    number `json:"iv_index"`
		Random     octets `json:"privacy_random"`
		Header     octets
	}
	Outputs struct{ Obfuscated octets }
}

// TestObfuscation obfuscates and restores the headers of crypto.json. The
// entries give a privacy key and the octets after the header (section 3.9.7.3).
func TestObfuscation(t *testing.T) {
	var entries []json.RawMessage // most are of other kinds, with other fields
	read(t, "crypto.json", &entries)
	found := 0
	for _, e := range entries {
		var v obfuscation
		var kind struct{ Kind string }
		if err := json.Unmarshal(e, &kind); err != nil || kind.Kind != "obfuscation" {
			continue
		}
		if err := json.Unmarshal(e, &v); err != nil {
			t.Fatal(err)
		}
		found++
		t.Run(v.Name, func(t *testing.T) {
			c := expand(0, crypto.Key{}, crypto.Key(v.Inputs.PrivacyKey))
			pdu := append(append([]byte{0}, v.Inputs.Header...), v.Inputs.Random...)
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

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("../../test/vectors/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
