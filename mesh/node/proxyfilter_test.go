package node_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// publishTo makes a plug publish its state to an address.
func (h *house) publishTo(i int, dst mesh.Address) {
	m := h.plugs[i]
	m.edit(func(n *state.Node) { n.Elements[0].Model(generic.OnOffServerID).Publication.Address = dst })
	m.WithModel(h.now, 0, generic.OnOffServerID, func(ctx access.Context) {
		ctx.Publish(&generic.OnOffStatus{PresentOnOff: true})
	})
	h.carryOut(m)
}

// heardFrom reports whether the gateway receives what a plug sends to an
// address.
func (h *house) heardFrom(i int, dst mesh.Address) bool {
	h.gateway.events = nil
	h.publishTo(i, dst)
	h.pass(time.Second)
	_, ok := take(h.gateway, func(e node.MessageReceived) bool { return e.Src == h.peers[i].Address && e.Dst == dst })
	return ok
}

// TestWrongFilterIsCorrected: another client changes the filter of the
// gateway's connection. The gateway sees it in the Filter Status and corrects
// it.
func TestWrongFilterIsCorrected(t *testing.T) {
	h := newHouse(t, 2, node.ProxyOptions{Client: node.ClientOn})
	h.deafen()
	h.awaitProxy(5 * time.Second)
	h.pass(time.Second)
	if !h.heardFrom(1, 0xC055) {
		t.Fatal("the gateway does not receive a group without a subscription")
	}
	pdu, err := network.Flooding(h.gateway.State().Subnets[0].Key).SealProxy(nil, &network.PDU{
		Seq: 1, Src: phoneAddress, Transport: proxy.SetFilterType{Type: proxy.AcceptList}.Append(nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range proxy.Split(nil, proxy.Configuration, pdu, proxy.MinPDU) {
		h.radio.inject(t, part)
	}
	h.pass(time.Second)
	if n := h.gateway.Counters().GATT.Client.Mismatches; n != 1 {
		t.Errorf("%d filter mismatches were counted", n)
	}
	if !h.heardFrom(1, 0xC055) {
		t.Error("the filter is still wrong")
	}
}

// TestRestartedProxyIsNoticed: the proxy restarts while the connection stays
// open. It no longer knows the connection, and the gateway makes another.
func TestRestartedProxyIsNoticed(t *testing.T) {
	h := newHouse(t, 2, node.ProxyOptions{Client: node.ClientOn})
	h.deafen()
	h.awaitProxy(5 * time.Second)
	h.pass(time.Second)
	h.restart(h.plugs[0])
	h.awaitProxy(45 * time.Second)
	h.switchPlug(1, true, 1)
}

// TestFilterListTooLongForTheProxy: the accept list of a node is too long for
// the proxy. The node then uses an empty reject list.
func TestFilterListTooLongForTheProxy(t *testing.T) {
	h := newHouse(t, 2, node.ProxyOptions{Client: node.ClientOn})
	h.gateway.options.Monitor = false
	h.restart(h.gateway)
	const groups = proxy.MaxFilter + 10
	h.gateway.edit(func(n *state.Node) {
		model := &n.Elements[0].Models[0]
		for i := range groups {
			model.Subscriptions = append(model.Subscriptions, 0xC000+mesh.Address(i))
		}
	})
	h.carryOut(h.gateway)
	h.deafen()
	h.awaitProxy(5 * time.Second)
	fresh := func(dst mesh.Address) bool {
		before := h.gateway.Counters().Network.Fresh
		h.publishTo(1, dst)
		h.pass(time.Second)
		return h.gateway.Counters().Network.Fresh > before
	}
	h.pass(30 * time.Second)
	if n := h.gateway.Counters().GATT.Client; n.Mismatches == 0 || n.Lost != 0 {
		t.Errorf("counted %+v", n)
	}
	if !fresh(0xC000+groups-1) || !fresh(0xC000) {
		t.Error("messages to a group of the list are not received")
	}
}

// TestAcceptListHasTheNodesAddresses: a node without Monitor receives messages
// to its own addresses and no others.
func TestAcceptListHasTheNodesAddresses(t *testing.T) {
	h := newHouse(t, 2, node.ProxyOptions{Client: node.ClientOn})
	h.gateway.options.Monitor = false
	h.restart(h.gateway)
	h.gateway.edit(func(n *state.Node) {
		n.Elements[0].Models[0].Subscriptions = []mesh.Address{0xC001, 0xC002, 0xC003, 0xC004, 0xC005, 0xC006}
	})
	h.carryOut(h.gateway)
	h.deafen()
	h.awaitProxy(5 * time.Second)
	h.pass(2 * time.Second)
	for _, c := range []struct {
		dst  mesh.Address
		want uint64
	}{{0xC001, 1}, {0xC006, 1}, {0xC007, 0}, {mesh.AllNodes, 1}, {gatewayAddress, 1}, {0x0333, 0}} {
		before := h.gateway.Counters().Network.Fresh
		h.publishTo(1, c.dst)
		h.pass(time.Second)
		if got := h.gateway.Counters().Network.Fresh - before; got != c.want {
			t.Errorf("%s: %d messages were received, want %d", c.dst, got, c.want)
		}
	}
	if n := h.gateway.Counters().GATT.Client.Mismatches; n != 0 {
		t.Errorf("%d filter mismatches", n)
	}
	// A new subscription is added to the list.
	h.gateway.edit(func(n *state.Node) { n.Elements[0].Models[0].Subscriptions[0] = 0xC007 })
	h.carryOut(h.gateway)
	h.pass(2 * time.Second)
	before := h.gateway.Counters().Network.Fresh
	h.publishTo(1, 0xC007)
	h.pass(time.Second)
	if got := h.gateway.Counters().Network.Fresh - before; got != 1 {
		t.Errorf("%d messages to the new group were received", got)
	}
}

// TestHostileProxy: the proxy advertises the Network ID, which is public, but
// has no key.
func TestHostileProxy(t *testing.T) {
	h := newHouse(t, 1, node.ProxyOptions{Client: node.ClientOn})
	liar := h.pump.gatt.stranger(-30, nil)
	liar.heard = func(e *bearer.LinkEvent) {
		if e.Kind == bearer.LinkOpened {
			for i := range byte(5) {
				_ = liar.Write(e.ID, []byte{i, 1, 2, 3, 4, 5, 6, 7})
			}
		}
	}
	h.pass(time.Second)
	liar.Advertise(h.radios[0].advertisements)
	h.radios[0].die()
	h.pass(4 * time.Second)
	h.radios[0].off = false
	h.deafen()
	h.gateway.events = nil
	done := false
	h.run(time.Minute, "the honest proxy", func() bool {
		if e, ok := take[node.ProxyConnected](h.gateway, nil); ok && e.Peer == h.radios[0].peer {
			done = true
		}
		return done
	})
	h.switchPlug(0, true, 1)
}
