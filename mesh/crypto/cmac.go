package crypto

import (
	"crypto/aes"
	"crypto/subtle"
)

// CMAC is AES-CMAC (RFC 4493, section 3.9.2.2) of the concatenated parts. It
// expands the key; callers that authenticate often keep a MAC.
func CMAC(key Key, parts ...[]byte) [16]byte { return NewMAC(key).Sum(parts...) }

// MAC is AES-CMAC with one key. It holds the expanded key and belongs to one
// goroutine.
type MAC struct {
	key    expanded
	k1, k2 [aes.BlockSize]byte // for a complete and for a padded last block
	state  [aes.BlockSize]byte
}

// NewMAC expands key.
func NewMAC(key Key) *MAC {
	m := &MAC{key: expand(key)}
	m.key.encrypt(&m.k1)
	m.k1 = double(m.k1)
	m.k2 = double(m.k1)
	return m
}

// Sum returns the 16 octets of the MAC of the concatenated parts. It does not
// allocate.
func (m *MAC) Sum(parts ...[]byte) [16]byte {
	m.state = [aes.BlockSize]byte{}
	used := 0 // octets of the current block; a full block waits for a successor
	for _, p := range parts {
		for len(p) > 0 {
			if used == aes.BlockSize {
				m.key.encrypt(&m.state)
				used = 0
			}
			n := subtle.XORBytes(m.state[used:], m.state[used:], p)
			p = p[n:]
			used += n
		}
	}
	last := &m.k1
	if used < aes.BlockSize {
		m.state[used] ^= 0x80
		last = &m.k2
	}
	subtle.XORBytes(m.state[:], m.state[:], last[:])
	m.key.encrypt(&m.state)
	return m.state
}

// double multiplies by x in the field of RFC 4493, section 2.3.
func double(b [aes.BlockSize]byte) [aes.BlockSize]byte {
	const reduction = 0x87
	var out [aes.BlockSize]byte
	carry := byte(0)
	for i := len(b) - 1; i >= 0; i-- {
		out[i] = b[i]<<1 | carry
		carry = b[i] >> 7
	}
	out[len(out)-1] ^= reduction * carry
	return out
}
