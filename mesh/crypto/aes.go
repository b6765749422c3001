package crypto

import (
	"crypto/aes"
	"crypto/cipher"
)

// expanded is an AES-128 key, ready to encrypt. Where the processor has AES
// instructions that we use (aes_amd64.s), it is the eleven round keys, and two
// independent blocks take as long as one. Elsewhere it is the standard library's.
//
// The standard library is as fast for a long message, but a mesh message is eleven
// blocks under three keys: half of the time went into the way to each block.
type expanded struct {
	rounds [11][aes.BlockSize]byte
	cipher cipher.Block // nil: rounds is used
}

// expand prepares a key. AES accepts every key of 16 octets.
func expand(key Key) expanded {
	var e expanded
	if haveAES {
		expandKey((*[aes.BlockSize]byte)(&key), &e.rounds)
		return e
	}
	return portable(key)
}

// portable prepares a key for the standard library.
func portable(key Key) expanded {
	c, err := aes.NewCipher(key[:])
	if err != nil {
		panic("crypto: AES rejected a key of 16 octets: " + err.Error())
	}
	return expanded{cipher: c}
}

// native reports whether rounds is used.
func (e *expanded) native() bool { return haveAES && e.cipher == nil }

// encrypt encrypts a block in place. The block must be part of something that is on
// the heap already: an argument of an interface method escapes.
func (e *expanded) encrypt(block *[aes.BlockSize]byte) {
	if e.native() {
		encryptBlock(&e.rounds, block)
		return
	}
	e.cipher.Encrypt(block[:], block[:])
}
