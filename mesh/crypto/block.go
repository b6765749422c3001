package crypto

import (
	"crypto/aes"
	"encoding/binary"
	"math/bits"
)

// Block is AES-128 with one key, the encryption function e of section 3.9.2.1.
// It holds the expanded key and belongs to one goroutine.
type Block struct {
	key expanded
	// Arguments of an interface method escape to the heap. This memory is there
	// already, so a call allocates nothing.
	scratch [aes.BlockSize]byte
}

// NewBlock expands key.
func NewBlock(key Key) *Block { return &Block{key: expand(key)} }

// Encrypt writes e(key, src) to dst; src and dst may be the same.
func (b *Block) Encrypt(dst, src *[16]byte) {
	b.scratch = *src
	b.key.encrypt(&b.scratch)
	*dst = b.scratch
}

// EncryptWords is Encrypt of a block given as two big-endian numbers, the first
// eight octets in high.
func (b *Block) EncryptWords(high, low uint64) (uint64, uint64) {
	if b.key.native() {
		w0, w1 := encryptWords(&b.key.rounds, bits.ReverseBytes64(high), bits.ReverseBytes64(low))
		return bits.ReverseBytes64(w0), bits.ReverseBytes64(w1)
	}
	binary.BigEndian.PutUint64(b.scratch[0:8], high)
	binary.BigEndian.PutUint64(b.scratch[8:16], low)
	b.key.encrypt(&b.scratch)
	return binary.BigEndian.Uint64(b.scratch[0:8]), binary.BigEndian.Uint64(b.scratch[8:16])
}
