package state

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"

// RevokeOldKeys ends the key refresh of one of the node's subnets: its new
// NetKey and the new AppKeys bound to it replace the old ones (section
// 3.11.4.3).
func (n *Node) RevokeOldKeys(k *Subnet) {
	k.Phase, k.Key, k.NewKey = NormalOperation, k.NewKey, crypto.Key{}
	for i := range n.AppKeys {
		if app := &n.AppKeys[i]; app.NetKey == k.Index && app.Updated {
			app.Updated, app.Key, app.NewKey = false, app.NewKey, crypto.Key{}
		}
	}
}

// Sending returns the key to send with: the new one in phase 2 (section
// 3.11.4.2).
func (k *Subnet) Sending() crypto.Key {
	if k.Phase == SecondPhase {
		return k.NewKey
	}
	return k.Key
}

// Sending returns the AppKey to send with; subnet is the one that it is bound
// to.
func (n *Node) Sending(k *AppKey) crypto.Key {
	if s := n.Subnet(k.NetKey); k.Updated && s != nil && s.Phase == SecondPhase {
		return k.NewKey
	}
	return k.Key
}

// StoredKey is a key in the stored form, which contains its octets.
type StoredKey = storedKey
