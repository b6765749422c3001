package node_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/beacon"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/bearer"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/network"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/proxy"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/state"
)

// phone is a proxy client without a node; it can write any PDU.
type phone struct {
	*house
	radio  *gattRadio
	id     bearer.LinkID
	sar    proxy.Reassembly
	closed bool
	keys   *network.Credentials
	got    map[proxy.MessageType][][]byte
}

const phoneAddress mesh.Address = 0x0700

func (h *house) phone() *phone {
	f := &phone{
		house: h, id: 1, got: map[proxy.MessageType][][]byte{},
		keys: network.Flooding(h.gateway.State().Subnets[0].Key),
	}
	f.radio = h.pump.gatt.stranger(-50, func(e *bearer.LinkEvent) {
		switch e.Kind {
		case bearer.LinkClosed:
			f.closed = true
		case bearer.LinkData:
			if kind, message, complete := f.sar.Receive(h.now, e.PDU); complete {
				f.got[kind] = append(f.got[kind], append([]byte(nil), message...))
			}
		case bearer.LinkOpened:
		}
	})
	return f
}

// connect connects to a plug.
func (f *phone) connect(to int) {
	f.Helper()
	f.radio.Connect(f.id, 0, f.radios[to].peer, bearer.ProxyService)
	f.pass(time.Second)
}

func (f *phone) write(kind proxy.MessageType, message []byte) {
	f.Helper()
	for _, pdu := range proxy.Split(nil, kind, message, proxy.MinPDU) {
		if err := f.radio.Write(f.id, pdu); err != nil {
			f.Fatal(err)
		}
	}
	f.pass(200 * time.Millisecond)
}

// configure sends a configuration message and returns the answer, nil for none.
func (f *phone) configure(m proxy.Message) proxy.Message {
	f.Helper()
	f.phoneSeq++
	pdu, err := f.keys.SealProxy(nil, &network.PDU{Seq: f.phoneSeq, Src: phoneAddress, Transport: m.Append(nil)})
	if err != nil {
		f.Fatal(err)
	}
	before := len(f.got[proxy.Configuration])
	f.write(proxy.Configuration, pdu)
	all := f.got[proxy.Configuration]
	if len(all) == before {
		return nil
	}
	r := network.NewReceiver(network.Config{})
	r.AddSubnet(0, f.keys)
	var p network.PDU
	if !r.OpenProxy(all[len(all)-1], &p) {
		f.Fatal("the answer is not authentic")
	}
	answer, err := proxy.ParseMessage(p.Transport)
	if err != nil {
		f.Fatal(err)
	}
	return answer
}

func TestServerFiltersForItsClient(t *testing.T) {
	h := newHouse(t, 2, node.ProxyOptions{})
	f := h.phone()
	f.connect(0)
	if n := len(f.got[proxy.MeshBeacon]); n != 1 || beacon.Type(f.got[proxy.MeshBeacon][0][0]) != beacon.TypeSecure {
		t.Fatalf("%d beacons were received at the start", n)
	}
	// An empty accept list: no message is forwarded.
	h.switchPlug(1, true, 1)
	if n := len(f.got[proxy.NetworkPDU]); n != 0 {
		t.Errorf("%d PDUs passed an empty accept list", n)
	}
	for _, step := range []struct {
		send proxy.Message
		want proxy.Message
	}{
		{proxy.AddAddresses{Addresses: []mesh.Address{0xC001, 0xC002, 0xC001}}, proxy.FilterStatus{Type: proxy.AcceptList, Size: 2}},
		{proxy.RemoveAddresses{Addresses: []mesh.Address{0xC001, 0xC009}}, proxy.FilterStatus{Type: proxy.AcceptList, Size: 1}},
		{proxy.SetFilterType{Type: proxy.RejectList}, proxy.FilterStatus{Type: proxy.RejectList}},
		{proxy.AddAddresses{Addresses: []mesh.Address{gatewayAddress}}, proxy.FilterStatus{Type: proxy.RejectList, Size: 1}},
		{proxy.DirectedProxyControl{}, nil},
		{proxy.FilterStatus{}, nil},
	} {
		if got := f.configure(step.send); got != step.want {
			t.Errorf("%#v: %#v, want %#v", step.send, got, step.want)
		}
	}
	// A reject list: every message except those to the gateway.
	h.switchPlug(1, false, 2)
	h.pass(time.Second)
	r := network.NewReceiver(network.Config{})
	r.AddSubnet(0, f.keys)
	var p network.PDU
	for _, pdu := range f.got[proxy.NetworkPDU] {
		if r.Open(pdu, &p); p.Dst == gatewayAddress {
			t.Error("a rejected message to the gateway was forwarded")
		}
	}
	if len(f.got[proxy.NetworkPDU]) == 0 {
		t.Error("no message passed the reject list")
	}
}

// A proxy forwards messages between its clients and the advertising bearer even
// if Relay is off. It does not send a message from the air back to the air.
func TestProxyServerWithoutRelay(t *testing.T) {
	h := newHouse(t, 1, node.ProxyOptions{})
	h.change(h.plugs[0], func(n *state.Node) { n.Relay = state.Disabled })
	f := h.phone()
	f.connect(0)
	f.configure(proxy.SetFilterType{Type: proxy.RejectList})
	advertised := 0
	h.tap = func(to *member, in bearer.Incoming) {
		if to == h.gateway && in.Kind == bearer.Message {
			advertised++
		}
	}
	message := func(seq mesh.SequenceNumber) []byte {
		t.Helper()
		pdu, err := f.keys.Seal(nil, &network.PDU{TTL: 5, Seq: seq, Src: 0x0300, Dst: 0xC123, Transport: make([]byte, 10)})
		if err != nil {
			t.Fatal(err)
		}
		return pdu
	}
	f.got[proxy.NetworkPDU] = nil
	in := bearer.Incoming{Kind: bearer.Message}
	in.Len = uint8(copy(in.Data[:], message(1)))
	h.plugs[0].Receive(h.now, &in)
	h.carryOut(h.plugs[0])
	h.pass(time.Second)
	if n := len(f.got[proxy.NetworkPDU]); n != 1 || advertised != 0 {
		t.Errorf("a message on the air was forwarded to the client %d times and advertised %d times", n, advertised)
	}
	f.write(proxy.NetworkPDU, message(2))
	h.pass(time.Second)
	if advertised != 1 {
		t.Errorf("a message of the client was advertised %d times", advertised)
	}
}

func TestServerLearnsItsClientsAddresses(t *testing.T) {
	h := newHouse(t, 2, node.ProxyOptions{})
	f := h.phone()
	f.connect(0)
	f.phoneSeq++
	pdu, err := f.keys.Seal(nil, &network.PDU{TTL: 5, Seq: f.phoneSeq, Src: phoneAddress, Dst: 0xC123, Transport: make([]byte, 10)})
	if err != nil {
		t.Fatal(err)
	}
	relayed := h.plugs[0].Counters().Relayed
	f.write(proxy.NetworkPDU, pdu)
	if got := h.plugs[0].Counters().Relayed; got != relayed+1 {
		t.Errorf("the proxy forwarded %d messages of its client", got-relayed)
	}
	if got, want := f.configure(proxy.AddAddresses{Addresses: []mesh.Address{0xC001}}), (proxy.FilterStatus{Size: 2}); got != want {
		t.Errorf("%+v, want the source of the message and the group in the list", got)
	}
}

// TestProxyServerDecrementsTTL: a message with TTL 1 or 0 is not forwarded; any
// other is forwarded with its TTL reduced by one.
func TestProxyServerDecrementsTTL(t *testing.T) {
	h := newHouse(t, 1, node.ProxyOptions{})
	f := h.phone()
	f.connect(0)
	f.configure(proxy.SetFilterType{Type: proxy.RejectList})
	r := network.NewReceiver(network.Config{})
	r.AddSubnet(0, f.keys)
	for i, ttl := range []mesh.TTL{0, 1, 2, 127} {
		pdu, err := f.keys.Seal(nil, &network.PDU{TTL: ttl, Seq: mesh.SequenceNumber(i), Src: 0x0300, Dst: 0xC123, Transport: make([]byte, 10)})
		if err != nil {
			t.Fatal(err)
		}
		f.got[proxy.NetworkPDU] = nil
		in := bearer.Incoming{Kind: bearer.Message, Len: uint8(len(pdu))}
		copy(in.Data[:], pdu)
		h.plugs[0].Receive(h.now, &in)
		h.carryOut(h.plugs[0])
		h.pass(time.Second)
		all := f.got[proxy.NetworkPDU]
		if passes := ttl >= 2; passes != (len(all) == 1) {
			t.Errorf("TTL %d: %d messages were received", ttl, len(all))
			continue
		}
		var p network.PDU
		if len(all) == 1 && (r.Open(all[0], &p) != network.Fresh || p.TTL != ttl-1) {
			t.Errorf("TTL %d was forwarded as %d", ttl, p.TTL)
		}
	}
}

func TestProxyServerSendsBeacons(t *testing.T) {
	h := newHouse(t, 1, node.ProxyOptions{})
	f := h.phone()
	f.connect(0)
	h.plugs[0].edit(func(n *state.Node) { n.IVIndex++ })
	h.carryOut(h.plugs[0])
	h.pass(200 * time.Millisecond)
	all := f.got[proxy.MeshBeacon]
	if len(all) != 2 {
		t.Fatalf("%d beacons, want one at the start and one for the change", len(all))
	}
	keys := beacon.NewKeys(h.gateway.State().Subnets[0].Key)
	if said, err := keys.OpenSecure(all[1]); err != nil || said.IVIndex != 1 {
		t.Errorf("%+v, %v", said, err)
	}
}

func TestProxyServerConnectionLimit(t *testing.T) {
	h := newHouse(t, 1, node.ProxyOptions{}) // a plug accepts two connections
	for i := range 2 {
		if len(h.radios[0].advertisements) != 1 {
			t.Fatalf("with %d clients the proxy sends no connectable advertisements", i)
		}
		f := h.phone()
		f.connect(0)
		f.configure(proxy.SetFilterType{})
	}
	if len(h.radios[0].advertisements) != 0 {
		t.Error("a full proxy sends connectable advertisements")
	}
	h.pass(2 * time.Minute)
	if len(h.radios[0].advertisements) != 0 {
		t.Error("clients with the key were disconnected")
	}
}

// TestMuteClientsLetAPhoneIn: six strangers connect again and again and say nothing. A
// phone with the key gets in soon, and stays.
func TestMuteClientsLetAPhoneIn(t *testing.T) {
	for name, rotate := range map[string]bool{"fixed device addresses": false, "changing device addresses": true} {
		t.Run(name, func(t *testing.T) { muteClientsLetAPhoneIn(t, rotate) })
	}
}

func muteClientsLetAPhoneIn(t *testing.T, rotate bool) {
	h := newHouse(t, 1, node.ProxyOptions{})
	for range 6 {
		s := h.phone()
		heard := s.radio.heard
		s.radio.heard = func(e *bearer.LinkEvent) {
			heard(e)
			if e.Kind == bearer.LinkClosed {
				s.id++
				if rotate {
					s.radio.peer.Address[1]++
				}
				s.radio.Connect(s.id, 0, h.radios[0].peer, bearer.ProxyService)
			}
		}
		s.radio.Connect(s.id, 0, h.radios[0].peer, bearer.ProxyService)
	}
	h.pass(10 * time.Second)
	f := h.phone()
	began := h.now
	for {
		f.connect(0)
		if !f.closed && f.configure(proxy.SetFilterType{}) != nil {
			break
		}
		if h.now.Sub(began) > 30*time.Second {
			t.Fatalf("the phone does not get in: %+v", h.plugs[0].Counters().GATT)
		}
		f.radio.Disconnect(f.id)
		h.pass(100 * time.Millisecond)
		f.id++
		f.closed = false
	}
	t.Logf("the phone was in after %s and %d attempts", h.now.Sub(began), f.id)
	h.pass(2 * time.Minute)
	if f.closed {
		t.Error("the phone was disconnected")
	}
	if n := h.plugs[0].Counters().GATT; n.ClientEvicted == 0 {
		t.Errorf("no evicted stranger was counted: %+v", n)
	}
}

// TestReassemblyIsCounted: everything that is refused in reassembly has a counter.
func TestReassemblyIsCounted(t *testing.T) {
	h := newHouse(t, 1, node.ProxyOptions{})
	f := h.phone()
	f.connect(0)
	f.configure(proxy.SetFilterType{})
	for _, pdu := range [][]byte{
		{0x00},           // no message
		{0x04, 1, 2},     // a reserved type
		{0x80, 1, 2},     // a continuation of nothing
		{0xC1, 1, 2},     // the end of nothing
		{0x40, 1, 2},     // a first segment
		{0x81, 1, 2},     // continued as another type
		{0x40, 1, 2},     // and interrupted
		make([]byte, 31), // too long
	} {
		h.pass(50 * time.Millisecond)
		f.radio.inject(t, pdu)
	}
	f.radio.inject(t, []byte{0x40, 1, 2}) // its end never comes
	want := proxy.ReassemblyCounters{Empty: 1, Reserved: 1, Unexpected: 3, Unfinished: 2, TooLong: 1}
	for range 2 { // also when the connection has ended
		if got := h.plugs[0].Counters().GATT; got.Reassembly != want {
			t.Errorf("counted %+v, want %+v", got.Reassembly, want)
		}
		h.pass(proxy.SARTimeout + time.Second)
	}
	if n := h.plugs[0].Counters().GATT; n.Incomplete != 1 || n.Cut != 1 {
		t.Errorf("counted %+v", n)
	}
}

// TestReplayedConfiguration: a configuration message of one client is not
// accepted from another.
func TestReplayedConfiguration(t *testing.T) {
	h := newHouse(t, 1, node.ProxyOptions{})
	var said []byte
	h.pump.gatt.written = func(_ *gattRadio, pdu []byte) {
		if said == nil && pdu[0] == byte(proxy.Configuration) {
			said = append(said, pdu...)
		}
	}
	f, g := h.phone(), h.phone()
	f.connect(0)
	f.configure(proxy.SetFilterType{Type: proxy.RejectList})
	g.connect(0)
	if err := g.radio.Write(g.id, said); err != nil {
		t.Fatal(err)
	}
	h.pass(time.Second)
	if n := len(g.got[proxy.Configuration]); n != 0 || h.plugs[0].Counters().GATT.Replayed != 1 {
		t.Errorf("%d answers to a replay, counted %+v", n, h.plugs[0].Counters().GATT)
	}
}

func TestSolicitation(t *testing.T) {
	h := newHouse(t, 1, node.ProxyOptions{})
	m, radio := h.plugs[0], h.radios[0]
	m.edit(func(n *state.Node) { n.Proxy, n.OnDemandProxy = state.Disabled, 20 })
	h.carryOut(m)
	if len(radio.advertisements) != 0 {
		t.Fatal("an on-demand proxy advertises without a solicitation")
	}
	solicit := func(seq mesh.SequenceNumber) {
		pdu, err := network.Flooding(m.State().Subnets[0].Key).SealSolicitation(nil, seq, phoneAddress)
		if err != nil {
			t.Fatal(err)
		}
		s := bearer.Sighting{Service: bearer.SolicitationService}
		s.Len = uint8(copy(s.Data[:], proxy.SolicitationData(pdu)))
		radio.sees(&s)
	}
	solicit(7)
	if len(radio.advertisements) != 1 || proxy.Identification(radio.advertisements[0].Data[0]) != proxy.PrivateNetworkIdentity {
		t.Fatalf("after a solicitation it advertises %v", radio.advertisements)
	}
	h.pass(21 * time.Second)
	if len(radio.advertisements) != 0 {
		t.Error("it still advertises after the duration")
	}
	h.restart(m) // the list is stored
	solicit(7)
	if len(radio.advertisements) != 0 {
		t.Error("a replayed solicitation was accepted")
	}
	solicit(8)
	f := h.phone()
	f.connect(0)
	if n := len(f.got[proxy.MeshBeacon]); n != 1 || beacon.Type(f.got[proxy.MeshBeacon][0][0]) != beacon.TypePrivate {
		t.Errorf("%d beacons, want a private one", n)
	}
	if f.configure(proxy.SetFilterType{Type: proxy.RejectList}) == nil {
		t.Error("the client gets no messages")
	}
}

// TestHostileClient: whatever a client without a key writes, the proxy closes
// the connection and keeps no data of it.
func TestHostileClient(t *testing.T) {
	flood := func(pdu func(i int) []byte) func(*phone) {
		return func(f *phone) {
			for i := range 40 {
				_ = f.radio.Write(f.id, pdu(i)) // it can be closed already
				f.pass(20 * time.Millisecond)
			}
		}
	}
	for name, attack := range map[string]func(*phone){
		"segments without end": flood(func(i int) []byte {
			sar := byte(0x80)
			if i == 0 {
				sar = 0x40
			}
			return append([]byte{sar | byte(proxy.NetworkPDU)}, make([]byte, 19)...)
		}),
		"first segments only": flood(func(int) []byte { return append([]byte{0x40}, make([]byte, 19)...) }),
		"reserved types":      flood(func(i int) []byte { return []byte{byte(4 + i), 1, 2} }),
		"provisioning PDUs":   flood(func(int) []byte { return []byte{3, 0, 5} }),
		"unprovisioned device beacons": flood(func(int) []byte {
			return append([]byte{byte(proxy.MeshBeacon)}, make([]byte, 19)...)
		}),
		"forged configuration": flood(func(i int) []byte {
			return append([]byte{byte(proxy.Configuration), byte(i)}, make([]byte, 18)...)
		}),
		"a segment and silence": func(f *phone) {
			_ = f.radio.Write(f.id, []byte{0x40, 1, 2, 3})
			f.pass(proxy.SARTimeout + time.Second)
		},
		"nothing at all": func(f *phone) { f.pass(21 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, 1, node.ProxyOptions{})
			f := h.phone()
			f.connect(0)
			attack(f)
			h.pass(time.Second)
			if !f.closed {
				t.Errorf("the connection is still open: %+v", h.plugs[0].Counters().GATT)
			}
			// The next client is served.
			g := h.phone()
			g.connect(0)
			if got := g.configure(proxy.SetFilterType{}); got != (proxy.FilterStatus{}) {
				t.Errorf("the next client got %#v", got)
			}
		})
	}
}

// TestFloodOfSightings: forged devices and proxies do not make the heap grow,
// and the real ones stay known.
func TestFloodOfSightings(t *testing.T) {
	h := newHouse(t, 1, node.ProxyOptions{Client: node.ClientOff})
	h.gateway.options.Proxy.Client = node.ClientOn
	h.restart(h.gateway)
	id := h.radios[0].advertisements[0].Data
	forge := func(from int) {
		for i := range 2000 {
			s := bearer.Sighting{Service: bearer.ProvisioningService, Connectable: true, RSSI: -30}
			s.From.Address = [6]byte{1, byte((from + i) >> 16), byte((from + i) >> 8), byte(from + i)}
			var uuid mesh.UUID
			copy(uuid[:], s.From.Address[:])
			s.Len = uint8(copy(s.Data[:], proxy.DeviceServiceData(uuid, 0)))
			h.gateway.ReceiveSighting(h.now, &s)
			s.Service = bearer.ProxyService
			s.Len = uint8(copy(s.Data[:], id))
			h.gateway.ReceiveSighting(h.now, &s)
			h.gateway.Take()
			if i%100 == 0 {
				h.now = h.now.Add(100 * time.Millisecond)
				h.gateway.Tick(h.now)
				h.gateway.Take()
			}
		}
	}
	forge(0)
	before := heapInUse()
	for i := range 10 {
		forge(2000 * (i + 1))
	}
	if after := heapInUse(); after > before+64<<10 {
		t.Errorf("the heap grew from %d to %d octets", before, after)
	}
}

func heapInUse() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// TestFloodOfConnections: connections that begin and end, each with an
// unfinished message, do not make the heap grow.
func TestFloodOfConnections(t *testing.T) {
	h := newHouse(t, 1, node.ProxyOptions{})
	m := h.plugs[0]
	round := func(from int) {
		for i := range 1000 {
			id := bearer.FirstIncoming + bearer.LinkID(from+i)
			m.ReceiveLink(h.now, &bearer.LinkEvent{ID: id, Kind: bearer.LinkOpened, Service: bearer.ProxyService, MaxPDU: 20})
			m.ReceiveLink(h.now, &bearer.LinkEvent{ID: id, Kind: bearer.LinkData, PDU: []byte{0x43, 1, 2, 3}})
			m.Take()
			m.ReceiveLink(h.now, &bearer.LinkEvent{ID: id, Kind: bearer.LinkClosed})
			m.Take()
		}
	}
	round(1000)
	before := heapInUse()
	for i := range 20 {
		round(2000 + 1000*i)
	}
	if after := heapInUse(); after > before+64<<10 {
		t.Errorf("the heap grew from %d to %d octets", before, after)
	}
}
