package proxy_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

// bench is a client with the record of its outputs.
type bench struct {
	rapid.TB
	*proxy.Client
	now  time.Time
	last bearer.LinkID
	out  proxy.ClientOutput

	ended []bearer.LinkID
	made  []proxy.Connect
	said  []proxy.Configure

	reasons []proxy.Ended
}

func newBench(t rapid.TB, connections int, w proxy.FilterState) *bench {
	b := &bench{TB: t, now: start}
	b.Client = proxy.NewClient(connections, func() bearer.LinkID { b.last++; return b.last })
	b.SetFilter(b.now, w, &b.out)
	b.Enable(b.now, true, &b.out)
	return b
}

// collect records what the client wants.
func (b *bench) collect() {
	b.ended = append(b.ended, b.out.Disconnect...)
	b.made = append(b.made, b.out.Connect...)
	b.said = append(b.said, b.out.Configure...)
	b.reasons = append(b.reasons, b.out.Ended...)
	b.out.Reset()
}

func peer(n byte) bearer.Peer { return bearer.Peer{Address: [6]byte{5: n}} }

func (b *bench) sight(n byte, rssi int8, netKey mesh.KeyIndex) {
	b.Sighted(b.now, proxy.Candidate{Peer: peer(n), RSSI: rssi, NetKey: netKey}, &b.out)
	b.collect()
}

// pass lets time pass, with what is due in it.
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
		b.collect()
		if again := b.NextDeadline(); again.Equal(next) {
			b.Fatalf("the deadline %v does not advance", next)
		}
	}
}

func (b *bench) opened(id bearer.LinkID) { b.Opened(b.now, id, &b.out); b.collect() }
func (b *bench) closed(id bearer.LinkID) { b.Closed(b.now, id, errGone, &b.out); b.collect() }

var errGone = errors.New("connection timeout")

func (b *bench) answer(id bearer.LinkID, kind proxy.FilterType, size uint16) {
	b.Receive(b.now, id, mesh.Address(0x0100+id), proxy.FilterStatus{Type: kind, Size: size}, &b.out)
	b.collect()
}

// saying returns the messages since the last call.
func (b *bench) saying() []proxy.Configure {
	said := b.said
	b.said = nil
	return said
}

func addresses(n int) []mesh.Address {
	var all []mesh.Address
	for i := range n {
		all = append(all, mesh.Address(i+1))
	}
	return all
}

var everything = proxy.FilterState{Type: proxy.RejectList, Addresses: addresses(1)}

func TestClientTakesTheBest(t *testing.T) {
	b := newBench(t, 1, everything)
	b.sight(1, -80, 0)
	b.sight(2, -50, 0)
	b.sight(3, -60, 0)
	if len(b.made) != 0 {
		t.Fatal("the first one was used at once")
	}
	b.pass(time.Second)
	if len(b.made) != 1 || b.made[0].Peer != peer(2) {
		t.Fatalf("%+v", b.made)
	}
}

// TestClientIsAlone: the client reports that it has no proxy, even while one
// fails again and again.
func TestClientIsAlone(t *testing.T) {
	b := newBench(t, 1, everything)
	check := func(what string, want time.Time, alone bool) {
		t.Helper()
		if since, ok := b.WithoutProxySince(); ok != alone || !since.Equal(want) {
			t.Errorf("%s: alone %t since %s, want %t since %s", what, ok, since, alone, want)
		}
	}
	const fresh = 30 * time.Second
	check("at the start", start, true)
	b.pass(10 * time.Second)
	b.sight(1, -50, 0)
	check("with a proxy in sight", b.now.Add(fresh), true)
	for i, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} { // until the next attempt
		b.pass(wait)
		check("with an attempt", time.Time{}, false)
		b.closed(b.last)
		closed := b.now
		check("after a failure", closed, true)
		b.pass(time.Second)
		b.sight(1, -50, 0)
		if i < 2 {
			check("with one in sight that has failed", b.now.Add(fresh), true)
		} else {
			check("with one in sight that always fails", closed, true)
		}
	}
	b.Enable(b.now, false, &b.out)
	check("off", time.Time{}, false)
}

func TestClientSetsTheFilterUp(t *testing.T) {
	b := newBench(t, 1, proxy.FilterState{Type: proxy.AcceptList, Addresses: addresses(12)})
	b.sight(1, -50, 0)
	b.pass(time.Second)
	b.opened(1)
	sizes := []uint16{0, 5, 10, 12}
	for i, size := range sizes {
		said := b.saying()
		if len(said) != 1 {
			t.Fatalf("step %d: %+v", i, said)
		}
		switch m := said[0].Message.(type) {
		case proxy.SetFilterType:
			if i != 0 || m.Type != proxy.AcceptList {
				t.Errorf("step %d: %+v", i, m)
			}
		case proxy.AddAddresses:
			if want := addresses(12)[5*(i-1) : sizes[i]]; !slices.Equal(m.Addresses, want) {
				t.Errorf("step %d: %v, want %v", i, m.Addresses, want)
			}
		}
		b.answer(1, proxy.AcceptList, size)
	}
	if !b.Ready(1) || len(b.saying()) != 0 || b.Counters().Mismatches != 0 {
		t.Errorf("ready %t, %+v", b.Ready(1), b.Counters())
	}
	// It checks from time to time, with a message that changes nothing.
	b.pass(31 * time.Second)
	said := b.saying()
	if m, ok := said[0].Message.(proxy.AddAddresses); !ok || !slices.Equal(m.Addresses, addresses(1)) {
		t.Errorf("%+v", said)
	}
	b.answer(1, proxy.AcceptList, 12)
	b.pass(29 * time.Second)
	if !b.Ready(1) || len(b.saying()) != 0 {
		t.Error("it sends again at once")
	}
}

func TestClientRepairsTheFilter(t *testing.T) {
	for name, wrong := range map[string]proxy.FilterStatus{
		"other type":   {Type: proxy.RejectList, Size: 3},
		"shorter list": {Type: proxy.AcceptList, Size: 2},
		"longer list":  {Type: proxy.AcceptList, Size: 4},
		"nothing any":  {Type: proxy.AcceptList},
	} {
		b := newBench(t, 1, proxy.FilterState{Type: proxy.AcceptList, Addresses: addresses(3)})
		b.sight(1, -50, 0)
		b.pass(time.Second)
		b.opened(1)
		b.answer(1, proxy.AcceptList, 0)
		b.answer(1, proxy.AcceptList, 3)
		b.pass(31 * time.Second)
		b.saying()
		b.answer(1, wrong.Type, wrong.Size)
		said := b.saying()
		if b.Counters().Mismatches != 1 || len(said) != 1 || said[0].Message != (proxy.SetFilterType{Type: proxy.AcceptList}) {
			t.Errorf("%s: %+v, %+v", name, b.Counters(), said)
		}
		b.answer(1, proxy.AcceptList, 0)
		b.answer(1, proxy.AcceptList, 3)
		if !b.Ready(1) {
			t.Errorf("%s: not repaired", name)
		}
	}
}

func TestClientFallsBackToEverything(t *testing.T) {
	b := newBench(t, 1, proxy.FilterState{Type: proxy.AcceptList, Addresses: addresses(5)})
	b.sight(1, -50, 0)
	b.pass(time.Second)
	b.opened(1)
	const has = 3 // the room of this proxy
	for range 20 {
		for _, said := range b.saying() {
			switch m := said.Message.(type) {
			case proxy.SetFilterType:
				b.answer(1, m.Type, 0)
			case proxy.AddAddresses:
				b.answer(1, proxy.AcceptList, min(uint16(len(m.Addresses)), has))
			}
		}
	}
	if !b.Ready(1) || len(b.ended) != 0 {
		t.Errorf("ready %t, ended %v, %+v", b.Ready(1), b.ended, b.Counters())
	}
	b.pass(31 * time.Second)
	if m, ok := b.saying()[0].Message.(proxy.RemoveAddresses); !ok || len(m.Addresses) != 1 {
		t.Errorf("%+v", m)
	}
}

func TestClientLeavesWhoCannot(t *testing.T) {
	b := newBench(t, 1, everything)
	b.sight(1, -50, 0)
	b.pass(time.Second)
	b.opened(1)
	for range 5 {
		b.answer(1, proxy.AcceptList, 7)
	}
	if !slices.Equal(b.ended, []bearer.LinkID{1}) {
		t.Errorf("ended %v", b.ended)
	}
}

func TestClientAsksAgain(t *testing.T) {
	b := newBench(t, 1, everything)
	b.sight(1, -50, 0)
	b.pass(time.Second)
	b.opened(1)
	b.pass(1600 * time.Millisecond)
	if n := len(b.saying()); n != 2 {
		t.Fatalf("%d messages, want the first and its repetition", n)
	}
	// Both are answered, the second when the setup is already done.
	b.answer(1, proxy.RejectList, 0)
	b.answer(1, proxy.RejectList, 0)
	if !b.Ready(1) || b.Counters().Mismatches != 0 {
		t.Errorf("ready %t, %+v", b.Ready(1), b.Counters())
	}
	// A proxy that does not answer is replaced by the next in less than 5 s.
	b.sight(2, -90, 0)
	b.pass(29 * time.Second)
	b.sight(2, -90, 0)
	asked := b.now
	b.pass(6 * time.Second)
	if !slices.Equal(b.ended, []bearer.LinkID{1}) || len(b.made) != 1 {
		t.Fatalf("ended %v, made %+v", b.ended, b.made)
	}
	b.closed(1)
	if len(b.made) != 2 || b.made[1].Peer != peer(2) || b.now.Sub(asked) > 7*time.Second {
		t.Errorf("made %+v after %v", b.made, b.now.Sub(asked))
	}
}

// TestClientRemembersFailures: a strong false proxy does not keep it from the
// others.
func TestClientRemembersFailures(t *testing.T) {
	b := newBench(t, 1, everything)
	b.sight(1, -30, 0)
	b.sight(2, -90, 0)
	b.pass(time.Second)
	taken := map[bearer.Peer]int{}
	for range 120 { // seconds
		made := b.made
		b.made = nil
		for _, c := range made {
			taken[c.Peer]++
			b.closed(c.ID)
		}
		b.pass(time.Second)
		b.sight(1, -30, 0)
		b.sight(2, -90, 0)
	}
	if taken[peer(1)] == 0 || taken[peer(2)] == 0 || taken[peer(1)] > 10 {
		t.Errorf("taken %v", taken)
	}
}

func TestClientCoversItsSubnets(t *testing.T) {
	b := newBench(t, 2, everything)
	b.sight(1, -30, 0)
	b.sight(2, -40, 0)
	b.sight(3, -90, 1)
	b.pass(time.Second)
	if len(b.made) != 2 || b.made[0].Peer != peer(1) || b.made[1].Peer != peer(3) {
		t.Fatalf("made %+v", b.made)
	}
	b.Retain(func(k mesh.KeyIndex) bool { return k == 0 }, &b.out)
	b.collect()
	if !slices.Equal(b.ended, []bearer.LinkID{2}) {
		t.Errorf("ended %v", b.ended)
	}
	b.closed(2)
	if b.made[2].Peer != peer(2) {
		t.Errorf("made %+v", b.made)
	}
	b.Enable(b.now, false, &b.out)
	b.collect()
	if len(b.ended) != 3 {
		t.Errorf("ended %v", b.ended)
	}
}

func TestClientPrefers(t *testing.T) {
	b := newBench(t, 1, everything)
	b.sight(1, -30, 0)
	b.pass(time.Second)
	b.opened(1)
	for range 3 {
		b.Sighted(b.now, proxy.Candidate{Peer: peer(2), RSSI: -90, Preferred: true}, &b.out)
		b.collect()
	}
	if !slices.Equal(b.ended, []bearer.LinkID{1}) {
		t.Fatalf("ended %v", b.ended)
	}
	b.closed(1)
	if len(b.made) != 2 || b.made[1].Peer != peer(2) {
		t.Fatalf("made %+v", b.made)
	}
	// A failing proxy is no longer preferred.
	b.closed(2)
	b.sight(1, -30, 0)
	b.Sighted(b.now, proxy.Candidate{Peer: peer(2), RSSI: -90, Preferred: true}, &b.out)
	b.collect()
	b.pass(3 * time.Second)
	if len(b.made) != 3 || b.made[2].Peer != peer(1) || len(b.ended) != 1 {
		t.Errorf("made %+v, ended %v", b.made, b.ended)
	}
}

// TestClientKnowsNodesByTheirAnswers: a node that advertises with several
// device addresses gets one connection.
func TestClientKnowsNodesByTheirAnswers(t *testing.T) {
	b := newBench(t, 2, everything)
	b.sight(1, -30, 0)
	b.sight(2, -40, 0)
	b.sight(3, -90, 0)
	b.pass(time.Second)
	for id := range bearer.LinkID(2) {
		b.opened(id + 1)
		b.Receive(b.now, id+1, 0x0042, proxy.FilterStatus{Type: proxy.RejectList}, &b.out)
		b.collect()
	}
	if !slices.Equal(b.ended, []bearer.LinkID{2}) {
		t.Fatalf("ended %v", b.ended)
	}
	b.closed(2)
	if len(b.made) != 3 || b.made[2].Peer != peer(3) {
		t.Fatalf("made %+v", b.made)
	}
	b.pass(10 * time.Second)
	b.sight(2, -40, 0)
	if len(b.made) != 3 {
		t.Errorf("made %+v", b.made)
	}
}

func TestClientRefusesItself(t *testing.T) {
	b := newBench(t, 1, everything)
	b.sight(1, -30, 0)
	b.pass(time.Second)
	b.opened(1)
	b.Exclude(b.now, 1, &b.out)
	b.collect()
	b.closed(1)
	for range 60 {
		b.sight(1, -30, 0)
		b.pass(time.Second)
	}
	if len(b.made) != 1 {
		t.Errorf("made %+v", b.made)
	}
}

// TestClientProperties: whatever happens, the number of connections is
// respected, no identifier is used twice, and no deadline is stuck.
func TestClientProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 3).Draw(t, "most")
		b := newBench(t, most, proxy.FilterState{Type: proxy.FilterType(rapid.IntRange(0, 1).Draw(t, "kind")), Addresses: addresses(7)})
		open := map[bearer.LinkID]bool{} // not closed yet
		seen := map[bearer.LinkID]bool{}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			id := bearer.LinkID(rapid.IntRange(0, int(b.last)).Draw(t, "id"))
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				b.sight(byte(rapid.IntRange(1, 40).Draw(t, "peer")), int8(rapid.IntRange(-100, -20).Draw(t, "rssi")), 0)
			case 1:
				b.opened(id)
			case 2:
				delete(open, id)
				b.closed(id)
			case 3:
				b.answer(id, proxy.FilterType(rapid.IntRange(0, 1).Draw(t, "type")), uint16(rapid.IntRange(0, 8).Draw(t, "size")))
			case 4:
				b.pass(time.Duration(rapid.IntRange(0, 60000).Draw(t, "ms")) * time.Millisecond)
			case 5:
				b.Enable(b.now, rapid.Bool().Draw(t, "on"), &b.out)
				b.collect()
			case 6:
				b.SetFilter(b.now, proxy.FilterState{Addresses: addresses(rapid.IntRange(1, 12).Draw(t, "wish"))}, &b.out)
				b.collect()
			}
			for _, c := range b.made {
				if seen[c.ID] {
					t.Fatalf("link %d was used twice", c.ID)
				}
				seen[c.ID], open[c.ID] = true, true
			}
			b.made = nil
			for _, id := range b.ended {
				delete(open, id)
			}
			b.ended = nil
			if len(open) > most {
				t.Fatalf("%d connections, at most %d are wanted", len(open), most)
			}
		}
	})
}
