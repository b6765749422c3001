package gatt

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// IVIndex is the IV index of the node.
type IVIndex interface {
	// Said is the content of a beacon of a subnet in that phase.
	Said(phase state.Phase) beacon.State
}

// Advertiser appends what a node advertises while it is no proxy: an
// unprovisioned device that can be provisioned over PB-GATT.
type Advertiser interface {
	AppendAdvertising(dst []bearer.ConnectableAdvertisement) (all []bearer.ConnectableAdvertisement, only bool)
}

// Server is the part of a node that serves the clients of its proxy.
type Server struct {
	part.None
	exchange
	device Advertiser

	server   *proxy.Server
	served   []*subnet
	clients  map[bearer.LinkID]*servedClient
	proxyWas state.Feature                     // GATT Proxy state at the end of the last input
	shown    []bearer.ConnectableAdvertisement // what is advertised
	scratch  []bearer.ConnectableAdvertisement
	ended    []bearer.LinkID // room for Tick
	evicted  uint64
}

// servedClient is a client of this node.
type servedClient struct{ private bool } // it gets private beacons

// Compile-time checks of what others use it as.
var (
	_ part.Flusher = (*Server)(nil)
	_ User         = (*Server)(nil)
	_ Acceptor     = (*Server)(nil)
)

// Inputs implements part.Part.
func (s *Server) Inputs() part.Inputs { return part.Sighting }

// Input implements part.Part.
func (s *Server) Input(in *part.Input) bool {
	if in.Sighting.Service != bearer.SolicitationService {
		return false
	}
	s.solicited(in.Sighting.ServiceData())
	return true
}

// Accept implements Acceptor.
func (s *Server) Accept(e *bearer.LinkEvent) User {
	if !s.serves() {
		return nil
	}
	evicted, ok := s.server.Opened(s.host.Now(), e.ID, e.From)
	if !ok {
		return nil
	}
	if l := s.links.Find(evicted); l != nil {
		s.evicted++
		s.links.End(l)
	}
	s.tell() // the clients that are connected already
	s.Wake()
	return s
}

// Opened implements User. It sends a client the state of the subnets (section 6.7).
func (s *Server) Opened(l *Link) {
	s.Wake()
	public := s.host.State().Proxy == state.Enabled
	for _, p := range s.served {
		public = public || !p.node.until.IsZero() && p.node.kind == proxy.NodeIdentity
		p.solicited = time.Time{} // its sender is connected
	}
	s.clients[l.ID] = &servedClient{private: !public}
	for _, p := range s.served {
		s.writeBeacon(l, p)
	}
}

// Received implements User.
func (s *Server) Received(l *Link, kind proxy.MessageType, message []byte) bool {
	if kind != proxy.Configuration {
		return s.receive(l, kind, message, true)
	}
	p, m, v := s.open(message)
	if v == usable {
		s.Wake() // with a client that has proved to have a key it may be full
		if answer := s.server.Configure(l.ID, m); answer != nil {
			s.send(l, p.NetKey, answer)
		}
	}
	return v != unreadable
}

// Closed implements User.
func (s *Server) Closed(l *Link, _ error) {
	delete(s.clients, l.ID)
	s.server.Closed(l.ID)
	s.Wake()
}

// isProxy reports whether messages go from one bearer to the other.
func (s *Server) isProxy() bool {
	n := s.host.State()
	return n.IsProvisioned() && (n.Proxy == state.Enabled || n.PrivateProxy == state.Enabled ||
		n.OnDemandProxy > 0 && s.server.Clients() > 0)
}

// serves reports whether clients may connect.
func (s *Server) serves() bool {
	if s.isProxy() {
		return true
	}
	return s.host.State().IsProvisioned() && slices.ContainsFunc(s.served, func(p *subnet) bool {
		return !p.node.until.IsZero() || !p.solicited.IsZero()
	})
}

// solicited answers a solicitation, when the node is a proxy on demand only
// (sections 6.9 and 4.2.47): for the seconds of its state it advertises a private
// network identity.
func (s *Server) solicited(data []byte) {
	n := s.host.State()
	if !n.IsProvisioned() || n.OnDemandProxy == 0 || n.Proxy == state.Enabled || n.PrivateProxy == state.Enabled {
		return
	}
	pdu, ok := proxy.ParseSolicitationData(data)
	var p network.PDU
	if !ok || !s.layers.OpenSolicitation(pdu, &p) || n.Element(p.Src) != nil {
		return
	}
	if !n.Solicitations.Takes(p.Src, p.Seq) {
		s.replayed++
		return
	}
	s.host.Edit(func(n *state.Node) { n.Solicitations.Accept(p.Src, p.Seq) })
	if found := s.subnet(p.NetKey); found != nil {
		found.solicited = s.host.Now().Add(time.Duration(n.OnDemandProxy) * time.Second)
		s.Wake()
	}
}

// writeBeacon sends a client the beacon of a subnet.
func (s *Server) writeBeacon(l *Link, p *subnet) {
	if c := s.clients[l.ID]; c != nil {
		s.links.WriteBeacon(l, s.beaconOf(s.subnets.Subnet(p.index), c.private))
	}
}

// Wake makes the server look again at what the node advertises and what its clients
// know.
func (s *Server) Wake() { s.host.Wake(s) }

// IVIndexChanged implements ivupdate.Follower: clients get a beacon.
func (s *Server) IVIndexChanged() { s.Wake() }

// Flush implements part.Flusher. It makes what happens over connections follow the
// node's state.
func (s *Server) Flush() {
	n := s.host.State()
	if s.proxyWas == state.Enabled && n.Proxy != state.Enabled {
		// Section 4.2.12: without the feature the node does not identify itself.
		for _, p := range s.served {
			p.node = advertised{}
		}
		s.endAll()
	}
	s.proxyWas = n.Proxy
	if !n.IsProvisioned() {
		s.endAll()
	}
	s.tell()
	all := s.appendAdvertising(s.scratch[:0])
	if !slices.EqualFunc(all, s.shown, sameAdvertisement) {
		s.shown = slices.Clone(all)
		s.host.Act(part.Advertise{All: s.shown})
	}
	clear(all)
	s.scratch = all
}

func sameAdvertisement(a, b bearer.ConnectableAdvertisement) bool {
	return a.Service == b.Service && a.Private == b.Private && slices.Equal(a.Data, b.Data)
}

// endAll ends the connections of all clients.
func (s *Server) endAll() {
	if len(s.clients) == 0 {
		return
	}
	for _, l := range s.links.Of(s) {
		s.links.End(l)
	}
}

// tell sends the clients a beacon of each subnet whose state has changed.
func (s *Server) tell() {
	for _, p := range s.served {
		own := s.subnets.Subnet(p.index)
		if own == nil {
			continue
		}
		key, now := p.keys[len(p.keys)-1], s.iv.Said(own.Phase)
		if p.said == now && p.saidKey == key {
			continue
		}
		p.said, p.saidKey = now, key
		for _, l := range s.links.Of(s) {
			s.writeBeacon(l, p)
		}
	}
}

// Tick implements part.Part. It ends the connections of those that have not
// proven to be of the network, and what was advertised for long enough.
func (s *Server) Tick() {
	s.ended = s.server.Unauthenticated(s.ended[:0], s.host.Now())
	for _, id := range s.ended {
		if l := s.links.Find(id); l != nil {
			s.evicted++
			s.links.End(l)
		}
	}
	s.tickIdentities()
	s.Wake()
}

// NextDeadline implements part.Part.
func (s *Server) NextDeadline() time.Time {
	return deadline.Earliest(s.server.NextDeadline(), s.identityDeadline())
}

// Counters implements part.Part.
func (s *Server) Counters(to *part.Counters) {
	to.GATT.Replayed += s.replayed
	to.GATT.ClientEvicted += s.evicted
}
