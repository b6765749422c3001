package transport

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
)

// channel is two peers and an air between them that loses, repeats, delays and
// so reorders what they send.
type channel struct {
	t        *rapid.T
	rand     *rand.Rand
	loss     int // percent
	twice    int // percent
	delay    time.Duration
	inOrder  bool
	restarts int // per thousand events, of the second peer

	now    time.Time
	peers  [2]*peer
	flight []flight
	used   map[[3]uint32]bool // SRC, IV index, SEQ
	stored [2]map[mesh.Address]ReplayEntry

	sent     []sentMessage
	pending  [2]map[Handle]int // number of the message
	received []int             // how often, by message
	order    map[[2]mesh.Address][]int
}

type flight struct {
	at  time.Time
	to  int
	pdu network.PDU
}

type sentMessage struct {
	from    int
	handle  Handle
	dst     mesh.Address
	payload []byte
	results []Result
	lost    bool // by a restart of its sender
}

// endpoint is the address of a peer.
func endpoint(i int) mesh.Address { return [2]mesh.Address{here, there}[i] }

// collect takes the output of a peer: it stores replay entries, then takes
// messages, then puts PDUs on the air.
func (c *channel) collect(i int) {
	p := c.peers[i]
	for _, e := range p.out.Replay {
		c.stored[i][e.Src] = e
	}
	for _, m := range p.out.Access {
		id := int(binary.BigEndian.Uint16(m.Payload))
		c.received[id]++
		if c.received[id] > 1 {
			c.t.Fatalf("message %d was received twice", id)
		}
		if !bytes.Equal(m.Payload, c.sent[id].payload) || m.Dst != c.sent[id].dst {
			c.t.Fatalf("message %d arrived changed", id)
		}
		e := c.stored[i][m.Src]
		if seqAuthOf(e.IVIndex, e.Seq) < seqAuthOf(m.IVIndex, m.Seq) {
			c.t.Fatalf("message %d is reported, and stored is %+v", id, e)
		}
		if m.Segmented {
			pair := [2]mesh.Address{m.Src, m.Dst}
			c.order[pair] = append(c.order[pair], id)
		}
	}
	for _, d := range p.out.Done {
		id, ok := c.pending[i][d.Message]
		if !ok {
			c.t.Fatalf("done twice or never sent: %+v", d)
		}
		delete(c.pending[i], d.Message)
		c.sent[id].results = append(c.sent[id].results, d.Result)
		if d.Result == Delivered && c.received[id] != 1 {
			c.t.Fatalf("message %d is reported as delivered and was received %d times", id, c.received[id])
		}
	}
	for _, pdu := range copies(p.out.Network) {
		number := [3]uint32{uint32(pdu.Src), uint32(pdu.IVIndex), uint32(pdu.Seq)}
		if c.used[number] {
			c.t.Fatalf("sequence number %x was used twice", number)
		}
		c.used[number] = true
		times := 1
		if c.rand.IntN(100) < c.twice {
			times = 2
		}
		for range times {
			if c.rand.IntN(100) >= c.loss {
				delay := c.delay
				if !c.inOrder {
					delay = time.Duration(c.rand.Int64N(int64(c.delay)))
				}
				c.flight = append(c.flight, flight{c.now.Add(delay), 1 - i, pdu})
			}
		}
	}
	p.out.Reset()
}

// send sends message number len(c.sent).
func (c *channel) send(from int, dst mesh.Address, payload []byte, segmented bool) {
	binary.BigEndian.PutUint16(payload, uint16(len(c.sent)))
	p := c.peers[from]
	p.out.Reset()
	h, err := p.Send(c.now, &AccessOut{
		Src: endpoint(from), Dst: dst, NetKey: testNet, Key: Key{App: testApp}, TTL: 5, Segmented: segmented, Payload: payload,
	}, &p.out)
	if err != nil {
		c.t.Fatal(err)
	}
	c.sent = append(c.sent, sentMessage{from: from, handle: h, dst: dst, payload: payload})
	c.received = append(c.received, 0)
	if h != 0 {
		c.pending[from][h] = len(c.sent) - 1
	}
	c.collect(from)
}

// restart makes the second peer forget everything except what it has stored.
func (c *channel) restart() {
	old := c.peers[1]
	p := newPeer(old.t)
	p.seq.seq = old.seq.seq
	for _, e := range c.stored[1] {
		if err := p.Restore(e); err != nil {
			c.t.Fatal(err)
		}
	}
	c.peers[1] = p
	for _, id := range c.pending[1] {
		c.sent[id].lost = true
	}
	clear(c.pending[1])
}

// step runs the next event; it returns false if there is none.
func (c *channel) step() bool {
	next, who := time.Time{}, -1
	for i, p := range c.peers {
		if d := p.NextDeadline(); !d.IsZero() && (who < 0 || d.Before(next)) {
			next, who = d, i
		}
	}
	first := -1
	for i := range c.flight {
		if f := &c.flight[i]; who < 0 && first < 0 || f.at.Before(next) {
			next, first, who = f.at, i, f.to
		}
	}
	if who < 0 {
		return false
	}
	if next.After(c.now) {
		c.now = next
	}
	if c.rand.IntN(1000) < c.restarts {
		c.restart()
	}
	if first < 0 {
		c.peers[who].tick(c.now)
	} else {
		f := c.flight[first]
		c.flight = slices.Delete(c.flight, first, first+1)
		c.peers[who].receive(c.now, f.pdu)
	}
	c.collect(who)
	return true
}

func newChannel(t *rapid.T, tb testing.TB) *channel {
	seed := rapid.Uint64().Draw(t, "seed")
	return &channel{
		t: t, rand: rand.New(rand.NewPCG(seed, 0)), now: epoch, delay: 1,
		peers:   [2]*peer{newPeer(tb), newPeer(tb)},
		used:    map[[3]uint32]bool{},
		stored:  [2]map[mesh.Address]ReplayEntry{{}, {}},
		pending: [2]map[Handle]int{{}, {}},
		order:   map[[2]mesh.Address][]int{},
	}
}

// Every message is received at most once, in order, and unchanged. The sender
// is informed of the result exactly once, and nothing is reported as delivered
// that was not.
func TestOverABadChannel(t *testing.T) {
	results := map[Result]int{}
	rapid.Check(t, func(rt *rapid.T) {
		c := newChannel(rt, t)
		c.loss = rapid.IntRange(0, 60).Draw(rt, "loss")
		c.twice = rapid.IntRange(0, 50).Draw(rt, "twice")
		c.delay = time.Duration(rapid.IntRange(1, 1500).Draw(rt, "delay")) * ms
		c.restarts = rapid.IntRange(0, 20).Draw(rt, "restarts")
		n := rapid.IntRange(1, 12).Draw(rt, "messages")
		for range n {
			from := rapid.IntRange(0, 1).Draw(rt, "from")
			dst := endpoint(1 - from)
			if rapid.IntRange(0, 4).Draw(rt, "group") == 0 {
				dst = group
			}
			payload := counting(rapid.IntRange(2, 120).Draw(rt, "size"))
			c.send(from, dst, payload, rapid.Bool().Draw(rt, "segmented"))
			for range rapid.IntRange(0, 30).Draw(rt, "steps") {
				c.step()
			}
		}
		for i := 0; c.step(); i++ {
			if i == 20000 {
				rt.Fatal("never done")
			}
		}
		for id, m := range c.sent {
			want := 1
			if m.handle == 0 || m.lost {
				want = 0
			}
			if len(m.results) != want {
				rt.Fatalf("message %d has the results %v", id, m.results)
			}
			for _, r := range m.results {
				results[r]++
			}
		}
		for pair, ids := range c.order {
			if !slices.IsSorted(ids) {
				rt.Fatalf("from %s to %s: order %v", pair[0], pair[1], ids)
			}
		}
	})
	if results[Delivered] == 0 || results[TimedOut] == 0 || results[Sent] == 0 {
		t.Errorf("the channel was never good or never bad: %v", results)
	}
}

// If nothing is lost or overtaken, everything is delivered without a
// retransmission.
func TestOverAGoodChannel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newChannel(rt, t)
		c.delay, c.inOrder = 40*ms, true
		c.twice = rapid.IntRange(0, 100).Draw(rt, "twice")
		for range rapid.IntRange(1, 10).Draw(rt, "messages") {
			from := rapid.IntRange(0, 1).Draw(rt, "from")
			c.send(from, endpoint(1-from), counting(rapid.IntRange(2, 380).Draw(rt, "size")), true)
		}
		for c.step() {
		}
		for id, m := range c.sent {
			if len(m.results) != 1 || m.results[0] != Delivered {
				rt.Fatalf("message %d: %v", id, m.results)
			}
		}
		for _, p := range c.peers {
			if n := p.Counters(); n.SegmentsResent != 0 {
				rt.Fatalf("counters %+v", n)
			}
		}
	})
}
