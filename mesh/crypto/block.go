package crypto

import (
	"crypto/aes"
	"crypto/cipher"
)

// Block is AES-128 with one key, the encryption function e of section 3.9.2.1.
// It keeps the expanded key and belongs to one goroutine.
type Block struct {
	cipher cipher.Block
	// What is handed to an interface method escapes to the heap. These two
	// live there already, so a call allocates nothing.
	in, out [aes.BlockSize]byte
}

// NewBlock expands key.
func NewBlock(key Key) *Block { return &Block{cipher: expand(key)} }

// Encrypt writes e(key, src) to dst; they may be the same.
func (b *Block) Encrypt(dst, src *[16]byte) {
	b.in = *src
	b.cipher.Encrypt(b.out[:], b.in[:])
	*dst = b.out
}

// expand returns the cipher of key. AES takes every key of 16 octets.
func expand(key Key) cipher.Block {
	c, err := aes.NewCipher(key[:])
	if err != nil {
		panic("crypto: AES refused a key of 16 octets: " + err.Error())
	}
	return c
}
