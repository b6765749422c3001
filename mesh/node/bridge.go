package node

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// bridge passes a PDU on to other subnets, as the bridging table says: with
// their credentials, one hop further and otherwise unchanged.
func (c *Core) bridge(p *network.PDU) {
	if !c.state.Bridge.Enabled || p.TTL < 2 || c.state.Element(p.Dst) != nil {
		return
	}
	c.bridged = c.state.Bridge.Toward(c.bridged[:0], p.NetKey, p.Src, p.Dst)
	for _, index := range c.bridged {
		target := c.subnet(index)
		if target == nil {
			continue
		}
		out := bearer.Outgoing{
			Kind:     bearer.Message,
			Lane:     bearer.RelayLane(uint16(p.Src)),
			Transmit: c.state.NetworkTransmit.Transmit(),
		}
		pdu, err := target.transmit.Relay(out.Data[:0], p)
		if err != nil {
			c.counters.Unsent++
			continue
		}
		c.receiver.Remember(index, p) // relays will send it back
		out.Len = uint8(len(pdu))
		c.counters.Bridged++
		c.output.Send = append(c.output.Send, out)
		c.writeNetwork(c.relayLinks(p), pdu) // the clients of this proxy, by their filters
	}
}
