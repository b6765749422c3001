package friend_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

const (
	own     mesh.Address = 0x0001
	sleeper mesh.Address = 0x0100
	sender  mesh.Address = 0x0200
	other   mesh.Address = 0x0300
	group   mesh.Address = 0xC000
)

// author is a node that counts its sequence numbers, and composes a draft of
// the requested number of PDUs.
type author struct{ next mesh.SequenceNumber }

func (a *author) Next() (mesh.SequenceNumber, mesh.IVIndex, error) {
	a.next++
	return a.next, 7, nil
}

func (a *author) Compose(d *friend.Draft) ([]network.PDU, error) {
	pdus := make([]network.PDU, d.PDUs)
	for i := range pdus {
		seq, iv, _ := a.Next()
		pdus[i] = network.PDU{Src: own, Dst: d.Dst, Seq: seq, IVIndex: iv, TTL: 5, Transport: []byte{0x40, byte(i)}}
	}
	return pdus, nil
}

func (*author) Security(mesh.KeyIndex) beacon.State { return beacon.State{IVIndex: 7} }

// bench is a friend with the operations that the tests need.
type bench struct {
	t   testing.TB
	now time.Time
	*friend.Friend
	out     friend.Output
	fsn     bool
	counter uint16
}

func newBench(t testing.TB, cfg friend.Config) *bench {
	cfg.Node, cfg.Address = &author{}, own
	return &bench{t: t, now: time.Unix(1000, 0), Friend: friend.New(cfg)}
}

const (
	pollTimeout  = time.Minute
	receiveDelay = 50 * time.Millisecond
)

// control passes a control message to the friend.
func (b *bench) control(src mesh.Address, secured bool, op uint8, params []byte) {
	dst := own
	if op == friend.OpRequest {
		dst = mesh.AllFriends
	}
	b.Receive(b.now, &friend.Control{Src: src, Dst: dst, Secured: secured, RSSI: -50, Opcode: op, Params: params}, &b.out)
}

// pass lets time pass.
func (b *bench) pass(d time.Duration) {
	for end := b.now.Add(d); ; {
		next := b.NextDeadline()
		if next.IsZero() || next.After(end) {
			b.now = end
			return
		}
		if next.After(b.now) {
			b.now = next
		}
		b.Tick(b.now, &b.out)
	}
}

func (b *bench) request(lpn mesh.Address, previous mesh.Address) {
	b.counter++
	r := friend.Request{
		Criteria: friend.Criteria{MinQueueSizeLog: 1}, ReceiveDelay: receiveDelay, PollTimeout: pollTimeout,
		Previous: previous, Elements: 2, LPNCounter: b.counter,
	}
	b.control(lpn, false, friend.OpRequest, r.Append(nil))
}

// poll asks for the next PDU and returns the answer.
func (b *bench) poll(lpn mesh.Address) network.PDU {
	b.t.Helper()
	b.fsn = !b.fsn
	return b.pollAgain(lpn)
}

func (b *bench) pollAgain(lpn mesh.Address) network.PDU {
	b.t.Helper()
	b.out.Reset()
	b.control(lpn, true, friend.OpPoll, friend.Poll{FSN: b.fsn}.Append(nil))
	b.pass(receiveDelay)
	if len(b.out.Send) == 0 {
		b.pass(friend.DefaultReceiveWindow / 2)
	}
	if len(b.out.Send) == 0 {
		b.t.Fatalf("no answer to the poll of %s", lpn)
	}
	return b.out.Send[len(b.out.Send)-1].PDU
}

// befriend establishes a friendship with a Low Power node of two elements.
func (b *bench) befriend(lpn, previous mesh.Address) {
	b.t.Helper()
	b.request(lpn, previous)
	b.pass(time.Second)
	if more, update := isUpdate(b.poll(lpn)); !update || more {
		b.t.Fatalf("a friendship does not begin with a Friend Update")
	}
}

// isUpdate reports whether a PDU is a Friend Update, and whether there is more.
func isUpdate(p network.PDU) (more, ok bool) {
	if !p.CTL || p.Transport[0] != friend.OpUpdate {
		return false, false
	}
	u, err := friend.ParseUpdate(p.Transport[1:])
	return u.MoreData, err == nil
}

// message is an unsegmented access message from sender.
func message(n int, dst mesh.Address) network.PDU {
	return network.PDU{
		IVIndex: 7, TTL: 5, Seq: mesh.SequenceNumber(n), Src: sender, Dst: dst, Transport: []byte{0x40, byte(n), byte(n >> 8)},
	}
}

// drain polls until a Friend Update says that there is no more.
func (b *bench) drain(lpn mesh.Address) (all []network.PDU) {
	b.t.Helper()
	for range 1000 {
		p := b.poll(lpn)
		more, update := isUpdate(p)
		if !update {
			all = append(all, p)
		} else if !more {
			return all
		}
	}
	b.t.Fatal("the queue never becomes empty")
	return nil
}

func numbers(pdus []network.PDU) (n []int) {
	for i := range pdus {
		n = append(n, int(pdus[i].Seq))
	}
	return n
}

func (b *bench) expect(what string, got, want any) {
	b.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		b.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func (b *bench) subscribe(lpn mesh.Address, op uint8, number uint8, list ...mesh.Address) {
	b.t.Helper()
	m := friend.Subscriptions{Transaction: number, Count: len(list)}
	copy(m.Addresses[:], list)
	b.out.Reset()
	b.control(lpn, true, op, m.Append(nil))
	b.pass(receiveDelay)
	if len(b.out.Send) != 1 || b.out.Send[0].PDU.Transport[0] != friend.OpSubscriptionConfirm || b.out.Send[0].PDU.Transport[1] != number {
		b.t.Errorf("subscription list %d is not confirmed: %+v", number, b.out.Send)
	}
}

func TestQueueIsHandedOverInOrder(t *testing.T) {
	b := newBench(t, friend.Config{})
	b.befriend(sleeper, 0)
	for n := range 5 {
		b.Store(message(n+1, sleeper+mesh.Address(n%2)))
	}
	b.Store(message(6, other), message(7, group)) // for others
	p := b.poll(sleeper)
	b.expect("TTL", p.TTL, 4)
	b.expect("asked again", b.pollAgain(sleeper), p)
	b.expect("the rest", numbers(b.drain(sleeper)), []int{2, 3, 4, 5})
	b.expect("queued", b.Status()[0].Queued, 0)
}

func TestSubscriptions(t *testing.T) {
	b := newBench(t, friend.Config{Subscriptions: 3})
	b.befriend(sleeper, 0)
	b.subscribe(sleeper, friend.OpSubscriptionAdd, 1, group, group+1, group, group+2, group+3)
	b.expect("list", b.Status()[0].Subscriptions, []mesh.Address{group, group + 1, group + 2})
	b.subscribe(sleeper, friend.OpSubscriptionRemove, 2, group+1, group+9)
	b.Store(message(1, group))
	b.Store(message(2, group+1))
	b.Store(message(3, group+2))
	b.expect("messages to groups", numbers(b.drain(sleeper)), []int{1, 3})
}

func TestFullQueueLosesTheOldestMessagesButNoUpdate(t *testing.T) {
	b := newBench(t, friend.Config{Queue: 32})
	b.befriend(sleeper, 0)
	b.Store(message(1, sleeper), message(2, sleeper), message(3, sleeper)) // three segments
	b.SecurityChanged(0)
	b.SecurityChanged(0)
	for n := 4; n <= 32; n++ {
		b.Store(message(n, sleeper))
	}
	b.expect("before", b.Status()[0].Queued, 32)
	b.Store(message(33, sleeper))
	var got []int
	updates := 0
	for range 100 {
		p := b.poll(sleeper)
		if more, ok := isUpdate(p); !ok {
			got = append(got, int(p.Seq))
		} else if updates++; !more {
			break
		}
	}
	b.expect("first", got[0], 4)
	b.expect("count", len(got), 30)
	b.expect("updates", updates, 2) // the one that was queued, and the last
	b.expect("discarded", b.Counters().Discarded, 1)
}

func TestSegmentAcknowledgmentReplacesTheOlderOne(t *testing.T) {
	ack := func(n int, zero byte, acked byte) network.PDU {
		p := message(n, sleeper)
		p.CTL, p.Transport = true, []byte{0, 0, zero << 2, 0, 0, 0, acked}
		return p
	}
	b := newBench(t, friend.Config{})
	b.befriend(sleeper, 0)
	b.Store(ack(1, 5, 1))
	b.Store(ack(2, 6, 1))
	b.Store(ack(3, 5, 3))
	own := ack(4, 5, 7)
	own.Src = 1
	b.StoreOwn(&own)
	got := b.drain(sleeper)
	b.expect("acknowledgments", len(got), 3)
	b.expect("numbers", numbers(got)[:2], []int{2, 3})
	if got[2].Src != 1 || got[2].Seq == 4 {
		t.Errorf("the friend's own message has its old number: %+v", got[2])
	}
}

// The sequence numbers of the friend's own messages only increase, however they
// get into the queue.
func TestOwnMessagesComeInTheOrderOfTheirNumbers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t, friend.Config{})
		b.befriend(sleeper, 0)
		last := mesh.SequenceNumber(0)
		n := 0
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0:
				n++
				b.StoreDraft(0, friend.Draft{ID: uint64(n), Dst: sleeper, PDUs: rapid.IntRange(1, 4).Draw(rt, "segments")})
			case 1:
				b.SecurityChanged(0)
			case 2:
				n++
				b.Store(message(n, sleeper))
			default:
				if p := b.poll(sleeper); p.Src == own {
					if p.Seq <= last {
						rt.Fatalf("number %d after %d", p.Seq, last)
					}
					last = p.Seq
				}
			}
		}
	})
}

func TestOldMessagesAreNotQueuedAgain(t *testing.T) {
	b := newBench(t, friend.Config{})
	b.befriend(sleeper, 0)
	for range 3 {
		for n := range 4 {
			b.Store(message(n+1, sleeper))
		}
	}
	direct := message(9, sleeper)
	direct.TTL = 1
	b.Store(direct)
	b.expect("queued", numbers(b.drain(sleeper)), []int{1, 2, 3, 4})
	b.expect("replayed", b.Counters().Replayed, 8)
}

func TestOfferDelay(t *testing.T) {
	for _, c := range []struct {
		criteria friend.Criteria
		window   time.Duration
		rssi     int8
		want     time.Duration
	}{
		{friend.Criteria{}, 50 * time.Millisecond, -70, 120 * time.Millisecond},
		{friend.Criteria{}, 20 * time.Millisecond, -60, 100 * time.Millisecond},
		{friend.Criteria{}, 50 * time.Millisecond, 10, 100 * time.Millisecond},
		{friend.Criteria{RSSI: 3}, 100 * time.Millisecond, -80, 300 * time.Millisecond},
		{friend.Criteria{ReceiveWindow: 1}, 100 * time.Millisecond, -80, 230 * time.Millisecond},
		{friend.Criteria{RSSI: 2, ReceiveWindow: 3}, 255 * time.Millisecond, 127, 891500 * time.Microsecond},
	} {
		if got := c.criteria.OfferDelay(c.window, c.rssi); got != c.want {
			t.Errorf("%+v: %s, want %s", c, got, c.want)
		}
	}
}

func TestFriendshipEnds(t *testing.T) {
	terminated := func(b *bench) (reasons []friend.Reason) {
		for _, e := range b.out.Events {
			if e, ok := e.(friend.Terminated); ok {
				reasons = append(reasons, e.Reason)
			}
		}
		return reasons
	}
	t.Run("an offer that is not accepted", func(t *testing.T) {
		b := newBench(t, friend.Config{})
		b.request(sleeper, 0)
		b.pass(400 * time.Millisecond)
		b.expect("links", len(b.Links(nil)), 1)
		b.pass(2 * time.Second)
		b.expect("links", len(b.Links(nil)), 0)
		b.expect("reasons", terminated(b), []friend.Reason{})
	})
	t.Run("no poll", func(t *testing.T) {
		b := newBench(t, friend.Config{})
		b.befriend(sleeper, 0)
		b.pass(pollTimeout - receiveDelay - 1)
		b.expect("timeout", b.PollTimeout(sleeper+1), pollTimeout)
		b.pass(1)
		b.expect("timeout", b.PollTimeout(sleeper), time.Duration(0))
		b.expect("reasons", terminated(b), []friend.Reason{friend.PollTimeout})
	})
	t.Run("cleared", func(t *testing.T) {
		b := newBench(t, friend.Config{})
		b.counter = 0xFFFF - 1 // the next is the last
		b.befriend(sleeper, 0)
		for _, c := range []struct {
			counter  uint16
			ends     bool
			confirms int
		}{{0xFFFE, false, 0}, {255, false, 0}, {254, true, 1}, {254, false, 1}, {300, false, 0}} {
			b.out.Reset()
			b.control(other, false, friend.OpClear, friend.Clear{LPN: sleeper, LPNCounter: c.counter}.Append(nil))
			b.expect(fmt.Sprint("ended by ", c.counter), len(terminated(b)) > 0, c.ends)
			b.expect(fmt.Sprint("confirmed ", c.counter), len(b.out.Send), c.confirms)
			for _, o := range b.out.Send {
				if o.PDU.Transport[0] != friend.OpClearConfirm || o.PDU.Dst != other || o.Link != (friend.Link{}) {
					t.Errorf("sent %+v", o)
				}
			}
		}
	})
	t.Run("the Low Power node asks again", func(t *testing.T) {
		b := newBench(t, friend.Config{})
		b.befriend(sleeper, 0)
		b.Store(message(1, sleeper))
		b.request(sleeper, own)
		b.Store(message(2, sleeper))
		b.expect("reasons", terminated(b), []friend.Reason{friend.Requested})
		b.pass(time.Second)
		b.Store(message(3, sleeper))
		if more, update := isUpdate(b.poll(sleeper)); !update || !more {
			t.Error("it does not begin with a Friend Update with More Data set")
		}
		b.expect("the stored messages", numbers(b.drain(sleeper)), []int{1, 2, 3})
		b.expect("friendships", len(b.Status()), 1)
	})
	t.Run("stopped", func(t *testing.T) {
		b := newBench(t, friend.Config{})
		b.befriend(sleeper, 0)
		b.Stop(1, false, &b.out)
		b.expect("another subnet's", len(b.Status()), 1)
		b.Stop(0, false, &b.out)
		b.expect("friendships", len(b.Status()), 0)
		b.expect("reasons", terminated(b), []friend.Reason{friend.Stopped})
	})
}

func TestFormerFriendIsToldUntilItConfirms(t *testing.T) {
	for _, confirmed := range []bool{false, true} {
		b := newBench(t, friend.Config{})
		b.request(sleeper, other)
		b.pass(time.Second)
		b.out.Reset()
		b.control(sleeper, true, friend.OpPoll, friend.Poll{}.Append(nil))
		begun := b.now
		var at []time.Duration
		for range 400 {
			for _, o := range b.out.Send {
				if o.PDU.Transport[0] == friend.OpClear {
					at = append(at, b.now.Sub(begun))
					if o.PDU.Dst != other || o.PDU.TTL != mesh.MaxTTL || o.Link != (friend.Link{}) {
						t.Errorf("sent %+v", o)
					}
				}
			}
			b.out.Reset()
			if confirmed && len(at) == 3 {
				c := friend.Clear{LPN: sleeper, LPNCounter: b.counter}
				b.control(sender, false, friend.OpClearConfirm, c.Append(nil)) // not from the node that was asked
				b.control(other, false, friend.OpClearConfirm, c.Append(nil))
			}
			b.control(sleeper, true, friend.OpPoll, friend.Poll{}.Append(nil))
			b.pass(500 * time.Millisecond)
		}
		want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second, 31 * time.Second, 63 * time.Second}
		if confirmed {
			want = want[:3]
		}
		if !slices.Equal(at, want) {
			t.Errorf("confirmed %t: sent after %v, want %v", confirmed, at, want)
		}
	}
	// The previous friend is this node: no Clear is needed.
	b := newBench(t, friend.Config{})
	b.befriend(sleeper, own)
	b.pass(time.Second)
	b.expect("sent", len(b.out.Send), 1)
}

func TestRefusals(t *testing.T) {
	b := newBench(t, friend.Config{Friendships: 2})
	b.befriend(sleeper, 0)
	b.request(sleeper+1, 0) // its second element
	b.request(sleeper-1, 0) // the node whose second element it is
	b.befriend(other, 0)
	b.request(sender, 0)
	b.expect("full", b.Counters().Full, 3)
	long := friend.Request{
		Criteria: friend.Criteria{MinQueueSizeLog: 7}, ReceiveDelay: receiveDelay, PollTimeout: pollTimeout, Elements: 1,
	}
	b.control(sender, false, friend.OpRequest, long.Append(nil))
	b.expect("unmet", b.Counters().Unmet, 1)
	before := b.Counters().Malformed
	b.control(sleeper, false, friend.OpPoll, []byte{0}) // not with friendship credentials
	b.control(sender, true, friend.OpPoll, []byte{0})   // not a friend of ours
	b.control(other, false, friend.OpSubscriptionAdd, []byte{1, 0xC0, 0})
	b.control(sleeper, true, friend.OpRequest, long.Append(nil))
	b.expect("malformed", b.Counters().Malformed-before, 4)
	b.expect("friendships", len(b.Status()), 2)
}

// Whatever is sent to a friend, it stores no more than it has promised.
func TestFloodsLeaveMemoryBounded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t, friend.Config{Friendships: 4, Queue: 40, Subscriptions: 8})
		addresses := rapid.SampledFrom([]mesh.Address{sleeper, sleeper + 1, other, 0x7FFF, 0x7FFE, 5, 6, 7, 8, 9})
		ops := rapid.Uint8Range(0, 11)
		for range rapid.IntRange(1, 200).Draw(rt, "steps") {
			src := addresses.Draw(rt, "src")
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0:
				b.request(src, addresses.Draw(rt, "previous"))
			case 1:
				b.control(src, true, friend.OpPoll, []byte{rapid.Uint8Range(0, 1).Draw(rt, "fsn")})
			case 2:
				b.control(src, rapid.Bool().Draw(rt, "secured"), ops.Draw(rt, "opcode"), rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(rt, "params"))
			case 3:
				m := make([]network.PDU, rapid.IntRange(1, 32).Draw(rt, "segments"))
				for i := range m {
					m[i] = message(int(b.now.UnixMilli())%0xFFFF, src)
				}
				b.Store(m...)
			case 4:
				b.StoreDraft(0, friend.Draft{Dst: src, PDUs: rapid.IntRange(0, 40).Draw(rt, "PDUs")})
			default:
				b.pass(time.Duration(rapid.IntRange(0, 5000).Draw(rt, "ms")) * time.Millisecond)
			}
			b.out.Reset()
			if n := len(b.Links(nil)); n > 4 {
				rt.Fatalf("%d friendships", n)
			}
			for _, s := range b.Status() {
				if s.Queued > 40 || len(s.Subscriptions) > 8 {
					rt.Fatalf("%+v", s)
				}
			}
		}
	})
}

// A draft is delivered when its last segment is. A message that is being
// delivered cannot be withdrawn.
func TestDraftInSegments(t *testing.T) {
	b := newBench(t, friend.Config{})
	b.befriend(sleeper, 0)
	b.StoreDraft(0, friend.Draft{ID: 7, Dst: sleeper, PDUs: 3})
	b.StoreDraft(0, friend.Draft{ID: 8, Dst: sleeper, PDUs: 1})
	b.StoreDraft(0, friend.Draft{ID: 9, Dst: sleeper, PDUs: 1})
	b.Withdraw(8)
	var events []string
	for n := range 4 {
		b.poll(sleeper)
		if n == 0 {
			b.Withdraw(7)
		}
		events = append(events, fmt.Sprint(b.out.Events, b.Waits(7), b.Waits(9)))
	}
	b.expect("events", events, []string{"[] true true", "[] true true", "[{7}] false true", "[{9}] false false"})
	b.expect("queued", b.Status()[0].Queued, 0)
}

// A message with an IV index that is no longer accepted is left out: the Low
// Power node could not acknowledge it.
func TestStaleMessagesAreNotHandedOver(t *testing.T) {
	b := newBench(t, friend.Config{})
	b.befriend(sleeper, 0)
	for n, iv := range []mesh.IVIndex{5, 6, 7} { // the network has 7
		p := message(n+1, sleeper)
		p.IVIndex = iv
		b.Store(p)
	}
	b.expect("messages", numbers(b.drain(sleeper)), []int{2, 3})
	b.expect("stale", b.Counters().Stale, 1)
}

// A Low Power node that has just received a request is not sent to sleep before
// its answer could have led to the next request.
func TestFriendWaitsForTheNextQuestion(t *testing.T) {
	b := newBench(t, friend.Config{})
	b.befriend(sleeper, 0)
	ask := func() (answered func(d time.Duration) bool) {
		b.fsn = !b.fsn
		b.out.Reset()
		b.control(sleeper, true, friend.OpPoll, friend.Poll{FSN: b.fsn}.Append(nil))
		return func(d time.Duration) bool { b.pass(d); return len(b.out.Send) > 0 }
	}
	b.StoreDraft(0, friend.Draft{ID: 1, Dst: sleeper, PDUs: 1})
	b.expect("the request", ask()(receiveDelay), true)
	answered := ask()
	b.expect("no more data, at once", answered(receiveDelay+100*time.Millisecond), false)
	b.StoreDraft(0, friend.Draft{ID: 2, Dst: sleeper, PDUs: 1})
	b.expect("the next request", answered(0), true)
	b.expect("its number", b.out.Events, []friend.Event{friend.Delivered{ID: 2}})
	answered = ask()
	b.expect("no more data, at once", answered(receiveDelay), false)
	b.expect("no more data, within the window", answered(friend.DefaultReceiveWindow/2), true)
	b.expect("no more data, again", ask()(receiveDelay), true)
}

// A Low Power node that sends a new Request and does not accept the offer may
// try again: its messages are kept until the poll timeout of its previous
// friendship.
func TestSleeperThatDoesNotComeBackAtOnce(t *testing.T) {
	b := newBench(t, friend.Config{Friendships: 2})
	b.befriend(sleeper, 0)
	b.subscribe(sleeper, friend.OpSubscriptionAdd, 1, group)
	for n := range 3 {
		b.Store(message(2*n+1, sleeper))
		b.request(sleeper, own)
		b.pass(5 * time.Second) // no Poll arrives
		b.Store(message(2*n+2, group))
		b.expect("links", len(b.Links(nil)), 0)
		b.expect("wanted", b.Wants(0, sender, sleeper), true)
	}
	b.befriend(other, 0) // there is room for both
	b.request(sleeper, own)
	b.pass(time.Second)
	if more, update := isUpdate(b.poll(sleeper)); !update || !more {
		t.Error("it does not begin with a Friend Update with More Data set")
	}
	b.expect("the stored messages", numbers(b.drain(sleeper)), []int{1, 2, 3, 4, 5, 6})
	b.Store(message(7, group)) // it has not sent its subscriptions again yet
	b.subscribe(sleeper, friend.OpSubscriptionAdd, 2, group+1)
	b.expect("still a member", numbers(b.drain(sleeper)), []int{7})
	b.pass(11 * time.Second)
	b.drain(sleeper)
	b.expect("member", b.Wants(0, sender, group), false)

	// If it stays away it is dropped at its poll timeout, or when another needs
	// the room.
	lastSign := b.now.Add(-receiveDelay)
	b.request(sleeper, own)
	b.pass(5 * time.Second)
	b.out.Reset()
	b.pass(lastSign.Add(pollTimeout).Sub(b.now) - time.Millisecond)
	b.expect("wanted", b.Wants(0, sender, sleeper), true)
	b.pass(2 * time.Millisecond)
	b.expect("wanted", b.Wants(0, sender, sleeper), false)
	b.expect("informed", slices.ContainsFunc(b.out.Events, func(e friend.Event) bool {
		gone, ok := e.(friend.Terminated)
		return ok && gone.LPN == sleeper && gone.Reason == friend.PollTimeout
	}), true)
}

func TestParkedQueueMakesRoom(t *testing.T) {
	b := newBench(t, friend.Config{Friendships: 1})
	b.befriend(sleeper, 0)
	b.request(sleeper, own)
	b.pass(5 * time.Second)
	b.expect("wanted", b.Wants(0, sender, sleeper), true)
	b.befriend(other, 0)
	b.expect("wanted", b.Wants(0, sender, sleeper), false)
	b.request(sleeper, own)
	b.expect("full", b.Counters().Full, 1)
}
