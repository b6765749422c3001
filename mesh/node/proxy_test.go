package node_test

import (
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/foundation/configuration"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/generic"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"
)

// house is a gateway and plugs with the Proxy feature, provisioned and
// configured over the advertising bearer.
type house struct {
	*pump
	gateway *member
	radio   *gattRadio // of the gateway
	plugs   []*member
	radios  []*gattRadio // of the plugs; the first is the nearest
	peers   []state.Peer

	phoneSeq mesh.SequenceNumber // used by phones
}

func newHouse(t *testing.T, plugs int, o node.ProxyOptions) *house {
	t.Helper()
	p := newPump(t)
	air := p.connections()
	h := &house{pump: p, gateway: p.addGateway()}
	h.gateway.options.Proxy = o
	for i := range plugs {
		name := "plug" + string(rune('a'+i))
		m, uuid := p.addDevice(name, node.DeviceOptions{}, plug)
		m.options.Proxy.Clients = 2
		h.plugs = append(h.plugs, m)
		h.peers = append(h.peers, p.provision(h.gateway, uuid, provision.Auth{}))
		p.setUp(h.gateway, h.peers[i], generic.OnOffServerID)
	}
	h.radio = air.join(h.gateway, -50)
	for i, m := range h.plugs {
		m.edit(func(n *state.Node) { n.Proxy = state.Enabled })
		p.carryOut(m)
		h.radios = append(h.radios, air.join(m, int8(-50-10*i)))
	}
	// With the proxy client on and the plugs advertising.
	p.restart(h.gateway)
	for _, m := range h.plugs {
		p.restart(m)
	}
	return h
}

// deafen cuts the gateway off from all advertising, in both directions.
func (h *house) deafen() {
	h.air = nil
	h.deaf = func(from, to *member) bool { return from == h.gateway || to == h.gateway }
}

// switchPlug switches a plug over any available bearer.
func (h *house) switchPlug(i int, on bool, tid uint8) {
	h.Helper()
	h.pass(500 * time.Millisecond) // earlier publications are not the answer
	var status generic.OnOffStatus
	h.control(h.gateway, h.peers[i].Address, &generic.OnOffSet{OnOff: on, TID: tid}, &status)
	if status.PresentOnOff != on {
		h.Errorf("plug %d answers %+v", i, status)
	}
}

func (h *house) awaitProxy(limit time.Duration) node.ProxyConnected {
	h.Helper()
	return await[node.ProxyConnected](h.pump, h.gateway, limit, nil)
}

func TestOnlyOverAProxy(t *testing.T) {
	h := newHouse(t, 2, node.ProxyOptions{Client: node.ClientOn})
	h.deafen()
	if got := h.awaitProxy(5 * time.Second); got.Peer != h.radios[0].peer {
		t.Errorf("the gateway connected to %v, %v is nearer", got.Peer, h.radios[0].peer)
	}
	h.switchPlug(0, true, 1)  // the proxy itself
	h.switchPlug(1, true, 2)  // a node behind it
	h.switchPlug(1, false, 3) // its status comes back the same way

	// Unsolicited publications are received, too.
	h.gateway.events = nil
	h.plugs[1].WithModel(h.now, 0, generic.OnOffServerID, func(ctx access.Context) {
		ctx.Publish(&generic.OnOffStatus{PresentOnOff: true})
	})
	h.carryOut(h.plugs[1])
	var status generic.OnOffStatus
	h.hear(h.gateway, time.Second, h.peers[1].Address, &status)
	h.unrepeated(h.gateway)
}

// TestSegmentedAnswersOverAProxy: segment acknowledgments go back over the
// connection of the segments.
func TestSegmentedAnswersOverAProxy(t *testing.T) {
	h := newHouse(t, 2, node.ProxyOptions{Client: node.ClientOn})
	h.deafen()
	h.awaitProxy(5 * time.Second)
	for range 5 {
		for _, peer := range h.peers {
			var data configuration.CompositionDataStatus
			d := h.ask(h.gateway, node.Request{Dst: peer.Address, Key: transport.Key{Device: peer.Address}}, &configuration.CompositionDataGet{}, &data)
			if d.Response.Attempts != 1 {
				t.Errorf("%s answered the attempt number %d", peer.Address, d.Response.Attempts)
			}
		}
	}
	for i, m := range h.plugs {
		if n := m.Counters().Transport; n.AcksReceived == 0 || n.SegmentsResent > 0 {
			t.Errorf("plug %d: %d acknowledgments, %d segments sent again", i, n.AcksReceived, n.SegmentsResent)
		}
	}
}

// TestProxyClientDoesNotRelay: a proxy client does not relay PDUs from its
// connection.
func TestProxyClientDoesNotRelay(t *testing.T) {
	h := newHouse(t, 2, node.ProxyOptions{Client: node.ClientOn})
	h.deafen()
	h.awaitProxy(5 * time.Second)
	relayed := h.gateway.Counters().Relayed
	// The two plugs exchange messages; the gateway, a relay, receives them all.
	for range 5 {
		h.plugs[1].WithModel(h.now, 0, generic.OnOffServerID, func(ctx access.Context) {
			ctx.Publish(&generic.OnOffStatus{})
		})
		h.carryOut(h.plugs[1])
		h.pass(time.Second)
	}
	h.switchPlug(1, true, 1)
	if got := h.gateway.Counters(); got.Relayed != relayed || got.GATT.Received == 0 {
		t.Errorf("%d PDUs were relayed, %d were received over connections", got.Relayed-relayed, got.GATT.Received)
	}
}

func TestLostProxyIsReplacedIn5Seconds(t *testing.T) {
	h := newHouse(t, 3, node.ProxyOptions{Client: node.ClientOn})
	h.deafen()
	h.awaitProxy(5 * time.Second)
	h.switchPlug(2, true, 1)
	for i := range 2 {
		h.radios[i].die()
		await[node.ProxyLost](h.pump, h.gateway, 2*supervision, nil)
		lost := h.now
		if got := h.awaitProxy(5 * time.Second); got.Peer != h.radios[i+1].peer {
			t.Errorf("the gateway connected to %v, expected %v", got.Peer, h.radios[i+1].peer)
		}
		h.switchPlug(2, i == 1, uint8(i+2))
		if took := h.now.Sub(lost); took > 5*time.Second {
			t.Errorf("the next proxy served after %s", took)
		}
	}
	if n := h.gateway.Counters().GATT.Client; n.Lost != 2 || n.Failures != 0 {
		t.Errorf("counted %+v", n)
	}
}

// TestSilentProxyIsReplaced: the connection stays open, but the proxy sends
// nothing.
func TestSilentProxyIsReplaced(t *testing.T) {
	h := newHouse(t, 2, node.ProxyOptions{Client: node.ClientOn})
	h.deafen()
	h.awaitProxy(5 * time.Second)
	h.switchPlug(1, true, 1)
	h.radios[0].frozen = true
	frozen := h.now
	if got := h.awaitProxy(time.Minute); got.Peer != h.radios[1].peer {
		t.Errorf("the gateway connected to %v", got.Peer)
	}
	if took := h.now.Sub(frozen); took > 40*time.Second {
		t.Errorf("the gateway noticed it after %s", took)
	}
	h.switchPlug(1, false, 2)
}

func TestDuplicatesOfTwoBearersAreDropped(t *testing.T) {
	h := newHouse(t, 2, node.ProxyOptions{Client: node.ClientOn, Connections: 2})
	h.awaitProxy(5 * time.Second)
	h.awaitProxy(10 * time.Second)
	h.pass(2 * time.Second)
	before := h.gateway.Counters().Network.Duplicate
	for i := range uint8(10) {
		h.gateway.events = nil
		h.switchPlug(1, i%2 == 0, i+1)
		h.pass(2 * time.Second)
		statuses := 0
		for _, e := range h.gateway.events {
			if m, ok := e.(node.MessageReceived); ok && m.Src == h.peers[1].Address && m.Opcode == generic.OpOnOffStatus {
				statuses++
			}
		}
		// The answer was consumed already; the publication is the other one.
		if statuses > 1 {
			t.Errorf("round %d: %d statuses besides the answer", i, statuses)
		}
	}
	if got := h.gateway.Counters().Network.Duplicate - before; got == 0 {
		t.Error("there were no duplicates although both bearers were used")
	}
	if n := h.plugs[0].Counters().Network; n.Duplicate == 0 {
		t.Errorf("the proxy counted no duplicates: %+v", n)
	}
	h.unrepeated(h.gateway)
}

func TestAutoUsesAProxyWithoutAdvertising(t *testing.T) {
	h := newHouse(t, 1, node.ProxyOptions{Client: node.ClientAuto})
	for range 12 { // two minutes of beacons from the plug
		h.pass(10 * time.Second)
		h.switchPlug(0, true, 1)
	}
	if n := h.gateway.Counters().GATT.Client.Connects; n != 0 {
		t.Fatalf("%d connections were made although the network is heard by advertising", n)
	}
	h.deafen()
	h.awaitProxy(40 * time.Second)
	h.switchPlug(0, false, 2)
}

func TestGATTProxyStateOverTheAir(t *testing.T) {
	h := newHouse(t, 2, node.ProxyOptions{Client: node.ClientOn})
	h.awaitProxy(5 * time.Second)
	var status configuration.GATTProxyStatus
	h.configure(h.gateway, h.peers[0], &configuration.GATTProxySet{GATTProxy: state.Disabled}, &status)
	if status.GATTProxy != state.Disabled {
		t.Fatalf("%+v", status)
	}
	await[node.ProxyLost](h.pump, h.gateway, time.Second, nil)
	if len(h.radios[0].advertisements) != 0 {
		t.Error("a node without the Proxy feature sends connectable advertisements")
	}
	if got := h.awaitProxy(5 * time.Second); got.Peer != h.radios[1].peer {
		t.Errorf("the gateway connected to %v", got.Peer)
	}
}

func TestNodeIdentityLastsAMinute(t *testing.T) {
	h := newHouse(t, 1, node.ProxyOptions{Client: node.ClientOn})
	h.awaitProxy(5 * time.Second)
	h.radios[0].rssi = -40
	var status configuration.NodeIdentityStatus
	h.configure(h.gateway, h.peers[0], &configuration.NodeIdentitySet{Identity: state.Enabled}, &status)
	if status.Status != foundation.Success || status.Identity != state.Enabled {
		t.Fatalf("%+v", status)
	}
	if n := len(h.radios[0].advertisements); n != 2 {
		t.Fatalf("%d connectable advertisements, want Network ID and Node Identity", n)
	}
	h.pass(59 * time.Second)
	if n := len(h.radios[0].advertisements); n != 2 {
		t.Errorf("after 59 s: %d connectable advertisements", n)
	}
	h.pass(2 * time.Second)
	if n := len(h.radios[0].advertisements); n != 1 {
		t.Errorf("after 61 s: %d connectable advertisements", n)
	}
	h.configure(h.gateway, h.peers[0], &configuration.NodeIdentityGet{}, &status)
	if status.Identity != state.Disabled {
		t.Errorf("%+v", status)
	}
	h.configure(h.gateway, h.peers[0], &configuration.NodeIdentitySet{NetKeyIndex: 5, Identity: state.Enabled}, &status)
	if status.Status != foundation.InvalidNetKeyIndex {
		t.Errorf("%+v", status)
	}
}

// TestProxyIsFoundByNodeIdentity: the proxy advertises with Node Identity only.
func TestProxyIsFoundByNodeIdentity(t *testing.T) {
	for _, private := range []bool{false, true} {
		h := newHouse(t, 1, node.ProxyOptions{Client: node.ClientOn})
		h.plugs[0].edit(func(n *state.Node) { n.Proxy = state.Disabled })
		h.carryOut(h.plugs[0])
		h.pass(time.Minute)
		if private {
			h.plugs[0].SetPrivateNodeIdentity(h.now, mesh.PrimaryNetKey, true)
		} else {
			h.plugs[0].SetNodeIdentity(h.now, mesh.PrimaryNetKey, true)
			h.plugs[0].SetPrivateNodeIdentity(h.now, mesh.PrimaryNetKey, true)
		}
		for kind, got := range map[bool]state.Feature{
			false: h.plugs[0].NodeIdentity(mesh.PrimaryNetKey), true: h.plugs[0].PrivateNodeIdentity(mesh.PrimaryNetKey),
		} {
			if want := kind == private; (got == state.Enabled) != want {
				t.Errorf("private %t: the state of the private form, %t, is %v", private, kind, got)
			}
		}
		h.carryOut(h.plugs[0])
		h.deafen()
		if got := h.awaitProxy(20 * time.Second); got.Node != h.peers[0].Address {
			t.Errorf("private %t: found %+v", private, got)
		}
		h.switchPlug(0, true, 1)
	}
}

func TestPrivateProxy(t *testing.T) {
	h := newHouse(t, 2, node.ProxyOptions{Client: node.ClientOn})
	for _, m := range h.plugs {
		m.edit(func(n *state.Node) { n.Proxy, n.PrivateProxy = state.Disabled, state.Enabled })
		h.carryOut(m)
	}
	h.pass(time.Minute)
	h.deafen()
	h.gateway.events = nil
	h.radios[0].die()
	h.radios[1].die()
	h.radios[0].off = false
	h.awaitProxy(time.Minute)
	h.switchPlug(0, true, 1)
	h.switchPlug(1, true, 2)
	first := h.radios[0].advertisements
	if len(first) != 1 || first[0].Data[0] != 2 {
		t.Fatalf("advertises %v", first)
	}
	h.pass(11 * time.Minute)
	if second := h.radios[0].advertisements; len(second) != 1 || string(second[0].Data) == string(first[0].Data) {
		t.Errorf("after 11 minutes: advertises %v, then %v", first, second)
	}
	if !first[0].Private {
		t.Error("private advertising does not use a private address")
	}
}
