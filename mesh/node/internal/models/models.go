// Package models runs the models of a node (Mesh Protocol 1.1, section 3.7): it
// takes access messages to them, sends what they answer and publish, and keeps
// their states.
//
//	access message ──▶ by opcode ─▶ for this element or group? ─▶ key allowed?
//	                                                                  │
//	      reply, after a random delay  ◀── Context ◀── Model.Receive ◀┘
//	      publication, with its repetitions ◀─┘
package models

import (
	"bytes"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/internal/deadline"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Sender sends access messages.
type Sender interface {
	Send(o *part.Outgoing, payload []byte) (transport.Handle, error)
}

// Friendship knows the credentials of the friendship of a Low Power node, nil
// when it has no friend in the subnet.
type Friendship interface {
	Credentials(net mesh.KeyIndex) *network.Credentials
}

// Options says which models there are.
type Options struct {
	Elements []access.Element
	// KeepComposition makes the node keep the elements and models that it was
	// provisioned with (part.Options).
	KeepComposition bool
	// Attach introduces the node to a model that works on it.
	Attach func(access.Model)
}

// instance is one model on one element, with its configuration.
type instance struct {
	element         int
	model           access.Model
	config          *state.Model
	nextPublication time.Time
	context         context
}

// Models is the part of a node that has its models.
type Models struct {
	part.None
	host       part.Host
	sender     Sender
	friendship Friendship
	options    Options
	codec      access.Codec

	instances []*instance
	byOpcode  map[mesh.Opcode][]*instance
	delayed   []delayed

	// Memory that is used again for each message.
	incoming access.Incoming
	exchange exchange
}

var _ part.Part = (*Models)(nil)

// New makes the part. An error says which stored state a model does not take.
func New(h part.Host, s Sender, f Friendship, o Options) *Models {
	return &Models{host: h, sender: s, friendship: f, options: o}
}

// Load implements part.Part. An error is of a model that does not take its stored
// state.
func (m *Models) Load(part.Stored) error { return m.build() }

// Inputs implements part.Part.
func (m *Models) Inputs() part.Inputs { return part.Message }

// Input implements part.Part: it hands an access message to the models that it is
// for.
func (m *Models) Input(in *part.Input) bool {
	msg := in.Message
	n := m.host.State()
	// A node obeys its own device key. The device key of another node only
	// proves that the other one answers.
	if msg.Key.IsDevice() && msg.Key.Device != n.Address {
		return false
	}
	m.incoming = access.Incoming{
		Src: msg.Src, Dst: msg.Dst,
		NetKey: msg.NetKey, AppKey: msg.Key.App, DeviceKey: msg.Key.IsDevice(),
		TTL: msg.TTL, RSSI: msg.Origin.RSSI,
		Opcode: msg.Opcode, Params: msg.Params,
	}
	for _, i := range m.byOpcode[msg.Opcode] {
		if m.isFor(i, msg.Dst, msg.Label) && mayUse(i, &m.incoming) {
			m.exchange = exchange{context: &i.context, in: &m.incoming}
			i.model.Receive(&m.exchange, &m.incoming)
			m.exchange.in = nil // the exchange is over
			m.keep(i)
		}
	}
	return false
}

// ConfigurationChanged implements part.Part: it points the instances at their
// configuration and plans their periodic publication again.
func (m *Models) ConfigurationChanged() {
	n := m.host.State()
	for _, i := range m.instances {
		i.config = n.Elements[i.element].Model(i.model.ID())
		i.plan(m.host.Now())
	}
}

// LeftNetwork implements part.Part.
func (m *Models) LeftNetwork() error {
	m.delayed = nil
	return nil
}

// Call runs call in the context of one of the node's models, for what comes from
// outside the mesh: a button that is pressed, a sensor that is read. It reports
// false when the node has no such model.
func (m *Models) Call(element int, id mesh.ModelID, call func(access.Context)) bool {
	i := m.find(element, id)
	if i == nil {
		return false
	}
	m.run(i, call)
	return true
}

// find finds a model on an element, nil when it is not there.
func (m *Models) find(element int, id mesh.ModelID) *instance {
	for _, i := range m.instances {
		if i.element == element && i.model.ID() == id {
			return i
		}
	}
	return nil
}

// run calls a model for something else than a message.
func (m *Models) run(i *instance, call func(access.Context)) {
	call(&i.context)
	m.keep(i)
}

// keep notes the state of a model if a call has changed it.
func (m *Models) keep(i *instance) {
	if _, ok := i.model.(access.FastPublisher); ok && i.config != nil {
		i.plan(m.host.Now())
	}
	p, ok := i.model.(access.Persistent)
	if !ok {
		return
	}
	// The call may have reset the node or changed its composition, hence the
	// look-up.
	find := func(n *state.Node) *state.Model { return n.Elements[i.element].Model(i.model.ID()) }
	config := find(m.host.State())
	if config == nil {
		return
	}
	if values := p.State(); !bytes.Equal(values, config.Values) {
		m.host.Edit(func(n *state.Node) { find(n).Values = slices.Clone(values) })
	}
}

// isFor reports whether a message to dst is for a model (sections 3.7.3.3 and
// 3.4.2.4).
func (m *Models) isFor(i *instance, dst mesh.Address, label mesh.UUID) bool {
	switch {
	case dst.IsUnicast():
		return int(dst)-int(m.host.State().Address) == i.element
	case dst.IsVirtual():
		return slices.Contains(i.config.Labels, label)
	case i.config.IsSubscribed(dst):
		return true
	default:
		return i.element == 0 && m.inFixedGroup(dst)
	}
}

// inFixedGroup reports whether the primary element belongs to a fixed group.
func (m *Models) inFixedGroup(dst mesh.Address) bool {
	n := m.host.State()
	switch dst {
	case mesh.AllNodes:
		return true
	case mesh.AllRelays:
		return n.Relay == state.Enabled
	case mesh.AllProxies:
		return n.Proxy == state.Enabled
	case mesh.AllFriends:
		return n.Friend == state.Enabled
	default:
		return false
	}
}

// ListensTo reports whether a group or virtual address is one of a model, or a
// fixed group of the node.
func (m *Models) ListensTo(dst mesh.Address) bool {
	if m.inFixedGroup(dst) {
		return true
	}
	for _, i := range m.instances {
		if i.config.IsSubscribed(dst) {
			return true
		}
	}
	return false
}

// Subscriptions appends the group and virtual addresses of all models; an address
// may come several times.
func (m *Models) Subscriptions(dst []mesh.Address) []mesh.Address {
	for _, i := range m.instances {
		dst = append(dst, i.config.Subscriptions...)
	}
	return dst
}

// FixedGroups appends the fixed groups of the node.
func (m *Models) FixedGroups(dst []mesh.Address) []mesh.Address {
	for _, a := range []mesh.Address{mesh.AllNodes, mesh.AllRelays, mesh.AllProxies, mesh.AllFriends} {
		if m.inFixedGroup(a) {
			dst = append(dst, a)
		}
	}
	return dst
}

// Tick implements part.Part: models with a time of their own, periodic
// publications, and messages that were to wait.
func (m *Models) Tick() {
	now := m.host.Now()
	m.sendDelayed()
	for _, i := range m.instances {
		if w, ok := i.model.(access.Waker); ok && deadline.Due(w.NextDeadline(), now) {
			m.run(i, w.Wake)
		}
		if deadline.Due(i.nextPublication, now) {
			i.nextPublication = now.Add(i.period())
			if p, ok := i.model.(access.Publisher); ok {
				m.run(i, p.PublishPeriodically)
			}
		}
	}
}

// NextDeadline implements part.Part.
func (m *Models) NextDeadline() time.Time {
	next := m.delayedDeadline()
	for _, i := range m.instances {
		if w, ok := i.model.(access.Waker); ok {
			next = deadline.Earliest(next, w.NextDeadline())
		}
		next = deadline.Earliest(next, i.nextPublication)
	}
	return next
}

// period is the time between periodic publications, zero for none.
func (i *instance) period() time.Duration {
	period := i.config.Publication.Interval()
	if h, ok := i.model.(access.FastPublisher); ok {
		period = h.FastPeriod(period)
	}
	return period
}

// plan sets the next periodic publication after its period may have changed.
func (i *instance) plan(now time.Time) {
	period := i.period()
	switch {
	case i.config.Publication.Address == mesh.Unassigned || period == 0:
		i.nextPublication = time.Time{}
	case i.nextPublication.IsZero() || i.nextPublication.After(now.Add(period)):
		i.nextPublication = now.Add(period)
	}
}
