package node_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// A lamp: a node with server models. Here it is already in a network, and a
// remote control in that network switches it on. With a real radio the bearer
// is an advertiser.Bearer of package hci/advertiser.
func ExampleNode_lamp() {
	lamp := device.NewLamp()
	n := must(node.Open(node.Config{
		Options: node.Options{Elements: lamp.Elements(), Random: rand.Reader},
		Store:   store.NewMemory(), // a product uses a disk.Store
	}, func() (node.Saved, error) { return inNetwork(0x0002, lamp.Elements()), nil }))
	home := newEther()
	defer home.close()
	home.run(n)

	remote := home.open(node.Options{Elements: clients()}, inNetwork(0x0001, clients()))
	answer := ask(remote, 0x0002, transport.Key{App: 0}, &generic.OnOffSet{OnOff: true}, generic.OpOnOffStatus)
	fmt.Println(answer.Src, "answers", answer.Opcode, answer.Params)
	err := n.WithModel(context.Background(), device.Primary, generic.OnOffServerID, func(ctx access.Context) {
		fmt.Println("the lamp is on:", lamp.IsOn(ctx.Now()))
	})
	fmt.Println(err)
	// Output:
	// 0x0002 answers 8204 [1]
	// the lamp is on: true
	// <nil>
}

// A button: a node with a client model. It publishes to a group when it is
// pressed. Another node with Options.Monitor reports the messages to the group.
func ExampleNode_button() {
	home := newEther()
	defer home.close()
	button := device.NewButton()
	saved := inNetwork(0x0003, button.Elements())
	models := saved.Node.Elements[device.Primary].Models
	client := slices.IndexFunc(models, func(m state.Model) bool { return m.ID == generic.OnOffClientID })
	models[client].Publication = state.Publication{Address: 0xC000, TTL: mesh.DefaultTTL}
	n := home.open(node.Options{Elements: button.Elements()}, saved)
	observer := home.open(node.Options{Elements: clients(), Monitor: true}, inNetwork(0x0004, clients()))

	for range 2 {
		if err := n.WithModel(context.Background(), device.Primary, generic.OnOffClientID, button.Press); err != nil {
			fmt.Println(err)
		}
		m := next[node.MessageReceived](observer)
		fmt.Println(m.Src, "sends to", m.Dst, m.Opcode, "on:", m.Params[0] == 1)
	}
	// Output:
	// 0x0003 sends to 0xc000 8203 on: true
	// 0x0003 sends to 0xc000 8203 on: false
}

// A gateway: the first node of a new network. It finds an unprovisioned lamp,
// provisions it, gives it an AppKey and switches it on.
func ExampleNode_gateway() {
	home := newEther()
	defer home.close()
	home.open(node.Options{Elements: device.NewLamp().Elements()}, node.NewDevice(mesh.UUID{0x1A}))
	gateway := home.open(node.Options{Elements: clients(), Monitor: true}, must(node.NewNetwork(0x0001, rand.Reader)))

	ctx := context.Background()
	found := next[node.DeviceHeard](gateway)
	lamp := must(gateway.Provision(ctx, node.Provision{UUID: found.UUID}))
	fmt.Println("provisioned", lamp.UUID, "as", lamp.Address)

	deviceKey, appKey := transport.Key{Device: lamp.Address}, transport.Key{App: 0}
	ask(gateway, lamp.Address, deviceKey, &configuration.AppKeyAdd{
		AppKey: must(gateway.ApplicationKey(ctx, 0)),
	}, configuration.OpAppKeyStatus)
	ask(gateway, lamp.Address, deviceKey, &configuration.ModelAppBind{
		ElementAddress: lamp.Address, ModelIdentifier: generic.OnOffServerID,
	}, configuration.OpModelAppStatus)
	answer := ask(gateway, lamp.Address, appKey, &generic.OnOffSet{OnOff: true}, generic.OpOnOffStatus)
	fmt.Println("the lamp answers", answer.Opcode, answer.Params)
	// Output:
	// provisioned 1a000000000000000000000000000000 as 0x0002
	// the lamp answers 8204 [1]
}

// clients returns the elements of a node that only sends requests.
func clients() []access.Element {
	return []access.Element{{Models: []access.Model{access.Client(generic.OnOffClientID)}}}
}

// ask sends an access message and waits for the response.
func ask(n *exampleNode, to mesh.Address, key transport.Key, m access.Message, response mesh.Opcode) node.Response {
	return must(n.Request(context.Background(), node.Request{
		Dst: to, Key: key, TTL: mesh.DefaultTTL, Payload: must(access.Append(nil, m)), Respond: response,
	}))
}

// next waits for an event of a type.
func next[E node.Event](n *exampleNode) E {
	for {
		if e, ok := (<-n.events).(E); ok {
			return e
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// inNetwork returns the state of a node after provisioning and configuration:
// an address, keys, and models with bound keys. The keys are for examples only.
func inNetwork(address mesh.Address, elements []access.Element) node.Saved {
	saved := node.NewDevice(mesh.UUID{byte(address)})
	n := saved.Node
	n.Address, n.DeviceKey, n.DefaultTTL = address, crypto.Key{1, byte(address)}, 5
	n.Subnets = []state.Subnet{{Key: crypto.Key{2}}}
	n.AppKeys = []state.AppKey{{Key: crypto.Key{3}}}
	for _, e := range elements {
		var configured state.Element
		for _, m := range e.Models {
			configured.Models = append(configured.Models, state.Model{ID: m.ID(), Bindings: []mesh.KeyIndex{0}})
		}
		n.Elements = append(n.Elements, configured)
	}
	return saved
}

// ether replaces the radio in the examples: all other nodes hear at once what a
// node sends.
type ether struct {
	ctx  context.Context
	stop context.CancelFunc
	runs sync.WaitGroup

	mu    sync.Mutex
	nodes []*node.Node
}

func newEther() *ether {
	ctx, stop := context.WithCancel(context.Background())
	return &ether{ctx: ctx, stop: stop}
}

// exampleNode is a node with its events. They need not be read.
type exampleNode struct {
	*node.Node
	events chan node.Event
}

// open makes a node and runs it.
func (e *ether) open(o node.Options, saved node.Saved) *exampleNode {
	o.Random = rand.Reader
	const room = 64
	events := make(chan node.Event, room)
	n := must(node.Open(node.Config{Options: o, Store: store.NewMemory(), Report: func(e node.Event) {
		select {
		case events <- e:
		default: // the example reads only the first events
		}
	}}, func() (node.Saved, error) { return saved, nil }))
	e.run(n)
	return &exampleNode{n, events}
}

func (e *ether) run(n *node.Node) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.nodes = append(e.nodes, n)
	e.runs.Go(func() { n.Run(e.ctx, antenna{e, n}) })
}

// close stops all nodes and waits for them.
func (e *ether) close() {
	e.stop()
	e.runs.Wait()
}

// antenna is the ether as one node's bearer.
type antenna struct {
	*ether
	of *node.Node
}

// Send implements bearer.Bearer.
func (a antenna) Send(o bearer.Outgoing) error {
	in := bearer.Incoming{Kind: o.Kind, RSSI: -60, Len: o.Len, Data: o.Data}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range a.nodes {
		if n != a.of {
			n.Receive(&in)
		}
	}
	return nil
}

// Cancel implements bearer.Bearer: no PDU waits to be sent.
func (antenna) Cancel(bearer.Lane) {}
