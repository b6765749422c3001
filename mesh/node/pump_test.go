package node_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// pump joins cores by an air that is a list: what one sends, all others hear
// some milliseconds later, unless it is lost. Time goes from one event to the
// next.
type pump struct {
	testing.TB
	now     time.Time
	random  *rand.Rand
	loss    float64
	members []*member
	air     []delivery
	after   func()                         // called after each step
	watch   func(*member, *node.Output)    // sees every output before it is carried out
	tap     func(*member, bearer.Incoming) // hears what is delivered
	deaf    func(from, to *member) bool    // who does not hear whom by advertising; nil: everybody does
	gatt    *gattAir                       // nil: there are no connections
}

// member is a node with its store.
type member struct {
	*node.Core
	name     string
	options  node.Options
	elements func() []access.Element // a program that starts again has new models
	store    store.Store
	events   []node.Event
	sent     map[string]int // PDUs on the own lane, how often
	checked  *state.Node    // was found in the store
	quiet    int            // steps that neither stored nor reported anything
	spoiled  bool           // its state was changed in memory only, on purpose

	missed   int // PDUs that came while the radio was off
	listened time.Duration
}

type delivery struct {
	at time.Time
	to *member
	in bearer.Incoming
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const airTime = 3 * time.Millisecond

func newPump(t testing.TB) *pump {
	return &pump{
		TB:     t,
		now:    start,
		random: rand.New(rand.NewPCG(1, 2)),
	}
}

// add makes a node of what was saved and lets it take part.
func (p *pump) add(name string, saved node.Saved, o node.Options, elements func() []access.Element) *member {
	p.Helper()
	m := p.enlist(name, &saved, o, elements)
	p.start(m, saved)
	return m
}

// enlist makes a node that is not started yet, and stores it as Open does.
func (p *pump) enlist(name string, saved *node.Saved, o node.Options, elements func() []access.Element) *member {
	p.Helper()
	var seed [32]byte
	copy(seed[:], name)
	o.Random = rand.NewChaCha8(seed)
	m := &member{name: name, options: o, elements: elements, store: store.NewMemory(), sent: map[string]int{}}
	changes, err := saved.Changes()
	if err != nil {
		p.Fatal(err)
	}
	if err := m.store.Apply(changes...); err != nil {
		p.Fatal(err)
	}
	p.members = append(p.members, m)
	return m
}

// start makes the core of a node. Its first input is a tick, as Run has it: that puts
// out what New has changed.
func (p *pump) start(m *member, saved node.Saved) {
	p.Helper()
	o := m.options
	o.Elements = m.elements()
	core, err := node.New(p.now, o, saved)
	if err != nil {
		p.Fatalf("%s: %v", m.name, err)
	}
	m.Core = core
	m.Tick(p.now)
	p.carryOut(m)
}

// edit changes the configuration of a node by hand.
func (m *member) edit(f func(*state.Node)) {
	m.Edit(func(n *state.Node) bool {
		f(n)
		return true
	})
}

// restart ends a node as kill -9 does, and starts it from its store.
func (p *pump) restart(m *member) {
	p.Helper()
	saved, err := node.Load(m.store)
	if err != nil {
		p.Fatalf("%s: %v", m.name, err)
	}
	p.start(m, saved)
}

// carryOut does what a core wants done, in the order it wants it.
func (p *pump) carryOut(m *member) {
	p.Helper()
	out := m.Take()
	if p.watch != nil {
		p.watch(m, out)
	}
	if err := node.Keep(m.store, out); err != nil {
		p.Fatalf("%s: %v", m.name, err)
	}
	p.stored(m, out)
	for i := range out.Send {
		o := &out.Send[i]
		if o.Lane.IsOwn() {
			m.sent[string(o.PDU())]++
		}
		if o.Kind == bearer.Solicitation {
			p.gatt.solicited(m, o)
			continue
		}
		in := bearer.Incoming{Kind: o.Kind, RSSI: -60, Len: o.Len, Data: o.Data}
		for _, other := range p.members {
			if other != m && p.random.Float64() >= p.loss && (p.deaf == nil || !p.deaf(m, other)) {
				p.air = append(p.air, delivery{p.now.Add(airTime), other, in})
			}
		}
	}
	if p.gatt != nil {
		p.gatt.carryOut(m, out.GATT)
	}
	m.events = append(m.events, out.Report...)
}

// stored fails when the state of a node in its store is another than the one it
// has: after a crash it would go on with what it no longer is. It looks after every
// step that stores or reports something and after every twentieth of the others, which
// are nearly all. It encodes the state only when that, or what is stored, has changed.
func (p *pump) stored(m *member, out *node.Output) {
	const rest = 20
	if len(out.Persist)+len(out.Report) == 0 {
		if m.quiet++; m.quiet%rest != 0 {
			return
		}
	}
	p.Helper()
	has := m.State()
	written := slices.ContainsFunc(out.Persist, func(c store.Change) bool { return c.Table == node.TableNode && c.Key == "state" })
	if m.spoiled || !written && reflect.DeepEqual(has, m.checked) {
		return
	}
	m.checked = has
	data, err := m.store.Get(node.TableNode, "state")
	if err != nil {
		p.Fatalf("%s: %v", m.name, err)
	}
	want, err := has.Encode()
	if err != nil {
		p.Fatalf("%s: %v", m.name, err)
	}
	saved, err := state.Decode(data)
	if err != nil {
		p.Fatalf("%s: %v", m.name, err)
	}
	if data, err = saved.Encode(); err != nil || !bytes.Equal(data, want) {
		p.Fatalf("%s has changed its state and not stored it\nstored %s\nhas    %s", m.name, data, want)
	}
}

// run lets time pass until done is true, and fails when it is not within the
// limit.
func (p *pump) run(limit time.Duration, what string, done func() bool) {
	p.Helper()
	for end := p.now.Add(limit); !done(); {
		if !p.step(end) {
			p.Fatalf("after %s: %s did not happen", limit, what)
		}
	}
}

// pass lets time pass.
func (p *pump) pass(d time.Duration) {
	p.Helper()
	end := p.now.Add(d)
	for p.step(end) {
		continue
	}
}

// step goes to the next event, and reports false when there is none until end.
func (p *pump) step(end time.Time) bool {
	p.Helper()
	var next *member
	at := end
	for _, m := range p.members {
		if d := m.NextDeadline(); !d.IsZero() && d.Before(at) {
			at, next = d, m
		}
	}
	if p.gatt.before(at) && (len(p.air) == 0 || p.gatt.before(p.air[0].at)) {
		p.gatt.step()
		p.stepped()
		return true
	}
	if len(p.air) > 0 && !p.air[0].at.After(at) {
		d := p.air[0]
		p.air = p.air[1:]
		p.passes(later(p.now, d.at))
		if !d.to.Awake(p.now) {
			d.to.missed++
			return true
		}
		if p.tap != nil {
			p.tap(d.to, d.in)
		}
		d.to.Receive(p.now, &d.in)
		p.carryOut(d.to)
		p.stepped()
		return true
	}
	if next == nil {
		p.passes(later(p.now, end))
		return false
	}
	p.passes(later(p.now, at))
	next.Tick(p.now)
	p.carryOut(next)
	if d := next.NextDeadline(); d.Equal(at) {
		p.stuck(next, at)
	}
	p.stepped()
	return true
}

// passes moves the time on, and adds up for how long the radios of Low Power
// nodes are on meanwhile: nearly, in a thousand steps at most.
func (p *pump) passes(now time.Time) {
	step := max(time.Millisecond, now.Sub(p.now)/1000)
	for _, m := range p.members {
		if m.options.LowPower == nil {
			continue
		}
		for at := p.now; at.Before(now); at = at.Add(step) {
			if m.Awake(at) {
				m.listened += min(step, now.Sub(at))
			}
		}
	}
	p.now = now
}

func (p *pump) stepped() {
	if p.after != nil {
		p.after()
	}
}

// stuck fails when a deadline does not move by being served.
func (p *pump) stuck(m *member, at time.Time) {
	p.Helper()
	for range 20 {
		m.Tick(p.now)
		p.carryOut(m)
		if !m.NextDeadline().Equal(at) {
			return
		}
	}
	p.Fatalf("%s: the deadline %s stands still", m.name, at)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// take returns the first event of a type that fits, and forgets all up to it.
func take[T node.Event](m *member, fits func(T) bool) (T, bool) {
	for i, e := range m.events {
		if e, ok := e.(T); ok && (fits == nil || fits(e)) {
			m.events = m.events[i+1:]
			return e, true
		}
	}
	var none T
	return none, false
}

// await waits for an event.
func await[T node.Event](p *pump, m *member, limit time.Duration, fits func(T) bool) T {
	p.Helper()
	var found T
	p.run(limit, fmt.Sprintf("%T of %s", found, m.name), func() (ok bool) {
		found, ok = take(m, fits)
		return ok
	})
	return found
}

// gatewayAddress is the provisioner's.
const gatewayAddress mesh.Address = 0x0001

// addGateway adds the first node of a new network.
func (p *pump) addGateway() *member { return p.addGatewayWith(node.Options{Monitor: true}) }

func (p *pump) addGatewayWith(o node.Options) *member {
	p.Helper()
	saved, err := node.NewNetwork(gatewayAddress, rand.NewChaCha8([32]byte{7}))
	if err != nil {
		p.Fatal(err)
	}
	return p.add("gateway", saved, o, func() []access.Element {
		return []access.Element{{Models: []access.Model{configuration.Client{}}}}
	})
}

// addDevice adds an unprovisioned device.
func (p *pump) addDevice(name string, o node.DeviceOptions, elements func() []access.Element) (*member, mesh.UUID) {
	p.Helper()
	var uuid mesh.UUID
	copy(uuid[:], name)
	return p.add(name, node.NewDevice(uuid), node.Options{Device: o}, elements), uuid
}

// provision takes a device into the network of the gateway.
func (p *pump) provision(gateway *member, uuid mesh.UUID, auth provision.Auth) state.Peer {
	p.Helper()
	await(p, gateway, 30*time.Second, func(e node.DeviceHeard) bool { return e.UUID == uuid })
	if err := gateway.Provision(p.now, node.Provision{UUID: uuid, Auth: auth}); err != nil {
		p.Fatal(err)
	}
	p.carryOut(gateway)
	done := await(p, gateway, 3*time.Minute, func(e node.ProvisioningDone) bool { return e.UUID == uuid })
	if done.Err != nil {
		p.Fatal(done.Err)
	}
	return done.Peer
}

// ask sends a message from the gateway and waits for the answer, which it
// decodes into response.
func (p *pump) ask(gateway *member, r node.Request, m, response access.Message) node.RequestDone {
	p.Helper()
	payload, err := access.Append(nil, m)
	if err != nil {
		p.Fatal(err)
	}
	r.Payload, r.TTL, r.Respond = payload, mesh.DefaultTTL, response.Opcode()
	id, err := gateway.Request(p.now, r)
	if err != nil {
		p.Fatal(err)
	}
	p.carryOut(gateway)
	done := await(p, gateway, 2*time.Minute, func(e node.RequestDone) bool { return e.ID == id })
	if done.Err != nil {
		p.Fatalf("%T: %v", m, done.Err)
	}
	if err := access.Decode(done.Response.Params, response); err != nil {
		p.Fatalf("%T: %v", m, err)
	}
	return done
}

// configure asks the Configuration Server of a node.
func (p *pump) configure(gateway *member, peer state.Peer, m, response access.Message) {
	p.Helper()
	p.ask(gateway, node.Request{Dst: peer.Address, Key: transport.Key{Device: peer.Address}}, m, response)
}

// control asks a model under AppKey 0.
func (p *pump) control(gateway *member, dst mesh.Address, m, response access.Message) {
	p.Helper()
	p.ask(gateway, node.Request{Dst: dst}, m, response)
}

// setUp gives a node the gateway's AppKey, binds all application models to it,
// and lets those listed publish to the gateway.
func (p *pump) setUp(gateway *member, peer state.Peer, publishing ...mesh.ModelID) *configuration.Composition {
	p.Helper()
	var data configuration.CompositionDataStatus
	p.configure(gateway, peer, &configuration.CompositionDataGet{}, &data)
	composition, err := data.Composition()
	if err != nil {
		p.Fatal(err)
	}
	var key configuration.AppKeyStatus
	p.configure(gateway, peer, &configuration.AppKeyAdd{AppKey: gateway.State().AppKeys[0].Key}, &key)
	p.success("AppKey Add", key.Status)
	for i, element := range composition.Elements {
		for _, id := range element.Models {
			if id.Number() < 0x1000 {
				continue
			}
			address := peer.Address + mesh.Address(i)
			var bound configuration.ModelAppStatus
			p.configure(gateway, peer, &configuration.ModelAppBind{ElementAddress: address, ModelIdentifier: id}, &bound)
			p.success("App Bind", bound.Status)
			for _, want := range publishing {
				if want == id {
					p.publish(gateway, peer, address, id, 0)
				}
			}
		}
	}
	return composition
}

func (p *pump) publish(gateway *member, peer state.Peer, element mesh.Address, id mesh.ModelID, period uint8) {
	p.Helper()
	var status configuration.ModelPublicationStatus
	p.configure(gateway, peer, &configuration.ModelPublicationSet{
		ElementAddress: element, PublishAddress: gatewayAddress, ModelIdentifier: id,
		PublishParameters: configuration.PublishParameters{PublishTTL: mesh.DefaultTTL, PublishPeriod: period},
	}, &status)
	p.success("Publication Set", status.Status)
}

func (p *pump) success(what string, s foundation.Status) {
	p.Helper()
	if s != foundation.Success {
		p.Fatalf("%s: %s", what, s)
	}
}

// hear waits for a message that reached the gateway without being asked for.
func (p *pump) hear(gateway *member, limit time.Duration, src mesh.Address, m access.Message) {
	p.Helper()
	e := await(p, gateway, limit, func(e node.MessageReceived) bool { return e.Src == src && e.Opcode == m.Opcode() })
	if err := access.Decode(e.Params, m); err != nil {
		p.Fatalf("%T: %v", m, err)
	}
}

// unrepeated fails when a node has sent a PDU twice: each has a sequence
// number of its own, so all of them differ.
func (p *pump) unrepeated(m *member) {
	p.Helper()
	for pdu, times := range m.sent {
		if times > 1 {
			p.Errorf("%s: PDU %x went out %d times", m.name, pdu, times)
		}
	}
}
