package node_test

import (
	"errors"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
)

// command asks plugs to switch, all at once, and returns how many answer.
func (h *house) command(tid uint8, plugs ...int) (answered int) {
	h.Helper()
	waiting := map[node.RequestID]bool{}
	for _, i := range plugs {
		payload, err := access.Append(nil, &generic.OnOffSet{OnOff: tid%2 == 0, TID: tid})
		if err != nil {
			h.Fatal(err)
		}
		id, err := h.gateway.Request(h.now, node.Request{
			Dst: h.peers[i].Address, TTL: mesh.DefaultTTL, Payload: payload, Respond: generic.OpOnOffStatus,
		})
		if err != nil {
			h.Fatal(err)
		}
		waiting[id] = true
	}
	h.carryOut(h.gateway)
	h.run(time.Minute, "the end of all commands", func() bool {
		for {
			e, ok := take(h.gateway, func(e node.RequestDone) bool { return waiting[e.ID] })
			if !ok {
				return len(waiting) == 0
			}
			delete(waiting, e.ID)
			if e.Err == nil {
				answered++
			}
		}
	})
	return answered
}

// TestProxyThatSwallowsEverything: it has the key and answers configuration messages, and
// forwards nothing, or nothing in one direction. It is named, and another one is used.
func TestProxyThatSwallowsEverything(t *testing.T) {
	for name, c := range map[string]struct {
		swallows, keeps bool
		rounds          int // of commands to two plugs that fail
	}{
		"both directions":         {true, true, 1},
		"towards the network":     {true, false, 3},
		"towards the client":      {false, true, 1},
		"from the start, in both": {true, true, 1},
		"all but what is its own": {false, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, 8, node.ProxyOptions{Client: node.ClientOn})
			h.deafen()
			for _, r := range h.radios[2:] {
				r.advertisements = nil
			}
			spoil := func() { h.radios[0].swallows, h.radios[0].keeps = c.swallows, c.keeps }
			if name == "all but what is its own" { // its other radio is broken
				spoil = func() {
					h.deaf = func(from, to *member) bool {
						return from == h.gateway || to == h.gateway || from == h.plugs[0] || to == h.plugs[0]
					}
				}
			}
			if name == "from the start, in both" {
				spoil()
			}
			if first := h.awaitProxy(5 * time.Second); first.Node != h.peers[0].Address {
				t.Fatalf("the client uses %s", first.Node)
			}
			if !h.radios[0].swallows {
				if n := h.command(0, 1, 2); n != 2 {
					t.Fatalf("%d plugs answered before", n)
				}
				h.pass(time.Second)
			}
			spoil()
			if c.swallows && !c.keeps { // what comes from the network is still forwarded
				var publish func()
				publish = func() {
					h.plugs[7].WithModel(h.now, 0, generic.OnOffServerID, func(ctx access.Context) { ctx.Publish(&generic.OnOffStatus{}) })
					h.carryOut(h.plugs[7])
					h.gatt.later(5*time.Second, publish)
				}
				publish()
			}
			var lost []node.ProxyLost
			var next []node.ProxyConnected
			h.watch = func(m *member, out *node.Output) {
				for _, e := range out.Report {
					switch e := e.(type) {
					case node.ProxyLost:
						lost = append(lost, e)
					case node.ProxyConnected:
						next = append(next, e)
					}
				}
			}
			for i := range c.rounds {
				if n := h.command(uint8(2*i+1), 2*i+1, 2*i+2); n != 0 {
					t.Fatalf("%d plugs answered", n)
				}
				if !c.swallows && !c.keeps {
					if n := h.command(100, 0); n != 1 && len(lost) == 0 {
						t.Fatal("the proxy itself does not answer")
					}
				}
			}
			h.run(15*time.Second, "another proxy", func() bool { return len(next) > 0 })
			if len(lost) != 1 || !lost[0].Mute || !errors.Is(lost[0].Err, proxy.ErrMute) || lost[0].Node != h.peers[0].Address {
				t.Errorf("lost %+v", lost)
			}
			if next[0].Node != h.peers[1].Address {
				t.Errorf("the client uses %s", next[0].Node)
			}
			if n := h.command(20, 2, 3, 4, 5, 6); n != 5 {
				t.Errorf("%d of 5 plugs answered over the other proxy", n)
			}
			// It does not go back.
			h.gateway.events = nil
			for i := range uint8(30) {
				h.pass(20 * time.Second)
				h.command(30+i, 1, 2)
			}
			if n := h.gateway.Counters().GATT.Client; n.Mute != 1 || n.Lost != 1 {
				t.Errorf("counted %+v", n)
			}
		})
	}
}

// TestDevicesThatAreOff: devices that have no power do not cost the proxy its
// connection again and again.
func TestDevicesThatAreOff(t *testing.T) {
	h := newHouse(t, 4, node.ProxyOptions{Client: node.ClientOn})
	h.deafen()
	h.awaitProxy(5 * time.Second)
	off := h.members[3:] // but for the gateway and two plugs
	h.deaf = func(from, to *member) bool {
		for _, m := range off {
			if from == m || to == m {
				return true
			}
		}
		return from == h.gateway || to == h.gateway
	}
	for i := range uint8(20) {
		h.command(i, 2, 3)
		h.pass(10 * time.Second)
	}
	if n := h.gateway.Counters().GATT.Client; n.Mute > 1 {
		t.Errorf("the proxy was dropped %d times", n.Mute)
	}
	h.pass(time.Minute)
	if n := h.command(40, 0, 1); n != 2 {
		t.Errorf("%d of 2 plugs with power answered", n)
	}
}

// TestRepeatedBeaconDoesNotHideTheProxy: in mode auto the network is taken for one that
// is heard by advertising as long as somebody repeats an old beacon. Devices that do not
// answer show that it is not.
func TestRepeatedBeaconDoesNotHideTheProxy(t *testing.T) {
	h := newHouse(t, 3, node.ProxyOptions{Client: node.ClientAuto})
	keys := primaryKeys(h.gateway)
	old := keys.AppendSecure(nil, beacon.State{})
	h.deafen()
	var repeat func()
	repeat = func() {
		h.hearPDU(h.gateway, old)
		h.gatt.later(5*time.Second, repeat)
	}
	repeat()
	h.pass(2 * time.Minute)
	if n := h.gateway.Counters().GATT.Client.Connects; n != 0 {
		t.Fatalf("%d connections", n)
	}
	h.command(1, 1, 2)
	h.awaitProxy(10 * time.Second)
	if n := h.command(2, 0, 1, 2); n != 3 {
		t.Errorf("%d of 3 plugs answered", n)
	}
}

// TestStrangerRepeatsWhatItHasRecorded: a network PDU that was on the air before shows
// nothing about who sends it over a connection.
func TestStrangerRepeatsWhatItHasRecorded(t *testing.T) {
	h := newHouse(t, 2, node.ProxyOptions{})
	keys := network.Flooding(h.gateway.State().Subnets[0].Key)
	seq := mesh.SequenceNumber(h.gateway.State().IVIndex)
	h.switchPlug(0, true, 1)
	h.pass(time.Minute)
	f := h.phone()
	f.connect(0)
	for range 12 { // more than the cache has to remember
		seq++
		pdu, err := keys.Seal(nil, &network.PDU{TTL: 4, Seq: seq, Src: gatewayAddress, Dst: h.peers[0].Address, Transport: make([]byte, 12)})
		if err != nil {
			t.Fatal(err)
		}
		f.write(proxy.NetworkPDU, pdu)
		h.pass(3 * time.Second)
		if f.closed {
			break
		}
	}
	if !f.closed {
		t.Error("it keeps its place")
	}
}
