//go:build !amd64 || purego

package crypto

// haveAES: there is no code for AES instructions of this processor.
const haveAES = false

func expandKey(*[16]byte, *[11][16]byte) { panic("crypto: no AES instructions") }

func encryptBlock(*[11][16]byte, *[16]byte) { panic("crypto: no AES instructions") }

func encryptWords(*[11][16]byte, uint64, uint64) (r0, r1 uint64) {
	panic("crypto: no AES instructions")
}

func ccmSeal(*[11][16]byte, uint64, uint64, uint64, uint64, []byte, []byte) (t0, t1 uint64) {
	panic("crypto: no AES instructions")
}

func ccmOpen(*[11][16]byte, uint64, uint64, uint64, uint64, []byte, []byte) (t0, t1 uint64) {
	panic("crypto: no AES instructions")
}
