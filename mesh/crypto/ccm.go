package crypto

import (
	"crypto/aes"
	"crypto/cipher"
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
// on nothing. The calls are therefore ordered so that a MAC block always
// follows an independent keystream block, and the processor works on both at
// once. Blocks are handled as two words of 64 bits. Byte order only matters for
// the counter; most processors load little-endian words directly.
type CCM struct {
	cipher cipher.Block
	mac    [aes.BlockSize]byte // CBC-MAC; between steps its last encryption is still to be done
	stream [aes.BlockSize]byte // the current keystream block
	first  [aes.BlockSize]byte // keystream block 0
}

// NewCCM expands key.
func NewCCM(key Key) *CCM { return &CCM{cipher: expand(key)} }

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
	head := c.begin(nonce, n, aad, mic)

	src, to, i := plaintext, out, uint16(1)
	for ; len(src) >= aes.BlockSize; i++ {
		c.step(head, i)
		p0, p1 := words(src)
		k0, k1 := words(c.stream[:])
		m0, m1 := words(c.mac[:])
		put(c.mac[:], m0^p0, m1^p1)
		put(to, k0^p0, k1^p1)
		src, to = src[aes.BlockSize:], to[aes.BlockSize:]
	}
	if len(src) > 0 {
		c.step(head, i)
		at := 0
		if len(src) >= 8 {
			p := word(src)
			putWord(c.mac[:], word(c.mac[:])^p)
			putWord(to, word(c.stream[:])^p)
			at = 8
		}
		for ; at < len(src); at++ {
			p := src[at]
			c.mac[at&15] ^= p
			to[at] = c.stream[at&15] ^ p
		}
	}

	c.finish()
	subtle.XORBytes(out[n:], c.mac[:mic], c.first[:mic])
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
	head := c.begin(nonce, n, aad, mic)

	src, to, i := sealed[:n], out, uint16(1)
	for ; len(src) >= aes.BlockSize; i++ {
		c.step(head, i)
		s0, s1 := words(src)
		k0, k1 := words(c.stream[:])
		m0, m1 := words(c.mac[:])
		p0, p1 := s0^k0, s1^k1
		put(c.mac[:], m0^p0, m1^p1)
		put(to, p0, p1)
		src, to = src[aes.BlockSize:], to[aes.BlockSize:]
	}
	if len(src) > 0 {
		c.step(head, i)
		at := 0
		if len(src) >= 8 {
			p := word(src) ^ word(c.stream[:])
			putWord(c.mac[:], word(c.mac[:])^p)
			putWord(to, p)
			at = 8
		}
		for ; at < len(src); at++ {
			p := src[at] ^ c.stream[at&15]
			c.mac[at&15] ^= p
			to[at] = p
		}
	}

	c.finish()
	if !c.matches(sealed[n:]) {
		clear(out)
		return dst, false
	}
	return opened, true
}

// head is the part that all blocks of one nonce share, prepared for a flags
// octet in the lowest octet of w0 and a counter or length in the highest two of
// w1.
type head struct{ w0, w1 uint64 }

// begin writes B0 and A_0 and adds the additional data to the MAC.
func (c *CCM) begin(nonce *Nonce, n int, aad []byte, mic int) head {
	const lengthSize = 2
	h := head{
		w0: binary.LittleEndian.Uint64(nonce[0:8]) << 8,
		w1: binary.LittleEndian.Uint64(nonce[5:13]) >> 16,
	}
	flags := uint64(mic-2)/2<<3 | (lengthSize - 1)
	if len(aad) > 0 {
		flags |= 0x40
	}
	put(c.mac[:], h.w0|flags, h.w1|tail(uint16(n)))
	put(c.first[:], h.w0|(lengthSize-1), h.w1)
	if len(aad) > 0 {
		c.authenticate(aad)
	}
	return h
}

// authenticate adds the additional data to the MAC: its length in two octets,
// then the data, padded with zeros.
func (c *CCM) authenticate(aad []byte) {
	c.cipher.Encrypt(c.mac[:], c.mac[:])
	c.mac[0] ^= byte(len(aad) >> 8)
	c.mac[1] ^= byte(len(aad))
	at := 2
	for {
		aad = aad[subtle.XORBytes(c.mac[at:], c.mac[at:], aad):]
		if len(aad) == 0 {
			return
		}
		c.cipher.Encrypt(c.mac[:], c.mac[:])
		at = 0
	}
}

// step makes keystream block i and completes the MAC so far.
func (c *CCM) step(h head, i uint16) {
	put(c.stream[:], h.w0|1, h.w1|tail(i))
	c.cipher.Encrypt(c.stream[:], c.stream[:])
	c.cipher.Encrypt(c.mac[:], c.mac[:])
}

// finish makes keystream block 0 and completes the MAC.
func (c *CCM) finish() {
	c.cipher.Encrypt(c.first[:], c.first[:])
	c.cipher.Encrypt(c.mac[:], c.mac[:])
}

// matches compares the received MIC with the computed one, in a time that does
// not depend on where they differ.
func (c *CCM) matches(mic []byte) bool {
	switch len(mic) {
	case 4:
		le := binary.LittleEndian
		return le.Uint32(mic)^le.Uint32(c.mac[:])^le.Uint32(c.first[:]) == 0
	case 8:
		return word(mic)^word(c.mac[:])^word(c.first[:]) == 0
	}
	var diff byte
	for i, b := range mic {
		diff |= b ^ c.mac[i] ^ c.first[i]
	}
	return diff == 0
}

// tail puts a 16-bit number, big-endian, into the last two octets of a word.
func tail(v uint16) uint64 { return uint64(bits.ReverseBytes16(v)) << 48 }

func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func putWord(b []byte, w uint64) { binary.LittleEndian.PutUint64(b, w) }

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
