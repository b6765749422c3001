package crypto_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// vector is an entry of crypto.json. Values are strings of hexadecimal digits
// except for a few numbers.
type vector struct {
	Name    string
	Kind    string
	Inputs  map[string]any
	Outputs map[string]any
}

// TestVectors runs every entry of the specification's sample data (section
// 8.1 to 8.4 and 8.17) and of RFC 4493.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../../test/vectors/crypto.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	// What a layer computes is tested in the package of that layer, whose tests
	// count the entries: obfuscation in mesh/network, the frame check sequence
	// of PB-ADV in mesh/provision.
	elsewhere := map[string]int{"obfuscation": 0, "fcs": 0}
	for _, v := range vectors {
		if _, ok := elsewhere[v.Kind]; ok {
			elsewhere[v.Kind]++
			continue
		}
		t.Run(v.Kind+"/"+v.Name, func(t *testing.T) { check(t, v) })
	}
	if elsewhere["obfuscation"] != 1 || elsewhere["fcs"] != 9 {
		t.Errorf("%v entries run in other packages, expected 1 and 9", elsewhere)
	}
}

func check(t *testing.T, v vector) {
	in := func(name string) []byte { return octets(t, v.Inputs, name) }
	want := func(name string, got []byte) {
		t.Helper()
		if w := octets(t, v.Outputs, name); !bytes.Equal(got, w) {
			t.Errorf("%s = %x, want %x", name, got, w)
		}
	}
	key := func(name string) crypto.Key { return crypto.Key(in(name)) }
	derived := func(name, salt string, got crypto.Key) {
		t.Helper()
		s := crypto.S1([]byte(salt))
		if w := in("salt"); !bytes.Equal(s[:], w) {
			t.Errorf("s1(%q) = %x, want %x", salt, s, w)
		}
		want(name, got.Reveal())
	}

	switch v.Kind {
	case "s1":
		salt := crypto.S1(in("m"))
		want("salt", salt[:])
		if _, ok := v.Outputs["uri_hash"]; ok {
			want("uri_hash", salt[:4])
		}
	case "s2":
		salt := crypto.S2(in("m"))
		want("salt", salt[:])
	case "k1":
		want("k1", crypto.K1(in("n"), [16]byte(in("salt")), in("p")).Reveal())
	case "k2":
		nid, encryption, privacy := crypto.K2(key("n"), in("p"))
		want("nid", []byte{nid})
		want("encryption_key", encryption.Reveal())
		want("privacy_key", privacy.Reveal())
	case "k3":
		id := crypto.K3(key("n"))
		want("network_id", id[:])
	case "k4":
		want("aid", []byte{crypto.K4(key("n"))})
	case "k5":
		k := crypto.K5(in("n"), [32]byte(in("salt")), in("p"))
		want("k5", k[:])
	case "identity_key":
		derived("identity_key", "nkik", crypto.IdentityKey(key("net_key")))
	case "beacon_key":
		derived("beacon_key", "nkbk", crypto.BeaconKey(key("net_key")))
	case "private_beacon_key":
		derived("private_beacon_key", "nkpk", crypto.PrivateBeaconKey(key("net_key")))
	case "virtual_address":
		a := crypto.VirtualAddress(mesh.UUID(in("label_uuid")))
		want("virtual_address", []byte{byte(a >> 8), byte(a)})
	case "aes_cmac":
		mac := crypto.CMAC(key("key"), in("m"))
		want("mac", mac[:])
	case "aes_ecb":
		block := [16]byte(in("m"))
		crypto.NewBlock(key("key")).Encrypt(&block, &block)
		want("c", block[:])
	case "aes_ccm":
		checkCCM(t, v)
	case "ecdh_p256":
		checkSecret(t, v)
	default:
		t.Errorf("kind %q has no test here; add one, or name the package that tests it", v.Kind)
	}
}

func checkCCM(t *testing.T, v vector) {
	ccm := crypto.NewCCM(crypto.Key(octets(t, v.Inputs, "key")))
	nonce := crypto.Nonce(octets(t, v.Inputs, "nonce"))
	plaintext, aad := octets(t, v.Inputs, "plaintext"), octets(t, v.Inputs, "aad")
	mic := int(v.Inputs["mic_octets"].(float64))
	want := append(octets(t, v.Outputs, "ciphertext"), octets(t, v.Outputs, "mic")...)

	sealed := ccm.Seal(nil, &nonce, plaintext, aad, mic)
	if !bytes.Equal(sealed, want) {
		t.Errorf("sealed = %x, want %x", sealed, want)
	}
	opened, ok := ccm.Open(nil, &nonce, want, aad, mic)
	if !ok || !bytes.Equal(opened, plaintext) {
		t.Errorf("opened = %x, %v, want %x", opened, ok, plaintext)
	}
}

func checkSecret(t *testing.T, v vector) {
	want := octets(t, v.Outputs, "shared_secret")
	pair := func(name string) (*crypto.KeyPair, bool) {
		private, ok := v.Inputs["private_key_"+name]
		if !ok || private == nil {
			return nil, false
		}
		p, err := crypto.NewKeyPair([32]byte(octets(t, v.Inputs, "private_key_"+name)))
		if err != nil {
			t.Fatal(err)
		}
		public := p.Public()
		if w := octets(t, v.Inputs, "public_key_"+name); !bytes.Equal(public[:], w) {
			t.Errorf("public key %s = %x, want %x", name, public, w)
		}
		return p, true
	}
	sides := 0
	for own, peer := range map[string]string{"a": "b", "b": "a"} {
		p, ok := pair(own)
		if !ok {
			continue
		}
		sides++
		secret, err := p.Secret(crypto.PublicKey(octets(t, v.Inputs, "public_key_"+peer)))
		if err != nil || !bytes.Equal(secret[:], want) {
			t.Errorf("secret of %s = %x, %v, want %x", own, secret, err, want)
		}
	}
	if sides == 0 {
		t.Error("no private key in the entry")
	}
}

func octets(t *testing.T, fields map[string]any, name string) []byte {
	t.Helper()
	text, ok := fields[name].(string)
	if !ok {
		t.Fatalf("field %q: expected a string, got %v", name, fields[name])
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatalf("field %q: %v", name, err)
	}
	return b
}
