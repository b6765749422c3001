package crypto

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// S1 is the salt s1(M): AES-CMAC of m under the zero key (section 3.9.2.4).
func S1(m []byte) [16]byte { return CMAC(Key{}, m) }

// S2 is the salt s2(M): HMAC-SHA-256 of m under 32 zero octets (section
// 3.9.2.5).
func S2(m []byte) [32]byte { return mac256(make([]byte, 32), m) }

// K1 derives a key from n, of any length, with salt and p (section 3.9.2.6).
func K1(n []byte, salt [16]byte, p []byte) Key {
	t := CMAC(Key(salt), n)
	return Key(CMAC(Key(t), p))
}

// K2 derives a set of network credentials from the NetKey n (section 3.9.2.7).
// p names the set and has at least one octet: 00 for managed flooding, 01 and
// eight octets for friendship, 02 for directed forwarding. nid has 7 bits.
func K2(n Key, p []byte) (nid uint8, encryption, privacy Key) {
	t := NewMAC(Key(CMAC(Key(S1([]byte("smk2"))), n[:])))
	t1 := t.Sum(p, []byte{1})
	t2 := t.Sum(t1[:], p, []byte{2})
	t3 := t.Sum(t2[:], p, []byte{3})
	return t1[15] & 0x7F, Key(t2), Key(t3)
}

// K3 derives 64 public bits from n (section 3.9.2.8). For a NetKey this is the
// Network ID.
func K3(n Key) [8]byte {
	t := CMAC(Key(S1([]byte("smk3"))), n[:])
	full := CMAC(Key(t), []byte("id64\x01"))
	return [8]byte(full[8:])
}

// K4 derives 6 public bits from n (section 3.9.2.9). For an AppKey this is the
// AID, 0x00 to 0x3F.
func K4(n Key) uint8 {
	t := CMAC(Key(S1([]byte("smk4"))), n[:])
	return CMAC(Key(t), []byte("id6\x01"))[15] & 0x3F
}

// K5 derives 256 bits from n, of any length, with salt and p, by HMAC-SHA-256
// (section 3.9.2.10). Provisioning uses it.
func K5(n []byte, salt [32]byte, p []byte) [32]byte {
	t := mac256(salt[:], n)
	return mac256(t[:], p)
}

// AID is the application key identifier of an AppKey, six bits (section
// 3.9.6.2).
func AID(appKey Key) uint8 { return K4(appKey) }

// NetworkID is the public identifier of a NetKey's subnet (section 3.9.6.3.2).
func NetworkID(netKey Key) [8]byte { return K3(netKey) }

// IdentityKey derives the key for the hash of node identity advertising
// (section 3.9.6.3.3).
func IdentityKey(netKey Key) Key { return fromNetKey(netKey, "nkik") }

// BeaconKey derives the key that authenticates secure network beacons (section
// 3.9.6.3.4).
func BeaconKey(netKey Key) Key { return fromNetKey(netKey, "nkbk") }

// PrivateBeaconKey derives the key that authenticates and hides mesh private
// beacons (section 3.9.6.3.5).
func PrivateBeaconKey(netKey Key) Key { return fromNetKey(netKey, "nkpk") }

// VirtualAddress is the address of a label, 0x8000 to 0xBFFF (section 3.4.2.3).
// Different labels may have the same address.
func VirtualAddress(label mesh.UUID) mesh.Address {
	hash := CMAC(Key(S1([]byte("vtad"))), label[:])
	return 0x8000 | mesh.Address(binary.BigEndian.Uint16(hash[14:]))&0x3FFF
}

func fromNetKey(netKey Key, salt string) Key {
	return K1(netKey[:], S1([]byte(salt)), []byte("id128\x01"))
}

func mac256(key, m []byte) [32]byte {
	h := hmac.New(sha256.New, key)
	h.Write(m)
	return [32]byte(h.Sum(nil))
}
