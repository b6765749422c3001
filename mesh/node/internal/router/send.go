package router

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/ivupdate"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Send gives an access message to the transport layer. The handle is not zero
// when the message is segmented; its end comes as a Delivery.
func (r *Router) Send(o *part.Outgoing, payload []byte) (transport.Handle, error) {
	if r.host.State().IVIndexUnknown {
		r.host.CountUnsent(nil)
		return 0, ivupdate.ErrNoIVIndex
	}
	if r.to.Friendship.QueueMessage(o, payload) {
		return 0, nil
	}
	m := o.Access(payload)
	handle, err := r.transport.Send(r.host.Now(), &m, &r.lower)
	if err != nil {
		r.host.CountUnsent(err)
		return 0, err
	}
	r.seal()
	return handle, nil
}

// SendControl sends a transport control message.
func (r *Router) SendControl(m *transport.ControlOut) {
	if _, err := r.transport.SendControl(r.host.Now(), m, &r.lower); err != nil {
		r.host.CountUnsent(err)
		return
	}
	r.seal()
}

// Compose makes the network PDUs of an access message without sending them.
func (r *Router) Compose(m *transport.AccessOut) ([]network.PDU, error) {
	return r.transport.Compose(m)
}

// Cancel ends a segmented message that nobody waits for any more.
func (r *Router) Cancel(h transport.Handle) { r.transport.Cancel(r.host.Now(), h, &r.lower) }

// seal sends the network PDUs that the transport layer put out, in their order.
func (r *Router) seal() {
	r.own.note(r.host.Now(), r.cfg.Sequence)
	for i := range r.lower.Network {
		p := &r.lower.Network[i].PDU
		s := r.to.Subnets.Subnet(p.NetKey)
		switch {
		case s == nil:
			r.host.CountUnsent(nil)
			continue
		case r.to.Friendship.QueueControl(p):
			continue
		case p.TTL == 1:
			continue // the output filter of every bearer drops it (section 3.4.5)
		}
		by := s.Transmit
		if p.By != nil {
			by = p.By
		}
		how, lane := r.host.State().NetworkTransmit.Transmit(), r.OwnLane(p.Dst)
		if r.transmit(&transmission{
			pdu: p, by: by, lane: lane, how: how, advertise: true,
			links: r.to.Proxy.OwnLinks(p.Dst),
		}) {
			r.backlog.add(r.host.Now(), lane, r.pace, how)
		}
	}
	r.lower.Network = r.lower.Network[:0]
	if len(r.lower.Replay)+len(r.lower.Access)+len(r.lower.Done)+len(r.lower.Silenced) == 0 {
		r.lower.Reset()
	}
}

// OwnLane is the lane of a message of this node.
func (r *Router) OwnLane(dst mesh.Address) bearer.Lane {
	if !dst.IsUnicast() {
		return bearer.GroupLane()
	}
	node, _ := r.to.Peers.Lookup(dst)
	return bearer.OwnLane(uint16(node)) // unassigned when it is not known
}

// SendPDU seals a network PDU and advertises it on a lane, for a friendship.
func (r *Router) SendPDU(p *network.PDU, by *network.Credentials, lane bearer.Lane) {
	r.transmit(&transmission{
		pdu: p, by: by, lane: lane, how: r.host.State().NetworkTransmit.Transmit(), advertise: true,
	})
}

// transmission is a network PDU on its way to the bearers.
type transmission struct {
	pdu       *network.PDU
	by        *network.Credentials
	relay     bool // it is another node's: sealed again, one hop further
	lane      bearer.Lane
	how       bearer.Transmit
	advertise bool
	links     []bearer.LinkID // connections that it goes over as well
}

// transmit seals a network PDU and sends it. Every network PDU leaves the node
// here. It returns false when the PDU could not be sealed, and counts that.
func (r *Router) transmit(t *transmission) bool {
	var pdu []byte
	var err error
	if t.relay {
		pdu, err = t.by.Relay(r.sealed[:0], t.pdu)
	} else {
		pdu, err = t.by.Seal(r.sealed[:0], t.pdu)
	}
	if err != nil {
		r.host.CountUnsent(err)
		return false
	}
	if !t.relay {
		r.network.Remember(t.pdu.NetKey, t.pdu)
	}
	r.to.Proxy.WriteNetwork(t.links, pdu)
	if t.advertise {
		r.host.Advertise(bearer.Message, t.lane, t.how, pdu)
	}
	return true
}

// SetPace tells the router how fast the radio is, until further notice. Without
// it the radio is assumed to be one of bearer.UsualPace. It returns false when that is
// known.
func (r *Router) SetPace(p bearer.Pace) bool {
	if p == r.pace {
		return false
	}
	r.pace = p
	r.deriveSegmentation()
	return true
}

// Backlog is how long the radio needs for what this node has to send.
func (r *Router) Backlog() time.Duration { return max(r.backlog.till.Sub(r.host.Now()), 0) }

// airtime is how long the radio needs for one PDU of this node.
func (r *Router) airtime() time.Duration {
	return r.pace.Airtime(r.host.State().NetworkTransmit.Transmit())
}

// segmentation is the SAR Transmitter state (section 4.2.48). Unless the options
// or a Configuration Client have set it, segments are as far apart as the bearer
// needs for one PDU with all its transmissions. With the usual three of them that
// is the default of the specification. So segments never queue up on the radio
// while the node waits for their acknowledgment already.
func (r *Router) segmentation() *transport.Transmitter {
	if r.cfg.SAR != nil {
		return r.cfg.SAR
	}
	if t := r.host.State().SARTransmitter; t != nil {
		return t
	}
	const (
		step       = 10 * time.Millisecond
		widestStep = 15
	)
	t := transport.DefaultTransmitter()
	t.SegmentIntervalStep = uint8(min((r.airtime()+step-1)/step, widestStep+1) - 1)
	return &t
}

// deriveSegmentation lets the transport layer act by the SAR states (sections
// 4.2.48 and 4.2.49).
func (r *Router) deriveSegmentation() {
	r.transport.SetTransmitter(*r.segmentation())
	receiver := transport.DefaultReceiver()
	if s := r.host.State().SARReceiver; s != nil {
		receiver = *s
	}
	r.transport.SetReceiver(receiver)
	r.transport.SetAirtime(r.airtime())
}
