package node_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/remoteprovisioning"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Reset is an input like any other: what it puts out is in the next output, whether
// the last one was taken or not. Formerly it did not open an input. After Take it wrote
// ForgetReplay and Left into the output that had been taken, and the next input, which
// emptied that output, lost them: the node kept the replay list of a network that it
// had left, and its owner never heard that it had.
func TestResetAfterTake(t *testing.T) {
	for name, after := range map[string]func(p *pump, m *member){
		"alone":            func(*pump, *member) {},
		"before a tick":    func(p *pump, m *member) { m.Tick(p.now) },
		"before an edit":   func(_ *pump, m *member) { m.edit(func(n *state.Node) { n.DefaultTTL = 9 }) },
		"before a request": func(p *pump, m *member) { _, _ = m.Request(p.now, node.Request{Dst: 0x0100}) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPump(t)
			gateway := p.addGateway()
			_, uuid := p.addDevice("plug", node.DeviceOptions{}, plug)
			p.setUp(gateway, p.provision(gateway, uuid, provision.Auth{}))
			if gateway.replayEntries(t) == 0 {
				t.Fatal("the gateway has heard nobody")
			}
			gateway.Take()
			if err := gateway.Reset(); err != nil {
				t.Fatal(err)
			}
			after(p, gateway)
			out := gateway.Take()
			left := false
			for _, e := range out.Report {
				if _, ok := e.(node.Left); ok {
					left = true
				}
			}
			if !out.ForgetReplay || !left || len(out.Replay) > 0 {
				t.Errorf("forget the replay list: %t, left: %t, %d entries", out.ForgetReplay, left, len(out.Replay))
			}
			if err := node.Keep(gateway.store, out); err != nil {
				t.Fatal(err)
			}
			if n := gateway.replayEntries(t); n != 0 {
				t.Errorf("%d replay entries of the old network are left", n)
			}
		})
	}
}

// The states that a Low Power node does not have are stored as it has them. Formerly
// they were changed in memory only, and a program that was started again without the
// option had a relay state that no output had ever shown. The pump checks the same
// after every step of every test.
func TestLowPowerStatesAreStored(t *testing.T) {
	saved, err := node.NewNetwork(gatewayAddress, rand.NewChaCha8([32]byte{7}))
	if err != nil {
		t.Fatal(err)
	}
	saved.Node.Relay, saved.Node.Friend = state.Enabled, state.Enabled
	o := node.Options{Elements: lamp(), Random: rand.NewChaCha8([32]byte{1})}
	first, err := node.New(start, o, saved)
	if err != nil {
		t.Fatal(err)
	}
	saved.Node = first.State() // with its elements, so that nothing else is new
	o.LowPower = &node.LowPowerOptions{}
	core, err := node.New(start, o, saved)
	if err != nil {
		t.Fatal(err)
	}
	core.Tick(start)
	var stored *state.Node
	for _, c := range core.Take().Persist {
		if c.Table == node.TableNode && c.Key == "state" {
			if stored, err = state.Decode(c.Value); err != nil {
				t.Fatal(err)
			}
		}
	}
	if stored == nil {
		t.Fatal("the state was not stored")
	}
	if !stored.LowPower || stored.Relay != state.Unsupported || stored.Friend != state.Unsupported {
		t.Errorf("stored: low power %t, relay %d, friend %d", stored.LowPower, stored.Relay, stored.Friend)
	}
}

// A node that was a friend and is started as a Low Power node is no friend any more.
// Formerly the Friend role was made before the state was changed, and took the
// answers to the node's own Friend Requests, so that it never found a friend.
func TestFriendBecomesALowPowerNode(t *testing.T) {
	p := newPump(t)
	gateway := p.addFriend()
	dev, uuid := p.addDevice("plug", node.DeviceOptions{}, plug)
	p.provision(gateway, uuid, provision.Auth{})
	p.change(dev, func(n *state.Node) { n.Friend = state.Enabled })
	dev.options.LowPower = &node.LowPowerOptions{PollTimeout: 30 * time.Second}
	p.restart(dev)
	p.run(20*time.Second, "a friendship", func() bool { return len(gateway.Friendships()) == 1 })
}

// delicate is a model that takes its stored state once.
type delicate struct{ restored int }

const delicateID = mesh.ModelID(0xFFFF<<16 | 1)

var errDelicate = errors.New("the state is worn out")

func (*delicate) ID() mesh.ModelID                         { return delicateID }
func (*delicate) Opcodes() []mesh.Opcode                   { return nil }
func (*delicate) Receive(access.Context, *access.Incoming) {}
func (*delicate) State() []byte                            { return []byte{1} }
func (d *delicate) Restore([]byte) error {
	if d.restored++; d.restored > 1 {
		return errDelicate
	}
	return nil
}

// A new composition that cannot be used is reported, and the node goes on as it was.
// Formerly the error was dropped: the gateway was told that the refresh had worked, the
// node was half of each, and nobody heard of it.
func TestCompositionThatCannotBeUsed(t *testing.T) {
	for name, procedure := range map[string]remoteprovisioning.RefreshProcedure{
		"composition": remoteprovisioning.RefreshComposition, "address": remoteprovisioning.RefreshNodeAddress,
	} {
		t.Run(name, func(t *testing.T) { cannotBeUsed(t, procedure) })
	}
}

func cannotBeUsed(t *testing.T, procedure remoteprovisioning.RefreshProcedure) {
	t.Helper()
	c := newChain(t, node.DeviceOptions{})
	program := func(more ...access.Model) func() []access.Element {
		return func() []access.Element {
			e := servingPlug()
			e[0].Models = append(append(e[0].Models, &delicate{}), more...)
			return e
		}
	}
	c.server.options.KeepComposition = false
	c.server.elements = program()
	c.restart(c.server)
	c.server.WithModel(c.now, 0, delicateID, func(access.Context) {})
	c.carryOut(c.server)
	c.usable(c.serverPeer)
	c.server.options.KeepComposition = true
	c.server.elements = program(access.Client(light.LightnessClientID))
	c.restart(c.server)
	had := len(c.server.State().Elements[0].Models)

	c.server.events = nil
	var want error
	if procedure == remoteprovisioning.RefreshNodeAddress {
		want = node.ErrNotRenewed // the gateway finds it at its former address
	}
	if done := c.refresh(procedure); !errors.Is(done.Err, want) {
		t.Fatalf("got %v, want %v", done.Err, want)
	}
	fault, ok := take[node.Faulted](c.server, nil)
	if !ok || !errors.Is(fault.Err, errDelicate) || !strings.Contains(fault.Err.Error(), "keeps its address") {
		t.Errorf("reported %v", fault.Err)
	}
	n := c.server.State()
	if has := len(n.Elements[0].Models); has != had || n.Address != c.serverPeer.Address {
		t.Errorf("after the refresh the node is %s with %d models, was %s with %d", n.Address, has, c.serverPeer.Address, had)
	}
	var status generic.OnOffStatus
	c.control(c.gateway, c.serverPeer.Address, &generic.OnOffSet{OnOff: true, TID: 9}, &status)
	if !status.PresentOnOff {
		t.Error("the node cannot be switched any more")
	}
}
