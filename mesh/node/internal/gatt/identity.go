package gatt

import (
	"io"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	privatemodel "github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/private"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// This file is how clients find this node: what it advertises of its subnets and
// of itself (section 7.2.2.2).

const (
	// identityTime is for how long a node advertises its identity (section
	// 7.2.2.2.3).
	identityTime = 60 * time.Second
	// renewal is after how long a private network identity gets another random
	// number (section 7.2.2.2.4).
	renewal = 10 * time.Minute
)

// subnet is what a subnet is for the proxy protocol.
type subnet struct {
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
func (p *subnet) own() *proxy.Identity { return p.identities[len(p.identities)-1] }

// advertised is an identification that lasts for a while.
type advertised struct {
	kind  proxy.Identification
	until time.Time // zero: it is not advertised
	data  []byte
}

// Compile-time checks: the Configuration Server switches identities.
var (
	_ configuration.NodeIdentityHost = (*Server)(nil)
	_ privatemodel.Advertiser        = (*Server)(nil)
	_ privatemodel.Solicited         = (*Server)(nil)
)

// ConfigurationChanged implements part.Part.
func (s *Server) ConfigurationChanged() {
	n := s.host.State()
	old := s.served
	s.served = nil
	for i := range n.Subnets {
		p := &subnet{index: n.Subnets[i].Index}
		if at := slices.IndexFunc(old, func(o *subnet) bool { return o.index == p.index }); at >= 0 {
			p = old[at]
		}
		p.derive(&n.Subnets[i])
		s.served = append(s.served, p)
	}
	s.Wake()
}

// derive makes the identities of the keys of a subnet.
func (p *subnet) derive(s *state.Subnet) {
	keys := []crypto.Key{s.Key}
	switch s.Phase {
	case state.FirstPhase:
		keys = []crypto.Key{s.NewKey, s.Key}
	case state.SecondPhase:
		keys = append(keys, s.NewKey)
	case state.NormalOperation:
	}
	if slices.Equal(p.keys, keys) {
		return
	}
	p.keys, p.identities = keys, nil
	for _, k := range keys {
		p.identities = append(p.identities, proxy.NewIdentity(k))
	}
	p.network, p.node.data = advertised{}, nil
	p.public = p.own().ServiceData(proxy.NetworkID, [8]byte{}, mesh.Unassigned)
}

func (s *Server) subnet(index mesh.KeyIndex) *subnet {
	for _, p := range s.served {
		if p.index == index {
			return p
		}
	}
	return nil
}

// NodeIdentity is the Node Identity state of a subnet (section 4.2.13).
func (s *Server) NodeIdentity(index mesh.KeyIndex) state.Feature {
	return s.identity(index, proxy.NodeIdentity)
}

// SetNodeIdentity lets the node advertise its identity for a minute, to those who
// have the NetKey, or ends it. It does nothing when the node cannot be a proxy.
func (s *Server) SetNodeIdentity(index mesh.KeyIndex, on bool) {
	s.setIdentity(index, proxy.NodeIdentity, on)
}

// PrivateNodeIdentity is the Private Node Identity state of a subnet (section
// 4.2.46).
func (s *Server) PrivateNodeIdentity(index mesh.KeyIndex) state.Feature {
	return s.identity(index, proxy.PrivateNodeIdentity)
}

// SetPrivateNodeIdentity is SetNodeIdentity in the form that nobody can follow who
// does not have the NetKey. While the other form is advertised it does nothing.
func (s *Server) SetPrivateNodeIdentity(index mesh.KeyIndex, on bool) {
	if s.NodeIdentity(index) != state.Enabled {
		s.setIdentity(index, proxy.PrivateNodeIdentity, on)
	}
}

// ClearSolicitations forgets the solicitations of count sources from first on
// (Solicitation PDU RPL Items Clear).
func (s *Server) ClearSolicitations(first mesh.Address, count int) {
	s.host.Edit(func(n *state.Node) { n.Solicitations.Clear(first, count) })
}

// Identify advertises the node's identity in all subnets, after it was
// provisioned over PB-GATT: its provisioner wants to configure it over a proxy
// connection (section 7.1.2.2).
func (s *Server) Identify() {
	n := s.host.State()
	if !n.IsProvisioned() || n.Proxy == state.Unsupported {
		return
	}
	for _, p := range s.served {
		s.SetNodeIdentity(p.index, true)
	}
}

func (s *Server) identity(index mesh.KeyIndex, kind proxy.Identification) state.Feature {
	p := s.subnet(index)
	switch {
	case s.host.State().Proxy == state.Unsupported || p == nil:
		return state.Unsupported
	case p.node.until.IsZero() || p.node.kind != kind:
		return state.Disabled
	default:
		return state.Enabled
	}
}

func (s *Server) setIdentity(index mesh.KeyIndex, kind proxy.Identification, on bool) {
	p := s.subnet(index)
	if p == nil || s.host.State().Proxy == state.Unsupported {
		return
	}
	s.Wake()
	p.node = advertised{}
	if on {
		p.node = advertised{kind: kind, until: s.host.Now().Add(identityTime)}
	}
}

// appendAdvertising appends what the node advertises so that others connect to it.
func (s *Server) appendAdvertising(dst []bearer.ConnectableAdvertisement) []bearer.ConnectableAdvertisement {
	dst, only := s.device.AppendAdvertising(dst)
	if only || !s.serves() || s.server.Full() {
		return dst
	}
	for _, p := range s.served {
		dst = s.appendSubnet(dst, p)
	}
	return dst
}

// appendSubnet appends what the node advertises for a subnet.
func (s *Server) appendSubnet(dst []bearer.ConnectableAdvertisement, p *subnet) []bearer.ConnectableAdvertisement {
	if !p.node.until.IsZero() {
		dst = s.appendAdvertised(dst, p, &p.node)
	}
	n := s.host.State()
	private := n.PrivateProxy == state.Enabled || !p.solicited.IsZero()
	switch {
	case n.Proxy == state.Enabled:
		p.network = advertised{}
		return append(dst, bearer.ConnectableAdvertisement{Service: bearer.ProxyService, Data: p.public})
	case !private:
		p.network = advertised{}
		return dst
	case p.network.until.IsZero():
		p.network = advertised{kind: proxy.PrivateNetworkIdentity, until: s.host.Now().Add(renewal)}
	}
	return s.appendAdvertised(dst, p, &p.network)
}

// appendAdvertised appends an identification, for which it draws the random number
// when it is new.
func (s *Server) appendAdvertised(dst []bearer.ConnectableAdvertisement, p *subnet, a *advertised) []bearer.ConnectableAdvertisement {
	if a.data == nil {
		var random [8]byte
		if _, err := io.ReadFull(s.host.Random(), random[:]); err != nil {
			return dst
		}
		a.data = p.own().ServiceData(a.kind, random, s.host.State().Address)
	}
	return append(dst, bearer.ConnectableAdvertisement{Service: bearer.ProxyService, Data: a.data, Private: a.kind.IsPrivate()})
}

// tickIdentities ends what was advertised for long enough.
func (s *Server) tickIdentities() {
	now := s.host.Now()
	for _, p := range s.served {
		if deadline.Due(p.node.until, now) {
			p.node = advertised{}
		}
		if deadline.Due(p.network.until, now) {
			p.network = advertised{}
		}
		if deadline.Due(p.solicited, now) {
			p.solicited = time.Time{}
		}
	}
}

func (s *Server) identityDeadline() time.Time {
	var next time.Time
	for _, p := range s.served {
		next = deadline.Earliest(next, p.node.until)
		next = deadline.Earliest(next, p.network.until)
		next = deadline.Earliest(next, p.solicited)
	}
	return next
}
