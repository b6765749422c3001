package node

import (
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/internal/router"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// Core is one node without I/O, clock or goroutines. Each input (Receive, Tick,
// Request, Provision and the like) comes with its time. What is to be done because
// of it is taken with Take and carried out before the next input. A Core belongs
// to one goroutine.
//
// It hosts the parts of the node (package part) and takes inputs to them.
type Core struct {
	options Options
	host    *host
	router  *router.Router
	parts   *assembly
	all     []part.Part
	takers  [part.Kinds][]part.Part // by kind of input, in the order of all
	inputs  [part.Kinds]part.Input  // memory that is used again for each input
	taken   bool                    // the output was taken

	next      time.Time // the next deadline
	nextKnown bool      // until an input changes something
}

// New makes a node of what was saved, or of nothing: an unprovisioned device. An
// error says what is missing, or which saved value cannot be used.
func New(now time.Time, o Options, s Saved) (*Core, error) { return build(now, o, s, table()) }

// build makes a node with the parts of a table.
func build(now time.Time, o Options, s Saved, entries []entry) (*Core, error) {
	switch {
	case len(o.Elements) == 0 || o.Random == nil:
		return nil, errors.New("node: a node needs an element and a source of randomness")
	case s.Node == nil:
		return nil, errors.New("node: no state was given; make it with NewDevice or NewNetwork")
	}
	c := &Core{options: o}
	c.host = &host{random: o.Random, now: now, state: s.Node, sequence: s.sequence, derive: c.derive}
	c.router = router.New(router.Config{
		Host: c.host, Output: &c.host.output, Sequence: &c.host.sequence,
		SAR: o.SAR, CacheSize: o.CacheSize, Sources: o.ReplaySize,
	})
	c.parts = c.assemble(&s)
	for _, e := range entries {
		c.add(e(c.parts))
	}
	if err := c.load(&s); err != nil {
		return nil, err
	}
	c.close() // what the parts put out when they begin is in the first output
	return c, nil
}

// add adds a part.
func (c *Core) add(p part.Part) {
	c.all = append(c.all, p)
	for kind := range c.takers {
		c.inputs[kind].Kind = 1 << kind
		if p.Inputs()&(1<<kind) != 0 {
			c.takers[kind] = append(c.takers[kind], p)
		}
	}
}

// load gives the parts what was saved of them.
func (c *Core) load(s *Saved) error {
	n := s.Node
	c.host.sequence.Start(c.parts.ivUpdate.State().TransmitIVIndex())
	for _, p := range c.all {
		if err := p.Load(s.value); err != nil {
			return fmt.Errorf("node: what is stored cannot be restored: %w", err)
		}
	}
	replay := s.Replay
	if !n.IsProvisioned() {
		replay = nil // of a network that the node has left
	}
	if err := c.router.Start(replay); err != nil {
		return err
	}
	c.derive()
	c.parts.models.Attach()
	return nil
}

// input wraps every input: it opens it, runs it, and closes it when run returns
// true. An input that has changed nothing returns false.
func (c *Core) input(now time.Time, run func() bool) {
	c.forgetTaken()
	if now.After(c.host.now) {
		c.host.now = now
	}
	if run() {
		c.close()
	}
}

// do wraps an input that always changes something.
func (c *Core) do(now time.Time, run func()) {
	c.input(now, func() bool {
		run()
		return true
	})
}

// close ends an input: all parts add what they collected to the output, and so do
// the changes that must be stored.
func (c *Core) close() {
	c.flush()
	c.host.save()
	c.nextKnown = false
}

// flush runs until no part has anything left to put out.
func (c *Core) flush() {
	for c.router.Flush() || c.host.flush() {
		continue
	}
}

// Take returns what is to be done because of the inputs since the last Take. It is
// valid until the next input.
func (c *Core) Take() *Output {
	c.forgetTaken()
	c.taken = true
	return &c.host.output
}

// forgetTaken empties an output that was taken.
func (c *Core) forgetTaken() {
	if c.taken {
		c.host.output.Reset()
		c.taken = false
	}
}

// Receive handles a PDU from the radio.
func (c *Core) Receive(now time.Time, in *bearer.Incoming) {
	c.input(now, func() bool {
		if !c.Awake(now) {
			return false // the radio is off, or should be
		}
		o := part.Origin{Adapter: in.Adapter, RSSI: in.RSSI}
		switch in.Kind {
		case bearer.Message:
			return c.router.Receive(in.PDU(), o)
		case bearer.Beacon:
			inlet{c}.ReceiveBeacon(in.PDU(), o)
		case bearer.Provisioning:
			i := c.memory(part.Provisioning)
			i.PDU, i.Origin = in.PDU(), o
			c.dispatch(i)
		default:
			c.host.CountMalformed()
			return false
		}
		return true
	})
}

// ReceiveSighting handles an advertisement of a mesh service.
func (c *Core) ReceiveSighting(now time.Time, s *bearer.Sighting) {
	c.do(now, func() {
		i := c.memory(part.Sighting)
		i.Sighting = s
		c.dispatch(i)
	})
}

// ReceiveLink handles an event of a connection.
func (c *Core) ReceiveLink(now time.Time, e *bearer.LinkEvent) {
	c.do(now, func() {
		i := c.memory(part.Link)
		i.Link = e
		c.dispatch(i)
	})
}

// NextDeadline is when Tick wants to be called; zero for never. After an input that
// changed nothing, such as a duplicate, it costs nothing.
func (c *Core) NextDeadline() time.Time {
	if c.nextKnown {
		return c.next
	}
	next := c.router.NextDeadline()
	for _, p := range c.all {
		next = deadline.Earliest(next, p.NextDeadline())
	}
	c.next, c.nextKnown = next, true
	return next
}

// Tick does what is due.
func (c *Core) Tick(now time.Time) {
	c.do(now, func() {
		if deadline.Due(c.router.NextDeadline(), now) {
			c.router.Tick()
			c.flush()
		}
		for _, p := range c.all {
			p.Tick()
		}
	})
}

// Awake reports whether the radio of the node is to listen. That of a Low Power
// node with a friend need not, but for the receive windows.
func (c *Core) Awake(now time.Time) bool { return c.parts.friendships.LowPower.Awake(now) }

// WithModel runs call in the context of one of the node's models, for what comes
// from outside the mesh: a button that is pressed, a sensor that is read. It
// reports false when the node has no such model.
func (c *Core) WithModel(now time.Time, element int, id mesh.ModelID, call func(access.Context)) bool {
	found := false
	c.do(now, func() { found = c.parts.models.Call(element, id, call) })
	return found
}

// State is a copy of the node's configuration.
func (c *Core) State() *state.Node { return c.host.state.Clone() }

// Address is the address of the primary element; unassigned while the node is not
// provisioned.
func (c *Core) Address() mesh.Address { return c.host.state.Address }

// Edit changes the node's configuration. The node stores it and acts by it, unless
// change returns false: then nothing has changed.
func (c *Core) Edit(change func(*state.Node) bool) {
	c.do(c.host.now, func() { c.edit(change) })
}

func (c *Core) edit(change func(*state.Node) bool) {
	if change(c.host.state) {
		c.host.edited = true
		c.derive()
	}
}

// derive makes all parts act by the changed configuration.
func (c *Core) derive() {
	c.router.ConfigurationChanged()
	for _, p := range c.all {
		p.ConfigurationChanged()
	}
}

// Reset takes the node out of its network (section 3.10.7). It becomes an
// unprovisioned device again.
func (c *Core) Reset() error {
	var err error
	c.do(c.host.now, func() { err = c.leave() })
	return err
}

func (c *Core) leave() error {
	h := c.host
	h.Edit((*state.Node).Reset)
	// In another network other nodes have the same addresses and lower sequence
	// numbers.
	h.output.Replay = h.output.Replay[:0]
	h.output.ForgetReplay = true
	err := c.router.LeaveNetwork()
	for _, p := range c.all {
		err = errors.Join(err, p.LeftNetwork())
	}
	c.derive()
	h.Report(part.Left{})
	return err
}

// join makes the node part of the network that it was provisioned into.
func (c *Core) join(j *provision.Joined) {
	key := state.Subnet{Index: j.Network.Index, Key: j.Network.Key}
	if j.Network.KeyRefresh {
		key.Phase, key.NewKey = state.SecondPhase, j.Network.Key
	}
	c.host.Edit(func(n *state.Node) {
		n.Address, n.DeviceKey = j.Address, j.DeviceKey
		n.IVIndex, n.IVUpdate = j.Network.IVIndex, j.Network.IVUpdate
		n.Subnets = []state.Subnet{key}
	})
	c.host.sequence.Restart(c.parts.ivUpdate.State().TransmitIVIndex())
	c.parts.gatt.Solicitor.Joined()
	c.parts.ivUpdate.Joined()
	c.host.output.ForgetReplay = true // had Reset been cut short, it would still be there
	c.derive()
	c.host.Report(part.Joined{Address: j.Address, NetKey: key.Index})
}

// Counters returns what was counted so far.
func (c *Core) Counters() Counters {
	n := c.host.counters
	c.router.Counters(&n)
	for _, p := range c.all {
		p.Counters(&n)
	}
	return n
}

// SequenceLeft is how many sequence numbers are left with this IV index.
func (c *Core) SequenceLeft() int { return c.host.sequence.Left() }

// SetPace tells the core how fast its radio is, until further notice. Without it
// the radio is taken for one of bearer.UsualPace.
func (c *Core) SetPace(p bearer.Pace) {
	if c.router.SetPace(p) {
		c.nextKnown = false
	}
}
