package node_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
)

// TestImpostorsOfAProxy: an outsider copies the Network ID of the only proxy, is
// stronger, and has another device address every three seconds. It accepts connections
// and says nothing.
func TestImpostorsOfAProxy(t *testing.T) {
	for name, restart := range map[string]bool{"the proxy was used before": true, "it was never used": false} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, 1, node.ProxyOptions{Client: node.ClientOn})
			h.radios[0].rssi = -85
			h.deafen()
			if restart {
				h.awaitProxy(5 * time.Second)
				h.restart(h.gateway)
				h.radios[0].ends, h.radio.ends = nil, nil // of the program that was killed
				h.restart(h.plugs[0])
			}
			impostor := h.gatt.stranger(-30, nil)
			impostor.Advertise(h.radios[0].advertisements)
			var move func()
			move = func() {
				impostor.peer.Address[4]++
				impostor.peer.Random = true
				h.gatt.later(3*time.Second, move)
			}
			move()
			h.gateway.events = nil
			connected := h.awaitProxy(40 * time.Second)
			if connected.Node != h.peers[0].Address {
				t.Fatalf("%+v", connected)
			}
			h.switchPlug(0, true, 1)
			// Lost, it is found again.
			h.pass(2 * time.Minute)
			h.radios[0].die()
			h.pass(time.Minute)
			h.radios[0].off = false
			failed := 0
			for _, e := range h.gateway.events {
				if e, ok := e.(node.ProxyFailed); ok {
					failed++
					if e.Peer == h.radios[0].peer || e.Wait <= 0 || e.Failures == 0 || e.Err == nil {
						t.Errorf("%+v", e)
					}
				}
			}
			if failed == 0 {
				t.Error("no attempt with an impostor was reported")
			}
			h.awaitProxy(40 * time.Second)
			h.switchPlug(0, false, 2)
			if n := h.gateway.Counters().GATT.Client; n.NoStatus == 0 {
				t.Errorf("counted %+v", n)
			}
		})
	}
}
