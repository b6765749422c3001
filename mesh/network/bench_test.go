package network

import (
	"crypto/aes"
	"crypto/cipher"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// The benchmarks use PDUs of 29 octets, which take 7 AES blocks to encrypt or
// decrypt. Compare them with BenchmarkBareAES, which only runs these blocks.

const benchPDUs = 1 << 14 // more than fit into the cache, so that none is a duplicate

var benchKey = crypto.Key{0x7d, 0xd7, 0x36, 0x4c, 0xd8, 0x42, 0xad, 0x18}

// sealedPDUs returns PDUs of 64 sources with increasing sequence numbers.
func sealedPDUs(b *testing.B, c *Credentials, ttl mesh.TTL) [][]byte {
	b.Helper()
	pdus := make([][]byte, benchPDUs)
	for i := range pdus {
		p := PDU{TTL: ttl, Seq: mesh.SequenceNumber(i), Src: mesh.Address(i%64 + 1), Dst: 0xC000, Transport: make([]byte, 16)}
		var err error
		if pdus[i], err = c.Seal(nil, &p); err != nil {
			b.Fatal(err)
		}
	}
	return pdus
}

func receiver(c *Credentials) *Receiver {
	r := NewReceiver(Config{})
	r.AddSubnet(0, c)
	return r
}

// open measures Open with pdus, which must all get the same verdict.
func open(b *testing.B, r *Receiver, pdus [][]byte, want Verdict) {
	b.Helper()
	var p PDU
	i := 0
	for b.Loop() {
		if got := r.Open(pdus[i%len(pdus)], &p); got != want {
			b.Fatalf("PDU %d: verdict %v, want %v", i, got, want)
		}
		i++
	}
}

func BenchmarkOpenFresh(b *testing.B) {
	c := Flooding(benchKey)
	open(b, receiver(c), sealedPDUs(b, c, 5), Fresh)
}

func BenchmarkOpenIdentical(b *testing.B) {
	c := Flooding(benchKey)
	r, pdus := receiver(c), sealedPDUs(b, c, 5)[:64]
	var p PDU
	for _, pdu := range pdus {
		r.Open(pdu, &p)
	}
	open(b, r, pdus, Duplicate)
}

func BenchmarkOpenRelayed(b *testing.B) {
	c := Flooding(benchKey)
	r := receiver(c)
	var p PDU
	for _, pdu := range sealedPDUs(b, c, 5)[:64] {
		r.Open(pdu, &p)
	}
	open(b, r, sealedPDUs(b, c, 4)[:64], Duplicate)
}

func BenchmarkOpenNotOurs(b *testing.B) {
	c := Flooding(benchKey)
	pdus := sealedPDUs(b, c, 5)[:64]
	open(b, receiver(Flooding(crypto.Key{1})), pdus, NotOurs)
}

func BenchmarkOpenBadMIC(b *testing.B) {
	c := Flooding(benchKey)
	pdus := sealedPDUs(b, c, 5)[:64]
	for _, pdu := range pdus {
		pdu[28] ^= 1
	}
	open(b, receiver(c), pdus, BadMIC)
}

func BenchmarkSeal(b *testing.B) {
	c := Flooding(benchKey)
	p := PDU{TTL: 5, Src: 1, Dst: 0xC000, Transport: make([]byte, 16)}
	buf := make([]byte, 0, MaxPDU)
	b.ReportAllocs()
	for b.Loop() {
		p.Seq++
		if _, err := c.Seal(buf, &p); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareAES runs only the seven blocks of a PDU: one after the other,
// and with the dependencies of CCM (the header's block, then three MAC blocks
// in a row in parallel with three keystream blocks).
func BenchmarkBareAES(b *testing.B) {
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		b.Fatal(err)
	}
	var privacy, mac, stream [aes.BlockSize]byte
	one := func(c cipher.Block, v *[aes.BlockSize]byte) { c.Encrypt(v[:], v[:]) }
	b.Run("chained", func(b *testing.B) {
		for b.Loop() {
			for range 7 {
				one(block, &mac)
			}
		}
	})
	b.Run("interleaved", func(b *testing.B) {
		var input [aes.BlockSize]byte
		for b.Loop() {
			block.Encrypt(privacy[:], input[:])
			for range 3 {
				block.Encrypt(stream[:], input[:])
				one(block, &mac)
			}
		}
	})
}
