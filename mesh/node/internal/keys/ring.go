package keys

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// This file is what the transport layer knows of the node's keys.

// AppendAppKeys implements transport.Keys.
func (k *Keys) AppendAppKeys(dst []transport.AppKey, net mesh.KeyIndex, aid uint8) []transport.AppKey {
	for i := range k.appKeys {
		if a := &k.appKeys[i]; a.netKey == net && a.AID == aid {
			dst = append(dst, a.AppKey)
		}
	}
	return dst
}

// AppendDeviceKeys implements transport.Keys.
func (k *Keys) AppendDeviceKeys(dst []transport.DeviceKey, from, to mesh.Address) []transport.DeviceKey {
	n := k.host.State()
	if n.Element(to) != nil {
		dst = append(dst, transport.DeviceKey{Owner: n.Address, Cipher: k.deviceKey})
		if k.candidate != nil {
			dst = append(dst, transport.DeviceKey{Owner: CandidateOwner, Cipher: k.candidate})
		}
	}
	if owner, cipher := k.peers.DeviceKey(from); cipher != nil {
		dst = append(dst, transport.DeviceKey{Owner: owner, Cipher: cipher})
	}
	return dst
}

// AppendLabels implements transport.Keys.
func (k *Keys) AppendLabels(dst []mesh.UUID, virtual mesh.Address) []mesh.UUID {
	n := k.host.State()
	for e := range n.Elements {
		for m := range n.Elements[e].Models {
			for _, label := range n.Elements[e].Models[m].Labels {
				if crypto.VirtualAddress(label) == virtual && !slices.Contains(dst, label) {
					dst = append(dst, label)
				}
			}
		}
	}
	return dst
}

// AppKey implements transport.Keys.
func (k *Keys) AppKey(index mesh.KeyIndex) (transport.AppKey, bool) {
	for i := range k.appKeys {
		if k.appKeys[i].Index == index {
			return k.appKeys[i].AppKey, true
		}
	}
	return transport.AppKey{}, false
}

// DeviceKey implements transport.Keys.
func (k *Keys) DeviceKey(owner mesh.Address) (transport.DeviceKey, bool) {
	if owner == k.host.State().Address {
		return transport.DeviceKey{Owner: owner, Cipher: k.deviceKey}, true
	}
	if primary, cipher := k.peers.DeviceKey(owner); cipher != nil && primary == owner {
		return transport.DeviceKey{Owner: owner, Cipher: cipher}, true
	}
	return transport.DeviceKey{}, false
}
