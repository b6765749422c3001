package gatt

import (
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

// airSilence is how long nothing of the network is received by advertising before a
// node with ClientAuto uses a proxy. Nodes that send beacons do it every ten seconds
// among them.
const airSilence = 30 * time.Second

// newcomerTime is how long the client looks for a node that was provisioned over
// PB-GATT: as long as that node advertises its identity.
const newcomerTime = identityTime

// newcomer is a node that was provisioned over PB-GATT recently. It may have no
// other bearer than GATT.
type newcomer struct {
	address mesh.Address
	until   time.Time
}

// Models knows the addresses of the node.
type Models interface {
	Subscriptions(dst []mesh.Address) []mesh.Address
	FixedGroups(dst []mesh.Address) []mesh.Address
}

// Peers knows the nodes whose device key this node has.
type Peers interface {
	// Addresses lists the addresses of their primary elements.
	Addresses() iter.Seq[mesh.Address]
	// DeviceKey finds the node that has an element with this address: the address of
	// its primary element, unassigned if there is none.
	DeviceKey(a mesh.Address) (primary mesh.Address, cipher *crypto.CCM)
}

// Client is the part of a node that uses proxies.
type Client struct {
	part.None
	exchange
	options   part.ProxyOptions
	monitor   bool // the node wants to hear what is sent to any group
	models    Models
	peers     Peers
	server    *Server // knows the identities of the subnets
	solicitor *Solicitor

	client    *proxy.Client
	out       proxy.ClientOutput
	proxies   map[bearer.LinkID]*usedProxy
	lastOnAir time.Time // when the network was last heard by advertising
	doubtsAir bool      // devices have not answered although the network was heard by advertising
	newcomer  newcomer
	said      []told // by subnet
	silence   silence
	sighted   uint64
}

// usedProxy is a proxy that this node is connected to, or connects to.
type usedProxy struct {
	netKey mesh.KeyIndex // of its subnet
	node   mesh.Address  // its primary element, when it is known
	proven bool          // it has shown that it has the key

	private bool      // it uses the private forms of identities and beacons
	tell    time.Time // when it gets the next beacon; zero while it is not connected
	ready   time.Time // since when it has proved that it has the key
	brought time.Time // when it brought the last message of the network
}

// Compile-time checks of what others use it as.
var (
	_ part.Flusher = (*Client)(nil)
	_ User         = (*Client)(nil)
)

// KeyKnown is where the proxies that have proved to have a key are in the store.
const KeyKnown = "known_proxies"

// Load implements part.Part.
func (c *Client) Load(from part.Stored) error {
	known, err := proxy.DecodeKnown(from(KeyKnown))
	c.client.SetKnown(known)
	return err
}

// Save implements part.Part.
func (c *Client) Save(put part.Put) error {
	put(KeyKnown, proxy.EncodeKnown(c.client.Known()))
	return nil
}

// LeftNetwork implements part.Part.
func (c *Client) LeftNetwork() error {
	if len(c.client.Known()) > 0 {
		c.client.SetKnown(nil)
		c.host.Save(c)
	}
	return nil
}

// Inputs implements part.Part.
func (c *Client) Inputs() part.Inputs { return part.Sighting }

// Input implements part.Part.
func (c *Client) Input(in *part.Input) bool {
	if in.Sighting.Service != bearer.ProxyService {
		return false
	}
	c.sight(in.Sighting)
	return true
}

// sight notes a proxy of one of the node's subnets.
func (c *Client) sight(s *bearer.Sighting) {
	if c.options.Client == part.ClientOff || !s.Connectable || !c.host.State().IsProvisioned() {
		return
	}
	t, ok := proxy.TypeOf(s.ServiceData())
	if !ok {
		return
	}
	now := c.host.Now()
	seen := proxy.Candidate{Peer: s.From, Adapter: s.Adapter, RSSI: s.RSSI, Identity: t}
	for _, p := range c.server.served {
		node, ours := c.identify(p, t, s.ServiceData())
		if !ours {
			continue
		}
		seen.NetKey, seen.Node = p.index, node
		seen.Preferred = node != mesh.Unassigned && node == c.newcomer.address && now.Before(c.newcomer.until)
		c.sighted++
		c.client.Sighted(now, seen, c.output())
		return
	}
	if k, known := c.client.KnownAs(s.From); known && c.host.State().Subnet(k.NetKey) != nil {
		seen.NetKey, seen.Node, seen.Former = k.NetKey, k.Node, true
		c.sighted++
		c.client.Sighted(now, seen, c.output())
	}
}

// identify tells whether service data is of a proxy of a subnet, and of which
// node if it says so. It is compared with the nodes whose device key this node
// has.
func (c *Client) identify(p *subnet, t proxy.Identification, data []byte) (mesh.Address, bool) {
	for _, identity := range p.identities {
		if !t.IsNode() {
			if identity.IsNetwork(data) {
				return mesh.Unassigned, true
			}
			continue
		}
		for other := range c.peers.Addresses() {
			if identity.IsNode(data, other) {
				return other, true
			}
		}
	}
	return mesh.Unassigned, false
}

// output collects what the state machine wants done.
func (c *Client) output() *proxy.ClientOutput {
	c.host.Wake(c)
	return &c.out
}

// Flush implements part.Flusher. It lets the client work when it should, and does
// what the state machine wants done: first what it wanted before, for a client
// that is switched off ends connections that it has just asked for.
func (c *Client) Flush() {
	c.tell()
	c.carryOut()
	c.update()
	c.carryOut()
}

// carryOut does what the state machine wants done.
func (c *Client) carryOut() {
	out := &c.out
	for _, id := range out.Disconnect {
		if l := c.links.Find(id); l != nil {
			c.links.End(l)
		}
	}
	for _, d := range out.Connect {
		c.proxies[d.ID] = &usedProxy{netKey: d.NetKey, node: d.Node, private: d.Identity.IsPrivate()}
		c.links.Connect(part.Connect{ID: d.ID, Adapter: d.Adapter, To: d.Peer, Service: bearer.ProxyService}, c)
	}
	for _, m := range out.Configure {
		if l := c.links.Find(m.ID); l != nil {
			c.send(l, m.NetKey, m.Message)
		}
	}
	for i := range out.Ended {
		c.ended(&out.Ended[i])
	}
	if out.Known {
		c.host.Save(c)
	}
	out.Reset()
}

// ended reports the end of a connection or of an attempt, unless this node wanted the
// end of one that was of no use yet.
func (c *Client) ended(e *proxy.Ended) {
	switch {
	case e.Proven:
		c.host.Report(part.ProxyLost{Peer: e.Peer, Node: e.Node, NetKey: e.NetKey, Err: e.Reason, Mute: errors.Is(e.Reason, proxy.ErrMute)})
	case e.Reason != nil:
		c.host.Report(part.ProxyFailed{Peer: e.Peer, Node: e.Node, NetKey: e.NetKey, Err: e.Reason, Failures: e.Failures, Wait: e.Wait})
	}
}

// Opened implements User.
func (c *Client) Opened(l *Link) {
	c.proxies[l.ID].tell = c.host.Now()
	c.client.Opened(c.host.Now(), l.ID, c.output())
}

// Received implements User.
func (c *Client) Received(l *Link, kind proxy.MessageType, message []byte) bool {
	if kind != proxy.Configuration {
		return c.receive(l, kind, message, false)
	}
	p, m, v := c.open(message)
	switch v {
	case unreadable:
		return false
	case own:
		c.client.Exclude(c.host.Now(), l.ID, c.output()) // the other end is this very node
	case usable:
		if used := c.proxies[l.ID]; !used.proven {
			used.proven, used.node, used.ready = true, p.Src, c.host.Now()
			c.solicitor.found()
			c.host.Report(part.ProxyConnected{Peer: l.Peer, Node: used.node, NetKey: used.netKey})
		}
		c.client.Receive(c.host.Now(), l.ID, p.Src, m, c.output())
	case replayed, strange: // counted
	}
	return true
}

// Closed implements User.
func (c *Client) Closed(l *Link, reason error) {
	delete(c.proxies, l.ID)
	c.client.Closed(c.host.Now(), l.ID, reason, c.output())
}

// ConfigurationChanged implements part.Part.
func (c *Client) ConfigurationChanged() {
	c.client.Retain(func(k mesh.KeyIndex) bool { return c.host.State().Subnet(k) != nil }, c.output())
	c.client.SetFilter(c.host.Now(), c.wish(), c.output())
}

// wish is the filter that this node wants of a proxy. A node that monitors its
// network wants to hear what is sent to groups that it does not know, which only
// an empty reject list gives. Any other node names its addresses.
func (c *Client) wish() proxy.FilterState {
	w := proxy.FilterState{Type: proxy.AcceptList}
	if c.monitor {
		w.Type = proxy.RejectList
	}
	n := c.host.State()
	for i := range n.Elements {
		w.Addresses = append(w.Addresses, n.Address+mesh.Address(i))
	}
	groups := c.models.Subscriptions(c.models.FixedGroups(nil))
	slices.Sort(groups)
	w.Addresses = append(w.Addresses, slices.Compact(groups)...)
	return w
}

// update lets the client work when it should.
func (c *Client) update() {
	if on := c.wanted(); on != c.client.Enabled() {
		c.solicitor.found()
		c.client.Enable(c.host.Now(), on, &c.out)
	}
}

// wanted reports whether this node is to use a proxy now. A node that uses one keeps
// it until the connection ends.
func (c *Client) wanted() bool {
	if !c.host.State().IsProvisioned() {
		return false
	}
	now := c.host.Now()
	switch c.options.Client {
	case part.ClientOn:
		return true
	case part.ClientAuto:
		return !now.Before(c.lastOnAir.Add(airSilence)) || now.Before(c.newcomer.until) || c.doubtsAir || c.connected()
	default:
		return false
	}
}

func (c *Client) connected() bool {
	for id := range c.proxies {
		if l := c.links.Find(id); l != nil && l.IsOpen() {
			return true
		}
	}
	return false
}

// Welcome notes a node that was provisioned over PB-GATT: it is to be configured,
// and may hear nothing but what comes over a connection.
func (c *Client) Welcome(address mesh.Address) {
	c.newcomer = newcomer{address: address, until: c.host.Now().Add(newcomerTime)}
	c.host.Wake(c)
}

// HeardNetwork notes that something authentic of the network was received.
func (c *Client) HeardNetwork(o part.Origin) {
	if !o.Advertised() {
		return
	}
	c.lastOnAir = c.host.Now()
	if c.options.Client == part.ClientAuto && c.client.Enabled() {
		c.host.Wake(c) // a proxy may not be wanted any more
	}
}

// Status lists the proxies that the node uses, or has tried to use.
func (c *Client) Status() []proxy.Status { return c.client.Status() }

// Alone reports since when the node has looked for a proxy and has none.
func (c *Client) Alone() (since time.Time, alone bool) { return c.client.WithoutProxySince() }

// Tick implements part.Part.
func (c *Client) Tick() { c.client.Tick(c.host.Now(), c.output()) }

// NextDeadline implements part.Part: also when the network will have been silent
// for long enough.
func (c *Client) NextDeadline() time.Time {
	next := deadline.Earliest(c.client.NextDeadline(), c.tellDeadline())
	if c.options.Client == part.ClientAuto && c.host.State().IsProvisioned() && !c.client.Enabled() {
		next = deadline.Earliest(next, c.lastOnAir.Add(airSilence))
	}
	return next
}

// Counters implements part.Part.
func (c *Client) Counters(to *part.Counters) {
	to.GATT.Sighted += c.sighted
	to.GATT.Replayed += c.replayed
	to.GATT.Client = c.client.Counters()
}
