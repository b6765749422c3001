package node

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

const (
	// identityTime is for how long a node advertises who it is (section
	// 7.2.2.2.3).
	identityTime = 60 * time.Second
	// renewal is after how long a private network identity gets another random
	// number (section 7.2.2.2.4).
	renewal = 10 * time.Minute
)

// proxied is what a subnet is for the proxy protocol.
type proxied struct {
	index      mesh.KeyIndex
	keys       []crypto.Key      // that the identities are of
	identities []*proxy.Identity // the last is the one this node advertises with
	public     []byte            // service data of the Network ID
	said       beacon.State      // what clients know
	saidKey    crypto.Key        // under which key
	node       advertised        // Node Identity, or its private form
	network    advertised        // Private Network Identity
	solicited  time.Time         // until when a solicitation is answered
}

// own is the identity that this node advertises with.
func (p *proxied) own() *proxy.Identity { return p.identities[len(p.identities)-1] }

// advertised is an identification that lasts for a while.
type advertised struct {
	kind  proxy.Identification
	until time.Time // zero: it is not advertised
	data  []byte
}

// deriveGATT rebuilds what follows from the node's subnets.
func (c *Core) deriveGATT() {
	old := c.gatt.subnets
	c.gatt.subnets = nil
	for i := range c.state.Subnets {
		s := &c.state.Subnets[i]
		keys := []crypto.Key{s.Key}
		switch s.Phase {
		case state.FirstPhase:
			keys = []crypto.Key{s.NewKey, s.Key}
		case state.SecondPhase:
			keys = append(keys, s.NewKey)
		case state.NormalOperation:
		}
		p := &proxied{index: s.Index}
		if at := slices.IndexFunc(old, func(o *proxied) bool { return o.index == s.Index }); at >= 0 {
			p = old[at]
		}
		if !slices.Equal(p.keys, keys) {
			p.keys, p.identities = keys, nil
			for _, k := range keys {
				p.identities = append(p.identities, proxy.NewIdentity(k))
			}
			p.network, p.node.data = advertised{}, nil
			p.public = p.own().ServiceData(proxy.NetworkID, [8]byte{}, mesh.Unassigned)
		}
		c.gatt.subnets = append(c.gatt.subnets, p)
	}
	c.gatt.client.Retain(func(k mesh.KeyIndex) bool { return c.state.Subnet(k) != nil }, &c.gatt.clientOut)
	c.gatt.client.SetWish(c.now, c.wish(), &c.gatt.clientOut)
	c.collectClient()
}

// passesOn reports whether the node is a proxy: messages go from one bearer to
// the other.
func (c *Core) passesOn() bool {
	n := c.state
	return n.IsProvisioned() && (n.Proxy == state.Enabled || n.PrivateProxy == state.Enabled ||
		n.OnDemandProxy > 0 && c.gatt.server.Clients() > 0)
}

// isServing reports whether clients may connect.
func (c *Core) isServing() bool {
	if c.passesOn() {
		return true
	}
	return c.state.IsProvisioned() && slices.ContainsFunc(c.gatt.subnets, func(p *proxied) bool {
		return !p.node.until.IsZero() || !p.solicited.IsZero()
	})
}

// NodeIdentity is the Node Identity state of a subnet (section 4.2.13).
func (c *Core) NodeIdentity(index mesh.KeyIndex) state.Feature {
	return c.identity(index, proxy.NodeIdentity)
}

// SetNodeIdentity lets the node advertise for a minute who it is, to those who
// have the NetKey, or ends it. It does nothing when the node cannot be a proxy.
// The minute begins with the present input, whose time it does not bring
// itself.
func (c *Core) SetNodeIdentity(index mesh.KeyIndex, on bool) {
	c.setIdentity(index, proxy.NodeIdentity, on)
}

// PrivateNodeIdentity is the Private Node Identity state of a subnet (section
// 4.2.46).
func (c *Core) PrivateNodeIdentity(index mesh.KeyIndex) state.Feature {
	return c.identity(index, proxy.PrivateNodeIdentity)
}

// SetPrivateNodeIdentity is SetNodeIdentity in the form that nobody can follow
// who has not the NetKey. While the other form is advertised it does nothing.
func (c *Core) SetPrivateNodeIdentity(index mesh.KeyIndex, on bool) {
	if c.NodeIdentity(index) != state.Enabled {
		c.setIdentity(index, proxy.PrivateNodeIdentity, on)
	}
}

func (c *Core) identity(index mesh.KeyIndex, kind proxy.Identification) state.Feature {
	p := c.proxied(index)
	switch {
	case c.state.Proxy == state.Unsupported || p == nil:
		return state.Unsupported
	case p.node.until.IsZero() || p.node.kind != kind:
		return state.Disabled
	default:
		return state.Enabled
	}
}

func (c *Core) setIdentity(index mesh.KeyIndex, kind proxy.Identification, on bool) {
	p := c.proxied(index)
	if p == nil || c.state.Proxy == state.Unsupported {
		return
	}
	p.node = advertised{}
	if on {
		p.node = advertised{kind: kind, until: c.now.Add(identityTime)}
	}
}

// ClearSolicitations forgets the solicitations of count sources from first on
// (Solicitation PDU RPL Items Clear).
func (c *Core) ClearSolicitations(first mesh.Address, count int) {
	c.state.Solicitations.Clear(first, count)
	c.stateDirty = true
}

func (c *Core) proxied(index mesh.KeyIndex) *proxied {
	for _, p := range c.gatt.subnets {
		if p.index == index {
			return p
		}
	}
	return nil
}

// solicited answers who asks for a proxy, when the node is one on demand only
// (sections 6.9 and 4.2.47): for the seconds of its state it advertises a
// private network identity.
func (c *Core) solicited(data []byte) {
	n := c.state
	if !n.IsProvisioned() || n.OnDemandProxy == 0 || n.Proxy == state.Enabled || n.PrivateProxy == state.Enabled {
		return
	}
	pdu, ok := proxy.ParseSolicitationData(data)
	var p network.PDU
	if !ok || !c.receiver.OpenSolicitation(pdu, &p) || n.Element(p.Src) != nil {
		return
	}
	if !n.Solicitations.Accept(p.Src, p.Seq) {
		c.gatt.counters.Replayed++
		return
	}
	c.stateDirty = true
	if s := c.proxied(p.NetKey); s != nil {
		s.solicited = c.now.Add(time.Duration(n.OnDemandProxy) * time.Second)
	}
}

// welcome tells a client what the subnets are at (section 6.7).
func (c *Core) welcome(l *link) {
	public := c.state.Proxy == state.Enabled
	for _, p := range c.gatt.subnets {
		public = public || !p.node.until.IsZero() && p.node.kind == proxy.NodeIdentity
		p.solicited = time.Time{} // who asked is here
	}
	l.private = !public
	for _, p := range c.gatt.subnets {
		c.writeBeacon(l, p)
	}
}

// writeBeacon sends a client the beacon of a subnet.
func (c *Core) writeBeacon(l *link, p *proxied) {
	s := c.subnet(p.index)
	if s == nil || c.state.IVIndexUnknown {
		return
	}
	keys := s.beaconKeys()
	if !l.private {
		c.write(l, proxy.MeshBeacon, keys.AppendSecure(nil, c.beaconState(s)))
		return
	}
	var random [crypto.NonceSize]byte
	for i := 0; i < len(random); i += 8 {
		r, err := c.draw8()
		if err != nil {
			return
		}
		copy(random[i:], r[:])
	}
	c.write(l, proxy.MeshBeacon, keys.AppendPrivate(nil, c.beaconState(s), random))
}

// updateGATT makes what happens over connections follow the node's state. It
// runs at the end of every input.
func (c *Core) updateGATT() {
	c.updateClient()
	if c.gatt.proxyWas == state.Enabled && c.state.Proxy != state.Enabled {
		// Section 4.2.12: without the feature nobody says who it is.
		for _, p := range c.gatt.subnets {
			p.node = advertised{}
		}
		c.endServed()
	}
	c.gatt.proxyWas = c.state.Proxy
	if !c.state.IsProvisioned() {
		c.endServed()
	}
	c.tellClients()
	all := c.appendBeckons(c.gatt.beckons[:0])
	if !slices.EqualFunc(all, c.gatt.beckoned, sameBeckon) {
		c.gatt.beckoned = slices.Clone(all)
		c.act(Beckon{c.gatt.beckoned})
	}
	clear(all)
	c.gatt.beckons = all
}

func sameBeckon(a, b bearer.Beckon) bool {
	return a.Service == b.Service && a.Private == b.Private && slices.Equal(a.Data, b.Data)
}

// endServed ends the connections of clients.
func (c *Core) endServed() {
	for _, l := range c.gatt.all {
		if l.role == proxyServer {
			c.endLink(l)
		}
	}
}

// tellClients sends beacons that say something new.
func (c *Core) tellClients() {
	for _, p := range c.gatt.subnets {
		s := c.subnet(p.index)
		if s == nil {
			continue
		}
		key, now := p.keys[len(p.keys)-1], c.beaconState(s)
		if p.said == now && p.saidKey == key {
			continue
		}
		p.said, p.saidKey = now, key
		for _, l := range c.gatt.all {
			if l.role == proxyServer {
				c.writeBeacon(l, p)
			}
		}
	}
}

// appendBeckons appends what the node advertises so that others connect to it.
func (c *Core) appendBeckons(dst []bearer.Beckon) []bearer.Beckon {
	if c.device != nil && !c.state.IsProvisioned() {
		if !c.options.Device.GATT || c.device.Linked() {
			return dst
		}
		data := proxy.DeviceServiceData(c.state.UUID, c.options.Device.information())
		return append(dst, bearer.Beckon{Service: bearer.ProvisioningService, Data: data})
	}
	if !c.isServing() || c.gatt.server.Full() {
		return dst
	}
	for _, p := range c.gatt.subnets {
		dst = c.appendIdentifications(dst, p)
	}
	return dst
}

// appendIdentifications appends what the node advertises for a subnet.
func (c *Core) appendIdentifications(dst []bearer.Beckon, p *proxied) []bearer.Beckon {
	if !p.node.until.IsZero() {
		dst = c.appendAdvertised(dst, p, &p.node)
	}
	private := c.state.PrivateProxy == state.Enabled || !p.solicited.IsZero()
	switch {
	case c.state.Proxy == state.Enabled:
		p.network = advertised{}
		return append(dst, bearer.Beckon{Service: bearer.ProxyService, Data: p.public})
	case !private:
		p.network = advertised{}
		return dst
	case p.network.until.IsZero():
		p.network = advertised{kind: proxy.PrivateNetworkIdentity, until: c.now.Add(renewal)}
	}
	return c.appendAdvertised(dst, p, &p.network)
}

// appendAdvertised appends an identification, for which it draws the random
// number when it is new.
func (c *Core) appendAdvertised(dst []bearer.Beckon, p *proxied, a *advertised) []bearer.Beckon {
	if a.data == nil {
		random, err := c.draw8()
		if err != nil {
			return dst
		}
		a.data = p.own().ServiceData(a.kind, random, c.state.Address)
	}
	return append(dst, bearer.Beckon{Service: bearer.ProxyService, Data: a.data, Private: a.kind.IsPrivate()})
}

// tickIdentities ends what was advertised for long enough.
func (c *Core) tickIdentities() {
	for _, p := range c.gatt.subnets {
		if due(p.node.until, c.now) {
			p.node = advertised{}
		}
		if due(p.network.until, c.now) {
			p.network = advertised{}
		}
		if due(p.solicited, c.now) {
			p.solicited = time.Time{}
		}
	}
}

func (c *Core) identityDeadline() time.Time {
	var next time.Time
	for _, p := range c.gatt.subnets {
		next = earliest(next, p.node.until)
		next = earliest(next, p.network.until)
		next = earliest(next, p.solicited)
	}
	return next
}
