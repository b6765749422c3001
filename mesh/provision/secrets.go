package provision

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// Sizes of provisioning data in octets (section 5.4.2.5).
const (
	dataSize   = 25
	dataMIC    = 8
	sealedSize = dataSize + dataMIC
)

// Offsets in the ConfirmationInputs (section 5.4.2.4): the parameters of
// Invite, Capabilities and Start, then both public keys, the provisioner's
// first.
const (
	atCapabilities   = 1
	atStart          = atCapabilities + 11
	atProvisionerKey = atStart + 5
	atDeviceKey      = atProvisionerKey + 64
	inputsSize       = atDeviceKey + 64
)

// xSize is the size of the X half of a public key in octets.
const xSize = 32

// value is a confirmation, a random number or an authentication value. An
// algorithm uses its first 16 or all 32 octets.
type value [32]byte

// secrets are the values that one side of one attempt computes (section 5.4.2).
// They are used once and then cleared.
type secrets struct {
	algorithm Algorithm
	auth      value
	inputs    [inputsSize]byte
	pair      *crypto.KeyPair
	ecdh      [32]byte
	salt      value // ConfirmationSalt
	key       value // ConfirmationKey

	random       value // this side's
	confirmation value // this side's
	commitment   value // the peer's confirmation
}

// record stores the parameters of a PDU for the ConfirmationInputs.
func (s *secrets) record(at int, p PDU) {
	var buffer [1 + maxTransaction]byte
	copy(s.inputs[at:], p.append(buffer[:0])[1:])
}

// draw makes the key pair and the random number of this attempt. With a key
// pair that the peer knows out of band only the random number is new.
func (s *secrets) draw(random io.Reader, known *crypto.KeyPair) error {
	pair := known
	if pair == nil {
		drawn, err := crypto.GenerateKeyPair(random)
		if err != nil {
			return fmt.Errorf("provision: key pair: %w", err)
		}
		pair = drawn
	}
	if _, err := io.ReadFull(random, s.random[:s.algorithm.size()]); err != nil {
		return fmt.Errorf("provision: random number: %w", err)
	}
	s.pair = pair
	return nil
}

// setAuth sets the authentication value in the size of the algorithm:
// truncated, or padded with zeros at the end, as existing devices do.
func (s *secrets) setAuth(v AuthValue) {
	s.auth = value{}
	copy(s.auth[:s.algorithm.size()], v)
}

// agree computes the ECDH secret, and the salt from the complete inputs.
func (s *secrets) agree(peer crypto.PublicKey) error {
	secret, err := s.pair.Secret(peer)
	if err != nil {
		return err
	}
	s.ecdh = secret
	if s.algorithm == HMAC {
		s.salt = crypto.S2(s.inputs[:])
		return nil
	}
	salt := crypto.S1(s.inputs[:])
	copy(s.salt[:], salt[:])
	return nil
}

// prepare computes this side's confirmation once the authentication value is
// known.
func (s *secrets) prepare() {
	if s.algorithm == HMAC {
		n := append(append([]byte(nil), s.ecdh[:]...), s.auth[:]...)
		s.key = crypto.K5(n, s.salt, []byte("prck256"))
	} else {
		size := CMAC.size()
		key := crypto.K1(s.ecdh[:], [16]byte(s.salt[:size]), []byte("prck"))
		copy(s.key[:], key[:])
	}
	s.confirmation = s.confirm(&s.random)
}

// confirm returns the confirmation of a random number.
func (s *secrets) confirm(random *value) (c value) {
	if s.algorithm == HMAC {
		mac := hmac.New(sha256.New, s.key[:])
		mac.Write(random[:])
		mac.Sum(c[:0])
		return c
	}
	size := CMAC.size()
	sum := crypto.CMAC(crypto.Key(s.key[:size]), random[:size], s.auth[:size])
	copy(c[:], sum[:])
	return c
}

// commit stores the peer's confirmation. It returns false if it is this side's
// own confirmation, sent back: a peer that cannot compute one would pass with
// it (CVE-2020-26560).
func (s *secrets) commit(peer []byte) bool {
	copy(s.commitment[:], peer)
	return subtle.ConstantTimeCompare(s.commitment[:], s.confirmation[:]) == 0
}

// opens reports whether the peer's random number matches its confirmation.
func (s *secrets) opens(peer *value) bool {
	c := s.confirm(peer)
	return subtle.ConstantTimeCompare(c[:], s.commitment[:]) == 1
}

// own reports whether the peer's random number is this side's own.
func (s *secrets) own(peer *value) bool {
	return subtle.ConstantTimeCompare(peer[:], s.random[:]) == 1
}

// session is the result of the key agreement (sections 5.4.2.5 and 5.4.2.6).
type session struct {
	key       crypto.Key
	nonce     crypto.Nonce
	deviceKey crypto.Key
}

// derive computes the session from both random numbers.
func (s *secrets) derive(provisioner, device *value) session {
	size := s.algorithm.size()
	all := make([]byte, 0, 3*len(value{}))
	all = append(all, s.salt[:size]...)
	all = append(all, provisioner[:size]...)
	all = append(all, device[:size]...)
	salt := crypto.S1(all)
	nonce := crypto.K1(s.ecdh[:], salt, []byte("prsn"))
	return session{
		key:       crypto.K1(s.ecdh[:], salt, []byte("prsk")),
		nonce:     crypto.Nonce(nonce[len(nonce)-len(crypto.Nonce{}):]),
		deviceKey: crypto.K1(s.ecdh[:], salt, []byte("prdk")),
	}
}

// Bits of the flags octet.
const (
	flagKeyRefresh = 1 << 0
	flagIVUpdate   = 1 << 1
)

// seal encrypts the provisioning data (section 5.4.2.5):
//
//	+---------+-------------+-------+----------+-----------------+
//	| NetKey  | NetKeyIndex | Flags | IV Index | Unicast address |
//	+---------+-------------+-------+----------+-----------------+
//	    16          2           1        4             2
func (s *session) seal(n *Network, address mesh.Address) (d Data) {
	var plain [dataSize]byte
	copy(plain[:], n.Key[:])
	binary.BigEndian.PutUint16(plain[16:], uint16(n.Index))
	if n.KeyRefresh {
		plain[18] |= flagKeyRefresh
	}
	if n.IVUpdate {
		plain[18] |= flagIVUpdate
	}
	binary.BigEndian.PutUint32(plain[19:], uint32(n.IVIndex))
	binary.BigEndian.PutUint16(plain[23:], uint16(address))
	crypto.NewCCM(s.key).Seal(d.Sealed[:0], &s.nonce, plain[:], nil, dataMIC)
	return d
}

// open decrypts provisioning data. It returns false if the data is not
// authentic.
func (s *session) open(d *Data) (n Network, address mesh.Address, ok bool) {
	var buffer [dataSize]byte
	plain, ok := crypto.NewCCM(s.key).Open(buffer[:0], &s.nonce, d.Sealed[:], nil, dataMIC)
	if !ok {
		return n, 0, false
	}
	copy(n.Key[:], plain)
	n.Index = mesh.KeyIndex(binary.BigEndian.Uint16(plain[16:]))
	n.KeyRefresh = plain[18]&flagKeyRefresh != 0
	n.IVUpdate = plain[18]&flagIVUpdate != 0
	n.IVIndex = mesh.IVIndex(binary.BigEndian.Uint32(plain[19:]))
	return n, mesh.Address(binary.BigEndian.Uint16(plain[23:])), true
}

// fits reports whether a node with this number of elements can have addresses
// starting at first.
func fits(first mesh.Address, elements uint8) bool {
	last := uint32(first) + uint32(elements) - 1
	return first.IsUnicast() && elements > 0 && last <= uint32(mesh.LastUnicast)
}
