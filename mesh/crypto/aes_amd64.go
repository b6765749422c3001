//go:build !purego

package crypto

import "golang.org/x/sys/cpu"

// haveAES: the processor has the instructions of aes_amd64.s.
var haveAES = cpu.X86.HasAES && cpu.X86.HasSSE41 //nolint:gochecknoglobals // a property of the processor

// expandKey computes the eleven round keys of a key (FIPS 197, section 5.2).
//
//go:noescape
func expandKey(key *[16]byte, rounds *[11][16]byte)

// encryptBlock encrypts a block in place (FIPS 197, section 5.1).
//
//go:noescape
func encryptBlock(rounds *[11][16]byte, block *[16]byte)

// encryptWords is encryptBlock of a block in two words, the first octet lowest.
//
//go:noescape
func encryptWords(rounds *[11][16]byte, w0, w1 uint64) (r0, r1 uint64)

// ccmSeal encrypts a message and returns the tag, of which the MIC is the beginning.
// a0, a1 are block A_0 and m0, m1 the CBC-MAC so far, whose last encryption is still
// to be done: words with the first octet lowest. out has room for all of in.
//
//go:noescape
func ccmSeal(rounds *[11][16]byte, a0, a1, m0, m1 uint64, out, in []byte) (t0, t1 uint64)

// ccmOpen decrypts a message and returns the tag that its MIC must agree with.
//
//go:noescape
func ccmOpen(rounds *[11][16]byte, a0, a1, m0, m1 uint64, out, in []byte) (t0, t1 uint64)
