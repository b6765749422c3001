package router_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/keys"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/router"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/sequence"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part/parttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

const (
	own      mesh.Address = 0x0001 // of the node
	stranger mesh.Address = 0x0005
	another  mesh.Address = 0x0009
	sleeper  mesh.Address = 0x0020 // a Low Power node of this friend
	group    mesh.Address = 0xC000 // of the node
	foreign  mesh.Address = 0xC001
)

var (
	netKeys = []crypto.Key{{1}, {2}}
	appKey  = crypto.Key{3}
)

// steps writes down what the router asks of whom.
type steps struct {
	*parttest.Host
	list     []string
	subnets  []*keys.Subnet
	links    []bearer.LinkID // that RelayLinks gives
	relays   bool
	lowPower bool // the node is one
	allowed  bool
}

func (s *steps) note(format string, args ...any) {
	s.list = append(s.list, fmt.Sprintf(format, args...))
}

// Advertise implements part.Host.
func (s *steps) Advertise(_ bearer.Kind, lane bearer.Lane, _ bearer.Transmit, _ []byte) {
	s.note("advertise on %x", uint64(lane)>>32)
}

// Subnet implements router.Subnets.
func (s *steps) Subnet(index mesh.KeyIndex) *keys.Subnet {
	s.note("subnet %d", index)
	if int(index) >= len(s.subnets) {
		return nil
	}
	return s.subnets[index]
}

// Heard implements router.Proxy.
func (s *steps) Heard(*part.Received) { s.note("proxy notes the way") }

// OwnLinks implements router.Proxy.
func (s *steps) OwnLinks(mesh.Address) []bearer.LinkID { return nil }

// RelayLinks implements router.Proxy.
func (s *steps) RelayLinks(*part.Received) []bearer.LinkID {
	s.note("proxy: which connections")
	return s.links
}

// RelayTransmit implements router.Proxy: as a relay, or from a client of a proxy.
func (s *steps) RelayTransmit(o part.Origin) (bearer.Transmit, bool) {
	s.note("proxy: advertise?")
	return bearer.Transmit{Count: 1}, s.relays && o.Advertised() || o.FromClient
}

// WriteNetwork implements router.Proxy.
func (s *steps) WriteNetwork(to []bearer.LinkID, _ []byte) {
	if len(to) > 0 {
		s.note("write on %v", to)
	}
}

// RelayCredentials implements router.Friendship.
func (s *steps) RelayCredentials(r *part.Received) (*network.Credentials, bool) {
	s.note("friendship: pass on?")
	if r.Dst == sleeper {
		return nil, false
	}
	return r.By, false
}

// Allows implements router.Friendship.
func (s *steps) Allows(mesh.Address, *network.Credentials) bool {
	s.note("friendship: allowed?")
	return s.allowed
}

// Keep implements router.Friendship.
func (s *steps) Keep(r *part.Received) bool {
	s.note("friend: keep?")
	return r.Dst == sleeper
}

// KeepMessage implements router.Friendship.
func (s *steps) KeepMessage(transport.Held) { s.note("friend keeps a message") }

// Receive implements router.Friendship.
func (s *steps) Receive(*part.Received) bool {
	s.note("low power: mine?")
	return s.lowPower
}

// QueueMessage implements router.Friendship.
func (s *steps) QueueMessage(*part.Outgoing, []byte) bool { return false }

// QueueControl implements router.Friendship.
func (s *steps) QueueControl(*network.PDU) bool { return false }

// LearnFrom implements router.IVIndex.
func (s *steps) LearnFrom(*part.Received) { s.note("IV index") }

// ListensTo implements router.Receiver.
func (s *steps) ListensTo(dst mesh.Address) bool {
	s.note("listens to %s?", dst)
	return dst == group
}

// ReceiveMessage implements router.Receiver.
func (s *steps) ReceiveMessage(m *part.AccessMessage) {
	s.note("message %s over link %d", m.Opcode, m.Origin.Link)
}

// ReceiveControl implements router.Receiver.
func (s *steps) ReceiveControl(m *part.ControlMessage) { s.note("control %02x", m.Opcode) }

// ReceiveDelivery implements router.Receiver.
func (s *steps) ReceiveDelivery(*transport.Delivery) { s.note("delivery") }

// AppendAppKeys implements transport.Keys.
func (s *steps) AppendAppKeys(dst []transport.AppKey, _ mesh.KeyIndex, _ uint8) []transport.AppKey {
	return append(dst, transport.AppKey{AID: crypto.AID(appKey), Cipher: crypto.NewCCM(appKey)})
}

// AppendDeviceKeys implements transport.Keys.
func (s *steps) AppendDeviceKeys(dst []transport.DeviceKey, _, _ mesh.Address) []transport.DeviceKey {
	return dst
}

// AppendLabels implements transport.Keys.
func (s *steps) AppendLabels(dst []mesh.UUID, _ mesh.Address) []mesh.UUID { return dst }

// AppKey implements transport.Keys.
func (s *steps) AppKey(mesh.KeyIndex) (transport.AppKey, bool) {
	return s.AppendAppKeys(nil, 0, 0)[0], true
}

// DeviceKey implements transport.Keys.
func (s *steps) DeviceKey(mesh.Address) (transport.DeviceKey, bool) {
	return transport.DeviceKey{}, false
}

// bench is a router whose neighbours are all of steps.
type bench struct {
	*router.Router
	*steps
	*testing.T
	output *part.Output
	seq    mesh.SequenceNumber // of who sends to it
}

func newBench(t *testing.T) *bench {
	t.Helper()
	s := &steps{Host: parttest.New(), relays: true, allowed: true}
	s.Node.Elements = make([]state.Element, 1)
	b := &bench{steps: s, T: t, output: &part.Output{}}
	b.Router = router.New(router.Config{Host: s, Output: b.output, Sequence: &sequence.Reserve{}})
	b.Connect(router.Parts{Keys: s, Subnets: s, Proxy: s, Friendship: s, Peers: nodes{}, IVIndex: s, Receiver: s})
	if err := b.Start(nil); err != nil {
		t.Fatal(err)
	}
	for i, k := range netKeys {
		c := network.Flooding(k)
		b.AddSubnet(mesh.KeyIndex(i), c)
		s.subnets = append(s.subnets, &keys.Subnet{Index: mesh.KeyIndex(i), Transmit: c, Flooding: []*network.Credentials{c}})
	}
	return b
}

// Next implements transport.Sequencer, for who sends to the router.
func (b *bench) Next() (mesh.SequenceNumber, mesh.IVIndex, error) {
	b.seq++
	return b.seq, 0, nil
}

// pdu seals a message of somebody: an access message, or a control message.
func (b *bench) pdu(src, dst mesh.Address, ttl mesh.TTL, control bool) []byte {
	b.Helper()
	p := network.PDU{CTL: true, TTL: ttl, Src: src, Dst: dst, Transport: []byte{0x0A, 5, 0, 0}}
	if control {
		p.Seq, _, _ = b.Next()
	} else {
		layer := transport.New(transport.Config{Keys: b.steps, Sequencer: b})
		all, err := layer.Compose(&transport.AccessOut{Src: src, Dst: dst, TTL: ttl, Payload: []byte{0x82, 0x01}})
		if err != nil {
			b.Fatal(err)
		}
		p = all[0]
	}
	octets, err := network.Flooding(netKeys[0]).Seal(nil, &p)
	if err != nil {
		b.Fatal(err)
	}
	return octets
}

// Every PDU goes the same way, in the order of the package comment: who is told of it
// first, and what is asked, so that a step does not depend on a later one.
func TestOrder(t *testing.T) {
	const (
		opened = "proxy notes the way"
		learn  = "IV index"
		pass   = "friendship: pass on?"
		how    = "proxy: advertise?"
		which  = "proxy: which connections"
		relay  = "advertise on 1" // the relay lane
		keep   = "friend: keep?"
		mine   = "low power: mine?"
	)
	message := func(link bearer.LinkID) string { return fmt.Sprintf("message 8201 over link %d", link) }
	client := part.Origin{Link: 7, FromClient: true}
	for name, tt := range map[string]struct {
		src, dst mesh.Address
		ttl      mesh.TTL
		control  bool
		origin   part.Origin
		prepare  func(b *bench)
		want     []string
	}{
		"to this node": {
			src: stranger, dst: own, ttl: 5,
			want: []string{opened, learn, pass, keep, mine, message(0)},
		},
		"to another node": {
			src: stranger, dst: another, ttl: 5,
			want: []string{opened, learn, pass, how, which, relay, keep},
		},
		"to another node, and this is no relay": {
			src: stranger, dst: another, ttl: 5,
			prepare: func(b *bench) { b.relays = false },
			want:    []string{opened, learn, pass, how, which, keep},
		},
		"to another node, at the end of its way": {
			src: stranger, dst: another, ttl: 1,
			want: []string{opened, learn, pass, keep},
		},
		"to a group of this node": {
			src: stranger, dst: group, ttl: 5,
			want: []string{opened, learn, pass, how, which, relay, keep, "listens to 0xc000?", mine, message(0)},
		},
		"to a group of others": {
			src: stranger, dst: foreign, ttl: 5,
			want: []string{opened, learn, pass, how, which, relay, keep, "listens to 0xc001?"},
		},
		"with clients of the proxy that want it": {
			src: stranger, dst: foreign, ttl: 5,
			prepare: func(b *bench) { b.relays, b.links = false, []bearer.LinkID{7, 8} },
			want:    []string{opened, learn, pass, how, which, "write on [7 8]", keep, "listens to 0xc001?"},
		},
		"from a client of the proxy to the air": {
			src: stranger, dst: another, ttl: 5, origin: client,
			prepare: func(b *bench) { b.relays = false },
			want:    []string{opened, learn, pass, how, which, relay, keep},
		},
		"from a client of the proxy to this node": {
			src: stranger, dst: own, ttl: 5, origin: client,
			want: []string{opened, learn, pass, keep, mine, message(7)},
		},
		"to a Low Power node of this friend": {
			src: stranger, dst: sleeper, ttl: 5,
			want: []string{opened, learn, pass, keep},
		},
		"to this node, which is a Low Power node": {
			src: stranger, dst: own, ttl: 5,
			prepare: func(b *bench) { b.lowPower = true },
			want:    []string{opened, learn, pass, keep, mine},
		},
		"to another subnet, over the bridge": {
			src: stranger, dst: another, ttl: 5,
			prepare: func(b *bench) {
				b.relays = false
				b.Node.Bridge = state.Bridge{Enabled: true, Table: []state.BridgeEntry{{NetKey2: 1, Address1: stranger, Address2: another}}}
			},
			want: []string{opened, learn, pass, how, which, "subnet 1", which, relay, keep},
		},
		"relayed and bridged": {
			src: stranger, dst: another, ttl: 5,
			prepare: func(b *bench) {
				b.Node.Bridge = state.Bridge{Enabled: true, Table: []state.BridgeEntry{{NetKey2: 1, Address1: stranger, Address2: another}}}
			},
			want: []string{opened, learn, pass, how, which, relay, "subnet 1", which, relay, keep},
		},
		"of this node, back from a relay": {
			src: own, dst: another, ttl: 5,
			want: []string{opened},
		},
		"a control message": {
			src: stranger, dst: own, ttl: 5, control: true,
			want: []string{opened, learn, pass, keep, mine, "friendship: allowed?", "control 0a"},
		},
		"a control message under credentials that its sender may not use": {
			src: stranger, dst: own, ttl: 5, control: true,
			prepare: func(b *bench) { b.allowed = false },
			want:    []string{opened, learn, pass, keep, mine, "friendship: allowed?"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if tt.prepare != nil {
				tt.prepare(b)
			}
			pdu := b.pdu(tt.src, tt.dst, tt.ttl, tt.control)
			if !b.Router.Receive(pdu, tt.origin) {
				t.Fatal("the PDU was not opened")
			}
			if !slices.Equal(b.list, tt.want) {
				t.Errorf("the way was\n%q\nwant\n%q", b.list, tt.want)
			}
			b.list = nil
			if b.Router.Receive(pdu, tt.origin) || len(b.list) != 0 {
				t.Errorf("the same PDU again: %q", b.list)
			}
		})
	}
}

// The replay entry of a message is in the output before anybody gets the message.
func TestReplayComesFirst(t *testing.T) {
	b := newBench(t)
	before := -1
	b.Connect(router.Parts{Keys: b.steps, Subnets: b.steps, Proxy: b.steps, Friendship: b.steps, Peers: nodes{}, IVIndex: b.steps, Receiver: early{b, &before}})
	b.Router.Receive(b.pdu(stranger, own, 5, false), part.Origin{})
	if before != 1 {
		t.Errorf("%d replay entries when the message came, want 1", before)
	}
}

// early looks at the output while it gets a message.
type early struct {
	*bench
	entries *int
}

// ReceiveMessage implements router.Receiver.
func (e early) ReceiveMessage(*part.AccessMessage) { *e.entries = len(e.output.Replay) }

// A forged PDU concerns nobody.
func TestForgedPDU(t *testing.T) {
	b := newBench(t)
	pdu := b.pdu(stranger, own, 5, false)
	pdu[len(pdu)-1] ^= 1
	if b.Router.Receive(pdu, part.Origin{}) || len(b.list) != 0 {
		t.Errorf("it went %q", b.list)
	}
}

// A message of this node goes out on its own lane, unless the output filter of every
// bearer would drop it.
func TestSend(t *testing.T) {
	b := newBench(t)
	for ttl, want := range map[mesh.TTL][]string{
		0: {"subnet 0", "advertise on 0"}, 1: {"subnet 0"}, 5: {"subnet 0", "advertise on 0"}, mesh.DefaultTTL: {"subnet 0", "advertise on 0"},
	} {
		b.list = nil
		if _, err := b.Router.Send(&part.Outgoing{Src: own, Dst: another, TTL: ttl}, []byte{0x82, 0x01}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(b.list, want) {
			t.Errorf("TTL %d: %q, want %q", ttl, b.list, want)
		}
	}
	b.Node.IVIndexUnknown = true
	if _, err := b.Router.Send(&part.Outgoing{Src: own, Dst: another, TTL: 5}, []byte{0x82, 0x01}); err == nil {
		t.Error("it was sent with an unknown IV index")
	}
}

// nodes is a network of nodes with two elements each, from 0x0010 on, by the address of
// the primary one.
type nodes struct{}

func (nodes) Lookup(a mesh.Address) (mesh.Address, bool) {
	if a < 0x0010 {
		return mesh.Unassigned, false
	}
	return a &^ 1, true
}

// A node keeps one list of what it has received from us, for all of its elements.
func TestLaneOfANode(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		dst  mesh.Address
		want bearer.Lane
	}{
		{0x0010, bearer.OwnLane(0x0010)},
		{0x0011, bearer.OwnLane(0x0010)}, // another element of it
		{0x0012, bearer.OwnLane(0x0012)},
		{0x0002, bearer.OwnLane(0)}, // not known: may be of one node with
		{0x0003, bearer.OwnLane(0)}, // this
		{0xC000, bearer.GroupLane()},
		{0x8001, bearer.GroupLane()},
		{mesh.AllNodes, bearer.GroupLane()},
	} {
		if got := b.OwnLane(c.dst); got != c.want {
			t.Errorf("%s: lane %#x, want %#x", c.dst, got, c.want)
		}
	}
}
