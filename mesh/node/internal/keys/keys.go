// Package keys derives credentials and ciphers from the NetKeys, AppKeys and
// device key of a node (Mesh Protocol 1.1, section 3.9), and follows the Key
// Refresh procedure (section 3.11.4).
//
//	                normal        phase 1        phase 2
//	receives with   old           old, new       old, new
//	sends with      old           old            new
//	beacons         old           new, old       new
package keys

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Subnet is what a NetKey becomes when it is used: credentials and beacon keys,
// twice while the key is refreshed.
type Subnet struct {
	Index    mesh.KeyIndex
	Phase    state.Phase
	Transmit *network.Credentials   // what this node sends with
	Flooding []*network.Credentials // what it receives with
	Beacons  []*beacon.Keys         // the last is the one this node sends with
	Renewed  *beacon.Keys           // of the new NetKey, nil when there is none
}

// BeaconKeys are those that the node's own beacons are made with.
func (s *Subnet) BeaconKeys() *beacon.Keys { return s.Beacons[len(s.Beacons)-1] }

// appKey is an AppKey in use. During a key refresh it is there twice, and the
// first of an index is the one to send with.
type appKey struct {
	transport.AppKey
	netKey mesh.KeyIndex
}

// Receiver is the network layer as far as it has credentials.
type Receiver interface {
	AddSubnet(index mesh.KeyIndex, credentials ...*network.Credentials)
	RemoveSubnet(index mesh.KeyIndex)
}

// Peers knows the device keys of other nodes.
type Peers interface {
	// DeviceKey finds the cipher of the node that has an element with this
	// address, and the address of its primary element. The cipher is nil when
	// the key is not known.
	DeviceKey(a mesh.Address) (owner mesh.Address, cipher *crypto.CCM)
}

// Keys is the part of a node that has its keys.
type Keys struct {
	part.None
	host     part.Host
	receiver Receiver
	peers    Peers

	subnets   []*Subnet
	appKeys   []appKey
	deviceKey *crypto.CCM
	candidate *crypto.CCM // of state.DeviceKeyCandidate; nil for none
	renewals  renewals
	names     []name // the keys at the last change; nil before the first
}

// Compile-time checks of what others use it as.
var (
	_ part.Part      = (*Keys)(nil)
	_ transport.Keys = (*Keys)(nil)
)

// New makes the part. It has keys after the first ConfigurationChanged.
func New(h part.Host, receiver Receiver, peers Peers) *Keys {
	return &Keys{host: h, receiver: receiver, peers: peers}
}

// Subnets lists the subnets in the order of the node's state. It is valid until
// the next change of the configuration.
func (k *Keys) Subnets() []*Subnet { return k.subnets }

// Subnet finds a subnet, nil when the node is not in it.
func (k *Keys) Subnet(index mesh.KeyIndex) *Subnet {
	for _, s := range k.subnets {
		if s.Index == index {
			return s
		}
	}
	return nil
}

// ConfigurationChanged implements part.Part. It runs when the configuration
// changes, never for a PDU.
func (k *Keys) ConfigurationChanged() {
	n := k.host.State()
	old := k.subnets
	k.subnets = make([]*Subnet, 0, len(n.Subnets))
	for i := range n.Subnets {
		s := derive(&n.Subnets[i])
		k.receiver.AddSubnet(s.Index, s.Flooding...)
		k.subnets = append(k.subnets, s)
		for _, o := range old {
			if o.Index == s.Index && o.Phase != s.Phase {
				k.host.Report(part.KeyRefreshChanged{NetKey: s.Index, Phase: s.Phase})
			}
		}
	}
	for _, o := range old {
		if k.Subnet(o.Index) == nil {
			k.receiver.RemoveSubnet(o.Index)
		}
	}
	k.deriveAppKeys(n)
	k.deviceKey = crypto.NewCCM(n.DeviceKey)
	k.deriveCandidate()
	k.renew()
	k.compare(n)
}

// LeftNetwork implements part.Part. The network layer is new then and has no
// subnets.
func (k *Keys) LeftNetwork() error {
	k.subnets = nil
	k.renewals.pending = nil
	return nil
}

// derive makes the subnet of a NetKey.
func derive(key *state.Subnet) *Subnet {
	old := network.Flooding(key.Key)
	s := &Subnet{
		Index: key.Index, Phase: key.Phase,
		Transmit: old,
		Flooding: []*network.Credentials{old},
		Beacons:  []*beacon.Keys{beacon.NewKeys(key.Key)},
	}
	if key.Phase == state.NormalOperation {
		return s
	}
	renewed := network.Flooding(key.NewKey)
	s.Flooding = append(s.Flooding, renewed)
	s.Renewed = beacon.NewKeys(key.NewKey)
	if key.Phase == state.SecondPhase {
		// Messages under the old key are still received, its beacons are not
		// (section 3.11.4.2).
		s.Transmit = renewed
		s.Beacons = []*beacon.Keys{s.Renewed}
	} else {
		s.Beacons = append([]*beacon.Keys{s.Renewed}, s.Beacons...)
	}
	return s
}

// deriveAppKeys puts the key to send with before the other one of its index
// (section 3.11.4: the new keys are sent with from phase 2 on).
func (k *Keys) deriveAppKeys(n *state.Node) {
	k.appKeys = k.appKeys[:0]
	add := func(a *state.AppKey, key crypto.Key) {
		k.appKeys = append(k.appKeys, appKey{
			AppKey: transport.AppKey{Index: a.Index, AID: crypto.AID(key), Cipher: crypto.NewCCM(key)},
			netKey: a.NetKey,
		})
	}
	for i := range n.AppKeys {
		a := &n.AppKeys[i]
		bound := k.Subnet(a.NetKey)
		switch {
		case !a.Updated:
			add(a, a.Key)
		case bound != nil && bound.Phase == state.SecondPhase:
			add(a, a.NewKey)
			add(a, a.Key)
		default:
			add(a, a.Key)
			add(a, a.NewKey)
		}
	}
}

// FollowKeyRefresh acts on a beacon that was made with the new key of a subnet:
// with the flag set the network is in phase 2, without it the refresh is over
// (sections 3.11.4.2 and 3.11.4.3). A node in phase 1 may miss phase 2.
func (k *Keys) FollowKeyRefresh(index mesh.KeyIndex, flag bool) {
	s := k.host.State().Subnet(index)
	if s == nil || flag && s.Phase != state.FirstPhase || k.holds(index) {
		return
	}
	k.host.Edit(func(n *state.Node) {
		s := n.Subnet(index)
		if flag {
			s.Phase = state.SecondPhase
		} else {
			n.RevokeOldKeys(s)
		}
	})
	k.host.ConfigurationChanged()
}

// name names a NetKey, or an AppKey with its NetKey.
type name struct {
	net, app mesh.KeyIndex
	isApp    bool
}

// compare reports keys that were added or removed.
func (k *Keys) compare(n *state.Node) {
	names := make([]name, 0, len(n.Subnets)+len(n.AppKeys))
	for i := range n.Subnets {
		names = append(names, name{net: n.Subnets[i].Index})
	}
	for i := range n.AppKeys {
		names = append(names, name{net: n.AppKeys[i].NetKey, app: n.AppKeys[i].Index, isApp: true})
	}
	if k.names != nil && !slices.Equal(k.names, names) {
		k.host.Report(part.KeysChanged{})
	}
	k.names = names
}
