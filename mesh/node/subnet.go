package node

import (
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// subnet is what a NetKey becomes when it is used: credentials and beacon
// keys, twice while the key is refreshed.
type subnet struct {
	index    mesh.KeyIndex
	phase    state.Phase
	transmit *network.Credentials // what this node sends with
	flooding []*network.Credentials
	beacons  []*beacon.Keys // the last is the one this node sends with
	renewed  *beacon.Keys   // of the new NetKey, nil when there is none
	schedule beacon.Schedule
	private  privateBeacon
}

// beaconKeys are those that the node's own beacons are made with.
func (s *subnet) beaconKeys() *beacon.Keys { return s.beacons[len(s.beacons)-1] }

// appKey is an AppKey in use. During a key refresh it is there twice, and the
// first of an index is the one to send with.
type appKey struct {
	transport.AppKey
	netKey mesh.KeyIndex
}

// derive rebuilds everything that follows from the node's state. It runs when
// the configuration changes, never for a PDU.
func (c *Core) derive() {
	old := c.subnets
	c.subnets = make([]*subnet, 0, len(c.state.Subnets))
	for i := range c.state.Subnets {
		s := &c.state.Subnets[i]
		credentials := []*network.Credentials{network.Flooding(s.Key)}
		derived := &subnet{index: s.Index, phase: s.Phase, beacons: []*beacon.Keys{beacon.NewKeys(s.Key)}}
		derived.transmit = credentials[0]
		if s.Phase != state.NormalOperation {
			credentials = append(credentials, network.Flooding(s.NewKey))
			derived.renewed = beacon.NewKeys(s.NewKey)
			if s.Phase == state.SecondPhase {
				// Messages under the old key are still received, its beacons
				// are not (section 3.11.4.2).
				derived.transmit = credentials[1]
				derived.beacons = []*beacon.Keys{derived.renewed}
			} else {
				derived.beacons = append([]*beacon.Keys{derived.renewed}, derived.beacons...)
			}
		}
		derived.schedule.Start(c.now.Add(c.jitter(0, beacon.MinInterval)))
		for _, o := range old {
			if o.index == s.Index {
				c.carryOver(o, derived)
			}
		}
		derived.flooding = credentials
		c.receiver.AddSubnet(s.Index, credentials...)
		c.subnets = append(c.subnets, derived)
	}
	for _, o := range old {
		if c.subnet(o.index) == nil {
			c.receiver.RemoveSubnet(o.index)
		}
	}
	c.receiver.SetIVIndex(c.state.IVIndex)
	c.transport.SetDefaultTTL(c.state.DefaultTTL)
	c.deriveSegmentation()
	c.deriveAppKeys()
	c.deviceKey = crypto.NewCCM(c.state.DeviceKey)
	c.deriveModels()
	c.deriveFriendship()
	c.deriveHeartbeats()
	c.deriveGATT()
	c.tellKeys()
}

// deriveAppKeys puts the key to send with before the other one of its index
// (section 3.11.4: the new keys are sent with from phase 2 on).
func (c *Core) deriveAppKeys() {
	c.appKeys = c.appKeys[:0]
	add := func(k *state.AppKey, key crypto.Key) {
		c.appKeys = append(c.appKeys, appKey{
			AppKey: transport.AppKey{Index: k.Index, AID: crypto.AID(key), Cipher: crypto.NewCCM(key)},
			netKey: k.NetKey,
		})
	}
	for i := range c.state.AppKeys {
		k := &c.state.AppKeys[i]
		bound := c.subnet(k.NetKey)
		switch {
		case !k.Updated:
			add(k, k.Key)
		case bound != nil && bound.phase == state.SecondPhase:
			add(k, k.NewKey)
			add(k, k.Key)
		default:
			add(k, k.Key)
			add(k, k.NewKey)
		}
	}
}

// carryOver keeps the pace of a subnet's beacons. A step of a key refresh,
// whoever made it, is reported, and told to the neighbours soon.
func (c *Core) carryOver(before, after *subnet) {
	after.private = before.private
	if before.phase == after.phase {
		after.schedule = before.schedule
		return
	}
	c.report(KeyRefreshChanged{NetKey: after.index, Phase: after.phase})
}

// followKeyRefresh acts on a beacon that was made with the new key of a subnet:
// with the flag set the network is in phase 2, without it the refresh is over
// (sections 3.11.4.2 and 3.11.4.3). A node in phase 1 may miss phase 2.
func (c *Core) followKeyRefresh(s *subnet, flag bool) {
	k := c.state.Subnet(s.index)
	switch {
	case !flag:
		c.state.RevokeOldKeys(k)
	case k.Phase == state.FirstPhase:
		k.Phase = state.SecondPhase
	default:
		return
	}
	c.Changed()
}

func (c *Core) subnet(index mesh.KeyIndex) *subnet {
	for _, s := range c.subnets {
		if s.index == index {
			return s
		}
	}
	return nil
}

// keyRing is what the transport layer knows of the node's keys.
type keyRing struct{ *Core }

// AppendAppKeys implements transport.Keys.
func (k keyRing) AppendAppKeys(dst []transport.AppKey, net mesh.KeyIndex, aid uint8) []transport.AppKey {
	for i := range k.appKeys {
		if a := &k.appKeys[i]; a.netKey == net && a.AID == aid {
			dst = append(dst, a.AppKey)
		}
	}
	return dst
}

// AppendDeviceKeys implements transport.Keys.
func (k keyRing) AppendDeviceKeys(dst []transport.DeviceKey, from, to mesh.Address) []transport.DeviceKey {
	if k.state.Element(to) != nil {
		dst = append(dst, transport.DeviceKey{Owner: k.state.Address, Cipher: k.deviceKey})
		dst = k.appendCandidate(dst)
	}
	if p := k.peer(from); p != nil && p.ccm != nil {
		dst = append(dst, transport.DeviceKey{Owner: p.Address, Cipher: p.ccm})
	}
	return dst
}

// AppendLabels implements transport.Keys.
func (k keyRing) AppendLabels(dst []mesh.UUID, virtual mesh.Address) []mesh.UUID {
	for _, i := range k.instances {
		for _, label := range i.config.Labels {
			if crypto.VirtualAddress(label) == virtual && !slices.Contains(dst, label) {
				dst = append(dst, label)
			}
		}
	}
	return dst
}

// AppKey implements transport.Keys.
func (k keyRing) AppKey(index mesh.KeyIndex) (transport.AppKey, bool) {
	for i := range k.appKeys {
		if k.appKeys[i].Index == index {
			return k.appKeys[i].AppKey, true
		}
	}
	return transport.AppKey{}, false
}

// DeviceKey implements transport.Keys.
func (k keyRing) DeviceKey(owner mesh.Address) (transport.DeviceKey, bool) {
	if owner == k.state.Address {
		return transport.DeviceKey{Owner: owner, Cipher: k.deviceKey}, true
	}
	if p := k.peer(owner); p != nil && p.Address == owner && p.ccm != nil {
		return transport.DeviceKey{Owner: owner, Cipher: p.ccm}, true
	}
	return transport.DeviceKey{}, false
}
