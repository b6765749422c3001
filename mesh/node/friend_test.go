package node_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// addFriend adds a gateway that is a friend.
func (p *pump) addFriend() *member {
	p.Helper()
	gateway := p.addGateway()
	p.change(gateway, func(n *state.Node) { n.Friend = state.Enabled })
	return gateway
}

// change configures a node by hand.
func (p *pump) change(m *member, f func(*state.Node)) {
	p.Helper()
	m.edit(f)
	p.carryOut(m)
}

// addSleeper adds an unprovisioned Low Power node.
func (p *pump) addSleeper(name string, o node.LowPowerOptions, elements func() []access.Element) (*member, mesh.UUID) {
	p.Helper()
	var uuid mesh.UUID
	copy(uuid[:], name)
	return p.add(name, node.NewDevice(uuid), node.Options{LowPower: &o}, elements), uuid
}

// befriended waits until a node has a friend.
func (p *pump) befriended(m *member, limit time.Duration) node.FriendshipChanged {
	p.Helper()
	return await(p, m, limit, func(e node.FriendshipChanged) bool { return e.Established })
}

// logbook is a Generic OnOff Server that writes down each transaction it gets.
type logbook struct{ got []uint8 }

func (*logbook) ID() mesh.ModelID { return generic.OnOffServerID }

func (*logbook) Opcodes() []mesh.Opcode {
	return []mesh.Opcode{generic.OpOnOffSet, generic.OpOnOffSetUnacknowledged}
}

func (l *logbook) Receive(ctx access.Context, in *access.Incoming) {
	var set generic.OnOffSet
	if access.Decode(in.Params, &set) != nil {
		return
	}
	l.got = append(l.got, set.TID)
	if in.Opcode == generic.OpOnOffSet {
		ctx.Reply(&generic.OnOffStatus{PresentOnOff: set.OnOff})
	}
}

func (l *logbook) elements() []access.Element {
	return []access.Element{{Models: []access.Model{configuration.NewServer(configuration.Product{}), l}}}
}

// post sends a message and does not wait.
func (p *pump) post(from *member, r node.Request, m access.Message) {
	p.Helper()
	payload, err := access.Append(nil, m)
	if err != nil {
		p.Fatal(err)
	}
	r.Payload, r.TTL = payload, mesh.DefaultTTL
	if _, err := from.Request(p.now, r); err != nil {
		p.Fatal(err)
	}
	p.carryOut(from)
}

func unacknowledged(tid int) access.Message {
	return &generic.OnOffSetUnacknowledged{OnOffSet: generic.OnOffSet{OnOff: true, TID: uint8(tid)}}
}

func TestSleeperIsConfiguredAndSwitchedThroughItsFriend(t *testing.T) {
	p := newPump(t)
	gateway := p.addFriend()
	_, uuid := p.addSleeper("sleeper", node.LowPowerOptions{PollTimeout: 30 * time.Second}, plug)
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.befriended(gateway, 10*time.Second)
	c := p.setUp(gateway, peer)
	if c.Features != configuration.FeatureLowPower {
		t.Errorf("features %v", c.Features)
	}
	for range 3 { // asleep by then
		p.pass(20 * time.Second)
		var status generic.OnOffStatus
		p.control(gateway, peer.Address, &generic.OnOffSet{OnOff: true, TID: 1}, &status)
		if !status.PresentOnOff {
			t.Errorf("%+v", status)
		}
	}
	if n := gateway.Friendships(); len(n) != 1 || n[0].LPN != peer.Address || n[0].PollTimeout != 30*time.Second {
		t.Errorf("%+v", n)
	}
}

// sleeping is a network with a Low Power node whose messages are written down,
// and a plug beside it.
type sleeping struct {
	*pump
	gateway, sleeper, plug *member
	peer, plugPeer         state.Peer
	book                   *logbook
}

const testGroup mesh.Address = 0xC007

func newSleeping(t *testing.T, o node.LowPowerOptions) *sleeping {
	t.Helper()
	p := newPump(t)
	s := &sleeping{pump: p, book: &logbook{}}
	s.gateway = p.addFriend()
	var uuid, plugID mesh.UUID
	s.plug, plugID = p.addDevice("plug", node.DeviceOptions{}, plug)
	s.plugPeer = p.provision(s.gateway, plugID, provision.Auth{})
	p.setUp(s.gateway, s.plugPeer)
	s.sleeper, uuid = p.addSleeper("sleeper", o, s.book.elements)
	s.peer = p.provision(s.gateway, uuid, provision.Auth{})
	p.befriended(s.sleeper, 10*time.Second)
	p.setUp(s.gateway, s.peer)
	var status configuration.ModelSubscriptionStatus
	p.configure(s.gateway, s.peer, &configuration.ModelSubscriptionAdd{
		ElementAddress: s.peer.Address, Address: testGroup, ModelIdentifier: generic.OnOffServerID,
	}, &status)
	p.success("Subscription Add", status.Status)
	p.pass(10 * time.Second)
	s.sleeper.listened, s.sleeper.missed = 0, 0
	return s
}

// complete fails when not every transaction up to n came, each once.
func (s *sleeping) complete(n int) {
	s.Helper()
	sorted := slices.Sorted(slices.Values(s.book.got))
	for tid := range n {
		if tid >= len(sorted) || sorted[tid] != uint8(tid) {
			s.Fatalf("got %d of %d: %v", len(sorted), n, s.book.got)
		}
	}
	if len(sorted) != n {
		s.Errorf("got %d, want %d: %v", len(sorted), n, s.book.got)
	}
}

// A Low Power node gets 100 of 100 messages of its friend, and of another node
// to it and to a group, though it listens for a fraction of the time, every fifth
// PDU is lost, none is repeated by a radio, and a friendship is lost with them now
// and then. What comes while it sleeps is dropped before its core sees it.
func TestEveryMessageReachesASleeper(t *testing.T) {
	options := node.LowPowerOptions{PollTimeout: 30 * time.Second, PollInterval: 10 * time.Second}
	sources := map[string]func(s *sleeping, tid int){
		"of its friend": func(s *sleeping, tid int) {
			s.post(s.gateway, node.Request{Dst: s.peer.Address}, unacknowledged(tid))
		},
		"of its friend to a group": func(s *sleeping, tid int) {
			s.post(s.gateway, node.Request{Dst: testGroup}, unacknowledged(tid))
		},
		"of another node": func(s *sleeping, tid int) {
			s.post(s.plug, node.Request{Dst: s.peer.Address}, unacknowledged(tid))
		},
		"of another node to a group": func(s *sleeping, tid int) {
			s.post(s.plug, node.Request{Dst: testGroup}, unacknowledged(tid))
		},
	}
	for name, send := range sources {
		for run := range 10 {
			loss := 0.2
			if run == 0 {
				loss = 0
			}
			t.Run(fmt.Sprint(name, ", run ", run), func(t *testing.T) {
				s := newSleeping(t, options)
				s.random = rand.New(rand.NewPCG(uint64(run), 3))
				begun := s.now
				// Between two other nodes a PDU has no friend that repeats it:
				// what is lost there is for the repetitions of the radio.
				s.deaf = func(from, to *member) bool {
					return (from == s.sleeper || to == s.sleeper) && s.random.Float64() < loss
				}
				for tid := range 100 {
					send(s, tid)
					s.pass(700 * time.Millisecond)
				}
				s.pass(3 * time.Minute)
				s.complete(100)
				passed := s.now.Sub(begun)
				t.Logf("loss %.1f: listened for %s of %s, slept through %d PDUs, asked %d times, %d PDUs again",
					loss, s.sleeper.listened.Round(time.Millisecond), passed.Round(time.Millisecond), s.sleeper.missed,
					s.gateway.Counters().Friend.Polls, s.gateway.Counters().Friend.Repeated)
				if s.sleeper.listened > passed/3 {
					t.Error("that is no sleep")
				}
				if s.sleeper.missed == 0 {
					t.Error("nothing was on the air while it slept")
				}
				s.unrepeated(s.gateway)
			})
		}
	}
}

// A friendship that is lost in the middle is made anew, and what waited for the
// Low Power node is not lost with it.
func TestFriendshipIsMadeAnew(t *testing.T) {
	s := newSleeping(t, node.LowPowerOptions{PollTimeout: time.Minute, PollInterval: 2 * time.Second})
	cut := false
	s.deaf = func(from, to *member) bool { return cut && (from == s.sleeper || to == s.sleeper) }
	cut = true
	s.pass(7 * time.Second) // all attempts of a poll fail, and the friend still waits
	for tid := range 10 {
		s.post(s.plug, node.Request{Dst: s.peer.Address}, unacknowledged(tid))
		s.pass(100 * time.Millisecond)
	}
	lost := await(s.pump, s.sleeper, 10*time.Second, func(e node.FriendshipChanged) bool { return !e.Established })
	if lost.Friend != gatewayAddress || lost.Reason != string(friend.PollTimeout) {
		t.Errorf("%+v", lost)
	}
	cut = false
	s.befriended(s.sleeper, time.Minute)
	s.pass(10 * time.Second)
	s.complete(10)
	if got := s.gateway.Friendships(); len(got) != 1 || !slices.Contains(got[0].Subscriptions, testGroup) {
		t.Errorf("%+v", got)
	}
}

// The friend starts again, and with it its friendships.
func TestFriendStartsAgain(t *testing.T) {
	s := newSleeping(t, node.LowPowerOptions{PollTimeout: 10 * time.Second, PollInterval: 2 * time.Second})
	s.restart(s.gateway)
	s.befriended(s.gateway, 30*time.Second)
	var status generic.OnOffStatus
	s.control(s.gateway, s.peer.Address, &generic.OnOffSet{OnOff: true, TID: 0}, &status)
	if !status.PresentOnOff {
		t.Errorf("%+v", status)
	}
	s.pass(10 * time.Second)
	s.complete(1)
}

// The request is not repeated while the Low Power node sleeps: it waits in the
// queue.
func TestRequestWaitsForThePoll(t *testing.T) {
	s := newSleeping(t, node.LowPowerOptions{PollTimeout: 10 * time.Minute, PollInterval: 5 * time.Minute})
	s.pass(time.Minute)
	payload, err := access.Append(nil, &generic.OnOffSet{OnOff: true, TID: 0})
	if err != nil {
		t.Fatal(err)
	}
	request := node.Request{Dst: s.peer.Address, TTL: mesh.DefaultTTL, Payload: payload, Respond: generic.OpOnOffStatus}
	sent := len(s.gateway.sent)
	id, err := s.gateway.Request(s.now, request)
	if err != nil {
		t.Fatal(err)
	}
	s.carryOut(s.gateway)
	if len(s.gateway.sent) != sent || s.gateway.Friendships()[0].Queued != 1 {
		t.Errorf("sent %d PDUs, queued %d", len(s.gateway.sent)-sent, s.gateway.Friendships()[0].Queued)
	}
	done := await(s.pump, s.gateway, 6*time.Minute, func(e node.RequestDone) bool { return e.ID == id })
	if done.Err != nil || done.Response.Attempts != 1 {
		t.Errorf("%d attempts in %s: %v", done.Response.Attempts, done.Response.RTT, done.Err)
	}
	// What nobody waits for any more is taken out of the queue.
	if id, err = s.gateway.Request(s.now, request); err != nil {
		t.Fatal(err)
	}
	s.gateway.CancelRequest(s.now, id)
	s.carryOut(s.gateway)
	if n := s.gateway.Friendships()[0].Queued; n != 0 {
		t.Errorf("queued %d", n)
	}
}

// A Low Power node that moves to another friend has the new one tell the old.
func TestSleeperFindsAnotherFriend(t *testing.T) {
	s := newSleeping(t, node.LowPowerOptions{PollTimeout: 10 * time.Minute, PollInterval: 5 * time.Second})
	s.change(s.plug, func(n *state.Node) { n.Friend = state.Enabled })
	s.deaf = func(from, to *member) bool {
		return from == s.gateway && to == s.sleeper || from == s.sleeper && to == s.gateway
	}
	moved := await(s.pump, s.plug, time.Minute, func(e node.FriendshipChanged) bool { return e.Established })
	if moved.LPN != s.peer.Address {
		t.Errorf("%+v", moved)
	}
	ended := await(s.pump, s.gateway, 10*time.Second, func(e node.FriendshipChanged) bool { return !e.Established })
	if ended.Reason != string(friend.Cleared) {
		t.Errorf("%+v", ended)
	}
	for tid := range 3 { // by the other friend, who acknowledges segments on its behalf as well
		s.post(s.gateway, node.Request{Dst: s.peer.Address}, unacknowledged(tid))
		s.pass(time.Second)
	}
	s.pass(10 * time.Second)
	s.complete(3)
	if c := s.plug.Counters().Friend; c.Queued != 3 {
		t.Errorf("%+v", c)
	}
	var timeout configuration.LowPowerNodePollTimeoutStatus
	s.configure(s.gateway, s.plugPeer, &configuration.LowPowerNodePollTimeoutGet{LPNAddress: s.peer.Address}, &timeout)
	if timeout.PollTimeout != 6000 {
		t.Errorf("poll timeout of %d", timeout.PollTimeout)
	}
	var status configuration.FriendStatus
	s.configure(s.gateway, s.plugPeer, &configuration.FriendSet{Friend: state.Disabled}, &status)
	await(s.pump, s.plug, time.Second, func(e node.FriendshipChanged) bool { return !e.Established && e.Reason == string(friend.Stopped) })
}

// A segmented message of another node goes through the friend, which
// acknowledges it, and the answer comes back in segments.
func TestSegmentedMessageThroughAFriend(t *testing.T) {
	s := newSleeping(t, node.LowPowerOptions{PollTimeout: time.Minute, PollInterval: 3 * time.Second})
	s.change(s.plug, func(n *state.Node) { n.Friend = state.Enabled })
	s.deaf = func(from, to *member) bool {
		return from == s.gateway && to == s.sleeper || from == s.sleeper && to == s.gateway
	}
	await(s.pump, s.plug, time.Minute, func(e node.FriendshipChanged) bool { return e.Established })
	for range 3 {
		var data configuration.CompositionDataStatus // two segments
		var key configuration.AppKeyStatus
		s.pass(5 * time.Second)
		s.configure(s.gateway, s.peer, &configuration.AppKeyAdd{AppKey: s.gateway.State().AppKeys[0].Key}, &key) // two segments
		s.success("AppKey Add", key.Status)
		s.configure(s.gateway, s.peer, &configuration.CompositionDataGet{}, &data)
	}
	if c := s.plug.Counters(); c.Transport.Reassembled == 0 || c.Friend.Queued == 0 {
		t.Errorf("%+v", c)
	}
	if c := s.sleeper.Counters().Transport; c.AcksSent != 0 {
		t.Errorf("a Low Power node acknowledged %d times", c.AcksSent)
	}
}

// What a Low Power node publishes with the credentials of its friendship, its
// friend passes on with those of the network.
func TestPublicationWithFriendshipCredentials(t *testing.T) {
	p := newPump(t)
	gateway := p.addFriend()
	sensing := device.NewSensor()
	sleeper, uuid := p.addSleeper("sleeper", node.LowPowerOptions{PollTimeout: 30 * time.Second}, func() []access.Element { return sensing.Elements() })
	peer := p.provision(gateway, uuid, provision.Auth{})
	listener, listenerID := p.addDevice("plug", node.DeviceOptions{}, plug)
	p.provision(gateway, listenerID, provision.Auth{})
	p.befriended(sleeper, 10*time.Second)
	p.setUp(gateway, peer)
	var status configuration.ModelPublicationStatus
	p.configure(gateway, peer, &configuration.ModelPublicationSet{
		ElementAddress: peer.Address, PublishAddress: testGroup, ModelIdentifier: sensor.ServerID,
		PublishParameters: configuration.PublishParameters{PublishTTL: 5, PublishPeriod: 0x45, CredentialFlag: true},
	}, &status)
	p.success("Publication Set", status.Status)
	relayed := gateway.Counters().Relayed
	nid, _, _ := crypto.K2(listener.State().Subnets[0].Key, []byte{0})
	flooding := 0
	p.tap = func(to *member, in bearer.Incoming) {
		if to == listener && in.Kind == bearer.Message && in.PDU()[0]&0x7F == nid {
			flooding++
		}
	}
	await(p, gateway, 30*time.Second, func(e node.MessageReceived) bool { return e.Src == peer.Address && e.Dst == testGroup && e.TTL == 5 })
	p.pass(time.Second)
	if n := gateway.Counters().Relayed; n == relayed || flooding == 0 {
		t.Errorf("%d PDUs were relayed, %d with the credentials of the network", n-relayed, flooding)
	}
}

// Friendships live through a key refresh: their credentials follow the NetKey.
func TestFriendshipThroughAKeyRefresh(t *testing.T) {
	s := newSleeping(t, node.LowPowerOptions{PollTimeout: 20 * time.Second, PollInterval: 2 * time.Second})
	next := crypto.Key{1, 2, 3}
	tid := 0
	for _, step := range []func(*state.Subnet){
		func(n *state.Subnet) { n.Phase, n.NewKey = state.FirstPhase, next },
		func(n *state.Subnet) { n.Phase = state.SecondPhase },
		func(n *state.Subnet) { *n = state.Subnet{Index: n.Index, Key: next} },
	} {
		// The Low Power node is the last to know: it hears of it in between.
		for _, m := range []*member{s.gateway, s.plug, s.sleeper} {
			s.change(m, func(n *state.Node) { step(&n.Subnets[0]) })
			s.post(s.gateway, node.Request{Dst: s.peer.Address}, unacknowledged(tid))
			tid++
			s.pass(5 * time.Second)
		}
	}
	s.complete(tid)
	for _, e := range s.gateway.events {
		if e, ok := e.(node.FriendshipChanged); ok && !e.Established {
			t.Errorf("the friendship ended: %+v", e)
		}
	}
}

// A Low Power node that has been given the new key hears of the phases from its
// friend, for it sleeps through the beacons.
func TestSleeperFollowsAKeyRefresh(t *testing.T) {
	s := newSleeping(t, node.LowPowerOptions{PollTimeout: 20 * time.Second, PollInterval: 2 * time.Second})
	s.deaf = func(_, to *member) bool { return to == s.sleeper && !s.sleeper.Awake(s.now) }
	next := crypto.Key{1, 2, 3}
	for _, m := range []*member{s.gateway, s.plug, s.sleeper} {
		s.change(m, func(n *state.Node) { n.Subnets[0].Phase, n.Subnets[0].NewKey = state.FirstPhase, next })
	}
	s.change(s.gateway, func(n *state.Node) { n.Subnets[0].Phase = state.SecondPhase })
	s.pass(10 * time.Second)
	if got := s.sleeper.State().Subnets[0].Phase; got != state.SecondPhase {
		t.Fatalf("the sleeper is in phase %d", got)
	}
	s.change(s.gateway, func(n *state.Node) { n.Subnets[0] = state.Subnet{Index: n.Subnets[0].Index, Key: next} })
	s.pass(10 * time.Second)
	if n := s.sleeper.State().Subnets[0]; n.Phase != state.NormalOperation || !n.Key.Equal(next) {
		t.Errorf("the sleeper is in phase %d, with the new key: %t", n.Phase, n.Key.Equal(next))
	}
	s.post(s.gateway, node.Request{Dst: s.peer.Address}, unacknowledged(0))
	s.pass(10 * time.Second)
	s.complete(1)
}

// LeaveFriend ends the friendship in good order.
func TestSleeperStaysAwake(t *testing.T) {
	s := newSleeping(t, node.LowPowerOptions{PollTimeout: 20 * time.Second, PollInterval: 2 * time.Second})
	s.sleeper.LeaveFriend(s.now)
	s.carryOut(s.sleeper)
	ended := await(s.pump, s.gateway, 5*time.Second, func(e node.FriendshipChanged) bool { return !e.Established })
	if ended.Reason != string(friend.Cleared) {
		t.Errorf("%+v", ended)
	}
	await(s.pump, s.sleeper, 5*time.Second, func(e node.FriendshipChanged) bool { return !e.Established })
	s.post(s.plug, node.Request{Dst: s.peer.Address}, unacknowledged(0))
	s.pass(time.Second)
	s.complete(1)
	if !s.sleeper.Awake(s.now) || !s.sleeper.NextDeadline().After(s.now) {
		t.Error("it does not listen")
	}
}

// A Low Power node that is removed from the network leaves no friendship
// behind for long, and can join again.
func TestSleeperIsReset(t *testing.T) {
	s := newSleeping(t, node.LowPowerOptions{PollTimeout: 10 * time.Second, PollInterval: 2 * time.Second})
	var status configuration.NodeResetStatus
	s.configure(s.gateway, s.peer, &configuration.NodeReset{}, &status)
	await(s.pump, s.gateway, 20*time.Second, func(e node.FriendshipChanged) bool { return !e.Established })
	s.gateway.Forget(s.now, s.peer.UUID)
	s.carryOut(s.gateway)
	again := s.provision(s.gateway, s.peer.UUID, provision.Auth{})
	s.befriended(s.gateway, 10*time.Second)
	s.setUp(s.gateway, again)
}

// The friend of a Low Power node answers as its configuration says.
func TestFriendFeatureIsOff(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	sleeper, uuid := p.addSleeper("sleeper", node.LowPowerOptions{}, plug)
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.setUp(gateway, peer)
	p.pass(time.Minute)
	if len(gateway.Friendships()) != 0 || gateway.PollTimeout(peer.Address) != 0 || !sleeper.Awake(p.now) {
		t.Error("a friendship without a friend")
	}
	var status generic.OnOffStatus
	p.control(gateway, peer.Address, &generic.OnOffSet{OnOff: true, TID: 1}, &status)
}

// A Low Power node sleeps through beacons; its friend tells it of an IV Update,
// and messages go on in each of its states.
func TestSleeperFollowsTheIVIndex(t *testing.T) {
	const stays = 100 * time.Hour // longer than the network stays in a state at least
	s := newSleeping(t, node.LowPowerOptions{PollTimeout: 3 * time.Hour, PollInterval: time.Hour})
	s.deaf = func(_, to *member) bool { return to == s.plug } // it hears no beacon, and says nothing
	for _, m := range s.members {
		s.change(m, func(n *state.Node) { n.Beacon = false })
	}
	keys := beacon.NewKeys(s.gateway.State().Subnets[0].Key)
	for tid, said := range []beacon.State{{IVIndex: 1, IVUpdate: true}, {IVIndex: 1}} {
		s.pass(stays)
		pdu := keys.AppendSecure(nil, said)
		in := bearer.Incoming{Kind: bearer.Beacon, Len: uint8(len(pdu))}
		copy(in.Data[:], pdu)
		s.gateway.Receive(s.now, &in)
		s.carryOut(s.gateway)
		s.pass(2 * time.Hour)
		if n := s.sleeper.State(); n.IVIndex != said.IVIndex || n.IVUpdate != said.IVUpdate {
			t.Errorf("the Low Power node has IV index %d, update %t; want %+v", n.IVIndex, n.IVUpdate, said)
		}
		s.post(s.gateway, node.Request{Dst: s.peer.Address}, unacknowledged(tid))
		s.pass(2 * time.Hour)
		s.complete(tid + 1)
	}
}

// The Low Power node gets a message, and its friend does not hear that it did:
// the message comes again in the next friendship, and is no news there.
func TestMessageThatIsHandedOverTwice(t *testing.T) {
	s := newSleeping(t, node.LowPowerOptions{PollTimeout: time.Minute, PollInterval: 2 * time.Second})
	unheard, queued := false, false
	s.deaf = func(from, to *member) bool { return unheard && from == s.sleeper && to == s.gateway }
	s.tap = func(to *member, in bearer.Incoming) {
		if to == s.sleeper && in.Kind == bearer.Message && queued {
			unheard, queued = true, false // the answer to the poll, which brings the message
		}
	}
	s.post(s.plug, node.Request{Dst: s.peer.Address}, unacknowledged(0))
	s.pass(100 * time.Millisecond)
	queued = true
	await(s.pump, s.sleeper, 20*time.Second, func(e node.FriendshipChanged) bool { return !e.Established })
	s.complete(1)
	unheard = false
	s.befriended(s.sleeper, time.Minute)
	s.post(s.plug, node.Request{Dst: s.peer.Address}, unacknowledged(1))
	s.pass(20 * time.Second)
	s.complete(2)
	if c := s.sleeper.Counters().Transport; c.Replayed == 0 {
		t.Error("the message did not come again")
	}
	if n := s.gateway.Friendships(); len(n) != 1 || n[0].Queued != 0 {
		t.Errorf("%+v", n)
	}
}

// A request to a Low Power node that is gone ends after the friendship has: the
// friend forgets the node, tries to reach it as any other, and gives up.
func TestRequestToASleeperThatIsGone(t *testing.T) {
	s := newSleeping(t, node.LowPowerOptions{PollTimeout: 5 * time.Minute})
	s.deaf = func(from, to *member) bool { return from == s.sleeper || to == s.sleeper }
	payload, err := access.Append(nil, &generic.OnOffSet{TID: 0})
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.gateway.Request(s.now, node.Request{
		Dst: s.peer.Address, TTL: mesh.DefaultTTL, Payload: payload, Respond: generic.OpOnOffStatus,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.carryOut(s.gateway)
	await(s.pump, s.gateway, 6*time.Minute, func(e node.FriendshipChanged) bool { return e.Reason == string(friend.PollTimeout) })
	done := await(s.pump, s.gateway, time.Minute, func(e node.RequestDone) bool { return e.ID == id })
	if !errors.Is(done.Err, node.ErrNoResponse) {
		t.Errorf("%+v", done)
	}
}

// TestSleeperWithTheFriendFeature: a Low Power node is nobody's Friend, even when
// its state is changed to that. It keeps its own Friend.
func TestSleeperWithTheFriendFeature(t *testing.T) {
	p := newPump(t)
	gateway := p.addFriend()
	sleeper, uuid := p.addSleeper("sleeper", node.LowPowerOptions{PollTimeout: 10 * time.Second}, plug)
	p.provision(gateway, uuid, provision.Auth{})
	p.befriended(sleeper, 10*time.Second)
	p.change(sleeper, func(n *state.Node) { n.Friend = state.Enabled })
	sleeper.events = nil
	p.pass(time.Minute)
	if e, changed := take[node.FriendshipChanged](sleeper, nil); changed {
		t.Errorf("the friendship changed: %+v", e)
	}
}
