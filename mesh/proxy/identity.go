package proxy

import (
	"encoding/binary"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// Identification is the identification type, the first octet of the Mesh Proxy
// Service's service data (section 7.2.2.2.1).
type Identification uint8

// The identification types. The private ones reveal nothing without the NetKey
// and change with their random number.
const (
	NetworkID              Identification = 0x00
	NodeIdentity           Identification = 0x01
	PrivateNetworkIdentity Identification = 0x02
	PrivateNodeIdentity    Identification = 0x03
)

// String names the type.
func (i Identification) String() string {
	switch i {
	case NetworkID:
		return "Network ID"
	case NodeIdentity:
		return "Node Identity"
	case PrivateNetworkIdentity:
		return "Private Network Identity"
	case PrivateNodeIdentity:
		return "Private Node Identity"
	default:
		return fmt.Sprintf("identification type 0x%02x", uint8(i))
	}
}

// IsNode reports whether the type identifies one node rather than a subnet.
func (i Identification) IsNode() bool { return i == NodeIdentity || i == PrivateNodeIdentity }

// IsPrivate reports whether the type reveals nothing without the NetKey.
func (i Identification) IsPrivate() bool {
	return i == PrivateNetworkIdentity || i == PrivateNodeIdentity
}

// Sizes in octets. Service data is
//
//	| 00 | Network ID 64 |  or  | 01 to 03 | Hash 64 | Random 64 |
const (
	networkIDSize = 8
	hashSize      = 8
	randomSize    = 8

	networkIDData = 1 + networkIDSize
	hashData      = 1 + hashSize + randomSize
)

// Identity makes and recognises the service data of one NetKey. It belongs to
// one goroutine.
type Identity struct {
	network [networkIDSize]byte
	block   *crypto.Block // under the IdentityKey
}

// NewIdentity derives the keys that the advertisements of a NetKey need.
func NewIdentity(netKey crypto.Key) *Identity {
	return &Identity{network: crypto.NetworkID(netKey), block: crypto.NewBlock(crypto.IdentityKey(netKey))}
}

// ServiceData makes the service data of an identification type. The Network ID
// uses neither random nor address, the Private Network Identity no address.
// random must be new each time.
func (i *Identity) ServiceData(t Identification, random [randomSize]byte, node mesh.Address) []byte {
	if t == NetworkID {
		return append([]byte{byte(NetworkID)}, i.network[:]...)
	}
	hash := i.hash(t, random[:], node)
	data := append(make([]byte, 0, hashData), byte(t))
	return append(append(data, hash[:]...), random[:]...)
}

// hash is the last half of e(IdentityKey, ...). The encrypted block is
//
//	| 000000000000 | Random 64 | Address 16 |     Node Identity
//	| 000000000003 | Random 64 | Address 16 |     Private Node Identity
//	| Network ID 64 | Random 64 |                 Private Network Identity
func (i *Identity) hash(t Identification, random []byte, node mesh.Address) [hashSize]byte {
	r := binary.BigEndian.Uint64(random)
	high, low := r>>48, r<<16|uint64(node)
	switch t {
	case PrivateNodeIdentity:
		high |= uint64(PrivateNodeIdentity) << 16
	case PrivateNetworkIdentity:
		high, low = binary.BigEndian.Uint64(i.network[:]), r
	}
	_, out := i.block.EncryptWords(high, low)
	return [hashSize]byte(binary.BigEndian.AppendUint64(nil, out))
}

// TypeOf returns the identification type of service data; false if it is not
// that of a proxy.
func TypeOf(data []byte) (Identification, bool) {
	if len(data) == 0 {
		return 0, false
	}
	t := Identification(data[0])
	if t == NetworkID {
		return t, len(data) == networkIDData
	}
	return t, t <= PrivateNodeIdentity && len(data) == hashData
}

// IsNetwork reports whether service data belongs to a proxy of the subnet that
// does not identify its node.
func (i *Identity) IsNetwork(data []byte) bool {
	switch t, ok := TypeOf(data); {
	case !ok:
		return false
	case t == NetworkID:
		return [networkIDSize]byte(data[1:]) == i.network
	case t == PrivateNetworkIdentity:
		return i.matches(t, data, mesh.Unassigned)
	default:
		return false
	}
}

// IsNode reports whether service data belongs to a certain node of the subnet,
// given by the address of its primary element.
func (i *Identity) IsNode(data []byte, node mesh.Address) bool {
	t, ok := TypeOf(data)
	return ok && t.IsNode() && i.matches(t, data, node)
}

func (i *Identity) matches(t Identification, data []byte, node mesh.Address) bool {
	return i.hash(t, data[1+hashSize:], node) == [hashSize]byte(data[1:])
}

const deviceDataSize = 18

// DeviceServiceData returns the service data of the Mesh Provisioning Service
// of an unprovisioned device (section 7.1.2.2.1):
//
//	| Device UUID 128 | OOB Information 16 |
//
// The OOB information is big-endian as in the unprovisioned device beacon. The
// specification's sample has the other order; existing devices follow the
// beacon.
func DeviceServiceData(uuid mesh.UUID, oob beacon.OOB) []byte {
	return binary.BigEndian.AppendUint16(append(make([]byte, 0, deviceDataSize), uuid[:]...), uint16(oob))
}

// ParseDeviceServiceData decodes what DeviceServiceData makes; false if it is
// something else. Nothing in it is authentic.
func ParseDeviceServiceData(data []byte) (mesh.UUID, beacon.OOB, bool) {
	if len(data) != deviceDataSize {
		return mesh.UUID{}, 0, false
	}
	return mesh.UUID(data), beacon.OOB(binary.BigEndian.Uint16(data[len(mesh.UUID{}):])), true
}
