package provision

import (
	"encoding/hex"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// TestTextOfBlueZ is a session in which BlueZ's mesh daemon 5.66 provisioned
// one of our devices, from its log. For Input OOB it also shows small letters,
// which its value contains; our device uses capital letters and digits.
func TestTextOfBlueZ(t *testing.T) {
	octets := func(text string) []byte {
		t.Helper()
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const (
		text      = "1PtvFcBW"
		private   = "b47cd8aa94cc265f4659e2b5423c60c2519b3689e2dc121393d38ae34f768940"
		device    = "7bddfb27dbac259f9f5cdec5be68367e40b165da3c33500f695fece255f6503d2e6a5fc731d8c5753b9f36c36a34d45bcc4c32de3d57fdea0cd9302dafe62259"
		inputs    = "1e" + "0100030002000000080008" + "0000030308" + "184b9dd29d338faea0b4a94e66b2058fe8e19c2d32bd52395edd3a33cd50b1a46be68503975f02290104bb5412c344def1de45baae355a188929cfc405ba62f5" + device
		ours      = "87598f7c547d49da9e977094dd1db8ca" // random numbers
		theirs    = "05c595391ae97d0cfe92e080ab3c3eeb"
		committed = "28145ac6f859caab6183f1bbc0508828" // our confirmation, which BlueZ has checked
		deviceKey = "af19f3ed97cf7082d9355b34ce2962b4"
		sealed    = "0fbfc9af326df03f5373a7f1974e72e9b149cc319279dbfda5fe361506ebdfccf6"
		netKey    = "7e03389b9aa82840c123a078a79161cd"
		address   = mesh.Address(0x0160)
	)
	prompt := Prompt{Method: InputOOB, Action: InputAlphanumeric, Size: 8}
	if err := prompt.check(text); err != nil {
		t.Fatal(err)
	}
	pair, err := crypto.NewKeyPair([32]byte(octets(private)))
	if err != nil {
		t.Fatal(err)
	}
	s := secrets{pair: pair, inputs: [inputsSize]byte(octets(inputs))}
	copy(s.random[:], octets(ours))
	if err := s.agree(crypto.PublicKey(octets(device))); err != nil {
		t.Fatal(err)
	}
	s.setPrompted(&prompt, text)
	s.prepare()
	if got := hex.EncodeToString(s.confirmation[:CMAC.size()]); got != committed {
		t.Errorf("confirmation %s, want %s", got, committed)
	}
	var peer value
	copy(peer[:], octets(theirs))
	end := s.derive(&peer, &s.random)
	if got := hex.EncodeToString(end.deviceKey.Reveal()); got != deviceKey {
		t.Errorf("device key %s, want %s", got, deviceKey)
	}
	network, at, ok := end.open(&Data{Sealed: [sealedSize]byte(octets(sealed))})
	if !ok || at != address || hex.EncodeToString(network.Key.Reveal()) != netKey || network.Index != 0 || network.IVIndex != 0 {
		t.Errorf("opens: %t, %s, NetKey %d, IV index %d", ok, at, network.Index, network.IVIndex)
	}
}
