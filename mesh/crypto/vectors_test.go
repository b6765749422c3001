package crypto_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/vectors"
)

// TestVectors runs every entry of the specification's sample data (section
// 8.1 to 8.4 and 8.17) and of RFC 4493.
func TestVectors(t *testing.T) {
	// What a layer computes is tested in the package of that layer, whose tests
	// count the entries: obfuscation in mesh/network, the frame check sequence
	// of PB-ADV in mesh/provision.
	elsewhere := map[string]int{"obfuscation": 0, "fcs": 0}
	for _, v := range vectors.Crypto(t) {
		if _, ok := elsewhere[v.Kind]; ok {
			elsewhere[v.Kind]++
			continue
		}
		t.Run(v.Kind+"/"+v.Name, func(t *testing.T) { check(t, &v) })
	}
	if elsewhere["obfuscation"] != 1 || elsewhere["fcs"] != 9 {
		t.Errorf("%v entries run in other packages, expected 1 and 9", elsewhere)
	}
}

func check(t *testing.T, v *vectors.CryptoEntry) {
	in, out := &v.Inputs, &v.Outputs
	want := func(name string, got []byte, want vectors.Hex) {
		t.Helper()
		if !bytes.Equal(got, want) {
			t.Errorf("%s = %x, want %s", name, got, want)
		}
	}
	derived := func(salt string, got crypto.Key, key vectors.Hex) {
		t.Helper()
		s := crypto.S1([]byte(salt))
		if !bytes.Equal(s[:], in.Salt) {
			t.Errorf("s1(%q) = %x, want %s", salt, s, in.Salt)
		}
		want(v.Kind, got.Reveal(), key)
	}

	switch v.Kind {
	case "s1":
		salt := crypto.S1(in.M)
		want("salt", salt[:], out.Salt)
		if out.URIHash != nil {
			want("uri_hash", salt[:4], out.URIHash)
		}
	case "s2":
		salt := crypto.S2(in.M)
		want("salt", salt[:], out.Salt)
	case "k1":
		want("k1", crypto.K1(in.N, [16]byte(in.Salt), in.P).Reveal(), out.K1)
	case "k2":
		nid, encryption, privacy := crypto.K2(crypto.Key(in.N), in.P)
		want("nid", []byte{nid}, out.NID)
		want("encryption_key", encryption.Reveal(), out.EncryptionKey)
		want("privacy_key", privacy.Reveal(), out.PrivacyKey)
	case "k3":
		id := crypto.K3(crypto.Key(in.N))
		want("network_id", id[:], out.NetworkID)
	case "k4":
		want("aid", []byte{crypto.K4(crypto.Key(in.N))}, out.AID)
	case "k5":
		k := crypto.K5(in.N, [32]byte(in.Salt), in.P)
		want("k5", k[:], out.K5)
	case "identity_key":
		derived("nkik", crypto.IdentityKey(crypto.Key(in.NetKey)), out.IdentityKey)
	case "beacon_key":
		derived("nkbk", crypto.BeaconKey(crypto.Key(in.NetKey)), out.BeaconKey)
	case "private_beacon_key":
		derived("nkpk", crypto.PrivateBeaconKey(crypto.Key(in.NetKey)), out.PrivateBeaconKey)
	case "virtual_address":
		a := crypto.VirtualAddress(mesh.UUID(in.LabelUUID))
		want("virtual_address", []byte{byte(a >> 8), byte(a)}, out.VirtualAddress)
	case "aes_cmac":
		mac := crypto.CMAC(crypto.Key(in.Key), in.M)
		want("mac", mac[:], out.MAC)
	case "aes_ecb":
		block := [16]byte(in.M)
		crypto.NewBlock(crypto.Key(in.Key)).Encrypt(&block, &block)
		want("c", block[:], out.C)
	case "aes_ccm":
		checkCCM(t, v)
	case "ecdh_p256":
		checkSecret(t, v)
	default:
		t.Errorf("kind %q has no test here; add one, or name the package that tests it", v.Kind)
	}
}

func checkCCM(t *testing.T, v *vectors.CryptoEntry) {
	in := &v.Inputs
	ccm := crypto.NewCCM(crypto.Key(in.Key))
	nonce := crypto.Nonce(in.Nonce)
	want := slices.Concat(v.Outputs.Ciphertext, v.Outputs.MIC)

	sealed := ccm.Seal(nil, &nonce, in.Plaintext, in.AAD, in.MICOctets)
	if !bytes.Equal(sealed, want) {
		t.Errorf("sealed = %x, want %x", sealed, want)
	}
	opened, ok := ccm.Open(nil, &nonce, want, in.AAD, in.MICOctets)
	if !ok || !bytes.Equal(opened, in.Plaintext) {
		t.Errorf("opened = %x, %v, want %s", opened, ok, in.Plaintext)
	}
}

// checkSecret computes the secret of each side whose private key is known.
func checkSecret(t *testing.T, v *vectors.CryptoEntry) {
	in := &v.Inputs
	sides := 0
	for _, side := range []struct {
		name                  string
		private, public, peer vectors.Hex
	}{
		{"a", in.PrivateKeyA, in.PublicKeyA, in.PublicKeyB},
		{"b", in.PrivateKeyB, in.PublicKeyB, in.PublicKeyA},
	} {
		if side.private == nil {
			continue
		}
		sides++
		p, err := crypto.NewKeyPair([32]byte(side.private))
		if err != nil {
			t.Fatal(err)
		}
		if public := p.Public(); !bytes.Equal(public[:], side.public) {
			t.Errorf("public key %s = %x, want %s", side.name, public, side.public)
		}
		secret, err := p.Secret(crypto.PublicKey(side.peer))
		if err != nil || !bytes.Equal(secret[:], v.Outputs.SharedSecret) {
			t.Errorf("secret of %s = %x, %v, want %s", side.name, secret, err, v.Outputs.SharedSecret)
		}
	}
	if sides == 0 {
		t.Error("no private key in the entry")
	}
}
