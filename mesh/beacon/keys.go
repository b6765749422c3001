package beacon

import (
	"crypto/subtle"
	"encoding/binary"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// Sizes and offsets in the two authenticated beacons, in octets.
const (
	secureSize  = 22
	secureBody  = 1  // flags, network ID, IV index: the authenticated part
	secureValue = 14 // authentication value

	privateSize = 27
	privateBody = 14 // obfuscated flags and IV index, followed by the tag
	randomSize  = crypto.NonceSize
	stateSize   = 5
	tagSize     = 8
)

// Keys encode and check the beacons of one NetKey. They belong to one
// goroutine.
type Keys struct {
	id      [8]byte
	secure  *crypto.MAC // under the BeaconKey
	private *crypto.CCM // under the PrivateBeaconKey
	opened  [stateSize]byte
}

// NewKeys derives the keys that the beacons of a NetKey need.
func NewKeys(netKey crypto.Key) *Keys {
	return &Keys{
		id:      crypto.NetworkID(netKey),
		secure:  crypto.NewMAC(crypto.BeaconKey(netKey)),
		private: crypto.NewCCM(crypto.PrivateBeaconKey(netKey)),
	}
}

// NetworkID is the public identifier of the subnet.
func (k *Keys) NetworkID() [8]byte { return k.id }

// AppendSecure appends the secure network beacon of s to dst, 22 octets
// (section 3.10.3).
func (k *Keys) AppendSecure(dst []byte, s State) []byte {
	start := len(dst)
	dst = append(dst, byte(TypeSecure), s.flags())
	dst = append(dst, k.id[:]...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(s.IVIndex))
	value := k.secure.Sum(dst[start+secureBody:])
	return append(dst, value[:tagSize]...)
}

// OpenSecure decodes a secure network beacon and checks its authentication
// value. The error is ErrFormat, ErrNotOurs or ErrForged. It does not allocate.
func (k *Keys) OpenSecure(pdu []byte) (State, error) {
	if len(pdu) != secureSize || Type(pdu[0]) != TypeSecure {
		return State{}, ErrFormat
	}
	if [8]byte(pdu[2:10]) != k.id {
		return State{}, ErrNotOurs
	}
	value := k.secure.Sum(pdu[secureBody:secureValue])
	if subtle.ConstantTimeCompare(value[:tagSize], pdu[secureValue:]) != 1 {
		return State{}, ErrForged
	}
	return stateOf(pdu[1], binary.BigEndian.Uint32(pdu[10:])), nil
}

// AppendPrivate appends the mesh private beacon of s to dst, 27 octets (section
// 3.10.4): flags and IV index, encrypted by CCM with random as the nonce. The
// caller draws a new random for every change of s and from time to time, so
// that beacons cannot be linked to one node.
func (k *Keys) AppendPrivate(dst []byte, s State, random [randomSize]byte) []byte {
	dst = append(dst, byte(TypePrivate))
	dst = append(dst, random[:]...)
	var plain [stateSize]byte
	plain[0] = s.flags()
	binary.BigEndian.PutUint32(plain[1:], uint32(s.IVIndex))
	nonce := crypto.Nonce(random)
	return k.private.Seal(dst, &nonce, plain[:], nil, tagSize)
}

// OpenPrivate decodes a mesh private beacon. The error is ErrFormat, or
// ErrForged if it does not belong to this subnet, which only the key can show.
// It does not allocate.
func (k *Keys) OpenPrivate(pdu []byte) (State, error) {
	if len(pdu) != privateSize || Type(pdu[0]) != TypePrivate {
		return State{}, ErrFormat
	}
	nonce := crypto.Nonce(pdu[1:privateBody])
	plain, ok := k.private.Open(k.opened[:0], &nonce, pdu[privateBody:], nil, tagSize)
	if !ok {
		return State{}, ErrForged
	}
	return stateOf(plain[0], binary.BigEndian.Uint32(plain[1:])), nil
}
