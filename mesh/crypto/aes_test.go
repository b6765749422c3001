package crypto

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// The code with the processor's AES instructions and the portable one give the same
// for every length, in place and elsewhere, and neither touches an octet beyond its
// output. Where the processor has no such instructions both are portable.
func TestInstructions(t *testing.T) {
	if !haveAES {
		t.Log("no AES instructions that we use: compares the portable code with itself")
	}
	rapid.Check(t, func(t *rapid.T) {
		octets := func(name string, least, most int) []byte {
			return rapid.SliceOfN(rapid.Byte(), least, most).Draw(t, name)
		}
		key, nonce := Key(octets("key", 16, 16)), Nonce(octets("nonce", NonceSize, NonceSize))
		plaintext, aad := octets("plaintext", 0, 70), octets("aad", 0, 40)
		mic := 2 * rapid.IntRange(2, 8).Draw(t, "half of the MIC")
		fast, slow := NewCCM(key), &CCM{key: portable(key)}

		want := slow.Seal(nil, &nonce, plaintext, aad, mic)
		const guard = 0xA5
		room := bytes.Repeat([]byte{guard}, len(want)+32)
		if got := fast.Seal(room[:0], &nonce, plaintext, aad, mic); !bytes.Equal(got, want) {
			t.Fatalf("sealed % X, portable % X", got, want)
		}
		if behind := room[len(want):]; !bytes.Equal(behind, bytes.Repeat([]byte{guard}, 32)) {
			t.Fatalf("Seal wrote behind its output: % X", behind)
		}
		for name, c := range map[string]*CCM{"fast": fast, "portable": slow} {
			got, ok := c.Open(bytes.Repeat([]byte{guard}, 1), &nonce, want, aad, mic)
			if !ok || !bytes.Equal(got[1:], plaintext) || got[0] != guard {
				t.Fatalf("%s: opened % X, %v; want % X", name, got, ok, plaintext)
			}
			sealed := bytes.Clone(want)
			got, ok = c.Open(sealed[:0], &nonce, sealed, aad, mic)
			if !ok || !bytes.Equal(got, plaintext) || !bytes.Equal(sealed[len(plaintext):], want[len(plaintext):]) {
				t.Fatalf("%s, in place: opened % X, %v; the MIC became % X", name, got, ok, sealed[len(plaintext):])
			}
			bad := bytes.Clone(want)
			bad[rapid.IntRange(0, len(bad)-1).Draw(t, "octet")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			if _, ok := c.Open(nil, &nonce, bad, aad, mic); ok {
				t.Fatalf("%s opened a forgery", name)
			}
		}

		block := [16]byte(octets("block", 16, 16))
		one, two := Block{key: expand(key)}, Block{key: portable(key)}
		var a, b [16]byte
		one.Encrypt(&a, &block)
		two.Encrypt(&b, &block)
		if a != b {
			t.Fatalf("block % X, portable % X", a, b)
		}
	})
}
