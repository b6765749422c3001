package router

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
)

// relay passes a PDU on (section 3.4.6.3), unless it is for this node alone or
// its TTL is used up.
func (r *Router) relay(p *part.Received) {
	by, always := r.to.Friendship.RelayCredentials(p)
	if by == nil || p.TTL < 2 || r.host.State().Element(p.Dst) != nil {
		return
	}
	how, advertise := r.to.Proxy.RelayTransmit(p.Origin)
	links := r.to.Proxy.RelayLinks(p)
	advertise = advertise || always
	if !advertise && len(links) == 0 {
		return
	}
	if r.transmit(&transmission{
		pdu: &p.PDU, by: by, relay: true,
		lane: bearer.RelayLane(uint16(p.Src)), how: how, advertise: advertise, links: links,
	}) {
		r.counters.Relayed++
	}
}

// bridge passes a PDU on to other subnets, as the bridging table says (section
// 3.4.6.5): with their credentials, one hop further and otherwise unchanged.
func (r *Router) bridge(p *part.Received) {
	n := r.host.State()
	if !n.Bridge.Enabled || p.TTL < 2 || n.Element(p.Dst) != nil {
		return
	}
	r.bridged = n.Bridge.Toward(r.bridged[:0], p.NetKey, p.Src, p.Dst)
	for _, index := range r.bridged {
		target := r.to.Subnets.Subnet(index)
		if target == nil {
			continue
		}
		if r.transmit(&transmission{
			pdu: &p.PDU, by: target.Transmit, relay: true,
			lane: bearer.RelayLane(uint16(p.Src)), how: n.NetworkTransmit.Transmit(), advertise: true,
			links: r.to.Proxy.RelayLinks(p), // the clients of this proxy, by their filters
		}) {
			r.network.Remember(index, &p.PDU) // relays will send it back
			r.counters.Bridged++
		}
	}
}
