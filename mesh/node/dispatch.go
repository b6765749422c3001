package node

import (
	"bytes"
	"slices"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/remote"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// instance is one model on one element, with its configuration.
type instance struct {
	element         int
	model           access.Model
	config          *state.Model
	nextPublication time.Time
	context         modelContext
}

// buildAll lists the models of all elements by the opcodes they take, and
// gives the node's state a place for each.
func (c *Core) buildAll() error {
	c.byOpcode = map[mesh.Opcode][]*instance{}
	c.state.Elements = composed(c.state.Elements, c.options.Elements)
	for e, element := range c.options.Elements {
		for _, m := range element.Models {
			if err := c.addModel(e, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// composed makes what is stored of the elements agree with what they are: models
// that the program no longer has go, new ones come; what is configured on the
// others stays.
func composed(stored []state.Element, elements []access.Element) []state.Element {
	all := make([]state.Element, len(elements))
	for e, element := range elements {
		all[e].Location = element.Location
		all[e].Models = make([]state.Model, 0, len(element.Models))
		for _, m := range element.Models {
			config := state.Model{ID: m.ID()}
			if e < len(stored) {
				if known := stored[e].Model(m.ID()); known != nil {
					config = *known
				}
			}
			all[e].Models = append(all[e].Models, config)
		}
	}
	return all
}

// addModel lists a model for which the node's state has a place.
func (c *Core) addModel(element int, m access.Model) error {
	i := &instance{element: element, model: m}
	i.context = modelContext{core: c, instance: i}
	c.instances = append(c.instances, i)
	for _, op := range m.Opcodes() {
		c.byOpcode[op] = append(c.byOpcode[op], i)
	}
	if p, ok := m.(access.Persistent); ok {
		if values := c.state.Elements[element].Model(m.ID()).Values; values != nil {
			return p.Restore(values)
		}
	}
	return nil
}

// attachModels introduces the node to the models that work on it: the
// Configuration Server.
func (c *Core) attachModels() {
	for _, i := range c.instances {
		if m, ok := i.model.(foundation.Attacher); ok {
			m.Attach(c)
		}
		if m, ok := i.model.(*remote.Server); ok {
			c.serveRemotely(m)
		}
	}
}

// deriveModels points the instances at their configuration and plans their
// periodic publication anew.
func (c *Core) deriveModels() {
	for _, i := range c.instances {
		i.config = c.state.Elements[i.element].Model(i.model.ID())
		i.plan(c.now)
	}
}

// period is the time between periodic publications, zero for none.
func (i *instance) period() time.Duration {
	period := i.config.Publication.Interval()
	if h, ok := i.model.(access.Hastener); ok {
		period = h.Hasten(period)
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

// instance finds a model on an element, nil when it is not there.
func (c *Core) instance(element int, id mesh.ModelID) *instance {
	for _, i := range c.instances {
		if i.element == element && i.model.ID() == id {
			return i
		}
	}
	return nil
}

// dispatch hands an access message to the models that it is for.
func (c *Core) dispatch(in *access.Incoming, label mesh.UUID) {
	for _, i := range c.byOpcode[in.Opcode] {
		if c.isFor(i, in.Dst, label) && mayUse(i, in) {
			i.context.in = in
			i.model.Receive(&i.context, in)
			i.context.in = nil
			c.keep(i)
		}
	}
}

// isFor reports whether a message to dst is for a model (section 3.7.3.3 and
// 3.4.2.4).
func (c *Core) isFor(i *instance, dst mesh.Address, label mesh.UUID) bool {
	switch {
	case dst.IsUnicast():
		return int(dst)-int(c.state.Address) == i.element
	case dst.IsVirtual():
		return slices.Contains(i.config.Labels, label)
	case i.config.IsSubscribed(dst):
		return true
	default:
		return i.element == 0 && c.inFixedGroup(dst)
	}
}

// inFixedGroup reports whether the primary element belongs to a fixed group.
func (c *Core) inFixedGroup(dst mesh.Address) bool {
	switch dst {
	case mesh.AllNodes:
		return true
	case mesh.AllRelays:
		return c.state.Relay == state.Enabled
	case mesh.AllProxies:
		return c.state.Proxy == state.Enabled
	case mesh.AllFriends:
		return c.state.Friend == state.Enabled
	default:
		return false
	}
}

// mayUse reports whether the model takes messages under the key of in: the
// models that configure a node use the device key and no other, all others the
// AppKeys bound to them (section 3.7.4.1).
func mayUse(i *instance, in *access.Incoming) bool {
	if i.model.ID() == foundation.OpcodesAggregatorServerID && in.DeviceKey {
		return true // it takes both; the models of the items take theirs
	}
	if usesDeviceKey(i.model.ID()) {
		return in.DeviceKey
	}
	return !in.DeviceKey && i.config.IsBound(in.AppKey)
}

// usesDeviceKey reports whether a model is one of the foundation models that
// are protected by the device key alone: all below 0x1000 but Health and the
// Opcodes Aggregator (section 4.2).
func usesDeviceKey(id mesh.ModelID) bool {
	const healthServer, healthClient, firstApplicationModel = 0x0002, 0x0003, 0x1000
	n := id.Number()
	return !id.IsVendor() && n < firstApplicationModel && n != healthServer && n != healthClient && id != foundation.OpcodesAggregatorServerID
}

// run calls a model for something else than a message.
func (c *Core) run(i *instance, call func(access.Context)) {
	call(&i.context)
	c.keep(i)
}

// keep notes the state of a model if a call has changed it.
func (c *Core) keep(i *instance) {
	if _, ok := i.model.(access.Hastener); ok && i.config != nil {
		i.plan(c.now)
	}
	p, ok := i.model.(access.Persistent)
	if !ok {
		return
	}
	// The call may have reset the node, hence the look-up.
	config := c.state.Elements[i.element].Model(i.model.ID())
	if config == nil {
		return // the node has another composition now
	}
	if values := p.State(); !bytes.Equal(values, config.Values) {
		config.Values = slices.Clone(values)
		c.stateDirty = true
	}
}

// wakeModels runs what is due: models with a time of their own, and periodic
// publications.
func (c *Core) wakeModels() {
	for _, i := range c.instances {
		if w, ok := i.model.(access.Waker); ok && due(w.NextDeadline(), c.now) {
			c.run(i, w.Wake)
		}
		if due(i.nextPublication, c.now) {
			i.nextPublication = c.now.Add(i.period())
			if p, ok := i.model.(access.Publisher); ok {
				c.run(i, p.PublishPeriodically)
			}
		}
	}
}

func (c *Core) modelDeadline() time.Time {
	var next time.Time
	for _, i := range c.instances {
		if w, ok := i.model.(access.Waker); ok {
			next = earliest(next, w.NextDeadline())
		}
		next = earliest(next, i.nextPublication)
	}
	return next
}

// modelContext is the access.Context of the calls of one model, which come one
// after the other. in is the message being handled, nil for none.
type modelContext struct {
	core     *Core
	instance *instance
	in       *access.Incoming
}

func (x *modelContext) Now() time.Time { return x.core.now }

// Section 3.7.3.1 recommends to wait with a response, a random time from 20 ms
// to 50 ms for a message to one node and to 500 ms for one to a group, all of
// whose members answer. The neighbour that brought the message is transmitting
// it at this moment and does not hear: over nineteen hops that lose every fifth
// advertisement 66 of 100 messages are answered if that happens at once, and 72
// with the delay (test/sim).
const (
	leastReplyDelay = 20 * time.Millisecond
	replyDelay      = 50 * time.Millisecond
	groupReplyDelay = 500 * time.Millisecond
)

func (x *modelContext) Reply(m access.Message) {
	c, in := x.core, x.in
	if in == nil || !in.Src.IsUnicast() {
		return
	}
	out := outgoing{
		src:    c.state.Address + mesh.Address(x.instance.element),
		dst:    in.Src,
		netKey: in.NetKey,
		key:    transport.Key{App: in.AppKey},
		ttl:    c.state.DefaultTTL,
	}
	if in.DeviceKey {
		out.key = transport.Key{Device: c.state.Address}
	}
	if in.TTL == 0 {
		out.ttl = 0 // who asks without relays is answered without (section 3.7.4.2)
	}
	switch {
	case in.DeviceKey:
		// The next step may be a Node Reset, and the keys are gone.
		c.sendMessage(out, m)
	case in.Dst.IsUnicast():
		c.answerLater(out, replyDelay, m)
	default:
		c.answerLater(out, groupReplyDelay, m)
	}
}

func (x *modelContext) Publish(m access.Message) bool {
	c, p := x.core, x.instance.config.Publication
	key := c.state.AppKey(p.AppKey)
	if p.Address == mesh.Unassigned || key == nil || !c.state.IsProvisioned() {
		return false
	}
	out := outgoing{
		src:    c.state.Address + mesh.Address(x.instance.element),
		dst:    p.Address,
		label:  p.Label,
		netKey: key.NetKey,
		key:    transport.Key{App: p.AppKey},
		ttl:    p.TTL,
	}
	if p.Friendship {
		out.by = c.friendshipCredentials(key.NetKey)
	}
	if out.ttl == mesh.DefaultTTL {
		out.ttl = c.state.DefaultTTL
	}
	// What is repeated of an older publication would come after the newer one.
	c.later = slices.DeleteFunc(c.later, func(d delayed) bool { return d.of == x.instance })
	c.sendMessage(out, m)
	count, interval := p.Repeats()
	for n := 1; n <= count; n++ {
		c.sendLater(delayed{at: c.now.Add(time.Duration(n) * interval), to: out, of: x.instance}, m)
	}
	return true
}
