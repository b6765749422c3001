package router

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// number is the sequence number of one PDU.
type number struct {
	seq mesh.SequenceNumber
	iv  mesh.IVIndex
}

// Next implements transport.Sequencer.
func (n number) Next() (mesh.SequenceNumber, mesh.IVIndex, error) { return n.seq, n.iv, nil }

// SendAs sends an access message of one PDU from an address that is none of this
// node's elements, with a number that the caller gives out.
func (r *Router) SendAs(o *part.Outgoing, seq mesh.SequenceNumber, iv mesh.IVIndex, payload []byte) error {
	s := r.to.Subnets.Subnet(o.NetKey)
	if s == nil {
		r.host.CountUnsent(nil)
		return transport.ErrNoKey
	}
	layer := transport.New(transport.Config{
		Keys: r.to.Keys, Sequencer: number{seq, iv}, TTL: r.host.State().DefaultTTL,
		Reassemblies: 1, Transfers: 1, Queue: 1, Sources: 1,
	})
	m := o.Access(payload)
	pdus, err := layer.Compose(&m)
	if err != nil {
		r.host.CountUnsent(err)
		return err
	}
	for i := range pdus {
		how, lane := r.host.State().NetworkTransmit.Transmit(), r.OwnLane(o.Dst)
		if r.transmit(&transmission{
			pdu: &pdus[i], by: s.Transmit, lane: lane, how: how, advertise: true,
			links: r.to.Proxy.OwnLinks(o.Dst),
		}) {
			r.backlog.add(r.host.Now(), lane, r.pace, how)
		}
	}
	return nil
}
