package crypto

import (
	"crypto/aes"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
)

// Limits of CCM with a two-octet length (RFC 3610, section 2).
const (
	maxPlaintext  = 0xFFFF
	maxAdditional = 0xFEFF
)

// CCM is AES-CCM with one key and 13-octet nonces (RFC 3610 with L=2, section
// 3.9.2.3). It holds the expanded key and its scratch memory, so that no call
// allocates if dst has room. It belongs to one goroutine.
//
// The blocks that it makes from a nonce are, in octets:
//
//	      0       1 to 13   14, 15
//	+-----------+---------+---------+
//	| flags     |  nonce  | length  |  B0, the first block of the MAC
//	+-----------+---------+---------+
//	| 01        |  nonce  |    i    |  A_i, which encrypts to keystream block i
//	+-----------+---------+---------+
//
// Keystream block 0 encrypts the MIC, blocks from 1 encrypt the payload.
//
// Performance: a MAC block depends on the previous one, keystream blocks depend
// on nothing. The processor therefore works on a MAC block and an independent
// keystream block at once, the last of which is keystream block 0: a message of n
// octets takes as long as n/16 + 2 blocks, rounded up, instead of twice as many.
// Blocks are handled as two words of 64 bits. Byte order only matters for the
// counter; most processors load little-endian words directly.
type CCM struct {
	key    expanded
	mac    [aes.BlockSize]byte // CBC-MAC; between steps its last encryption is still to be done
	stream [aes.BlockSize]byte // the current keystream block
}

// NewCCM expands key.
func NewCCM(key Key) *CCM { return &CCM{key: expand(key)} }

// Seal appends the encrypted plaintext and its MIC to dst and returns the
// extended slice. mic is the size of the MIC in octets: 4, 8, or another even
// number from 4 to 16. plaintext has at most 65535 octets. aad, at most 65279
// octets, is only authenticated (the label of a virtual destination) and may be
// nil. The appended octets may overlap plaintext exactly (dst is plaintext[:0])
// or not at all. A size out of range is a mistake of the caller and panics.
func (c *CCM) Seal(dst []byte, nonce *Nonce, plaintext, aad []byte, mic int) []byte {
	checkSizes(len(plaintext), len(aad), mic)
	n := len(plaintext)
	dst, out := extend(dst, n+mic)
	a, m := c.begin(nonce, n, aad, mic)
	var tag block
	if c.key.native() {
		tag.w0, tag.w1 = ccmSeal(&c.key.rounds, a.w0, a.w1, m.w0, m.w1, out, plaintext)
	} else {
		tag = c.portable(a, m, out, plaintext, true)
	}
	var whole [aes.BlockSize]byte
	put(whole[:], tag.w0, tag.w1)
	copy(out[n:], whole[:])
	return dst
}

// Open authenticates sealed, whose last mic octets are its MIC, appends its
// plaintext to dst and returns the extended slice and true. If the MIC is
// wrong, or sealed is shorter than a MIC or longer than 65535 octets and a MIC,
// it returns dst unchanged and false; no plaintext is left in the room behind
// dst. nonce, aad, mic and the overlap of dst with sealed are those of Seal. A
// caller that may have to try another key must not open in place.
func (c *CCM) Open(dst []byte, nonce *Nonce, sealed, aad []byte, mic int) ([]byte, bool) {
	n := len(sealed) - mic
	if n < 0 || n > maxPlaintext {
		return dst, false
	}
	checkSizes(n, len(aad), mic)
	opened, out := extend(dst, n)
	a, m := c.begin(nonce, n, aad, mic)
	var tag block
	if c.key.native() {
		tag.w0, tag.w1 = ccmOpen(&c.key.rounds, a.w0, a.w1, m.w0, m.w1, out, sealed[:n])
	} else {
		tag = c.portable(a, m, out, sealed[:n], false)
	}
	if !tag.begins(sealed[n:]) {
		clear(out)
		return dst, false
	}
	return opened, true
}

// block is a block as two words, the first octet lowest.
type block struct{ w0, w1 uint64 }

// begin returns A_0, and the CBC-MAC of B0 and the additional data, whose last
// encryption is still to be done.
func (c *CCM) begin(nonce *Nonce, n int, aad []byte, mic int) (a, m block) {
	const lengthSize = 2
	// In the pieces that the nonce was written in: a read across them waits for the
	// memory.
	w0 := binary.LittleEndian.Uint64(nonce[0:8]) << 8
	w1 := uint64(nonce[7]) | uint64(nonce[8])<<8 | uint64(binary.LittleEndian.Uint32(nonce[9:13]))<<16
	flags := uint64(mic-2)/2<<3 | (lengthSize - 1)
	if len(aad) > 0 {
		flags |= 0x40
	}
	a = block{w0 | (lengthSize - 1), w1}
	m = block{w0 | flags, w1 | tail(uint16(n))}
	if len(aad) > 0 {
		put(c.mac[:], m.w0, m.w1)
		c.authenticate(aad)
		m.w0, m.w1 = words(c.mac[:])
	}
	return a, m
}

// authenticate adds the additional data to the MAC: its length in two octets,
// then the data, padded with zeros.
func (c *CCM) authenticate(aad []byte) {
	c.key.encrypt(&c.mac)
	c.mac[0] ^= byte(len(aad) >> 8)
	c.mac[1] ^= byte(len(aad))
	at := 2
	for {
		aad = aad[subtle.XORBytes(c.mac[at:], c.mac[at:], aad):]
		if len(aad) == 0 {
			return
		}
		c.key.encrypt(&c.mac)
		at = 0
	}
}

// portable is ccmSeal or ccmOpen for every processor.
func (c *CCM) portable(a, m block, out, in []byte, seal bool) block {
	put(c.mac[:], m.w0, m.w1)
	for i := uint16(1); len(in) > 0; i++ {
		c.step(a, i)
		n := min(len(in), aes.BlockSize)
		if seal {
			subtle.XORBytes(c.mac[:], c.mac[:], in[:n])
		}
		subtle.XORBytes(out, in[:n], c.stream[:])
		if !seal {
			subtle.XORBytes(c.mac[:], c.mac[:], out[:n])
		}
		in, out = in[n:], out[n:]
	}
	c.step(a, 0)
	s0, s1 := words(c.stream[:])
	m0, m1 := words(c.mac[:])
	return block{s0 ^ m0, s1 ^ m1}
}

// step makes keystream block i and completes the MAC so far.
func (c *CCM) step(a block, i uint16) {
	put(c.stream[:], a.w0, a.w1|tail(i))
	c.key.encrypt(&c.stream)
	c.key.encrypt(&c.mac)
}

// begins reports whether the tag begins with a MIC, in a time that does not depend
// on where they differ.
func (b block) begins(mic []byte) bool {
	switch len(mic) {
	case 4:
		return binary.LittleEndian.Uint32(mic)^uint32(b.w0) == 0
	case 8:
		return word(mic)^b.w0 == 0
	}
	var whole [aes.BlockSize]byte
	put(whole[:], b.w0, b.w1)
	return subtle.ConstantTimeCompare(mic, whole[:len(mic)]) == 1
}

// tail puts a 16-bit number, big-endian, into the last two octets of a word.
func tail(v uint16) uint64 { return uint64(bits.ReverseBytes16(v)) << 48 }

func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func words(b []byte) (uint64, uint64) {
	_ = b[15]
	return binary.LittleEndian.Uint64(b[0:8]), binary.LittleEndian.Uint64(b[8:16])
}

func put(b []byte, w0, w1 uint64) {
	_ = b[15]
	binary.LittleEndian.PutUint64(b[0:8], w0)
	binary.LittleEndian.PutUint64(b[8:16], w1)
}

// extend makes room for n more octets after b and returns the whole slice and
// the room.
func extend(b []byte, n int) (whole, room []byte) {
	whole = slices.Grow(b, n)[:len(b)+n]
	return whole, whole[len(b):]
}

func checkSizes(plaintext, aad, mic int) {
	if plaintext <= maxPlaintext && aad <= maxAdditional && mic >= 4 && mic <= 16 && mic%2 == 0 {
		return
	}
	panic(fmt.Sprintf("crypto: CCM: expected at most %d octets, at most %d additional octets and a MIC of 4 to 16, even; got %d, %d, %d",
		maxPlaintext, maxAdditional, plaintext, aad, mic))
}
