package friend

import (
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
)

// LowPowerConfig configures a LowPower. Zero fields get their default where one
// is named.
type LowPowerConfig struct {
	Node     Node
	Address  mesh.Address // of the primary element
	Elements uint8        // at least 1
	NetKey   mesh.KeyIndex
	Criteria Criteria
	// PollTimeout is the friendship's poll timeout, MinPollTimeout to
	// MaxPollTimeout; the default is one minute.
	PollTimeout time.Duration
	// PollInterval is how long the node sleeps between two Polls; by default as
	// long as the poll timeout allows, and never longer.
	PollInterval time.Duration
	// ReceiveDelay is how long the friend waits before it answers,
	// MinReceiveDelay to MaxReceiveDelay; the default is 100 ms.
	ReceiveDelay time.Duration
	// Airtime is the time between the first and the last transmission of a PDU:
	// the friend may have received any of them.
	Airtime time.Duration
	// Jitter draws a duration from low to high.
	Jitter  func(low, high time.Duration) time.Duration
	Counter uint16 // the first LPNCounter, drawn at random
}

const (
	defaultPollTimeout  = time.Minute
	defaultReceiveDelay = 100 * time.Millisecond
	maxAttempts         = 6 // per request to the friend
	maxClearAttempts    = 2
	offerWindow         = 1100 * time.Millisecond // from the Request to the last Offer
	betterOffer         = 400 * time.Millisecond  // how long to wait for a better one after the first
	retryJitter         = 100 * time.Millisecond
	conversation        = 600 * time.Millisecond // after a message another one is likely
	conversationPoll    = 250 * time.Millisecond
	listenSlack         = 30 * time.Millisecond // tolerance of both radios
	firstPause          = time.Second
	longestPause        = time.Minute
)

// exchange is the longest time of one request.
func (c *LowPowerConfig) exchange(window time.Duration) time.Duration {
	return c.Airtime + c.ReceiveDelay + window + listenSlack
}

// lowPhase is the state of a Low Power node.
type lowPhase uint8

const (
	stopped    lowPhase = iota // not a Low Power node at present
	pausing                    // before the next Request
	requesting                 // waiting for Offers
	asking                     // sending a request to the friend, or accepting an offer
	waiting                    // before the request is repeated
	sleeping                   // until the next Poll
	leaving                    // a Friend Clear was sent
)

// LowPower is the Low Power role of a node (section 3.6.6.4). Create it with
// NewLowPower; it does nothing until Start.
type LowPower struct {
	cfg      LowPowerConfig
	counter  uint16
	phase    lowPhase
	deadline time.Time
	pause    time.Duration
	previous mesh.Address
	missedBy time.Time // when the last friend's poll timeout has expired
	rounds   int       // Requests without an Offer since then

	best        Offer
	from        mesh.Address // sender of the offer
	link        Link
	linked      bool
	established bool
	window      time.Duration
	room        int // size of the friend's subscription list

	exchange
	pollAt  time.Time // next Poll if before the interval, otherwise zero
	heardAt time.Time // the last message

	wanted, known []mesh.Address
}

// exchange is the pending request of a Low Power node to its friend, and how
// often it was sent.
type exchange struct {
	fsn        bool
	question   uint8 // opcode of the pending request
	attempts   int
	listenFrom time.Time
	list       Subscriptions // addresses in the pending request
	number     uint8         // number of the last subscription transaction
}

// NewLowPower makes a LowPower.
func NewLowPower(cfg LowPowerConfig) *LowPower {
	if cfg.PollTimeout == 0 {
		cfg.PollTimeout = defaultPollTimeout
	}
	if cfg.ReceiveDelay == 0 {
		cfg.ReceiveDelay = defaultReceiveDelay
	}
	if cfg.Criteria.MinQueueSizeLog == 0 {
		cfg.Criteria.MinQueueSizeLog = 1
	}
	cfg.PollTimeout = min(max(cfg.PollTimeout, MinPollTimeout), MaxPollTimeout).Truncate(pollStep)
	cfg.ReceiveDelay = min(max(cfg.ReceiveDelay, MinReceiveDelay), MaxReceiveDelay).Truncate(time.Millisecond)
	cfg.Elements = max(cfg.Elements, 1)
	// All attempts of a Poll must end before the poll timeout.
	patience := maxAttempts * (cfg.exchange(MaxReceiveDelay) + retryJitter)
	most := max(cfg.PollTimeout-patience, cfg.PollTimeout/4)
	if cfg.PollInterval <= 0 || cfg.PollInterval > most {
		cfg.PollInterval = most
	}
	return &LowPower{cfg: cfg, counter: cfg.Counter}
}

// Start looks for a friend.
func (l *LowPower) Start(now time.Time) {
	if l.phase == stopped {
		l.phase, l.deadline, l.pause = pausing, now, firstPause
	}
}

// Link returns the friendship whose credentials this node receives with, and
// false if there is none. From the first Poll on it receives nothing else.
func (l *LowPower) Link() (Link, bool) {
	if l == nil {
		return Link{}, false
	}
	return l.link, l.linked
}

// Friend returns the address of the friend; unassigned without a friendship.
func (l *LowPower) Friend() mesh.Address {
	if !l.established {
		return mesh.Unassigned
	}
	return l.link.Friend
}

// Awake reports whether the node's radio has to listen. Without a friendship
// this is always true.
func (l *LowPower) Awake(now time.Time) bool {
	switch l.phase {
	case asking:
		return !now.Before(l.listenFrom) && !now.After(l.deadline)
	case waiting, sleeping:
		return false
	default:
		return true
	}
}

// NextDeadline is when Tick has something to do, zero for never.
func (l *LowPower) NextDeadline() time.Time {
	switch l.phase {
	case stopped:
		return time.Time{}
	case sleeping:
		return deadline.Earliest(l.deadline, l.pollAt)
	default:
		return l.deadline
	}
}

// Tick does what is due.
func (l *LowPower) Tick(now time.Time, out *Output) {
	if !deadline.Due(l.NextDeadline(), now) {
		return
	}
	switch l.phase {
	case pausing:
		l.request(now, out)
	case requesting:
		l.choose(now, out)
	case asking:
		l.unanswered(now, out)
	case waiting:
		l.ask(now, out)
	case sleeping:
		l.begin(now, OpPoll, out)
	case leaving:
		if l.attempts < maxClearAttempts {
			l.sendClear(now, out)
		} else {
			l.leave(out)
		}
	}
}

// request sends a Friend Request and collects Offers.
func (l *LowPower) request(now time.Time, out *Output) {
	r := Request{
		Criteria: l.cfg.Criteria, ReceiveDelay: l.cfg.ReceiveDelay, PollTimeout: l.cfg.PollTimeout,
		Previous: l.previous, Elements: l.cfg.Elements, LPNCounter: l.counter,
	}
	l.phase, l.deadline, l.from = requesting, now.Add(l.cfg.Airtime+offerWindow), mesh.Unassigned
	l.control(mesh.AllFriends, OpRequest, r.Append, Link{}, out)
}

// control sends a transport control message to a neighbour.
func (l *LowPower) control(dst mesh.Address, opcode uint8, params func([]byte) []byte, link Link, out *Output) {
	// Without a sequence number nothing is sent, and no answer arrives.
	if p, err := controlPDU(l.cfg.Node, l.cfg.NetKey, l.cfg.Address, dst, 0, opcode, params); err == nil {
		out.Send = append(out.Send, Outgoing{PDU: p, Link: link})
	}
}

// Receive handles a transport control message for this node.
func (l *LowPower) Receive(now time.Time, m *Control, out *Output) {
	switch m.Opcode {
	case OpOffer:
		l.offered(now, m)
	case OpUpdate:
		l.updated(now, m, out)
	case OpSubscriptionConfirm:
		l.confirmed(now, m, out)
	case OpClearConfirm:
		c, err := ParseClear(m.Params)
		if err == nil && l.phase == leaving && m.Src == l.link.Friend && c.LPN == l.cfg.Address && c.LPNCounter == l.link.LPNCounter {
			l.leave(out)
		}
	}
}

// offered keeps an Offer that is better than the previous ones. An Offer with
// the requested queue size and room for all subscriptions is better than one
// without; otherwise the signal strength decides.
func (l *LowPower) offered(now time.Time, m *Control) {
	o, err := ParseOffer(m.Params)
	if err != nil || l.phase != requesting || m.Secured || m.TTL != 0 || m.NetKey != l.cfg.NetKey ||
		m.Dst != l.cfg.Address {
		return
	}
	if l.from == mesh.Unassigned {
		l.deadline = deadline.Earliest(l.deadline, now.Add(betterOffer))
	} else if !l.better(&o) {
		return
	}
	l.best, l.from = o, m.Src
}

func (l *LowPower) better(o *Offer) bool {
	fits := func(o *Offer) bool {
		return int(o.QueueSize) >= l.cfg.Criteria.MinQueueSize() && int(o.SubscriptionsSize) >= len(l.wanted)
	}
	if fits(o) != fits(&l.best) {
		return fits(o)
	}
	if a, b := strength(o.RSSI), strength(l.best.RSSI); a != b {
		return a > b
	}
	return o.ReceiveWindow < l.best.ReceiveWindow
}

// choose accepts the best Offer, or tries again later.
func (l *LowPower) choose(now time.Time, out *Output) {
	number := l.counter
	l.counter++
	if l.from == mesh.Unassigned {
		l.rounds++
		l.rest(now)
		return
	}
	l.link = Link{NetKey: l.cfg.NetKey, LPN: l.cfg.Address, Friend: l.from, LPNCounter: number, FriendCounter: l.best.FriendCounter}
	l.linked, l.fsn, l.known = true, false, l.known[:0]
	l.window, l.room = l.best.ReceiveWindow, int(l.best.SubscriptionsSize)
	out.Links = true
	l.begin(now, OpPoll, out)
}

// rest waits before the next Request, twice as long each time.
func (l *LowPower) rest(now time.Time) {
	if l.phase = pausing; l.Rejoins(now) {
		l.pause = firstPause // a friend exists that it may return to
	}
	l.deadline = now.Add(l.cfg.Jitter(l.pause/2, l.pause))
	l.pause = min(2*l.pause, longestPause)
}

// begin sends a new request to the friend.
func (l *LowPower) begin(now time.Time, question uint8, out *Output) {
	l.question, l.attempts, l.pollAt = question, 0, time.Time{}
	l.ask(now, out)
}

// ask sends the pending request, possibly again, and listens in the receive
// window.
func (l *LowPower) ask(now time.Time, out *Output) {
	l.attempts++
	l.phase = asking
	l.listenFrom = now.Add(l.cfg.ReceiveDelay)
	l.deadline = now.Add(l.cfg.exchange(l.window))
	params := Poll{FSN: l.fsn}.Append
	if l.question != OpPoll {
		params = l.list.Append
	}
	l.control(l.link.Friend, l.question, params, l.link, out)
}

// unanswered ends a receive window without an answer.
func (l *LowPower) unanswered(now time.Time, out *Output) {
	if l.attempts < maxAttempts {
		l.phase, l.deadline = waiting, now.Add(l.cfg.Jitter(0, retryJitter))
		return
	}
	if l.established {
		l.missedBy, l.rounds = now.Add(l.cfg.PollTimeout), 0
	}
	l.lose(PollTimeout, out)
	l.rest(now)
}

// Rejoins reports whether the node has lost its friend while that may still
// store messages for it. The node must not accept messages from others
// meanwhile: the stored messages have lower sequence numbers and would be
// dropped as replays. If nobody answers its Requests, it has no friend any
// more.
func (l *LowPower) Rejoins(now time.Time) bool {
	const enough = 5
	return !l.linked && l.phase != stopped && now.Before(l.missedBy) && l.rounds < enough
}

// lose ends the friendship.
func (l *LowPower) lose(why Reason, out *Output) {
	if l.established {
		l.previous = l.link.Friend
		out.Events = append(out.Events, Terminated{l.link, why})
	}
	l.linked, l.established = false, false
	out.Links = true
}

// updated handles a Friend Update, the answer to a Poll (section 3.6.6.4.2).
func (l *LowPower) updated(now time.Time, m *Control, out *Output) {
	u, err := ParseUpdate(m.Params)
	if err != nil || !l.fromFriend(m) {
		return
	}
	if !l.established {
		l.established, l.pause = true, firstPause
		out.Events = append(out.Events, Established{l.link})
	}
	out.Events = append(out.Events, Secured{l.link.NetKey, u.State})
	l.answered(now, u.MoreData, out)
}

func (l *LowPower) fromFriend(m *Control) bool {
	return l.linked && m.Secured && m.Src == l.link.Friend && m.NetKey == l.link.NetKey && m.Dst == l.cfg.Address
}

// Heard must be called for every PDU with the credentials of the friendship for
// which Receive is not called: it answers a Poll.
func (l *LowPower) Heard(now time.Time, out *Output) {
	if l.established {
		l.heardAt = now
		l.answered(now, true, out)
	}
}

// answered continues after the answer to a Poll.
func (l *LowPower) answered(now time.Time, more bool, out *Output) {
	if (l.phase != asking && l.phase != waiting) || l.question != OpPoll {
		return
	}
	l.fsn = !l.fsn
	switch {
	case more:
		l.begin(now, OpPoll, out)
	case !l.synchronize(now, out):
		l.sleep(now)
	}
}

// sleep ends an exchange. After a message the node answers, and the next
// message may follow from that. So it polls once or twice more before it sleeps
// longer.
func (l *LowPower) sleep(now time.Time) {
	l.phase, l.deadline = sleeping, now.Add(l.cfg.PollInterval)
	if now.Sub(l.heardAt) < conversation {
		l.PollWithin(now, conversationPoll)
	}
}

// Subscribe sets the group and virtual addresses that the node subscribes to,
// and informs the friend.
func (l *LowPower) Subscribe(now time.Time, addresses []mesh.Address, out *Output) {
	l.wanted = append(l.wanted[:0], addresses...)
	slices.Sort(l.wanted)
	l.wanted = slices.Compact(l.wanted)
	if l.phase == sleeping {
		l.synchronize(now, out)
	}
}

// synchronize informs the friend of changes in the subscription list. It
// returns false if there are none. Addresses for which the friend has no room
// are left out.
func (l *LowPower) synchronize(now time.Time, out *Output) bool {
	wanted := l.wanted[:min(len(l.wanted), l.room)]
	gone, fresh := missing(l.known, wanted), missing(wanted, l.known)
	switch {
	case gone.Count > 0:
		l.list, l.question = gone, OpSubscriptionRemove
	case fresh.Count > 0:
		l.list, l.question = fresh, OpSubscriptionAdd
	default:
		return false
	}
	l.number++
	l.list.Transaction = l.number
	l.begin(now, l.question, out)
	return true
}

// missing lists what is in the first list and not in the second, up to the size
// of one message.
func missing(from, in []mesh.Address) Subscriptions {
	var m Subscriptions
	for _, a := range from {
		if m.Count < maxListed && !slices.Contains(in, a) {
			m.Addresses[m.Count] = a
			m.Count++
		}
	}
	return m
}

// confirmed handles a Friend Subscription List Confirm.
func (l *LowPower) confirmed(now time.Time, m *Control, out *Output) {
	c, err := ParseSubscriptionConfirm(m.Params)
	if err != nil || !l.fromFriend(m) || l.phase != asking && l.phase != waiting || l.question == OpPoll ||
		c.Transaction != l.list.Transaction {
		return
	}
	changed := l.list.Addresses[:l.list.Count]
	if l.question == OpSubscriptionRemove {
		l.known = slices.DeleteFunc(l.known, func(a mesh.Address) bool { return slices.Contains(changed, a) })
	} else {
		l.known = append(l.known, changed...)
	}
	if !l.synchronize(now, out) {
		l.begin(now, OpPoll, out) // a message may have arrived meanwhile
	}
}

// PollWithin makes the node poll no later than after that time, because it
// expects an answer.
func (l *LowPower) PollWithin(now time.Time, d time.Duration) {
	if l.phase == sleeping && (l.pollAt.IsZero() || l.pollAt.After(now.Add(d))) {
		l.pollAt = now.Add(d)
	}
}

// Stop ends the friendship and informs the friend (section 3.6.6.4.1).
func (l *LowPower) Stop(now time.Time, out *Output) {
	if !l.established || l.phase == leaving {
		l.lose(Stopped, out)
		l.phase = stopped
		return
	}
	l.attempts = 0
	l.sendClear(now, out)
}

func (l *LowPower) sendClear(now time.Time, out *Output) {
	l.attempts++
	l.phase, l.deadline = leaving, now.Add(l.cfg.Airtime+time.Second)
	l.linked = false // the answer is encrypted with the flooding credentials
	out.Links = true
	c := Clear{LPN: l.cfg.Address, LPNCounter: l.link.LPNCounter}
	l.control(l.link.Friend, OpClear, c.Append, Link{}, out)
}

func (l *LowPower) leave(out *Output) {
	l.lose(Stopped, out)
	l.missedBy = time.Time{}
	l.previous = mesh.Unassigned
	l.phase = stopped
}
