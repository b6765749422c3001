package node

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// role is what a connection is for.
type role uint8

const (
	proxyClient role = iota // we are the client of a proxy
	proxyServer             // somebody is our client
	provisioner             // we provision a device
	provisionee             // somebody provisions us
)

// maxFaults is how many Proxy PDUs and messages that make no sense a connection
// bears. A peer that goes on like that will not get better.
const maxFaults = 16

// link is a connection, or the attempt to make one.
type link struct {
	id      bearer.LinkID
	role    role
	service bearer.Service
	open    bool
	ending  bool // Disconnect was asked for
	maxPDU  int
	adapter uint8
	peer    bearer.Peer
	netKey  mesh.KeyIndex // client: of the proxy's subnet
	node    mesh.Address  // client: of the proxy, when it is known
	proven  bool          // client: the proxy has shown that it has the key
	private bool          // server: it gets private beacons
	sar     proxy.Reassembly
	faults  int // besides those of sar
}

// links is what a node has of the GATT bearers.
type links struct {
	last    bearer.LinkID // of those that this node made
	all     []*link
	via     *link // the connection that the present PDU came over, nil for advertising
	scratch []bearer.LinkID

	client     *proxy.Client
	clientOut  proxy.ClientOutput
	solicitor  solicitor
	lastOnAir  time.Time // when the network was last heard by advertising
	newcomer   newcomer
	server     *proxy.Server
	proxyWas   state.Feature // GATT Proxy state at the end of the last input
	subnets    []*proxied
	beckoned   []bearer.Beckon // what is advertised
	beckons    []bearer.Beckon // room for what is to be
	sighted    map[mesh.UUID]*sightedDevice
	counters   GATTCounters
	configured network.PDU
}

// GATTCounters counts what a node did over connections.
type GATTCounters struct {
	Sighted       uint64 // proxies and unprovisioned devices
	Solicited     uint64 // solicitations sent
	Faults        uint64 // PDUs that made no sense where they came
	Cut           uint64 // connections ended for too many of them
	Received      uint64 // messages
	Sent          uint64 // messages
	Replayed      uint64 // proxy configuration messages and solicitations that are not new
	ClientRefused uint64 // clients and provisioners that there was no room for
	Client        proxy.ClientCounters
}

func (c *Core) gattCounters() GATTCounters {
	n := c.gatt.counters
	n.Client = c.gatt.client.Counters()
	return n
}

// startGATT makes the parts that work over connections.
func (c *Core) startGATT() {
	c.gatt.sighted = map[mesh.UUID]*sightedDevice{}
	c.gatt.lastOnAir = c.now
	c.gatt.client = proxy.NewClient(c.options.Proxy.Connections, c.nextLink)
	c.gatt.server = proxy.NewServer(c.options.Proxy.Clients)
}

// link finds a connection; there are only ever a few.
func (c *Core) link(id bearer.LinkID) *link {
	for _, l := range c.gatt.all {
		if l.id == id {
			return l
		}
	}
	return nil
}

func (c *Core) nextLink() bearer.LinkID {
	c.gatt.last++
	return c.gatt.last
}

// ReceiveSighting handles an advertisement of a mesh service.
func (c *Core) ReceiveSighting(now time.Time, s *bearer.Sighting) {
	c.begin(now)
	switch s.Service {
	case bearer.ProvisioningService:
		c.sightDevice(s)
	case bearer.ProxyService:
		c.sightProxy(s)
	case bearer.SolicitationService:
		c.solicited(s.ServiceData())
	}
}

// ReceiveLink handles an event of a connection.
func (c *Core) ReceiveLink(now time.Time, e *bearer.LinkEvent) {
	c.begin(now)
	l := c.link(e.ID)
	switch e.Kind {
	case bearer.LinkOpened:
		switch {
		case l == nil && e.ID >= bearer.FirstIncoming:
			c.acceptLink(e)
		case l == nil || l.ending:
			c.act(Disconnect{e.ID})
		case !l.open:
			l.open, l.maxPDU = true, e.MaxPDU
			c.linkOpened(l)
		}
	case bearer.LinkData:
		if l != nil && l.open && !l.ending {
			c.receiveLinkData(l, e.PDU)
		}
	case bearer.LinkClosed:
		if l != nil {
			c.gatt.all = slices.DeleteFunc(c.gatt.all, func(o *link) bool { return o == l })
			c.linkClosed(l, e.Err)
		}
	}
	c.collectTransport(0)
}

// acceptLink takes a connection that somebody else made, or ends it.
func (c *Core) acceptLink(e *bearer.LinkEvent) {
	l := &link{
		id: e.ID, service: e.Service, open: true, maxPDU: e.MaxPDU,
		adapter: e.Adapter, peer: e.From,
	}
	switch {
	case e.Service == bearer.ProxyService && c.isServing() && c.gatt.server.Opened(c.now, e.ID):
		l.role = proxyServer
	case e.Service == bearer.ProvisioningService && c.device != nil && !c.state.IsProvisioned() && c.options.Device.GATT && !c.device.Linked():
		l.role = provisionee
	default:
		c.gatt.counters.ClientRefused++
		c.act(Disconnect{e.ID})
		return
	}
	c.tellClients() // what is news to those who are here already
	c.gatt.all = append(c.gatt.all, l)
	c.linkOpened(l)
}

// linkOpened begins what a connection is for.
func (c *Core) linkOpened(l *link) {
	switch l.role {
	case proxyClient:
		c.gatt.client.Opened(c.now, l.id, &c.gatt.clientOut)
		c.collectClient()
	case proxyServer:
		c.welcome(l)
	case provisioner:
		if s := c.sessionOf(l.id); s != nil {
			s.Connected(c.now, &c.provisioning)
			c.collectProvisioning()
		}
	case provisionee:
		c.device.Connected(c.now, uint32(l.id), &c.provisioning)
		c.collectProvisioning()
	}
}

// linkClosed ends what a connection was for.
func (c *Core) linkClosed(l *link, reason error) {
	if reason == nil && !l.ending {
		reason = errClosedByPeer
	}
	switch l.role {
	case proxyClient:
		if l.proven {
			c.report(ProxyLost{Peer: l.peer, Node: l.node, NetKey: l.netKey, Err: reason})
		}
		c.gatt.client.Closed(c.now, l.id, &c.gatt.clientOut)
		c.collectClient()
	case proxyServer:
		c.gatt.server.Closed(l.id)
	case provisioner:
		if s := c.sessionOf(l.id); s != nil && !c.reconnectDevice(s, l) {
			s.Disconnected(c.now, reason, &c.provisioning)
			c.collectProvisioning()
		}
	case provisionee:
		if c.device != nil {
			c.device.Disconnected(c.now, uint32(l.id), reason, &c.provisioning)
			c.collectProvisioning()
		}
		c.identifyAfterProvisioning()
	}
}

var errClosedByPeer = errors.New("node: the peer ended the connection")

// receiveLinkData takes a Proxy PDU.
func (c *Core) receiveLinkData(l *link, pdu []byte) {
	kind, message, complete := l.sar.Receive(c.now, pdu)
	if complete {
		c.gatt.counters.Received++
		c.gatt.via = l
		c.receiveLinkMessage(l, kind, message)
		c.gatt.via = nil
	}
	if l.faults+l.sar.Faults() > maxFaults {
		c.gatt.counters.Cut++
		c.endLink(l)
	}
}

// receiveLinkMessage takes a message to where it belongs. Each service has its
// own types (sections 7.1.3 and 7.2.3).
func (c *Core) receiveLinkMessage(l *link, kind proxy.MessageType, message []byte) {
	provisioning := l.role == provisioner || l.role == provisionee
	switch {
	case provisioning != (kind == proxy.ProvisioningPDU):
		l.faults++
		c.gatt.counters.Faults++
	case provisioning:
		c.receiveCarried(l, message)
	case kind == proxy.Configuration:
		c.receiveConfiguration(l, message)
	case kind == proxy.NetworkPDU:
		in := bearer.Incoming{Kind: bearer.Message, RSSI: rssiUnknown, Adapter: l.adapter, Len: uint8(len(message))}
		copy(in.Data[:], message)
		c.receiveMessage(&in)
	case beacon.Type(message[0]) == beacon.TypeUnprovisioned:
		l.faults++ // such a device has no connection to a proxy
		c.gatt.counters.Faults++
	default:
		in := bearer.Incoming{Kind: bearer.Beacon, RSSI: rssiUnknown, Adapter: l.adapter, Len: uint8(len(message))}
		copy(in.Data[:], message)
		c.receiveBeacon(&in)
	}
}

// rssiUnknown is what Incoming.RSSI is when nobody measures.
const rssiUnknown = 127

// receiveConfiguration handles a proxy configuration message (section 6.6): a
// client's own go to the filter, a server's say what its filter is.
func (c *Core) receiveConfiguration(l *link, message []byte) {
	p := &c.gatt.configured
	if !c.receiver.OpenProxy(message, p) {
		l.faults++
		c.gatt.counters.Faults++
		return
	}
	if c.state.Element(p.Src) != nil {
		if l.role == proxyClient {
			c.gatt.client.Refuse(c.now, l.id, &c.gatt.clientOut) // the other end is this very node
			c.collectClient()
		}
		return
	}
	if !c.transport.AcceptProxy(p, &c.lower) {
		c.gatt.counters.Replayed++
		return
	}
	m, err := proxy.ParseMessage(p.Transport)
	if err != nil {
		c.gatt.counters.Faults++
		return
	}
	if l.role == proxyClient {
		if !l.proven {
			l.proven, l.node = true, p.Src
			c.gatt.solicitor.rounds = 0
			c.report(ProxyConnected{Peer: l.peer, Node: l.node, NetKey: l.netKey})
		}
		c.gatt.client.Receive(c.now, l.id, p.Src, m, &c.gatt.clientOut)
		c.collectClient()
		return
	}
	if answer := c.gatt.server.Configure(l.id, m); answer != nil {
		c.writeConfiguration(l, p.NetKey, answer)
	}
}

// writeConfiguration seals a proxy configuration message and sends it.
func (c *Core) writeConfiguration(l *link, netKey mesh.KeyIndex, m proxy.Message) {
	s := c.subnet(netKey)
	if s == nil {
		return
	}
	seq, iv, err := c.sequence.Next()
	if err != nil {
		c.countUnsent(err)
		return
	}
	pdu, err := s.transmit.SealProxy(nil, &network.PDU{
		IVIndex: iv, Seq: seq, Src: c.state.Address, Transport: m.Append(nil),
	})
	if err != nil {
		c.counters.Unsent++
		return
	}
	c.write(l, proxy.Configuration, pdu)
}

// write sends a message.
func (c *Core) write(l *link, kind proxy.MessageType, message []byte) {
	if !l.open || l.ending {
		return
	}
	c.gatt.counters.Sent++
	c.act(Write{ID: l.id, PDUs: proxy.Split(nil, kind, message, l.maxPDU), Essential: kind == proxy.ProvisioningPDU})
}

// writeNetwork sends a network PDU to several.
func (c *Core) writeNetwork(to []bearer.LinkID, pdu []byte) {
	for _, id := range to {
		if l := c.link(id); l != nil {
			c.write(l, proxy.NetworkPDU, pdu)
		}
	}
}

// ownLinks is where a message of this node goes besides the advertising bearer:
// to every proxy, and to the clients that want it.
func (c *Core) ownLinks(dst mesh.Address) []bearer.LinkID {
	if len(c.gatt.all) == 0 {
		return nil
	}
	to := c.upstream(c.gatt.scratch[:0], nil)
	c.gatt.scratch = c.gatt.server.Receivers(to, dst, 0)
	return c.gatt.scratch
}

// upstream appends the connections to proxies, but for one.
func (c *Core) upstream(dst []bearer.LinkID, except *link) []bearer.LinkID {
	for _, l := range c.gatt.all {
		if l.role == proxyClient && l.open && l != except {
			dst = append(dst, l.id)
		}
	}
	return dst
}

// relayTransmit says whether and how a PDU of another node is advertised
// (section 3.4.6.3): one that came by advertising when the node is a relay, one
// that came over a connection when it is a proxy. A node that only is a proxy's
// client passes nothing on.
func (c *Core) relayTransmit() (bearer.Transmit, bool) {
	if c.gatt.via == nil {
		return c.state.RelayRetransmit.Transmit(), c.state.Relay == state.Enabled
	}
	return c.state.NetworkTransmit.Transmit(), c.passesOn()
}

// relayLinks is over which connections a PDU of another node is passed on: a
// proxy's clients get what their filter lets through.
func (c *Core) relayLinks(p *network.PDU) []bearer.LinkID {
	if len(c.gatt.all) == 0 || !c.passesOn() {
		return nil
	}
	var from bearer.LinkID
	if c.gatt.via != nil {
		from = c.gatt.via.id
	}
	to := c.upstream(c.gatt.scratch[:0], c.gatt.via)
	c.gatt.scratch = c.gatt.server.Receivers(to, p.Dst, from)
	return c.gatt.scratch
}

// heardBy notes by which way an authentic message came.
func (c *Core) heardBy(p *network.PDU) {
	if c.gatt.via == nil {
		c.gatt.lastOnAir = c.now
		return
	}
	if c.gatt.via.role == proxyServer {
		c.gatt.server.Sent(c.gatt.via.id, p.Src)
	}
}

// heardNetwork notes by which way an authentic beacon came.
func (c *Core) heardNetwork() {
	if c.gatt.via == nil {
		c.gatt.lastOnAir = c.now
	}
}

// endLink ends a connection.
func (c *Core) endLink(l *link) {
	if !l.ending {
		l.ending = true
		c.act(Disconnect{l.id})
	}
}

func (c *Core) act(a GATTAction) { c.output.GATT = append(c.output.GATT, a) }

// tickGATT does what is due on connections.
func (c *Core) tickGATT() {
	for _, l := range c.gatt.all {
		if due(l.sar.Deadline(), c.now) && !l.ending {
			c.gatt.counters.Cut++
			c.endLink(l)
		}
	}
	c.gatt.scratch = c.gatt.server.Strangers(c.gatt.scratch[:0], c.now)
	for _, id := range c.gatt.scratch {
		if l := c.link(id); l != nil {
			c.endLink(l)
		}
	}
	c.gatt.client.Tick(c.now, &c.gatt.clientOut)
	c.collectClient()
	c.tickSolicitor()
	c.tickIdentities()
}

func (c *Core) gattDeadline() time.Time {
	next := earliest(c.gatt.client.NextDeadline(), c.identityDeadline())
	next = earliest(next, c.autoDeadline())
	next = earliest(next, c.solicitorDeadline())
	next = earliest(next, c.gatt.server.NextDeadline())
	for _, l := range c.gatt.all {
		if !l.ending {
			next = earliest(next, l.sar.Deadline())
		}
	}
	return next
}

// draw8 draws the random number of an advertisement.
func (c *Core) draw8() (r [8]byte, err error) {
	_, err = io.ReadFull(c.options.Random, r[:])
	return r, err
}
