package requests_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/requests"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part/parttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// What waits is bounded for each flow to a node and for each class. The limit of a class
// follows the number of nodes. The error says how many wait.
func TestBusy(t *testing.T) {
	b := newBench(t)
	ask := func(to mesh.Address, c part.Class, f part.Flow) error {
		_, err := b.Add(part.Request{Dst: to, Payload: []byte(get), Respond: status, Class: c, Flow: f})
		return err
	}
	for range part.MaxWaiting {
		if err := ask(5, part.ClassCommand, 1); err != nil {
			t.Fatal(err)
		}
	}
	var busy *part.BusyError
	err := ask(5, part.ClassCommand, 1)
	if !errors.As(err, &busy) || !errors.Is(err, part.ErrQueueFull) || *busy != (part.BusyError{Dst: 5, Waiting: part.MaxWaiting}) {
		t.Errorf("with %d waiting: %v", part.MaxWaiting, err)
	}
	for _, err := range []error{ask(5, part.ClassCommand, 0), ask(5, part.ClassProbe, 1), ask(6, part.ClassCommand, 1)} {
		if err != nil {
			t.Errorf("another flow, class or node was refused: %v", err)
		}
	}
	if q := b.Queue(); q.Busiest != 5 || q.BusiestWaiting != part.MaxWaiting+2 || q.Refused != 1 || q.Waiting[part.ClassProbe] != 1 {
		t.Errorf("the queue is %+v", q)
	}

	b = newBench(t)
	b.radio.nodes = 2000
	const limit = 2000 * part.QueuedPerNode
	for i := range limit {
		if err := ask(mesh.Address(0x0100+i), part.ClassProbe, 0); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	if err := ask(5, part.ClassProbe, 0); !errors.As(err, &busy) || *busy != (part.BusyError{Class: part.ClassProbe, Waiting: limit}) {
		t.Errorf("with %d probes waiting: %v", limit, err)
	}
	if err := ask(5, part.ClassCommand, 0); err != nil {
		t.Errorf("a command was refused because of probes: %v", err)
	}
}

// A flow with many requests delays another one to the same node for one request.
func TestFlowsTakeTurns(t *testing.T) {
	b := newBench(t)
	for i := range 10 {
		b.add(part.Request{Dst: 5, Payload: []byte{0x82, 0x01, byte(i)}, Respond: status, Flow: 1})
	}
	b.add(part.Request{Dst: 5, Payload: []byte("\x82\x02a"), Respond: status})
	b.add(part.Request{Dst: 5, Payload: []byte("\x82\x02b"), Respond: status})
	var order string
	for range 12 {
		order += b.radio.sent[len(b.radio.sent)-1].payload[2:]
		b.answer(5, status, transport.Key{}, "")
	}
	if want := "\x00\x01a\x02b\x03\x04\x05\x06\x07\x08\x09"; order != want {
		t.Errorf("sent in the order %q, want %q", order, want)
	}
}

// Commands come first, and overtake what is in flight for the bridge itself. An answer
// that could belong to either is waited for.
func TestCommandsComeFirst(t *testing.T) {
	device := transport.Key{Device: 5}
	b := newBench(t)
	probe := b.add(part.Request{Dst: 5, Payload: []byte(get), Respond: status, Class: part.ClassProbe})
	b.add(part.Request{Dst: 5, Payload: []byte("\x82\x01p"), Respond: status, Class: part.ClassProbe})
	b.add(part.Request{Dst: 5, Payload: []byte("\x80\x0dc"), Respond: status, Key: device})
	if n := len(b.radio.sent); n != 2 || b.radio.sent[1].payload != "\x80\x0dc" {
		t.Fatalf("sent %v, want the probe and the command with the other key", b.radio.sent)
	}
	b.answer(5, status, device, "")
	b.add(part.Request{Dst: 5, Payload: []byte(set), Respond: status})
	if n := len(b.radio.sent); n != 2 {
		t.Fatalf("sent %v, while an answer could belong to the probe", b.radio.sent)
	}
	b.answer(5, status, transport.Key{}, "")
	if last := b.radio.sent[len(b.radio.sent)-1]; last.payload != set {
		t.Errorf("sent %q behind the answer to the probe, want the command", last.payload)
	}
	if done := b.done(); len(done) != 2 || done[1].ID != probe {
		t.Errorf("ended as %v", done)
	}
}

// Two elements of a node are one destination.
func TestElementsShareADestination(t *testing.T) {
	b := newBench(t)
	b.add(part.Request{Dst: 0x0400, Payload: []byte(get), Respond: status})
	b.add(part.Request{Dst: 0x0401, Payload: []byte(get), Respond: status})
	b.add(part.Request{Dst: 0x0402, Payload: []byte(get), Respond: status})
	if got := b.radio.destinations(); !slices.Equal(got, []mesh.Address{0x0400, 0x0402}) {
		t.Errorf("sent to %v", got)
	}
}

// Few attempts are in flight for silent nodes together. A node that does not answer a
// whole request gets one attempt from then on, until it is heard.
func TestSilentNodes(t *testing.T) {
	b := newBench(t)
	const gone, most = 100, 8
	for i := range gone {
		b.add(part.Request{Dst: mesh.Address(0x0100 + i), Payload: []byte(get), Respond: status, Class: part.ClassProbe})
	}
	b.host.Pass(b, 10*time.Second)
	if q := b.Queue(); q.Silent != gone || q.InFlight != most || q.InFlightSilent != most {
		t.Fatalf("the queue is %+v", q)
	}
	b.add(part.Request{Dst: 5, Payload: []byte(set), Respond: status, Class: part.ClassTransfer})
	if last := b.radio.sent[len(b.radio.sent)-1]; last.to != 5 {
		t.Errorf("sent to %s, want the living node", last.to)
	}
	b.answer(5, status, transport.Key{}, "")
	b.host.Pass(b, time.Minute)
	if done := b.done(); len(done) != gone+1 {
		t.Fatalf("%d requests have ended in 70 s", len(done))
	}
	for range 2 { // in the second round all are taken for dead
		for i := range gone {
			b.add(part.Request{Dst: mesh.Address(0x0100 + i), Payload: []byte(get), Respond: status})
		}
		b.host.Pass(b, 2*time.Minute)
	}
	last := b.done()[gone:]
	for _, d := range last {
		if !errors.Is(d.Err, part.ErrNoResponse) || d.Response.Attempts != 1 {
			t.Errorf("ended as %+v", d)
		}
	}
	b.answer(0x0100, status, transport.Key{}, "")
	b.add(part.Request{Dst: 0x0100, Payload: []byte(get), Respond: status})
	b.host.Pass(b, time.Minute)
	if done := b.done(); len(done) != 1 || done[0].Response.Attempts != part.DefaultAttempts {
		t.Errorf("a node that was heard again: %+v", done)
	}
}

// A node that ignores a message which it need not know is not dead.
func TestIgnoredMessage(t *testing.T) {
	for _, ignorable := range []bool{true, false} {
		b := newBench(t)
		b.add(part.Request{Dst: 5, Payload: []byte("\xC1\xF1\x05"), Respond: status + 1, Ignorable: ignorable})
		b.host.Pass(b, time.Minute)
		b.add(part.Request{Dst: 5, Payload: []byte(get), Respond: status})
		b.host.Pass(b, time.Minute)
		want := 1
		if ignorable {
			want = part.DefaultAttempts
		}
		if done := b.done(); len(done) != 2 || done[1].Response.Attempts != want {
			t.Errorf("ignorable %t: %+v, want %d attempts", ignorable, done, want)
		}
	}
}

// A control message of a node is a sign of life as well.
func TestControlMessageIsHeard(t *testing.T) {
	b := newBench(t)
	b.add(part.Request{Dst: 0x0401, Payload: []byte(get), Respond: status, Attempts: 2})
	b.host.Pass(b, time.Minute)
	if q := b.Queue(); q.Silent != 1 {
		t.Fatalf("the queue is %+v", q)
	}
	b.Input(&part.Input{Kind: part.Control, Control: &part.ControlMessage{ControlMessage: transport.ControlMessage{Src: 0x0400}}})
	if q := b.Queue(); q.Silent != 0 {
		t.Errorf("the queue is %+v", q)
	}
}

// While commands never end, one start of eight is for others: for the one whose turn was
// longest ago.
func TestNobodyStarves(t *testing.T) {
	b := newBench(t)
	for i := range 3 { // of nodes that do not answer, so that they are silent
		b.add(part.Request{Dst: mesh.Address(0x0200 + i), Payload: []byte(get), Respond: status, Class: part.ClassProbe, Attempts: 2})
	}
	b.host.Pass(b, time.Minute)
	b.done()
	begun := len(b.radio.sent)
	b.radio.backlog = time.Minute
	for i := range 40 {
		b.add(part.Request{Dst: mesh.Address(0x0100 + i), Payload: []byte(set), Respond: status})
	}
	b.add(part.Request{Dst: 0x0200, Payload: []byte(get), Respond: status, Class: part.ClassProbe})
	b.add(part.Request{Dst: 0x0300, Payload: []byte(get), Respond: status, Class: part.ClassTransfer})
	b.add(part.Request{Dst: 0x0301, Payload: []byte(get), Respond: status, Class: part.ClassProbe})
	b.add(part.Request{Dst: 0x0302, Payload: []byte(get), Respond: status, Class: part.ClassConfiguration})
	b.radio.backlog = 150 * time.Millisecond // room for commands only
	b.host.Pass(b, time.Minute-200*time.Millisecond)
	for range 20 {
		for _, s := range b.radio.sent[begun:] {
			if s.to < 0x0200 {
				b.answer(s.to, status, transport.Key{}, "")
			}
		}
	}
	var others []mesh.Address
	for i, s := range b.radio.sent[begun:] {
		if s.to >= 0x0200 {
			others = append(others, s.to)
			if i%8 != 7 {
				t.Errorf("start %d is for %s", i, s.to)
			}
		}
	}
	if want := []mesh.Address{0x0302, 0x0300, 0x0200, 0x0301}; !slices.Equal(others, want) {
		t.Errorf("the others had their turns as %v, want %v", others, want)
	}
}

// air is a radio that takes its time, and nodes that answer or do not.
type air struct {
	*parttest.Host
	*radio
	free    time.Time
	answers []answer
}

type answer struct {
	at  time.Time
	src mesh.Address
}

func (a *air) Backlog() time.Duration { return max(a.free.Sub(a.Time), 0) }

func (a *air) Send(o *part.Outgoing, payload []byte) (transport.Handle, error) {
	const airtime, latency = 60 * time.Millisecond, 40 * time.Millisecond
	if a.free.Before(a.Time) {
		a.free = a.Time
	}
	a.free = a.free.Add(airtime)
	if o.Dst%3 != 0 { // every third node is silent
		a.answers = append(a.answers, answer{a.free.Add(latency), o.Dst})
	}
	return a.radio.Send(o, payload)
}

// Whatever is asked of whom: the requests of a flow keep their order, all bounds hold,
// every request ends, and nothing is left.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := parttest.New()
		a := &air{Host: h, radio: &radio{host: h}}
		r := requests.New(h, a, a.radio, a.radio)
		type flow struct {
			dst mesh.Address
			c   part.Class
			f   part.Flow
		}
		flows := map[flow][]string{}
		number, ended := 0, 0
		add := func() {
			f := flow{
				mesh.Address(rapid.IntRange(0x0100, 0x0130).Draw(t, "dst")),
				part.Class(rapid.IntRange(0, part.Classes-1).Draw(t, "class")), part.Flow(rapid.IntRange(0, 2).Draw(t, "flow")),
			}
			payload := "\x82\x01" + fmt.Sprintf("%05d", number)
			number++
			if _, err := r.Add(part.Request{
				Dst: f.dst, Class: f.c, Flow: f.f, Payload: []byte(payload), Respond: status,
				Done: func(part.Response, error) { ended++ },
			}); err != nil {
				t.Fatal(err)
			}
			flows[f] = append(flows[f], payload)
		}
		step := func(d time.Duration) {
			for end := h.Time.Add(d); h.Time.Before(end); {
				next := end
				for _, at := range a.answers {
					if at.at.Before(next) {
						next = at.at
					}
				}
				h.Pass(r, next.Sub(h.Time))
				i := slices.IndexFunc(a.answers, func(at answer) bool { return !at.at.After(h.Time) })
				if i >= 0 {
					m := &part.AccessMessage{AccessMessage: transport.AccessMessage{Src: a.answers[i].src}, Opcode: status}
					a.answers = slices.Delete(a.answers, i, i+1)
					r.Input(&part.Input{Kind: part.Message, Message: m})
					h.Flush()
				}
				if q := r.Queue(); q.InFlight-q.InFlightSilent > 24 || q.InFlightSilent > 8 {
					t.Fatalf("too many are in flight: %+v", q)
				}
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "rounds") {
			for range rapid.IntRange(0, 8).Draw(t, "requests") {
				add()
			}
			h.Flush()
			step(time.Duration(rapid.IntRange(0, 500).Draw(t, "ms")) * time.Millisecond)
		}
		for range 600 {
			if r.Pending() > 0 {
				step(time.Second)
			}
		}
		if ended != number || r.Pending() != 0 || r.Queue().InFlight != 0 || r.Queue().Waiting != [part.Classes]int{} {
			t.Fatalf("%d of %d have ended; the queue is %+v", ended, number, r.Queue())
		}
		first := map[mesh.Address][]string{}
		seen := map[string]bool{}
		for _, s := range a.sent {
			if !seen[s.payload] {
				seen[s.payload] = true
				first[s.to] = append(first[s.to], s.payload)
			}
		}
		for f, want := range flows {
			got := slices.DeleteFunc(slices.Clone(first[f.dst]), func(p string) bool { return !slices.Contains(want, p) })
			if !slices.Equal(got, want) {
				t.Fatalf("%+v was sent as %q, want %q", f, got, want)
			}
		}
	})
}
