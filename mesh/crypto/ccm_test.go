package crypto_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"testing"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// referenceSeal is a literal implementation of RFC 3610, octet by octet, to
// compare the fast CCM with.
func referenceSeal(t rapid.TB, key crypto.Key, nonce crypto.Nonce, plaintext, aad []byte, mic int) []byte {
	t.Helper()
	block, err := aes.NewCipher(key.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	b0 := append(append([]byte{byte((mic-2)/2)<<3 | 1}, nonce[:]...), byte(len(plaintext)>>8), byte(len(plaintext)))
	input := b0
	pad := func() {
		for len(input)%16 != 0 {
			input = append(input, 0)
		}
	}
	if len(aad) > 0 {
		input[0] |= 0x40
		input = append(append(input, byte(len(aad)>>8), byte(len(aad))), aad...)
		pad()
	}
	input = append(input, plaintext...)
	pad()
	var mac [16]byte
	for ; len(input) > 0; input = input[16:] {
		for i := range mac {
			mac[i] ^= input[i]
		}
		block.Encrypt(mac[:], mac[:])
	}
	counter := append(append([]byte{1}, nonce[:]...), 0, 0)
	stream := cipher.NewCTR(block, counter)
	stream.XORKeyStream(mac[:], mac[:])
	out := make([]byte, len(plaintext))
	stream.XORKeyStream(out, plaintext)
	return append(out, mac[:mic]...)
}

func draw(t *rapid.T, name string, least, most int) []byte {
	return rapid.SliceOfN(rapid.Byte(), least, most).Draw(t, name)
}

// TestCCM compares with the reference, opens the result in place and elsewhere,
// and checks that it is rejected if any one bit is changed.
func TestCCM(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := crypto.Key(draw(t, "key", 16, 16))
		nonce := crypto.Nonce(draw(t, "nonce", 13, 13))
		plaintext := draw(t, "plaintext", 0, 80)
		aad := draw(t, "aad", 0, 40)
		mic := rapid.SampledFrom([]int{4, 6, 8, 10, 12, 14, 16}).Draw(t, "mic")
		c := crypto.NewCCM(key)

		sealed := c.Seal([]byte("before"), &nonce, plaintext, aad, mic)
		if !bytes.HasPrefix(sealed, []byte("before")) {
			t.Fatal("Seal changed what was before")
		}
		sealed = sealed[len("before"):]
		if want := referenceSeal(t, key, nonce, plaintext, aad, mic); !bytes.Equal(sealed, want) {
			t.Fatalf("sealed %x, want %x", sealed, want)
		}
		inPlace := append(make([]byte, 0, 120), plaintext...)
		if got := c.Seal(inPlace[:0], &nonce, inPlace, aad, mic); !bytes.Equal(got, sealed) {
			t.Fatalf("sealed in place %x, want %x", got, sealed)
		}

		opened, ok := c.Open([]byte("before"), &nonce, sealed, aad, mic)
		if !ok || !bytes.Equal(opened, append([]byte("before"), plaintext...)) {
			t.Fatalf("opened %x, %v, want %x", opened, ok, plaintext)
		}
		inPlace = bytes.Clone(sealed)
		if got, ok := c.Open(inPlace[:0], &nonce, inPlace, aad, mic); !ok || !bytes.Equal(got, plaintext) {
			t.Fatalf("opened in place %x, %v, want %x", got, ok, plaintext)
		}

		tampered := [][]byte{sealed, nonce[:]}
		if len(aad) > 0 {
			tampered = append(tampered, aad)
		}
		part := rapid.SampledFrom(tampered).Draw(t, "part")
		bit := rapid.IntRange(0, 8*len(part)-1).Draw(t, "bit")
		part[bit/8] ^= 1 << (bit % 8)
		room := bytes.Repeat([]byte{0xAA}, 100)
		got, ok := c.Open(room[:3], &nonce, sealed, aad, mic)
		if ok || len(got) != 3 {
			t.Fatalf("bit %d changed and opened as %x", bit, got)
		}
		for i, b := range room[3 : 3+len(plaintext)] {
			if b != 0 {
				t.Fatalf("octet %d of a rejected plaintext is left", i)
			}
		}
	})
}

// TestCCMShort checks that input shorter than its MIC is rejected.
func TestCCMShort(t *testing.T) {
	c, nonce := crypto.NewCCM(crypto.Key{}), crypto.Nonce{}
	for n := range 8 {
		if _, ok := c.Open(nil, &nonce, make([]byte, n), nil, 8); ok {
			t.Errorf("%d octets opened with a MIC of 8", n)
		}
	}
	if _, ok := c.Open(nil, &nonce, c.Seal(nil, &nonce, nil, nil, 8), nil, 8); !ok {
		t.Error("an empty plaintext does not open")
	}
	if _, ok := c.Open(nil, &nonce, make([]byte, 1<<16+4), nil, 4); ok {
		t.Error("65536 octets opened")
	}
}

// TestCCMMisuse: sizes that CCM does not support are mistakes of the caller.
func TestCCMMisuse(t *testing.T) {
	c, nonce := crypto.NewCCM(crypto.Key{}), crypto.Nonce{}
	for name, call := range map[string]func(){
		"MIC of 2":       func() { c.Seal(nil, &nonce, nil, nil, 2) },
		"MIC of 5":       func() { c.Seal(nil, &nonce, nil, nil, 5) },
		"MIC of 18":      func() { c.Seal(nil, &nonce, nil, nil, 18) },
		"MIC of 0, open": func() { c.Open(nil, &nonce, nil, nil, 0) },
		"long plaintext": func() { c.Seal(nil, &nonce, make([]byte, 1<<16), nil, 4) },
		"long aad":       func() { c.Seal(nil, &nonce, nil, make([]byte, 0xFF00), 4) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			call()
		})
	}
}

// TestAllocations checks that the calls made for every PDU allocate nothing.
func TestAllocations(t *testing.T) {
	ccm, mac, block := crypto.NewCCM(crypto.Key{1}), crypto.NewMAC(crypto.Key{1}), crypto.NewBlock(crypto.Key{1})
	plaintext, label := make([]byte, 30), make([]byte, 16)
	buf, out := make([]byte, 0, 64), make([]byte, 0, 64)
	n := testing.AllocsPerRun(100, func() {
		nonce := crypto.ApplicationNonce(false, 1, 2, 3, 4)
		sealed := ccm.Seal(buf, &nonce, plaintext, label, 8)
		if _, ok := ccm.Open(out, &nonce, sealed, label, 8); !ok {
			t.Error("does not open")
		}
		_ = mac.Sum(sealed, label)
		var b [16]byte
		block.Encrypt(&b, &b)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzCCM compares Open and Seal with the reference.
func FuzzCCM(f *testing.F) {
	key := crypto.Key{1, 2, 3}
	c := crypto.NewCCM(key)
	for _, n := range []int{0, 1, 4, 7, 8, 15, 16, 17, 18, 32, 33} {
		nonce := crypto.Nonce{byte(n)}
		f.Add(nonce[:], c.Seal(nil, &nonce, make([]byte, n), nil, 4), []byte(nil), false)
		f.Add(nonce[:], c.Seal(nil, &nonce, make([]byte, n), make([]byte, 16), 8), make([]byte, 16), true)
	}
	f.Fuzz(func(t *testing.T, nonceOctets, text, aad []byte, long bool) {
		var nonce crypto.Nonce
		copy(nonce[:], nonceOctets)
		if len(text) > 1<<10 || len(aad) > 1<<10 {
			t.Skip("long enough")
		}
		mic := 4
		if long {
			mic = 8
		}
		// As octets from the air: either rejected, or what the reference seals.
		if opened, ok := c.Open(nil, &nonce, text, aad, mic); ok {
			if want := referenceSeal(t, key, nonce, opened, aad, mic); !bytes.Equal(text, want) {
				t.Errorf("opened %x, which seals as %x", text, want)
			}
		}
		sealed := c.Seal(nil, &nonce, text, aad, mic)
		if want := referenceSeal(t, key, nonce, text, aad, mic); !bytes.Equal(sealed, want) {
			t.Errorf("sealed %x, want %x", sealed, want)
		}
		if opened, ok := c.Open(nil, &nonce, sealed, aad, mic); !ok || !bytes.Equal(opened, text) {
			t.Errorf("opened %x, %v, want %x", opened, ok, text)
		}
	})
}
