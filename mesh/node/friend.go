package node

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// FriendOptions bound the Friend feature (section 3.6.6); zero for the defaults
// of package friend.
type FriendOptions struct {
	Friendships int // Low Power nodes
	Queue       int // PDUs that wait for each of them
}

// friendship is what a node has to do with friendship, in either role. It is
// nobody's friend while role is nil, and always listens while low is nil.
type friendship struct {
	role  *friend.Friend
	low   *friend.LowPower
	out   friend.Output
	links []friendshipLink
	own   friend.Link                    // that of this Low Power node, the last
	told  map[mesh.KeyIndex]beacon.State // what Low Power nodes know
}

// friendshipLink is a friendship with its credentials: two during a key refresh.
type friendshipLink struct {
	friend.Link
	transmit    *network.Credentials
	credentials []*network.Credentials
}

func (f *friendship) counters() friend.Counters {
	if f.role == nil {
		return friend.Counters{}
	}
	return f.role.Counters()
}

// by finds the friendship whose credentials these are, nil for none.
func (f *friendship) by(c *network.Credentials) *friendshipLink {
	for i := range f.links {
		if slices.Contains(f.links[i].credentials, c) {
			return &f.links[i]
		}
	}
	return nil
}

// author is what friendship needs of its node.
type author struct{ *Core }

// Next implements friend.Author.
func (a author) Next() (mesh.SequenceNumber, mesh.IVIndex, error) { return a.sequence.Next() }

// Security implements friend.Author.
func (a author) Security(net mesh.KeyIndex) beacon.State {
	if s := a.subnet(net); s != nil {
		return a.beaconState(s)
	}
	return a.ivState()
}

// letter is the message of a friend.Draft.
type letter struct {
	to      outgoing
	payload []byte
}

// Compose implements friend.Author.
func (a author) Compose(d *friend.Draft) ([]network.PDU, error) {
	l := d.Message.(*letter)
	m := l.to.access(l.payload)
	pdus, err := a.transport.Compose(&m)
	if err != nil {
		a.countUnsent(err)
	}
	return pdus, err
}

// deriveFriendship makes the node act by its Friend state and its keys.
func (c *Core) deriveFriendship() {
	f := &c.friendship
	befriends := c.state.Friend == state.Enabled && c.state.IsProvisioned()
	if befriends && f.role == nil {
		f.role = friend.New(friend.Config{
			Author:      author{c},
			Address:     c.state.Address,
			Friendships: c.options.Friend.Friendships,
			Queue:       c.options.Friend.Queue,
			Counter:     c.drawCounter(),
		})
	}
	if f.role != nil {
		if !befriends {
			f.role.Stop(0, true, &f.out)
		}
		for _, l := range f.links {
			if c.subnet(l.NetKey) == nil {
				f.role.Stop(l.NetKey, false, &f.out)
			}
		}
	}
	c.deriveLowPower()
	f.links = nil // their keys may be others now
	c.deriveLinks()
	c.tellSleepers()
	c.collectFriendship()
	if !befriends {
		f.role = nil
	}
}

// deriveLinks gives the receiver the credentials of the friendships there are.
// They follow the NetKey through a key refresh.
func (c *Core) deriveLinks() {
	f := &c.friendship
	var names []friend.Link
	if f.role != nil {
		names = f.role.Links(names)
	}
	old := f.links
	if f.low != nil {
		if l, ok := f.low.Link(); ok {
			names = append(names, l)
			if l != f.own {
				// The friend hands over what was heard before, perhaps.
				c.receiver.ForgetAll()
				f.own = l
			}
		}
	}
	f.links = make([]friendshipLink, 0, len(names))
	for _, name := range names {
		if i := slices.IndexFunc(old, func(l friendshipLink) bool { return l.Link == name }); i >= 0 {
			f.links = append(f.links, old[i])
		} else if s := c.state.Subnet(name.NetKey); s != nil {
			f.links = append(f.links, newFriendshipLink(name, s))
		}
	}
	for _, s := range c.subnets {
		all := s.flooding
		if c.sleeps(s.index) {
			all = nil // it hears what its friend sends, and takes nothing else for new
		}
		for i := range f.links {
			if f.links[i].NetKey == s.index {
				all = append(slices.Clone(all), f.links[i].credentials...)
			}
		}
		c.receiver.AddSubnet(s.index, all...)
	}
}

func newFriendshipLink(name friend.Link, s *state.Subnet) friendshipLink {
	l := friendshipLink{Link: name, credentials: []*network.Credentials{name.Credentials(s.Key)}}
	l.transmit = l.credentials[0]
	if s.Phase != state.NormalOperation {
		l.credentials = append(l.credentials, name.Credentials(s.NewKey))
		if s.Phase == state.SecondPhase {
			l.transmit = l.credentials[1]
		}
	}
	return l
}

// drawCounter draws where the counter in the credentials of friendships begins.
func (c *Core) drawCounter() uint16 { return uint16(c.jitter(0, 1<<16)) }

// tellSleepers lets Low Power nodes know when the security of a subnet changed.
func (c *Core) tellSleepers() {
	f := &c.friendship
	if f.role == nil {
		return
	}
	for _, s := range c.subnets {
		now := c.beaconState(s)
		if told, ok := f.told[s.index]; ok && told != now {
			f.role.SecurityChanged(s.index)
		}
		if f.told == nil {
			f.told = map[mesh.KeyIndex]beacon.State{}
		}
		f.told[s.index] = now
	}
}

// relayCredentials are what a PDU is passed on with. What comes from a Low Power
// node with the credentials of the friendship goes to the others with those of the
// network, always: whether the node is a relay or not. What is for a Low Power
// node of ours has arrived, and is not passed on: nil (section 3.4.6.3).
func (c *Core) relayCredentials(p *network.PDU) (by *network.Credentials, always bool) {
	f := &c.friendship
	if l := f.by(p.By); l != nil {
		if s := c.subnet(l.NetKey); s != nil && f.role != nil && f.role.Owns(p.Src) {
			return s.transmit, true
		}
		return nil, false
	}
	if f.role != nil && p.Dst.IsUnicast() && f.role.Owns(p.Dst) {
		return nil, false
	}
	return p.By, false
}

// keepForSleepers queues what is for a Low Power node. It reports true when the
// PDU needs nothing else.
func (c *Core) keepForSleepers(p *network.PDU) bool {
	role := c.friendship.role
	if role == nil || p.TTL < 2 || !role.Wants(p.NetKey, p.Src, p.Dst) {
		return false
	}
	if !transport.IsSegment(p) {
		role.Store(*p)
		return false
	}
	c.transport.Hold(c.now, p, c.state.Address, !p.Dst.IsUnicast() && c.listensTo(p.Dst), &c.lower)
	return true
}

// sendToSleepers queues a message of this node for the Low Power nodes that it
// is for. It reports true when it is for nobody else.
func (c *Core) sendToSleepers(o *outgoing, payload []byte) bool {
	role := c.friendship.role
	if role == nil || !role.Wants(o.netKey, o.src, o.dst) {
		return false
	}
	only := o.dst.IsUnicast()
	d := friend.Draft{Dst: o.dst, PDUs: transport.PDUs(len(payload)), Message: &letter{*o, slices.Clone(payload)}}
	if only {
		d.ID = uint64(o.request)
	}
	return role.StoreDraft(o.netKey, d) && only
}

// controlToSleepers queues a control PDU of this node, a Segment Acknowledgment
// for example, for the Low Power node that it is for.
func (c *Core) controlToSleepers(p *network.PDU) bool {
	role := c.friendship.role
	return role != nil && p.CTL && p.Dst.IsUnicast() && role.StoreOwn(p)
}

// waitsForPoll reports whether a request lies in a Friend Queue. Its time to be
// answered begins when it has been handed over.
func (c *Core) waitsForPoll(p *pending) bool {
	role := c.friendship.role
	p.asleep = role != nil && role.Waits(uint64(p.id))
	if !p.asleep {
		return false
	}
	p.deadline = c.now.Add(role.PollTimeout(p.Dst) + time.Second)
	return true
}

// draft is the name of the request in a Friend Queue. One that is not answered
// has none: it has ended by then.
func (p *pending) draft() RequestID {
	if p.Respond == 0 {
		return 0
	}
	return p.id
}

// handed is told that a request has been handed over.
func (c *Core) handed(id RequestID) {
	for _, p := range c.requests {
		if p.id == id && p.active {
			p.asleep = false
			c.await(p)
		}
	}
}

// wakeRequests looks at what waited in a queue that may be gone.
func (c *Core) wakeRequests() {
	for _, p := range c.requests {
		if p.asleep {
			p.deadline = c.now
		}
	}
}

// withdraw takes a request that has ended out of the Friend Queues.
func (c *Core) withdraw(id RequestID) {
	if c.friendship.role != nil {
		c.friendship.role.Withdraw(uint64(id))
	}
}

// collectFriendship carries out what friendship wants done.
func (c *Core) collectFriendship() {
	f := &c.friendship
	if f.out.Links {
		c.deriveLinks()
	}
	for i := range f.out.Send {
		c.sendFriendship(&f.out.Send[i])
	}
	events := slices.Clone(f.out.Events)
	f.out.Reset()
	for _, e := range events {
		c.friendshipEvent(e)
	}
}

// sendFriendship seals a PDU. One lane for each Low Power node keeps what the
// friend hands over in order, and out of the way of its other messages: the
// receive window is short.
func (c *Core) sendFriendship(o *friend.Outgoing) {
	s := c.subnet(o.PDU.NetKey)
	if s == nil {
		c.counters.Unsent++
		return
	}
	out := bearer.Outgoing{Kind: bearer.Message, Lane: bearer.OwnLane(), Transmit: c.state.NetworkTransmit.Transmit()}
	by := s.transmit
	if o.Link != (friend.Link{}) {
		i := slices.IndexFunc(c.friendship.links, func(l friendshipLink) bool { return l.Link == o.Link })
		if i < 0 {
			c.counters.Unsent++
			return
		}
		by = c.friendship.links[i].transmit
		if o.Link.Friend == c.state.Address {
			out.Lane = bearer.RelayLane(uint16(o.Link.LPN))
		}
	}
	pdu, err := by.Seal(out.Data[:0], &o.PDU)
	if err != nil {
		c.counters.Unsent++
		return
	}
	out.Len = uint8(len(pdu))
	c.receiver.Remember(o.PDU.NetKey, &o.PDU)
	c.output.Send = append(c.output.Send, out)
}

func (c *Core) friendshipEvent(e friend.Event) {
	switch e := e.(type) {
	case friend.Established:
		c.report(FriendshipChanged{LPN: e.LPN, Friend: e.Friend, Established: true})
		c.featuresChanged()
	case friend.Terminated:
		c.report(FriendshipChanged{LPN: e.LPN, Friend: e.Friend, Reason: string(e.Reason)})
		c.featuresChanged()
		c.wakeRequests()
	case friend.Handed:
		c.handed(RequestID(e.ID))
	case friend.Secured:
		c.hearFriend(e)
	}
}

func (c *Core) friendshipDeadline() time.Time {
	var next time.Time
	if c.friendship.role != nil {
		next = c.friendship.role.NextDeadline()
	}
	if c.friendship.low != nil {
		next = earliest(next, c.friendship.low.NextDeadline())
	}
	return next
}

func (c *Core) tickFriendship() {
	f := &c.friendship
	c.tellSleepers()
	if f.role != nil && due(f.role.NextDeadline(), c.now) {
		f.role.Tick(c.now, &f.out)
	}
	c.tickLowPower()
	c.collectFriendship()
}

// leaveFriends forgets all friendships: the node leaves its network.
func (c *Core) leaveFriends() { c.friendship = friendship{} }

// dropFriend ends the friendship with a node that has left the network.
func (c *Core) dropFriend(lpn mesh.Address) {
	if c.friendship.role != nil {
		c.friendship.role.Drop(lpn, &c.friendship.out)
		c.collectFriendship()
	}
}

// PollTimeout is after what time without a Poll this node ends its friendship
// with the Low Power node that has this address; zero when it has none.
func (c *Core) PollTimeout(a mesh.Address) time.Duration {
	if c.friendship.role == nil {
		return 0
	}
	return c.friendship.role.PollTimeout(a)
}

// Friendships lists the Low Power nodes that this node is the friend of.
func (c *Core) Friendships() []friend.Status {
	if c.friendship.role == nil {
		return nil
	}
	return c.friendship.role.Status()
}

// friendshipCredentials are what a Low Power node publishes with when it is to
// use those of its friendship; nil when it has no friend (section 4.2.3.4).
func (c *Core) friendshipCredentials(net mesh.KeyIndex) *network.Credentials {
	if c.friendship.low == nil || c.friendship.low.Friend() == mesh.Unassigned {
		return nil
	}
	for i := range c.friendship.links {
		if l := &c.friendship.links[i]; l.NetKey == net && l.LPN == c.state.Address {
			return l.transmit
		}
	}
	return nil
}
