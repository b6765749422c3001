package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// This file adds a part to a node and touches no other: a message of a vendor is
// sent back after two seconds. The part has a timer, a state that outlives a
// restart, an event, and something that it counts. Its registration is the one line
// in withEcho.

// withEcho is the table of production with one line more.
func withEcho() []entry {
	return append(table(), func(a *assembly) part.Part { return &echo{host: a.host, sender: a.router} })
}

// echoDelay is how long a message is kept before it is sent back.
const echoDelay = 2 * time.Second

// echoSender is what the part needs of others.
type echoSender interface {
	Send(o *part.Outgoing, payload []byte) (transport.Handle, error)
}

// echo is the part.
type echo struct {
	part.None
	host    part.Host
	sender  echoSender
	waiting []echoed
	total   uint32 // messages sent back since the node joined its network
	empty   uint64
}

var _ part.Part = (*echo)(nil)

type echoed struct {
	to      part.Outgoing
	payload []byte
	at      time.Time
}

// Echoed is the event of the part.
type Echoed struct{ Total uint32 }

// NodeEvent implements part.Event.
func (Echoed) NodeEvent() {}

// echoOpcode is a message of the company for tests.
func echoOpcode() mesh.Opcode { return mesh.VendorOpcode(5, 0xFFFF) }

// echoPayload is the message with these parameters.
func echoPayload(params []byte) []byte {
	payload, err := access.AppendOpcode(nil, echoOpcode())
	if err != nil {
		panic(err) // the opcode is one of a vendor
	}
	return append(payload, params...)
}

// Inputs implements part.Part.
func (*echo) Inputs() part.Inputs { return part.Message }

// Input implements part.Part.
func (e *echo) Input(in *part.Input) bool {
	m := in.Message
	switch {
	case m.Opcode != echoOpcode() || e.host.State().Element(m.Dst) == nil:
		return false
	case len(m.Params) == 0:
		e.empty++
		return true
	}
	e.waiting = append(e.waiting, echoed{
		to:      part.Outgoing{Src: m.Dst, Dst: m.Src, NetKey: m.NetKey, Key: m.Key, TTL: mesh.DefaultTTL},
		payload: echoPayload(m.Params),
		at:      e.host.Now().Add(echoDelay),
	})
	return true
}

// NextDeadline implements part.Part.
func (e *echo) NextDeadline() time.Time {
	if len(e.waiting) == 0 {
		return time.Time{}
	}
	return e.waiting[0].at
}

// Tick implements part.Part.
func (e *echo) Tick() {
	for len(e.waiting) > 0 && !e.host.Now().Before(e.waiting[0].at) {
		first := e.waiting[0]
		e.waiting = e.waiting[1:]
		if _, err := e.sender.Send(&first.to, first.payload); err != nil {
			continue // counted by the router
		}
		e.total++
		e.host.Save(e)
		e.host.Report(Echoed{Total: e.total})
	}
}

// LeftNetwork implements part.Part.
func (e *echo) LeftNetwork() error {
	e.waiting, e.total = nil, 0
	e.host.Save(e)
	return nil
}

// Load implements part.Part.
func (e *echo) Load(from part.Stored) error {
	switch data := from("echo"); len(data) {
	case 4:
		e.total = binary.BigEndian.Uint32(data)
	case 0:
	default:
		return fmt.Errorf("echo: expected four octets in the store, got %d", len(data))
	}
	return nil
}

// Save implements part.Part.
func (e *echo) Save(put part.Put) error {
	put("echo", binary.BigEndian.AppendUint32(nil, e.total))
	return nil
}

// Counters implements part.Part.
func (e *echo) Counters(to *part.Counters) { to.Malformed += e.empty }

// echoNetwork is a client and a node with the part, in one network.
type echoNetwork struct {
	*testing.T
	now    time.Time
	client *Core
	node   *Core
	store  store.Store
}

func echoMember(t *testing.T, address mesh.Address) (Options, Saved) {
	t.Helper()
	o := Options{
		Elements: []access.Element{{Models: []access.Model{configuration.Client{}}}},
		Random:   rand.NewChaCha8([32]byte{byte(address)}),
		Monitor:  true,
	}
	iv := mesh.IVIndex(0)
	saved, err := NewMember(Member{
		Elements: o.Elements, Address: address, IVIndex: &iv,
		Subnets: []state.Subnet{{Key: crypto.Key{1}}}, AppKeys: []state.AppKey{{Key: crypto.Key{2}}},
	}, o.Random)
	if err != nil {
		t.Fatal(err)
	}
	return o, saved
}

func newEchoNetwork(t *testing.T) *echoNetwork {
	t.Helper()
	n := &echoNetwork{T: t, now: time.Unix(1_800_000_000, 0), store: store.NewMemory()}
	o, saved := echoMember(t, 1)
	var err error
	if n.client, err = New(n.now, o, saved); err != nil {
		t.Fatal(err)
	}
	_, saved = echoMember(t, 2)
	changes, err := saved.Changes()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.store.Apply(changes...); err != nil {
		t.Fatal(err)
	}
	n.restart()
	return n
}

// restart starts the node from its store, as after a power cut.
func (n *echoNetwork) restart() {
	n.Helper()
	saved, err := Load(n.store)
	if err != nil {
		n.Fatal(err)
	}
	o, _ := echoMember(n.T, 2)
	if n.node, err = build(n.now, o, saved, withEcho()); err != nil {
		n.Fatal(err)
	}
}

// say has the client send the node a message of the vendor.
func (n *echoNetwork) say(params string) {
	n.Helper()
	if _, err := n.client.Request(n.now, Request{Dst: 2, TTL: mesh.DefaultTTL, Payload: echoPayload([]byte(params))}); err != nil {
		n.Fatal(err)
	}
	n.carry(n.client.Take(), n.node)
}

// carry brings what one core sends to the other.
func (n *echoNetwork) carry(out *Output, to *Core) {
	for i := range out.Send {
		if o := &out.Send[i]; o.Kind == bearer.Message {
			in := bearer.Incoming{Kind: o.Kind, Len: o.Len, Data: o.Data}
			to.Receive(n.now, &in)
		}
	}
}

// keep stores the output of the node, and gives its events of the part.
func (n *echoNetwork) keep(out *Output) (events []Echoed) {
	n.Helper()
	if err := Keep(n.store, out); err != nil {
		n.Fatal(err)
	}
	for _, e := range out.Report {
		if e, ok := e.(Echoed); ok {
			events = append(events, e)
		}
	}
	return events
}

// heard is the parameters of the messages that the client has got.
func (n *echoNetwork) heard() (all []string) {
	for _, e := range n.client.Take().Report {
		if e, ok := e.(MessageReceived); ok && e.Src == 2 && e.Opcode == echoOpcode() {
			all = append(all, string(e.Params))
		}
	}
	return all
}

// A part that the table has besides those of production gets inputs, time, a place in
// the store, and the end of the network; what it says goes the way of all.
func TestNewPart(t *testing.T) {
	n := newEchoNetwork(t)
	n.say("hello")
	n.keep(n.node.Take())
	due := n.now.Add(echoDelay)
	if got := n.node.NextDeadline(); got.After(due) {
		t.Fatalf("the node wants its next tick at %s, expected %s at the latest", got, due)
	}
	n.now = due.Add(-time.Millisecond)
	n.node.Tick(n.now)
	if events := n.keep(n.node.Take()); len(events) > 0 {
		t.Errorf("echoed too early: %v", events)
	}
	n.now = due
	n.node.Tick(n.now)
	out := n.node.Take()
	n.carry(out, n.client)
	if events := n.keep(out); len(events) != 1 || events[0].Total != 1 {
		t.Errorf("events %v, want the first echo", events)
	}
	if heard := n.heard(); !slices.Equal(heard, []string{"hello"}) {
		t.Errorf("the client heard %q, want hello", heard)
	}

	// The number of echoes outlives a restart; what waits does not.
	n.say("lost")
	n.keep(n.node.Take())
	n.restart()
	n.say("again")
	n.keep(n.node.Take())
	n.now = n.now.Add(echoDelay)
	n.node.Tick(n.now)
	if events := n.keep(n.node.Take()); len(events) != 1 || events[0].Total != 2 {
		t.Errorf("events %v after a restart, want the second echo", events)
	}

	// What it counts is in the counters of the node.
	n.say("")
	n.keep(n.node.Take())
	if got := n.node.Counters().Malformed; got != 1 {
		t.Errorf("%d malformed messages, want 1", got)
	}

	// A reset is the end of what waits, and of the number.
	n.say("never")
	n.keep(n.node.Take())
	if err := n.node.Reset(); err != nil {
		t.Fatal(err)
	}
	n.keep(n.node.Take())
	n.now = n.now.Add(echoDelay)
	n.node.Tick(n.now)
	if events := n.keep(n.node.Take()); len(events) > 0 {
		t.Errorf("echoed after the node had left its network: %v", events)
	}
	data, err := n.store.Get(TableNode, "echo")
	if err != nil || binary.BigEndian.Uint32(data) != 0 {
		t.Errorf("the store has %x, %v", data, err)
	}
}

// What a part cannot read of its store keeps the node from starting.
func TestNewPartThatIsDamaged(t *testing.T) {
	n := newEchoNetwork(t)
	if err := n.store.Apply(store.Change{Table: TableNode, Key: "echo", Value: []byte{1}}); err != nil {
		t.Fatal(err)
	}
	saved, err := Load(n.store)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := echoMember(t, 2)
	if _, err := build(n.now, o, saved, withEcho()); err == nil {
		t.Error("the node was opened")
	}
	if _, err := build(n.now, o, saved, table()); err != nil {
		t.Errorf("without the part: %v", err)
	}
}

// worn is a part that cannot be saved.
type worn struct {
	part.None
	host part.Host
}

var errWorn = errors.New("worn out")

// Tick implements part.Part.
func (w *worn) Tick() { w.host.Save(w) }

// Save implements part.Part.
func (*worn) Save(part.Put) error { return errWorn }

// What cannot be stored is reported. Formerly an encoding that failed was dropped
// without a trace.
func TestPartThatCannotBeStored(t *testing.T) {
	o, saved := echoMember(t, 2)
	now := time.Unix(1_800_000_000, 0)
	core, err := build(now, o, saved, append(table(), func(a *assembly) part.Part { return &worn{host: a.host} }))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // it is tried again, and reported again
		core.Tick(now)
		reported := 0
		for _, e := range core.Take().Report {
			if f, ok := e.(part.Faulted); ok && errors.Is(f.Err, errWorn) {
				reported++
			}
		}
		if reported != 1 {
			t.Errorf("reported %d times, want once for each time", reported)
		}
	}
}
