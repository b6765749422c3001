package node_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// behindProxies is a house whose gateway reaches every node over a proxy only.
func behindProxies(t *testing.T) *house {
	t.Helper()
	h := newHouse(t, 3, node.ProxyOptions{Client: node.ClientOn})
	h.plugs[2].edit(func(n *state.Node) { n.Proxy = state.Disabled }) // behind the proxies
	h.carryOut(h.plugs[2])
	h.deafen()
	h.awaitProxy(5 * time.Second)
	for i := range h.plugs {
		h.switchPlug(i, true, uint8(i+1))
	}
	return h
}

// apart cuts the gateway off from all proxies until f has ended. Beacons and
// sightings that nobody needs meanwhile are left out: it takes days.
func (h *house) apart(f func()) {
	h.Helper()
	for _, r := range h.radios {
		r.die()
	}
	h.pass(2 * supervision)
	h.gatt.every = time.Hour
	f()
	h.gatt.every = sightEvery
	h.pass(time.Hour + sightEvery) // the last long pause
	for _, r := range h.radios {
		r.off = false
	}
}

// agrees waits until all nodes have the IV index and state, and then expects each
// plug to answer.
func (h *house) agrees(limit time.Duration, iv mesh.IVIndex, update bool, tid uint8) {
	h.Helper()
	for end := h.now.Add(limit); ; h.pass(time.Second) {
		behind := 0
		for _, m := range h.members {
			if s := m.State(); s.IVIndex != iv || s.IVUpdate != update {
				behind++
			}
		}
		if behind == 0 {
			break
		}
		if h.now.After(end) {
			for _, m := range h.members {
				s := m.State()
				h.Errorf("%s is at IV index %d, updating %t; want %d, %t", m.name, s.IVIndex, s.IVUpdate, iv, update)
			}
			h.FailNow()
		}
	}
	h.pass(10 * time.Second) // the proxy may have to be connected to again
	for i := range h.plugs {
		h.switchPlug(i, tid%2 == 0, tid+uint8(i))
	}
}

// update takes a node, and those that hear it, through a whole IV Update.
func (h *house) update(m *member) {
	h.Helper()
	h.pass(4*day + time.Minute)
	h.commence(m)
	h.pass(4*day + time.Minute)
}

// commence begins an IV Update.
func (h *house) commence(m *member) {
	h.Helper()
	if err := h.begin(m); err != nil {
		h.Fatal(err)
	}
}

// quickly takes all nodes that follow a node through a whole IV Update without the
// waits of 96 hours.
func (h *house) quickly(m *member, between func()) {
	h.Helper()
	h.testMode(h.members...)
	h.commence(m)
	if between != nil {
		between()
		h.testMode(h.members...)
	}
	h.pass(40 * time.Second)
	if err := h.end(m); err != nil {
		h.Fatal(err)
	}
	h.pass(40 * time.Second)
}

// TestIVUpdateBehindProxies moves the IV index of a network whose nodes the gateway
// reaches over proxies only, in every order of events.
func TestIVUpdateBehindProxies(t *testing.T) {
	for name, move := range map[string]func(h *house){
		"the gateway begins": func(h *house) {
			h.quickly(h.gateway, func() { h.agrees(time.Minute, 1, true, 10) })
		},
		"a node behind the proxy begins": func(h *house) {
			h.quickly(h.plugs[2], func() { h.agrees(time.Minute, 1, true, 10) })
		},
		"the gateway begins, and ends the update after one second": func(h *house) {
			h.testMode(h.members...)
			h.commence(h.gateway)
			h.pass(time.Second)
			if err := h.end(h.gateway); err != nil {
				h.Fatal(err)
			}
		},
		"the gateway alone, while it has no proxy":   func(h *house) { h.apart(func() { h.update(h.gateway) }) },
		"the nodes alone, while they have no client": func(h *house) { h.apart(func() { h.update(h.plugs[2]) }) },
		"the gateway alone, then all restart": func(h *house) {
			h.apart(func() { h.quickly(h.gateway, nil) })
			h.restartAll()
		},
		"the nodes alone, then all restart": func(h *house) {
			h.apart(func() { h.quickly(h.plugs[1], nil) })
			h.restartAll()
		},
		"the gateway alone, then the nodes restart": func(h *house) {
			h.apart(func() { h.quickly(h.gateway, nil) })
			for _, m := range h.plugs {
				h.restart(m)
			}
		},
		"the nodes alone, then the gateway restarts": func(h *house) {
			h.apart(func() { h.quickly(h.plugs[0], nil) })
			h.restart(h.gateway)
		},
		"the gateway alone, then it restarts": func(h *house) {
			h.apart(func() { h.update(h.gateway) })
			h.restart(h.gateway)
		},
		"the gateway begins, and the proxies restart": func(h *house) {
			h.quickly(h.gateway, func() { h.restart(h.plugs[0]); h.restart(h.plugs[1]) })
		},
		"the gateway begins and restarts": func(h *house) {
			h.quickly(h.gateway, func() { h.restart(h.gateway) })
		},
		"half the network is off meanwhile": func(h *house) {
			h.half(1, func() { h.quickly(h.gateway, nil) })
		},
		"the proxy in use is off meanwhile": func(h *house) {
			h.half(0, func() { h.quickly(h.gateway, nil) })
		},
		"the node behind hears nothing meanwhile, and restarts": func(h *house) {
			h.deaf = func(_, _ *member) bool { return true }
			h.quickly(h.gateway, nil)
			h.restart(h.plugs[2])
			h.restart(h.plugs[1])
			h.deafen()
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := behindProxies(t)
			move(h)
			h.agrees(2*time.Minute, 1, false, 20)
			h.unrepeated(h.gateway)
		})
	}
}

// half switches one proxy and the node behind off until f has ended. They start
// again from their stores.
func (h *house) half(proxy int, f func()) {
	h.Helper()
	off := []*member{h.plugs[proxy], h.plugs[2]}
	h.radios[proxy].die()
	all := h.members
	h.members = []*member{h.gateway, h.plugs[1-proxy]}
	f()
	h.members = all
	h.radios[proxy].off = false
	h.air = nil
	for _, m := range off {
		h.restart(m)
	}
}

// TestKeyRefreshBehindProxies refreshes the NetKey of such a network. The nodes miss
// the messages that move the phase, and learn it from beacons.
func TestKeyRefreshBehindProxies(t *testing.T) {
	for name, c := range map[string]struct{ second, third func(h *house) }{
		"connected all the time":                    {},
		"the gateway restarts in phase 2":           {second: func(h *house) { h.restart(h.gateway) }},
		"the proxies restart in phase 2":            {second: func(h *house) { h.restart(h.plugs[0]); h.restart(h.plugs[1]) }},
		"the gateway restarts at the end":           {third: func(h *house) { h.restart(h.gateway) }},
		"all restart at the end":                    {third: func(h *house) { h.restartAll() }},
		"the connection is lost before the end":     {second: (*house).lose, third: (*house).find},
		"lost before the end, the gateway restarts": {second: (*house).lose, third: func(h *house) { h.restart(h.gateway); h.find() }},
		"lost before the end, all restart":          {second: (*house).lose, third: func(h *house) { h.restartAll(); h.find() }},
	} {
		t.Run(name, func(t *testing.T) {
			h := behindProxies(t)
			renewed := crypto.Key{0x42}
			for _, p := range h.peers {
				var status configuration.NetKeyStatus
				h.configure(h.gateway, p, &configuration.NetKeyUpdate{NetKey: renewed}, &status)
				h.success("NetKey Update", status.Status)
			}
			phase := func(p state.Phase, then func(*house)) {
				h.gateway.edit(func(n *state.Node) {
					s := n.Subnet(mesh.PrimaryNetKey)
					switch p {
					case state.FirstPhase:
						s.Phase, s.NewKey = p, renewed
					case state.SecondPhase:
						s.Phase = p
					case state.NormalOperation:
						n.RevokeOldKeys(s)
					}
				})
				h.carryOut(h.gateway)
				if then != nil {
					then(h)
				}
			}
			phase(state.FirstPhase, nil)
			if c.second != nil {
				phase(state.SecondPhase, c.second)
			} else {
				phase(state.SecondPhase, nil)
				h.pass(time.Minute)
			}
			phase(state.NormalOperation, c.third)
			h.run(2*time.Minute, "the end of the refresh everywhere", func() bool {
				for _, m := range h.members {
					if s := m.State().Subnets[0]; s.Phase != state.NormalOperation || s.Key != renewed {
						return false
					}
				}
				return true
			})
			h.pass(20 * time.Second)
			for i := range h.plugs {
				h.switchPlug(i, false, uint8(30+i))
			}
		})
	}
}

func (h *house) restartAll() {
	for _, m := range h.members {
		h.restart(m)
	}
}

// lose takes all proxies out of reach before they hear of anything.
func (h *house) lose() {
	for _, r := range h.radios {
		r.die()
	}
	h.pass(time.Minute)
}

// find brings them back.
func (h *house) find() {
	h.pass(time.Minute)
	for _, r := range h.radios {
		r.off = false
	}
}

// TestClientTellsItsProxyTheIVIndex: the beacon comes before the first configuration
// message. A proxy that is behind could not read that.
func TestClientTellsItsProxyTheIVIndex(t *testing.T) {
	h := newHouse(t, 1, node.ProxyOptions{Client: node.ClientOn})
	var first []proxy.MessageType
	h.pump.gatt.written = func(from *gattRadio, pdu []byte) {
		if from == h.radio && len(first) < 2 {
			first = append(first, proxy.MessageType(pdu[0]&0x3f))
		}
	}
	h.awaitProxy(5 * time.Second)
	if len(first) != 2 || first[0] != proxy.MeshBeacon {
		t.Errorf("the client began with %v", first)
	}
}
