package crypto

import "crypto/cipher"

// CCM is AES-CCM with one key and 13-octet nonces (RFC 3610 with L=2, section
// 3.9.2.3). It keeps the expanded key and its scratch memory, so no call
// allocates when dst has room; it belongs to one goroutine.
type CCM struct {
	cipher cipher.Block
}

// NewCCM expands key.
func NewCCM(key Key) *CCM { return &CCM{cipher: expand(key)} }

// Seal appends the encrypted plaintext and its MIC to dst and returns the
// extended slice. mic is the size of the MIC in octets: 4, 8, or another even
// number from 4 to 16. plaintext has at most 65535 octets; aad, at most 65279
// octets, is authenticated only (the label of a virtual destination) and may
// be nil. The octets appended may lie over plaintext exactly (dst is
// plaintext[:0]) or apart from it. A size out of range is a fault of the
// caller and panics.
func (c *CCM) Seal(dst []byte, nonce *Nonce, plaintext, aad []byte, mic int) []byte {
	panic("TODO")
}

// Open authenticates sealed, the last mic octets of which are its MIC, appends
// its plaintext to dst and returns the extended slice and true. When the MIC
// is wrong, or sealed is shorter than a MIC or longer than 65535 octets and a
// MIC, it returns dst as it was and false, and the room behind dst holds no
// plaintext. nonce, aad, mic and the overlap of dst with sealed are those of
// Seal.
func (c *CCM) Open(dst []byte, nonce *Nonce, sealed, aad []byte, mic int) ([]byte, bool) {
	panic("TODO")
}
