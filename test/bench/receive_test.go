package bench_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/test/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Addresses of the two nodes: the one that is measured and the one that sends.
const (
	listener = iota
	speaker
)

const ttl mesh.TTL = 5

// group is an address without subscriptions.
const group mesh.Address = 0xC123

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// idle is a model that accepts a status and does nothing.
type idle struct{}

func (idle) ID() mesh.ModelID                         { return generic.OnOffClientID }
func (idle) Opcodes() []mesh.Opcode                   { return []mesh.Opcode{generic.OpOnOffStatus} }
func (idle) Receive(access.Context, *access.Incoming) {}

// newCore makes a configured node with that model.
func newCore(tb testing.TB, number int) *node.Core {
	tb.Helper()
	elements := []access.Element{{Models: []access.Model{idle{}}}}
	saved := sim.Configured(number, ttl, elements)
	saved.Node.Beacon = false
	core, err := node.New(epoch, node.Options{Elements: elements, Random: sim.Random(1, number)}, saved)
	if err != nil {
		tb.Fatal(err)
	}
	return core
}

// statuses makes n different network PDUs with a Generic OnOff Status each.
func statuses(tb testing.TB, n int, dst mesh.Address) []bearer.Incoming {
	tb.Helper()
	core := newCore(tb, speaker)
	payload, err := access.Append(nil, &generic.OnOffStatus{PresentOnOff: true})
	if err != nil {
		tb.Fatal(err)
	}
	list := make([]bearer.Incoming, 0, n)
	for i := range n {
		now := epoch.Add(time.Duration(i) * 100 * time.Millisecond) // the radio is free again
		if _, err := core.Request(now, node.Request{Dst: dst, TTL: mesh.DefaultTTL, Payload: payload}); err != nil {
			tb.Fatal(err)
		}
		out := core.Take()
		if len(out.Send) != 1 {
			tb.Fatalf("%d PDUs instead of one", len(out.Send))
		}
		list = append(list, bearer.Incoming{Kind: bearer.Message, RSSI: -60, Len: out.Send[0].Len, Data: out.Send[0].Data})
	}
	return list
}

// stock is how many PDUs are made at a time. A node must not receive one twice,
// so a new node is made when they are used up.
const stock = 1 << 14

// hear runs a benchmark with PDUs that the node has not received before.
func hear(b *testing.B, dst mesh.Address, check func(c node.Counters, heard int)) {
	list := statuses(b, stock, dst)
	var core *node.Core
	heard := 0
	fresh := func() {
		if core != nil {
			check(core.Counters(), heard)
		}
		core, heard = newCore(b, listener), 0
		for i := range 64 { // fills what grows with use
			core.Receive(epoch, &list[i])
			core.Take()
			heard++
		}
	}
	fresh()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if heard == stock {
			b.StopTimer()
			fresh()
			b.StartTimer()
		}
		core.Receive(epoch, &list[heard])
		core.Take()
		heard++
	}
	b.StopTimer()
	check(core.Counters(), heard)
}

// A status for this node: network layer, transport layer, access layer, model.
func BenchmarkReceive(b *testing.B) {
	hear(b, sim.Address(listener), func(c node.Counters, heard int) {
		if c.Transport.Access != uint64(heard) {
			b.Fatalf("%d of %d messages were received", c.Transport.Access, heard)
		}
	})
}

// A status for another node, which is encrypted again and relayed.
func BenchmarkRelay(b *testing.B) {
	hear(b, group, func(c node.Counters, heard int) {
		if c.Relayed != uint64(heard) {
			b.Fatalf("%d of %d messages were relayed", c.Relayed, heard)
		}
	})
}

// The same octets again: a PDU is transmitted three times.
func BenchmarkDuplicate(b *testing.B) {
	core := newCore(b, listener)
	pdu := statuses(b, 1, sim.Address(listener))[0]
	core.Receive(epoch, &pdu)
	core.Take()
	b.ReportAllocs()
	for b.Loop() {
		core.Receive(epoch, &pdu)
		core.Take()
	}
	if got := core.Counters().Network.Duplicate; got < uint64(b.N) {
		b.Fatalf("%d of %d were duplicates", got, b.N)
	}
}

// The same message over another path: relayed, so with another TTL and other
// octets.
func BenchmarkDuplicateRelayed(b *testing.B) {
	core := newCore(b, listener)
	pdu := statuses(b, 1, group)[0]
	core.Receive(epoch, &pdu)
	relayed := core.Take().Send[0]
	other := newCore(b, listener)
	other.Receive(epoch, &pdu)
	other.Take()
	in := bearer.Incoming{Kind: bearer.Message, Len: relayed.Len, Data: relayed.Data}
	b.ReportAllocs()
	for b.Loop() {
		other.Receive(epoch, &in)
		other.Take()
	}
	if got := other.Counters().Network.Duplicate; got < uint64(b.N) {
		b.Fatalf("%d of %d were duplicates", got, b.N)
	}
}

// The receive path allocates nothing, up to the model and with relaying.
func TestReceiveDoesNotAllocate(t *testing.T) {
	for name, dst := range map[string]mesh.Address{"for this node": sim.Address(listener), "for others": group} {
		t.Run(name, func(t *testing.T) {
			const runs = 1000
			list := statuses(t, runs+65, dst)
			core := newCore(t, listener)
			next := 0
			receive := func() {
				core.Receive(epoch, &list[next])
				core.Take()
				next++
			}
			for range 64 {
				receive()
			}
			// AllocsPerRun makes one call more than it counts.
			if got := testing.AllocsPerRun(runs, receive); got != 0 {
				t.Errorf("%v allocations for a PDU", got)
			}
			duplicate := testing.AllocsPerRun(runs, func() {
				core.Receive(epoch, &list[runs])
				core.Take()
			})
			if duplicate != 0 {
				t.Errorf("%v allocations for a duplicate", duplicate)
			}
		})
	}
}
