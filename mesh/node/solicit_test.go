package node_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// newOnDemandHouse is a house whose plugs are on-demand proxies.
func newOnDemandHouse(t *testing.T, plugs int, o node.ProxyOptions) *house {
	t.Helper()
	h := newHouse(t, plugs, o)
	for _, m := range h.plugs {
		m.edit(func(n *state.Node) { n.Proxy, n.OnDemandProxy = state.Disabled, 20 })
		h.carryOut(m)
	}
	for i, r := range h.radios {
		if len(r.advertisements) != 0 {
			t.Fatalf("plug %d is an on-demand proxy and advertises without a solicitation", i)
		}
	}
	return h
}

// numbers decodes the solicitations after the given number of them, all of
// which must come from the gateway, and returns their sequence numbers.
func (h *house) numbers(from int) (all []mesh.SequenceNumber) {
	h.Helper()
	r := network.NewReceiver(network.Config{})
	r.AddSubnet(0, network.Flooding(h.gateway.State().Subnets[0].Key))
	for _, s := range h.pump.gatt.solicitations[from:] {
		pdu, ok := proxy.ParseSolicitationData(s.ServiceData())
		var p network.PDU
		if s.from != h.gateway || !ok || !r.OpenSolicitation(pdu, &p) || p.Src != gatewayAddress {
			h.Errorf("%s solicits with %x", s.from.name, s.ServiceData())
		}
		all = append(all, p.Seq)
	}
	return all
}

// TestSolicitedProxyIsUsed: on-demand proxies are found and used within
// seconds, also after a connection is lost.
func TestSolicitedProxyIsUsed(t *testing.T) {
	for name, limits := range map[node.ClientMode]time.Duration{node.ClientOn: 6 * time.Second, node.ClientAuto: 36 * time.Second} {
		h := newOnDemandHouse(t, 2, node.ProxyOptions{Client: name})
		h.deafen()
		got := h.awaitProxy(limits)
		if got.Peer != h.radios[0].peer {
			t.Errorf("mode %d: the gateway connected to %v, %v is nearer", name, got.Peer, h.radios[0].peer)
		}
		h.switchPlug(0, true, 1)
		h.switchPlug(1, true, 2)
		if n := len(h.numbers(0)); n != 1 || h.gateway.Counters().GATT.Solicited != 1 {
			t.Errorf("mode %d: solicited %d times", name, n)
		}
		h.pass(2 * time.Minute) // the plugs no longer advertise
		h.radios[0].die()
		await[node.ProxyLost](h.pump, h.gateway, 2*supervision, nil)
		lost := h.now
		if got := h.awaitProxy(limits); got.Peer != h.radios[1].peer {
			t.Errorf("mode %d: after the loss the gateway connected to %v", name, got.Peer)
		}
		h.switchPlug(1, false, 3)
		if all := h.numbers(0); len(all) != 2 || all[1] <= all[0] {
			t.Errorf("mode %d: numbers %v, want two, %s after the loss", name, all, h.now.Sub(lost))
		}
	}
}

// TestReplayedSolicitation: a replayed solicitation has no effect.
func TestReplayedSolicitation(t *testing.T) {
	h := newOnDemandHouse(t, 1, node.ProxyOptions{Client: node.ClientOn})
	h.deafen()
	h.awaitProxy(6 * time.Second)
	h.radio.off = true
	h.pass(time.Minute)
	said := h.pump.gatt.solicitations[0].Sighting
	h.restart(h.plugs[0]) // the list is stored
	before := h.plugs[0].Counters().GATT.Replayed
	for range 3 {
		h.radios[0].sees(&said)
	}
	if n := len(h.radios[0].advertisements); n != 0 || h.plugs[0].Counters().GATT.Replayed != before+3 {
		t.Errorf("after a replay: %d connectable advertisements, counted %+v", n, h.plugs[0].Counters().GATT)
	}
}

// TestNoSolicitationWithoutNeed: a node that is connected to a proxy, sees a
// proxy, or hears the network does not solicit.
func TestNoSolicitationWithoutNeed(t *testing.T) {
	for name, set := range map[string]func(t *testing.T) *house{
		"a proxy": func(t *testing.T) *house {
			h := newHouse(t, 1, node.ProxyOptions{Client: node.ClientOn})
			h.deafen()
			h.awaitProxy(5 * time.Second)
			return h
		},
		"a visible proxy that is lost and found": func(t *testing.T) *house {
			h := newHouse(t, 2, node.ProxyOptions{Client: node.ClientOn})
			h.deafen()
			h.awaitProxy(5 * time.Second)
			h.radios[0].die()
			await[node.ProxyLost](h.pump, h.gateway, 2*supervision, nil)
			h.awaitProxy(5 * time.Second)
			return h
		},
		"the network": func(t *testing.T) *house { return newOnDemandHouse(t, 1, node.ProxyOptions{Client: node.ClientAuto}) },
		"no interest": func(t *testing.T) *house {
			h := newOnDemandHouse(t, 1, node.ProxyOptions{Client: node.ClientOff})
			h.deafen()
			return h
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := set(t)
			h.pass(10 * time.Minute)
			if n := len(h.pump.gatt.solicitations); n != 0 {
				t.Errorf("solicited %d times", n)
			}
		})
	}
}

// TestSolicitationsBecomeRare: without an answer the node sends at most
// twelve solicitations an hour in the long run, and never uses a sequence
// number twice.
func TestSolicitationsBecomeRare(t *testing.T) {
	h := newOnDemandHouse(t, 1, node.ProxyOptions{Client: node.ClientOn})
	h.radios[0].off = true
	h.deafen()
	h.pass(time.Hour)
	all := h.pump.gatt.solicitations
	if len(all) < 12 || len(all) > 24 {
		t.Errorf("solicited %d times in the first hour", len(all))
	}
	last := time.Duration(0)
	for i := 1; i < len(all); i++ {
		pause := all[i].at.Sub(all[i-1].at)
		if pause < last || pause < 5*time.Second || pause > 5*time.Minute {
			t.Errorf("after %s the interval was %s", last, pause)
		}
		last = pause
	}
	h.restart(h.gateway)
	h.pass(time.Hour)
	numbers := h.numbers(0)
	for i := 1; i < len(numbers); i++ {
		if numbers[i] <= numbers[i-1] {
			t.Fatalf("number %d after %d", numbers[i], numbers[i-1])
		}
	}
	restored := len(numbers)
	if _, err := node.JumpSequence(h.gateway.store, time.Hour); err != nil {
		t.Fatal(err)
	}
	h.restart(h.gateway)
	h.pass(time.Minute)
	if more := h.numbers(restored); len(more) == 0 || more[0] < numbers[restored-1]+1<<18 {
		t.Errorf("restored from a backup: numbers %v after %d", more, numbers[restored-1])
	}
}

// TestSolicitationIntervalStartsOver: after a proxy was found, the search for
// the next one starts with the shortest interval.
func TestSolicitationIntervalStartsOver(t *testing.T) {
	h := newOnDemandHouse(t, 1, node.ProxyOptions{Client: node.ClientOn})
	h.deafen()
	h.radios[0].off = true
	h.pass(20 * time.Minute)
	h.radios[0].off = false
	h.awaitProxy(6 * time.Minute)
	h.pass(30 * time.Second)
	h.radios[0].die()
	await[node.ProxyLost](h.pump, h.gateway, 2*supervision, nil)
	h.radios[0].off = false
	h.awaitProxy(6 * time.Second)
	h.switchPlug(0, true, 1)
}

// TestSolicitationReserve: a sequence number is stored before the solicitation
// that uses it is sent.
func TestSolicitationReserve(t *testing.T) {
	h := newOnDemandHouse(t, 1, node.ProxyOptions{Client: node.ClientOn})
	h.deafen()
	h.pass(time.Second)
	h.now = h.now.Add(2 * time.Second)
	h.gateway.Tick(h.now)
	out := h.gateway.Take()
	reserved := false
	for _, c := range out.Persist {
		reserved = reserved || c.Table == node.TableNode && c.Key == "solicitation_sequence"
	}
	sent := 0
	for i := range out.Send {
		if out.Send[i].Kind == bearer.Solicitation {
			sent++
		}
	}
	if sent != 1 || !reserved {
		t.Errorf("%d solicitations, their numbers reserved: %t", sent, reserved)
	}
}

// TestOwnSolicitationIsIgnored: a node ignores its own solicitation, which it
// hears with a second radio.
func TestOwnSolicitationIsIgnored(t *testing.T) {
	h := newOnDemandHouse(t, 1, node.ProxyOptions{Client: node.ClientOn})
	h.gateway.edit(func(n *state.Node) { n.OnDemandProxy = 20 })
	h.radios[0].off = true
	h.deafen()
	h.run(10*time.Second, "a solicitation", func() bool { return len(h.pump.gatt.solicitations) > 0 })
	h.radio.sees(&h.pump.gatt.solicitations[0].Sighting)
	if len(h.radio.advertisements) != 0 {
		t.Errorf("the gateway answers its own solicitation with %v", h.radio.advertisements)
	}
}
