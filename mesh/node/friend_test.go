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

// addFriend adds a gateway with the Friend feature.
func (p *pump) addFriend() *member {
	p.Helper()
	gateway := p.addGateway()
	p.change(gateway, func(n *state.Node) { n.Friend = state.Enabled })
	return gateway
}

// change changes the state of a node directly.
func (p *pump) change(m *member, f func(*state.Node)) {
	p.Helper()
	m.edit(f)
	p.carryOut(m)
}

// addLowPower adds an unprovisioned Low Power node.
func (p *pump) addLowPower(name string, o node.LowPowerOptions, elements func() []access.Element) (*member, mesh.UUID) {
	p.Helper()
	var uuid mesh.UUID
	copy(uuid[:], name)
	return p.add(name, node.NewDevice(uuid), node.Options{LowPower: &o}, elements), uuid
}

// awaitFriend waits until a node has a Friend node.
func (p *pump) awaitFriend(m *member, limit time.Duration) node.FriendshipChanged {
	p.Helper()
	return await(p, m, limit, func(e node.FriendshipChanged) bool { return e.Established })
}

// logbook is a Generic OnOff Server that records the transaction of each
// message.
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

// post sends a message and does not wait for the result.
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

func TestLowPowerNodeIsConfiguredThroughItsFriend(t *testing.T) {
	p := newPump(t)
	gateway := p.addFriend()
	_, uuid := p.addLowPower("low power node", node.LowPowerOptions{PollTimeout: 30 * time.Second}, plug)
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.awaitFriend(gateway, 10*time.Second)
	c := p.setUp(gateway, peer)
	if c.Features != configuration.FeatureLowPower {
		t.Errorf("features %v", c.Features)
	}
	for range 3 { // the node sleeps by then
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

// lowPowerNetwork is a network with a Low Power node that records its messages,
// and a plug.
type lowPowerNetwork struct {
	*pump
	gateway, lowPower, plug *member
	peer, plugPeer          state.Peer
	book                    *logbook
}

const testGroup mesh.Address = 0xC007

func newLowPowerNetwork(t *testing.T, o node.LowPowerOptions) *lowPowerNetwork {
	t.Helper()
	p := newPump(t)
	s := &lowPowerNetwork{pump: p, book: &logbook{}}
	s.gateway = p.addFriend()
	var uuid, plugID mesh.UUID
	s.plug, plugID = p.addDevice("plug", node.DeviceOptions{}, plug)
	s.plugPeer = p.provision(s.gateway, plugID, provision.Auth{})
	p.setUp(s.gateway, s.plugPeer)
	s.lowPower, uuid = p.addLowPower("low power node", o, s.book.elements)
	s.peer = p.provision(s.gateway, uuid, provision.Auth{})
	p.awaitFriend(s.lowPower, 10*time.Second)
	p.setUp(s.gateway, s.peer)
	var status configuration.ModelSubscriptionStatus
	p.configure(s.gateway, s.peer, &configuration.ModelSubscriptionAdd{
		ElementAddress: s.peer.Address, Address: testGroup, ModelIdentifier: generic.OnOffServerID,
	}, &status)
	p.success("Subscription Add", status.Status)
	p.pass(10 * time.Second)
	s.lowPower.listened, s.lowPower.missed = 0, 0
	return s
}

// complete fails the test if not every transaction up to n was received exactly
// once.
func (s *lowPowerNetwork) complete(n int) {
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

// A Low Power node receives 100 of 100 messages: from its Friend node, and from
// another node to its address and to a group. It listens only a fraction of the
// time, every fifth PDU is lost, no radio repeats a PDU, and now and then a
// friendship ends because of the losses. PDUs that arrive while it sleeps are
// dropped before its core.
func TestEveryMessageReachesALowPowerNode(t *testing.T) {
	options := node.LowPowerOptions{PollTimeout: 30 * time.Second, PollInterval: 10 * time.Second}
	sources := map[string]func(s *lowPowerNetwork, tid int){
		"from its Friend node": func(s *lowPowerNetwork, tid int) {
			s.post(s.gateway, node.Request{Dst: s.peer.Address}, unacknowledged(tid))
		},
		"from its Friend node to a group": func(s *lowPowerNetwork, tid int) {
			s.post(s.gateway, node.Request{Dst: testGroup}, unacknowledged(tid))
		},
		"from another node": func(s *lowPowerNetwork, tid int) {
			s.post(s.plug, node.Request{Dst: s.peer.Address}, unacknowledged(tid))
		},
		"from another node to a group": func(s *lowPowerNetwork, tid int) {
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
				s := newLowPowerNetwork(t, options)
				s.random = rand.New(rand.NewPCG(uint64(run), 3))
				begun := s.now
				// No Friend node repeats a PDU between two other nodes: their
				// losses are left to the retransmissions of the radio.
				s.deaf = func(from, to *member) bool {
					return (from == s.lowPower || to == s.lowPower) && s.random.Float64() < loss
				}
				for tid := range 100 {
					send(s, tid)
					s.pass(700 * time.Millisecond)
				}
				s.pass(3 * time.Minute)
				s.complete(100)
				passed := s.now.Sub(begun)
				t.Logf("loss %.1f: listened for %s of %s, missed %d PDUs asleep, polled %d times, %d PDUs repeated",
					loss, s.lowPower.listened.Round(time.Millisecond), passed.Round(time.Millisecond), s.lowPower.missed,
					s.gateway.Counters().Friend.Polls, s.gateway.Counters().Friend.Repeated)
				if s.lowPower.listened > passed/3 {
					t.Error("the Low Power node listened too long")
				}
				if s.lowPower.missed == 0 {
					t.Error("there were no PDUs on the air while it slept")
				}
				s.unrepeated(s.gateway)
			})
		}
	}
}

// When a friendship ends in the middle, the node establishes it again, and the
// messages in the Friend Queue are not lost.
func TestFriendshipIsEstablishedAgain(t *testing.T) {
	s := newLowPowerNetwork(t, node.LowPowerOptions{PollTimeout: time.Minute, PollInterval: 2 * time.Second})
	cut := false
	s.deaf = func(from, to *member) bool { return cut && (from == s.lowPower || to == s.lowPower) }
	cut = true
	s.pass(7 * time.Second) // all attempts of a poll fail; the Friend node still waits
	for tid := range 10 {
		s.post(s.plug, node.Request{Dst: s.peer.Address}, unacknowledged(tid))
		s.pass(100 * time.Millisecond)
	}
	lost := await(s.pump, s.lowPower, 10*time.Second, func(e node.FriendshipChanged) bool { return !e.Established })
	if lost.Friend != gatewayAddress || lost.Reason != string(friend.PollTimeout) {
		t.Errorf("%+v", lost)
	}
	cut = false
	s.awaitFriend(s.lowPower, time.Minute)
	s.pass(10 * time.Second)
	s.complete(10)
	if got := s.gateway.Friendships(); len(got) != 1 || !slices.Contains(got[0].Subscriptions, testGroup) {
		t.Errorf("%+v", got)
	}
}

// The Friend node restarts and loses its friendships.
func TestFriendRestarts(t *testing.T) {
	s := newLowPowerNetwork(t, node.LowPowerOptions{PollTimeout: 10 * time.Second, PollInterval: 2 * time.Second})
	s.restart(s.gateway)
	s.awaitFriend(s.gateway, 30*time.Second)
	var status generic.OnOffStatus
	s.control(s.gateway, s.peer.Address, &generic.OnOffSet{OnOff: true, TID: 0}, &status)
	if !status.PresentOnOff {
		t.Errorf("%+v", status)
	}
	s.pass(10 * time.Second)
	s.complete(1)
}

// A request is not repeated while the Low Power node sleeps: it waits in the
// Friend Queue.
func TestRequestWaitsForThePoll(t *testing.T) {
	s := newLowPowerNetwork(t, node.LowPowerOptions{PollTimeout: 10 * time.Minute, PollInterval: 5 * time.Minute})
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
	// A message of a cancelled request is removed from the queue.
	if id, err = s.gateway.Request(s.now, request); err != nil {
		t.Fatal(err)
	}
	s.gateway.CancelRequest(s.now, id)
	s.carryOut(s.gateway)
	if n := s.gateway.Friendships()[0].Queued; n != 0 {
		t.Errorf("queued %d", n)
	}
}

// A Low Power node with a new Friend node lets it inform the former one (Friend
// Clear).
func TestLowPowerNodeChangesItsFriend(t *testing.T) {
	s := newLowPowerNetwork(t, node.LowPowerOptions{PollTimeout: 10 * time.Minute, PollInterval: 5 * time.Second})
	s.change(s.plug, func(n *state.Node) { n.Friend = state.Enabled })
	s.deaf = func(from, to *member) bool {
		return from == s.gateway && to == s.lowPower || from == s.lowPower && to == s.gateway
	}
	moved := await(s.pump, s.plug, time.Minute, func(e node.FriendshipChanged) bool { return e.Established })
	if moved.LPN != s.peer.Address {
		t.Errorf("%+v", moved)
	}
	ended := await(s.pump, s.gateway, 10*time.Second, func(e node.FriendshipChanged) bool { return !e.Established })
	if ended.Reason != string(friend.Cleared) {
		t.Errorf("%+v", ended)
	}
	for tid := range 3 { // by the other Friend node, which also acknowledges segments on its behalf
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

// A segmented message from another node goes through the Friend node, which
// acknowledges it. The answer comes back in segments.
func TestSegmentedMessageThroughAFriend(t *testing.T) {
	s := newLowPowerNetwork(t, node.LowPowerOptions{PollTimeout: time.Minute, PollInterval: 3 * time.Second})
	s.change(s.plug, func(n *state.Node) { n.Friend = state.Enabled })
	s.deaf = func(from, to *member) bool {
		return from == s.gateway && to == s.lowPower || from == s.lowPower && to == s.gateway
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
	if c := s.lowPower.Counters().Transport; c.AcksSent != 0 {
		t.Errorf("a Low Power node acknowledged %d times", c.AcksSent)
	}
}

// A Friend node relays what its Low Power node publishes with friendship
// credentials, with the credentials of the network.
func TestPublicationWithFriendshipCredentials(t *testing.T) {
	p := newPump(t)
	gateway := p.addFriend()
	sensing := device.NewSensor()
	lowPower, uuid := p.addLowPower("low power node", node.LowPowerOptions{PollTimeout: 30 * time.Second}, func() []access.Element { return sensing.Elements() })
	peer := p.provision(gateway, uuid, provision.Auth{})
	listener, listenerID := p.addDevice("plug", node.DeviceOptions{}, plug)
	p.provision(gateway, listenerID, provision.Auth{})
	p.awaitFriend(lowPower, 10*time.Second)
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
		t.Errorf("%d PDUs were relayed, %d with network credentials", n-relayed, flooding)
	}
}

// Friendships survive a key refresh: their credentials change with the NetKey.
func TestFriendshipThroughAKeyRefresh(t *testing.T) {
	s := newLowPowerNetwork(t, node.LowPowerOptions{PollTimeout: 20 * time.Second, PollInterval: 2 * time.Second})
	next := crypto.Key{1, 2, 3}
	tid := 0
	for _, step := range []func(*state.Subnet){
		func(n *state.Subnet) { n.Phase, n.NewKey = state.FirstPhase, next },
		func(n *state.Subnet) { n.Phase = state.SecondPhase },
		func(n *state.Subnet) { *n = state.Subnet{Index: n.Index, Key: next} },
	} {
		// The Low Power node comes last: it polls in between.
		for _, m := range []*member{s.gateway, s.plug, s.lowPower} {
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

// A Low Power node with the new key learns the phases from its Friend node,
// because it is asleep when beacons are sent.
func TestLowPowerNodeFollowsAKeyRefresh(t *testing.T) {
	s := newLowPowerNetwork(t, node.LowPowerOptions{PollTimeout: 20 * time.Second, PollInterval: 2 * time.Second})
	s.deaf = func(_, to *member) bool { return to == s.lowPower && !s.lowPower.Awake(s.now) }
	next := crypto.Key{1, 2, 3}
	for _, m := range []*member{s.gateway, s.plug, s.lowPower} {
		s.change(m, func(n *state.Node) { n.Subnets[0].Phase, n.Subnets[0].NewKey = state.FirstPhase, next })
	}
	s.change(s.gateway, func(n *state.Node) { n.Subnets[0].Phase = state.SecondPhase })
	s.pass(10 * time.Second)
	if got := s.lowPower.State().Subnets[0].Phase; got != state.SecondPhase {
		t.Fatalf("the Low Power node is in phase %d", got)
	}
	s.change(s.gateway, func(n *state.Node) { n.Subnets[0] = state.Subnet{Index: n.Subnets[0].Index, Key: next} })
	s.pass(10 * time.Second)
	if n := s.lowPower.State().Subnets[0]; n.Phase != state.NormalOperation || !n.Key.Equal(next) {
		t.Errorf("the Low Power node is in phase %d, with the new key: %t", n.Phase, n.Key.Equal(next))
	}
	s.post(s.gateway, node.Request{Dst: s.peer.Address}, unacknowledged(0))
	s.pass(10 * time.Second)
	s.complete(1)
}

// LeaveFriend ends the friendship with a Friend Clear.
func TestLeaveFriend(t *testing.T) {
	s := newLowPowerNetwork(t, node.LowPowerOptions{PollTimeout: 20 * time.Second, PollInterval: 2 * time.Second})
	s.lowPower.LeaveFriend(s.now)
	s.carryOut(s.lowPower)
	ended := await(s.pump, s.gateway, 5*time.Second, func(e node.FriendshipChanged) bool { return !e.Established })
	if ended.Reason != string(friend.Cleared) {
		t.Errorf("%+v", ended)
	}
	await(s.pump, s.lowPower, 5*time.Second, func(e node.FriendshipChanged) bool { return !e.Established })
	s.post(s.plug, node.Request{Dst: s.peer.Address}, unacknowledged(0))
	s.pass(time.Second)
	s.complete(1)
	if !s.lowPower.Awake(s.now) || !s.lowPower.NextDeadline().After(s.now) {
		t.Error("the node does not listen all the time")
	}
}

// A Low Power node that is removed from the network does not keep its
// friendship for long, and can be provisioned again.
func TestLowPowerNodeIsReset(t *testing.T) {
	s := newLowPowerNetwork(t, node.LowPowerOptions{PollTimeout: 10 * time.Second, PollInterval: 2 * time.Second})
	var status configuration.NodeResetStatus
	s.configure(s.gateway, s.peer, &configuration.NodeReset{}, &status)
	await(s.pump, s.gateway, 20*time.Second, func(e node.FriendshipChanged) bool { return !e.Established })
	s.gateway.Forget(s.now, s.peer.UUID)
	s.carryOut(s.gateway)
	again := s.provision(s.gateway, s.peer.UUID, provision.Auth{})
	s.awaitFriend(s.gateway, 10*time.Second)
	s.setUp(s.gateway, again)
}

// The Friend node answers according to its Friend state.
func TestFriendFeatureIsOff(t *testing.T) {
	p := newPump(t)
	gateway := p.addGateway()
	lowPower, uuid := p.addLowPower("low power node", node.LowPowerOptions{}, plug)
	peer := p.provision(gateway, uuid, provision.Auth{})
	p.setUp(gateway, peer)
	p.pass(time.Minute)
	if len(gateway.Friendships()) != 0 || gateway.PollTimeout(peer.Address) != 0 || !lowPower.Awake(p.now) {
		t.Error("a friendship although the Friend feature is off")
	}
	var status generic.OnOffStatus
	p.control(gateway, peer.Address, &generic.OnOffSet{OnOff: true, TID: 1}, &status)
}

// A Low Power node is asleep when beacons are sent. Its Friend node informs it
// of an IV Update, and messages are delivered in each state.
func TestLowPowerNodeFollowsTheIVIndex(t *testing.T) {
	const stays = 100 * time.Hour // longer than the minimum duration of a state
	s := newLowPowerNetwork(t, node.LowPowerOptions{PollTimeout: 3 * time.Hour, PollInterval: time.Hour})
	s.deaf = func(_, to *member) bool { return to == s.plug } // it hears and sends no beacons
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
		if n := s.lowPower.State(); n.IVIndex != said.IVIndex || n.IVUpdate != said.IVUpdate {
			t.Errorf("the Low Power node has IV index %d, update %t; want %+v", n.IVIndex, n.IVUpdate, said)
		}
		s.post(s.gateway, node.Request{Dst: s.peer.Address}, unacknowledged(tid))
		s.pass(2 * time.Hour)
		s.complete(tid + 1)
	}
}

// The Low Power node receives a message but its Friend node does not hear the
// next poll. The message comes again in the next friendship and is dropped as a
// duplicate.
func TestMessageDeliveredTwice(t *testing.T) {
	s := newLowPowerNetwork(t, node.LowPowerOptions{PollTimeout: time.Minute, PollInterval: 2 * time.Second})
	unheard, queued := false, false
	s.deaf = func(from, to *member) bool { return unheard && from == s.lowPower && to == s.gateway }
	s.tap = func(to *member, in bearer.Incoming) {
		if to == s.lowPower && in.Kind == bearer.Message && queued {
			unheard, queued = true, false // the answer to the poll, which carries the message
		}
	}
	s.post(s.plug, node.Request{Dst: s.peer.Address}, unacknowledged(0))
	s.pass(100 * time.Millisecond)
	queued = true
	await(s.pump, s.lowPower, 20*time.Second, func(e node.FriendshipChanged) bool { return !e.Established })
	s.complete(1)
	unheard = false
	s.awaitFriend(s.lowPower, time.Minute)
	s.post(s.plug, node.Request{Dst: s.peer.Address}, unacknowledged(1))
	s.pass(20 * time.Second)
	s.complete(2)
	if c := s.lowPower.Counters().Transport; c.Replayed == 0 {
		t.Error("the message was not delivered again")
	}
	if n := s.gateway.Friendships(); len(n) != 1 || n[0].Queued != 0 {
		t.Errorf("%+v", n)
	}
}

// A request to a Low Power node that is away ends after its friendship: the
// Friend node ends the friendship, sends to the node directly, and gives up.
func TestRequestToAMissingLowPowerNode(t *testing.T) {
	s := newLowPowerNetwork(t, node.LowPowerOptions{PollTimeout: 5 * time.Minute})
	s.deaf = func(from, to *member) bool { return from == s.lowPower || to == s.lowPower }
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
