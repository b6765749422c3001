package node_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/friend"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// inject gives a node a PDU made by a holder of the NetKey.
func (p *pump) inject(m *member, by *network.Credentials, pdu *network.PDU) {
	p.Helper()
	sealed, err := by.Seal(nil, pdu)
	if err != nil {
		p.Fatal(err)
	}
	in := bearer.Incoming{Kind: bearer.Message, RSSI: -40, Len: uint8(len(sealed))}
	copy(in.Data[:], sealed)
	m.Receive(p.now, &in)
	p.carryOut(m)
}

// An attacker with the NetKey floods a Friend node with requests of nodes that
// do not exist, clears, polls, and messages for its Low Power node. The
// existing friendship continues, and the memory of the Friend node stays
// bounded.
func TestFriendshipFloodWithTheNetKey(t *testing.T) {
	s := newLowPowerNetwork(t, node.LowPowerOptions{PollTimeout: time.Minute, PollInterval: 2 * time.Second})
	by := network.Flooding(s.gateway.State().Subnets[0].Key)
	size := func() int { return len(s.gateway.Friendships()) }
	seq := mesh.SequenceNumber(0)
	for n := range 20000 {
		src := mesh.Address(0x1000 + n%0x4000)
		control := func(dst mesh.Address, ttl mesh.TTL, opcode uint8, params []byte) {
			seq++
			s.inject(s.gateway, by, &network.PDU{
				CTL: true, TTL: ttl, Seq: seq, Src: src, Dst: dst, Transport: append([]byte{opcode}, params...),
			})
		}
		switch n % 4 {
		case 0:
			request := friend.Request{
				Criteria: friend.Criteria{MinQueueSizeLog: 1}, ReceiveDelay: 10 * time.Millisecond, PollTimeout: friend.MaxPollTimeout,
				Previous: src + 1, Elements: 1, LPNCounter: uint16(n),
			}
			control(mesh.AllFriends, 0, friend.OpRequest, request.Append(nil))
		case 1:
			control(gatewayAddress, 0, friend.OpPoll, []byte{0})
		case 2:
			control(gatewayAddress, 5, friend.OpClear, friend.Clear{LPN: src, LPNCounter: uint16(n)}.Append(nil))
		default:
			seq++
			s.inject(s.gateway, by, &network.PDU{
				TTL: 5, Seq: seq, Src: src, Dst: s.peer.Address, Transport: []byte{0x40, 1, 2, 3, 4, 5, 6},
			})
		}
		if n%200 == 0 {
			s.pass(100 * time.Millisecond)
		}
		if size() > friend.DefaultFriendships || size() > 0 && s.gateway.Friendships()[0].Queued > friend.DefaultQueue {
			t.Fatalf("%+v", s.gateway.Friendships())
		}
	}
	s.pass(time.Minute)
	c := s.gateway.Counters().Friend
	t.Logf("%+v", c)
	if size() != 1 || c.Full == 0 || c.Discarded == 0 {
		t.Errorf("friendships %+v", s.gateway.Friendships())
	}
	for tid := range 10 {
		s.post(s.gateway, node.Request{Dst: s.peer.Address}, unacknowledged(tid))
		s.pass(3 * time.Second)
	}
	s.complete(10)
}

// A Friend node uses no memory for PDUs that do not concern it.
func TestFriendDoesNotAllocateForOtherPDUs(t *testing.T) {
	s := newLowPowerNetwork(t, node.LowPowerOptions{})
	by := network.Flooding(s.gateway.State().Subnets[0].Key)
	const runs = 200
	pdus := make([]bearer.Incoming, 0, runs+1)
	for n := range runs + 1 {
		sealed, err := by.Seal(nil, &network.PDU{
			TTL: 1, Seq: mesh.SequenceNumber(n + 1), Src: 0x2000, Dst: 0x3000, Transport: []byte{0x40, 1, 2, 3, 4, 5, 6},
		})
		if err != nil {
			t.Fatal(err)
		}
		in := bearer.Incoming{Kind: bearer.Message, Len: uint8(len(sealed))}
		copy(in.Data[:], sealed)
		pdus = append(pdus, in)
	}
	n := 0
	fresh := s.gateway.Counters().Network.Fresh
	allocations := testing.AllocsPerRun(runs, func() {
		s.gateway.Receive(s.now, &pdus[n])
		n++
	})
	if allocations != 0 || s.gateway.Counters().Network.Fresh-fresh != uint64(n) {
		t.Errorf("%v allocations for each of %d PDUs", allocations, s.gateway.Counters().Network.Fresh-fresh)
	}
}
