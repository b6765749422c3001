package gatt

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/router"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Forwarding decides which network PDU goes over which connection (section 6.4).
type Forwarding struct {
	links   *Connections
	client  *Client
	server  *Server
	scratch []bearer.LinkID
}

var _ router.Proxy = (*Forwarding)(nil)

// Heard implements router.Proxy.
func (f *Forwarding) Heard(r *part.Received) {
	f.client.HeardNetwork(r.Origin)
	switch {
	case r.Origin.FromClient:
		if f.server.server.Sent(r.Origin.Link, r.Src, f.server.layers.IsNew(&r.PDU)) {
			f.server.Wake() // it may be full now
		}
	case !r.Origin.Advertised():
		f.client.delivered(r.Origin.Link, r.Src)
	}
}

// OwnLinks implements router.Proxy: a message of this node goes to every proxy,
// and to the clients that want it.
func (f *Forwarding) OwnLinks(dst mesh.Address) []bearer.LinkID {
	if len(f.links.all) == 0 {
		return nil
	}
	to := f.proxies(f.scratch[:0], 0)
	f.scratch = f.server.server.Receivers(to, dst, 0)
	return f.scratch
}

// RelayLinks implements router.Proxy: a proxy's clients get what their filter lets
// through.
func (f *Forwarding) RelayLinks(r *part.Received) []bearer.LinkID {
	if len(f.links.all) == 0 || !f.server.isProxy() {
		return nil
	}
	to := f.proxies(f.scratch[:0], r.Origin.Link)
	f.scratch = f.server.server.Receivers(to, r.Dst, r.Origin.Link)
	return f.scratch
}

// RelayTransmit implements router.Proxy (section 3.4.6.3): a PDU that came by
// advertising goes on when the node is a relay, one that came over a connection
// when it is a proxy. A node that only is a proxy's client passes nothing on.
func (f *Forwarding) RelayTransmit(o part.Origin) (bearer.Transmit, bool) {
	n := f.client.host.State()
	if o.Advertised() {
		return n.RelayRetransmit.Transmit(), n.Relay == state.Enabled
	}
	return n.NetworkTransmit.Transmit(), f.server.isProxy()
}

// WriteNetwork implements router.Proxy.
func (f *Forwarding) WriteNetwork(to []bearer.LinkID, pdu []byte) {
	for _, id := range to {
		if l := f.links.Find(id); l != nil {
			f.links.Write(l, proxy.NetworkPDU, pdu)
		}
	}
}

// proxies appends the connections to proxies, but for one.
func (f *Forwarding) proxies(dst []bearer.LinkID, except bearer.LinkID) []bearer.LinkID {
	for _, l := range f.links.all {
		if l.user == f.client && l.open && l.ID != except {
			dst = append(dst, l.ID)
		}
	}
	return dst
}
