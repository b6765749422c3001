package models

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node/part"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// context is what one model sees of its node outside a message.
type context struct {
	models   *Models
	instance *instance
}

// exchange is the context of a model that handles a message.
type exchange struct {
	*context
	in *access.Incoming
}

// Compile-time checks of what models use a context as.
var (
	_ access.Context       = (*context)(nil)
	_ access.Sender        = (*context)(nil)
	_ access.AppKeyChecker = (*context)(nil)
	_ access.Context       = (*exchange)(nil)
	_ access.Sender        = (*exchange)(nil)
	_ access.AppKeyChecker = (*exchange)(nil)
)

// Section 3.7.3.1 recommends to delay a response by a random time: 20 ms to 50 ms
// after a message to one node, up to 500 ms after one to a group, all of whose
// members answer. The neighbour that brought the message is transmitting it at
// this moment and does not hear. Over nineteen hops that lose every fifth
// advertisement 66 of 100 messages are answered without the delay, and 72 with it
// (test/sim).
const (
	leastReplyDelay = 20 * time.Millisecond
	replyDelay      = 50 * time.Millisecond
	groupReplyDelay = 500 * time.Millisecond
)

// Now implements access.Context.
func (x *context) Now() time.Time { return x.models.host.Now() }

// Reply implements access.Context: outside a message there is nobody to reply to.
func (x *context) Reply(access.Message) {}

// HasAppKey implements access.AppKeyChecker.
func (x *context) HasAppKey(index mesh.KeyIndex) bool {
	return x.models.host.State().AppKey(index) != nil
}

// source is the address of the model's element.
func (x *context) source() mesh.Address {
	return x.models.host.State().Address + mesh.Address(x.instance.element)
}

// ttl is a TTL with the node's default put in.
func (x *context) ttl(t mesh.TTL) mesh.TTL {
	if t == mesh.DefaultTTL {
		return x.models.host.State().DefaultTTL
	}
	return t
}

// Reply implements access.Context.
func (x *exchange) Reply(m access.Message) {
	in, n := x.in, x.models.host.State()
	if in == nil || !in.Src.IsUnicast() {
		return
	}
	out := part.Outgoing{
		Src: x.source(), Dst: in.Src,
		NetKey: in.NetKey, Key: transport.Key{App: in.AppKey}, TTL: n.DefaultTTL,
	}
	if in.DeviceKey {
		out.Key = transport.Key{Device: n.Address}
	}
	if in.TTL == 0 {
		out.TTL = 0 // a request without relays is answered without (section 3.7.4.2)
	}
	switch {
	case in.DeviceKey:
		// The next step may be a Node Reset, and the keys are gone.
		x.models.send(&out, m)
	case in.Dst.IsUnicast():
		x.models.replyLater(out, replyDelay, m)
	default:
		x.models.replyLater(out, groupReplyDelay, m)
	}
}

// Publish implements access.Context.
func (x *context) Publish(m access.Message) bool {
	n, p := x.models.host.State(), &x.instance.config.Publication
	key := n.AppKey(p.AppKey)
	if p.Address == mesh.Unassigned || key == nil || !n.IsProvisioned() {
		return false
	}
	out := part.Outgoing{
		Src: x.source(), Dst: p.Address, Label: p.Label,
		NetKey: key.NetKey, Key: transport.Key{App: p.AppKey}, TTL: x.ttl(p.TTL),
	}
	if p.Friendship {
		out.By = x.models.friendship.Credentials(key.NetKey)
	}
	x.models.publish(x.instance, out, m, p)
	return true
}

// publish sends a publication and its repetitions.
func (m *Models) publish(i *instance, out part.Outgoing, message access.Message, p *state.Publication) {
	m.dropRepetitions(i)
	m.send(&out, message)
	count, interval := p.Repeats()
	for n := 1; n <= count; n++ {
		m.sendLater(delayed{at: m.host.Now().Add(time.Duration(n) * interval), to: out, repeats: i}, message)
	}
}

// Send implements access.Sender. A key that the model is not bound to counts as
// an unsent message.
func (x *context) Send(to access.Recipient, m access.Message) {
	key := x.models.host.State().AppKey(to.AppKey)
	if key == nil || !x.instance.config.IsBound(to.AppKey) {
		x.models.host.CountUnsent(nil)
		return
	}
	x.models.send(&part.Outgoing{
		Src: x.source(), Dst: to.Dst,
		NetKey: key.NetKey, Key: transport.Key{App: to.AppKey}, TTL: x.ttl(to.TTL),
	}, m)
}

// send sends a message of a model. Nobody waits for the outcome: errors are
// counted.
func (m *Models) send(o *part.Outgoing, message access.Message) {
	payload, err := m.codec.Append(nil, message)
	if err != nil {
		m.host.CountUnsent(err)
		return
	}
	_, _ = m.sender.Send(o, payload) // counted
}
