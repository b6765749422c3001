package node

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// buildTransport makes the transport layer and its replay protection list.
func (c *Core) buildTransport(replay []store.ReplayEntry) error {
	c.transport = transport.New(transport.Config{
		Keys:        keyRing{c},
		Sequencer:   &c.sequence,
		TTL:         c.state.DefaultTTL,
		Transmitter: c.segmentation(),
		Receiver:    c.state.SARReceiver,
		Sources:     c.options.ReplaySize,
	})
	c.transport.SetAirtime(c.airtime())
	for _, e := range replay {
		if err := c.transport.Restore(transport.ReplayEntry(e)); err != nil {
			return err
		}
	}
	return nil
}

// segmentation is the SAR Transmitter state (section 4.2.48). Unless the options
// say otherwise, or a Configuration Client has set it, segments are as far apart
// as the bearer needs for one PDU with all its transmissions: with the usual three
// of them that is the default of the specification, and never do segments queue up
// on the radio while their acknowledgment is waited for already.
func (c *Core) segmentation() *transport.Transmitter {
	if c.options.SAR != nil {
		return c.options.SAR
	}
	if c.state.SARTransmitter != nil {
		return c.state.SARTransmitter
	}
	const (
		step       = 10 * time.Millisecond
		widestStep = 15
	)
	t := transport.DefaultTransmitter()
	t.SegmentIntervalStep = uint8(min((c.airtime()+step-1)/step, widestStep+1) - 1)
	return &t
}

// airtime is how long the radio is at one PDU of this node.
func (c *Core) airtime() time.Duration { return c.pace.Airtime(c.state.NetworkTransmit.Transmit()) }

// receiveMessage takes a network PDU up the stairs: network layer, relay,
// transport, access.
func (c *Core) receiveMessage(in *bearer.Incoming) {
	if c.receiver.Open(in.PDU(), &c.opened) != network.Fresh {
		return
	}
	p := &c.opened
	c.heardBy(p)
	if c.state.Element(p.Src) != nil {
		return // our own, back from a relay after the cache forgot it
	}
	c.learnFrom(p)
	c.relay(p)
	c.bridge(p)
	if !c.keepForSleepers(p) && c.listensTo(p.Dst) {
		c.receiveTransport(p)
	}
	c.collectTransport(in.RSSI)
}

// relay passes a PDU on (section 3.4.6.3): not what is for this node alone,
// and not what has come to the end of its way.
func (c *Core) relay(p *network.PDU) {
	by, always := c.relayCredentials(p)
	if by == nil || p.TTL < 2 || c.state.Element(p.Dst) != nil {
		return
	}
	transmit, advertised := c.relayTransmit()
	advertised = advertised || always
	links := c.relayLinks(p)
	if !advertised && len(links) == 0 {
		return
	}
	out := bearer.Outgoing{
		Kind:     bearer.Message,
		Lane:     bearer.RelayLane(uint16(p.Src)),
		Transmit: transmit,
	}
	pdu, err := by.Relay(out.Data[:0], p)
	if err != nil {
		c.counters.Unsent++
		return
	}
	out.Len = uint8(len(pdu))
	c.counters.Relayed++
	c.writeNetwork(links, pdu)
	if advertised {
		c.output.Send = append(c.output.Send, out)
	}
}

// listensTo reports whether a destination is one of this node's.
func (c *Core) listensTo(dst mesh.Address) bool {
	if dst.IsUnicast() {
		return c.state.Element(dst) != nil
	}
	if c.options.Monitor && !dst.IsVirtual() || c.inFixedGroup(dst) || c.heartbeats.subscription.Listens(c.now, dst) {
		return true
	}
	for _, i := range c.instances {
		if i.config.IsSubscribed(dst) {
			return true
		}
	}
	return false
}

// collectTransport moves what the transport layer put out into the output of
// the node. What a model answers and what a request does next puts out more,
// hence the loop and the two buffers.
func (c *Core) collectTransport(rssi int8) {
	for {
		for _, e := range c.lower.Replay {
			c.output.Replay = append(c.output.Replay, store.ReplayEntry(e))
		}
		c.lower.Replay = c.lower.Replay[:0]
		c.collectControl(rssi)
		received := append(c.received[:0], c.lower.Access...)
		done := append(c.done[:0], c.lower.Done...)
		c.received, c.done = received, done
		c.lower.Access, c.lower.Done = c.lower.Access[:0], c.lower.Done[:0]
		c.seal()
		if len(received)+len(done) == 0 {
			return
		}
		for i := range received {
			c.receiveAccess(&received[i], rssi)
		}
		for _, d := range done {
			c.delivered(d)
		}
		if len(done) > 0 {
			c.startRequests()
		}
	}
}

// receiveAccess takes an access message to the request that it answers, to the
// models, and to who monitors the node.
func (c *Core) receiveAccess(m *transport.AccessMessage, rssi int8) {
	c.meetCandidate(m)
	// A model that answers makes the transport layer use its memory again.
	c.payload = append(c.payload[:0], m.Payload...)
	op, params, err := access.ParseOpcode(c.payload)
	if err != nil {
		c.counters.Malformed++
		return
	}
	c.incoming = access.Incoming{
		Src:       m.Src,
		Dst:       m.Dst,
		NetKey:    m.NetKey,
		AppKey:    m.Key.App,
		DeviceKey: m.Key.IsDevice(),
		TTL:       m.TTL,
		RSSI:      rssi,
		Opcode:    op,
		Params:    params,
	}
	if c.options.Monitor {
		c.report(MessageReceived{
			Src:       m.Src,
			Dst:       m.Dst,
			NetKey:    m.NetKey,
			AppKey:    m.Key.App,
			DeviceKey: m.Key.IsDevice(),
			TTL:       m.TTL,
			RSSI:      rssi,
			Opcode:    op,
			Params:    slices.Clone(params),
		})
	}
	c.matchResponse(m, op, params)
	c.hearRemote(m, op, params)
	// A node obeys its own device key; the key of another node only proves
	// that the other one answers.
	if !m.Key.IsDevice() || m.Key.Device == c.state.Address {
		c.dispatch(&c.incoming, m.Label)
	}
}
