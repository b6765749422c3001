package friend

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// Defaults of Config. One friendship takes about 15 kB when its queue is full.
const (
	DefaultFriendships   = 16
	DefaultQueue         = 64
	DefaultSubscriptions = 64
	DefaultReceiveWindow = 255 * time.Millisecond

	minQueue = 32 // the longest message has as many segments
	maxQueue = 255
)

// Node is the node that contains the Friend or LowPower.
type Node interface {
	// Next returns a sequence number. Each is used only once with one IV index.
	Next() (mesh.SequenceNumber, mesh.IVIndex, error)
	// Compose makes network PDUs from a draft, with new sequence numbers.
	Compose(d *Draft) ([]network.PDU, error)
	// Security returns the content of the subnet's beacons.
	Security(net mesh.KeyIndex) beacon.State
}

// Config configures a Friend. Zero fields except Address have a default.
type Config struct {
	Node          Node
	Address       mesh.Address  // of the primary element
	Friendships   int           // at the same time, including those that are only offered
	Queue         int           // PDUs for each Low Power node, 32 to 255
	Subscriptions int           // per friendship, 1 to 255
	ReceiveWindow time.Duration // 1 to 255 ms: how late a PDU may be transmitted
	Counter       uint16        // the first FriendCounter, drawn at random
}

// Link identifies a friendship: everything that its credentials are derived
// from, except the NetKey itself.
type Link struct {
	NetKey                    mesh.KeyIndex
	LPN, Friend               mesh.Address
	LPNCounter, FriendCounter uint16
}

// Credentials derives the friendship credentials from a NetKey.
func (l Link) Credentials(key [16]byte) *network.Credentials {
	return network.Friendship(key, l.LPN, l.Friend, l.LPNCounter, l.FriendCounter)
}

// Control is a received transport control message.
type Control struct {
	Src, Dst mesh.Address
	NetKey   mesh.KeyIndex
	TTL      mesh.TTL // as received
	RSSI     int8     // of the last hop, dBm
	Secured  bool     // with the credentials of the friendship of Src
	Opcode   uint8
	Params   []byte
}

// Outgoing is a network PDU to be encrypted and sent.
type Outgoing struct {
	PDU network.PDU
	// Link names the credentials to encrypt it with. The zero Link means the
	// managed flooding credentials of PDU.NetKey.
	Link Link
}

// Output is the result of a call: what the caller has to do. Calls append to it.
type Output struct {
	Send   []Outgoing
	Events []Event
	// Links says that the list of links has changed, and with it the
	// credentials to receive with.
	Links bool
}

// Reset empties the output for the next call.
func (o *Output) Reset() { o.Send, o.Events, o.Links = o.Send[:0], o.Events[:0], false }

// Event is one of the types below.
type Event interface{ isEvent() }

// Established says that a friendship was established.
type Established struct{ Link }

// Terminated says that an established friendship has ended, and why.
type Terminated struct {
	Link
	Reason Reason
}

// Delivered says that all PDUs of a draft have been delivered, perhaps not for the
// first time. The Low Power node has not acknowledged the last one yet.
type Delivered struct{ ID uint64 }

// Secured says that the friend has informed this Low Power node of the state of
// the network.
type Secured struct {
	NetKey mesh.KeyIndex
	beacon.State
}

func (Established) isEvent() {}
func (Terminated) isEvent()  {}
func (Delivered) isEvent()   {}
func (Secured) isEvent()     {}

// Reason is the reason for the end of a friendship.
type Reason string

// The reasons.
const (
	PollTimeout Reason = "poll_timeout" // no Poll, or no answer to it
	Cleared     Reason = "cleared"      // Friend Clear
	Requested   Reason = "requested"    // the Low Power node is looking for a friend again
	Stopped     Reason = "stopped"      // stopped by this node
)

// Counters count what a Friend has done since it was made.
type Counters struct {
	Malformed   uint64
	Requests    uint64 // Friend Requests
	Unmet       uint64 // Requests for a longer queue than available
	Full        uint64 // Requests without room for another friendship
	Established uint64
	Terminated  uint64
	Polls       uint64
	Queued      uint64 // messages
	Discarded   uint64 // messages discarded for newer ones
	Replayed    uint64 // messages that are not newer than the last from their source
	Stale       uint64 // messages of an IV index that is no longer accepted
	Delivered   uint64 `json:"Handed"` // PDUs and Updates delivered the first time; JSON keeps its former name
	Repeated    uint64 // PDUs that were requested again
	Unsent      uint64 // not sent because there was no sequence number or no key
}

// firstPoll is how long an offer is valid. formerSubscriptions is how long the
// subscriptions of the previous friendship stay valid once the Low Power node
// has begun to send its own again.
const (
	firstPoll           = time.Second
	formerSubscriptions = 10 * time.Second
)

// updateHold is the fraction of the receive window, 1/updateHold, that passes
// before a Low Power node that has just received a request is sent a Friend
// Update without more data. Its answer is on its way, and perhaps the next
// request follows. Otherwise a device would sleep thirty times during a
// configuration of thirty steps.
const updateHold = 2

// phase is the state of a friendship.
type phase uint8

const (
	offering phase = iota // the offer waits for its delay
	offered               // the Low Power node may Poll
	established
	parked // the Low Power node has sent a new Request and did not accept the offer
)

// friendship is the state of one Low Power node.
type friendship struct {
	Link
	phase        phase
	elements     uint8
	receiveDelay time.Duration
	pollTimeout  time.Duration
	previous     mesh.Address
	rssi         int8
	keep         time.Time // when the queue of a former friendship is dropped; zero for none
	deadline     time.Time // of the phase: the offer, its end, the poll timeout

	respondAt time.Time // zero: nothing to answer
	windowAt  time.Time // the receive window begins
	confirm   bool      // answer with a Subscription List Confirm
	poll      bool      // answer with a PDU
	number    uint8     // transaction to confirm
	polled    bool      // a Poll was received
	fsn       bool
	last      *network.PDU // the PDU that was delivered for fsn
	handed    entry        // its entry in the queue

	queue         queue
	subscriptions []mesh.Address
	former        []mesh.Address // subscriptions of the previous friendship,
	formerUntil   time.Time      // valid until the Low Power node has had time to send them again; zero: it has not begun
	heard         sources
}

// holds reports whether a is an address of the Low Power node.
func (s *friendship) holds(a mesh.Address) bool {
	return a >= s.LPN && int(a)-int(s.LPN) < int(s.elements)
}

// isLinked reports whether the friendship has credentials, offered or
// established.
func (s *friendship) isLinked() bool { return s.phase == offered || s.phase == established }

// Friend is the Friend role of a node (section 3.6.6.3).
type Friend struct {
	cfg      Config
	counter  uint16
	list     []*friendship
	clears   []clearing
	cleared  []pastFriendship
	counters Counters
}

// New makes a Friend without friendships.
func New(cfg Config) *Friend {
	if cfg.Friendships <= 0 {
		cfg.Friendships = DefaultFriendships
	}
	if cfg.Queue == 0 {
		cfg.Queue = DefaultQueue
	}
	if cfg.Subscriptions == 0 {
		cfg.Subscriptions = DefaultSubscriptions
	}
	if cfg.ReceiveWindow == 0 {
		cfg.ReceiveWindow = DefaultReceiveWindow
	}
	cfg.Queue = min(max(cfg.Queue, minQueue), maxQueue)
	cfg.Subscriptions = min(max(cfg.Subscriptions, 1), maxQueue)
	cfg.ReceiveWindow = min(max(cfg.ReceiveWindow, time.Millisecond), MaxReceiveDelay)
	return &Friend{cfg: cfg, counter: cfg.Counter}
}

// Counters returns the current counters.
func (f *Friend) Counters() Counters { return f.counters }

// Links appends the links whose PDUs have to be received, including offers.
func (f *Friend) Links(dst []Link) []Link {
	for _, s := range f.list {
		if s.isLinked() {
			dst = append(dst, s.Link)
		}
	}
	return dst
}

// Receive handles a transport control message for this node.
func (f *Friend) Receive(now time.Time, m *Control, out *Output) {
	var err error
	switch m.Opcode {
	case OpRequest:
		err = f.request(now, m, out)
	case OpPoll:
		err = f.polled(now, m, out)
	case OpSubscriptionAdd, OpSubscriptionRemove:
		err = f.subscribe(now, m)
	case OpClear:
		err = f.clear(now, m, out)
	case OpClearConfirm:
		err = f.clearConfirmed(m)
	}
	if err != nil {
		f.counters.Malformed++
	}
}

// request answers a Friend Request after a delay (section 3.6.6.3.1).
func (f *Friend) request(now time.Time, m *Control, out *Output) error {
	r, err := ParseRequest(m.Src, m.Params)
	if err != nil {
		return err
	}
	if m.Secured || m.TTL != 0 || m.Dst != mesh.AllFriends {
		return malformed("Friend Request", "TTL 0, all friends, flooding credentials", m.TTL)
	}
	f.counters.Requests++
	if r.Criteria.MinQueueSize() > f.cfg.Queue {
		f.counters.Unmet++
		return nil
	}
	s := f.find(m.NetKey, m.Src)
	if s != nil {
		// The Low Power node has lost this friend. Its queue is passed on to
		// the new friendship if that is established before the poll timeout.
		if s.phase == established {
			s.keep = s.deadline
		}
		f.end(s, Requested, out)
		s.takeBack()
	} else {
		s = &friendship{queue: queue{limit: f.cfg.Queue}}
	}
	if !f.makeRoom() || f.overlaps(m.Src, r.Elements) {
		f.counters.Full++
		return nil
	}
	former := s.former
	if len(s.subscriptions) > 0 {
		former = s.subscriptions
	}
	*s = friendship{
		Link:         Link{NetKey: m.NetKey, LPN: m.Src, Friend: f.cfg.Address, LPNCounter: r.LPNCounter, FriendCounter: f.counter},
		elements:     r.Elements,
		receiveDelay: r.ReceiveDelay,
		pollTimeout:  r.PollTimeout,
		previous:     r.Previous,
		rssi:         m.RSSI,
		deadline:     now.Add(r.Criteria.OfferDelay(f.cfg.ReceiveWindow, m.RSSI)),
		keep:         s.keep,
		queue:        s.queue,
		former:       former,
		heard:        s.heard,
	}
	f.counter++
	f.list = append(f.list, s)
	return nil
}

// makeRoom reports whether there is room for another friendship. A friendship
// that has ended, and whose queue is kept, gives up its place.
func (f *Friend) makeRoom() bool {
	if len(f.list) >= f.cfg.Friendships {
		if i := slices.IndexFunc(f.list, func(s *friendship) bool { return s.phase == parked }); i >= 0 {
			f.list = slices.Delete(f.list, i, i+1)
		}
	}
	return len(f.list) < f.cfg.Friendships
}

// overlaps reports whether another Low Power node has one of these addresses.
func (f *Friend) overlaps(src mesh.Address, elements uint8) bool {
	for _, s := range f.list {
		if s.holds(src) || src <= s.LPN && int(s.LPN)-int(src) < int(elements) {
			return true
		}
	}
	return false
}

func (f *Friend) find(net mesh.KeyIndex, lpn mesh.Address) *friendship {
	for _, s := range f.list {
		if s.LPN == lpn && s.NetKey == net {
			return s
		}
	}
	return nil
}

// secured returns the friendship that a message with friendship credentials
// belongs to.
func (f *Friend) secured(m *Control) *friendship {
	s := f.find(m.NetKey, m.Src)
	if s == nil || !m.Secured || m.TTL != 0 || m.Dst != f.cfg.Address || !s.isLinked() {
		return nil
	}
	return s
}

// polled handles a Friend Poll (section 3.6.6.4.2).
func (f *Friend) polled(now time.Time, m *Control, out *Output) error {
	p, err := ParsePoll(m.Params)
	if err != nil {
		return err
	}
	s := f.secured(m)
	if s == nil {
		return malformed("Friend Poll", "a friendship", m.Src)
	}
	f.counters.Polls++
	if s.phase == offered {
		s.phase, s.keep = established, time.Time{}
		s.queue.putFirst()
		f.counters.Established++
		f.startClearing(now, s, out)
		out.Events = append(out.Events, Established{s.Link})
	}
	if !s.polled || s.fsn != p.FSN {
		s.polled, s.fsn, s.last = true, p.FSN, nil
	}
	s.poll = true
	s.asked(now)
	if s.last == nil && len(s.queue.entries) == 0 && s.handed.draft.ID != 0 {
		s.respondAt = s.windowAt.Add(f.cfg.ReceiveWindow / updateHold)
	}
	return nil
}

// asked schedules the answer, and restarts the poll timeout.
func (s *friendship) asked(now time.Time) {
	if deadline.Due(s.formerUntil, now) {
		s.former = nil
	}
	s.deadline = now.Add(s.pollTimeout)
	s.windowAt = now.Add(s.receiveDelay)
	s.respondAt = s.windowAt
}

// subscribe changes the Friend Subscription List (section 3.6.6.4.3). Addresses
// that do not fit are left out: the Low Power node knows how many fit.
func (f *Friend) subscribe(now time.Time, m *Control) error {
	list, err := ParseSubscriptions(m.Params)
	if err != nil {
		return err
	}
	s := f.secured(m)
	if s == nil || s.phase != established {
		return malformed("Friend Subscription List", "a friendship", m.Src)
	}
	for _, a := range list.Addresses[:list.Count] {
		at := slices.Index(s.subscriptions, a)
		switch {
		case m.Opcode == OpSubscriptionRemove && at >= 0:
			s.subscriptions = slices.Delete(s.subscriptions, at, at+1)
		case m.Opcode == OpSubscriptionAdd && at < 0 && len(s.subscriptions) < f.cfg.Subscriptions:
			s.subscriptions = append(s.subscriptions, a)
		}
	}
	if s.formerUntil.IsZero() {
		s.formerUntil = now.Add(formerSubscriptions)
	}
	s.confirm, s.number = true, list.Transaction
	s.asked(now)
	return nil
}

// end removes a friendship from the list.
func (f *Friend) end(s *friendship, why Reason, out *Output) {
	f.list = slices.DeleteFunc(f.list, func(other *friendship) bool { return other == s })
	if s.isLinked() {
		out.Links = true
	}
	if s.phase == established {
		f.counters.Terminated++
	}
	// A Low Power node that looked for a friend again and did not come back is
	// now lost.
	if s.phase == established || why == PollTimeout && !s.keep.IsZero() {
		out.Events = append(out.Events, Terminated{s.Link, why})
	}
}

// Drop ends the friendship with a Low Power node that has left the network.
func (f *Friend) Drop(lpn mesh.Address, out *Output) {
	for _, s := range slices.Clone(f.list) {
		if s.LPN == lpn {
			f.end(s, Stopped, out)
		}
	}
}

// Stop ends the friendships of a subnet, because its key was removed or the
// Friend feature was disabled. With all it ends those of all subnets.
func (f *Friend) Stop(net mesh.KeyIndex, all bool, out *Output) {
	for _, s := range slices.Clone(f.list) {
		if all || s.NetKey == net {
			f.end(s, Stopped, out)
		}
	}
	f.clears = slices.DeleteFunc(f.clears, func(c clearing) bool { return all || c.netKey == net })
}
