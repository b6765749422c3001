package requests_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/requests"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/sequence"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part/parttest"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

const (
	get    = "\x82\x01"
	set    = "\x82\x02\x01\x07"
	status = mesh.Opcode(0x8204)
)

// radio is the layers below, and a Friend Queue.
type radio struct {
	host      *parttest.Host
	sent      []sent
	handle    transport.Handle // of the next message, 0 for one PDU
	err       error
	cancelled []transport.Handle
	backlog   time.Duration
	waiting   []part.RequestID // in a Friend Queue
	asleep    bool             // what is sent waits there
	poll      time.Duration
	nodes     int
}

type sent struct {
	at      time.Duration // since the start
	to      mesh.Address
	payload string
	net     mesh.KeyIndex
}

func (r *radio) Send(o *part.Outgoing, payload []byte) (transport.Handle, error) {
	if r.err == nil {
		r.sent = append(r.sent, sent{r.host.Time.Sub(parttest.New().Time), o.Dst, string(payload), o.NetKey})
	}
	if r.asleep && o.Request != 0 {
		r.waiting = append(r.waiting, o.Request)
	}
	return r.handle, r.err
}

func (r *radio) Cancel(h transport.Handle)              { r.cancelled = append(r.cancelled, h) }
func (r *radio) Backlog() time.Duration                 { return r.backlog }
func (r *radio) Waits(id part.RequestID) bool           { return slices.Contains(r.waiting, id) }
func (r *radio) PollTimeout(mesh.Address) time.Duration { return r.poll }
func (r *radio) Len() int                               { return r.nodes }

// Primary implements requests.Nodes: nodes with two elements begin at even addresses from 0x0400 on.
func (r *radio) Primary(a mesh.Address) mesh.Address {
	if a >= 0x0400 && a.IsUnicast() {
		return a &^ 1
	}
	return a
}

func (r *radio) Withdraw(id part.RequestID) {
	r.waiting = slices.DeleteFunc(r.waiting, func(other part.RequestID) bool { return other == id })
}

// bench is the part with what it works on.
type bench struct {
	*requests.Requests
	*testing.T
	host  *parttest.Host
	radio *radio
}

func newBench(t *testing.T) *bench {
	t.Helper()
	h := parttest.New()
	r := &radio{host: h}
	return &bench{Requests: requests.New(h, r, r, r), T: t, host: h, radio: r}
}

// add queues a request, at the end of an input.
func (b *bench) add(q part.Request) part.RequestID {
	b.Helper()
	id, err := b.Add(q)
	if err != nil {
		b.Fatal(err)
	}
	b.host.Flush()
	return id
}

// answer is a message that has arrived.
func (b *bench) answer(src mesh.Address, op mesh.Opcode, key transport.Key, params string) {
	m := &part.AccessMessage{AccessMessage: transport.AccessMessage{Src: src, Key: key}, Opcode: op, Params: []byte(params)}
	b.Input(&part.Input{Kind: part.Message, Message: m})
	b.host.Flush()
}

// done takes the ends of requests that were reported.
func (b *bench) done() (all []part.RequestDone) {
	for _, e := range b.host.Reports {
		if e, ok := e.(part.RequestDone); ok {
			all = append(all, e)
		}
	}
	b.host.Reports = nil
	return all
}

// destinations is where messages went, in their order.
func (r *radio) destinations() (all []mesh.Address) {
	for _, s := range r.sent {
		all = append(all, s.to)
	}
	return all
}

// One request at a time for a destination, in the order of the calls; others do not wait.
func TestOneForADestination(t *testing.T) {
	b := newBench(t)
	first := b.add(part.Request{Dst: 5, Payload: []byte(set), Respond: status})
	second := b.add(part.Request{Dst: 5, Payload: []byte(get), Respond: status})
	b.add(part.Request{Dst: 6, Payload: []byte(get), Respond: status})
	if got := b.radio.destinations(); !slices.Equal(got, []mesh.Address{5, 6}) {
		t.Fatalf("sent to %v, want the first of each destination", got)
	}
	b.answer(5, status, transport.Key{}, "\x01")
	if got := b.radio.sent; len(got) != 3 || got[2].to != 5 || got[2].payload != get {
		t.Errorf("sent %v, want the second request to 0x0005 behind the answer to the first", got)
	}
	b.answer(5, status, transport.Key{}, "\x00")
	done := b.done()
	if len(done) != 2 || done[0].ID != first || done[1].ID != second || string(done[1].Response.Params) != "\x00" {
		t.Errorf("ended as %v", done)
	}
}

// No more than so many wait for an answer at once: repeats of more would queue up.
func TestFewAtOnce(t *testing.T) {
	b := newBench(t)
	const active = 24
	for i := range active + 3 {
		b.add(part.Request{Dst: mesh.Address(100 + i), Payload: []byte(get), Respond: status})
	}
	if n := len(b.radio.sent); n != active {
		t.Fatalf("%d were sent, want %d", n, active)
	}
	b.answer(101, status, transport.Key{}, "\x01")
	if n := len(b.radio.sent); n != active+1 || b.radio.sent[active].to != 100+active {
		t.Errorf("%d were sent after an answer; the last to %s", n, b.radio.sent[n-1].to)
	}
}

// The same octets again, after 0.6 s and half as long again each time, up to two
// seconds; then the end.
func TestRepeats(t *testing.T) {
	b := newBench(t)
	id := b.add(part.Request{Dst: 5, Payload: []byte(set), Respond: status, Attempts: 6})
	b.host.Pass(b, time.Minute)
	var at []time.Duration
	for _, s := range b.radio.sent {
		if s.payload != set {
			t.Errorf("sent %q", s.payload)
		}
		at = append(at, s.at)
	}
	ms := time.Millisecond
	if want := []time.Duration{0, 600 * ms, 1500 * ms, 2850 * ms, 4850 * ms, 6850 * ms}; !slices.Equal(at, want) {
		t.Errorf("sent at %v, want %v", at, want)
	}
	done := b.done()
	if len(done) != 1 || done[0].ID != id || !errors.Is(done[0].Err, part.ErrNoResponse) || done[0].Response.Attempts != 6 {
		t.Errorf("ended as %+v", done)
	}
	if !b.NextDeadline().IsZero() {
		t.Error("there is a deadline and no request")
	}
}

// The time to answer begins when the radio has sent what was before.
func TestBacklogCounts(t *testing.T) {
	b := newBench(t)
	b.radio.backlog = 150 * time.Millisecond
	b.add(part.Request{Dst: 5, Payload: []byte(get), Respond: status})
	if got, want := b.NextDeadline().Sub(b.host.Time), 750*time.Millisecond; got != want {
		t.Errorf("repeated after %s, want %s", got, want)
	}
}

// A command waits while much waits for the radio, and what nobody waits for until the
// radio is nearly free.
func TestBacklogBounds(t *testing.T) {
	b := newBench(t)
	b.radio.backlog = 5 * time.Second
	b.add(part.Request{Dst: 5, Payload: []byte(get), Respond: status, Class: part.ClassProbe})
	b.add(part.Request{Dst: 6, Payload: []byte(get), Respond: status})
	if n := len(b.radio.sent); n != 0 {
		t.Fatalf("%d were sent while the radio has work for 5 s", n)
	}
	if got, want := b.NextDeadline().Sub(b.host.Time), 4800*time.Millisecond; got != want {
		t.Errorf("looked again after %s, want %s", got, want)
	}
	b.radio.backlog = 200 * time.Millisecond
	b.host.Pass(b, 4800*time.Millisecond)
	if got := b.radio.destinations(); !slices.Equal(got, []mesh.Address{6}) {
		t.Fatalf("sent to %v with work for 200 ms, want the command", got)
	}
	b.radio.backlog = 20 * time.Millisecond
	b.host.Pass(b, 180*time.Millisecond)
	if got := b.radio.destinations(); !slices.Equal(got, []mesh.Address{6, 5}) {
		t.Errorf("sent to %v with work for 20 ms, want the probe as well", got)
	}
}

// Only what answers the request ends it.
func TestMatch(t *testing.T) {
	device := transport.Key{Device: 5}
	b := newBench(t)
	id := b.add(part.Request{
		Dst: 5, Payload: []byte(get), Respond: status, Key: device,
		Accept: func(params []byte) bool { return string(params) == "\x07" },
	})
	b.answer(6, status, device, "\x07")
	b.answer(5, status+1, device, "\x07")
	b.answer(5, status, transport.Key{}, "\x07")
	b.answer(5, status, transport.Key{Device: 6}, "\x07")
	b.answer(5, status, device, "\x08")
	if done := b.done(); len(done) != 0 {
		t.Fatalf("ended as %+v", done)
	}
	b.host.Time = b.host.Time.Add(40 * time.Millisecond)
	b.answer(5, status, device, "\x07")
	done := b.done()
	if len(done) != 1 || done[0].ID != id || done[0].Err != nil || done[0].Response.RTT != 40*time.Millisecond {
		t.Errorf("ended as %+v", done)
	}
	b.answer(5, status, device, "\x07")
	if done := b.done(); len(done) != 0 {
		t.Errorf("an answer to nothing ended %+v", done)
	}
}

// A message without an answer ends when it was sent; one that cannot be sent at once.
func TestUnacknowledged(t *testing.T) {
	b := newBench(t)
	b.add(part.Request{Dst: 0xC000, Payload: []byte(set)})
	b.radio.err = sequence.ErrSpent
	b.add(part.Request{Dst: 0xC000, Payload: []byte(set)})
	done := b.done()
	if len(done) != 2 || done[0].Err != nil || !errors.Is(done[1].Err, sequence.ErrSpent) {
		t.Errorf("ended as %+v", done)
	}
}

// While the segments of a message are on their way the transport layer repeats them:
// the time to answer begins when they have arrived.
func TestSegmented(t *testing.T) {
	b := newBench(t)
	b.radio.handle = 77
	b.add(part.Request{Dst: 5, Payload: make([]byte, 40), Respond: status, Attempts: 1})
	if !b.NextDeadline().IsZero() {
		t.Error("there is a deadline while the segments are on their way")
	}
	deliver := func(d *transport.Delivery) bool {
		taken := b.Input(&part.Input{Kind: part.Delivery, Delivery: d})
		b.host.Flush()
		return taken
	}
	if deliver(&transport.Delivery{Message: 76}) {
		t.Error("the end of another message was taken")
	}
	if !deliver(&transport.Delivery{Message: 77}) {
		t.Error("the end of the message was not taken")
	}
	if got := b.NextDeadline().Sub(b.host.Time); got != 600*time.Millisecond {
		t.Errorf("%s to answer, want 600 ms", got)
	}
	id := b.add(part.Request{Dst: 6, Payload: make([]byte, 40), Respond: status})
	b.Cancel(id)
	if !slices.Equal(b.radio.cancelled, []transport.Handle{77}) {
		t.Errorf("cancelled %v in the transport layer, want the message of the request", b.radio.cancelled)
	}
	if done := b.done(); len(done) != 1 || !errors.Is(done[0].Err, part.ErrCancelled) {
		t.Errorf("ended as %+v", done)
	}
}

// What waits in a Friend Queue is not sent again until the Low Power node has polled
// for it, or the queue is gone.
func TestFriendQueue(t *testing.T) {
	b := newBench(t)
	b.radio.poll, b.radio.asleep = 30*time.Second, true
	id := b.add(part.Request{Dst: 5, Payload: []byte(get), Respond: status, Attempts: 2})
	b.host.Pass(b, 20*time.Second)
	if n := len(b.radio.sent); n != 1 {
		t.Fatalf("sent %d times", n)
	}
	b.polled(id)
	b.host.Pass(b, 599*time.Millisecond)
	if n := len(b.radio.sent); n != 1 {
		t.Errorf("sent %d times before the time to answer was over", n)
	}
	b.host.Pass(b, time.Millisecond)
	if n := len(b.radio.sent); n != 2 {
		t.Errorf("sent %d times after it", n)
	}
}

// polled is a Low Power node that has got its message.
func (b *bench) polled(id part.RequestID) {
	b.radio.waiting, b.radio.asleep = nil, false
	b.PolledFor(id)
}

// A node that leaves its network ends all requests, and one without a network takes none.
func TestLeftNetwork(t *testing.T) {
	b := newBench(t)
	var told []error
	b.add(part.Request{Dst: 5, Payload: []byte(get), Respond: status, Done: func(_ part.Response, err error) { told = append(told, err) }})
	b.add(part.Request{Dst: 5, Payload: []byte(get), Respond: status})
	if err := b.LeftNetwork(); err != nil {
		t.Fatal(err)
	}
	if done := b.done(); len(done) != 1 || !errors.Is(done[0].Err, part.ErrNotProvisioned) {
		t.Errorf("reported %+v, want the one without Done", done)
	}
	if len(told) != 1 || !errors.Is(told[0], part.ErrNotProvisioned) || b.Pending() != 0 {
		t.Errorf("Done was told %v, %d are pending", told, b.Pending())
	}
	b.host.Node.Address = mesh.Unassigned
	if _, err := b.Add(part.Request{Dst: 5}); !errors.Is(err, part.ErrNotProvisioned) {
		t.Errorf("%v without a network", err)
	}
}

// Where the IV index is not known, requests wait.
func TestUnknownIVIndex(t *testing.T) {
	b := newBench(t)
	b.host.Node.IVIndexUnknown = true
	b.add(part.Request{Dst: 5, Payload: []byte(get), Respond: status})
	b.add(part.Request{Dst: 5, Payload: []byte(get), Respond: status})
	if n := len(b.radio.sent); n != 0 {
		t.Errorf("%d were sent with an unknown IV index", n)
	}
	b.host.Node.IVIndexUnknown = false
	b.IVIndexChanged()
	b.host.Flush()
	if n := len(b.radio.sent); n != 1 {
		t.Errorf("%d were sent when it was known, want one to the destination", n)
	}
}

// outcomes records what Outcomes is told.
type outcomes []string

func (o *outcomes) RequestEnded(dst mesh.Address, _ time.Time, answered bool) {
	*o = append(*o, fmt.Sprintf("%s %t", dst, answered))
}

// TestOutcomesAreTold: an answer and its absence are told, and a request that was
// cancelled after it had been sent several times. One that wants no answer, or was
// hardly sent, shows nothing.
func TestOutcomesAreTold(t *testing.T) {
	b := newBench(t)
	var told outcomes
	b.Tell(&told)
	expect := func(want ...string) {
		t.Helper()
		if !slices.Equal(told, want) {
			t.Errorf("told %q, expected %q", told, want)
		}
		told = nil
	}
	pass := func(d time.Duration) {
		for end := b.host.Time.Add(d); b.host.Time.Before(end); {
			b.host.Time = b.host.Time.Add(100 * time.Millisecond)
			b.Tick()
			b.host.Flush()
		}
	}
	b.add(part.Request{Dst: 2, Respond: 0x8204})
	b.answer(2, 0x8204, transport.Key{}, "")
	expect("0x0002 true")
	b.add(part.Request{Dst: 3, Respond: 0x8204})
	pass(time.Minute)
	expect("0x0003 false")
	b.add(part.Request{Dst: 4}) // wants no answer
	id := b.add(part.Request{Dst: 5, Respond: 0x8204})
	b.Cancel(id)
	expect()
	id = b.add(part.Request{Dst: 6, Respond: 0x8204})
	pass(10 * time.Second)
	b.Cancel(id)
	expect("0x0006 false")
	// A node that is taken for dead gets one attempt, which is too short to show more.
	b.add(part.Request{Dst: 3, Respond: 0x8204})
	pass(time.Minute)
	expect()
}
