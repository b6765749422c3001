package network

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// Credentials are NID, EncryptionKey and PrivacyKey of one NetKey and one use
// of it (section 3.9.6.3.1), expanded for use. They belong to one goroutine.
type Credentials struct {
	nid     uint8
	ccm     *crypto.CCM
	privacy *crypto.Block
}

// NewCredentials derives credentials with k2. p says for what: 00 for managed
// flooding, 01 and eight octets for a friendship, 02 for directed forwarding.
func NewCredentials(key crypto.Key, p []byte) *Credentials { panic("TODO") }

// Flooding derives the managed flooding credentials of a NetKey, the ones that
// all nodes of the subnet have.
func Flooding(key crypto.Key) *Credentials { return NewCredentials(key, []byte{0}) }

// Friendship derives the credentials of one friendship (section 3.6.6.3.1).
func Friendship(key crypto.Key, lpn, friend mesh.Address, lpnCounter, friendCounter uint16) *Credentials {
	panic("TODO")
}

// NID is the network identifier, 7 bits.
func (c *Credentials) NID() uint8 { return c.nid }

// Seal appends the network PDU of p to dst: encrypted, then obfuscated
// (section 3.4.6.2). It checks every field it uses and does not allocate when
// dst has room for MaxPDU octets. p.Transport may not overlap that room.
func (c *Credentials) Seal(dst []byte, p *PDU) ([]byte, error) { panic("TODO") }

// Relay appends the network PDU that a relay sends for p (section 3.4.6.4):
// the same SRC, SEQ, IV index and transport PDU with TTL one lower. It gives
// ErrNoRelay for a TTL of 0 or 1. Whether to relay at all is the node's
// decision. c is p.By unless p goes to another subnet.
func (c *Credentials) Relay(dst []byte, p *PDU) ([]byte, error) { panic("TODO") }
