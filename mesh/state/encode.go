package state

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
)

// version is part of the stored form, so that a later program knows its format.
const version = 1

// storedKey is the only form of a key that shows its octets: for the store.
type storedKey crypto.Key

func (k storedKey) MarshalText() ([]byte, error) {
	return []byte(hex.EncodeToString(crypto.Key(k).Reveal())), nil
}

func (k *storedKey) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(k)) {
		return fmt.Errorf("key of %d digits, expected %d", len(text), hex.EncodedLen(len(k)))
	}
	_, err := hex.Decode(k[:], text)
	return err
}

type storedSubnet struct {
	Index  mesh.KeyIndex
	Phase  Phase
	Key    storedKey
	NewKey storedKey
}

type storedAppKey struct {
	Index   mesh.KeyIndex
	NetKey  mesh.KeyIndex
	Updated bool
	Key     storedKey
	NewKey  storedKey
}

// stored is the form in the database: the node including its keys.
type stored struct {
	Version int
	*Node
	DeviceKey storedKey

	DeviceKeyCandidate storedKey

	Subnets []storedSubnet
	AppKeys []storedAppKey
}

// Encode returns the stored form: JSON that contains the keys.
func (n *Node) Encode() ([]byte, error) {
	s := stored{Version: version, Node: n, DeviceKey: storedKey(n.DeviceKey), DeviceKeyCandidate: storedKey(n.DeviceKeyCandidate)}
	for _, k := range n.Subnets {
		s.Subnets = append(s.Subnets, storedSubnet{k.Index, k.Phase, storedKey(k.Key), storedKey(k.NewKey)})
	}
	for _, k := range n.AppKeys {
		s.AppKeys = append(s.AppKeys, storedAppKey{k.Index, k.NetKey, k.Updated, storedKey(k.Key), storedKey(k.NewKey)})
	}
	return json.Marshal(s)
}

// Decode decodes the result of Encode. It rejects a newer format, so that no
// unknown data is lost.
func Decode(data []byte) (*Node, error) {
	s := stored{Node: &Node{}}
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("state: expected a valid stored node: %w", err)
	}
	if s.Version != version {
		return nil, fmt.Errorf("state: the stored node has version %d, this program reads %d", s.Version, version)
	}
	n := s.Node
	n.DeviceKey = crypto.Key(s.DeviceKey)
	n.DeviceKeyCandidate = crypto.Key(s.DeviceKeyCandidate)
	for _, k := range s.Subnets {
		n.Subnets = append(n.Subnets, Subnet{k.Index, k.Phase, crypto.Key(k.Key), crypto.Key(k.NewKey)})
	}
	for _, k := range s.AppKeys {
		n.AppKeys = append(n.AppKeys, AppKey{k.Index, k.NetKey, k.Updated, crypto.Key(k.Key), crypto.Key(k.NewKey)})
	}
	return n, nil
}

// Peer is another node of the network as its provisioner knows it.
type Peer struct {
	UUID      mesh.UUID
	Address   mesh.Address // of its primary element
	Elements  int          // 1 to 255, in consecutive addresses
	NetKey    mesh.KeyIndex
	DeviceKey crypto.Key // zero if unknown: the node cannot be configured
}

// Holds reports whether a is the address of one of the peer's elements.
func (p *Peer) Holds(a mesh.Address) bool {
	return a >= p.Address && int(a)-int(p.Address) < p.Elements
}

type storedPeer struct {
	Version   int
	UUID      mesh.UUID
	Address   mesh.Address
	Elements  int
	NetKey    mesh.KeyIndex
	DeviceKey storedKey
}

// Encode returns the stored form: JSON that contains the key.
func (p *Peer) Encode() ([]byte, error) {
	return json.Marshal(storedPeer{version, p.UUID, p.Address, p.Elements, p.NetKey, storedKey(p.DeviceKey)})
}

// DecodePeer decodes the result of Encode.
func DecodePeer(data []byte) (Peer, error) {
	var s storedPeer
	if err := json.Unmarshal(data, &s); err != nil {
		return Peer{}, fmt.Errorf("state: expected a valid stored peer: %w", err)
	}
	if s.Version != version {
		return Peer{}, fmt.Errorf("state: a stored peer has version %d, this program reads %d", s.Version, version)
	}
	if !s.Address.IsUnicast() || s.Elements < 1 || int(s.Address)+s.Elements-1 > int(mesh.LastUnicast) {
		return Peer{}, fmt.Errorf("state: the stored peer %s has an invalid address range, %d elements from %s", s.UUID, s.Elements, s.Address)
	}
	return Peer{s.UUID, s.Address, s.Elements, s.NetKey, crypto.Key(s.DeviceKey)}, nil
}
