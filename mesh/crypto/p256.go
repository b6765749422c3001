package crypto

import (
	"crypto/ecdh"
	"errors"
	"fmt"
	"io"
)

// PublicKey is a point of P-256 as provisioning sends it: X then Y, 32 octets
// each, big-endian (section 5.4.1.4).
type PublicKey [64]byte

// ErrPublicKey says that a peer's public key is not a point of the curve.
// Provisioning ends with it: continuing would reveal the private key bit by
// bit.
var ErrPublicKey = errors.New("crypto: public key: expected a point of P-256")

// KeyPair is a P-256 key pair of one provisioning session.
type KeyPair struct {
	private *ecdh.PrivateKey
	public  PublicKey
}

// GenerateKeyPair draws a key pair from rand. The same octets from rand give
// the same pair, so that tests can repeat a session.
func GenerateKeyPair(rand io.Reader) (*KeyPair, error) {
	// ecdh's GenerateKey ignores the reader that it is given. A draw is
	// rejected if it is zero or not below the order of the curve, once in 2^32
	// draws. So many in a row mean that rand is broken.
	const tries = 8
	var octets [32]byte
	for range tries {
		if _, err := io.ReadFull(rand, octets[:]); err != nil {
			return nil, fmt.Errorf("crypto: key pair: expected 32 random octets: %w", err)
		}
		if pair, err := NewKeyPair(octets); err == nil {
			return pair, nil
		}
	}
	return nil, fmt.Errorf("crypto: key pair: no usable number in %d draws, check the source of randomness", tries)
}

// NewKeyPair makes the pair of a private key, a big-endian number from 1 to the
// order of the curve minus 1.
func NewKeyPair(private [32]byte) (*KeyPair, error) {
	key, err := ecdh.P256().NewPrivateKey(private[:])
	if err != nil {
		return nil, errors.New("crypto: private key: expected a number from 1 to the order of P-256 minus 1")
	}
	pair := &KeyPair{private: key}
	copy(pair.public[:], key.PublicKey().Bytes()[1:]) // without the octet 04 (uncompressed)
	return pair, nil
}

// Public returns the public key, which is sent to the peer.
func (k *KeyPair) Public() PublicKey { return k.public }

// Secret returns the ECDHSecret of the session, 32 octets (section 5.4.2.3).
// The error is ErrPublicKey if the peer's key is not on the curve.
func (k *KeyPair) Secret(peer PublicKey) ([32]byte, error) {
	const uncompressed = 0x04
	point, err := ecdh.P256().NewPublicKey(append([]byte{uncompressed}, peer[:]...))
	if err != nil {
		return [32]byte{}, fmt.Errorf("%w, end the provisioning session", ErrPublicKey)
	}
	secret, err := k.private.ECDH(point)
	if err != nil {
		return [32]byte{}, fmt.Errorf("%w, end the provisioning session", ErrPublicKey)
	}
	return [32]byte(secret), nil
}

// String returns a redaction.
func (k *KeyPair) String() string { return redacted }

// Format writes a redaction for every verb.
func (k *KeyPair) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }
