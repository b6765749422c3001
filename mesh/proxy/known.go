package proxy

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
)

// maxKnown is how many proxies are remembered over a restart.
const maxKnown = 16

// Known is a proxy that has proved to have the key of a subnet.
type Known struct {
	Peer   bearer.Peer
	NetKey mesh.KeyIndex
	Node   mesh.Address // of its primary element
}

// knownProxies are the proxies that were used last, the last one first. A client
// prefers them to those that only claim to belong to the network.
type knownProxies []Known

func (l knownProxies) find(p bearer.Peer) (Known, bool) {
	if at := slices.IndexFunc(l, func(k Known) bool { return k.Peer == p }); at >= 0 {
		return l[at], true
	}
	return Known{}, false
}

// note puts a proxy first, and reports whether anything has changed. A node that has
// another device address than before is remembered with the new one as well: some
// have several.
func (l *knownProxies) note(k Known) bool {
	if len(*l) > 0 && (*l)[0] == k {
		return false
	}
	*l = slices.Insert(slices.DeleteFunc(*l, func(o Known) bool { return o.Peer == k.Peer }), 0, k)
	*l = (*l)[:min(len(*l), maxKnown)]
	return true
}

// forget forgets a proxy, and reports whether it was known.
func (l *knownProxies) forget(p bearer.Peer) bool {
	before := len(*l)
	*l = slices.DeleteFunc(*l, func(k Known) bool { return k.Peer == p })
	return len(*l) != before
}

// retain forgets the proxies of other subnets, and reports whether there were any.
func (l *knownProxies) retain(keep func(mesh.KeyIndex) bool) bool {
	before := len(*l)
	*l = slices.DeleteFunc(*l, func(k Known) bool { return !keep(k.NetKey) })
	return len(*l) != before
}

// knownSize is the size in octets of a stored proxy:
//
//	| address type 8 | device address 48 | NetKeyIndex 16 | unicast address 16 |
const knownSize = 1 + 6 + 2 + 2

// EncodeKnown returns the stored form of a list of proxies.
func EncodeKnown(list []Known) []byte {
	b := make([]byte, 0, knownSize*len(list))
	for _, k := range list {
		kind := byte(0)
		if k.Peer.Random {
			kind = 1
		}
		b = append(append(b, kind), k.Peer.Address[:]...)
		b = binary.BigEndian.AppendUint16(b, uint16(k.NetKey))
		b = binary.BigEndian.AppendUint16(b, uint16(k.Node))
	}
	return b
}

// DecodeKnown decodes what EncodeKnown returns.
func DecodeKnown(b []byte) ([]Known, error) {
	if len(b)%knownSize != 0 || len(b) > maxKnown*knownSize {
		return nil, fmt.Errorf("proxy: expected up to %d stored proxies of %d octets, got %d octets", maxKnown, knownSize, len(b))
	}
	list := make([]Known, 0, maxKnown)
	for ; len(b) > 0; b = b[knownSize:] {
		list = append(list, Known{
			Peer:   bearer.Peer{Random: b[0] == 1, Address: [6]byte(b[1:])},
			NetKey: mesh.KeyIndex(binary.BigEndian.Uint16(b[7:])),
			Node:   mesh.Address(binary.BigEndian.Uint16(b[9:])),
		})
	}
	return list, nil
}
