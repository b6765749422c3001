package friend

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// NextDeadline is when Tick has something to do, zero for never.
func (f *Friend) NextDeadline() time.Time {
	next := f.clearDeadline()
	for _, s := range f.list {
		next = deadline.Earliest(next, deadline.Earliest(s.deadline, s.respondAt))
	}
	return next
}

// Tick does what is due.
func (f *Friend) Tick(now time.Time, out *Output) {
	for _, s := range slices.Clone(f.list) {
		if deadline.Due(s.respondAt, now) {
			f.respond(s, out)
		}
		if !deadline.Due(s.deadline, now) {
			continue
		}
		switch s.phase {
		case offering:
			f.offer(now, s, out)
		case offered:
			if now.Before(s.keep) {
				s.phase, s.deadline = parked, s.keep
				out.Links = true
				continue
			}
			f.end(s, PollTimeout, out)
		default:
			f.end(s, PollTimeout, out)
		}
	}
	f.tickClears(now, out)
}

// offer sends the Friend Offer.
func (f *Friend) offer(now time.Time, s *friendship, out *Output) {
	o := Offer{
		ReceiveWindow:     f.cfg.ReceiveWindow,
		QueueSize:         uint8(f.cfg.Queue),
		SubscriptionsSize: uint8(f.cfg.Subscriptions),
		RSSI:              s.rssi,
		FriendCounter:     s.FriendCounter,
	}
	s.phase, s.deadline = offered, now.Add(firstPoll)
	out.Links = true
	f.control(s.NetKey, s.LPN, 0, OpOffer, o.Append, Link{}, out)
}

// control sends a transport control message from the friend.
func (f *Friend) control(net mesh.KeyIndex, dst mesh.Address, ttl mesh.TTL, opcode uint8, params func([]byte) []byte, link Link, out *Output) {
	p, ok := f.stamp(net, dst, ttl, opcode, params)
	if ok {
		out.Send = append(out.Send, Outgoing{PDU: p, Link: link})
	}
}

// stamp makes a control PDU with the next sequence number.
func (f *Friend) stamp(net mesh.KeyIndex, dst mesh.Address, ttl mesh.TTL, opcode uint8, params func([]byte) []byte) (network.PDU, bool) {
	p, err := controlPDU(f.cfg.Node, net, f.cfg.Address, dst, ttl, opcode, params)
	if err != nil {
		f.counters.Unsent++
		return network.PDU{}, false
	}
	return p, true
}

func controlPDU(author Node, net mesh.KeyIndex, src, dst mesh.Address, ttl mesh.TTL, opcode uint8, params func([]byte) []byte) (network.PDU, error) {
	seq, iv, err := author.Next()
	if err != nil {
		return network.PDU{}, err
	}
	return network.PDU{
		NetKey: net, IVIndex: iv, CTL: true, TTL: ttl, Seq: seq, Src: src, Dst: dst,
		Transport: params([]byte{opcode}),
	}, nil
}

// respond answers the last request, in the receive window.
func (f *Friend) respond(s *friendship, out *Output) {
	s.respondAt = time.Time{}
	if s.confirm {
		s.confirm = false
		confirm := SubscriptionConfirm{s.number}
		f.control(s.NetKey, s.LPN, 0, OpSubscriptionConfirm, confirm.Append, s.Link, out)
	}
	if !s.poll {
		return
	}
	s.poll = false
	if s.last != nil {
		f.counters.Repeated++
	} else if !f.handOver(s) {
		return
	}
	if id := s.handed.draft.ID; id != 0 && !s.queue.holds(id) {
		out.Events = append(out.Events, Delivered{id})
	}
	out.Send = append(out.Send, Outgoing{PDU: *s.last, Link: s.Link})
}

// handOver delivers the next entry of the queue, or a Friend Update if it is
// empty. The node's own messages get their sequence number now.
func (f *Friend) handOver(s *friendship) bool {
	for {
		e, ok := s.queue.next()
		var p network.PDU
		switch {
		case !ok || e.kind == update:
			u := Update{State: f.cfg.Node.Security(s.NetKey), MoreData: len(s.queue.entries) > 0}
			p, ok = f.stamp(s.NetKey, s.LPN, 0, OpUpdate, u.Append)
		case e.kind == drafted:
			if p, ok = f.compose(s, &e); !ok {
				continue
			}
		case e.kind == own:
			p = e.take()
			var err error
			if p.Seq, p.IVIndex, err = f.cfg.Node.Next(); err != nil {
				f.counters.Unsent++
				ok = false
			}
		case e.pdu.IVIndex+1 < f.cfg.Node.Security(s.NetKey).IVIndex:
			f.counters.Stale++
			continue
		default:
			p = e.take()
		}
		if ok {
			f.counters.Delivered++
			s.last, s.handed = &p, e
		}
		return ok
	}
}

// takeBack puts the PDU that was delivered last and not acknowledged back into
// the queue. It may have arrived; the Low Power node then recognises its
// sequence number. The friend's own messages get another sequence number,
// because the Friend Update that begins the next friendship is newer.
func (s *friendship) takeBack() {
	if s.last == nil || isUpdate(s.last) {
		return
	}
	e := s.handed
	if e.kind == stored || e.kind == drafted && e.draft.PDUs > 1 {
		e = storedEntry(s.last)
		e.message = s.handed.message
	}
	s.queue.entries = slices.Insert(s.queue.entries, 0, e)
}

func isUpdate(p *network.PDU) bool { return p.CTL && p.Transport[0] == OpUpdate }

// compose makes PDUs from a draft. All after the first are put back into the
// queue.
func (f *Friend) compose(s *friendship, e *entry) (network.PDU, bool) {
	pdus, err := f.cfg.Node.Compose(&e.draft)
	if err != nil || len(pdus) == 0 {
		f.counters.Unsent++
		return network.PDU{}, false
	}
	s.queue.back(pdus[1:], e)
	return pdus[0], true
}
