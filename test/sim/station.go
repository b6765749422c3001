package sim

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/device"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// Station is one node: a plug with its core, its store and its radio.
type Station struct {
	Core  *node.Core
	Store *store.Memory
	Plug  *device.Plug
	// Report is called with the events of the node, except for the ends of
	// requests that have a callback.
	Report func(node.Event)

	world   *World
	number  int
	options *Options
	radio   *radio
	waiting map[node.RequestID]func(node.RequestDone)
	alarm   time.Duration // when Tick is scheduled, 0 for never
}

// Options describes a network.
type Options struct {
	Seed       uint64
	Air        Air
	Neighbours [][]int // which stations hear each other, by number
	TTL        mesh.TTL
	Monitor    bool                              // of all nodes
	Adjust     func(n *state.Node)               // of all nodes, before they begin
	Store      func(number int, s *store.Memory) // the same for the stored state; it may store the node
	Stored     func(number int, s *store.Memory) // the same once the store has the node
	Core       func(*node.Options)               // the same for the other options
	Model      func() access.Model               // an additional model, nil for none
	// Elements are those of a station; nil for a plug.
	Elements func(number int) []access.Element
	// Unprovisioned stations wait for a provisioner. There is no Audit then: it
	// does not have the keys.
	Unprovisioned bool
	// Start is the time at which the world begins; zero for one that is always the
	// same.
	Start time.Time
}

// Address returns the address of the station with a number.
func Address(number int) mesh.Address { return mesh.Address(number + 1) }

// UUID returns the UUID of the station with a number.
func UUID(number int) mesh.UUID {
	return mesh.UUID{0: byte(number >> 8), 1: byte(number), 6: 0x40, 8: 0x80}
}

func deviceKey(number int) crypto.Key { return named(fmt.Sprint("device ", number)) }

// StorePeers stores the other stations in a station's store, as their provisioner
// would. Call it before the station begins.
func StorePeers(s *store.Memory, others ...int) error {
	for _, number := range others {
		p := state.Peer{UUID: UUID(number), Address: Address(number), Elements: 1, DeviceKey: deviceKey(number)}
		data, err := p.Encode()
		if err != nil {
			return err
		}
		if err := s.Apply(store.Change{Table: node.TablePeers, Key: p.UUID.String(), Value: data}); err != nil {
			return err
		}
	}
	return nil
}

// NetKey is the first network key of every simulated network.
func NetKey() crypto.Key { return named("simulated net") }

// AppKey is the first application key of every simulated network.
func AppKey() crypto.Key { return named("simulated app") }

func named(name string) crypto.Key {
	var k crypto.Key
	copy(k[:], name)
	return k
}

// New makes a network whose nodes are configured already: the same NetKey and
// AppKey, all models bound, relays on.
func New(o Options) (*World, error) {
	w := newWorld(o.Seed, o.Air)
	if !o.Start.IsZero() {
		w.start = o.Start
	}
	for number := range o.Neighbours {
		s := &Station{world: w, number: number, options: &o, Store: store.NewMemory()}
		s.radio = w.newRadio(number, func() mesh.Address { return s.Core.State().Address }, s.receive)
		if o.Store != nil {
			o.Store(number, s.Store)
		}
		if err := s.begin(); err != nil {
			return nil, err
		}
		w.Stations = append(w.Stations, s)
	}
	if o.Unprovisioned {
		w.Audit = nil // it has not got the keys
	} else {
		w.Audit.order.node = w.primary()
	}
	for number, list := range o.Neighbours {
		for _, other := range list {
			from, to := w.Stations[number].radio, w.Stations[other].radio
			from.neighbours = append(from.neighbours, to)
		}
	}
	return w, nil
}

// primary finds the primary address of the node that has an element. It looks at the
// stations again when it meets an address for the first time.
func (w *World) primary() func(mesh.Address) mesh.Address {
	known := map[mesh.Address]mesh.Address{}
	return func(a mesh.Address) mesh.Address {
		if p, ok := known[a]; ok {
			return p
		}
		known[a] = a
		for _, s := range w.Stations {
			n := s.Core.State()
			for i := range n.Elements {
				element := n.Address + mesh.Address(i)
				if n.Address.IsUnicast() {
					known[element] = n.Address
				}
			}
		}
		return known[a]
	}
}

// Restart is a crash: what is not in the store is lost.
func (s *Station) Restart() error {
	s.radio.reset()
	s.alarm = 0
	return s.begin()
}

// Sleep turns the radio off or on again; the node continues meanwhile.
func (s *Station) Sleep(asleep bool) {
	if asleep {
		s.radio.reset()
	}
	s.radio.asleep = asleep
}

// Asleep reports whether the radio is off.
func (s *Station) Asleep() bool { return s.radio.asleep }

// begin makes a core from the content of the store.
func (s *Station) begin() error {
	number, o := s.number, s.options
	s.waiting = map[node.RequestID]func(node.RequestDone){}
	s.Plug = device.NewPlug()
	elements := s.Plug.Elements()
	if o.Elements != nil {
		elements = o.Elements(number)
	}
	if o.Model != nil {
		elements[device.Primary].Models = append(elements[device.Primary].Models, o.Model())
	}
	for i := range elements {
		if !o.Unprovisioned {
			elements[i].Models = s.world.Audit.watch(Address(number), elements[i].Models)
		}
	}
	options := node.Options{
		Elements: elements,
		Random:   Random(o.Seed, number),
		Monitor:  o.Monitor,
	}
	if o.Core != nil {
		o.Core(&options)
	}
	// Opening a Node gives a store its first content.
	if _, err := node.Open(node.Config{Options: options, Store: s.Store}, func() (node.Saved, error) {
		if o.Unprovisioned {
			return node.NewDevice(UUID(number)), nil
		}
		saved := Configured(number, o.TTL, elements)
		if o.Adjust != nil {
			o.Adjust(saved.Node)
		}
		return saved, nil
	}); err != nil {
		return err
	}
	if s.Core == nil && o.Stored != nil {
		o.Stored(number, s.Store)
	}
	saved, err := node.Load(s.Store)
	if err != nil {
		return err
	}
	if s.Core, err = node.New(s.world.Now(), options, saved); err != nil {
		return err
	}
	s.Input(func(now time.Time, c *node.Core) { c.Tick(now) })
	return nil
}

// Random returns the random source of one node.
func Random(seed uint64, number int) *rand.ChaCha8 {
	var s [32]byte
	binary.LittleEndian.PutUint64(s[:], seed)
	binary.LittleEndian.PutUint64(s[8:], uint64(number))
	return rand.NewChaCha8(s)
}

// Configured returns a node in the state after provisioning and configuration.
func Configured(number int, ttl mesh.TTL, elements []access.Element) node.Saved {
	saved := node.NewDevice(UUID(number))
	n := saved.Node
	n.Address = Address(number)
	n.DeviceKey = deviceKey(number)
	n.Subnets = []state.Subnet{{Index: mesh.PrimaryNetKey, Key: NetKey()}}
	n.AppKeys = []state.AppKey{{Index: 0, NetKey: mesh.PrimaryNetKey, Key: AppKey()}}
	n.DefaultTTL = ttl
	for _, element := range elements {
		var configured state.Element
		for _, m := range element.Models {
			configured.Models = append(configured.Models, state.Model{ID: m.ID(), Bindings: []mesh.KeyIndex{0}})
		}
		n.Elements = append(n.Elements, configured)
	}
	return saved
}

func (s *Station) receive(in *bearer.Incoming) {
	s.Input(func(now time.Time, c *node.Core) { c.Receive(now, in) })
}

// Input passes an input to the core and carries out its output.
func (s *Station) Input(f func(now time.Time, c *node.Core)) {
	f(s.world.Now(), s.Core)
	s.carryOut(s.Core.Take())
	s.wind()
}

// wind schedules the next Tick.
func (s *Station) wind() {
	next := s.Core.NextDeadline()
	if next.IsZero() {
		return
	}
	at := max(next.Sub(s.world.start), s.world.now)
	if s.alarm > s.world.now && s.alarm <= at {
		return // an earlier Tick checks again
	}
	s.alarm = at
	s.world.at(at, func() {
		if s.alarm != at {
			return
		}
		s.alarm = 0
		s.Input(func(now time.Time, c *node.Core) { c.Tick(now) })
	})
}

// carryOut does what the core wants done.
func (s *Station) carryOut(out *node.Output) {
	w := s.world
	if err := node.Keep(s.Store, out); w.Audit != nil {
		w.Audit.output(out)
		w.Audit.note(err)
	}
	for _, lane := range out.Cancel {
		s.radio.Cancel(lane)
	}
	for i := range out.Send {
		_ = s.radio.Send(out.Send[i]) // failures are counted
	}
	for _, e := range out.Report {
		if done, ok := e.(node.RequestDone); ok && s.waiting[done.ID] != nil {
			f := s.waiting[done.ID]
			delete(s.waiting, done.ID)
			w.After(0, func() { f(done) })
			continue
		}
		if s.Report != nil {
			s.Report(e)
		}
	}
}

// Request sends an access message; done is called with its result.
func (s *Station) Request(r node.Request, done func(node.RequestDone)) error {
	var failed error
	s.Input(func(now time.Time, c *node.Core) {
		id, err := c.Request(now, r)
		if err != nil {
			failed = err
			return
		}
		s.waiting[id] = done
	})
	return failed
}

// Full is the number of PDUs that the radio refused.
func (s *Station) Full() uint64 { return s.radio.traffic.Full }

// Traffic is what the radio did so far.
func (s *Station) Traffic() Traffic { return s.radio.traffic }
