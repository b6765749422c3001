package crypto_test

import (
	"crypto/aes"
	"fmt"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// BenchmarkCCM opens and seals the payloads of a received PDU: the 18 octets of
// the network layer, and the 11 of the application, without and with a label.
func BenchmarkCCM(b *testing.B) {
	c := crypto.NewCCM(crypto.Key{1})
	nonce := crypto.NetworkNonce(false, 5, 1, 2, 3)
	buf := make([]byte, 0, 64)
	for _, shape := range []struct{ payload, aad, mic, blocks int }{{18, 0, 4, 6}, {11, 0, 4, 4}, {11, 16, 4, 6}, {380, 0, 4, 50}} {
		plaintext, aad := make([]byte, shape.payload), make([]byte, shape.aad)
		sealed := c.Seal(nil, &nonce, plaintext, aad, shape.mic)
		room := append(buf, sealed...)[:0]
		name := fmt.Sprintf("%d+%d octets, %d blocks", shape.payload, shape.aad, shape.blocks)
		b.Run("open "+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := c.Open(room, &nonce, sealed, aad, shape.mic); !ok {
					b.Fatal("does not open")
				}
			}
		})
		b.Run("seal "+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Seal(room, &nonce, plaintext, aad, shape.mic)
			}
		})
	}
}

// BenchmarkReceive is the cryptography of one unsegmented access message of 29
// octets, 11 AES blocks: header, network layer, application. Compare it with
// the bare blocks.
func BenchmarkReceive(b *testing.B) {
	network, application, privacy := crypto.NewCCM(crypto.Key{1}), crypto.NewCCM(crypto.Key{2}), crypto.NewBlock(crypto.Key{3})
	nonce := crypto.ApplicationNonce(false, 1, 2, 3, 4)
	upper := application.Seal([]byte{0xC0, 0x00, 0x66}, &nonce, make([]byte, 11), nil, 4)
	networkNonce := crypto.NetworkNonce(false, 5, 1, 2, 4)
	pdu := network.Seal(nil, &networkNonce, upper, nil, 4)
	lower, access := make([]byte, 0, 32), make([]byte, 0, 32)
	b.Run("message", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			privacy.EncryptWords(1, 2)
			nonce := crypto.NetworkNonce(false, 5, 1, 2, 4)
			lower, ok := network.Open(lower, &nonce, pdu, nil, 4)
			if !ok {
				b.Fatal("network MIC")
			}
			nonce = crypto.ApplicationNonce(false, 1, 2, 3, 4)
			if _, ok := application.Open(access, &nonce, lower[3:], nil, 4); !ok {
				b.Fatal("application MIC")
			}
		}
	})
	b.Run("bare blocks", func(b *testing.B) {
		block, err := aes.NewCipher(make([]byte, 16))
		if err != nil {
			b.Fatal(err)
		}
		var state [aes.BlockSize]byte
		for b.Loop() {
			for range 11 {
				block.Encrypt(state[:], state[:])
			}
		}
	})
}
