package node

import (
	"errors"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// outgoing is where an access message goes and how.
type outgoing struct {
	src, dst mesh.Address
	label    mesh.UUID // when dst is virtual
	netKey   mesh.KeyIndex
	key      transport.Key
	ttl      mesh.TTL
	by       *network.Credentials // nil: the flooding credentials of netKey
	request  RequestID            // that it belongs to, 0 for none
	// segmented sends in segments, which are acknowledged, what would fit one PDU.
	segmented bool
}

// delayed is an access message for later: an answer to a group, the repetition
// of a publication.
type delayed struct {
	at      time.Time
	to      outgoing
	of      *instance // the model whose publication is repeated; nil for an answer
	payload []byte
}

// leastInterval is what a controller puts between two transmissions at least
// (Core, volume 4 part E, 7.8.53).
const leastInterval = 20 * time.Millisecond

// maxDelayed bounds what waits; more is dropped, as nobody waits for an answer.
const maxDelayed = 256

// send gives an access message to the transport layer. The handle is not zero
// when the message is segmented, and its end comes as a Delivery.
func (c *Core) send(o outgoing, payload []byte) (transport.Handle, error) {
	if c.state.IVIndexUnknown {
		c.counters.Unsent++
		return 0, ErrNoIVIndex
	}
	if c.sendToSleepers(&o, payload) {
		return 0, nil
	}
	m := o.access(payload)
	handle, err := c.transport.Send(c.now, &m, &c.lower)
	if err != nil {
		c.countUnsent(err)
		return 0, err
	}
	c.seal()
	return handle, nil
}

// access is the message for the transport layer.
func (o *outgoing) access(payload []byte) transport.AccessOut {
	return transport.AccessOut{
		Src:     o.src,
		Dst:     o.dst,
		Label:   o.label,
		NetKey:  o.netKey,
		Key:     o.key,
		TTL:     o.ttl,
		By:      o.by,
		Payload: payload,

		Segmented: o.segmented,
	}
}

// sendMessage sends what a model says. Nobody waits for the outcome: errors are
// counted.
func (c *Core) sendMessage(o outgoing, m access.Message) {
	payload, err := c.codec.Append(nil, m)
	if err != nil {
		c.countUnsent(err)
		return
	}
	_, _ = c.send(o, payload) // counted
}

func (c *Core) sendLater(d delayed, m access.Message) {
	payload, err := c.codec.Append(nil, m)
	if err != nil || len(c.later) >= maxDelayed {
		c.countUnsent(err)
		return
	}
	d.payload = payload
	c.later = append(c.later, d)
}

// answerLater sends an answer after a random delay, but not before the answers
// to the same node that wait already: the state that is reported last must be
// the last one.
func (c *Core) answerLater(o outgoing, most time.Duration, m access.Message) {
	at := c.now.Add(c.jitter(leastReplyDelay, most))
	for i := range c.later {
		if l := &c.later[i]; l.of == nil && l.to.src == o.src && l.to.dst == o.dst && l.at.After(at) {
			at = l.at
		}
	}
	c.sendLater(delayed{at: at, to: o}, m)
}

// sendDelayed sends what is due.
func (c *Core) sendDelayed() {
	for i := 0; i < len(c.later); {
		d := c.later[i]
		if !due(d.at, c.now) {
			i++
			continue
		}
		c.later = slices.Delete(c.later, i, i+1)
		_, _ = c.send(d.to, d.payload) // counted
	}
}

func (c *Core) delayedDeadline() time.Time {
	var next time.Time
	for i := range c.later {
		next = earliest(next, c.later[i].at)
	}
	return next
}

// seal turns the network PDUs that the transport layer put out into PDUs for
// the bearer, in their order.
func (c *Core) seal() {
	for i := range c.lower.Network {
		p := &c.lower.Network[i].PDU
		s := c.subnet(p.NetKey)
		if s == nil {
			c.counters.Unsent++
			continue
		}
		if c.controlToSleepers(p) {
			continue
		}
		if p.TTL == 1 {
			continue // the output filter of every bearer drops it (section 3.4.5)
		}
		out := bearer.Outgoing{
			Kind:     bearer.Message,
			Lane:     bearer.OwnLane(),
			Transmit: c.state.NetworkTransmit.Transmit(),
		}
		by := s.transmit
		if p.By != nil {
			by = p.By
		}
		pdu, err := by.Seal(out.Data[:0], p)
		if err != nil {
			c.counters.Unsent++
			continue
		}
		out.Len = uint8(len(pdu))
		c.receiver.Remember(p.NetKey, p)
		c.writeNetwork(c.ownLinks(p.Dst), pdu)
		c.output.Send = append(c.output.Send, out)
		c.speak(out.Transmit)
	}
	c.lower.Network = c.lower.Network[:0]
	if len(c.lower.Replay)+len(c.lower.Access)+len(c.lower.Done) == 0 {
		c.lower.Reset()
	}
}

// SetPace tells the core how fast its radio is, until further notice. Without it
// the radio is taken for one of UsualPace.
func (c *Core) SetPace(p bearer.Pace) {
	if p != c.pace {
		c.pace = p
		c.deriveSegmentation()
	}
}

// speak keeps account of how long the radio will need for what this node says:
// its own messages go one after the other. What else the radio does is not in
// it, nor what it had no room for.
func (c *Core) speak(t bearer.Transmit) {
	if c.spoken.Before(c.now) {
		c.spoken = c.now
	}
	c.spoken = c.spoken.Add(c.pace.Airtime(t))
}

func (c *Core) countUnsent(err error) {
	if errors.Is(err, ErrSequenceSpent) {
		c.counters.NoSequence++
		return
	}
	c.counters.Unsent++
}
