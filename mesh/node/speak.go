package node

import (
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// Send implements access.Sender. A key that the model is not bound to is
// counted as an unsent message.
func (x *modelContext) Send(to access.Recipient, m access.Message) {
	c := x.core
	key := c.state.AppKey(to.AppKey)
	if key == nil || !x.instance.config.IsBound(to.AppKey) {
		c.counters.Unsent++
		return
	}
	out := outgoing{
		src:    c.state.Address + mesh.Address(x.instance.element),
		dst:    to.Dst,
		netKey: key.NetKey,
		key:    transport.Key{App: to.AppKey},
		ttl:    to.TTL,
	}
	if out.ttl == mesh.DefaultTTL {
		out.ttl = c.state.DefaultTTL
	}
	c.sendMessage(out, m)
}

// HasAppKey implements access.Keyholder.
func (x *modelContext) HasAppKey(index mesh.KeyIndex) bool { return x.core.state.AppKey(index) != nil }
