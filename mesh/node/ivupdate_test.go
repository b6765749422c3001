package node_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

const day = 24 * time.Hour

// couple is a gateway and one configured plug.
type couple struct {
	*pump
	gateway, plug *member
	peer          state.Peer
	tid           uint8
}

func newCouple(t *testing.T) *couple {
	t.Helper()
	p := &couple{pump: newPump(t)}
	p.gateway = p.addGateway()
	plugNode, uuid := p.addDevice("plug", node.DeviceOptions{}, plug)
	p.plug = plugNode
	p.peer = p.provision(p.gateway, uuid, provision.Auth{})
	p.setUp(p.gateway, p.peer, generic.OnOffServerID)
	return p
}

// toggle switches the plug and expects its answer.
func (p *couple) toggle() {
	p.Helper()
	p.tid++
	var status generic.OnOffStatus
	want := p.tid%2 == 1
	p.control(p.gateway, p.peer.Address, &generic.OnOffSet{OnOff: want, TID: p.tid}, &status)
	if status.PresentOnOff != want {
		p.Fatalf("set %d: %+v", p.tid, status)
	}
}

// at fails the test unless both nodes have this IV index and state.
func (p *couple) at(iv mesh.IVIndex, update bool) {
	p.Helper()
	for _, m := range p.members {
		if s := m.State(); s.IVIndex != iv || s.IVUpdate != update {
			p.Fatalf("%s is at %d, updating %t; want %d, %t", m.name, s.IVIndex, s.IVUpdate, iv, update)
		}
	}
}

// begin starts an IV Update on a node.
func (p *pump) begin(m *member) error {
	err := m.BeginIVUpdate(p.now)
	p.carryOut(m)
	return err
}

func (p *pump) end(m *member) error {
	err := m.EndIVUpdate(p.now)
	p.carryOut(m)
	return err
}

func (p *pump) testMode(members ...*member) {
	for _, m := range members {
		m.SetIVTestMode(p.now, true)
	}
}

// hearBeacon gives a node a beacon that no member of the pump has sent.
func (p *pump) hearBeacon(to *member, keys *beacon.Keys, s beacon.State) {
	p.hearPDU(to, keys.AppendSecure(nil, s))
}

func (p *pump) hearPDU(to *member, pdu []byte) {
	in := bearer.Incoming{Kind: bearer.Beacon, Len: uint8(len(pdu))}
	copy(in.Data[:], pdu)
	to.Receive(p.now, &in)
	p.carryOut(to)
}

func primaryKeys(m *member) *beacon.Keys { return beacon.NewKeys(m.State().Subnets[0].Key) }

// heard is the state of a beacon with IV index 0.
func heard(keyRefresh bool) beacon.State { return beacon.State{KeyRefresh: keyRefresh} }

func TestIVUpdateTakes96HoursInEachState(t *testing.T) {
	p := newCouple(t)
	if err := p.begin(p.gateway); !errors.Is(err, node.ErrIVTooEarly) {
		t.Fatalf("an update at once: %v", err)
	}
	if err := p.end(p.gateway); !errors.Is(err, node.ErrIVNormal) {
		t.Fatalf("an end without an update: %v", err)
	}
	p.pass(4*day - time.Hour)
	if err := p.begin(p.gateway); !errors.Is(err, node.ErrIVTooEarly) {
		t.Fatalf("after 95 hours: %v", err)
	}
	p.pass(time.Hour)
	used := p.gateway.SequenceLeft()
	if err := p.begin(p.gateway); err != nil {
		t.Fatal(err)
	}
	if err := p.begin(p.gateway); !errors.Is(err, node.ErrIVUpdating) {
		t.Errorf("a second update: %v", err)
	}
	p.toggle() // the plug has not received a beacon of it yet
	p.pass(20 * time.Second)
	p.at(1, true)
	p.toggle()
	if left := p.gateway.SequenceLeft(); left >= used {
		t.Errorf("%d sequence numbers left, %d before: they must not start over while the update is in progress", left, used)
	}
	if err := p.end(p.gateway); !errors.Is(err, node.ErrIVTooEarly) {
		t.Errorf("an early end: %v", err)
	}
	p.pass(4*day - time.Minute)
	p.at(1, true)
	p.toggle()
	p.pass(2 * time.Minute)
	p.at(1, false)
	if left := p.gateway.SequenceLeft(); left != int(mesh.MaxSequenceNumber)+1 {
		t.Errorf("%d sequence numbers left at the end of the update", left)
	}
	p.toggle()
	for _, m := range p.members {
		p.unrepeated(m)
	}
}

// The node keeps its time in the state, whatever happens to the system clock.
func TestIVUpdateOverRestartsAndClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{0, 10 * 365 * day, -10 * 365 * day} {
		t.Run(jump.String(), func(t *testing.T) {
			p := newCouple(t)
			// restart restarts all nodes with the clock set to another time.
			restart := func() {
				p.air = nil
				p.now = p.now.Add(jump)
				for _, m := range p.members {
					p.restart(m)
				}
			}
			p.pass(48 * time.Hour)
			restart()
			if err := p.begin(p.gateway); !errors.Is(err, node.ErrIVTooEarly) {
				t.Fatalf("after 48 hours and a restart: %v", err)
			}
			// A restart loses at most one hour.
			p.pass(49 * time.Hour)
			if err := p.begin(p.gateway); err != nil {
				t.Fatal(err)
			}
			p.toggle()
			p.pass(48 * time.Hour)
			p.at(1, true)
			restart()
			p.at(1, true)
			p.toggle()
			p.pass(47 * time.Hour)
			p.at(1, true)
			p.pass(2 * time.Hour)
			p.at(1, false)
			p.toggle()
			restart()
			p.at(1, false)
			p.toggle()
			if err := p.begin(p.gateway); !errors.Is(err, node.ErrIVTooEarly) {
				t.Fatalf("the next update at once: %v", err)
			}
			for _, m := range p.members {
				p.unrepeated(m)
			}
		})
	}
}

// With any restarts and changes of the system clock, no state is shorter than
// 96 hours. Each restart makes it at most one hour longer.
func TestIVStatesAreNeverTooShort(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := newPump(t)
		saved, err := node.NewNetwork(gatewayAddress, rand.NewChaCha8([32]byte{7}))
		if err != nil {
			rt.Fatal(err)
		}
		gateway := p.add("gateway", saved, node.Options{}, func() []access.Element {
			return []access.Element{{Models: []access.Model{configuration.Client{}}}}
		})
		gateway.edit(func(n *state.Node) { n.Beacon = false }) // to make the test faster
		p.begin(gateway)                                       // so that the state is stored
		data := []byte{0, 0, 0, 0, 0, 0, 4, 0}
		if err := gateway.store.Apply(store.Change{Table: node.TableNode, Key: "sequence", Value: data}); err != nil {
			rt.Fatal(err)
		}
		// Bounds of the time in the state: an update can end during a pause.
		var least, most, restarts time.Duration
		updating := gateway.State().IVUpdate
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			d := time.Duration(rapid.IntRange(0, 30*60).Draw(rt, "minutes")) * time.Minute
			p.pass(d)
			least, most = least+d, most+d
			if gateway.State().IVUpdate != updating {
				updating = gateway.State().IVUpdate
				least, most, restarts = 0, d, 0
			}
			if rapid.Bool().Draw(rt, "restart") {
				restarts++
				p.now = p.now.Add(time.Duration(rapid.IntRange(-1e6, 1e6).Draw(rt, "jump")) * time.Minute)
				p.restart(gateway)
			}
			err := p.begin(gateway)
			switch {
			case updating && least >= 4*day+restarts*time.Hour:
				rt.Fatalf("in progress for %s with %d restarts", least, restarts)
			case updating && err == nil:
				rt.Fatal("two updates were begun")
			case updating:
			case err == nil && most < 4*day:
				rt.Fatalf("an update was begun after %s", most)
			case err == nil:
				updating = true
				least, most, restarts = 0, 0, 0
			case least >= 4*day+restarts*time.Hour:
				rt.Fatalf("after %s and %d restarts: %v", least, restarts, err)
			}
		}
	})
}

func TestIVTestMode(t *testing.T) {
	p := newCouple(t)
	p.testMode(p.gateway, p.plug)
	for iv := range mesh.IVIndex(5) {
		if err := p.begin(p.gateway); err != nil {
			t.Fatal(err)
		}
		p.toggle()
		p.pass(20 * time.Second)
		p.at(iv+1, true)
		if err := p.end(p.gateway); err != nil {
			t.Fatal(err)
		}
		p.toggle()
		p.pass(20 * time.Second)
		p.at(iv+1, false)
		p.toggle()
	}
	for _, m := range p.members {
		p.unrepeated(m)
	}
}

// A segmented message is sent to its end with the IV index of its first
// segment.
func TestIVUpdateWaitsForSegmentedMessages(t *testing.T) {
	p := newCouple(t)
	p.testMode(p.gateway)
	if err := p.begin(p.gateway); err != nil {
		t.Fatal(err)
	}
	p.pass(20 * time.Second) // until the plug has received a beacon of it
	long := node.Request{
		Dst: p.peer.Address, TTL: mesh.DefaultTTL, Payload: append([]byte{0x7E}, make([]byte, 379)...), Attempts: 1,
	}
	id, err := p.gateway.Request(p.now, long)
	if err != nil {
		t.Fatal(err)
	}
	p.carryOut(p.gateway)
	p.pass(100 * time.Millisecond)
	if err := p.end(p.gateway); err != nil {
		t.Fatal(err)
	}
	p.pass(100 * time.Millisecond)
	if !p.gateway.State().IVUpdate {
		t.Fatal("the IV index changed during a segmented message")
	}
	done := await(p.pump, p.gateway, time.Minute, func(e node.RequestDone) bool { return e.ID == id })
	if done.Err != nil {
		t.Errorf("the message did not arrive: %v", done.Err)
	}
	p.pass(time.Second)
	if p.gateway.State().IVUpdate {
		t.Error("the message was delivered but the update has not ended")
	}
	p.toggle()
}

// A series of segmented messages must not keep an update from ending.
func TestIVUpdateDoesNotWaitForEver(t *testing.T) {
	p := newCouple(t)
	p.testMode(p.gateway)
	if err := p.begin(p.gateway); err != nil {
		t.Fatal(err)
	}
	// No node has these addresses, so there is always an unfinished message. One
	// transmission leaves the radio room to begin the next before the last has ended.
	p.gateway.Edit(func(n *state.Node) bool { n.NetworkTransmit.Count = 0; return true })
	ask := func(dst mesh.Address) {
		if _, err := p.gateway.Request(p.now, node.Request{
			Dst: dst, TTL: mesh.DefaultTTL, Payload: append([]byte{0x7E}, make([]byte, 379)...), Attempts: 2,
		}); err != nil {
			t.Fatal(err)
		}
		p.carryOut(p.gateway)
	}
	const first, others = mesh.Address(0x500), 12
	for i := range mesh.Address(others) {
		ask(first + i)
	}
	p.after = func() {
		if _, ok := take[node.RequestDone](p.gateway, nil); ok {
			ask(first + mesh.Address(p.random.IntN(others)))
		}
	}
	p.pass(time.Second)
	if err := p.end(p.gateway); err != nil {
		t.Fatal(err)
	}
	p.pass(9 * time.Minute)
	if !p.gateway.State().IVUpdate {
		t.Error("there was a time without a segmented message, so the test proves nothing")
	}
	p.pass(2 * time.Minute)
	if p.gateway.State().IVUpdate {
		t.Error("the update has not ended")
	}
	p.after = nil
	p.unrepeated(p.gateway)
}

func TestIVIndexRecovery(t *testing.T) {
	p := newCouple(t)
	keys := primaryKeys(p.gateway)
	plug := p.plug
	p.pass(day)
	state := func() beacon.State {
		return beacon.State{IVIndex: plug.State().IVIndex, IVUpdate: plug.State().IVUpdate}
	}
	expect := func(what string, want beacon.State) {
		t.Helper()
		if got := state(); got != want {
			t.Fatalf("%s: %+v, want %+v", what, got, want)
		}
	}
	p.hearBeacon(plug, keys, beacon.State{IVIndex: 1})
	expect("two steps while it listened for a day", beacon.State{})
	p.restart(plug)
	p.hearBeacon(plug, keys, beacon.State{IVIndex: 43})
	expect("43 ahead", beacon.State{})
	p.hearBeacon(plug, keys, beacon.State{IVIndex: 42})
	expect("42 ahead after a restart", beacon.State{IVIndex: 42})
	p.restart(plug)
	p.hearBeacon(plug, keys, beacon.State{IVIndex: 44})
	expect("a second recovery", beacon.State{IVIndex: 42})
	p.hearBeacon(plug, keys, beacon.State{IVIndex: 43, IVUpdate: true})
	expect("the next step after a recovery", beacon.State{IVIndex: 43, IVUpdate: true})
	p.hearBeacon(plug, keys, beacon.State{IVIndex: 43})
	expect("the step after that at once", beacon.State{IVIndex: 43, IVUpdate: true})
	p.members = p.members[1:] // the gateway is out of range
	p.pass(8*day - 30*time.Minute)
	expect("after 96 hours", beacon.State{IVIndex: 43})
	p.restart(plug)
	p.hearBeacon(plug, keys, beacon.State{IVIndex: 50, IVUpdate: true})
	expect("a recovery too early", beacon.State{IVIndex: 43})
	p.pass(2 * time.Hour) // the restart loses at most one
	p.hearBeacon(plug, keys, beacon.State{IVIndex: 50, IVUpdate: true})
	expect("a recovery after 192 hours", beacon.State{IVIndex: 50, IVUpdate: true})
}

// Only a new node that has not heard its network yet accepts any IV index.
func TestFarRecoveryIsForNewNodesOnly(t *testing.T) {
	for _, alone := range []bool{true, false} {
		p := newPump(t)
		gateway := p.addGateway()
		keys := primaryKeys(gateway)
		if !alone {
			p.hearBeacon(gateway, keys, beacon.State{})
		}
		p.hearBeacon(gateway, keys, beacon.State{IVIndex: 1000})
		if followed := gateway.State().IVIndex == 1000; followed != alone {
			t.Errorf("alone %t: the gateway has IV index %d", alone, gateway.State().IVIndex)
		}
		p.hearBeacon(gateway, keys, beacon.State{IVIndex: 9000})
		if gateway.State().IVIndex > 1000 {
			t.Error("the gateway accepts another far IV index")
		}
	}
}

// Old beacons, forged beacons and beacons of other subnets change nothing.
func TestBeaconsWithoutEffect(t *testing.T) {
	p := newCouple(t)
	var added configuration.NetKeyStatus
	second := [16]byte{1, 2, 3}
	p.configure(p.gateway, p.peer, &configuration.NetKeyAdd{NetKeyIndex: 1, NetKey: second}, &added)
	p.success("NetKey Add", added.Status)
	plug := p.plug
	p.restart(plug) // so that it would accept more than one step
	keys := primaryKeys(p.gateway)
	old := keys.AppendSecure(nil, beacon.State{IVIndex: 0})
	p.hearBeacon(plug, keys, beacon.State{IVIndex: 9})
	if plug.State().IVIndex != 9 {
		t.Fatal("the plug did not accept the beacon")
	}
	before := plug.Counters()
	check := func(what string, pdu []byte) {
		t.Helper()
		p.hearPDU(plug, pdu)
		if s := plug.State(); s.IVIndex != 9 || s.IVUpdate {
			t.Errorf("%s: IV index %d, updating %t", what, s.IVIndex, s.IVUpdate)
		}
	}
	check("replayed", old)
	check("the IV Update of the present index", keys.AppendSecure(nil, beacon.State{IVIndex: 9, IVUpdate: true}))
	forged := keys.AppendSecure(nil, beacon.State{IVIndex: 9})
	forged[13]++ // IV index
	check("forged", forged)
	forged = keys.AppendPrivate(nil, beacon.State{IVIndex: 9}, [13]byte{1})
	forged[18]++
	check("forged private", forged)
	check("of another network", beacon.NewKeys([16]byte{9}).AppendSecure(nil, beacon.State{IVIndex: 10, IVUpdate: true}))
	check("of another subnet", beacon.NewKeys(second).AppendSecure(nil, beacon.State{IVIndex: 10, IVUpdate: true}))
	after := plug.Counters()
	if after.IVIgnored-before.IVIgnored != 2 || after.ForeignBeacons-before.ForeignBeacons != 3 {
		t.Errorf("counted %+v, before %+v", after, before)
	}
	// A node that is not on the primary subnet follows its own subnet.
	plug.edit(func(n *state.Node) { n.Subnets = n.Subnets[1:] })
	if err := plug.BeginIVUpdate(p.now); !errors.Is(err, node.ErrIVPrimary) {
		t.Errorf("an update begun by a node that is not on the primary subnet: %v", err)
	}
	p.hearBeacon(plug, beacon.NewKeys(second), beacon.State{IVIndex: 10, IVUpdate: true})
	if s := plug.State(); s.IVIndex != 10 || !s.IVUpdate {
		t.Errorf("a node of one other subnet is at %d, %t", s.IVIndex, s.IVUpdate)
	}
}

// A node that begins an update sends beacons for it, even if its Secure Network
// Beacon state is off.
func TestInitiatorOfAnIVUpdateSendsBeacons(t *testing.T) {
	p := newCouple(t)
	p.gateway.edit(func(n *state.Node) { n.Beacon = false })
	p.plug.edit(func(n *state.Node) { n.Beacon = false })
	p.testMode(p.gateway, p.plug)
	if err := p.begin(p.gateway); err != nil {
		t.Fatal(err)
	}
	p.pass(time.Minute)
	p.at(1, true)
	if err := p.end(p.gateway); err != nil {
		t.Fatal(err)
	}
	p.pass(time.Minute)
	if s := p.plug.State(); !s.IVUpdate {
		t.Error("the plug ended the update although nobody sent a beacon of the end")
	}
	p.toggle() // their IV indexes differ by one
}
