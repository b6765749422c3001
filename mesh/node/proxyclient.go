package node

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

// ClientMode says when a node is the client of a proxy.
type ClientMode uint8

// The modes.
const (
	// ClientOff is never.
	ClientOff ClientMode = iota
	// ClientAuto is when nothing of the network has been heard by advertising
	// for a while and a proxy is in sight.
	ClientAuto
	// ClientOn is whenever a proxy is in sight.
	ClientOn
)

// ProxyOptions is a node's part in the proxy protocol (chapter 6).
type ProxyOptions struct {
	Client ClientMode
	// Connections is how many proxies a client uses at once, 1 if zero.
	Connections int
	// Clients is how many clients a server has at once, 1 if zero. Whether the
	// node is a server is the GATT Proxy state's business.
	Clients int
}

// silence is for how long nothing of the network is heard by advertising before
// a node that may use a proxy does. Nodes that send beacons do it every ten
// seconds among them.
const silence = 30 * time.Second

// newcomerTime is for how long a node that was provisioned over PB-GATT is
// looked for as a proxy: as long as it advertises who it is.
const newcomerTime = identityTime

// newcomer is a node that was provisioned over PB-GATT lately. It may have no
// other bearer than GATT.
type newcomer struct {
	address mesh.Address
	until   time.Time
}

// ProxyConnected says that this node is the client of a proxy, which has shown
// that it has the key of the network.
type ProxyConnected struct {
	Peer   bearer.Peer
	Node   mesh.Address // of its primary element
	NetKey mesh.KeyIndex
}

// ProxyLost says that a connection to a proxy has ended. Err is nil when this
// node ended it.
type ProxyLost struct {
	Peer   bearer.Peer
	Node   mesh.Address
	NetKey mesh.KeyIndex
	Err    error
}

func (ProxyConnected) isEvent() {}
func (ProxyLost) isEvent()      {}

// sightProxy notes a proxy of one of the node's subnets.
func (c *Core) sightProxy(s *bearer.Sighting) {
	if c.options.Proxy.Client == ClientOff || !s.Connectable || !c.state.IsProvisioned() {
		return
	}
	t, ok := proxy.TypeOf(s.ServiceData())
	if !ok {
		return
	}
	for _, p := range c.gatt.subnets {
		node, ours := c.identify(p, t, s.ServiceData())
		if !ours {
			continue
		}
		c.gatt.counters.Sighted++
		c.gatt.client.Sight(c.now, proxy.Candidate{
			Peer: s.From, Adapter: s.Adapter, RSSI: s.RSSI, NetKey: p.index, Node: node,
			Preferred: node != mesh.Unassigned && node == c.gatt.newcomer.address && c.now.Before(c.gatt.newcomer.until),
		}, &c.gatt.clientOut)
		c.collectClient()
		return
	}
}

// identify tells whether service data is of a proxy of a subnet, and of which
// node if it says so. The nodes that it is compared with are those whose
// device key this node has.
func (c *Core) identify(p *proxied, t proxy.Identification, data []byte) (mesh.Address, bool) {
	for _, identity := range p.identities {
		if !t.IsNode() {
			if identity.IsNetwork(data) {
				return mesh.Unassigned, true
			}
			continue
		}
		for _, other := range c.peers {
			if identity.IsNode(data, other.Address) {
				return other.Address, true
			}
		}
	}
	return mesh.Unassigned, false
}

// collectClient does what the client wants done.
func (c *Core) collectClient() {
	out := &c.gatt.clientOut
	for _, id := range out.Disconnect {
		if l := c.link(id); l != nil {
			c.endLink(l)
		}
	}
	for _, d := range out.Connect {
		l := &link{
			id: d.ID, role: proxyClient, service: bearer.ProxyService,
			adapter: d.Adapter, peer: d.Peer, netKey: d.NetKey, node: d.Node,
		}
		c.gatt.all = append(c.gatt.all, l)
		c.act(Connect{ID: l.id, Adapter: l.adapter, To: l.peer, Service: l.service})
	}
	for _, m := range out.Configure {
		if l := c.link(m.ID); l != nil {
			c.writeConfiguration(l, m.NetKey, m.Message)
		}
	}
	out.Reset()
}

// wish is the filter that this node wants of a proxy. A node that monitors its
// network wants to hear what is sent to groups that it does not know, which
// only a list of what to leave out can give: an empty one, for what is there to
// leave out would be every other address. Any other node names its addresses.
func (c *Core) wish() proxy.Wish {
	w := proxy.Wish{Type: proxy.AcceptList}
	if c.options.Monitor {
		w.Type = proxy.RejectList
	}
	for i := range c.state.Elements {
		w.Addresses = append(w.Addresses, c.state.Address+mesh.Address(i))
	}
	var groups []mesh.Address
	for _, a := range []mesh.Address{mesh.AllNodes, mesh.AllRelays, mesh.AllProxies, mesh.AllFriends} {
		if c.inFixedGroup(a) {
			groups = append(groups, a)
		}
	}
	for _, i := range c.instances {
		groups = append(groups, i.config.Subscriptions...)
	}
	slices.Sort(groups)
	w.Addresses = append(w.Addresses, slices.Compact(groups)...)
	return w
}

// updateClient lets the client work when it should.
func (c *Core) updateClient() {
	if on := c.wantsProxy(); on != c.gatt.client.Enabled() {
		c.gatt.solicitor.rounds = 0
		c.gatt.client.Enable(c.now, on, &c.gatt.clientOut)
		c.collectClient()
	}
}

// wantsProxy reports whether this node wants to be a client now. One that is
// goes on with it until the connection ends.
func (c *Core) wantsProxy() bool {
	if !c.state.IsProvisioned() {
		return false
	}
	switch c.options.Proxy.Client {
	case ClientOn:
		return true
	case ClientAuto:
		return !c.now.Before(c.gatt.lastOnAir.Add(silence)) || c.now.Before(c.gatt.newcomer.until) || c.hasProxy()
	default:
		return false
	}
}

func (c *Core) hasProxy() bool {
	for _, l := range c.gatt.all {
		if l.role == proxyClient && l.open && !l.ending {
			return true
		}
	}
	return false
}

// autoDeadline is when the network will have been silent for long enough.
func (c *Core) autoDeadline() time.Time {
	if c.options.Proxy.Client != ClientAuto || !c.state.IsProvisioned() || c.gatt.client.Enabled() {
		return time.Time{}
	}
	return c.gatt.lastOnAir.Add(silence)
}
