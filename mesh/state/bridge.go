package state

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// Bridge is what a node forwards from one of its subnets to another (Subnet
// Bridge and Bridging Table states of section 4.2).
type Bridge struct {
	Enabled bool
	Table   []BridgeEntry
}

// BridgeEntry allows PDUs from Address1 to Address2 to pass from one subnet to
// the other. With BothWays, PDUs from Address2 to Address1 may pass back.
type BridgeEntry struct {
	NetKey1  mesh.KeyIndex
	NetKey2  mesh.KeyIndex
	Address1 mesh.Address
	Address2 mesh.Address
	BothWays bool
}

// Find returns the index of the entry for two subnets and two addresses, -1 for
// none.
func (b *Bridge) Find(net1, net2 mesh.KeyIndex, a1, a2 mesh.Address) int {
	return slices.IndexFunc(b.Table, func(e BridgeEntry) bool {
		return e.NetKey1 == net1 && e.NetKey2 == net2 && e.Address1 == a1 && e.Address2 == a2
	})
}

// Toward appends to dst the subnets that a PDU is forwarded to.
func (b *Bridge) Toward(dst []mesh.KeyIndex, from mesh.KeyIndex, src, to mesh.Address) []mesh.KeyIndex {
	if !b.Enabled {
		return dst
	}
	for i := range b.Table {
		e := &b.Table[i]
		next := e.NetKey2
		switch {
		case e.NetKey1 == from && e.Address1 == src && e.Address2 == to:
		case e.BothWays && e.NetKey2 == from && e.Address2 == src && e.Address1 == to:
			next = e.NetKey1
		default:
			continue
		}
		if !slices.Contains(dst, next) {
			dst = append(dst, next)
		}
	}
	return dst
}

// dropSubnet removes the entries of a subnet that the node has left.
func (b *Bridge) dropSubnet(index mesh.KeyIndex) {
	b.Table = slices.DeleteFunc(b.Table, func(e BridgeEntry) bool { return e.NetKey1 == index || e.NetKey2 == index })
}
