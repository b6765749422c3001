package friend

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// sources remembers the last message of each source that sent to a Low Power
// node, so that replayed messages cannot displace new ones from the queue. If
// there are too many sources, the one that was added first is removed. The Low
// Power node has its own replay protection.
type sources struct {
	list [64]heard
	next int
}

// heard is the lowest number of a source that may be new, and the lowest of a
// segmented message, which may be complete only after later messages.
type heard struct {
	src             mesh.Address
	next, segmented uint64
}

// accept reports whether a message is newer than the last of its source, and
// records it.
func (s *sources) accept(src mesh.Address, number uint64, segmented bool) bool {
	i := slices.IndexFunc(s.list[:], func(h heard) bool { return h.src == src })
	if i < 0 {
		i = s.next
		s.next = (s.next + 1) % len(s.list)
		s.list[i] = heard{src: src}
	}
	h := &s.list[i]
	limit := h.next
	if segmented {
		limit = h.segmented
	}
	if number < limit {
		return false
	}
	h.next = max(h.next, number+1)
	if segmented {
		h.segmented = number + 1
	}
	return true
}

// wants reports whether a message is to be queued for the Low Power node.
func (s *friendship) wants(net mesh.KeyIndex, src, dst mesh.Address) bool {
	if s.phase != established && s.keep.IsZero() || s.NetKey != net || s.holds(src) {
		return false
	}
	return s.holds(dst) || slices.Contains(s.subscriptions, dst) || slices.Contains(s.former, dst)
}

// Wants reports whether messages from src to dst have to be passed to Store.
func (f *Friend) Wants(net mesh.KeyIndex, src, dst mesh.Address) bool {
	return slices.ContainsFunc(f.list, func(s *friendship) bool { return s.wants(net, src, dst) })
}

// Owns reports whether an address belongs to an element of a Low Power node
// that is a friend of this node.
func (f *Friend) Owns(a mesh.Address) bool {
	return slices.ContainsFunc(f.list, func(s *friendship) bool { return s.phase == established && s.holds(a) })
}

// Store queues a message of another node, with all segments in order (section
// 3.5.5) and the TTL as received. It copies what it keeps.
func (f *Friend) Store(pdus ...network.PDU) {
	if len(pdus) == 0 {
		return
	}
	var number uint64
	for i := range pdus {
		if pdus[i].TTL < 2 {
			return // its TTL has expired
		}
		number = max(number, numberOf(&pdus[i]))
	}
	p := &pdus[0]
	for _, s := range f.list {
		if !s.wants(p.NetKey, p.Src, p.Dst) {
			continue
		}
		if !s.heard.accept(p.Src, number, len(pdus) > 1) {
			f.counters.Replayed++
			continue
		}
		s.queue.dropAck(p)
		message := make([]entry, 0, len(pdus))
		for i := range pdus {
			e := storedEntry(&pdus[i])
			e.pdu.TTL--
			message = append(message, e)
		}
		f.queued(s.queue.put(message...))
	}
}

// StoreDraft queues a message from this node itself. It returns false if no Low
// Power node needs it.
func (f *Friend) StoreDraft(net mesh.KeyIndex, d Draft) bool {
	found := false
	for _, s := range f.list {
		if s.wants(net, f.cfg.Address, d.Dst) {
			found = true
			f.queued(s.queue.put(entry{kind: drafted, draft: d}))
			if s.poll {
				s.respondAt = s.windowAt // no need to wait any longer
			}
		}
	}
	return found
}

// StoreOwn queues a control PDU from this node itself, such as a Segment
// Acknowledgment. The PDU's sequence number is not used. It returns false if no
// Low Power node needs it.
func (f *Friend) StoreOwn(p *network.PDU) bool {
	found := false
	for _, s := range f.list {
		if !s.wants(p.NetKey, p.Src, p.Dst) {
			continue
		}
		found = true
		s.queue.dropAck(p)
		e := storedEntry(p)
		e.kind = own
		f.queued(s.queue.put(e))
	}
	return found
}

// Waits reports whether the draft with this ID, or a part of it, is still in a
// queue.
func (f *Friend) Waits(id uint64) bool {
	return id != 0 && slices.ContainsFunc(f.list, func(s *friendship) bool { return s.queue.holds(id) })
}

// Withdraw removes a draft from the queues, unless it is being delivered.
func (f *Friend) Withdraw(id uint64) {
	for _, s := range f.list {
		s.queue.entries = slices.DeleteFunc(s.queue.entries, func(e entry) bool { return e.kind == drafted && e.draft.ID == id })
	}
}

func (f *Friend) queued(discarded int, ok bool) {
	f.counters.Discarded += uint64(discarded)
	if ok {
		f.counters.Queued++
	} else {
		f.counters.Discarded++
	}
}

// SecurityChanged informs the Low Power nodes that the IV index or the key
// refresh phase of a subnet has changed (section 3.6.6.3.2).
func (f *Friend) SecurityChanged(net mesh.KeyIndex) {
	for _, s := range f.list {
		if s.phase != established || s.NetKey != net {
			continue
		}
		s.queue.putUpdate()
	}
}

// Status is an established friendship.
type Status struct {
	Link
	Elements      uint8
	PollTimeout   time.Duration
	ReceiveDelay  time.Duration
	Queued        int // PDUs
	Subscriptions []mesh.Address
}

// Status lists the established friendships.
func (f *Friend) Status() []Status {
	var list []Status
	for _, s := range f.list {
		if s.phase == established {
			list = append(list, Status{
				Link: s.Link, Elements: s.elements, PollTimeout: s.pollTimeout, ReceiveDelay: s.receiveDelay,
				Queued: s.queue.len(), Subscriptions: slices.Clone(s.subscriptions),
			})
		}
	}
	return list
}

// PollTimeout returns the poll timeout of the Low Power node that has an
// element with this address; zero if there is no friendship.
func (f *Friend) PollTimeout(a mesh.Address) time.Duration {
	for _, s := range f.list {
		if s.phase == established && s.holds(a) {
			return s.pollTimeout
		}
	}
	return 0
}
